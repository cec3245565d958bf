/* step.c - LUR inside a training loop of your own: the caller has a model and its gradients, Lur does the arithmetic
 * between.
 *
 * A logistic regression in double forgets ten of its samples while it keeps the others. Gradients and the
 * Hessian-vector product are a few lines of C. The same twenty steps are made three times: by Lur on flat vectors, by
 * Lur on vectors in three segments, and by a plain loop; the first two must agree in every byte, the third to rounding.
 *
 *   gcc samples/step.c -I INCLUDE -L LIB -llur -lm -o step && ./step        (--quiet: says nothing, the exit code
 * tells)
 */
#include <lur.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES = 40, KEPT = 90, FORGOTTEN = 10, STEPS = 20 };
static const double alpha = 0.2, forget_weight = 0.7, retain_weight = 0.9, rate = 0.5, momentum = 0.9, decay = 1e-3;

typedef struct samples {
    double x[KEPT][FEATURES];
    double y[KEPT];
    int count;
} samples;

/* ---- the caller's model: value, gradient, Hessian times a vector ----------------------------------------------------
 */

static double probability(const double* x, const double* theta) {
    double z = 0;
    for (int j = 0; j < FEATURES; j++) z += x[j] * theta[j];
    return 1 / (1 + exp(-z));
}

/* out = sign * gradient of the mean cross entropy at theta. */
static void gradient(const samples* s, const double* theta, double sign, double* out) {
    memset(out, 0, FEATURES * sizeof *out);
    for (int i = 0; i < s->count; i++) {
        const double error = probability(s->x[i], theta) - s->y[i];
        for (int j = 0; j < FEATURES; j++) out[j] += sign * error * s->x[i][j] / s->count;
    }
}

/* out = H v, H the Hessian of the mean cross entropy at theta. */
static void hessian_times(const samples* s, const double* theta, const double* v, double* out) {
    memset(out, 0, FEATURES * sizeof *out);
    for (int i = 0; i < s->count; i++) {
        const double p = probability(s->x[i], theta);
        double along = 0;
        for (int j = 0; j < FEATURES; j++) along += s->x[i][j] * v[j];
        for (int j = 0; j < FEATURES; j++) out[j] += p * (1 - p) * along * s->x[i][j] / s->count;
    }
}

static void make_samples(samples* s, int count, uint32_t seed) {
    s->count = count;
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < FEATURES; j++) {
            seed = seed * 1664525u + 1013904223u;
            s->x[i][j] = seed / 2147483648.0 - 1;
        }
        s->y[i] = s->x[i][0] + s->x[i][1] > 0;
    }
}

/* ---- the same with Lur ----------------------------------------------------------------------------------------------
 */

/* Ends the program when a call failed. */
static void check(int32_t code, const char* call) {
    if (code == LUR_OK) return;
    char text[512];
    lur_error_text(text, sizeof text);
    fprintf(stderr, "%s: error %d: %s\n", call, (int)code, text);
    exit(1);
}
#define CHECK(call) check(call, #call)

/* A vector over an array, in one buffer or in the segments [0, 1), [1, 24), [24, FEATURES). */
static lur_vector vector_of(double* data, int segmented, lur_segment segments[3]) {
    static const int begin[] = {0, 1, 24, FEATURES};
    lur_vector v = {sizeof v, 0, (uint64_t)(uintptr_t)data, FEATURES, NULL};
    if (!segmented) return v;
    for (int s = 0; s < 3; s++) {
        segments[s].data = (uint64_t)(uintptr_t)(data + begin[s]);
        segments[s].count = begin[s + 1] - begin[s];
    }
    v.segment_count = 3;
    v.segments = segments;
    return v;
}

static void train_with_lur(lur_session* session, const samples* kept, const samples* forgotten, int segmented,
                           double* theta, lur_telemetry* telemetry) {
    double g[FEATURES], v[FEATURES], h[FEATURES], ahead[FEATURES], m[FEATURES] = {0};
    lur_segment segments[6][3];
    const lur_vector vtheta = vector_of(theta, segmented, segments[0]), vg = vector_of(g, segmented, segments[1]),
                     vv = vector_of(v, segmented, segments[2]), vh = vector_of(h, segmented, segments[3]),
                     vahead = vector_of(ahead, segmented, segments[4]), vm = vector_of(m, segmented, segments[5]);

    lur_step_options options;
    CHECK(lur_step_options_init(&options, sizeof options));
    options.dtype = LUR_F64;
    options.second_order = LUR_SECOND_ORDER_GIVEN;
    options.alpha = alpha;
    options.forget_weight = forget_weight;
    options.retain_weight = retain_weight;
    options.learning_rate = rate;
    options.momentum = momentum;
    options.weight_decay = decay;
    lur_step* step;
    CHECK(lur_step_create(session, &options, &vtheta, &step));

    for (int i = 0; i < STEPS; i++) {
        gradient(kept, theta, 1, g);
        CHECK(lur_step_look_ahead_enqueue(step, &vtheta, &vg, &vahead));
        CHECK(lur_wait(session)); /* the gradients are made on the CPU, outside the session's stream */
        gradient(forgotten, ahead, -1, v);
        hessian_times(kept, theta, v, h);
        CHECK(lur_step_update_enqueue(step, &vtheta, &vm, &vg, &vv, &vh, NULL));
        CHECK(lur_wait(session));
    }

    memset(telemetry, 0, sizeof *telemetry);
    telemetry->size = sizeof *telemetry;
    CHECK(lur_step_telemetry_read(step, telemetry));
    CHECK(lur_step_destroy(step));
}

/* ---- the same without Lur -------------------------------------------------------------------------------------------
 */

static void train_plainly(const samples* kept, const samples* forgotten, double* theta) {
    double g[FEATURES], v[FEATURES], h[FEATURES], ahead[FEATURES], m[FEATURES] = {0};
    for (int i = 0; i < STEPS; i++) {
        gradient(kept, theta, 1, g);
        for (int j = 0; j < FEATURES; j++) ahead[j] = theta[j] - alpha * g[j];
        gradient(forgotten, ahead, -1, v);
        hessian_times(kept, theta, v, h);
        for (int j = 0; j < FEATURES; j++) {
            const double total = retain_weight * g[j] + forget_weight * (v[j] - alpha * h[j]);
            m[j] = momentum * m[j] + total + decay * theta[j];
            theta[j] -= rate * m[j];
        }
    }
}

int main(int argc, char** argv) {
    const int quiet = argc > 1 && strcmp(argv[1], "--quiet") == 0;
    static samples kept, forgotten;
    make_samples(&kept, KEPT, 1);
    make_samples(&forgotten, FORGOTTEN, 2);

    lur_session_options options;
    CHECK(lur_session_options_init(&options, sizeof options));
    options.device_kind = LUR_DEVICE_HOST; /* the vectors lie in memory of this program */
    lur_session* session;
    CHECK(lur_open(&options, &session));

    double flat[FEATURES] = {0}, segmented[FEATURES] = {0}, plain[FEATURES] = {0};
    lur_telemetry t, u;
    train_with_lur(session, &kept, &forgotten, 0, flat, &t);
    train_with_lur(session, &kept, &forgotten, 1, segmented, &u);
    train_plainly(&kept, &forgotten, plain);
    CHECK(lur_close(session));

    double difference = 0, size = 0;
    for (int j = 0; j < FEATURES; j++) {
        difference = fmax(difference, fabs(flat[j] - plain[j]));
        size = fmax(size, fabs(plain[j]));
    }
    const int same = memcmp(flat, segmented, sizeof flat) == 0;
    if (!quiet) {
        printf("last step: |g| %.4f  |v| %.4f  cos(g, v) %.3f  alpha |h| / |v| %.3f\n", t.retain_norm, t.forget_norm,
               t.cosine, t.second_order);
        printf("largest weight %.4f, largest difference to a plain loop %.1e, flat and segmented %s\n", size,
               difference, same ? "agree in every byte" : "DIFFER");
    }
    return same && size > 0.1 && difference <= 1e-12 && t.skipped == 0 && u.skipped == 0 ? 0 : 1;
}
