// elastic.cu - the pull of elastic weight consolidation towards weights that were good.
//
//   elastic_gradient  g = g + weight F (theta - anchor): the gradient of (weight / 2) sum F (theta - anchor)^2
// F[n] is double, as fisher.cu makes it: squares of small gradients leave the range of float, and their product with a
// large weight is back in it. The product is formed in double and rounded once, with the sum.
// Launch: Elements(n). Adds to g. Reference: Kirkpatrick et al. 2017; Heng, Soh 2023 (Selective Amnesia).
#include "include/prelude.cuh"

KERNEL elastic_gradient(real* __restrict__ g, const real* __restrict__ theta, const real* __restrict__ anchor,
                        const double* __restrict__ fisher, int n, double weight) {
    GRID_LOOP (i, n) {
        const wide away = (wide)theta[i] - anchor[i];
        g[i] = (real)(g[i] + weight * fisher[i] * away);
    }
}
