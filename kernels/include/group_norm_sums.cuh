// group_norm_sums.cuh - what every pass of group normalisation knows of a channel of a sample, and the sums down the
// channels: operators of reduce_columns for group_norm.cu, and of sum_chunk for group_norm_totals.cu. Formulas:
// group_norm.cu.
#pragma once
#include "include/columns.cuh"

template <bool Silu, class V> DEVICE V activated(V yn) { return Silu ? yn / (real(1) + exp_of<V>(-yn)) : yn; }
// f' and f'' of the activation.
template <class V> struct Slopes { V first, second; };
template <bool Silu, class V> DEVICE Slopes<V> slopes(V yn) {
    if (!Silu) return {V{} + real(1), V{}};
    const V g = real(1) / (real(1) + exp_of<V>(-yn)), rest = real(1) - g;
    return {g * (real(1) + yn * rest), g * rest * (real(2) + yn * (rest - g))};
}

// What every pass knows of a channel of a sample.
template <class V> struct Affine {
    V mean, rstd, gamma, beta;
    DEVICE V xh(V x) const { return (x - mean) * rstd; }
    DEVICE V yn(V xh) const { return gamma * xh + beta; }
};
struct Normalized {
    const real *x, *mean, *rstd, *gamma, *beta;
    int C;
    template <class V> DEVICE Affine<V> affine(int c, int n) const {
        return {load<V>(mean + n * C + c), load<V>(rstd + n * C + c), load<V>(gamma + c), load<V>(beta + c)};
    }
};

template <bool Silu> struct GradientSums {
    real* partial;
    const real* dy;
    Normalized in;
    int inner, stride; // stride = samples chunks C
    template <class V> using Channel = Affine<V>;
    template <class V> struct Sums { V d, dx; };
    template <class V> DEVICE Affine<V> channel(int c, int row) const { return in.affine<V>(c, row / inner); }
    template <class V> DEVICE void add(const Affine<V>& k, Sums<V>& s, int i) const {
        const V xh = k.xh(load<V>(in.x + i)), d = slopes<Silu>(k.yn(xh)).first * load<V>(dy + i);
        s.d += d;
        s.dx += d * xh;
    }
    template <class V> DEVICE void finish(const Affine<V>&, const Sums<V>& s, int at, int) const {
        store<V>(partial + at, s.d);
        store<V>(partial + stride + at, s.dx);
    }
};

// The forward tangent of a channel of a sample.
template <class V> struct AffineTangent : Affine<V> {
    V p, q, tgamma, tbeta;
    DEVICE V txh(V tx, V xh) const { return this->rstd * (tx - p - xh * q); }
    DEVICE V tyn(V txh, V xh) const { return this->gamma * txh + tgamma * xh + tbeta; }
};
struct NormalizedTangent : Normalized {
    const real *tx, *tgamma, *tbeta, *pq; // pq [2, N, C]
    int stride;                           // samples C
    template <class V> DEVICE AffineTangent<V> tangent(int c, int n) const {
        const int at = n * C + c;
        return {affine<V>(c, n), load<V>(pq + at), load<V>(pq + stride + at), load<V>(tgamma + c), load<V>(tbeta + c)};
    }
};

// d and td of an element, with xh and txh.
template <class V> struct Pair { V xh, txh, d, td; };
template <bool Silu, class V> DEVICE Pair<V> pair_at(const AffineTangent<V>& k, V x, V tx, V dy, V tdy) {
    const V xh = k.xh(x), txh = k.txh(tx, xh);
    const Slopes<V> f = slopes<Silu>(k.yn(xh));
    return {xh, txh, f.first * dy, f.first * tdy + f.second * k.tyn(txh, xh) * dy};
}

template <bool Silu> struct TangentSums {
    real* partial;
    const real *dy, *tdy;
    NormalizedTangent in;
    int inner, stride; // stride = samples chunks C
    template <class V> using Channel = AffineTangent<V>;
    template <class V> struct Sums { V d, dx, td, tdx; };
    template <class V> DEVICE AffineTangent<V> channel(int c, int row) const { return in.tangent<V>(c, row / inner); }
    template <class V> DEVICE void add(const AffineTangent<V>& k, Sums<V>& s, int i) const {
        const Pair<V> e = pair_at<Silu, V>(k, load<V>(in.x + i), load<V>(in.tx + i), load<V>(dy + i), load<V>(tdy + i));
        s.d += e.d;
        s.dx += e.d * e.xh;
        s.td += e.td;
        s.tdx += e.td * e.xh + e.d * e.txh;
    }
    template <class V> DEVICE void finish(const AffineTangent<V>&, const Sums<V>& s, int at, int) const {
        store<V>(partial + at, s.d);
        store<V>(partial + stride + at, s.dx);
        store<V>(partial + 2 * stride + at, s.td);
        store<V>(partial + 3 * stride + at, s.tdx);
    }
};
