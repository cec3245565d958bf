// batch_norm_sums.cuh - what batch normalisation sums down its columns, chunk by chunk: operators of reduce_columns for
// batch_norm.cu, and of total_columns for batch_norm_totals.cu. Formulas: batch_norm.cu.
#pragma once
#include "include/statistics.cuh"

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
