// add.cu - the sum of two activations, y = scale (a + b), element by element over n; the end of a residual block.
//
//   forward    y = scale (a + b)
//   backward   da = db = scale dy: one launch for each input; adds with `accumulate`
//   affine     y = factor x + shift, for inputs that come in another range; its backward is add_backward
// Linear: the tangents are the same kernels on tangents; where one input has none, add_backward with tx for dy.
// Launch: Elements(n).
#include "include/prelude.cuh"

KERNEL add_forward(real* __restrict__ y, const real* __restrict__ a, const real* __restrict__ b, int n, accum scale) {
    GRID_LOOP (i, n) y[i] = scale * (a[i] + b[i]);
}

KERNEL add_backward(real* __restrict__ dx, const real* __restrict__ dy, int n, accum scale, int accumulate) {
    GRID_LOOP (i, n) dx[i] = accumulate ? dx[i] + scale * dy[i] : scale * dy[i];
}

KERNEL add_affine_forward(real* __restrict__ y, const real* __restrict__ x, int n, accum factor, accum shift) {
    GRID_LOOP (i, n) y[i] = factor * x[i] + shift;
}
