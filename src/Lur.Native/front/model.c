// The functions of a model.
#include "front.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

LUR_EXPORT int32_t lur_model_open(lur_session* session, const char* path, lur_model** model) {
    if (!model) return front_fail(LUR_ERROR_ARGUMENT, "model is null.");
    *model = NULL;
    LUR_TRY(front_text(path, "path"));
    void* made = NULL;
    const struct arguments arguments = {{path}, 0, 0};
    LUR_TRY(front_create(session, KIND_MODEL, OP_MODEL_OPEN, arguments, &made));
    *model = made;
    return LUR_OK;
}

LUR_EXPORT int32_t lur_model_options_init(lur_model_options* options, size_t size) {
    LUR_TRY(front_init(options, size, sizeof *options, "lur_model_options"));
    options->channels = 3;
    options->rows = options->columns = 32;
    options->class_count = 10;
    options->augmentation = "auto";
    options->seed = 1;
    return LUR_OK;
}

static int32_t check_normalization(const double* numbers, int32_t count, bool divides, const char* name) {
    for (int32_t c = 0; numbers && c < count; c++)
        if (!isfinite(numbers[c]) || (divides && !(numbers[c] > 0)))
            return front_fail(LUR_ERROR_ARGUMENT, "%s[%d] is %g; it must be %s.", name, c, numbers[c],
                              divides ? "above 0" : "finite");
    return LUR_OK;
}

static int32_t check_model(const lur_model_options* o) {
    LUR_TRY(front_text(o->architecture, "architecture"));
    LUR_TRY(front_text(o->augmentation, "augmentation"));
    LUR_TRY(front_image(o->channels, o->rows, o->columns));
    if (o->class_count > 1 << 20)
        return front_fail(LUR_ERROR_SIZE, "class_count is %u; %d is the most.", o->class_count, 1 << 20);
    if (!o->class_count) return front_fail(LUR_ERROR_SIZE, "class_count is 0; a model knows at least one class.");
    LUR_TRY(front_unknown((uint32_t)o->reserved, 0, "reserved"));
    if (o->classes) LUR_TRY(front_texts(o->classes, o->class_count, "classes"));
    LUR_TRY(check_normalization(o->mean, o->channels, false, "mean"));
    return check_normalization(o->deviation, o->channels, true, "deviation");
}

LUR_EXPORT int32_t lur_model_create(lur_session* session, const lur_model_options* options, lur_model** model) {
    lur_model_options ours;
    if (!model) return front_fail(LUR_ERROR_ARGUMENT, "model is null.");
    *model = NULL;
    LUR_TRY(front_read(&ours, sizeof ours, options, "options"));
    LUR_TRY(check_model(&ours));
    void* made = NULL;
    const struct arguments arguments = {{&ours}, 0, 0};
    LUR_TRY(front_create(session, KIND_MODEL, OP_MODEL_CREATE, arguments, &made));
    *model = made;
    return LUR_OK;
}

LUR_EXPORT int32_t lur_model_destroy(lur_model* model) { return front_destroy(model, KIND_MODEL, OP_MODEL_DESTROY); }

LUR_EXPORT int32_t lur_model_describe(lur_model* model, lur_model_info* info) {
    return front_fill(model, KIND_MODEL, OP_MODEL_DESCRIBE, info, sizeof *info, "info");
}

LUR_EXPORT int32_t lur_model_tensor(lur_model* model, int64_t position, lur_tensor_info* info) {
    return front_fill_at(model, KIND_MODEL, OP_MODEL_TENSOR, position, info, sizeof *info, "info");
}

static int32_t check_tensor(const lur_tensor* t, const char* name) {
    if (!t->name) return front_fail(LUR_ERROR_ARGUMENT, "%s has no name.", name);
    LUR_TRY(front_text(t->name, name));
    LUR_TRY(front_unknown((uint32_t)t->reserved, 0, "reserved"));
    if (!t->data) return front_fail(LUR_ERROR_ARGUMENT, "The tensor '%s' has no data.", t->name);
    if (t->rank < 0 || t->rank > 8)
        return front_fail(LUR_ERROR_SIZE, "The tensor '%s' has rank %d; 0 to 8 are known.", t->name, t->rank);
    if (t->place != LUR_PLACE_HOST && t->place != LUR_PLACE_DEVICE)
        return front_fail(LUR_ERROR_ARGUMENT, "The tensor '%s' has place %d, which is none of LUR_PLACE_*.", t->name,
                          t->place);
    if (t->dtype < LUR_F32 || t->dtype > LUR_BF16)
        return front_fail(LUR_ERROR_ARGUMENT, "The tensor '%s' has dtype %d, which is none of floats.", t->name,
                          t->dtype);
    if (t->layout != LUR_LAYOUT_DECLARED && t->layout != LUR_LAYOUT_CHANNELS_LAST)
        return front_fail(LUR_ERROR_ARGUMENT, "The tensor '%s' has layout %d, which is none of LUR_LAYOUT_*.", t->name,
                          t->layout);
    bool strided = false;
    for (int32_t a = 0; a < t->rank; a++) strided = strided || t->stride[a];
    for (int32_t a = 0; a < t->rank; a++)
        if (t->shape[a] < 1 || t->shape[a] > INT32_MAX || (strided && (t->stride[a] < 1 || t->stride[a] > INT32_MAX)))
            return front_fail(LUR_ERROR_SIZE,
                              "The tensor '%s' has extent %lld and stride %lld on axis %d; both must be at least 1, or "
                              "all strides 0.",
                              t->name, (long long)t->shape[a], (long long)t->stride[a], a);
    return LUR_OK;
}

LUR_EXPORT int32_t lur_model_bind(lur_model* model, const lur_tensor* tensors, uint32_t count, int32_t mode) {
    if (mode != LUR_BIND_FLAT && mode != LUR_BIND_TABLE)
        return front_fail(LUR_ERROR_ARGUMENT, "mode is %d, which is none of LUR_BIND_*.", mode);
    if (!tensors || !count) return front_fail(LUR_ERROR_ARGUMENT, "tensors is %s.", tensors ? "empty" : "null");
    if (count > 1 << 20) return front_fail(LUR_ERROR_SIZE, "count is %u; %d is the most.", count, 1 << 20);
    LUR_TRY(front_writable(tensors, sizeof *tensors, "tensors[0]"));
    const uint32_t stride = tensors->size;
    lur_tensor* const ours = calloc(count, sizeof *ours);
    if (!ours) return front_fail(LUR_ERROR_MEMORY, "There is no memory left for a table of %u tensors.", count);
    int32_t code = LUR_OK;
    for (uint32_t i = 0; i < count && !code; i++) {
        const lur_tensor* const theirs = (const lur_tensor*)((const char*)tensors + (size_t)i * stride);
        char name[32];
        snprintf(name, sizeof name, "tensors[%u]", i);
        code = theirs->size == stride ? front_read(&ours[i], sizeof *ours, theirs, name)
                                      : front_fail(LUR_ERROR_SIZE, "%s says that it has %u bytes, and tensors[0] %u.",
                                                   name, theirs->size, stride);
        if (!code) code = check_tensor(&ours[i], name);
    }
    const struct arguments arguments = {{ours, (const void*)(uintptr_t)count}, mode, 0};
    if (!code) code = front_call(model, KIND_MODEL, OP_MODEL_BIND, &arguments);
    free(ours);
    return code;
}

LUR_EXPORT int32_t lur_model_write_back(lur_model* model) {
    const struct arguments none = {{0}, 0, 0};
    return front_call(model, KIND_MODEL, OP_MODEL_WRITE_BACK, &none);
}

static int32_t with_file(lur_model* model, enum operation operation, const char* path) {
    LUR_TRY(front_text(path, "path"));
    const struct arguments arguments = {{path}, 0, 0};
    return front_call(model, KIND_MODEL, operation, &arguments);
}

LUR_EXPORT int32_t lur_model_load(lur_model* model, const char* path) { return with_file(model, OP_MODEL_LOAD, path); }

LUR_EXPORT int32_t lur_model_save(lur_model* model, const char* path) { return with_file(model, OP_MODEL_SAVE, path); }
