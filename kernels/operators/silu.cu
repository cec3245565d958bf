// silu.cu - the activation y = x g, g = 1 / (1 + exp(-x)), element by element over x[n].
//
//   forward           y = x g
//   backward          dx = f' dy,               f' = g (1 + x (1 - g))
//   forward_tangent   ty = f' tx: the backward kernel with tx for dy
//   backward_tangent  tdx = f' tdy + f'' tx dy, f'' = g (1 - g) (2 + x (1 - 2 g))
// Elfwing, Uchibe, Doya, "Sigmoid-weighted linear units for neural network function approximation", 2018.
//
// Launch: Elements(n). Forward writes; the others write or, with `accumulate`, add. y may be x, dx may be dy,
// tdx may be tdy, tdx may be tx.
#include "include/prelude.cuh"

DEVICE real sigmoid(real x) { return 1 / (1 + real_exp(-x)); }

KERNEL silu_forward(real* y, const real* x, int n) {
    GRID_LOOP (i, n) y[i] = x[i] * sigmoid(x[i]);
}

KERNEL silu_backward(real* dx, const real* x, const real* dy, int n, int accumulate) {
    GRID_LOOP (i, n) {
        const real g = sigmoid(x[i]), d = g * (1 + x[i] * (1 - g)) * dy[i];
        dx[i] = accumulate ? dx[i] + d : d;
    }
}

KERNEL silu_backward_tangent(real* tdx, const real* x, const real* tx, const real* dy, const real* tdy, int n,
                             int accumulate) {
    GRID_LOOP (i, n) {
        const real g = sigmoid(x[i]), first = g * (1 + x[i] * (1 - g));
        const real second = g * (1 - g) * (2 + x[i] * (1 - 2 * g));
        const real d = first * tdy[i] + second * tx[i] * dy[i];
        tdx[i] = accumulate ? tdx[i] + d : d;
    }
}
