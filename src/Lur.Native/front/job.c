// The functions of a job.
#include "front.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>

LUR_EXPORT int32_t lur_job_options_init(lur_job_options* options, size_t size) {
    if (!options) return front_fail(LUR_ERROR_ARGUMENT, "options is null.");
    if (size < sizeof *options || size > UINT32_MAX)
        return front_fail(LUR_ERROR_SIZE, "A lur_job_options has %zu bytes, and not %zu.", sizeof *options, size);
    memset(options, 0, size);
    options->size = (uint32_t)size;
    options->method = "lur";
    options->seed = 1;
    return LUR_OK;
}

static int32_t check_text(const char* text, const char* name) {
    if (!text || !*text) return front_fail(LUR_ERROR_ARGUMENT, "%s is %s.", name, text ? "empty" : "null");
    return front_utf8(text, name);
}

static int32_t check_texts(const char* const* texts, uint32_t count, const char* name) {
    if (count > 1 << 20) return front_fail(LUR_ERROR_SIZE, "%s has %u texts; %d is the most.", name, count, 1 << 20);
    if (count && !texts) return front_fail(LUR_ERROR_ARGUMENT, "%s has %u texts, and is null.", name, count);
    for (uint32_t i = 0; i < count; i++) {
        char element[32];
        snprintf(element, sizeof element, "%s[%u]", name, i);
        LUR_TRY(check_text(texts[i], element));
    }
    return LUR_OK;
}

static int32_t check_job(const lur_job_options* o) {
    LUR_TRY(check_text(o->model, "model"));
    LUR_TRY(check_text(o->data, "data"));
    LUR_TRY(check_text(o->output, "output"));
    LUR_TRY(check_text(o->method, "method"));
    if (!o->forget_count) return front_fail(LUR_ERROR_ARGUMENT, "forget_count is 0: there is nothing to forget.");
    LUR_TRY(check_texts(o->forget, o->forget_count, "forget"));
    LUR_TRY(check_texts(o->options, o->option_count, "options"));
    LUR_TRY(check_texts(o->forgotten, o->forgotten_count, "forgotten"));
    LUR_TRY(front_utf8(o->split, "split"));
    if (o->image_size < 0)
        return front_fail(LUR_ERROR_ARGUMENT, "image_size is %d; it must be at least 0.", o->image_size);
    if (o->checkpoint_every < 0)
        return front_fail(LUR_ERROR_ARGUMENT, "checkpoint_every is %lld; it must be at least 0.",
                          (long long)o->checkpoint_every);
    if (o->flags & ~(uint32_t)(LUR_JOB_OVERWRITE | LUR_JOB_ALSO_COPIES))
        return front_fail(LUR_ERROR_NEWER_OPTION,
                          "flags is 0x%x and holds bits that this version of Lur does not know.", o->flags);
    return LUR_OK;
}

LUR_EXPORT int32_t lur_job_create(lur_session* session, const lur_job_options* options, lur_job** job) {
    lur_job_options ours;
    if (!job) return front_fail(LUR_ERROR_ARGUMENT, "job is null.");
    *job = NULL;
    LUR_TRY(front_read(&ours, sizeof ours, options, "options"));
    LUR_TRY(check_job(&ours));
    void* made = NULL;
    const struct arguments arguments = {{&ours}, 0, 0};
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
    return front_call(job, KIND_JOB, OP_JOB_RUN, &arguments);
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
