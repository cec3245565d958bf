// meta_gradient.cuh - G = w_r g + w_u (v - a h) for one element, and the telemetry that comes with a pass over g, v, h
// and theta. lur.cu and lur_adam.cu share it, so that both form the same bits. V, H: which of the pointers v and h are
// there.
#pragma once
#include "include/partials.cuh"
#include "include/sgd_step.cuh"

struct MetaWeights {
    real retain, forget, alpha;
};
DEVICE MetaWeights meta_weights_of(const double* step, const double* scale) {
    return {(real)step[STEP_RETAIN_WEIGHT], (real)step[STEP_FORGET_WEIGHT], (real)scale[0]};
}

template <bool V, bool H> DEVICE real meta_gradient(const MetaWeights& w, real g, real v, real h) {
    const real outer = H ? real_fma(-w.alpha, h, v) : v;
    return V ? real_fma(w.forget, outer, w.retain * g) : w.retain * g;
}

struct MetaTelemetry {
    accum gg, vv, gv, hh, tt;
    int nonfinite;
};
DEVICE void meta_observe(MetaTelemetry& sum, real g, real v, real h, real theta, real total) {
    sum.gg += g * g;
    sum.vv += v * v;
    sum.gv += g * v;
    sum.hh += h * h;
    sum.tt += theta * theta;
    sum.nonfinite += real_finite(total) ? 0 : 1;
}
// partials[6][count] at part p: |g|^2, |v|^2, <g, v>, |h|^2, |theta|^2, number of non-finite G. All threads call it.
DEVICE void meta_store(double* partials, const MetaTelemetry& t, int p, int count) {
    const accum gg = block_sum(t.gg), vv = block_sum(t.vv), gv = block_sum(t.gv), hh = block_sum(t.hh),
                tt = block_sum(t.tt);
    const int nonfinite = block_sum(t.nonfinite);
    if (threadIdx.x == 0) {
        const accum sums[6] = {gg, vv, gv, hh, tt, (accum)nonfinite};
        for (int k = 0; k < 6; k++) partials[(long long)k * count + p] = sums[k];
    }
}
