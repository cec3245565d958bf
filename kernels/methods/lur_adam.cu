// lur_adam.cu - LUR's update with Adam as the outer optimiser: the gradient of lur.cu and the step of adam.cu in one
// pass.
//
//   lur_adam_update   G = w_r g + w_u (v - a h), then one step of Adam with G (formulas in adam.cu)
// It is lur_gradient followed by adam_step, bit for bit, with G in a register. h may be null (first order), v may be
// null (forget weight 0). step, clock, mask and skip as in adam_step: adam_begin runs before it. partials[6][count]:
// |g|^2, |v|^2, <g, v>, |h|^2, |theta|^2 before the step, number of non-finite G. scale: the alpha of the look-ahead. A
// skipped step runs the same loop and writes back what it read, so that the log still shows which norm broke; its clock
// may be that of no step at all, and what is computed from it is dropped. Launch Blocks(count). Reference: as lur.cu
// and adam.cu.
#include "include/adam_step.cuh"
#include "include/meta_gradient.cuh"

struct AdamUpdate {
    AdamStep adam;
    MetaWeights weights;
    bool skip;
};

template <bool V, bool H, bool MASKED>
DEVICE MetaTelemetry adam_update_chunk(real* __restrict__ theta, real* __restrict__ m, real* __restrict__ s,
                                       const real* __restrict__ g, const real* __restrict__ v,
                                       const real* __restrict__ h, const unsigned char* __restrict__ mask,
                                       const AdamUpdate& u, const Chunk c) {
    real *ts = theta + c.begin, *ms = m + c.begin, *ss = s + c.begin;
    const real *gs = g + c.begin, *vs = V ? v + c.begin : gs, *hs = H ? h + c.begin : gs;
    const unsigned char* keep = MASKED ? mask + c.begin : nullptr;
    const bool update = !u.skip;
    MetaTelemetry sum = {0, 0, 0, 0, 0, 0};
    LANE_LOOP (i, c.length) {
        const real before = ts[i], m_before = ms[i], s_before = ss[i], gi = gs[i];
        const real vi = V ? vs[i] : (real)0, hi = H ? hs[i] : (real)0;
        const real total = meta_gradient<V, H>(u.weights, gi, vi, hi);
        real mean = m_before, square = s_before;
        const real after = adam_update(u.adam, before, total, &mean, &square);
        const bool on = update & (!MASKED || keep[i] != 0);
        ms[i] = on ? mean : m_before;
        ss[i] = on ? square : s_before;
        ts[i] = on ? after : before;
        meta_observe(sum, gi, vi, hi, before, total);
    }
    return sum;
}

// m, second[n]: Adam's two moments.
KERNEL COOPERATIVE lur_adam_update(real* __restrict__ theta, real* __restrict__ m, real* __restrict__ second,
                                   double* __restrict__ partials, const real* __restrict__ g,
                                   const real* __restrict__ v, const real* __restrict__ h,
                                   const unsigned char* __restrict__ mask, const double* __restrict__ step,
                                   const double* __restrict__ clock, const double* __restrict__ scale,
                                   const int* __restrict__ skip, int n, int count, int decoupled) {
    const AdamUpdate u = {adam_step_of(step, clock, decoupled), meta_weights_of(step, scale),
                          skip != nullptr && *skip != 0};
    BLOCK_ROWS (p, count) {
        const Chunk c = chunk_of(n, p, count);
        MetaTelemetry t;
#define ADAM_UPDATE(V, H, MASKED) t = adam_update_chunk<V, H, MASKED>(theta, m, second, g, v, h, mask, u, c)
        if (v != nullptr && h != nullptr && mask != nullptr)
            ADAM_UPDATE(true, true, true);
        else if (v != nullptr && h != nullptr)
            ADAM_UPDATE(true, true, false);
        else if (v != nullptr && mask != nullptr)
            ADAM_UPDATE(true, false, true);
        else if (v != nullptr)
            ADAM_UPDATE(true, false, false);
        else if (mask != nullptr)
            ADAM_UPDATE(false, false, true);
        else
            ADAM_UPDATE(false, false, false);
#undef ADAM_UPDATE
        meta_store(partials, t, p, count);
    }
}
