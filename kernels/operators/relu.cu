// relu.cu - rectified linear unit over n elements, standing alone (behind a normalisation it is fused into
// batch_norm.cu).
//
//   forward           y = max(x, 0); NaN stays NaN, as in torch
//   backward          dx = dy where y > 0, else 0      (the derivative at 0 is 0)
//   forward_tangent   ty = tx where y > 0, else 0      the second derivative is zero, so both tangents are
//   backward_tangent  tdx = tdy where y > 0, else 0    relu_backward, applied to the tangent
// Launch: Elements(n). Writes; the output may be the input.
#include "include/columns.cuh"

KERNEL relu_forward(real* y, const real* x, int n) {
    GRID_LOOP (i, n) y[i] = relu(x[i]);
}

KERNEL relu_backward(real* dx, const real* dy, const real* y, int n) {
    GRID_LOOP (i, n) dx[i] = relu_mask(dy[i], y[i]);
}
