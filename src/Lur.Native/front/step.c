// The functions of a step.
#include "front.h"
#include <string.h>

LUR_EXPORT int32_t lur_step_options_init(lur_step_options* options, size_t size) {
    LUR_TRY(front_init(options, size, sizeof *options, "lur_step_options"));
    options->dtype = LUR_F32;
    options->alpha = 0.01;
    options->forget_weight = 1;
    options->retain_weight = 1;
    options->learning_rate = 0.01;
    options->momentum = 0.9;
    options->fd_radius = 0.01;
    return LUR_OK;
}

// A vector as far as it can be checked without the step; a null one is left out where it may be.
static int32_t check_vector(const lur_vector* vector, const char* name, bool optional) {
    if (!vector) return optional ? LUR_OK : front_fail(LUR_ERROR_ARGUMENT, "%s is null.", name);
    lur_vector ours;
    LUR_TRY(front_read(&ours, sizeof ours, vector, name));
    if (ours.segment_count && !ours.segments)
        return front_fail(LUR_ERROR_ARGUMENT, "%s has %u segments, and segments is null.", name, ours.segment_count);
    const uint32_t most = 1u << 20; /* more are refused unread */
    /* Touched here, where a fault is the program's own; in managed code it would end the process past its handlers. */
    for (uint32_t i = 0; i < ours.segment_count && ours.segment_count <= most; i++)
        (void)*(const volatile int64_t*)&ours.segments[i].count;
    return LUR_OK;
}

struct named {
    const char* name;
    const lur_vector* vector;
    bool optional;
};

// The vectors in the order of the operation's arguments.
static int32_t call_step(lur_step* step, enum operation operation, const struct named* vectors, int count,
                         int64_t integer) {
    struct arguments arguments = {{0}, integer, 0};
    for (int i = 0; i < count; i++) {
        LUR_TRY(check_vector(vectors[i].vector, vectors[i].name, vectors[i].optional));
        arguments.pointers[i] = vectors[i].vector;
    }
    return front_call(step, KIND_STEP, operation, &arguments);
}

static int32_t read_step(const lur_step_options* options, const lur_vector* shape, lur_step_options* ours) {
    lur_step_options_init(ours, sizeof *ours);
    if (options) LUR_TRY(front_read(ours, sizeof *ours, options, "options"));
    if (ours->dtype != LUR_F32 && ours->dtype != LUR_F64)
        return front_fail(LUR_ERROR_ARGUMENT, "dtype is %d, which is none of LUR_F32 and LUR_F64.", ours->dtype);
    if (ours->second_order < LUR_SECOND_ORDER_NONE || ours->second_order > LUR_SECOND_ORDER_GIVEN)
        return front_fail(LUR_ERROR_ARGUMENT, "second_order is %d, which is none of LUR_SECOND_ORDER_*.",
                          ours->second_order);
    if (ours->nesterov != 0 && ours->nesterov != 1)
        return front_fail(LUR_ERROR_ARGUMENT, "nesterov is %d; it must be 0 or 1.", ours->nesterov);
    return check_vector(shape, "shape", false);
}

LUR_EXPORT int32_t lur_plan_step(lur_session* session, const lur_step_options* options, const lur_vector* shape,
                                 uint64_t* bytes) {
    lur_step_options ours;
    if (!bytes) return front_fail(LUR_ERROR_ARGUMENT, "bytes is null.");
    LUR_TRY(read_step(options, shape, &ours));
    const struct arguments arguments = {{&ours, shape, bytes}, 0, 0};
    return front_call(session, KIND_SESSION, OP_PLAN_STEP, &arguments);
}

LUR_EXPORT int32_t lur_step_create(lur_session* session, const lur_step_options* options, const lur_vector* shape,
                                   lur_step** step) {
    lur_step_options ours;
    if (!step) return front_fail(LUR_ERROR_ARGUMENT, "step is null.");
    *step = NULL;
    LUR_TRY(read_step(options, shape, &ours));
    void* made = NULL;
    const struct arguments arguments = {{&ours, shape}, 0, 0};
    LUR_TRY(front_create(session, KIND_STEP, OP_STEP_CREATE, arguments, &made));
    *step = made;
    return LUR_OK;
}

LUR_EXPORT int32_t lur_step_destroy(lur_step* step) { return front_destroy(step, KIND_STEP, OP_STEP_DESTROY); }

LUR_EXPORT int32_t lur_step_look_ahead_enqueue(lur_step* step, const lur_vector* theta, const lur_vector* g,
                                               const lur_vector* ahead) {
    const struct named vectors[] = {{"theta", theta, false}, {"g", g, false}, {"ahead", ahead, false}};
    return call_step(step, OP_STEP_LOOK_AHEAD, vectors, 3, 0);
}

LUR_EXPORT int32_t lur_step_perturb_enqueue(lur_step* step, int32_t sign, const lur_vector* theta, const lur_vector* v,
                                            const lur_vector* moved) {
    const struct named vectors[] = {{"theta", theta, false}, {"v", v, false}, {"moved", moved, false}};
    return call_step(step, OP_STEP_PERTURB, vectors, 3, sign);
}

LUR_EXPORT int32_t lur_step_difference_enqueue(lur_step* step, const lur_vector* plus, const lur_vector* minus,
                                               const lur_vector* h) {
    const struct named vectors[] = {{"plus", plus, false}, {"minus", minus, false}, {"h", h, false}};
    return call_step(step, OP_STEP_DIFFERENCE, vectors, 3, 0);
}

LUR_EXPORT int32_t lur_step_update_enqueue(lur_step* step, const lur_vector* theta, const lur_vector* momentum,
                                           const lur_vector* g, const lur_vector* v, const lur_vector* h,
                                           const lur_vector* mask) {
    const struct named vectors[] = {{"theta", theta, false}, {"momentum", momentum, false},
                                    {"g", g, false},         {"v", v, true},
                                    {"h", h, true},          {"mask", mask, true}};
    return call_step(step, OP_STEP_UPDATE, vectors, 6, 0);
}

LUR_EXPORT int32_t lur_step_gradient_enqueue(lur_step* step, const lur_vector* theta, const lur_vector* g,
                                             const lur_vector* v, const lur_vector* h, const lur_vector* total) {
    const struct named vectors[] = {
        {"theta", theta, false}, {"g", g, false}, {"v", v, true}, {"h", h, true}, {"total", total, false}};
    return call_step(step, OP_STEP_GRADIENT, vectors, 5, 0);
}

LUR_EXPORT int32_t lur_step_rate_enqueue(lur_step* step, double learning_rate) {
    const struct arguments arguments = {{0}, 0, learning_rate};
    return front_call(step, KIND_STEP, OP_STEP_RATE, &arguments);
}

LUR_EXPORT int32_t lur_step_skip_flag(lur_step* step, uint64_t* address) {
    if (!address) return front_fail(LUR_ERROR_ARGUMENT, "address is null.");
    const struct arguments arguments = {{address}, 0, 0};
    return front_call(step, KIND_STEP, OP_STEP_SKIP_FLAG, &arguments);
}

LUR_EXPORT int32_t lur_step_telemetry_enqueue(lur_step* step, double* pinned) {
    if (!pinned) return front_fail(LUR_ERROR_ARGUMENT, "pinned is null.");
    const struct arguments arguments = {{pinned}, 0, 0};
    return front_call(step, KIND_STEP, OP_STEP_TELEMETRY, &arguments);
}

LUR_EXPORT int32_t lur_step_telemetry_read(lur_step* step, lur_telemetry* telemetry) {
    return front_fill(step, KIND_STEP, OP_STEP_READ, telemetry, sizeof *telemetry, "telemetry");
}
