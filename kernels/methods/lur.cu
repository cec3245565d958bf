// lur.cu - the vector arithmetic of LUR: minimise L_r(theta) + lambda L_u(theta - alpha grad L_r(theta)).
//
//   lur_look_ahead    theta' = theta - a g                      a = *scale: alpha, or alpha capped by lur_capped_alpha
//   lur_perturb       out    = theta + sign eps v               eps = r / |v|, from lur_difference_scales
//   lur_difference    h      = (g+ - g-) c                      c = 1 / (2 eps), or 1 / eps for the one-sided form
//   lur_meta_update   G = w_r g + w_u (v - a h);  d = G + wd theta;  m = mu m + d;  u = nesterov ? d + mu m : m;
//                     theta = theta - lr u
//   lur_gradient    G alone
// All vectors have n elements; h = H_r(theta) v may be null (first order), v may be null (forget weight 0).
// step: device array, see sgd_step.cuh; other scalars are device scalars too, so that nothing is read back in a step.
// Arithmetic is explicit fma in one order: with a = 0 the update is that of w_r g + w_u v bit for bit, with w_u = 0 or
// v null it is sgd_step on w_r g bit for bit.
// Reference: "Learning to Unlearn while Retaining" (ICCV 2025, pp. 4211-4221); the finite difference is that of DARTS
// (Liu et al. 2019, equation 8).
//
// Telemetry. look_ahead, difference and meta_update put squares of what they read into partials[k][count] as they go
// (vector_finish_sum folds them); it costs no memory traffic.
//
// The NaN guard. An update that is skipped as a whole must know that all of g, v and h is finite before its first
// write. Three ways were weighed, in vectors moved per step (look-ahead 3 and meta-update 7 without a guard):
//   - write, count, and roll back from copies of theta and momentum: 2 more writes, 2 more buffers;
//   - write to the other of two (theta, momentum) pairs and swap: nothing more, but every layer's weight pointer then
//     alternates and a captured step needs two graphs;
//   - this one: the step is skipped when a squared norm or a loss that was computed before is not finite. |g|^2 comes
//     with the look-ahead and, for finite differences, |v|^2 with eps and |h|^2 with the difference: nothing more to
//     read. Only the exact product pays one read of v and of h (vector_square_sum), under 1 % of a step.
// The guard itself is vectors/guard.cu.
#include "include/meta_gradient.cuh"

// scale[0] = alpha, or cap / |g| where alpha |g| > cap > 0 (cap 0: none). One thread's work, launch Elements(1).
KERNEL lur_capped_alpha(double* __restrict__ scale, const double* __restrict__ g_square,
                        const double* __restrict__ step, double cap) {
    GRID_LOOP (i, 1) {
        const double alpha = step[STEP_ALPHA], norm = real_sqrt(g_square[0]);
        scale[i] = cap > 0 && alpha * norm > cap ? cap / norm : alpha;
    }
}

// scales[0] = eps = r / |v|, scales[1] = 1 / (2 eps), scales[2] = 1 / eps; all 0 when |v| = 0, which makes h = 0.
KERNEL lur_difference_scales(double* __restrict__ scales, const double* __restrict__ v_square, double r) {
    GRID_LOOP (i, 1) {
        const double norm = real_sqrt(v_square[0]);
        scales[0] = norm > 0 ? r / norm : norm;
        scales[1] = norm / (2 * r);
        scales[2] = norm / r;
    }
}

// partials[2][count]: |g|^2, |theta|^2. Launch Blocks(count).
KERNEL COOPERATIVE lur_look_ahead(real* __restrict__ ahead, double* __restrict__ partials,
                                  const real* __restrict__ theta, const real* __restrict__ g,
                                  const double* __restrict__ scale, int n, int count) {
    const real a = (real)-scale[0];
    BLOCK_ROWS (p, count) {
        const Chunk c = chunk_of(n, p, count);
        real* out = ahead + c.begin;
        const real *ts = theta + c.begin, *gs = g + c.begin;
        accum gg = 0, tt = 0;
        LANE_LOOP (i, c.length) {
            const real t = ts[i], d = gs[i];
            out[i] = real_fma(a, d, t);
            gg += d * d;
            tt += t * t;
        }
        gg = block_sum(gg);
        tt = block_sum(tt);
        if (threadIdx.x == 0) partials[p] = gg, partials[count + p] = tt;
    }
}

// Launch Elements(n).
KERNEL lur_perturb(real* __restrict__ out, const real* __restrict__ theta, const real* __restrict__ v,
                   const double* __restrict__ eps, int n, accum sign) {
    const real e = (real)eps[0] * sign;
    GRID_LOOP (i, n) out[i] = real_fma(e, v[i], theta[i]);
}

// h may be g_plus or g_minus. scale 0 gives h = 0 whatever the gradients hold. partials[count]: |h|^2.
// Launch Blocks(count).
KERNEL COOPERATIVE lur_difference(real* h, double* __restrict__ partials, const real* g_plus, const real* g_minus,
                                  const double* __restrict__ scale, int n, int count) {
    const real k = (real)scale[0];
    const bool none = k == 0;
    BLOCK_ROWS (p, count) {
        const Chunk c = chunk_of(n, p, count);
        real* out = h + c.begin;
        const real *as = g_plus + c.begin, *bs = g_minus + c.begin;
        accum hh = 0;
        LANE_LOOP (i, c.length) {
            const real d = none ? (real)0 : (as[i] - bs[i]) * k;
            out[i] = d;
            hh += d * d;
        }
        hh = block_sum(hh);
        if (threadIdx.x == 0) partials[p] = hh;
    }
}

// The gradient alone, for an update that needs the whole of it before its first write (clipping by its norm):
// total[n] = G, may be g. partials as lur_meta_update. lur_gradient and sgd_step are lur_meta_update bit for bit.
template <bool V, bool H>
DEVICE MetaTelemetry gradient_chunk(real* total, const real* g, const real* __restrict__ v, const real* __restrict__ h,
                                    const real* __restrict__ theta, const MetaWeights& w, const Chunk c) {
    real* out = total + c.begin;
    const real *ts = theta + c.begin, *gs = g + c.begin, *vs = V ? v + c.begin : nullptr,
               *hs = H ? h + c.begin : nullptr;
    MetaTelemetry sum = {0, 0, 0, 0, 0, 0};
    LANE_LOOP (i, c.length) {
        const real gi = gs[i], vi = V ? vs[i] : (real)0, hi = H ? hs[i] : (real)0;
        const real both = meta_gradient<V, H>(w, gi, vi, hi);
        out[i] = both;
        meta_observe(sum, gi, vi, hi, ts[i], both);
    }
    return sum;
}

// Launch Blocks(count).
KERNEL COOPERATIVE lur_gradient(real* total, double* __restrict__ partials, const real* g, const real* __restrict__ v,
                                const real* __restrict__ h, const real* __restrict__ theta,
                                const double* __restrict__ step, const double* __restrict__ scale, int n, int count) {
    const MetaWeights w = meta_weights_of(step, scale);
    BLOCK_ROWS (p, count) {
        const Chunk c = chunk_of(n, p, count);
        MetaTelemetry t;
        if (v != nullptr && h != nullptr)
            t = gradient_chunk<true, true>(total, g, v, h, theta, w, c);
        else if (v != nullptr)
            t = gradient_chunk<true, false>(total, g, v, h, theta, w, c);
        else
            t = gradient_chunk<false, false>(total, g, v, h, theta, w, c);
        meta_store(partials, t, p, count);
    }
}

struct MetaUpdate {
    SgdStep sgd;
    MetaWeights weights;
    bool skip;
};

// V, H, MASKED: which of the pointers v, h and mask are there. A skipped step runs the same loop and writes back what
// it read, so that the log still shows which norm broke.
template <bool V, bool H, bool MASKED>
DEVICE MetaTelemetry meta_update_chunk(real* __restrict__ theta, real* __restrict__ momentum,
                                       const real* __restrict__ g, const real* __restrict__ v,
                                       const real* __restrict__ h, const unsigned char* __restrict__ mask,
                                       const MetaUpdate& s, const Chunk c) {
    real *ts = theta + c.begin, *ms = momentum + c.begin;
    const real *gs = g + c.begin, *vs = V ? v + c.begin : gs, *hs = H ? h + c.begin : gs;
    const unsigned char* keep = MASKED ? mask + c.begin : nullptr;
    const bool update = !s.skip;
    MetaTelemetry sum = {0, 0, 0, 0, 0, 0};
    LANE_LOOP (i, c.length) {
        const real before = ts[i], m_before = ms[i], gi = gs[i];
        const real vi = V ? vs[i] : (real)0, hi = H ? hs[i] : (real)0;
        const real total = meta_gradient<V, H>(s.weights, gi, vi, hi);
        real m = m_before;
        const real u = sgd_direction(s.sgd, before, total, &m);
        const bool on = update & (!MASKED || keep[i] != 0);
        ms[i] = on ? m : m_before;
        ts[i] = on ? real_fma(-s.sgd.rate, u, before) : before;
        meta_observe(sum, gi, vi, hi, before, total);
    }
    return sum;
}

// partials[6][count]: |g|^2, |v|^2, <g, v>, |h|^2, |theta|^2 before the step, number of non-finite G. scale: the alpha
// of the look-ahead. mask and skip as in sgd_step. Launch Blocks(count).
KERNEL COOPERATIVE lur_meta_update(real* __restrict__ theta, real* __restrict__ momentum, double* __restrict__ partials,
                                   const real* __restrict__ g, const real* __restrict__ v, const real* __restrict__ h,
                                   const unsigned char* __restrict__ mask, const double* __restrict__ step,
                                   const double* __restrict__ scale, const int* __restrict__ skip, int n, int count,
                                   int nesterov) {
    const MetaUpdate s = {sgd_step_of(step, nesterov), meta_weights_of(step, scale), skip != nullptr && *skip != 0};
    BLOCK_ROWS (p, count) {
        const Chunk c = chunk_of(n, p, count);
        MetaTelemetry t;
#define META_UPDATE(V, H, MASKED) t = meta_update_chunk<V, H, MASKED>(theta, momentum, g, v, h, mask, s, c)
        if (v != nullptr && h != nullptr && mask != nullptr)
            META_UPDATE(true, true, true);
        else if (v != nullptr && h != nullptr)
            META_UPDATE(true, true, false);
        else if (v != nullptr && mask != nullptr)
            META_UPDATE(true, false, true);
        else if (v != nullptr)
            META_UPDATE(true, false, false);
        else if (mask != nullptr)
            META_UPDATE(false, false, true);
        else
            META_UPDATE(false, false, false);
#undef META_UPDATE
        meta_store(partials, t, p, count);
    }
}
