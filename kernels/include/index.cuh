// index.cuh - index arithmetic shared by kernels. Memory layout is NHWC for activations and KRSC for filters.
#pragma once
#include "include/prelude.cuh"

// Splits a row number over (n, h, w) without a division per element: callers divide once per row.
struct Position {
    int n, h, w;
};
DEVICE Position split_position(int row, int H, int W) {
    const int w = row % W, t = row / W;
    return {t / H, t % H, w};
}
