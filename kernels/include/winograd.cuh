// winograd.cuh - transforms of the Winograd convolution F(4x4, 3x3): 36 multiplications for 16 outputs instead of 144.
//
//   y = A^T [(G w G^T) . (B^T x B)] A      x: 6x6, w: 3x3, y: 4x4; its adjoints are
//   dw = G^T [(B^T x B) . (A dy A^T)] G    and, for dx, y's own form on the flipped filter
//
// Lavin, Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, with the interpolation points
// 0, +-3/4, +-3/2 and infinity instead of 0, +-1, +-2: B and A stay exact in binary and the error is half (Barabasz et
// al., "Error analysis and improving the accuracy of Winograd convolution", TOMS 2020, on the choice of points).
// Relative L2 error in float against double, inputs max(0, N(0.3, 1)), 64 / 512 channels:
//   sum of products  3.3e-7 / 9.8e-7       F(2x2) 2.3e-7 / 6.1e-7     F(4x4) points 0,1,2    1.1e-6 / 2.9e-6
//   F(4x4) points 0, 3/4, 3/2   6.0e-7 / 1.5e-6                       F(4x4) points 0,1/2,1  1.3e-6 / 3.9e-6
// (F(4x4) with sqrt(1/2), sqrt(2): 6.8e-7 / 1.5e-6, but rounded constants.) Filter gradient: 1.2e-6 / 3.0e-6.
#pragma once
#include "include/register_tile.cuh"

#define WINOGRAD_OUT 4
#define WINOGRAD_IN 6
#define WINOGRAD_POINTS 36

#define WINOGRAD_P real(0.75)
#define WINOGRAD_Q real(1.5)
#define WINOGRAD_P2 real(0.5625)
#define WINOGRAD_Q2 real(2.25)
#define WINOGRAD_P3 real(0.421875)
#define WINOGRAD_Q3 real(3.375)
#define WINOGRAD_SUM real(2.8125)       // p^2 + q^2
#define WINOGRAD_PRODUCT real(1.265625) // p^2 q^2

// T is vec or, for the channels that do not fill one, real.
template <class T> DEVICE T lanes_load(const real* p) {
    if constexpr (sizeof(T) == sizeof(real))
        return *p;
    else
        return vec_load(p);
}
template <class T> DEVICE void lanes_store(real* p, T v) {
    if constexpr (sizeof(T) == sizeof(real))
        *p = v;
    else
        vec_store(p, v);
}

// B^T, 6 -> 6
template <class T> DEVICE void winograd_b(T* v, int step, T d0, T d1, T d2, T d3, T d4, T d5) {
    const T pe = d4 - WINOGRAD_Q2 * d2, po = WINOGRAD_P * (d3 - WINOGRAD_Q2 * d1);
    const T qe = d4 - WINOGRAD_P2 * d2, qo = WINOGRAD_Q * (d3 - WINOGRAD_P2 * d1);
    v[0] = d4 - WINOGRAD_SUM * d2 + WINOGRAD_PRODUCT * d0;
    v[step] = pe + po;
    v[2 * step] = pe - po;
    v[3 * step] = qe + qo;
    v[4 * step] = qe - qo;
    v[5 * step] = d5 - WINOGRAD_SUM * d3 + WINOGRAD_PRODUCT * d1;
}
// A, 4 -> 6
template <class T> DEVICE void winograd_a(T* v, int step, T y0, T y1, T y2, T y3) {
    const T pe = y0 + WINOGRAD_P2 * y2, po = WINOGRAD_P * y1 + WINOGRAD_P3 * y3;
    const T qe = y0 + WINOGRAD_Q2 * y2, qo = WINOGRAD_Q * y1 + WINOGRAD_Q3 * y3;
    v[0] = y0;
    v[step] = pe + po;
    v[2 * step] = pe - po;
    v[3 * step] = qe + qo;
    v[4 * step] = qe - qo;
    v[5 * step] = y3;
}
// A^T, 6 -> 4
template <class T> DEVICE void winograd_at(T* y, int step, T m0, T m1, T m2, T m3, T m4, T m5) {
    const T ps = m1 + m2, pd = m1 - m2, qs = m3 + m4, qd = m3 - m4;
    y[0] = m0 + ps + qs;
    y[step] = WINOGRAD_P * pd + WINOGRAD_Q * qd;
    y[2 * step] = WINOGRAD_P2 * ps + WINOGRAD_Q2 * qs;
    y[3 * step] = WINOGRAD_P3 * pd + WINOGRAD_Q3 * qd + m5;
}
// G, 3 -> 6: rows [1, a, a^2] / prod_{b != a} (a - b)
template <class T> DEVICE void winograd_g(T* u, int step, T w0, T w1, T w2) {
    const real n0 = real(1 / 1.265625), np = real(1 / -1.8984375), nq = real(1 / 7.59375);
    const T pe = np * (w0 + WINOGRAD_P2 * w2), po = (np * WINOGRAD_P) * w1;
    const T qe = nq * (w0 + WINOGRAD_Q2 * w2), qo = (nq * WINOGRAD_Q) * w1;
    u[0] = n0 * w0;
    u[step] = pe + po;
    u[2 * step] = pe - po;
    u[3 * step] = qe + qo;
    u[4 * step] = qe - qo;
    u[5 * step] = w2;
}
// G^T, 6 -> 3
template <class T> DEVICE void winograd_gt(T* w, int step, T u0, T u1, T u2, T u3, T u4, T u5) {
    const real n0 = real(1 / 1.265625), np = real(1 / -1.8984375), nq = real(1 / 7.59375);
    const T ps = np * (u1 + u2), pd = np * (u1 - u2), qs = nq * (u3 + u4), qd = nq * (u3 - u4);
    w[0] = n0 * u0 + ps + qs;
    w[step] = WINOGRAD_P * pd + WINOGRAD_Q * qd;
    w[2 * step] = WINOGRAD_P2 * ps + WINOGRAD_Q2 * qs + u5;
}

// v[36][v_step] = B^T x B of the tile whose corner is (h, w) of an image H x W x C, zero outside.
template <class T>
DEVICE void winograd_input_tile(real* v, long long v_step, const real* image, int h, int w, int H, int W, int C) {
    T t[WINOGRAD_IN * WINOGRAD_IN], out[WINOGRAD_IN];
    const bool inside = w >= 0 && w + WINOGRAD_IN <= W;
    for (int i = 0; i < WINOGRAD_IN; i++) {
        T d[WINOGRAD_IN];
        const real* in = image + ((long long)(h + i) * W + w) * C;
        if (h + i < 0 || h + i >= H) {
            UNROLL
            for (int j = 0; j < WINOGRAD_IN; j++) t[i * WINOGRAD_IN + j] = T{};
            continue;
        }
        if (inside) {
            UNROLL
            for (int j = 0; j < WINOGRAD_IN; j++) d[j] = lanes_load<T>(in + j * C);
        } else {
            UNROLL
            for (int j = 0; j < WINOGRAD_IN; j++) d[j] = w + j >= 0 && w + j < W ? lanes_load<T>(in + j * C) : T{};
        }
        winograd_b(t + i * WINOGRAD_IN, 1, d[0], d[1], d[2], d[3], d[4], d[5]);
    }
    for (int j = 0; j < WINOGRAD_IN; j++) {
        winograd_b(out, 1, t[j], t[6 + j], t[12 + j], t[18 + j], t[24 + j], t[30 + j]);
        UNROLL
        for (int i = 0; i < WINOGRAD_IN; i++) lanes_store(v + (i * WINOGRAD_IN + j) * v_step, out[i]);
    }
}
// z[36][z_step] = A dy A^T of the tile whose corner is (h, w) of an image H x W x K, zero outside.
template <class T>
DEVICE void winograd_gradient_tile(real* z, long long z_step, const real* image, int h, int w, int H, int W, int K) {
    T t[WINOGRAD_OUT * WINOGRAD_IN], out[WINOGRAD_IN];
    for (int i = 0; i < WINOGRAD_OUT; i++) {
        T d[WINOGRAD_OUT];
        const real* in = image + ((long long)(h + i) * W + w) * K;
        UNROLL
        for (int j = 0; j < WINOGRAD_OUT; j++) d[j] = h + i < H && w + j < W ? lanes_load<T>(in + j * K) : T{};
        winograd_a(t + i * WINOGRAD_IN, 1, d[0], d[1], d[2], d[3]);
    }
    for (int j = 0; j < WINOGRAD_IN; j++) {
        winograd_a(out, 1, t[j], t[6 + j], t[12 + j], t[18 + j]);
        UNROLL
        for (int i = 0; i < WINOGRAD_IN; i++) lanes_store(z + (i * WINOGRAD_IN + j) * z_step, out[i]);
    }
}
// The part inside the image of y (+)= A^T m A, m[36][m_step]; (h, w) is the tile's corner.
template <class T>
DEVICE void winograd_output_tile(real* image, const real* m, long long m_step, int h, int w, int H, int W, int K,
                                 bool add) {
    T t[WINOGRAD_OUT * WINOGRAD_IN], out[WINOGRAD_OUT];
    for (int j = 0; j < WINOGRAD_IN; j++) {
        T d[WINOGRAD_IN];
        UNROLL
        for (int i = 0; i < WINOGRAD_IN; i++) d[i] = lanes_load<T>(m + (i * WINOGRAD_IN + j) * m_step);
        winograd_at(t + j, WINOGRAD_IN, d[0], d[1], d[2], d[3], d[4], d[5]);
    }
    for (int i = 0; i < WINOGRAD_OUT && h + i < H; i++) {
        const T* r = t + i * WINOGRAD_IN;
        winograd_at(out, 1, r[0], r[1], r[2], r[3], r[4], r[5]);
        real* p = image + ((long long)(h + i) * W + w) * K;
        UNROLL
        for (int j = 0; j < WINOGRAD_OUT; j++)
            if (w + j < W) lanes_store(p + j * K, add ? lanes_load<T>(p + j * K) + out[j] : out[j]);
    }
}
// u[36][u_step] = G w G^T of w[9][w_step]
template <class T> DEVICE void winograd_filter_tile(real* u, long long u_step, const real* w, long long w_step) {
    T t[3 * WINOGRAD_IN], out[WINOGRAD_IN];
    for (int i = 0; i < 3; i++) {
        const real* r = w + 3 * i * w_step;
        winograd_g(t + i * WINOGRAD_IN, 1, lanes_load<T>(r), lanes_load<T>(r + w_step), lanes_load<T>(r + 2 * w_step));
    }
    for (int j = 0; j < WINOGRAD_IN; j++) {
        winograd_g(out, 1, t[j], t[6 + j], t[12 + j]);
        UNROLL
        for (int i = 0; i < WINOGRAD_IN; i++) lanes_store(u + (i * WINOGRAD_IN + j) * u_step, out[i]);
    }
}
// w[9] = G^T u G
template <class T> DEVICE void winograd_filter_gradient_tile(T* w, const T* u) {
    T t[3 * WINOGRAD_IN];
    for (int j = 0; j < WINOGRAD_IN; j++)
        winograd_gt(t + j, WINOGRAD_IN, u[j], u[6 + j], u[12 + j], u[18 + j], u[24 + j], u[30 + j]);
    for (int i = 0; i < 3; i++) {
        const T* r = t + i * WINOGRAD_IN;
        winograd_gt(w + 3 * i, 1, r[0], r[1], r[2], r[3], r[4], r[5]);
    }
}

// Evaluates CALL for the channels c of one group of VEC: once with T = vec, or channel by channel with T = real where
// fewer than VEC remain.
#define FOR_CHANNEL_GROUP(group, C, CALL)                                                                              \
    {                                                                                                                  \
        int c = (group)*VEC;                                                                                           \
        if (c + VEC <= (C)) {                                                                                          \
            using T = vec;                                                                                             \
            CALL;                                                                                                      \
        } else {                                                                                                       \
            using T = real;                                                                                            \
            for (; c < (C); c++) CALL;                                                                                 \
        }                                                                                                              \
    }

// A gap of one panel between the 36 planes keeps them from falling on the same cache sets.
DEVICE long long plane_step(int rows, int columns) { return (long long)rows * columns + PANEL; }

struct TileCorner {
    int n, h, w;
};
DEVICE TileCorner tile_corner(int tile, int tiles_h, int tiles_w) {
    const int t = tile / tiles_w;
    return {t / tiles_h, t % tiles_h * WINOGRAD_OUT, tile % tiles_w * WINOGRAD_OUT};
}
