// adam.cu - Adam with weight decay in both forms, bias correction and a mask, in one pass.
//
//   d = g + wd theta  (decoupled: d = g and theta = theta - lr wd theta)
//   m = b1 m + (1 - b1) d;   v = b2 v + (1 - b2) d d
//   theta = theta - lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + eps)
//
// theta[n], m[n], v[n] updated in place, g[n] read, each once. m and v start as zeros. b1 = step[STEP_MOMENTUM], b2 =
// step[STEP_SECOND_MOMENT], eps = step[STEP_EPSILON], see sgd_step.cuh.
// clock[3]: t and the two corrections, part of the optimiser's state, zeros at the start. adam_begin runs before the
// step and counts it: the count lies on the device, so that a captured graph is replayed and a skipped step is not
// counted. mask[n] (null: all ones): where it is 0 none of theta, m and v changes by a bit, weight decay included. skip
// (null: never): when *skip != 0 neither kernel changes anything. Launch: adam_begin Elements(1), adam_step
// Elements(n). The square root and the division of every element are Adam's; memory is the limit: seven vectors are
// moved. Reference: Kingma, Ba 2015 (torch.optim.Adam); decoupled: Loshchilov, Hutter 2019 (torch.optim.AdamW).
// Trace: adam_begin is one thread: it turns a few numbers into others.
#include "include/adam_step.cuh"
#include "include/packs.cuh"

// b^k by squaring: no library function, hence the same bits on every machine.
DEVICE double adam_power(double b, long long k) {
    double power = 1;
    for (; k > 0; k /= 2, b *= b) power = k % 2 != 0 ? power * b : power;
    return power;
}

KERNEL adam_begin(double* __restrict__ clock, const double* __restrict__ step, const int* __restrict__ skip) {
    if (skip != nullptr && *skip != 0) return; // no barrier below
    GRID_LOOP (i, 1) {
        const double t = clock[ADAM_STEPS] + 1;
        clock[i] = t;
        clock[ADAM_BIAS_1] = 1 - adam_power(step[STEP_MOMENTUM], (long long)t);
        clock[ADAM_BIAS_2] = 1 - adam_power(step[STEP_SECOND_MOMENT], (long long)t);
    }
}

// As in sgd.cu: the mask's presence is a template argument, and a masked element is written back as it was, because a
// select vectorises and a branch does not.
template <bool MASKED>
DEVICE void adam_elements(real* __restrict__ theta, real* __restrict__ m, real* __restrict__ v,
                          const real* __restrict__ g, const unsigned char* __restrict__ mask, const AdamStep s, int n) {
    const auto step = [=](real& t, real& mi, real& vi, const real& gi, bool on) {
        const real before = t, m_before = mi, v_before = vi;
        real mean = m_before, square = v_before;
        const real after = adam_update(s, before, gi, &mean, &square);
        mi = on ? mean : m_before;
        vi = on ? square : v_before;
        t = on ? after : before;
    };
    if constexpr (MASKED)
        grid_vectors(
            n,
            [=](real& t, real& mi, real& vi, const real& gi, const unsigned char& on) { step(t, mi, vi, gi, on != 0); },
            updates(theta), updates(m), updates(v), reads(g), reads(mask));
    else
        grid_vectors(
            n, [=](real& t, real& mi, real& vi, const real& gi) { step(t, mi, vi, gi, true); }, updates(theta),
            updates(m), updates(v), reads(g));
}

KERNEL adam_step(real* __restrict__ theta, real* __restrict__ m, real* __restrict__ v, const real* __restrict__ g,
                 const unsigned char* __restrict__ mask, const double* __restrict__ step,
                 const double* __restrict__ clock, const int* __restrict__ skip, int n, int decoupled) {
    if (skip != nullptr && *skip != 0) return; // no barrier below
    const AdamStep s = adam_step_of(step, clock, decoupled);
    if (mask != nullptr)
        adam_elements<true>(theta, m, v, g, mask, s, n);
    else
        adam_elements<false>(theta, m, v, g, mask, s, n);
}
