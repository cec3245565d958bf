/* What the library does to the process it lives in. Loads it with dlopen, so that the process is seen without it too.
 */
#include "harness.h"
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOAD(name) (*(void**)& p_##name = dlsym(library, #name))
static void* library;
static int32_t (*p_lur_session_options_init)(lur_session_options*, size_t);
static int32_t (*p_lur_open)(const lur_session_options*, lur_session**);
static int32_t (*p_lur_close)(lur_session*);
static int32_t (*p_lur_wait)(lur_session*);
static int32_t (*p_lur_step_create)(lur_session*, const lur_step_options*, const lur_vector*, lur_step**);
static int32_t (*p_lur_step_destroy)(lur_step*);
static size_t (*p_lur_error_text)(char*, size_t);
static size_t (*p_lur_doctor)(char*, size_t);
size_t lur_error_text(char* buffer, size_t capacity) {
    buffer[0] = 0; /* it is not loaded where only children use it */
    return p_lur_error_text ? p_lur_error_text(buffer, capacity) : 0;
}

static void load(void) {
    library = dlopen(getenv("LUR_TEST_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    LOAD(lur_session_options_init);
    LOAD(lur_open);
    LOAD(lur_close);
    LOAD(lur_wait);
    LOAD(lur_step_create);
    LOAD(lur_step_destroy);
    LOAD(lur_error_text);
    LOAD(lur_doctor);
}

static lur_session* open_session(void) {
    lur_session_options o;
    lur_session* s = NULL;
    OK(p_lur_session_options_init(&o, sizeof o));
    o.device_kind = LUR_DEVICE_HOST;
    OK(p_lur_open(&o, &s));
    return s;
}

/* ---- signals --------------------------------------------------------------------------------------------------------
 */

static volatile sig_atomic_t faults;
static sigjmp_buf back;
static void on_fault(int number) {
    (void)number;
    faults++;
    siglongjmp(back, 1);
}
static void on_pipe(int number) { (void)number; }

static void signals(void) {
    static char stack[1 << 16];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack}, seen;
    struct sigaction before[65], after;
    signal(SIGPIPE, on_pipe);
    signal(SIGSEGV, on_fault);
    CHECK(sigaltstack(&alternate, NULL) == 0);
    for (int s = 1; s <= 64; s++) sigaction(s, NULL, &before[s]);
    load();
    lur_session* session = open_session();
    const lur_vector shape = {sizeof shape, 0, 0, 100, NULL};
    lur_step* step;
    OK(p_lur_step_create(session, NULL, &shape, &step));
    for (int s = 1; s <= 64; s++) {
        if (sigaction(s, NULL, &after)) continue; /* 32 and 33 are the C library's */
        /* Faults, that of the CPU driver too, and the signal by which the runtime suspends its threads. */
        const int ours = s == SIGSEGV || s == SIGFPE || s == SIGBUS || s == SIGRTMIN;
        char what[64];
        snprintf(what, sizeof what, "the disposition of signal %d has changed", s);
        check_that(ours || after.sa_handler == before[s].sa_handler, what, __LINE__);
    }
    CHECK(sigaltstack(NULL, &seen) == 0 && seen.ss_sp == stack && seen.ss_size == sizeof stack);
    /* A fault of the program's own reaches the program's handler. */
    if (!sigsetjmp(back, 1)) *(volatile int*)16 = 1;
    CHECK(faults == 1);
    OK(p_lur_wait(session));
    OK(p_lur_close(session));
}

static volatile sig_atomic_t sent, sent_by_us;
static void on_sent(int number, siginfo_t* info, void* context) {
    (void)number, (void)context;
    sent++;
    sent_by_us = info->si_code <= 0 && info->si_pid == getpid();
}

enum before { DEFAULT, HANDLED, IGNORED };

/* What becomes of a child in which the library works, when a signal is sent to it, or it makes a fault (how 'f'). */
static int end_of(int number, char how, enum before before) {
    const pid_t child = fork();
    if (child == 0) {
        failures = 0;
        struct sigaction a = {.sa_flags = 0};
        if (before == IGNORED) a.sa_handler = SIG_IGN;
        if (before == HANDLED) a.sa_sigaction = on_sent, a.sa_flags = SA_SIGINFO;
        sigaction(number, &a, NULL); /* the default as well: who runs this may ignore some */
        load();
        lur_session* const session = open_session();
        const lur_vector shape = {sizeof shape, 0, 0, 100, NULL};
        lur_step* step;
        OK(p_lur_step_create(session, NULL, &shape, &step)); /* the driver has its handlers as well */
        if (how == 'r') raise(number);
        if (how == 'k') kill(getpid(), number), usleep(100000);
        if (how == 'q') sigqueue(getpid(), number, (union sigval){0}), usleep(100000);
        if (how == 'f') *(volatile int*)16 = 1;
        if (before == HANDLED) CHECK(sent == 1 && sent_by_us);
        OK(p_lur_wait(session));
        OK(p_lur_close(session));
        _exit(failures ? 1 : 0);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

/* A signal that is sent does what it would do without the library. */
static void signals_sent(void) {
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTERM, SIGINT, SIGQUIT, SIGABRT, SIGHUP, SIGPIPE};
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        for (const char* how = "rkq"; *how; how++) {
            char what[80];
            snprintf(what, sizeof what, "signal %d sent by %c", fatal[i], *how);
            check_that(end_of(fatal[i], *how, DEFAULT) == fatal[i], what, __LINE__);
            if (*how == 'q') continue;
            check_that(end_of(fatal[i], *how, HANDLED) == 0, what, __LINE__);
            check_that(end_of(fatal[i], *how, IGNORED) == 0, what, __LINE__);
        }
    CHECK(end_of(SIGCHLD, 'r', DEFAULT) == 0);
    CHECK(end_of(SIGCHLD, 'k', HANDLED) == 0);
    CHECK(end_of(SIGSEGV, 'f', DEFAULT) == SIGSEGV);
}

/* ---- fork, unload, exit ---------------------------------------------------------------------------------------------
 */

static void forks(void) {
    load();
    lur_session* session = open_session();
    const pid_t child = fork();
    if (child == 0) {
        char text[200] = "";
        lur_session* other;
        int bad = p_lur_wait(session) != LUR_ERROR_FORKED || p_lur_error_text(text, sizeof text) < 10;
        bad |= p_lur_open(NULL, &other) != LUR_ERROR_FORKED || p_lur_close(session) != LUR_ERROR_FORKED;
        bad |= p_lur_doctor(text, sizeof text) != 0;
        _exit(bad ? 1 : 0);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    OK(p_lur_wait(session));
    OK(p_lur_close(session));
}

/* A child that was there before the first call may use the library itself. */
static void forks_before(void) {
    load();
    const pid_t child = fork();
    if (child == 0) {
        lur_session* session = open_session();
        OK(p_lur_close(session));
        _exit(failures ? 1 : 0);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void unloads(void) {
    for (int i = 0; i < 3; i++) {
        load();
        lur_session* session = open_session();
        OK(p_lur_close(session));
        CHECK(dlclose(library) == 0);
    }
}

/* ---- growth ---------------------------------------------------------------------------------------------------------
 */

static void growth(void) {
    load();
    lur_session* session = open_session();
    const lur_vector shape = {sizeof shape, 0, 0, 100, NULL};
    lur_step* step;
    OK(p_lur_step_create(session, NULL, &shape, &step)); /* the driver's worker threads start with the first launch */
    OK(p_lur_step_destroy(step));
    const int threads = entries("/proc/self/task"), files = entries("/proc/self/fd");
    for (int kind = 0; kind < 2; kind++) {
        long settled = 0;
        for (int i = 0; i < 1000; i++) {
            if (kind == 0) {
                OK(p_lur_close(open_session()));
            } else {
                OK(p_lur_step_create(session, NULL, &shape, &step));
                OK(p_lur_step_destroy(step));
            }
            if (i == 100) settled = resident();
        }
        char what[100];
        snprintf(what, sizeof what, "kind %d: the process has grown by %ld bytes", kind, resident() - settled);
        check_that(resident() - settled < 1 << 20, what, __LINE__);
        CHECK(entries("/proc/self/task") == threads);
        CHECK(entries("/proc/self/fd") == files);
    }
    OK(p_lur_close(session));
}

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    if (strcmp(argv[2], "signals") == 0) signals();
    if (strcmp(argv[2], "signals-sent") == 0) signals_sent();
    if (strcmp(argv[2], "forks") == 0) forks();
    if (strcmp(argv[2], "forks-before") == 0) forks_before();
    if (strcmp(argv[2], "unloads") == 0) unloads();
    if (strcmp(argv[2], "growth") == 0) growth();
    if (strcmp(argv[2], "exit") == 0) {
        load();
        CHECK(open_session() != NULL);
        exit(report(argv[1]));
    }
    return report(argv[1]);
}
