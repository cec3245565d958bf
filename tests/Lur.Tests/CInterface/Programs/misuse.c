/* Everything that a caller can do wrong: each gives its code and a sentence, none ends the process, and the session
 * goes on working. Compiled with FRONT_ONLY the rows that need managed code are left out, for AddressSanitizer. */
#include "harness.h"
#include <math.h>

enum { N = 100 };
static double theta[N], g[N], ahead[N], momentum[N], v[N], h[N];
static unsigned char mask[N];
static void* current; /* the context that is current on this thread, whatever is called */

static void* context_now(void) {
#ifdef FRONT_ONLY
    return NULL;
#else
    void* c = NULL;
    if (current) driver_call("cuCtxGetCurrent")(&c);
    return c;
#endif
}

static void expect(int32_t wanted, int32_t code, const char* call, int line) {
    char text[4096], what[512];
    snprintf(what, sizeof what, "%s gives %d, not %d", call, code, wanted);
    check_that(code == wanted, what, line);
    lur_error_text(text, sizeof text);
    check_that(strlen(text) > 8 && text[strlen(text) - 1] == '.' && !strstr(text, "defect"), call, line);
    check_that(context_now() == current, "the current context has changed", line);
}
#define EXPECT(code, call) expect(LUR_ERROR_##code, call, #call, __LINE__)
#ifdef FRONT_ONLY
#define MANAGED(code, call)
#else
#define MANAGED(code, call) EXPECT(code, call)
#endif

/* One option that is wrong. */
#define OPEN(code, set)                                                                                                \
    do {                                                                                                               \
        lur_session_options o = defaults();                                                                            \
        lur_session* s = (lur_session*)8;                                                                              \
        set;                                                                                                           \
        expect(LUR_ERROR_##code, lur_open(&o, &s), #set, __LINE__);                                                    \
        CHECK(s == NULL);                                                                                              \
    } while (0)
#define CREATE(code, set)                                                                                              \
    do {                                                                                                               \
        lur_step_options o = step_defaults(LUR_SECOND_ORDER_GIVEN);                                                    \
        lur_vector shape = flat(NULL, N);                                                                              \
        lur_step* s = (lur_step*)8;                                                                                    \
        set;                                                                                                           \
        expect(LUR_ERROR_##code, lur_step_create(session, &o, &shape, &s), #set, __LINE__);                            \
        CHECK(s == NULL);                                                                                              \
    } while (0)
#ifdef FRONT_ONLY
#define MANAGED_OPEN(code, set)
#define MANAGED_CREATE(code, set)
#else
#define MANAGED_OPEN OPEN
#define MANAGED_CREATE CREATE
#endif

static uint64_t take(void* user, uint64_t bytes, uint64_t alignment) {
    (void)user, (void)bytes, (void)alignment;
    return 0;
}
static uint64_t crooked(void* user, uint64_t bytes, uint64_t alignment) {
    (void)user, (void)bytes, (void)alignment;
    return 0x1008;
}
static void give(void* user, uint64_t address, uint64_t bytes) { (void)user, (void)address, (void)bytes; }

static void options(void) {
    lur_session* s;
    lur_session_options o = defaults();
    struct {
        lur_session_options known;
        uint64_t tail;
    } longer = {defaults(), 0};
    longer.known.size = sizeof longer;
    longer.tail = 1;

    EXPECT(ARGUMENT, lur_session_options_init(NULL, sizeof o));
    EXPECT(SIZE, lur_session_options_init(&o, 8));
    EXPECT(SIZE, lur_session_options_init(&o, (size_t)1 << 40));
    EXPECT(ARGUMENT, lur_open(&o, NULL));
    EXPECT(NEWER_OPTION, lur_open(&longer.known, &s));
    OPEN(SIZE, o.size = 0);
    OPEN(SIZE, o.size = sizeof o - 1);
    OPEN(ARGUMENT, o.device_kind = 3);
    OPEN(ARGUMENT, o.device_kind = -1);
    OPEN(NO_DEVICE, o.ordinal = -1);
    MANAGED_OPEN(NO_DEVICE, o.ordinal = 99);
    OPEN(ARGUMENT, o.threads = -1);
    OPEN(ARGUMENT, o.threads = 5000);
    OPEN(ARGUMENT, o.stream = (void*)1);
    OPEN(ARGUMENT, o.stream = (void*)2);
    OPEN(ARGUMENT, o.stream = (void*)0x1000);
    OPEN(ARGUMENT, o.allocate = take);
    OPEN(ARGUMENT, o.release = give);
    OPEN(ARGUMENT, o.log_level = 0);
    OPEN(ARGUMENT, o.log_level = 3);
    OPEN(NEWER_OPTION, o.flags = 8);
    OPEN(ARGUMENT, o.cache_folder = "/tmp/\xff");
    OPEN(ARGUMENT, o.cache_folder = "/tmp/\xc3");
    OPEN(ARGUMENT, o.cache_folder = "/tmp/\xc0\xaf");
    OPEN(ARGUMENT, o.cache_folder = "/tmp/\xed\xa0\x80");
    OPEN(ARGUMENT, o.kernel_folder = "\xf5\x80\x80\x80");
    OPEN(ARGUMENT, o.kernel_folder = "\xe2\x82");
    MANAGED_OPEN(ARGUMENT, o.context = (void*)0x1000);
    MANAGED_OPEN(FILE, (o.kernel_folder = "/nonexistent", o.flags = LUR_FLAG_NO_COMPILE));
    MANAGED_OPEN(COMPILE, o.flags = LUR_FLAG_NO_COMPILE | LUR_FLAG_NO_CACHE | LUR_FLAG_IGNORE_ENVIRONMENT);
    MANAGED_OPEN(NO_DEVICE, o.device_kind = LUR_DEVICE_CUDA);

    /* A longer struct is welcome while it says nothing new. */
    longer.tail = 0;
    OK(lur_open(&longer.known, &s));
    OK(lur_close(s));
}

#ifndef FRONT_ONLY
static void streams(void) {
    void *context, *other, *stream;
    DRIVER(cuCtxCreate_v2, &context, 0, 0);
    DRIVER(cuStreamCreate, &stream, 1);
    DRIVER(cuCtxCreate_v2, &other, 0, 0);
    current = other;
    OPEN(ARGUMENT, (o.context = context, o.stream = (void*)0x12345670));
    OPEN(ARGUMENT, (o.context = other, o.stream = stream));
    DRIVER(cuCtxSetCurrent, context);
    current = context;
    DRIVER(cuStreamBeginCapture_v2, stream, 2);
    OPEN(ARGUMENT, (o.context = context, o.stream = stream));
    void* graph;
    DRIVER(cuStreamEndCapture, stream, &graph);
    DRIVER(cuStreamDestroy_v2, stream);
    OPEN(ARGUMENT, (o.context = context, o.stream = stream));
    DRIVER(cuCtxDestroy_v2, other);
    OPEN(ARGUMENT, (o.context = other));
    /* The rest of the table runs with this context current, and works in the primary one. */
}

static void memory(void) {
    lur_session_options o = defaults();
    lur_session* s;
    lur_step* step = NULL;
    const lur_vector shape = flat(NULL, N);
    o.allocate = take;
    o.release = give;
    OK(lur_open(&o, &s));
    EXPECT(MEMORY, lur_step_create(s, NULL, &shape, &step));
    OK(lur_close(s));
    o.allocate = crooked;
    OK(lur_open(&o, &s));
    EXPECT(ARGUMENT, lur_step_create(s, NULL, &shape, &step));
    OK(lur_close(s));
    o = defaults();
    o.kernel_folder = "/nonexistent";
    OK(lur_open(&o, &s));
    EXPECT(FILE, lur_step_create(s, NULL, &shape, &step));
    OK(lur_close(s));
}
#endif

static void creation(lur_session* session) {
    lur_step_options o = step_defaults(0);
    lur_vector shape = flat(NULL, N);
    lur_segment segments[2] = {{0, INT64_MAX}, {0, INT64_MAX}};
    lur_step* s;
    uint64_t bytes;
    struct {
        lur_step_options known;
        double tail;
    } longer = {step_defaults(0), 1};
    longer.known.size = sizeof longer;

    EXPECT(ARGUMENT, lur_step_options_init(NULL, sizeof o));
    EXPECT(SIZE, lur_step_options_init(&o, 12));
    EXPECT(ARGUMENT, lur_step_create(session, &o, &shape, NULL));
    EXPECT(ARGUMENT, lur_step_create(session, &o, NULL, &s));
    EXPECT(NEWER_OPTION, lur_step_create(session, &longer.known, &shape, &s));
    EXPECT(ARGUMENT, lur_step_create(NULL, &o, &shape, &s));
    EXPECT(ARGUMENT, lur_plan_step(session, &o, &shape, NULL));
    EXPECT(ARGUMENT, lur_plan_step(session, &o, NULL, &bytes));
    CREATE(SIZE, o.size = 4);
    CREATE(SIZE, shape.size = 4);
    CREATE(ARGUMENT, o.dtype = 0);
    CREATE(ARGUMENT, o.dtype = 7);
    CREATE(ARGUMENT, o.second_order = 3);
    CREATE(ARGUMENT, o.second_order = -1);
    CREATE(ARGUMENT, o.nesterov = 2);
    CREATE(ARGUMENT, shape.segment_count = 2);
    MANAGED_CREATE(SIZE, shape.count = 0);
    MANAGED_CREATE(SIZE, shape.count = -1);
    MANAGED_CREATE(SIZE, shape.count = INT64_MAX);
    MANAGED_CREATE(SIZE, (shape.segment_count = 2, shape.segments = segments));
    MANAGED_CREATE(SIZE, (shape.segment_count = UINT32_MAX, shape.segments = segments));
    MANAGED_CREATE(ARGUMENT, o.alpha = -1);
    MANAGED_CREATE(ARGUMENT, o.alpha = NAN);
    MANAGED_CREATE(ARGUMENT, o.momentum = 1);
    MANAGED_CREATE(ARGUMENT, o.learning_rate = INFINITY);
    MANAGED_CREATE(ARGUMENT, o.fd_radius = 0);
    MANAGED_CREATE(ARGUMENT, o.look_ahead_cap = -0.1);
    MANAGED(SIZE, (shape.count = 0, lur_plan_step(session, &o, &shape, &bytes)));
}

static void handles(lur_session* session, lur_step* step, lur_step* stale) {
    const lur_vector x = flat(theta, N);
    lur_device_info info = {0};
    lur_telemetry t = {0};
    uint64_t address;
    EXPECT(ARGUMENT, lur_close(NULL));
    EXPECT(HANDLE, lur_close((lur_session*)step));
    EXPECT(HANDLE, lur_close((lur_session*)&x));
    EXPECT(HANDLE, lur_close((lur_session*)~(uintptr_t)0));
    EXPECT(ARGUMENT, lur_wait(NULL));
    CHECK(lur_cancel(NULL) == LUR_ERROR_ARGUMENT);
    CHECK(lur_cancel((lur_session*)step) == LUR_ERROR_HANDLE);
    EXPECT(ARGUMENT, lur_device_info_get(session, NULL));
    EXPECT(SIZE, lur_device_info_get(session, &info));
    EXPECT(ARGUMENT, lur_precompile(session, 0));
    EXPECT(ARGUMENT, lur_step_destroy(NULL));
    EXPECT(HANDLE, lur_step_destroy(stale));
    EXPECT(HANDLE, lur_step_destroy((lur_step*)session));
    EXPECT(HANDLE, lur_step_look_ahead_enqueue(stale, &x, &x, &x));
    EXPECT(HANDLE, lur_step_rate_enqueue((lur_step*)session, 1));
    EXPECT(HANDLE, lur_step_skip_flag(stale, &address));
    EXPECT(ARGUMENT, lur_step_skip_flag(step, NULL));
    EXPECT(ARGUMENT, lur_step_telemetry_enqueue(step, NULL));
    EXPECT(ARGUMENT, lur_step_telemetry_read(step, NULL));
    EXPECT(SIZE, lur_step_telemetry_read(step, &t));
}

static void vectors(lur_step* step) {
    const lur_vector x = flat(theta, N), y = flat(g, N), z = flat(ahead, N), m = flat(momentum, N), w = flat(v, N),
                     p = flat(h, N);
    lur_vector bad = z;
    lur_segment two[2] = {{(uint64_t)(uintptr_t)ahead, N / 2}, {(uint64_t)(uintptr_t)(ahead + N / 2), N / 2}};
    EXPECT(ARGUMENT, lur_step_look_ahead_enqueue(step, NULL, &y, &z));
    EXPECT(ARGUMENT, lur_step_look_ahead_enqueue(step, &x, NULL, &z));
    EXPECT(ARGUMENT, lur_step_look_ahead_enqueue(step, &x, &y, NULL));
    bad.size = 8;
    EXPECT(SIZE, lur_step_look_ahead_enqueue(step, &x, &y, &bad));
    bad = z, bad.count = N - 1;
    MANAGED(SIZE, lur_step_look_ahead_enqueue(step, &x, &y, &bad));
    bad = z, bad.segment_count = 2;
    EXPECT(ARGUMENT, lur_step_look_ahead_enqueue(step, &x, &y, &bad));
    bad.segments = two;
    MANAGED(SIZE, lur_step_look_ahead_enqueue(step, &x, &y, &bad));
    bad = z, bad.data = 0;
    MANAGED(ARGUMENT, lur_step_look_ahead_enqueue(step, &x, &y, &bad));
    bad.data = (uint64_t)(uintptr_t)ahead + 4;
    MANAGED(ARGUMENT, lur_step_look_ahead_enqueue(step, &x, &y, &bad));
    MANAGED(ARGUMENT, lur_step_look_ahead_enqueue(step, &x, &y, &x));
    MANAGED(ARGUMENT, lur_step_look_ahead_enqueue(step, &x, &y, &y));
    /* Memory that is shared in part, from both sides and by one element. */
    static double shared[3 * N];
    const lur_vector middle = flat(shared + N, N);
    for (int at = 1; at < 2 * N; at += N - 1) {
        bad = flat(shared + at, N);
        MANAGED(ARGUMENT, lur_step_look_ahead_enqueue(step, &middle, &y, &bad));
        MANAGED(ARGUMENT, lur_step_look_ahead_enqueue(step, &x, &middle, &bad));
    }
    MANAGED(STATE, lur_step_update_enqueue(step, &x, &m, &y, &w, &p, NULL));
    MANAGED(STATE, lur_step_gradient_enqueue(step, &x, &y, &w, &p, &z));
    MANAGED(STATE, lur_step_perturb_enqueue(step, 1, &x, &w, &z));
    MANAGED(STATE, lur_step_difference_enqueue(step, &y, &w, &p));
    MANAGED(ARGUMENT, lur_step_perturb_enqueue(step, 0, &x, &w, &z));
    MANAGED(ARGUMENT, lur_step_rate_enqueue(step, -1));
    MANAGED(ARGUMENT, lur_step_rate_enqueue(step, NAN));
#ifndef FRONT_ONLY
    lur_telemetry t = {.size = sizeof t};
    double numbers[LUR_TELEMETRY_COUNT];
    EXPECT(STATE, lur_step_telemetry_read(step, &t));
    EXPECT(STATE, lur_step_telemetry_enqueue(step, numbers));
    OK(lur_step_look_ahead_enqueue(step, &x, &y, &z));
    EXPECT(STATE, lur_step_look_ahead_enqueue(step, &x, &y, &z));
    EXPECT(ARGUMENT, lur_step_update_enqueue(step, &x, &m, &y, NULL, &p, NULL));
    EXPECT(ARGUMENT, lur_step_update_enqueue(step, &x, &x, &y, &w, &p, NULL));
    EXPECT(ARGUMENT, lur_step_update_enqueue(step, &y, &m, &y, &w, &p, NULL));
    EXPECT(ARGUMENT, lur_step_gradient_enqueue(step, &x, &y, &w, &p, &w));
    const lur_vector late = flat(shared + N + 1, N);
    EXPECT(ARGUMENT, lur_step_update_enqueue(step, &middle, &m, &late, &w, &p, NULL));
    EXPECT(ARGUMENT, lur_step_update_enqueue(step, &middle, &late, &y, &w, &p, NULL));
    EXPECT(ARGUMENT, lur_step_gradient_enqueue(step, &x, &middle, &w, &p, &late));
    bad = flat((unsigned char*)theta + sizeof theta - 1, N);
    EXPECT(ARGUMENT, lur_step_update_enqueue(step, &x, &m, &y, &w, &p, &bad));
    bad = flat(mask, N - 1);
    EXPECT(SIZE, lur_step_update_enqueue(step, &x, &m, &y, &w, &p, &bad));
    bad = flat(mask, N);
    OK(lur_step_update_enqueue(step, &x, &m, &y, &w, &p, &bad));
    OK(lur_step_telemetry_read(step, &t));
    CHECK(theta[1] == 1); /* the mask of zeros */
#endif
}

#ifndef FRONT_ONLY
static void difference(lur_session* session) {
    const lur_vector x = flat(theta, N), y = flat(g, N), z = flat(ahead, N), m = flat(momentum, N), w = flat(v, N),
                     p = flat(h, N);
    lur_step_options o = step_defaults(LUR_SECOND_ORDER_FD);
    lur_step* step;
    OK(lur_step_create(session, &o, &x, &step));
    EXPECT(STATE, lur_step_perturb_enqueue(step, 1, &x, &w, &z));
    OK(lur_step_look_ahead_enqueue(step, &x, &y, &z));
    EXPECT(STATE, lur_step_perturb_enqueue(step, -1, &x, &w, &z));
    EXPECT(STATE, lur_step_difference_enqueue(step, &y, &w, &p));
    EXPECT(STATE, lur_step_update_enqueue(step, &x, &m, &y, &w, &p, NULL));
    OK(lur_step_perturb_enqueue(step, 1, &x, &w, &z));
    EXPECT(STATE, lur_step_perturb_enqueue(step, 1, &x, &w, &z));
    EXPECT(STATE, lur_step_update_enqueue(step, &x, &m, &y, &w, NULL, NULL));
    EXPECT(ARGUMENT, lur_step_perturb_enqueue(step, -1, &x, &w, &w));
    OK(lur_step_perturb_enqueue(step, -1, &x, &w, &z));
    OK(lur_step_difference_enqueue(step, &y, &w, &p));
    EXPECT(STATE, lur_step_difference_enqueue(step, &y, &w, &p));
    OK(lur_step_update_enqueue(step, &x, &m, &y, &w, &p, NULL));
    OK(lur_step_destroy(step));
    o.second_order = LUR_SECOND_ORDER_NONE;
    OK(lur_step_create(session, &o, &x, &step));
    OK(lur_step_look_ahead_enqueue(step, &x, &y, &z));
    EXPECT(ARGUMENT, lur_step_update_enqueue(step, &x, &m, &y, &w, &p, NULL));
    OK(lur_step_update_enqueue(step, &x, &m, &y, NULL, NULL, NULL));
    OK(lur_step_destroy(step));
}
#endif

/* Of files and methods: jobs.c. */
#define JOB(code, set)                                                                                                 \
    do {                                                                                                               \
        lur_job_options o = named;                                                                                     \
        lur_job* j = (lur_job*)8;                                                                                      \
        set;                                                                                                           \
        expect(LUR_ERROR_##code, lur_job_create(session, &o, &j), #set, __LINE__);                                     \
        CHECK(j == NULL);                                                                                              \
    } while (0)

static int32_t give_nothing(void* user, const lur_batch_request* request, lur_batch* batch) {
    (void)user, (void)request, (void)batch;
    return 1;
}

/* Of files, tensors and networks: models.c. */
static void models(lur_session* session, lur_step* step) {
    const char* const classes[] = {"a", "\xff"};
    const double infinite[3] = {0, 1e308 * 10, 0};
    lur_model_options named;
    lur_model* model = (lur_model*)8;
    lur_model_info info = {.size = sizeof info};
    lur_tensor_info about = {.size = sizeof about};
    lur_tensor tensor = {.size = sizeof tensor, .name = "x", .data = 8, .dtype = LUR_F32};
    EXPECT(ARGUMENT, lur_model_options_init(NULL, sizeof named));
    EXPECT(SIZE, lur_model_options_init(&named, 8));
    OK(lur_model_options_init(&named, sizeof named));
    named.architecture = "resnet18";
    EXPECT(ARGUMENT, lur_model_create(session, &named, NULL));
    EXPECT(ARGUMENT, lur_model_create(session, NULL, &model));
    EXPECT(ARGUMENT, lur_model_create(NULL, &named, &model));
    EXPECT(HANDLE, lur_model_create((lur_session*)step, &named, &model));
    EXPECT(ARGUMENT, lur_model_open(session, NULL, &model));
    EXPECT(ARGUMENT, lur_model_open(session, "", &model));
    EXPECT(ARGUMENT, lur_model_open(session, "\xff", &model));
    EXPECT(ARGUMENT, lur_model_open(session, "/x", NULL));
    EXPECT(HANDLE, lur_model_open((lur_session*)step, "/x", &model));
    CHECK(model == NULL);
#define MODEL(code, set)                                                                                               \
    do {                                                                                                               \
        lur_model_options o = named;                                                                                   \
        set;                                                                                                           \
        expect(LUR_ERROR_##code, lur_model_create(session, &o, &model), #set, __LINE__);                               \
        CHECK(model == NULL);                                                                                          \
    } while (0)
    MODEL(SIZE, o.size = 8);
    MODEL(ARGUMENT, o.architecture = NULL);
    MODEL(ARGUMENT, o.augmentation = "");
    MODEL(ARGUMENT, o.channels = 4);
    MODEL(SIZE, o.rows = 0);
    MODEL(SIZE, o.columns = -1);
    MODEL(SIZE, o.class_count = UINT32_MAX);
    MODEL(ARGUMENT, (o.classes = classes, o.class_count = 2));
    MODEL(ARGUMENT, o.mean = infinite);
    MODEL(ARGUMENT, o.deviation = infinite); /* and zeros */
    EXPECT(ARGUMENT, lur_model_destroy(NULL));
    EXPECT(HANDLE, lur_model_destroy((lur_model*)step));
    EXPECT(HANDLE, lur_model_destroy((lur_model*)&named));
    EXPECT(ARGUMENT, lur_model_describe((lur_model*)step, NULL));
    EXPECT(HANDLE, lur_model_describe((lur_model*)step, &info));
    EXPECT(HANDLE, lur_model_tensor((lur_model*)session, 0, &about));
    info.size = about.size = 8;
    EXPECT(SIZE, lur_model_describe((lur_model*)step, &info));
    EXPECT(SIZE, lur_model_tensor((lur_model*)step, 0, &about));
    EXPECT(ARGUMENT, lur_model_bind((lur_model*)step, NULL, 1, LUR_BIND_TABLE));
    EXPECT(ARGUMENT, lur_model_bind((lur_model*)step, &tensor, 0, LUR_BIND_TABLE));
    EXPECT(ARGUMENT, lur_model_bind((lur_model*)step, &tensor, 1, 0));
    EXPECT(SIZE, lur_model_bind((lur_model*)step, &tensor, UINT32_MAX, LUR_BIND_TABLE));
    EXPECT(HANDLE, lur_model_bind((lur_model*)step, &tensor, 1, LUR_BIND_TABLE));
    tensor.name = NULL;
    EXPECT(ARGUMENT, lur_model_bind((lur_model*)step, &tensor, 1, LUR_BIND_FLAT));
    EXPECT(HANDLE, lur_model_write_back((lur_model*)step));
    EXPECT(ARGUMENT, lur_model_write_back(NULL));
    EXPECT(ARGUMENT, lur_model_load((lur_model*)step, NULL));
    EXPECT(HANDLE, lur_model_load((lur_model*)step, "/x"));
    EXPECT(HANDLE, lur_model_save((lur_model*)step, "/x"));
#ifdef FRONT_ONLY
    OK(lur_model_create(session, &named, &model));
    OK(lur_model_write_back(model));
    OK(lur_model_destroy(model));
    EXPECT(HANDLE, lur_model_destroy(model));
#endif
}

static void images(lur_session* session, lur_step* step) {
    const char* const classes[] = {"\xff"};
    lur_sample_options named;
    EXPECT(ARGUMENT, lur_sample_options_init(NULL, sizeof named));
    EXPECT(SIZE, lur_sample_options_init(&named, 8));
    OK(lur_sample_options_init(&named, sizeof named));
    named.model = named.output = "/nonexistent";
    EXPECT(ARGUMENT, lur_sample(session, NULL, NULL, NULL));
    EXPECT(ARGUMENT, lur_sample(NULL, &named, NULL, NULL));
    EXPECT(HANDLE, lur_sample((lur_session*)step, &named, NULL, NULL));
#define SAMPLE(code, set)                                                                                              \
    do {                                                                                                               \
        lur_sample_options o = named;                                                                                  \
        set;                                                                                                           \
        expect(LUR_ERROR_##code, lur_sample(session, &o, NULL, NULL), #set, __LINE__);                                 \
    } while (0)
    SAMPLE(SIZE, o.size = 8);
    SAMPLE(ARGUMENT, o.model = NULL);
    SAMPLE(ARGUMENT, o.output = "");
    SAMPLE(ARGUMENT, o.sampler = NULL);
    SAMPLE(ARGUMENT, o.count = 0);
    SAMPLE(ARGUMENT, o.steps = -1);
    SAMPLE(ARGUMENT, o.eta = 1.5);
    SAMPLE(ARGUMENT, o.eta = o.guidance); /* NaN */
    SAMPLE(ARGUMENT, o.guidance = 1e308 * 10);
    SAMPLE(ARGUMENT, o.class_count = 1);
    SAMPLE(ARGUMENT, (o.classes = classes, o.class_count = 1));
    SAMPLE(NEWER_OPTION, o.flags = 2);
    SAMPLE(HANDLE, (o.model = NULL, o.weights = (lur_model*)step));
#ifndef FRONT_ONLY
    SAMPLE(FILE, (void)0);
#endif
}

static void jobs(lur_session* session, lur_step* step) {
    const char *const texts[] = {"class:3", NULL}, *const odd[] = {"class:3", "\xff"}, *const empty[] = {""};
    lur_job_options named;
    lur_job* job;
    uint64_t bytes;
    int64_t steps;
    size_t length = 1;
    struct {
        lur_job_options known;
        uint64_t tail;
    } longer;
    EXPECT(ARGUMENT, lur_job_options_init(NULL, sizeof named));
    EXPECT(SIZE, lur_job_options_init(&named, 8));
    OK(lur_job_options_init(&named, sizeof named));
    CHECK(named.seed == 1 && strcmp(named.method, "lur") == 0);
    named.model = "/nonexistent", named.data = "synthetic", named.output = "/nonexistent";
    named.forget = texts, named.forget_count = 1;
    longer.known = named, longer.known.size = sizeof longer, longer.tail = 1;
    EXPECT(NEWER_OPTION, lur_job_create(session, &longer.known, &job));
    EXPECT(ARGUMENT, lur_job_create(session, &named, NULL));
    EXPECT(ARGUMENT, lur_job_create(session, NULL, &job));
    EXPECT(ARGUMENT, lur_job_create(NULL, &named, &job));
    EXPECT(HANDLE, lur_job_create((lur_session*)step, &named, &job));
    JOB(SIZE, o.size = 8);
    JOB(ARGUMENT, o.model = NULL);
    JOB(ARGUMENT, o.data = "");
    JOB(ARGUMENT, o.output = NULL);
    JOB(ARGUMENT, o.method = NULL);
    JOB(ARGUMENT, o.model = "\xc3(");
    JOB(ARGUMENT, o.split = "\xff");
    JOB(ARGUMENT, o.forget_count = 0);
    JOB(ARGUMENT, o.forget_count = 2);
    JOB(ARGUMENT, o.forget = NULL);
    JOB(ARGUMENT, (o.forget = odd, o.forget_count = 2));
    JOB(ARGUMENT, o.option_count = 1);
    JOB(ARGUMENT, (o.options = empty, o.option_count = 1));
    JOB(ARGUMENT, o.forgotten_count = 1);
    JOB(SIZE, o.option_count = UINT32_MAX);
    JOB(ARGUMENT, o.image_size = -1);
    JOB(ARGUMENT, o.checkpoint_every = -1);
    JOB(NEWER_OPTION, o.flags = 8);
    JOB(HANDLE, (o.model = NULL, o.weights = (lur_model*)step));
    JOB(HANDLE, (o.model = NULL, o.weights = (lur_model*)&named));
    JOB(ARGUMENT, o.weights = (lur_model*)step); /* and a model */
    lur_provider p = {.size = sizeof p, .channels = 3, .rows = 4, .columns = 4, .train_count = 2, .name = "p"};
    p.classes = texts, p.class_count = 1, p.next = give_nothing;
#define PROVIDER(code, set)                                                                                            \
    do {                                                                                                               \
        lur_provider q = p;                                                                                            \
        set;                                                                                                           \
        JOB(code, (o.data = NULL, o.provider = &q));                                                                   \
    } while (0)
    JOB(ARGUMENT, o.provider = &p);                                    /* and data */
    JOB(ARGUMENT, (o.data = NULL, o.provider = &p, o.image_size = 8)); /* which is not scaled */
    PROVIDER(SIZE, q.size = 8);
    PROVIDER(ARGUMENT, q.channels = 2);
    PROVIDER(SIZE, q.rows = 0);
    PROVIDER(SIZE, q.columns = 1 << 20);
    PROVIDER(SIZE, q.train_count = 0);
    PROVIDER(SIZE, q.test_count = -1);
    PROVIDER(SIZE, q.train_count = INT64_MAX);
    PROVIDER(ARGUMENT, q.next = NULL);
    PROVIDER(ARGUMENT, q.name = NULL);
    PROVIDER(ARGUMENT, q.class_count = 0);
    PROVIDER(ARGUMENT, q.classes = NULL);
    PROVIDER(ARGUMENT, q.class_count = 2);
#ifndef FRONT_ONLY
    JOB(UNSUPPORTED, o.method = "magic");
    JOB(FILE, o.seed = 2);
#endif
    EXPECT(ARGUMENT, lur_job_run(NULL, NULL, NULL));
    EXPECT(HANDLE, lur_job_run((lur_job*)step, NULL, NULL));
    EXPECT(HANDLE, lur_job_resume((lur_job*)session, NULL, NULL));
    EXPECT(HANDLE, lur_job_destroy((lur_job*)step));
    EXPECT(HANDLE, lur_step_destroy((lur_step*)&named));
    EXPECT(ARGUMENT, lur_job_destroy(NULL));
    EXPECT(ARGUMENT, lur_job_plan((lur_job*)step, NULL, &steps));
    EXPECT(ARGUMENT, lur_job_plan((lur_job*)step, &bytes, NULL));
    EXPECT(HANDLE, lur_job_plan((lur_job*)step, &bytes, &steps));
    EXPECT(ARGUMENT, lur_job_result_json((lur_job*)step, NULL, 0, NULL));
    EXPECT(HANDLE, lur_job_result_json((lur_job*)step, NULL, 0, &length));
    CHECK(length == 0);
    EXPECT(ARGUMENT, lur_methods_json(NULL, 0, NULL));
#ifdef FRONT_ONLY
    OK(lur_job_create(session, &named, &job));
    OK(lur_job_run(job, NULL, NULL));
    OK(lur_job_destroy(job));
    EXPECT(HANDLE, lur_job_run(job, NULL, NULL));
    EXPECT(HANDLE, lur_job_destroy(job));
#endif
}

#ifndef FRONT_ONLY
/* A vector at an address that is none: the context is lost, as CUDA has it, and all sessions in it with it; when they
 * are closed the next one begins anew. */
static void lost(void) {
    lur_session_options o = defaults();
    lur_session *one, *other;
    lur_step *s, *t;
    const lur_vector x = flat(theta, N), y = flat(g, N), z = flat(ahead, N), nowhere = flat((void*)(1ull << 46), N);
    OK(lur_open(&o, &one));
    OK(lur_open(&o, &other));
    const lur_step_options how = step_defaults(LUR_SECOND_ORDER_GIVEN);
    OK(lur_step_create(one, &how, &x, &s));
    OK(lur_step_create(other, &how, &x, &t));
    CHECK(lur_step_look_ahead_enqueue(s, &x, &y, &nowhere) == LUR_ERROR_DEVICE || lur_wait(one) == LUR_ERROR_DEVICE);
    CHECK(lur_error_native() == 700);
    CHECK(lur_wait(one) == LUR_ERROR_DEVICE && lur_wait(other) == LUR_ERROR_DEVICE);
    OK(lur_step_destroy(s));
    OK(lur_close(one));
    OK(lur_close(other));
    OK(lur_open(&o, &one));
    OK(lur_step_create(one, &how, &x, &s));
    OK(lur_step_look_ahead_enqueue(s, &x, &y, &z));
    OK(lur_wait(one));
    OK(lur_close(one));
}
#endif

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    for (int i = 0; i < N; i++) theta[i] = i, g[i] = 1, v[i] = 2, h[i] = 3;
    CHECK(lur_error_text(NULL, 0) == 0);
    lur_session_options o = defaults();
    lur_session *session, *closed;
    lur_step *step, *stale;
    const lur_vector shape = flat(NULL, N);
    const lur_step_options given = step_defaults(LUR_SECOND_ORDER_GIVEN);
    OK(lur_open(&o, &closed));
    OK(lur_step_create(closed, &given, &shape, &stale));
    OK(lur_close(closed));
    EXPECT(HANDLE, lur_close(closed));
    EXPECT(HANDLE, lur_wait(closed));
    options();
#ifndef FRONT_ONLY
    static char doctor[1 << 14];
    CHECK(lur_doctor(doctor, sizeof doctor) == strlen(doctor) && strstr(doctor, "liblur_cuda_host.so"));
    streams();
    memory();
#endif
    OK(lur_open(&o, &session));
    OK(lur_step_create(session, &given, &shape, &step));
    creation(session);
    handles(session, step, stale);
    vectors(step);
    jobs(session, step);
    models(session, step);
    images(session, step);
#ifndef FRONT_ONLY
    difference(session);
#endif
    char part[8];
    EXPECT(ARGUMENT, lur_close(NULL));
    CHECK(lur_error_text(part, sizeof part) > 7 && strlen(part) == 7);
    OK(lur_close(session));
    EXPECT(HANDLE, lur_step_destroy(step)); /* went with its session */
#ifndef FRONT_ONLY
    lost();
#endif
    return report(argv[1]);
}
