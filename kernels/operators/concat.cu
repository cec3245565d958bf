// concat.cu - one input of a concatenation along channels: x [rows, width] is y [rows, C] from channel `first` on.
//
//   forward    y[r, first + c] = x[r, c]
//   backward   dx[r, c] = dy[r, first + c]; adds with `accumulate`
// Launched once for each input. Linear: the tangents are the same kernels on tangents. Launch: Rows(rows, width).
#include "include/prelude.cuh"

KERNEL concat_forward(real* __restrict__ y, const real* __restrict__ x, int rows, int width, int first, int C) {
    GRID_ROWS (r, rows)
        LANE_LOOP (c, width) y[r * C + first + c] = x[r * width + c];
}

KERNEL concat_backward(real* __restrict__ dx, const real* __restrict__ dy, int rows, int width, int first, int C,
                       int accumulate) {
    GRID_ROWS (r, rows)
        LANE_LOOP (c, width) {
            const real d = dy[r * C + first + c];
            dx[r * width + c] = accumulate ? dx[r * width + c] + d : d;
        }
}
