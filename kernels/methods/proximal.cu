// proximal.cu - soft-thresholding towards an anchor: weights that have moved little since the anchor move back to it.
//
//   proximal_distance   x = |theta - anchor|
//   proximal_shrink     d = theta - anchor;  theta = anchor + sign(d) max(|d| - tau, 0)      tau = tau[0]
// tau: the k-th smallest x, from trim_select_*. Where tau is 0 or NaN (k = 0) or *skip != 0, theta keeps its bits.
// |d| <= tau gives the anchor's bits. Launch: Elements(n).
// Reference: SalUn's proximal variant, RL_proximal (Fan et al., ICLR 2024).
#include "include/prelude.cuh"

KERNEL proximal_distance(real* __restrict__ x, const real* __restrict__ theta, const real* __restrict__ anchor, int n) {
    GRID_LOOP (i, n) x[i] = real_abs(theta[i] - anchor[i]);
}

KERNEL proximal_shrink(real* __restrict__ theta, const real* __restrict__ anchor, const double* __restrict__ tau,
                       const int* __restrict__ skip, int n) {
    const real threshold = (real)tau[0];
    if (!(threshold > 0) || *skip != 0) return; // no barrier below
    GRID_LOOP (i, n) {
        const real a = anchor[i], d = theta[i] - a;
        const real left = real_max(real_abs(d) - threshold, (real)0);
        theta[i] = left > 0 ? a + (d < 0 ? -left : left) : a;
    }
}
