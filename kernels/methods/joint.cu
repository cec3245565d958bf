// joint.cu - the sum of two gradients that are taken at the same weights: retain loss and weighted forget loss.
//
//   joint_gradient   total = w_r g + w_f v, by the same fma that lur_meta_update uses for alpha = 0: joint training and
//                    LUR without a look-ahead are the same bits
// g[n], v[n] read; total[n] written: total may be g or v. step: device array, see sgd_step.cuh (w_r, w_f).
// partials[4][count]: |g|^2, |v|^2, <g, v>, |theta|^2, for vector_finish_sum. Launch: Blocks(count).
// Reference: NegGrad+ (Kurmanji et al. 2023); ScissorHands (Wu, Harandi 2024) projects the sum afterwards.
#include "include/partials.cuh"
#include "include/sgd_step.cuh"

KERNEL COOPERATIVE joint_gradient(real* total, double* __restrict__ partials, const real* g, const real* v,
                                  const real* __restrict__ theta, const double* __restrict__ step, int n, int count) {
    const real retain = (real)step[STEP_RETAIN_WEIGHT], forget = (real)step[STEP_FORGET_WEIGHT];
    BLOCK_ROWS (p, count) {
        const Chunk c = chunk_of(n, p, count);
        real* out = total + c.begin;
        const real *gs = g + c.begin, *vs = v + c.begin, *ts = theta + c.begin;
        accum gg = 0, vv = 0, gv = 0, tt = 0;
        LANE_LOOP (i, c.length) {
            const real gi = gs[i], vi = vs[i], t = ts[i];
            out[i] = real_fma(forget, vi, retain * gi);
            gg += gi * gi;
            vv += vi * vi;
            gv += gi * vi;
            tt += t * t;
        }
        gg = block_sum(gg);
        vv = block_sum(vv);
        gv = block_sum(gv);
        tt = block_sum(tt);
        if (threadIdx.x == 0) {
            const accum sums[4] = {gg, vv, gv, tt};
            for (int k = 0; k < 4; k++) partials[(long long)k * count + p] = sums[k];
        }
    }
}
