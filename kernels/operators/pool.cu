// pool.cu - pooling over NHWC activations.
//
// Maximum over windows of size x size with stride and pad, x [N, H, W, C] -> y [N, OH, OW, C],
// OH = (H + 2 pad - size) / stride + 1, OW likewise; pad <= size / 2: no window without an element; size <= 16: a byte
// holds the tap.
//   max_pool_forward          y = max of the window, tap = its place kh size + kw. Ties go to the first tap in row
//                             order, NaN wins and is passed on, as in torch
//   max_pool_backward         dx = sum of dy over the windows that this element won: every element asks the windows
//                             that hold it, so that there are no atomics. With `accumulate` it is added to dx
//   max_pool_forward_tangent  ty = tx at the stored tap
//   backward tangent          tdx from tdy by max_pool_backward: the mask does not depend on theta
// Mean over windows of the same kind, of the elements that lie inside x: their number divides, not size^2; linear, so
// that both tangent passes are these kernels too:
//   average_pool_forward       y = sum over the window / number of its elements inside x
//   average_pool_backward      dx = sum of dy / number over the windows that hold the element, added with `accumulate`
// Mean over all positions, x [N, HW, C] -> y [N, C]; linear, so that both tangent passes are these kernels too:
//   mean_pool_forward          y = mean over the positions
//   mean_pool_backward         dx = dy / HW at every position, added with `accumulate`
// Launch: Rows(output rows, C): N OH OW, backward N H W; mean_pool_forward ColumnSums(N HW, C, N), mean_pool_backward
// Rows(N HW, C).
#include "include/columns.cuh"
#include "include/geometry.cuh"
#include "include/index.cuh"

// The part of a window that lies inside the input; (h, w) is where its tap (0, 0) falls.
struct Window {
    int h, w, kh_begin, kh_end, kw_begin, kw_end;
};
DEVICE Window window_at(Position o, const WindowGeometry& dim) {
    const int h = o.h * dim.stride - dim.top, w = o.w * dim.stride - dim.left, size = dim.R;
    return {
        h, w, h < 0 ? -h : 0, dim.H - h < size ? dim.H - h : size, w < 0 ? -w : 0, dim.W - w < size ? dim.W - w : size};
}

// Panels of channels, and for each the taps, with results in registers. The loops over a panel are plain ones of a
// constant length: bytes and reals side by side are what g++ 12 vectorises and explicit vectors are not.
template <class V, int U> struct Panel { static constexpr int length = U * (int)(sizeof(V) / sizeof(real)); };

struct MaxForward {
    real* y; // of the output position, as tap
    unsigned char* tap;
    const real* x;
    Window k;
    int n, H, W, C, size;
    template <class V, int U> DEVICE void panel(int c) const {
        constexpr int length = Panel<V, U>::length;
        real best[length];
        unsigned char winner[length];
        bool first = true;
        for (int kh = k.kh_begin; kh < k.kh_end; kh++)
            for (int kw = k.kw_begin; kw < k.kw_end; kw++, first = false) {
                const real* v = x + ((n * H + k.h + kh) * W + k.w + kw) * C + c;
                const unsigned char t = (unsigned char)(kh * size + kw);
                for (int l = 0; l < length; l++) {
                    const bool wins = first || v[l] > best[l] || v[l] != v[l];
                    winner[l] = wins ? t : winner[l];
                    best[l] = wins ? v[l] : best[l];
                }
            }
        for (int l = 0; l < length; l++) y[c + l] = best[l];
        for (int l = 0; l < length; l++) tap[c + l] = winner[l];
    }
};

KERNEL max_pool_forward(real* __restrict__ y, unsigned char* __restrict__ tap, const real* __restrict__ x,
                        WindowGeometry dim) {
    GRID_ROWS (r, dim.N * dim.OH * dim.OW) {
        const Position o = split_position(r, dim.OH, dim.OW);
        for_panels(MaxForward{y + r * dim.C, tap + r * dim.C, x, window_at(o, dim), o.n, dim.H, dim.W, dim.C, dim.R}, 0,
                   dim.C);
    }
}

// A register for each channel on a GPU. In the lane build the row of the result collects the windows, in cache: they
// are few, and panels of registers took 1.5 times as long at 256 channels.
KERNEL max_pool_backward(real* __restrict__ dx, const real* __restrict__ dy, const unsigned char* __restrict__ tap,
                         WindowGeometry dim, int accumulate) {
    GRID_ROWS (r, dim.N * dim.H * dim.W) {
        const Position p = split_position(r, dim.H, dim.W);
        real* out = dx + r * dim.C;
        // Windows oh with oh stride - pad <= h < oh stride - pad + size.
        const int oh_end = (p.h + dim.top) / dim.stride + 1, ow_end = (p.w + dim.left) / dim.stride + 1;
        const int oh_begin = p.h + dim.top < dim.R ? 0 : (p.h + dim.top - dim.R) / dim.stride + 1;
        const int ow_begin = p.w + dim.left < dim.R ? 0 : (p.w + dim.left - dim.R) / dim.stride + 1;
        if (VEC == 1) {
            LANE_LOOP (c, dim.C) {
                real sum = accumulate ? out[c] : real(0);
                for (int oh = oh_begin; oh < oh_end && oh < dim.OH; oh++)
                    for (int ow = ow_begin; ow < ow_end && ow < dim.OW; ow++) {
                        const int o = ((p.n * dim.OH + oh) * dim.OW + ow) * dim.C + c;
                        const int t = (p.h + dim.top - oh * dim.stride) * dim.R + p.w + dim.left - ow * dim.stride;
                        sum += tap[o] == t ? dy[o] : real(0);
                    }
                out[c] = sum;
            }
            continue;
        }
        if (!accumulate)
            LANE_LOOP (c, dim.C) out[c] = 0;
        for (int oh = oh_begin; oh < oh_end && oh < dim.OH; oh++)
            for (int ow = ow_begin; ow < ow_end && ow < dim.OW; ow++) {
                const int o = ((p.n * dim.OH + oh) * dim.OW + ow) * dim.C;
                const int t = (p.h + dim.top - oh * dim.stride) * dim.R + p.w + dim.left - ow * dim.stride;
                LANE_LOOP (c, dim.C) out[c] += tap[o + c] == t ? dy[o + c] : real(0);
            }
    }
}

KERNEL max_pool_forward_tangent(real* __restrict__ ty, const real* __restrict__ tx,
                                const unsigned char* __restrict__ tap, WindowGeometry dim) {
    GRID_ROWS (r, dim.N * dim.OH * dim.OW) {
        const Position o = split_position(r, dim.OH, dim.OW);
        const Window k = window_at(o, dim);
        for (int kh = k.kh_begin; kh < k.kh_end; kh++)
            for (int kw = k.kw_begin; kw < k.kw_end; kw++) {
                const real* v = tx + ((o.n * dim.H + k.h + kh) * dim.W + k.w + kw) * dim.C;
                LANE_LOOP (c, dim.C)
                    if (tap[r * dim.C + c] == kh * dim.R + kw) ty[r * dim.C + c] = v[c];
            }
    }
}

DEVICE real share(const Window& k) { return real(1) / ((k.kh_end - k.kh_begin) * (k.kw_end - k.kw_begin)); }

struct AverageForward {
    real* y; // of the output position
    const real* x;
    Window k;
    int n, H, W, C;
    template <class V, int U> DEVICE void panel(int c) const {
        const int lanes = (int)(sizeof(V) / sizeof(real));
        V sum[U] = {};
        for (int kh = k.kh_begin; kh < k.kh_end; kh++)
            for (int kw = k.kw_begin; kw < k.kw_end; kw++) {
                const real* v = x + ((n * H + k.h + kh) * W + k.w + kw) * C + c;
#pragma unroll
                for (int u = 0; u < U; u++) sum[u] += load<V>(v + u * lanes);
            }
        const real scale = share(k);
        for (int u = 0; u < U; u++) store<V>(y + c + u * lanes, sum[u] * scale);
    }
};

KERNEL average_pool_forward(real* __restrict__ y, const real* __restrict__ x, WindowGeometry dim) {
    GRID_ROWS (r, dim.N * dim.OH * dim.OW) {
        const Position o = split_position(r, dim.OH, dim.OW);
        for_panels(AverageForward{y + r * dim.C, x, window_at(o, dim), o.n, dim.H, dim.W, dim.C}, 0, dim.C);
    }
}

// The windows o that hold an element: o stride - pad <= at < o stride - pad + size.
struct Holders {
    int begin, end;
};
DEVICE Holders holders_of(int padded, int size, int stride, int outputs) {
    return {padded < size ? 0 : (padded - size) / stride + 1, real_min(padded / stride + 1, outputs)};
}

KERNEL average_pool_backward(real* __restrict__ dx, const real* __restrict__ dy, WindowGeometry dim, int accumulate) {
    GRID_ROWS (r, dim.N * dim.H * dim.W) {
        const Position p = split_position(r, dim.H, dim.W);
        const Holders h = holders_of(p.h + dim.top, dim.R, dim.stride, dim.OH),
                      w = holders_of(p.w + dim.left, dim.S, dim.stride, dim.OW);
        real* out = dx + r * dim.C;
        if (!accumulate)
            LANE_LOOP (c, dim.C) out[c] = 0;
        for (int oh = h.begin; oh < h.end; oh++)
            for (int ow = w.begin; ow < w.end; ow++) {
                const real scale = share(window_at({p.n, oh, ow}, dim));
                const real* d = dy + ((p.n * dim.OH + oh) * dim.OW + ow) * dim.C;
                LANE_LOOP (c, dim.C) out[c] += d[c] * scale;
            }
    }
}

struct MeanForward {
    real* y;
    const real* x;
    template <class V> struct Channel {};
    template <class V> struct Sums { V sum; };
    template <class V> DEVICE Channel<V> channel(int, int) const { return {}; }
    template <class V> DEVICE void add(const Channel<V>&, Sums<V>& s, int i) const { s.sum += load<V>(x + i); }
    template <class V> DEVICE void finish(const Channel<V>&, const Sums<V>& s, int at, int rows) const {
        store<V>(y + at, s.sum * (real(1) / rows));
    }
};

// The positions of an image are a chunk of the rows [N HW, C], so this is a column sum with N chunks.
KERNEL mean_pool_forward(real* __restrict__ y, const real* __restrict__ x, int N, int HW, int C) {
    reduce_columns(MeanForward{y, x}, N * HW, C, N);
}

KERNEL mean_pool_backward(real* __restrict__ dx, const real* __restrict__ dy, int N, int HW, int C, int accumulate) {
    const real scale = real(1) / HW;
    GRID_ROWS (r, N * HW) {
        const real* d = dy + r / HW * C;
        if (accumulate)
            LANE_LOOP (c, C) dx[r * C + c] += d[c] * scale;
        else
            LANE_LOOP (c, C) dx[r * C + c] = d[c] * scale;
    }
}
