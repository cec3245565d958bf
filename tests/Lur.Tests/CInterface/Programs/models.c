/* Weights and data of the caller: tables and flat memory, a provider, jobs on them, and images.
 *   models COUNT MODEL DATA FORGET FOLDER UNET [growth] */
#include "folders.h"
#include "harness.h"
#include <math.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/mman.h>

enum { MOST = 64 };
static lur_session* session;

/* ---- memory of the caller -------------------------------------------------------------------------------------------
 */

struct flat {
    float *parameters, *statistics;
    int64_t p, s;
    lur_model* model;
};
/* A model over two vectors of this program with the weights of a file. */
static struct flat flat_of(const char* path) {
    struct flat f = {0};
    OK(lur_model_open(session, words[2], &f.model));
    lur_model_info info = {.size = sizeof info};
    OK(lur_model_describe(f.model, &info));
    f.p = info.parameter_count, f.s = info.statistic_count;
    f.parameters = aligned_alloc(256, ((size_t)f.p * 4 + 255) / 256 * 256);
    f.statistics = aligned_alloc(256, ((size_t)f.s * 4 + 255) / 256 * 256);
    memset(f.parameters, 0, (size_t)f.p * 4), memset(f.statistics, 0, (size_t)f.s * 4);
    const lur_tensor both[2] = {{.size = sizeof both[0],
                                 .rank = 1,
                                 .name = "parameters",
                                 .data = (uint64_t)(uintptr_t)f.parameters,
                                 .place = LUR_PLACE_DEVICE,
                                 .dtype = LUR_F32,
                                 .shape = {f.p}},
                                {.size = sizeof both[0],
                                 .rank = 1,
                                 .name = "statistics",
                                 .data = (uint64_t)(uintptr_t)f.statistics,
                                 .place = LUR_PLACE_DEVICE,
                                 .dtype = LUR_F32,
                                 .shape = {f.s}}};
    CHECK(lur_model_bind(f.model, both, 1, LUR_BIND_FLAT) == LUR_ERROR_ARGUMENT); /* the statistics are missing */
    lur_tensor one[2] = {both[0], both[1]};
    one[1].data = one[0].data + 4;
    CHECK(lur_model_bind(f.model, one, 2, LUR_BIND_FLAT) == LUR_ERROR_ARGUMENT); /* they share memory */
    OK(lur_model_bind(f.model, both, 2, LUR_BIND_FLAT));
    OK(lur_model_load(f.model, path));
    return f;
}
static int same(struct flat a, struct flat b) {
    return a.p == b.p && a.s == b.s && memcmp(a.parameters, b.parameters, (size_t)a.p * 4) == 0 &&
           memcmp(a.statistics, b.statistics, (size_t)a.s * 4) == 0;
}
static void drop(struct flat f) {
    OK(lur_model_destroy(f.model));
    free(f.parameters), free(f.statistics);
}

struct table {
    int64_t count;
    lur_tensor tensors[MOST];
    char names[MOST][192];
};
static size_t size_of(int32_t dtype) { return dtype == LUR_F64 ? 8 : dtype == LUR_F32 ? 4 : 2; }
/* A table of buffers of this program; every element twice as far from the next as it has to be where gaps is set. */
static void table_of(struct table* t, lur_model* model, int32_t dtype, int32_t place, int32_t layout, int gaps) {
    lur_model_info info = {.size = sizeof info};
    OK(lur_model_describe(model, &info));
    CHECK(info.tensor_count > 4 && info.tensor_count <= MOST);
    memset(t, 0, sizeof *t);
    t->count = info.tensor_count;
    for (int64_t i = 0; i < t->count; i++) {
        lur_tensor_info about = {.size = sizeof about};
        OK(lur_model_tensor(model, i, &about));
        lur_tensor* const x = &t->tensors[i];
        strcpy(t->names[i], about.name);
        x->size = sizeof *x, x->rank = about.rank, x->name = t->names[i], x->place = place, x->dtype = dtype;
        const int last = layout == LUR_LAYOUT_CHANNELS_LAST && about.rank == 4;
        x->layout = layout;
        int64_t next = gaps ? 2 : 1;
        for (int a = about.rank - 1; a >= 0; a--) {
            x->shape[a] = last ? about.device_shape[a] : about.shape[a];
            if (gaps) x->stride[a] = next;
            next *= x->shape[a];
        }
        const size_t bytes = (size_t)about.count * size_of(dtype) * (gaps ? 2 : 1);
        void* const data = malloc(bytes);
        memset(data, 0x11, bytes);
        x->data = (uint64_t)(uintptr_t)data;
    }
}
static void drop_table(struct table* t) {
    for (int64_t i = 0; i < t->count; i++) free((void*)(uintptr_t)t->tensors[i].data);
}

/* Out of a model and into another one through tables of every kind: the weights are those of the file. */
static void tables(void) {
    const struct {
        int32_t dtype, place, layout, gaps;
    } kinds[] = {{LUR_F32, LUR_PLACE_HOST, LUR_LAYOUT_DECLARED, 0},
                 {LUR_F32, LUR_PLACE_DEVICE, LUR_LAYOUT_CHANNELS_LAST, 0},
                 {LUR_F64, LUR_PLACE_DEVICE, LUR_LAYOUT_DECLARED, 1},
                 {LUR_F32, LUR_PLACE_HOST, LUR_LAYOUT_CHANNELS_LAST, 1}};
    const struct flat file = flat_of(words[2]);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct table t;
        lur_model *from, *to;
        OK(lur_model_open(session, words[2], &from));
        table_of(&t, from, kinds[k].dtype, kinds[k].place, kinds[k].layout, kinds[k].gaps);
        CHECK(lur_model_write_back(from) == LUR_ERROR_STATE);
        /* What lies in the table goes in: zeros, with variances that are not negative. */
        for (int64_t i = 0; i < t.count; i++) {
            lur_tensor_info about = {.size = sizeof about};
            OK(lur_model_tensor(from, i, &about));
            memset((void*)(uintptr_t)t.tensors[i].data, 0,
                   (size_t)about.count * size_of(kinds[k].dtype) * (kinds[k].gaps ? 2 : 1));
        }
        OK(lur_model_bind(from, t.tensors, (uint32_t)t.count, LUR_BIND_TABLE));
        OK(lur_model_save(from, in("", "zeros.safetensors")));
        const struct flat zeros = flat_of(in("", "zeros.safetensors"));
        double sum = 0;
        for (int64_t i = 0; i < zeros.p; i++) sum += fabs(zeros.parameters[i]);
        CHECK(sum == 0);
        drop(zeros);
        /* And what the model has goes out again. */
        OK(lur_model_load(from, words[2]));
        OK(lur_model_write_back(from));
        lur_model_options o;
        OK(lur_model_options_init(&o, sizeof o));
        lur_model_info info = {.size = sizeof info};
        OK(lur_model_describe(from, &info));
        o.architecture = info.architecture, o.class_count = (uint32_t)info.class_count;
        OK(lur_model_create(session, &o, &to));
        OK(lur_model_bind(to, t.tensors, (uint32_t)t.count, LUR_BIND_TABLE));
        OK(lur_model_save(to, in("", "through.safetensors")));
        const struct flat through = flat_of(in("", "through.safetensors"));
        CHECK(same(through, file));
        drop(through);
        if (kinds[k].gaps && kinds[k].dtype == LUR_F64)
            CHECK(((const uint64_t*)(uintptr_t)t.tensors[0].data)[1] == 0); /* what lies between is left alone */
        OK(lur_model_destroy(from));
        OK(lur_model_destroy(to));
        drop_table(&t);
    }
    drop(file);
}

/* Half precision: what comes back is the nearest number that has it. */
static void halves(void) {
    for (int32_t dtype = LUR_F16; dtype <= LUR_BF16; dtype++) {
        struct table wide, narrow;
        lur_model* m;
        OK(lur_model_open(session, words[2], &m));
        table_of(&wide, m, LUR_F32, LUR_PLACE_HOST, LUR_LAYOUT_DECLARED, 0);
        table_of(&narrow, m, dtype, LUR_PLACE_HOST, LUR_LAYOUT_DECLARED, 0);
        for (int64_t i = 0; i < wide.count; i++)
            for (int64_t e = 0; e < 1; e++) ((float*)(uintptr_t)wide.tensors[i].data)[e] = 0;
        for (int64_t i = 0; i < wide.count; i++) {
            lur_tensor_info about = {.size = sizeof about};
            OK(lur_model_tensor(m, i, &about));
            for (int64_t e = 0; e < about.count; e++)
                ((float*)(uintptr_t)wide.tensors[i].data)[e] = 1.0f + 0.001953125f * (float)(e % 7); /* 2^-9 steps */
        }
        OK(lur_model_bind(m, wide.tensors, (uint32_t)wide.count, LUR_BIND_TABLE));
        OK(lur_model_save(m, in("", "wide.safetensors")));
        memset((void*)(uintptr_t)narrow.tensors[0].data, 0, 2);
        for (int64_t i = 0; i < narrow.count; i++) {
            lur_tensor_info about = {.size = sizeof about};
            OK(lur_model_tensor(m, i, &about));
            memset((void*)(uintptr_t)narrow.tensors[i].data, 0, (size_t)about.count * 2);
        }
        OK(lur_model_bind(m, narrow.tensors, (uint32_t)narrow.count, LUR_BIND_TABLE));
        OK(lur_model_load(m, in("", "wide.safetensors")));
        OK(lur_model_write_back(m));
        const uint16_t* const x = (const uint16_t*)(uintptr_t)narrow.tensors[0].data;
        /* 1 + e / 512: exact in half precision (2^-10); bfloat keeps 7 bits, so that 1 + 2^-9, and 1 + 2^-8 with the
         * tie to even, become 1, and 1 + 3 / 512 the next one. */
        const uint16_t half[4] = {0x3C00, 0x3C02, 0x3C04, 0x3C06}, brain[4] = {0x3F80, 0x3F80, 0x3F80, 0x3F81};
        CHECK(memcmp(x, dtype == LUR_F16 ? half : brain, sizeof half) == 0);
        OK(lur_model_destroy(m));
        drop_table(&wide), drop_table(&narrow);
    }
}

static void wrong_tables(void) {
    struct table t, was;
    lur_model* m;
    char text[1024];
    OK(lur_model_open(session, words[2], &m));
    table_of(&t, m, LUR_F32, LUR_PLACE_HOST, LUR_LAYOUT_DECLARED, 0);
    table_of(&was, m, LUR_F32, LUR_PLACE_HOST, LUR_LAYOUT_DECLARED, 0);
    for (int64_t i = 0; i < t.count; i++) {
        lur_tensor_info about = {.size = sizeof about};
        OK(lur_model_tensor(m, i, &about));
        memset((void*)(uintptr_t)t.tensors[i].data, 0, (size_t)about.count * 4);
        memset((void*)(uintptr_t)was.tensors[i].data, 0, (size_t)about.count * 4);
    }
#define BIND(code, change)                                                                                             \
    do {                                                                                                               \
        struct table bad = t;                                                                                          \
        uint32_t count = (uint32_t)bad.count;                                                                          \
        int32_t mode = LUR_BIND_TABLE;                                                                                 \
        change;                                                                                                        \
        check_that(lur_model_bind(m, bad.tensors, count, mode) == LUR_ERROR_##code, #code " " #change, __LINE__);      \
        (void)mode;                                                                                                    \
    } while (0)
    BIND(ARGUMENT, mode = 3);
    BIND(ARGUMENT, count = 0);
    BIND(ARGUMENT, count--);
    CHECK(lur_error_text(text, sizeof text) && strstr(text, "is missing"));
    BIND(ARGUMENT, bad.tensors[1].name = "nobody");
    CHECK(lur_error_text(text, sizeof text) && strstr(text, "'nobody' is none of the model's") &&
          strstr(text, "is missing"));
    BIND(ARGUMENT, bad.tensors[1].name = bad.tensors[0].name);
    CHECK(lur_error_text(text, sizeof text) && strstr(text, "given twice"));
    BIND(ARGUMENT, bad.tensors[0].shape[0]++);
    CHECK(lur_error_text(text, sizeof text) && strstr(text, "should be ["));
    BIND(ARGUMENT, bad.tensors[0].data = 0);
    BIND(ARGUMENT, bad.tensors[0].name = NULL);
    BIND(ARGUMENT, bad.tensors[0].name = "\xC0");
    BIND(ARGUMENT, bad.tensors[0].dtype = LUR_U8);
    BIND(ARGUMENT, bad.tensors[0].place = 2);
    BIND(ARGUMENT, bad.tensors[0].layout = 2);
    BIND(SIZE, bad.tensors[0].rank = 9);
    BIND(SIZE, bad.tensors[0].stride[0] = -1);
    BIND(SIZE, bad.tensors[0].size = 8);
    BIND(SIZE, bad.tensors[1].size++);
    BIND(ARGUMENT, mode = LUR_BIND_FLAT);
    BIND(NEWER_OPTION, bad.tensors[0].reserved = 1);
    /* Where there is no memory: at once, in the midst, and by a stride. */
    BIND(ARGUMENT, bad.tensors[0].data = 0x10000);
    CHECK(lur_error_text(text, sizeof text) && strstr(text, t.names[0]) && strstr(text, "0x10000"));
    BIND(ARGUMENT, bad.tensors[0].data = (uint64_t)-16);
    char* const page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    BIND(ARGUMENT, bad.tensors[0].data = (uint64_t)(uintptr_t)(page + 4092));
    BIND(ARGUMENT, for (int a = 0; a < bad.tensors[0].rank; a++) bad.tensors[0].stride[a] = 1000000000);
    struct table read_only = t;
    read_only.tensors[0].data = (uint64_t)(uintptr_t)mmap(NULL, 1 << 16, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    OK(lur_model_bind(m, read_only.tensors, (uint32_t)t.count, LUR_BIND_TABLE));
    CHECK(lur_model_write_back(m) == LUR_ERROR_ARGUMENT);
    CHECK(lur_error_text(text, sizeof text) && strstr(text, t.names[0]) && strstr(text, "cannot be written"));
    OK(lur_model_load(m, words[2]));
    *(float*)(uintptr_t)t.tensors[t.count - 1].data = NAN;
    BIND(NOT_FINITE, (void)0);
    CHECK(lur_error_text(text, sizeof text) && strstr(text, t.names[t.count - 1]));
    /* The model has kept all it had. */
    OK(lur_model_save(m, in("", "kept.safetensors")));
    const struct flat kept = flat_of(in("", "kept.safetensors")), file = flat_of(words[2]);
    CHECK(same(kept, file));
    drop(kept), drop(file);
    lur_tensor_info about = {.size = sizeof about};
    CHECK(lur_model_tensor(m, -1, &about) == LUR_ERROR_SIZE && lur_model_tensor(m, t.count, &about) == LUR_ERROR_SIZE);
    about.size = 8;
    CHECK(lur_model_tensor(m, 0, &about) == LUR_ERROR_SIZE);
    CHECK(lur_model_load(m, "/nonexistent") == LUR_ERROR_FILE && lur_model_load(m, words[0]) == LUR_ERROR_FORMAT);
    CHECK(lur_model_load(m, words[6]) == LUR_ERROR_FORMAT); /* another network */
    CHECK(lur_error_text(text, sizeof text) && !strchr(text, '\n'));
    CHECK(lur_model_save(m, "/proc/nowhere/model") == LUR_ERROR_FILE);
    lur_model *other = NULL, *none = NULL;
    CHECK(lur_model_open(session, "/nonexistent", &none) == LUR_ERROR_FILE && !none);
    CHECK(lur_model_open(session, words[0], &none) == LUR_ERROR_FORMAT && !none);
    lur_model_options o;
    OK(lur_model_options_init(&o, sizeof o));
    CHECK(lur_model_create(session, &o, &other) == LUR_ERROR_ARGUMENT); /* no architecture */
    o.architecture = "magic";
    CHECK(lur_model_create(session, &o, &other) == LUR_ERROR_ARGUMENT && !other);
    o.architecture = "resnet[1,1]:w4", o.channels = 2;
    CHECK(lur_model_create(session, &o, &other) == LUR_ERROR_ARGUMENT);
    const double zero[3] = {0, 0, 0};
    o.channels = 3, o.deviation = zero;
    CHECK(lur_model_create(session, &o, &other) == LUR_ERROR_ARGUMENT);
    OK(lur_model_destroy(m));
    CHECK(lur_model_destroy(m) == LUR_ERROR_HANDLE && lur_model_write_back(m) == LUR_ERROR_HANDLE);
    CHECK(lur_model_describe((lur_model*)session, NULL) != LUR_OK);
    drop_table(&t), drop_table(&was);
}

/* ---- jobs on them ---------------------------------------------------------------------------------------------------
 */

static const char* const quick[] = {"epochs=2", "batch=16", "lr=0.01"};
static lur_job_options options_of(const char* folder) {
    static char output[1024];
    lur_job_options o;
    lur_job_options_init(&o, sizeof o);
    snprintf(output, sizeof output, "%s", in(folder, ""));
    o.data = words[3], o.output = output, o.method = "ft";
    o.forget = (const char* const*)words + 4, o.forget_count = 1;
    o.options = quick, o.option_count = 3;
    return o;
}
static lur_job* make(lur_job_options o) {
    lur_job* job = NULL;
    OK(lur_job_create(session, &o, &job));
    return job;
}
/* Stops at the first step, or at one of the first that it hears of. */
static int32_t stop(void* user, const lur_progress* p) {
    return strcmp(p->stage, "repair") == 0 && (!user || p->done > 0);
}
static void run(lur_job_options o) {
    lur_job* const job = make(o);
    OK(lur_job_run(job, NULL, NULL));
    OK(lur_job_destroy(job));
}

static void jobs(void) {
    lur_job_options o = options_of("file");
    o.model = words[2];
    run(o);
    const struct flat result = flat_of(in("file", "model.safetensors")), file = flat_of(words[2]);
    CHECK(!same(result, file));

    struct flat mine = flat_of(words[2]);
    o = options_of("flat"), o.weights = mine.model;
    lur_job* job = make(o);
    uint64_t bytes = 0;
    int64_t steps = 0;
    OK(lur_job_plan(job, &bytes, &steps));
    CHECK(bytes > 1000 && steps > 1 && same(mine, file) && !exists(in("flat", "")));
    /* Cancelled, the weights are what they were; gone on with, they become what they should. */
    CHECK(lur_job_run(job, stop, NULL) == LUR_ERROR_CANCELLED && same(mine, file));
    CHECK(exists(in("flat", "original/model.safetensors")));
    /* Other weights than those it began with are not taken for them. */
    OK(lur_model_load(mine.model, in("file", "model.safetensors")));
    CHECK(lur_job_resume(job, NULL, NULL) == LUR_ERROR_ARGUMENT && same(mine, result));
    OK(lur_model_load(mine.model, words[2]));
    mine.parameters[0] += 1;
    CHECK(lur_job_resume(job, NULL, NULL) == LUR_ERROR_ARGUMENT);
    mine.parameters[0] = file.parameters[0];
    CHECK(same(mine, file));
    OK(lur_job_resume(job, NULL, NULL));
    CHECK(same(mine, result));
    OK(lur_job_destroy(job));
    /* The model knows what it has forgotten: the same again leaves nothing to do. */
    o = options_of("again"), o.weights = mine.model;
    job = make(o);
    CHECK(lur_job_run(job, NULL, NULL) == LUR_ERROR_ARGUMENT && same(mine, result));
    OK(lur_job_destroy(job));
    drop(mine);

    static const char* const away[] = {"epochs=1", "batch=16", "lr=1e30"};
    mine = flat_of(words[2]);
    o = options_of("away"), o.weights = mine.model, o.options = away, o.method = "ga";
    job = make(o);
    CHECK(lur_job_run(job, NULL, NULL) == LUR_ERROR_NOT_FINITE && same(mine, file));
    CHECK(!exists(in("away", "original"))); /* there is no checkpoint to go on from with it */
    OK(lur_job_destroy(job));
    drop(mine);

    /* Cancelled among its steps, which takes more of them. */
    static const char* const slow[] = {"epochs=25", "batch=16", "lr=0.01"};
    mine = flat_of(words[2]);
    for (int keeps = 0; keeps <= 1; keeps++) {
        o = options_of(keeps ? "partial" : "restored"), o.weights = mine.model, o.options = slow;
        o.flags = keeps ? LUR_JOB_KEEP_PARTIAL : 0;
        job = make(o);
        CHECK(lur_job_run(job, stop, &o) == LUR_ERROR_CANCELLED && same(mine, file) == !keeps);
        if (!keeps) OK(lur_job_destroy(job));
    }
    OK(lur_job_resume(job, NULL, NULL));
    CHECK(!same(mine, file));
    OK(lur_model_destroy(mine.model));
    CHECK(lur_job_run(job, NULL, NULL) == LUR_ERROR_STATE); /* its model is gone */
    OK(lur_job_destroy(job));
    free(mine.parameters), free(mine.statistics);

    struct table t;
    lur_model* m;
    OK(lur_model_open(session, words[2], &m));
    table_of(&t, m, LUR_F32, LUR_PLACE_HOST, LUR_LAYOUT_DECLARED, 0);
    for (int64_t i = 0; i < t.count; i++) {
        lur_tensor_info about = {.size = sizeof about};
        OK(lur_model_tensor(m, i, &about));
        memset((void*)(uintptr_t)t.tensors[i].data, 0, (size_t)about.count * 4);
    }
    OK(lur_model_bind(m, t.tensors, (uint32_t)t.count, LUR_BIND_TABLE));
    OK(lur_model_load(m, words[2]));
    OK(lur_model_write_back(m));
    const float first = *(const float*)(uintptr_t)t.tensors[0].data;
    o = options_of("table"), o.weights = m;
    run(o);
    CHECK(*(const float*)(uintptr_t)t.tensors[0].data == first);
    OK(lur_model_write_back(m));
    CHECK(*(const float*)(uintptr_t)t.tensors[0].data != first);
    OK(lur_model_save(m, in("", "table.safetensors")));
    const struct flat table = flat_of(in("", "table.safetensors"));
    CHECK(same(table, result));
    drop(table);
    OK(lur_model_destroy(m));
    drop_table(&t);

    lur_session_options other_options = defaults();
    lur_session* other;
    lur_model* foreign;
    OK(lur_open(&other_options, &other));
    OK(lur_model_open(other, words[2], &foreign));
    job = NULL;
    o = options_of("never"), o.weights = foreign;
    CHECK(lur_job_create(session, &o, &job) == LUR_ERROR_ARGUMENT && !job);
    o.weights = (lur_model*)8;
    CHECK(lur_job_create(session, &o, &job) == LUR_ERROR_HANDLE && !job);
    o.weights = file.model, o.model = words[2];
    CHECK(lur_job_create(session, &o, &job) == LUR_ERROR_ARGUMENT && !job);
    o.weights = NULL, o.model = NULL;
    CHECK(lur_job_create(session, &o, &job) == LUR_ERROR_ARGUMENT && !job);
    o.weights = file.model, o.method = "esd";
    CHECK(lur_job_create(session, &o, &job) == LUR_ERROR_UNSUPPORTED && !job);
    OK(lur_close(other));
    drop(result), drop(file);
}

/* ---- data of the caller ---------------------------------------------------------------------------------------------
 */

enum { SIDE = 32, CLASSES = 10, TRAIN = 300, TEST = 60, IMAGE = 3 * SIDE * SIDE };
struct source {
    int32_t dtype, layout;
    int calls, fault, stop_at;
    int64_t asked[2];
    pthread_t thread;
    void *images, *edge;
    int32_t labels[TRAIN];
};
static uint8_t pixel(int part, int64_t sample, int at) {
    uint64_t x = (uint64_t)(part * 7919 + sample * 104729 + at) * 6364136223846793005ull + 1442695040888963407ull;
    return (uint8_t)((x >> 33) % 64 + 16 * (uint64_t)(sample % CLASSES));
}
static int32_t next(void* user, const lur_batch_request* r, lur_batch* b) {
    struct source* const s = user;
    CHECK(pthread_equal(pthread_self(), s->thread) && r->size >= sizeof *r && r->count > 0 && b->size >= sizeof *b);
    if (++s->calls == s->stop_at) return 1;
    const size_t size = s->dtype == LUR_U8 ? 1 : 4;
    free(s->images);
    s->images = malloc((size_t)r->count * IMAGE * size);
    for (int64_t i = 0; i < r->count; i++) {
        CHECK(r->indices[i] == s->asked[r->part]); /* each once, in order */
        s->asked[r->part]++;
        s->labels[i] = s->fault == 1 ? CLASSES : (int32_t)(r->indices[i] % CLASSES);
        for (int at = 0; at < IMAGE; at++) {
            const uint8_t value = pixel(r->part, r->indices[i], at);
            const int to = s->layout == LUR_LAYOUT_DECLARED ? at : at % (SIDE * SIDE) * 3 + at / (SIDE * SIDE);
            if (s->dtype == LUR_U8)
                ((uint8_t*)s->images)[i * IMAGE + to] = value;
            else
                ((float*)s->images)[i * IMAGE + to] = s->fault == 2 ? 1.5f : (float)value / 255;
        }
    }
    b->dtype = s->fault == 3 ? LUR_F64 : s->dtype, b->layout = s->layout;
    b->images = s->fault == 4 ? 0 : (uint64_t)(uintptr_t)s->images, b->labels = s->labels;
    /* Addresses of nothing: a low one, one beyond the program, one that ends too early, and one that is none at all. */
    if (s->fault == 5) b->images = 4096;
    if (s->fault == 6) b->images = 1ull << 46, b->place = LUR_PLACE_DEVICE;
    if (s->fault == 7) b->labels = (const int32_t*)(uintptr_t)(1ull << 46);
    if (s->fault == 8) b->images = (uint64_t)(uintptr_t)s->edge;
    if (s->fault == 9) b->images = 1ull << 62;
    return 0;
}
static int32_t provided(const char* folder, struct source* s, int64_t test) {
    static const char* const names[CLASSES] = {"disc", "square",   "triangle", "star",   "cross",
                                               "ring", "crescent", "stripes",  "checks", "dots"};
    s->thread = pthread_self();
    const lur_provider p = {.size = sizeof p,
                            .channels = 3,
                            .rows = SIDE,
                            .columns = SIDE,
                            .train_count = TRAIN,
                            .test_count = test,
                            .classes = names,
                            .class_count = CLASSES,
                            .name = "made up",
                            .next = next,
                            .user = s};
    lur_job_options o = options_of(folder);
    lur_model* model; /* the file has the split of another data set beside it */
    OK(lur_model_open(session, words[2], &model));
    o.weights = model, o.data = NULL, o.provider = &p;
    lur_job* job = make(o);
    const int32_t code = lur_job_run(job, NULL, NULL);
    OK(lur_job_destroy(job));
    OK(lur_model_destroy(model));
    free(s->images), s->images = NULL;
    return code;
}

static void providers(void) {
    struct source bytes = {.dtype = LUR_U8}, floats = {.dtype = LUR_F32, .layout = LUR_LAYOUT_CHANNELS_LAST};
    CHECK(provided("bytes", &bytes, TEST) == LUR_OK && bytes.asked[0] == TRAIN && bytes.asked[1] == TEST);
    CHECK(provided("floats", &floats, TEST) == LUR_OK && floats.calls > 2);
    const struct flat a = flat_of(in("bytes", "model.safetensors")), b = flat_of(in("floats", "model.safetensors"));
    const struct flat file = flat_of(words[2]);
    CHECK(same(a, b) && !same(a, file));
    drop(a), drop(b), drop(file);
    struct source held = {.dtype = LUR_U8};
    CHECK(provided("held", &held, 0) == LUR_OK && held.asked[1] == 0);
    /* Two pages, of which the second may not be read. */
    char* const pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mprotect(pages + 4096, 4096, PROT_NONE) == 0);
    for (int fault = 1; fault <= 9; fault++) {
        struct source bad = {.dtype = fault == 2 ? LUR_F32 : LUR_U8, .fault = fault, .edge = pages + 100};
        char text[512];
        CHECK(provided("bad", &bad, TEST) == LUR_ERROR_ARGUMENT && !exists(in("bad", "model.safetensors")));
        lur_error_text(text, sizeof text);
        check_that(fault == 1 || strstr(text, "The provider of 'made up' gave "), text, __LINE__);
        check_that(fault < 5 || strstr(text, "cannot be read"), text, __LINE__);
    }
    munmap(pages, 8192);
    struct source stopped = {.dtype = LUR_U8, .stop_at = 2};
    CHECK(provided("bad", &stopped, TEST) == LUR_ERROR_CANCELLED && stopped.calls == 2);
    lur_job_options o = options_of("never");
    lur_job* job;
    const lur_provider none = {.size = sizeof none, .channels = 3, .rows = 1, .columns = 1, .train_count = 1};
    o.model = words[2], o.provider = &none;
    CHECK(lur_job_create(session, &o, &job) == LUR_ERROR_ARGUMENT); /* data and provider */
    o.data = NULL;
    CHECK(lur_job_create(session, &o, &job) == LUR_ERROR_ARGUMENT); /* no function */
}

/* ---- images ---------------------------------------------------------------------------------------------------------
 */

static int32_t at_once(void* user, const lur_progress* p) {
    (void)p;
    ++*(int*)user;
    return 1;
}
static void images(void) {
    static const char* const star[] = {"star"};
    lur_sample_options o;
    OK(lur_sample_options_init(&o, sizeof o));
    CHECK(isnan(o.guidance) && o.steps == 50);
    o.model = words[6], o.output = in("drawn", ""), o.classes = star, o.class_count = 1, o.count = 3, o.steps = 4;
    OK(lur_sample(session, &o, NULL, NULL));
    CHECK(exists(in("drawn", "star/00002.png")) && !exists(in("drawn", "star/00003.png")));
    CHECK(lur_sample(session, &o, NULL, NULL) == LUR_ERROR_ARGUMENT); /* would replace them */
    o.flags = LUR_SAMPLE_OVERWRITE;
    OK(lur_sample(session, &o, NULL, NULL));
    lur_model *unet, *classifier;
    OK(lur_model_open(session, words[6], &unet));
    OK(lur_model_open(session, words[2], &classifier));
    lur_model_info info = {.size = sizeof info};
    OK(lur_model_describe(unet, &info));
    CHECK(info.draws == 1);
    o.flags = 0, o.model = NULL, o.weights = unet, o.output = in("drawn-of-memory", "");
    OK(lur_sample(session, &o, NULL, NULL));
    int calls = 0;
    o.output = in("drawn-never", "");
    CHECK(lur_sample(session, &o, at_once, &calls) == LUR_ERROR_CANCELLED && calls >= 1);
    CHECK(!exists(in("drawn-never", "")));
    o.weights = classifier;
    CHECK(lur_sample(session, &o, NULL, NULL) == LUR_ERROR_UNSUPPORTED);
    o.weights = unet, o.sampler = "magic";
    CHECK(lur_sample(session, &o, NULL, NULL) == LUR_ERROR_UNSUPPORTED);
    o.sampler = "ddim", o.steps = 0;
    CHECK(lur_sample(session, &o, NULL, NULL) == LUR_ERROR_ARGUMENT);
    o.steps = 4, o.classes = (const char* const[]){"nobody"};
    CHECK(lur_sample(session, &o, NULL, NULL) == LUR_ERROR_ARGUMENT);
    o.weights = NULL;
    CHECK(lur_sample(session, &o, NULL, NULL) == LUR_ERROR_ARGUMENT);
    OK(lur_model_destroy(unet));
    OK(lur_model_destroy(classifier));
}

/* ---- all of it in memory of the caller ------------------------------------------------------------------------------
 */

struct memory {
    int64_t live, most, calls, fail_at;
};
static uint64_t take(void* user, uint64_t bytes, uint64_t alignment) {
    struct memory* const m = user;
    if (++m->calls == m->fail_at) return 0;
    m->live += (int64_t)bytes;
    if (m->live > m->most) m->most = m->live;
    return (uint64_t)(uintptr_t)aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}
static void give(void* user, uint64_t address, uint64_t bytes) {
    ((struct memory*)user)->live -= (int64_t)bytes;
    free((void*)(uintptr_t)address);
}

/* A job in the caller's context and stream: another context is current before and after, also where it is cancelled and
 * where memory runs out, of which nothing is left. */
static void foreign(void) {
    void *context, *other, *stream, *now;
    struct memory m = {0};
    lur_session_options o = defaults();
    DRIVER(cuCtxCreate_v2, &context, 0, 0);
    DRIVER(cuStreamCreate, &stream, 1);
    DRIVER(cuCtxCreate_v2, &other, 0, 0); /* current from now on */
    o.context = context, o.stream = stream, o.allocate = take, o.release = give, o.allocator_user = &m;
    int64_t needed = 0; /* pieces of memory that the job takes: the first, one amid, and the last are refused */
    for (int i = 0; i < 4; i++) {
        const int64_t failure = i == 0 ? 0 : i == 1 ? 1 : i == 2 ? needed / 2 : needed;
        OK(lur_open(&o, &session));
        lur_model* model;
        OK(lur_model_open(session, words[2], &model));
        lur_job_options how = options_of("foreign");
        how.weights = model, how.flags = LUR_JOB_OVERWRITE;
        lur_job* job = make(how);
        const int64_t before = m.calls;
        m.fail_at = failure ? before + failure : 0;
        CHECK(lur_job_run(job, NULL, NULL) == (failure ? LUR_ERROR_MEMORY : LUR_OK));
        m.fail_at = 0;
        if (!failure) needed = m.calls - before;
        DRIVER(cuCtxGetCurrent, &now);
        CHECK(now == other && needed > 4);
        OK(lur_model_load(model, words[2]));
        CHECK(lur_job_run(job, stop, NULL) == LUR_ERROR_CANCELLED);
        DRIVER(cuCtxGetCurrent, &now);
        CHECK(now == other);
        OK(lur_close(session));
        CHECK(m.live == 0);
    }
    DRIVER(cuCtxPopCurrent_v2, &now);
    DRIVER(cuCtxDestroy_v2, other);
    DRIVER(cuCtxPushCurrent_v2, context);
    DRIVER(cuStreamSynchronize, stream);
    DRIVER(cuStreamDestroy_v2, stream);
    DRIVER(cuCtxDestroy_v2, context);
}

/* A hundred jobs, half of them on weights in memory: the process is what it was after the first ten. */
static void growth(void) {
    static const char* const quickest[] = {"epochs=1", "batch=20", "lr=0.01"};
    int threads = 0, files = 0;
    long settled = 0;
    lur_session_options host = defaults();
    lur_model* alone;
    OK(lur_open(&host, &session));
    OK(lur_model_open(session, words[2], &alone));
    OK(lur_model_save(alone, in("", "alone.safetensors"))); /* without the split of other data beside it */
    OK(lur_model_destroy(alone));
    for (int i = 0; i < 100; i++) {
        lur_job_options o = options_of("growth");
        lur_model* model = NULL;
        if (i % 2) OK(lur_model_open(session, words[2], &model));
        o.weights = model, o.model = model ? NULL : in("", "alone.safetensors");
        o.data = "synthetic:train=40,test=20,seed=5", o.options = quickest, o.flags = LUR_JOB_OVERWRITE;
        run(o);
        if (model) OK(lur_model_destroy(model));
        if (i == 10) settled = resident(), threads = entries("/proc/self/task"), files = entries("/proc/self/fd");
    }
    char what[100];
    snprintf(what, sizeof what, "the process has grown by %ld bytes", resident() - settled);
    check_that(resident() - settled < 1 << 20, what, __LINE__);
    CHECK(entries("/proc/self/fd") == files);
    /* Samples are read by threads of a pool, which has at most one a core and lets them go when it likes. */
    CHECK(entries("/proc/self/task") <= threads + sysconf(_SC_NPROCESSORS_ONLN));
    OK(lur_close(session));
}

int main(int argc, char** argv) {
    if (argc < 7) return 2;
    words = argv;
    if (argc > 7) {
        growth();
        return report(argv[1]);
    }
    struct memory m = {0};
    lur_session_options o = defaults();
    o.allocate = take, o.release = give, o.allocator_user = &m;
    OK(lur_open(&o, &session));
    tables();
    halves();
    wrong_tables();
    const int64_t before = m.calls;
    jobs();
    CHECK(m.calls > before + 10 && m.most > 100000);
    providers();
    images();
    OK(lur_close(session));
    CHECK(m.live == 0);
    foreign();
    return report(argv[1]);
}
