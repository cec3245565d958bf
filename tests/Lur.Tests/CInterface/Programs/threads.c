/* Threads and callbacks: two sessions at once, one session twice, a callback that calls back, one that does not return,
 * and cancelling. */
#include "harness.h"
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>

enum { N = 3000, STEPS = 1000 };

struct work {
    int seed;
    double theta[N];
};

static void* train(void* user) {
    struct work* w = user;
    static __thread double g[N], ahead[N], m[N];
    memset(m, 0, sizeof m);
    lur_session_options o = defaults();
    lur_session* session;
    lur_step* step;
    const lur_vector theta = flat(w->theta, N), vg = flat(g, N), va = flat(ahead, N), vm = flat(m, N);
    if (lur_open(&o, &session) || lur_step_create(session, NULL, &theta, &step)) return "open";
    lur_step_options options = step_defaults(LUR_SECOND_ORDER_NONE);
    if (lur_step_destroy(step) || lur_step_create(session, &options, &theta, &step)) return "create";
    for (int i = 0; i < N; i++) w->theta[i] = (i * 37 + w->seed) % 100 / 50.0 - 1;
    for (int k = 0; k < STEPS; k++) {
        for (int i = 0; i < N; i++) g[i] = w->theta[i] * (1 + (i + k) % 3);
        if (lur_step_look_ahead_enqueue(step, &theta, &vg, &va)) return "look-ahead";
        if (lur_step_update_enqueue(step, &theta, &vm, &vg, &va, NULL, NULL)) return "update";
        if (lur_wait(session)) return "wait";
    }
    return lur_close(session) ? "close" : NULL;
}

static void two_sessions(void) {
    static struct work serial[2] = {{.seed = 1}, {.seed = 2}}, parallel[2] = {{.seed = 1}, {.seed = 2}};
    for (int i = 0; i < 2; i++) CHECK(train(&serial[i]) == NULL);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, train, &parallel[i]) == 0);
    for (int i = 0; i < 2; i++) {
        void* failed;
        pthread_join(threads[i], &failed);
        CHECK(failed == NULL);
        CHECK(memcmp(serial[i].theta, parallel[i].theta, sizeof serial[i].theta) == 0);
    }
    CHECK(memcmp(serial[0].theta, serial[1].theta, sizeof serial[0].theta) != 0);
}

/* ---- callbacks ------------------------------------------------------------------------------------------------------
 */

static sem_t inside, leave;
static lur_session* busy;
static int32_t from_callback;
static jmp_buf away;
static enum { PLAIN, HOLD, CALL_BACK, JUMP } behaviour;

static uint64_t take(void* user, uint64_t bytes, uint64_t alignment) {
    (void)user;
    if (behaviour == HOLD) {
        sem_post(&inside);
        sem_wait(&leave);
    }
    if (behaviour == CALL_BACK) from_callback = lur_wait(busy);
    if (behaviour == JUMP) longjmp(away, 1);
    return (uint64_t)(uintptr_t)aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}
static void give(void* user, uint64_t address, uint64_t bytes) {
    (void)user, (void)bytes;
    free((void*)(uintptr_t)address);
}

static void* create(void* user) {
    const lur_vector shape = flat(NULL, N);
    *(int32_t*)user = lur_step_create(busy, NULL, &shape, (lur_step* [1]){NULL});
    return NULL;
}

static void one_session_twice(void) {
    lur_session_options o = defaults();
    o.allocate = take;
    o.release = give;
    OK(lur_open(&o, &busy));
    sem_init(&inside, 0, 0);
    sem_init(&leave, 0, 0);
    behaviour = HOLD;
    pthread_t other;
    int32_t code = -1;
    CHECK(pthread_create(&other, NULL, create, &code) == 0);
    sem_wait(&inside);
    CHECK(lur_wait(busy) == LUR_ERROR_THREAD);
    CHECK(lur_close(busy) == LUR_ERROR_THREAD);
    CHECK(lur_cancel(busy) == LUR_OK);
    sem_post(&leave);
    pthread_join(other, NULL);
    CHECK(code == LUR_OK);
    behaviour = PLAIN;
    OK(lur_wait(busy));

    behaviour = CALL_BACK;
    create(&code);
    CHECK(code == LUR_OK && from_callback == LUR_ERROR_STATE);
    behaviour = PLAIN;
    OK(lur_close(busy));

    /* Other sessions go on; this one is lost, and says so for ever. */
    OK(lur_open(&o, &busy));
    behaviour = JUMP;
    if (!setjmp(away)) {
        create(&code);
        CHECK(!"the callback returned");
    }
    behaviour = PLAIN;
    for (int i = 0; i < 3; i++) CHECK(lur_wait(busy) == LUR_ERROR_STATE);
    CHECK(lur_close(busy) == LUR_ERROR_STATE);
    lur_session* next;
    OK(lur_open(&o, &next));
    OK(lur_close(next));
}

/* ---- cancelling -----------------------------------------------------------------------------------------------------
 */

static lur_session* cancelled;
static int lines, in_signal;
static void on_signal(int number) {
    (void)number;
    lur_cancel(cancelled);
}
static void* cancel(void* unused) {
    (void)unused;
    lur_cancel(cancelled);
    return NULL;
}
static void log_line(void* user, int32_t level, const char* text) {
    (void)level;
    CHECK(user == &lines && text[0] && text[strlen(text) - 1] != '\n');
    if (!cancelled || lines++) return;
    pthread_t other;
    if (in_signal)
        raise(SIGUSR1);
    else if (pthread_create(&other, NULL, cancel, NULL) == 0)
        pthread_join(other, NULL);
}

static void cancelling(void) {
    signal(SIGUSR1, on_signal);
    lur_session_options o = defaults();
    o.log = log_line;
    o.log_user = &lines;
    o.log_level = LUR_LOG_INFO;
    for (in_signal = 0; in_signal < 2; in_signal++) {
        lur_session* s;
        OK(lur_open(&o, &s));
        cancelled = s;
        lines = 0;
        CHECK(lur_precompile(s, LUR_F32) == LUR_ERROR_CANCELLED);
        CHECK(lines == 1);
        cancelled = NULL;
        OK(lur_close(s));
    }
}

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    two_sessions();
    cancelling();
    one_session_twice();
    return report(argv[1]);
}
