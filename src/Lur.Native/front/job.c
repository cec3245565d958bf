// The functions of a job.
#include "front.h"
#include <limits.h>
#include <malloc.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

// What the first release had of the options.
#define LEAST_OPTIONS offsetof(lur_job_options, max_memory)

LUR_EXPORT int32_t lur_job_options_init(lur_job_options* options, size_t size) {
    LUR_TRY(front_init(options, size, LEAST_OPTIONS, "lur_job_options"));
    options->method = "lur";
    options->seed = 1;
    return LUR_OK;
}

// One of two sources must be given, as the text of a path or as something else.
static int32_t check_either(const char* text, const char* name, const void* other, const char* other_name) {
    if (text && other)
        return front_fail(LUR_ERROR_ARGUMENT, "%s and %s are both given; leave one null.", name, other_name);
    if (other) return LUR_OK;
    if (!text) return front_fail(LUR_ERROR_ARGUMENT, "%s and %s are both null.", name, other_name);
    return front_text(text, name);
}

static int32_t check_provider(const lur_provider* p) {
    LUR_TRY(front_image(p->channels, p->rows, p->columns));
    if (p->train_count < 1 || p->test_count < 0 || p->train_count > INT_MAX || p->test_count > INT_MAX)
        return front_fail(
            LUR_ERROR_SIZE,
            "train_count and test_count are %lld and %lld; the first must be at least 1, the second at least 0.",
            (long long)p->train_count, (long long)p->test_count);
    LUR_TRY(front_unknown((uint32_t)p->reserved, 0, "reserved"));
    if (!p->next) return front_fail(LUR_ERROR_ARGUMENT, "next is null.");
    if (!p->class_count) return front_fail(LUR_ERROR_ARGUMENT, "class_count is 0: a provider has at least one class.");
    LUR_TRY(front_texts(p->classes, p->class_count, "classes"));
    return front_text(p->name, "name");
}

static int32_t check_job(const lur_job_options* o) {
    LUR_TRY(check_either(o->model, "model", o->weights, "weights"));
    LUR_TRY(check_either(o->data, "data", o->provider, "provider"));
    LUR_TRY(front_text(o->output, "output"));
    LUR_TRY(front_text(o->method, "method"));
    if (!o->forget_count) return front_fail(LUR_ERROR_ARGUMENT, "forget_count is 0: there is nothing to forget.");
    LUR_TRY(front_texts(o->forget, o->forget_count, "forget"));
    LUR_TRY(front_texts(o->options, o->option_count, "options"));
    LUR_TRY(front_texts(o->forgotten, o->forgotten_count, "forgotten"));
    LUR_TRY(front_utf8(o->split, "split"));
    if (o->image_size < 0)
        return front_fail(LUR_ERROR_ARGUMENT, "image_size is %d; it must be at least 0.", o->image_size);
    if (o->image_size && o->provider)
        return front_fail(LUR_ERROR_ARGUMENT,
                          "image_size is %d, and the data are a provider's, whose images are not "
                          "scaled: leave it 0, and give rows and columns of the provider.",
                          o->image_size);
    if (o->checkpoint_every < 0)
        return front_fail(LUR_ERROR_ARGUMENT, "checkpoint_every is %lld; it must be at least 0.",
                          (long long)o->checkpoint_every);
    LUR_TRY(front_unknown(o->flags, LUR_JOB_OVERWRITE | LUR_JOB_ALSO_COPIES | LUR_JOB_KEEP_PARTIAL, "flags"));
    return LUR_OK;
}

LUR_EXPORT int32_t lur_job_create(lur_session* session, const lur_job_options* options, lur_job** job) {
    lur_job_options ours;
    if (!job) return front_fail(LUR_ERROR_ARGUMENT, "job is null.");
    *job = NULL;
    lur_job_options_init(&ours, sizeof ours);
    LUR_TRY(front_read_grown(&ours, sizeof ours, LEAST_OPTIONS, options, "options"));
    LUR_TRY(check_job(&ours));
    lur_provider provider = {0};
    if (ours.provider) {
        LUR_TRY(front_read(&provider, sizeof provider, ours.provider, "provider"));
        LUR_TRY(check_provider(&provider));
    }
    void* made = NULL;
    const struct arguments arguments = {{&ours, ours.provider ? &provider : NULL, NULL, ours.weights}, 0, 0};
    LUR_TRY(front_create(session, KIND_JOB, OP_JOB_CREATE, arguments, &made));
    *job = made;
    return LUR_OK;
}

LUR_EXPORT int32_t lur_job_destroy(lur_job* job) { return front_destroy(job, KIND_JOB, OP_JOB_DESTROY); }

LUR_EXPORT int32_t lur_job_plan(lur_job* job, uint64_t* bytes, int64_t* steps) {
    if (!bytes || !steps) return front_fail(LUR_ERROR_ARGUMENT, "%s is null.", bytes ? "steps" : "bytes");
    const struct arguments arguments = {{bytes, steps}, 0, 0};
    return front_call(job, KIND_JOB, OP_JOB_PLAN, &arguments);
}

typedef int32_t (*progress_function)(void* user, const lur_progress* progress);

static int32_t run_job(lur_job* job, progress_function progress, void* user, int64_t resume) {
    const struct arguments arguments = {{(const void*)(uintptr_t)progress, user}, resume, 0};
    struct slot* s;
    LUR_TRY(front_enter(job, KIND_JOB, &s));
    s->running = 1;
    const int32_t code = front_managed(OP_JOB_RUN, s->managed, &arguments);
    s->running = 0;
    free(atomic_exchange(&s->checkpoint, NULL)); // it made no more steps
    // Blocks of many sizes leave holes in the heap that nobody needs: 1 MB in a hundred small jobs.
    malloc_trim(0);
    front_leave(s);
    return code;
}

LUR_EXPORT int32_t lur_job_checkpoint(lur_job* job, const char* path) {
    if (path) LUR_TRY(front_text(path, "path"));
    if (front_forked()) return front_start();
    struct slot* const s = front_find(job, KIND_JOB);
    if (!s) return front_no_handle(job, KIND_JOB);
    if (!s->running)
        return front_fail(LUR_ERROR_STATE, "The job is not running, and has nothing to leave a checkpoint of.");
    char* const copy = strdup(path ? path : "");
    if (!copy) return front_fail(LUR_ERROR_MEMORY, "There is no memory left for a path.");
    free(atomic_exchange(&s->checkpoint, copy));
    return LUR_OK;
}

LUR_EXPORT int32_t lur_job_run(lur_job* job, progress_function progress, void* user) {
    return run_job(job, progress, user, 0);
}

LUR_EXPORT int32_t lur_job_resume(lur_job* job, progress_function progress, void* user) {
    return run_job(job, progress, user, 1);
}

// What managed code is given of a buffer for text.
static int32_t read_buffer(char* buffer, size_t capacity, size_t* length, struct arguments* arguments) {
    if (!length) return front_fail(LUR_ERROR_ARGUMENT, "length is null.");
    *length = 0;
    arguments->pointers[0] = buffer;
    arguments->pointers[1] = length;
    arguments->integer = !buffer ? 0 : capacity < INT_MAX ? (int64_t)capacity : INT_MAX;
    return LUR_OK;
}

LUR_EXPORT int32_t lur_job_result_json(lur_job* job, char* buffer, size_t capacity, size_t* length) {
    struct arguments arguments = {{0}, 0, 0};
    LUR_TRY(read_buffer(buffer, capacity, length, &arguments));
    return front_call(job, KIND_JOB, OP_JOB_RESULT, &arguments);
}

LUR_EXPORT int32_t lur_methods_json(char* buffer, size_t capacity, size_t* length) {
    struct arguments arguments = {{0}, 0, 0};
    LUR_TRY(read_buffer(buffer, capacity, length, &arguments));
    LUR_TRY(front_start());
    return front_managed(OP_METHODS_JSON, 0, &arguments);
}

// ---- images ---------------------------------------------------------------------------------------------------------

LUR_EXPORT int32_t lur_sample_options_init(lur_sample_options* options, size_t size) {
    LUR_TRY(front_init(options, size, sizeof *options, "lur_sample_options"));
    options->count = 64;
    options->sampler = "ddim";
    options->steps = 50;
    options->guidance = NAN;
    options->seed = 1;
    return LUR_OK;
}

static int32_t check_sample(const lur_sample_options* o) {
    LUR_TRY(check_either(o->model, "model", o->weights, "weights"));
    LUR_TRY(front_text(o->output, "output"));
    LUR_TRY(front_text(o->sampler, "sampler"));
    LUR_TRY(front_texts(o->classes, o->class_count, "classes"));
    LUR_TRY(front_unknown((uint32_t)o->reserved, 0, "reserved"));
    if (o->count < 1) return front_fail(LUR_ERROR_ARGUMENT, "count is %d; it must be at least 1.", o->count);
    if (o->steps < 1) return front_fail(LUR_ERROR_ARGUMENT, "steps is %d; it must be at least 1.", o->steps);
    if (!(o->eta >= 0 && o->eta <= 1))
        return front_fail(LUR_ERROR_ARGUMENT, "eta is %g; it must be within 0 and 1.", o->eta);
    if (isinf(o->guidance)) return front_fail(LUR_ERROR_ARGUMENT, "guidance is infinite.");
    LUR_TRY(front_unknown(o->flags, LUR_SAMPLE_OVERWRITE, "flags"));
    return LUR_OK;
}

LUR_EXPORT int32_t lur_sample(lur_session* session, const lur_sample_options* options, progress_function progress,
                              void* user) {
    lur_sample_options ours;
    LUR_TRY(front_read(&ours, sizeof ours, options, "options"));
    LUR_TRY(check_sample(&ours));
    struct slot* s;
    LUR_TRY(front_enter(session, KIND_SESSION, &s));
    struct arguments arguments = {{&ours, (const void*)(uintptr_t)progress, user}, 0, 0};
    int32_t code = front_weights(s, ours.weights, &arguments.pointers[3]);
    if (!code) code = front_managed(OP_SAMPLE, s->managed, &arguments);
    front_leave(s);
    return code;
}
