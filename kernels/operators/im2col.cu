// im2col.cu - patches of an image as rows of a matrix, so that a convolution is a matrix product.
//
//   im2col  columns[m][(r, s, c)] = x[n][oh * stride - top + r][ow * stride - left + s][c], 0 outside; m = (n, oh, ow)
//   col2im  dx[n][h][w][c] (+)= sum of columns[m][(r, s, c)] over the (m, r, s) whose patch holds (h, w); the adjoint
//   im2col_pair  the same of two images at once, columns[2][m][(r, s, c)], all rows: for the tangent of a product
//
// x, dx: N x H x W x C; columns: rows x (R S C), a chunk of the N OH OW rows that starts at row `first`.
// Launch: im2col by Rows(rows, S C), im2col_pair by Rows(2 rows, S C); col2im by Rows(images H W, C) on whole images.
// im2col writes, col2im writes or adds. One row of the patch (fixed r) is a run of S C neighbouring values, so the
// inner loop copies; one element per thread with divisions is 40 times slower on the host (22 ms against 0.5 ms for 8 x
// 64 x 32 x 32). Chellapilla, Puri, Simard, "High performance convolutional neural networks for document processing",
// 2006.
#include "include/columns.cuh"
#include "include/geometry.cuh"
#include "include/index.cuh"

// The patch of row m = (n, oh, ow).
DEVICE void copy_patch(real* out, const real* x, int m, const WindowGeometry& dim) {
    const int run = dim.S * dim.C;
    const Position p = split_position(m, dim.OH, dim.OW);
    const int h0 = p.h * dim.stride - dim.top, w0 = p.w * dim.stride - dim.left;
    // Part of the run that lies inside the image, in elements.
    const int low = real_min(real_max(-w0, 0), dim.S) * dim.C, high = real_max(real_min(dim.W - w0, dim.S), 0) * dim.C;
    for (int r = 0; r < dim.R; r++, out += run) {
        const int h = h0 + r;
        if (h < 0 || h >= dim.H || low >= high) {
            LANE_LOOP (i, run) out[i] = 0;
            continue;
        }
        const real* in = x + (((long long)p.n * dim.H + h) * dim.W + w0) * dim.C;
        LANE_LOOP (i, low) out[i] = 0;
        LANE_LOOP (i, high - low) out[low + i] = in[low + i];
        LANE_LOOP (i, run - high) out[high + i] = 0;
    }
}

KERNEL im2col(real* __restrict__ columns, const real* __restrict__ x, int first, int rows, WindowGeometry dim) {
    GRID_ROWS (m, rows) copy_patch(columns + (long long)m * (dim.R * dim.S * dim.C), x, first + m, dim);
}

KERNEL im2col_pair(real* __restrict__ columns, const real* __restrict__ x1, const real* __restrict__ x2, int rows,
                   WindowGeometry dim) {
    GRID_ROWS (m, 2 * rows) {
        const int row = m < rows ? m : m - rows;
        copy_patch(columns + (long long)m * (dim.R * dim.S * dim.C), m < rows ? x1 : x2, row, dim);
    }
}

// The patches that hold a pixel: taps r0 + j stride of the rows oh0 - j, j in [j_begin, j_end); likewise in the
// columns.
struct Taps {
    int first, at, begin, end;
};
DEVICE Taps taps_of(int padded, int stride, int taps, int outputs) {
    const int at = padded / stride, first = padded - at * stride;
    const int below = first < taps ? (taps - 1 - first) / stride + 1 : 0;
    return {first, at, real_max(0, at - outputs + 1), real_min(at + 1, below)};
}

// Sums in registers, over the patches in the order of their taps.
struct Col2im {
    real* dx;            // of the pixel
    const real* columns; // of the image
    Taps h, w;
    int C, R, S, stride, OW;
    bool accumulate;
    template <class V, int U> DEVICE void panel(int c) const {
        const int lanes = (int)(sizeof(V) / sizeof(real));
        V sum[U];
        for (int u = 0; u < U; u++) sum[u] = accumulate ? load<V>(dx + c + u * lanes) : V{};
        for (int j = h.begin; j < h.end; j++) {
            const long long row = (long long)(h.at - j) * OW * R * S + (h.first + j * stride) * S + w.first;
            for (int i = w.begin; i < w.end; i++) {
                const real* in = columns + (row + (long long)(w.at - i) * R * S + i * stride) * C + c;
#pragma unroll
                for (int u = 0; u < U; u++) sum[u] += load<V>(in + u * lanes);
            }
        }
        for (int u = 0; u < U; u++) store<V>(dx + c + u * lanes, sum[u]);
    }
};

KERNEL col2im(real* __restrict__ dx, const real* __restrict__ columns, int image, int images, WindowGeometry dim,
              int accumulate) {
    GRID_ROWS (q, images * dim.H * dim.W) {
        const Position p = split_position(q, dim.H, dim.W);
        for_panels(Col2im{dx + ((long long)image * dim.H * dim.W + q) * dim.C,
                          columns + (long long)p.n * dim.OH * dim.OW * dim.R * dim.S * dim.C,
                          taps_of(p.h + dim.top, dim.stride, dim.R, dim.OH),
                          taps_of(p.w + dim.left, dim.stride, dim.S, dim.OW), dim.C, dim.R, dim.S, dim.stride, dim.OW,
                          accumulate != 0},
                   0, dim.C);
    }
}
