// average.cu - averaged weights: an exponential moving average of the parameters, beside them.
//
//   average_begin   k = k + 1, u = max(0, k - after - 1), and the decay of this step:
//                     warm-up 0 (none)    decay                                     from the first step on
//                     warm-up 1 (ratio)   min(decay, (1 + u) / (10 + u))            0 at u = 0: the average is theta
//                     warm-up 2 (power)   min(decay, 1 - (1 + u / gamma)^-power)    0 at u = 0
//                   and at least `least` where u > 0
//   average_step    a = a - (1 - decay)(a - theta); decay 0 copies theta bit for bit
//   average_swap    exchanges theta and a: once to evaluate with the average, again to go on; no bit is lost
//                   and no third vector is needed
// clock[2]: k and the decay, part of the state, zeros at the start. skip (null: never): when *skip != 0 neither
// average_begin nor average_step changes anything.
// a[n], theta[n]. Launch: average_begin Elements(1), the others Elements(n).
// Trace: average_begin is one thread: it turns one number into another.
// Reference: Polyak, Juditsky 1992; the warm-ups are those of diffusers' EMAModel (gamma is its inv_gamma).
#include "include/packs.cuh"

KERNEL average_begin(double* __restrict__ clock, const int* __restrict__ skip, double decay, double least, double power,
                     double gamma, int warm_up, int after) {
    if (skip != nullptr && *skip != 0) return; // no barrier below
    GRID_LOOP (i, 1) {
        const double k = clock[0] + 1, u = real_max(k - after - 1, 0.0);
        double now = decay;
        if (warm_up != 0) {
            const double rising = warm_up == 1 ? (1 + u) / (10 + u) : 1 - real_exp(-power * real_log(1 + u / gamma));
            now = u > 0 ? real_max(real_min(rising, decay), least) : 0;
        }
        clock[i] = k;
        clock[1] = now;
    }
}

KERNEL average_step(real* __restrict__ a, const real* __restrict__ theta, const double* __restrict__ clock,
                    const int* __restrict__ skip, int n) {
    if (skip != nullptr && *skip != 0) return; // no barrier below
    const real toward = (real)(1 - clock[1]);
    const bool copy = toward == 1;
    const auto step = [=](real& ai, const real& t) { ai = copy ? t : real_fma(toward, t - ai, ai); };
    grid_vectors(n, step, updates(a), reads(theta));
}

KERNEL average_swap(real* __restrict__ a, real* __restrict__ theta, int n) {
    const auto swap = [](real& ai, real& ti) {
        const real t = ti;
        ti = ai;
        ai = t;
    };
    grid_vectors(n, swap, updates(a), updates(theta));
}
