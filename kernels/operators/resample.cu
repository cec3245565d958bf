// resample.cu - nearest up-sampling, x [N, H, W, C] -> y [N, H', W', C], H' >= H, W' >= W.
//
//   forward    y[n, i, j, c] = x[n, floor(i H / H'), floor(j W / W'), c]                  Rows(N H' W', C)
//   backward   dx[n, h, w, c] = sum of dy over the outputs that read it, row by row       Rows(N H W, C)
// Linear: the tangents are the same kernels on tangents. Forward writes; backward adds with `accumulate`.
#include "include/index.cuh"
#include "include/prelude.cuh"

KERNEL nearest_forward(real* __restrict__ y, const real* __restrict__ x, int samples, int H, int W, int outH, int outW,
                       int C) {
    GRID_ROWS (row, samples * outH * outW) {
        const Position p = split_position(row, outH, outW);
        const int h = (int)((long long)p.h * H / outH), w = (int)((long long)p.w * W / outW);
        const real* from = x + ((p.n * H + h) * W + w) * C;
        LANE_LOOP (c, C) y[row * C + c] = from[c];
    }
}

// The first output that reads input i: the least o with floor(o size / out) >= i.
DEVICE int first_reader(int i, int size, int out) { return (int)(((long long)i * out + size - 1) / size); }

KERNEL nearest_backward(real* __restrict__ dx, const real* __restrict__ dy, int samples, int H, int W, int outH,
                        int outW, int C, int accumulate) {
    GRID_ROWS (row, samples * H * W) {
        const Position p = split_position(row, H, W);
        const int top = first_reader(p.h, H, outH), bottom = first_reader(p.h + 1, H, outH);
        const int left = first_reader(p.w, W, outW), right = first_reader(p.w + 1, W, outW);
        const real* from = dy + p.n * outH * outW * C;
        LANE_LOOP (c, C) {
            accum sum = accumulate ? dx[row * C + c] : real(0);
            for (int i = top; i < bottom; i++)
                for (int j = left; j < right; j++) sum += from[(i * outW + j) * C + c];
            dx[row * C + c] = sum;
        }
    }
}
