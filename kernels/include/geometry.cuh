// geometry.cuh - sizes that belong together, as one argument. The launchers have a struct of the same name and order.
#pragma once

// Windows of R x S that slide over x[N][H][W][C] at `stride`, `top` rows of zeros above it and `left` columns left of
// it, and give y[N][OH][OW][K]; a pooling has K = C.
struct WindowGeometry {
    int N, H, W, C, K, R, S, stride, top, left, OH, OW;
};

// The filters that one sweep uses of w[K][R][S][C]: taps r0 + step r', s0 + step s' with r' < taps_r, s' < taps_s.
struct FilterGeometry {
    int K, C, R, S, taps_r, taps_s, r0, s0, step;
};

// One sweep of a direct convolution: the outputs (h0 + step g, w0 + step g'), g < GH, g' < GW, of y[N][OH][OW][K] from
// x[N][H][W][C]; the first of them meets its first tap `top` rows above and `left` columns left of x.
struct SweepGeometry {
    int N, H, W, C, K, OH, OW, taps_r, taps_s, stride, top, left, GH, GW, step, h0, w0;
};

// A 3 x 3 convolution with stride 1, x[N][H][W][C] to y[N][OH][OW][K], as tiles_h x tiles_w tiles of each image.
struct TileGeometry {
    int N, H, W, C, K, OH, OW, pad, tiles_h, tiles_w;
};
