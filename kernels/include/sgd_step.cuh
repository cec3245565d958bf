// sgd_step.cuh - one step of SGD for one element, and where a step's numbers lie in device memory.
//
// sgd.cu and lur.cu share this text, so that LUR with forget weight 0 is fine-tuning bit for bit.
#pragma once
#include "include/prelude.cuh"

// Indices into `const double* step`: written by the host before a step, read by every kernel of it. A captured graph
// is replayed with another learning rate by writing the array, not by capturing anew. The C# side is StepParameter.
enum StepParameter {
    STEP_LEARNING_RATE = 0,
    STEP_MOMENTUM = 1,
    STEP_WEIGHT_DECAY = 2,
    STEP_RETAIN_WEIGHT = 3,
    STEP_FORGET_WEIGHT = 4,
    STEP_ALPHA = 5,
    STEP_PENALTY = 6,
    STEP_SECOND_MOMENT = 7,
    STEP_EPSILON = 8
};

struct SgdStep {
    real rate, momentum, decay;
    real from_momentum, from_gradient; // u = from_momentum m + from_gradient d
};
// Nesterov or not is a pair of factors (mu, 1) or (1, 0), exact in both cases: a choice per element is control flow
// that g++ 12 does not remove from the loop of lur_meta_update, which then is not vectorised.
DEVICE SgdStep sgd_step_of(const double* step, int nesterov) {
    const real momentum = (real)step[STEP_MOMENTUM];
    return {(real)step[STEP_LEARNING_RATE], momentum, (real)step[STEP_WEIGHT_DECAY], nesterov ? momentum : (real)1,
            nesterov ? (real)1 : (real)0};
}

// torch.optim.SGD with dampening 0. A momentum buffer of zeros makes the first step torch's (buffer = gradient)
// exactly: fma(mu, 0, d) = d. Every product-sum is an explicit fma: the compiler has nothing left to contract, and the
// bits are those of every build that has one.
DEVICE real sgd_direction(const SgdStep& s, real theta, real g, real* momentum) {
    const real d = real_fma(s.decay, theta, g);
    const real m = real_fma(s.momentum, *momentum, d);
    *momentum = m;
    return real_fma(s.from_momentum, m, s.from_gradient * d);
}
