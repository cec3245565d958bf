/* The caller's context, stream and memory. Run on a device that keeps its work until somebody waits for it, so that
 * what is right here is right without waiting. */
#include "harness.h"
#include <math.h>

enum { N = 5000, STEPS = 5 };

/* ---- memory ---------------------------------------------------------------------------------------------------------
 */

struct memory {
    int calls, fail_at, live;
    uint64_t bytes;
};
static uint64_t take(void* user, uint64_t bytes, uint64_t alignment) {
    struct memory* m = user;
    if (++m->calls == m->fail_at) return 0;
    void* p = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    memset(p, 0xFF, bytes); /* NaN: nothing may be taken for zeros */
    m->live++;
    m->bytes += bytes;
    return (uint64_t)(uintptr_t)p;
}
static void give(void* user, uint64_t address, uint64_t bytes) {
    struct memory* m = user;
    m->live--;
    m->bytes -= bytes;
    free((void*)(uintptr_t)address);
}

/* ---- what the steps must give: plain loops with g = theta / 2, v = -ahead, h = v / 4
 * ---------------------------------- */

static const double alpha = 0.1, weight = 0.5, rate = 0.01, mu = 0.9;
static void plain(double* theta, double* m, int steps) {
    for (int k = 0; k < steps; k++)
        for (int i = 0; i < N; i++) {
            const double g = 0.5 * theta[i], v = -(theta[i] - alpha * g), h = 0.25 * v;
            m[i] = mu * m[i] + g + weight * (v - alpha * h);
            theta[i] -= rate * m[i];
        }
}

static int close_to(const double* a, const double* b) {
    double most = 0;
    for (int i = 0; i < N; i++) most = fmax(most, fabs(a[i] - b[i]));
    return most < 1e-12; /* values within 2, a few hundred roundings of 1e-16 */
}

/* ---- everything of the device that a step uses
 * ------------------------------------------------------------------------ */

struct buffers {
    uint64_t theta, g, v, h, ahead, momentum;
};
static void* stream;
static void* scale; /* the caller's kernel: y = a x */

static void enqueue_scale(uint64_t y, uint64_t x, double a) {
    int n = N;
    void* arguments[] = {&y, &x, &n, &a};
    DRIVER(cuLaunchKernel, scale, 2, 1, 1, 1, 1, 1, 0, stream, arguments, NULL);
}

static lur_vector at(uint64_t address) { return flat((void*)(uintptr_t)address, N); }

/* One step with the caller's own kernels between, all in the stream and nothing waited for. */
static void enqueue_step(lur_step* step, const struct buffers* b) {
    const lur_vector theta = at(b->theta), g = at(b->g), v = at(b->v), h = at(b->h), ahead = at(b->ahead),
                     m = at(b->momentum);
    const unsigned long long before = waits();
    enqueue_scale(b->g, b->theta, 0.5);
    OK(lur_step_look_ahead_enqueue(step, &theta, &g, &ahead));
    enqueue_scale(b->v, b->ahead, -1);
    enqueue_scale(b->h, b->v, 0.25);
    OK(lur_step_rate_enqueue(step, rate));
    OK(lur_step_update_enqueue(step, &theta, &m, &g, &v, &h, NULL));
    CHECK(waits() == before);
}

static void load_kernel(void) {
    static const char* const text = "KERNEL scale(double* y, const double* x, int n, double a) {\n"
                                    "    const long long first = (long long)n * blockIdx.x / gridDim.x;\n"
                                    "    const long long end = (long long)n * (blockIdx.x + 1) / gridDim.x;\n"
                                    "    for (long long i = first; i < end; i++) y[i] = a * x[i];\n}\n";
    void *program, *module;
    size_t size;
    int major, minor;
    DRIVER(cuDeviceGetAttribute, &major, 75, 0);
    DRIVER(cuDeviceGetAttribute, &minor, 76, 0);
    char architecture[40];
    snprintf(architecture, sizeof architecture, "--gpu-architecture=sm_%d", 10 * major + minor);
    const char* const options[] = {architecture};
    DRIVER(nvrtcCreateProgram, &program, text, "scale.cu", 0, NULL, NULL);
    DRIVER(nvrtcCompileProgram, program, 1, options);
    DRIVER(nvrtcGetCUBINSize, program, &size);
    char* image = malloc(size);
    DRIVER(nvrtcGetCUBIN, program, image);
    DRIVER(cuModuleLoadData, &module, image);
    DRIVER(cuModuleGetFunction, &scale, module, "scale");
    free(image);
}

static void reset(const struct buffers* b, double* theta) {
    for (int i = 0; i < N; i++) theta[i] = 1 + i / (double)N;
    DRIVER(cuMemcpyHtoD_v2, b->theta, theta, (size_t)N * 8);
    DRIVER(cuMemsetD32_v2, b->momentum, 0, (size_t)2 * N);
}

static double theta[N], expected[N], momentum[N];

/* Direct steps, then the same captured into a graph of the caller and replayed. */
static void run(lur_step* step, const struct buffers* b, double* pinned) {
    reset(b, theta);
    memcpy(expected, theta, sizeof theta);
    memset(momentum, 0, sizeof momentum);
    for (int k = 0; k < STEPS; k++) enqueue_step(step, b);
    const unsigned long long before = waits();
    OK(lur_step_telemetry_enqueue(step, pinned));
    CHECK(waits() == before);
    DRIVER(cuStreamSynchronize, stream);
    DRIVER(cuMemcpyDtoH_v2, theta, b->theta, sizeof theta);
    plain(expected, momentum, STEPS);
    CHECK(close_to(theta, expected));
    lur_telemetry t = {.size = sizeof t};
    OK(lur_step_telemetry_read(step, &t));
    CHECK(pinned[LUR_TELEMETRY_RETAIN_NORM] == t.retain_norm && t.retain_norm > 1);
    CHECK(pinned[LUR_TELEMETRY_FORGET_NORM] == t.forget_norm && fabs(t.forget_norm - 1.9 * t.retain_norm) < 1e-9);
    CHECK(fabs(t.cosine + 1) < 1e-12 && fabs(t.second_order - alpha / 4) < 1e-12);
    CHECK(fabs(t.theta_norm - 2 * t.retain_norm) < 1e-9 && fabs(t.look_ahead - alpha * t.retain_norm) < 1e-12);
    CHECK(t.skipped == 0 && pinned[LUR_TELEMETRY_SKIPPED] == 0);

    void *graph, *exec;
    reset(b, theta);
    DRIVER(cuStreamBeginCapture_v2, stream, 0);
    enqueue_step(step, b);
    OK(lur_step_telemetry_enqueue(step, pinned));
    DRIVER(cuStreamEndCapture, stream, &graph);
    DRIVER(cuGraphInstantiateWithFlags, &exec, graph, 0ull);
    for (int k = 0; k < STEPS; k++) DRIVER(cuGraphLaunch, exec, stream);
    DRIVER(cuStreamSynchronize, stream);
    double replayed[N];
    DRIVER(cuMemcpyDtoH_v2, replayed, b->theta, sizeof replayed);
    double direct[N];
    memcpy(direct, theta, sizeof direct);
    reset(b, theta);
    for (int k = 0; k < STEPS; k++) enqueue_step(step, b);
    DRIVER(cuStreamSynchronize, stream);
    DRIVER(cuMemcpyDtoH_v2, direct, b->theta, sizeof direct);
    CHECK(memcmp(replayed, direct, sizeof direct) == 0);
    CHECK(close_to(replayed, expected));
    DRIVER(cuGraphExecDestroy, exec);
    DRIVER(cuGraphDestroy, graph);
}

/* A gradient that is not finite skips the update whole, and says so. */
static void skip(lur_session* session, lur_step* step, const struct buffers* b) {
    const double nan = NAN;
    double before[N], after[N];
    int flag = 7;
    uint64_t address;
    const lur_vector vtheta = at(b->theta), g = at(b->g), v = at(b->v), h = at(b->h), ahead = at(b->ahead),
                     m = at(b->momentum);
    for (int which = 0; which < 3; which++) {
        reset(b, before);
        enqueue_scale(b->g, b->theta, 0.5);
        enqueue_scale(b->v, b->theta, 2);
        enqueue_scale(b->h, b->theta, 3);
        DRIVER(cuStreamSynchronize, stream);
        const uint64_t bad = which == 0 ? b->g : which == 1 ? b->v : b->h;
        DRIVER(cuMemcpyHtoD_v2, bad + 8 * (N - 1), &nan, (size_t)8);
        OK(lur_step_look_ahead_enqueue(step, &vtheta, &g, &ahead));
        OK(lur_step_update_enqueue(step, &vtheta, &m, &g, &v, &h, NULL));
        lur_telemetry t = {.size = sizeof t};
        OK(lur_step_telemetry_read(step, &t));
        CHECK(t.skipped == 1 && t.skipped_steps == which + 1);
        CHECK(isnan(which == 0 ? t.retain_norm : which == 1 ? t.forget_norm : t.second_order));
        DRIVER(cuMemcpyDtoH_v2, after, b->theta, sizeof after);
        CHECK(memcmp(before, after, sizeof after) == 0);
        DRIVER(cuMemcpyDtoH_v2, after, b->momentum, sizeof after);
        memset(before, 0, sizeof before);
        CHECK(memcmp(before, after, sizeof after) == 0);
        OK(lur_step_skip_flag(step, &address));
        DRIVER(cuMemcpyDtoH_v2, &flag, address, sizeof flag);
        CHECK(flag == 1);
    }
    OK(lur_wait(session));
}

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    void *context, *now, *pinned;
    lur_session_options o = defaults();
    lur_session* first;
    OK(lur_open(&o, &first)); /* starts the driver */
    OK(lur_close(first));
    DRIVER(cuCtxCreate_v2, &context, 0, 0);
    DRIVER(cuStreamCreate, &stream, 1);
    DRIVER(cuMemHostAlloc, &pinned, (size_t)64, 0);
    load_kernel();
    struct buffers b;
    uint64_t* const all[] = {&b.theta, &b.g, &b.v, &b.h, &b.ahead, &b.momentum};
    for (int i = 0; i < 6; i++) DRIVER(cuMemAlloc_v2, all[i], (size_t)N * 8);

    struct memory memory = {0};
    o.context = context;
    o.stream = stream;
    o.allocate = take;
    o.release = give;
    o.allocator_user = &memory;
    lur_session* session;
    OK(lur_open(&o, &session));
    lur_step_options options = step_defaults(LUR_SECOND_ORDER_GIVEN);
    options.alpha = alpha;
    options.forget_weight = weight;
    options.learning_rate = 123; /* changed in the stream */
    const lur_vector shape = flat(NULL, N);
    uint64_t planned;
    OK(lur_plan_step(session, &options, &shape, &planned));
    lur_step* step;
    OK(lur_step_create(session, &options, &shape, &step));
    CHECK(memory.bytes == planned && memory.live > 0);
    lur_device_info info = {.size = sizeof info};
    OK(lur_device_info_get(session, &info));
    CHECK(info.context == context && info.stream == stream && info.held == memory.bytes && strlen(info.name) > 3);
    const int calls = memory.calls;
    run(step, &b, pinned);
    skip(session, step, &b);
    CHECK(memory.calls == calls);
    DRIVER(cuCtxGetCurrent, &now);
    CHECK(now == context);

    /* Nothing current: nothing is current afterwards. */
    DRIVER(cuCtxPopCurrent_v2, &now);
    const lur_vector vtheta = at(b.theta), g = at(b.g), ahead = at(b.ahead);
    OK(lur_step_look_ahead_enqueue(step, &vtheta, &g, &ahead));
    OK(lur_wait(session));
    OK(lur_step_destroy(step));
    OK(lur_close(session));
    DRIVER(cuCtxGetCurrent, &now);
    CHECK(now == NULL);
    CHECK(memory.live == 0 && memory.bytes == 0);

    /* The n-th allocation fails, for every n: MEMORY, and nothing is left. */
    for (int n = 1;; n++) {
        memory = (struct memory){.fail_at = n};
        OK(lur_open(&o, &session));
        const int32_t code = lur_step_create(session, &options, &shape, &step);
        CHECK(code == (memory.calls >= n ? LUR_ERROR_MEMORY : LUR_OK));
        OK(lur_close(session));
        CHECK(memory.live == 0 && memory.bytes == 0);
        if (code == LUR_OK) break;
        CHECK(n < 10);
    }

    /* The context and the stream are the caller's still. */
    DRIVER(cuCtxPushCurrent_v2, context);
    DRIVER(cuStreamSynchronize, stream);
    DRIVER(cuMemFreeHost, pinned);
    DRIVER(cuStreamDestroy_v2, stream);
    DRIVER(cuCtxDestroy_v2, context);
    return report(argv[1]);
}
