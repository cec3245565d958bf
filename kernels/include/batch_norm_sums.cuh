// batch_norm_sums.cuh - what batch normalisation sums down its columns, chunk by chunk: operators of reduce_columns for
// batch_norm.cu, and of total_columns for batch_norm_totals.cu. Formulas: batch_norm.cu.
#pragma once
#include "include/columns.cuh"

// Sums about the first row of the chunk.
struct Statistics {
    real *chunk_offset, *chunk_m2;
    const real* x;
    int C;
    template <class V> struct Channel { V shift; };
    template <class V> struct Sums { V sum, square; };
    template <class V> DEVICE Channel<V> channel(int c, int row) const { return {load<V>(x + row * C + c)}; }
    template <class V> DEVICE void add(const Channel<V>& k, Sums<V>& s, int i) const {
        const V d = load<V>(x + i) - k.shift;
        s.sum += d;
        s.square += d * d;
    }
    template <class V> DEVICE void finish(const Channel<V>&, const Sums<V>& s, int at, int rows) const {
        const real inverse = rows > 0 ? real(1) / rows : real(0); // more chunks than rows: some are empty
        const V mean = s.sum * inverse;
        store<V>(chunk_offset + at, mean);
        store<V>(chunk_m2 + at, s.square - s.sum * mean);
    }
};

DEVICE wide chunk_mean(const real* chunk_offset, const real* x, int rows, int C, int chunks, int k, int c) {
    return (wide)x[chunk_first(rows, k, chunks) * C + c] + chunk_offset[k * C + c];
}

// A gradient behind the activation, seen before it.
template <class V> DEVICE V masked(const real* d, const real* y, int i) {
    return y ? relu_mask(load<V>(d + i), load<V>(y + i)) : load<V>(d + i);
}

struct GradientSums {
    real* partial;
    const real *dy, *y, *x, *mean, *rstd;
    int stride; // chunks C
    template <class V> struct Channel { V mean, rstd; };
    template <class V> struct Sums { V d, dx; };
    template <class V> DEVICE Channel<V> channel(int c, int) const { return {load<V>(mean + c), load<V>(rstd + c)}; }
    template <class V> DEVICE void add(const Channel<V>& k, Sums<V>& s, int i) const {
        const V d = masked<V>(dy, y, i);
        s.d += d;
        s.dx += d * (load<V>(x + i) - k.mean);
    }
    template <class V> DEVICE void finish(const Channel<V>& k, const Sums<V>& s, int at, int) const {
        store<V>(partial + at, s.d);
        store<V>(partial + stride + at, s.dx * k.rstd);
    }
};

// The tangent of xh: rstd (tx - p - xh q), from xh and the constants of a channel.
template <class V> struct NormalizedTangent {
    V rstd, p, q;
    DEVICE V at(V tx, V xh) const { return rstd * (tx - p - xh * q); }
};
template <class V> DEVICE NormalizedTangent<V> normalized_tangent(const real* rstd, const real* tmeans, int C, int c) {
    if (!tmeans) return {load<V>(rstd + c), V{}, V{}};
    return {load<V>(rstd + c), load<V>(tmeans + c), load<V>(tmeans + C + c)};
}

struct TangentSums {
    real* partial;
    const real *tdy, *dy, *y, *tx, *x, *mean, *rstd, *tmeans;
    int C, stride; // stride = chunks C
    template <class V> struct Channel {
        V mean;
        NormalizedTangent<V> t;
    };
    template <class V> struct Sums { V d, dx, td, tdx; };
    template <class V> DEVICE Channel<V> channel(int c, int) const {
        return {load<V>(mean + c), normalized_tangent<V>(rstd, tmeans, C, c)};
    }
    template <class V> DEVICE void add(const Channel<V>& k, Sums<V>& s, int i) const {
        const V d = masked<V>(dy, y, i), td = masked<V>(tdy, y, i);
        const V xh = (load<V>(x + i) - k.mean) * k.t.rstd;
        s.d += d;
        s.dx += d * xh;
        s.td += td;
        s.tdx += td * xh + d * k.t.at(load<V>(tx + i), xh);
    }
    template <class V> DEVICE void finish(const Channel<V>&, const Sums<V>& s, int at, int) const {
        store<V>(partial + at, s.d);
        store<V>(partial + stride + at, s.dx);
        store<V>(partial + 2 * stride + at, s.td);
        store<V>(partial + 3 * stride + at, s.tdx);
    }
};
