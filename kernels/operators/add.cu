// add.cu - sum of two tensors of n elements, as where two paths of a network meet.
//
//   forward   y = a + b
//   backward  da = dy, or da + dy where da already holds the gradient of another path; likewise db
// Linear: the tangent passes are add_forward and add_backward, applied to the tangents.
// Launch: Elements(n). The output may be an input.
#include "include/prelude.cuh"

KERNEL add_forward(real* y, const real* a, const real* b, int n) {
    GRID_LOOP (i, n) y[i] = a[i] + b[i];
}

KERNEL add_backward(real* da, const real* dy, int n, int accumulate) {
    if (accumulate)
        GRID_LOOP (i, n) da[i] += dy[i];
    else
        GRID_LOOP (i, n) da[i] = dy[i];
}
