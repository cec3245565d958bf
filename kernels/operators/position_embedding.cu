// position_embedding.cu - a row of a table added at each position: x [N, T, W], table [length, W], T <= length.
//
//   forward    y[n, t] = x[n, t] + table[t]                                              Rows(N T, W)
//   backward   dx = dy; dtable[t] = sum of dy[n, t] in the order of n, 0 for t >= T      Rows(length, W)
// All rows of dtable are written. Linear: the tangents are the same kernels on tangents.
#include "include/prelude.cuh"

KERNEL position_embedding_forward(real* __restrict__ y, const real* __restrict__ x, const real* __restrict__ table,
                                  int samples, int T, int W) {
    GRID_ROWS (r, samples * T) {
        const real* from = table + r % T * W;
        LANE_LOOP (c, W) y[r * W + c] = x[r * W + c] + from[c];
    }
}

KERNEL position_embedding_backward(real* __restrict__ dtable, const real* __restrict__ dy, int samples, int T,
                                   int length, int W) {
    GRID_ROWS (t, length) {
        real* to = dtable + t * W;
        LANE_LOOP (c, W) to[c] = 0;
        if (t < T)
            for (int n = 0; n < samples; n++)
                LANE_LOOP (c, W) to[c] += dy[(n * T + t) * W + c];
    }
}
