// adam_step.cuh - one step of Adam for one element, shared by adam.cu and lur_adam.cu.
//
// Every product-sum is an explicit fma, so that both files give the same bits. The second moment is v + (1 - b2)(d d -
// v) rather than b2 v + (1 - b2) d d: three factors in a row are the compiler's to reorder, this is not. The first
// moment is the plain form, exact for b1 = 0.
#pragma once
#include "include/sgd_step.cuh"

// clock: device array that belongs to the optimiser's state; adam_begin moves it, once a step that is not skipped.
enum AdamClock { ADAM_STEPS = 0, ADAM_BIAS_1 = 1, ADAM_BIAS_2 = 2 }; // t, 1 - b1^t, 1 - b2^t

struct AdamStep {
    real from_m, from_d;      // m = from_m m + from_d d
    real toward_square;       // v = v + toward_square (d d - v)
    real l2, shrink;          // d = g + l2 theta; theta = theta + shrink theta: one of the two is 0
    real rate, root, epsilon; // theta = theta - rate m / (root sqrt v + epsilon)
};

// beta_1 lies where SGD has its momentum: a schedule that moves the one moves the other (torch's OneCycleLR does so).
DEVICE AdamStep adam_step_of(const double* step, const double* clock, int decoupled) {
    const double rate = step[STEP_LEARNING_RATE], decay = step[STEP_WEIGHT_DECAY];
    return {(real)step[STEP_MOMENTUM],
            (real)(1 - step[STEP_MOMENTUM]),
            (real)(1 - step[STEP_SECOND_MOMENT]),
            decoupled ? (real)0 : (real)decay,
            decoupled ? (real)(-rate * decay) : (real)0,
            (real)(rate / clock[ADAM_BIAS_1]),
            (real)(1 / real_sqrt(clock[ADAM_BIAS_2])),
            (real)step[STEP_EPSILON]};
}

// The new theta; m and v are updated in place.
DEVICE real adam_update(const AdamStep& s, real theta, real g, real* m, real* v) {
    const real d = real_fma(s.l2, theta, g);
    const real mean = real_fma(s.from_m, *m, s.from_d * d);
    const real square = real_fma(s.toward_square, real_fma(d, d, -*v), *v);
    *m = mean;
    *v = square;
    return real_fma(-s.rate, mean / real_fma(s.root, real_sqrt(square), s.epsilon), real_fma(s.shrink, theta, theta));
}
