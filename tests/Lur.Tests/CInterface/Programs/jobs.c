/* Jobs: cancelled from everywhere, gone on with, asked from outside, and what is wrong with files and options.
 *   jobs COUNT MODEL DATA FORGET FOLDER [METHOD OPTION=VALUE...]       with a method that alone, into FOLDER; -METHOD
 * stops at its first step, +METHOD goes on */
#include "folders.h"
#include "harness.h"
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

static lur_session* session;
static char* content(const char* path, size_t* size) {
    FILE* f = fopen(path, "rb");
    if (!f) return NULL;
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    char* const all = malloc(*size + 1);
    if (fread(all, 1, *size, f) != *size) *size = 0;
    fclose(f);
    return all;
}
static int same(const char* one, const char* two) {
    size_t a = 0, b = 1;
    char *x = content(one, &a), *y = content(two, &b);
    const int equal = x && y && a > 0 && a == b && memcmp(x, y, a) == 0;
    free(x), free(y);
    return equal;
}

static const char* const quick[] = {"epochs=2", "batch=16", "lr=0.01"};
static lur_job_options options_of(const char* folder) {
    static char output[1024];
    lur_job_options o;
    lur_job_options_init(&o, sizeof o);
    snprintf(output, sizeof output, "%s", in(folder, ""));
    o.model = words[2], o.data = words[3], o.output = output, o.method = "ft";
    o.forget = (const char* const*)words + 4, o.forget_count = 1;
    o.options = quick, o.option_count = 3;
    return o;
}
static lur_job* make(lur_job_options o) {
    lur_job* job = NULL;
    OK(lur_job_create(session, &o, &job));
    return job;
}

/* ---- progress -------------------------------------------------------------------------------------------------------
 */

struct heard {
    const char* copy; /* where a checkpoint shall lie after the first step; asked for by another thread where other */
    int other;
    const char* stop; /* stage at which the job shall stop */
    enum { RETURN, OTHER_THREAD, CALL_BACK } how;
    lur_job* job;
    int calls, repairs;
    int64_t total;
    double loss;
    pthread_t thread;
};
static void* cancel(void* unused) {
    (void)unused;
    CHECK(lur_cancel(session) == LUR_OK);
    CHECK(lur_wait(session) == LUR_ERROR_THREAD);
    return NULL;
}
static void* ask(void* user) {
    struct heard* const h = user;
    OK(lur_job_checkpoint(h->job, NULL));
    OK(lur_job_checkpoint(h->job, h->copy)); /* the later counts */
    return NULL;
}
static int32_t hear(void* user, const lur_progress* p) {
    struct heard* const h = user;
    if (h->copy && strcmp(p->stage, "repair") == 0 && p->done == 0) {
        pthread_t other;
        if (h->other)
            CHECK(pthread_create(&other, NULL, ask, h) == 0 && pthread_join(other, NULL) == 0);
        else
            ask(h);
    }
    h->calls++;
    CHECK(p->size >= sizeof *p && p->stage[0] && p->unit[0] && p->done >= 0 && p->done <= p->total);
    CHECK(pthread_equal(pthread_self(), h->thread));
    if (strcmp(p->stage, "repair") == 0) h->repairs++, h->total = p->total, h->loss = p->retain_loss;
    if (!h->stop || strcmp(p->stage, h->stop)) return 0;
    if (h->how == RETURN) return 7;
    if (h->how == OTHER_THREAD) {
        pthread_t other;
        CHECK(pthread_create(&other, NULL, cancel, NULL) == 0);
        pthread_join(other, NULL);
    }
    if (h->how == CALL_BACK) {
        CHECK(lur_wait(session) == LUR_ERROR_STATE);
        CHECK(lur_job_destroy(h->job) == LUR_ERROR_STATE);
        CHECK(lur_job_run(h->job, NULL, NULL) == LUR_ERROR_STATE);
    }
    return 0;
}

static void cancelling(const char* folder, struct heard h) {
    char text[256];
    size_t length = 9;
    const lur_job_options o = options_of(folder);
    lur_job* const job = make(o);
    h.thread = pthread_self();
    CHECK(lur_job_run(job, hear, &h) == LUR_ERROR_CANCELLED);
    CHECK(lur_error_text(text, sizeof text) > 10 && strstr(text, "cancelled"));
    CHECK(!exists(in(folder, "model.safetensors")) && !exists(in(folder, "result.json")));
    CHECK(lur_job_result_json(job, NULL, 0, &length) == LUR_ERROR_STATE && length == 0);
    if (strcmp(h.stop, "repair")) {
        CHECK(lur_job_resume(job, NULL, NULL) == LUR_ERROR_ARGUMENT); /* there is no checkpoint */
        OK(lur_job_run(job, NULL, NULL));
        CHECK(same(in(folder, "model.safetensors"), in("whole", "model.safetensors")));
    } else {
        CHECK(lur_job_run(job, NULL, NULL) == LUR_ERROR_ARGUMENT); /* there is one */
        OK(lur_job_resume(job, NULL, NULL));                       /* its bytes: the two processes of the tests */
        CHECK(exists(in(folder, "model.safetensors")));
    }
    OK(lur_job_destroy(job));
    CHECK(lur_job_run(job, NULL, NULL) == LUR_ERROR_HANDLE);
}

static void whole(void) {
    struct heard h = {.stop = "repair", .how = CALL_BACK, .thread = pthread_self()};
    struct sigaction before[65], after;
    for (int s = 1; s <= 64; s++) sigaction(s, NULL, &before[s]);
    lur_job* const job = h.job = make(options_of("whole"));
    uint64_t bytes = 0;
    int64_t steps = 0;
    OK(lur_job_plan(job, &bytes, &steps));
    CHECK(bytes > 1000 && steps > 1 && !exists(in("whole", "")));
    OK(lur_job_run(job, hear, &h));
    CHECK(h.calls >= 6 && h.repairs >= 2 && h.total == steps && h.loss > 0);
    for (int s = 1; s <= 64; s++) CHECK(sigaction(s, NULL, &after) || after.sa_handler == before[s].sa_handler);

    size_t length = 0, size = 0;
    OK(lur_job_result_json(job, NULL, 0, &length));
    char* const json = malloc(length + 1);
    char part[6];
    OK(lur_job_result_json(job, json, length + 1, &length));
    CHECK(strlen(json) == length && strstr(json, "\"command\": \"forget\""));
    char* const file = content(in("whole", "result.json"), &size);
    CHECK(file && size >= length && memcmp(json, file, length) == 0);
    OK(lur_job_result_json(job, part, sizeof part, &length));
    CHECK(strlen(part) == 5 && memcmp(part, json, 5) == 0 && length == strlen(json));
    CHECK(lur_job_run(job, NULL, NULL) == LUR_ERROR_ARGUMENT); /* would replace it */
    OK(lur_job_result_json(job, part, sizeof part, &length));  /* which is there as before */
    CHECK(memcmp(part, json, 5) == 0 && length == strlen(json));
    CHECK(lur_job_result_json(job, (char*)0x10000, 99, &length) == LUR_ERROR_ARGUMENT);
    free(json), free(file);
    OK(lur_job_destroy(job));
}

/* A checkpoint on request, in the midst of a job that ends well: another folder goes on from it to the same bytes. */
static void checkpoints(int other) {
    char copy[1100], there[1100];
    snprintf(copy, sizeof copy, "%s", in("", other ? "other.state" : "own.state"));
    const char* const folder = other ? "asked-by-another" : "asked";
    lur_job* job = make(options_of(folder));
    struct heard h = {.copy = copy, .other = other, .job = job, .thread = pthread_self()};
    CHECK(lur_job_checkpoint(job, NULL) == LUR_ERROR_STATE); /* it does not run */
    OK(lur_job_run(job, hear, &h));
    CHECK(lur_job_checkpoint(job, NULL) == LUR_ERROR_STATE);
    CHECK(exists(copy) && !exists(in(folder, "unlearning-state.safetensors")));
    CHECK(same(in(folder, "model.safetensors"), in("whole", "model.safetensors")));
    OK(lur_job_destroy(job));
    CHECK(lur_job_checkpoint(job, NULL) == LUR_ERROR_HANDLE && lur_job_checkpoint(NULL, NULL) == LUR_ERROR_ARGUMENT);

    job = make(options_of(other ? "taken-2" : "taken-1"));
    snprintf(there, sizeof there, "%s", in(other ? "taken-2" : "taken-1", ""));
    CHECK(mkdir(there, 0777) == 0);
    strcat(there, "/unlearning-state.safetensors");
    CHECK(rename(copy, there) == 0);
    struct heard rest = {.thread = pthread_self()};
    OK(lur_job_resume(job, hear, &rest));
    CHECK(rest.repairs >= 2 &&
          same(in(other ? "taken-2" : "taken-1", "model.safetensors"), in("whole", "model.safetensors")));
    OK(lur_job_destroy(job));

    /* Where it cannot be written the job ends, and says so. */
    lur_job_options again = options_of("unwritten");
    again.flags = LUR_JOB_OVERWRITE; /* what was in the folder's own place serves lur_job_resume */
    job = make(again);
    h = (struct heard){.copy = "/nonexistent/state", .job = job, .thread = pthread_self()};
    CHECK(lur_job_run(job, hear, &h) == LUR_ERROR_FILE);
    CHECK(exists(in("unwritten", "unlearning-state.safetensors")) &&
          exists(in("unwritten", "model.safetensors")) == other);
    OK(lur_job_resume(job, NULL, NULL));
    CHECK(same(in("unwritten", "model.safetensors"), in("whole", "model.safetensors")));
    OK(lur_job_destroy(job));
}

/* What the plan comes to is the least that may be allowed; a program of the first release has no such field. */
static void limits(void) {
    uint64_t bytes = 0;
    int64_t steps = 0;
    char text[512], number[32];
    lur_job_options o = options_of("limited");
    lur_job* job = make(o);
    OK(lur_job_plan(job, &bytes, &steps));
    OK(lur_job_destroy(job));
    o.max_memory = bytes - 1;
    job = make(o);
    CHECK(lur_job_run(job, NULL, NULL) == LUR_ERROR_MEMORY && !exists(in("limited", "")));
    lur_error_text(text, sizeof text);
    snprintf(number, sizeof number, "%llu", (unsigned long long)bytes);
    CHECK(strstr(text, number) && strstr(text, "max_memory"));
    OK(lur_job_destroy(job));
    o.max_memory = bytes;
    job = make(o);
    OK(lur_job_run(job, NULL, NULL));
    OK(lur_job_destroy(job));

    o = options_of("limited"), o.flags = LUR_JOB_OVERWRITE;
    o.size = offsetof(lur_job_options, max_memory), o.max_memory = 1;
    job = make(o);
    OK(lur_job_run(job, NULL, NULL));
    OK(lur_job_destroy(job));
    OK(lur_job_options_init(&o, offsetof(lur_job_options, max_memory)));
    o.size -= 8, job = NULL;
    CHECK(lur_job_create(session, &o, &job) == LUR_ERROR_SIZE && !job);
}

/* ---- what is wrong --------------------------------------------------------------------------------------------------
 */

#define CREATE(code, set)                                                                                              \
    do {                                                                                                               \
        lur_job_options o = options_of("never");                                                                       \
        lur_job* j = (lur_job*)8;                                                                                      \
        set;                                                                                                           \
        check_that(lur_job_create(session, &o, &j) == LUR_ERROR_##code && !j, #code " " #set, __LINE__);               \
        char said[1024];                                                                                               \
        lur_error_text(said, sizeof said);                                                                             \
        check_that(!strstr(said, "--"), said, __LINE__); /* options are key=value here */                              \
    } while (0)
#define RUN(code, set)                                                                                                 \
    do {                                                                                                               \
        lur_job_options o = options_of("never");                                                                       \
        set;                                                                                                           \
        lur_job* const j = make(o);                                                                                    \
        check_that(lur_job_run(j, NULL, NULL) == LUR_ERROR_##code, #code " " #set, __LINE__);                          \
        OK(lur_job_destroy(j));                                                                                        \
        CHECK(!exists(in("never", "model.safetensors")));                                                              \
    } while (0)

static void wrong(void) {
    const char* const equals[] = {"epochs"};
    const char* const unknown[] = {"epoch=3"};
    const char* const number[] = {"lr=fast"};
    const char* const range[] = {"lr=-1"};
    const char* const twice[] = {"lr=1", "lr=1"};
    const char* const high[] = {"lr=1e15", "epochs=4", "batch=16"};
    const char* const nobody[] = {"class:nobody"};
    CREATE(UNSUPPORTED, o.method = "magic");
    CREATE(UNSUPPORTED, o.method = "esd"); /* for models that draw */
    CREATE(ARGUMENT, (o.options = equals, o.option_count = 1));
    CREATE(ARGUMENT, (o.options = unknown, o.option_count = 1));
    CREATE(ARGUMENT, (o.options = number, o.option_count = 1));
    CREATE(ARGUMENT, (o.options = range, o.option_count = 1));
    CREATE(ARGUMENT, (o.options = twice, o.option_count = 2));
    CREATE(FILE, o.model = "/nonexistent/model.safetensors");
    CREATE(FORMAT, o.model = words[0]);
    RUN(FILE, o.data = "/nonexistent");
    RUN(FORMAT, o.data = words[0]);
    RUN(ARGUMENT, o.data = "synthetic:train=many");
    RUN(ARGUMENT, o.forget = nobody);
    RUN(FILE, o.output = "/proc/nowhere");
    RUN(NOT_FINITE, (o.options = high, o.option_count = 3));
}

int main(int argc, char** argv) {
    if (argc < 6) return 2;
    words = argv;
    size_t size = 0, length = 0;
    char* const before = content(argv[2], &size);
    lur_session_options o = defaults();
    OK(lur_open(&o, &session));
    if (argc > 6) {
        lur_job_options one = options_of("");
        one.method = argv[6] + strspn(argv[6], "-+"), one.options = (const char* const*)argv + 7,
        one.option_count = (uint32_t)(argc - 7);
        struct heard h = {.stop = "repair", .how = RETURN, .thread = pthread_self()};
        lur_job* const job = make(one);
        const char sign = argv[6][0];
        if (sign == '-') CHECK(lur_job_run(job, hear, &h) == LUR_ERROR_CANCELLED);
        if (sign == '+') OK(lur_job_resume(job, NULL, NULL));
        if (sign != '-' && sign != '+') OK(lur_job_run(job, NULL, NULL));
        OK(lur_close(session));
        return report(argv[1]);
    }
    whole();
    cancelling("by-return", (struct heard){.stop = "repair", .how = RETURN});
    cancelling("by-thread", (struct heard){.stop = "repair", .how = OTHER_THREAD});
    cancelling("early", (struct heard){.stop = "evaluate original", .how = OTHER_THREAD});
    checkpoints(0);
    checkpoints(1);
    limits();
    wrong();
    size_t now = 0;
    char* const after = content(argv[2], &now);
    CHECK(before && after && now == size && memcmp(before, after, size) == 0);
    free(before), free(after);

    OK(lur_methods_json(NULL, 0, &length));
    char* const methods = malloc(length + 1);
    OK(lur_methods_json(methods, length + 1, &length));
    CHECK(strlen(methods) == length && methods[0] == '[' && strstr(methods, "\"salun\"") &&
          strstr(methods, "\"UNets\"") && !strstr(methods, " --"));
    free(methods);
    lur_job* const left = make(options_of("never"));
    OK(lur_close(session));
    CHECK(lur_job_run(left, NULL, NULL) == LUR_ERROR_HANDLE); /* went with its session */
    return report(argv[1]);
}
