// modulation.cu - a condition of each sample changes its channels: x [N, inner, C], t [N, C] or [N, 2 C].
//
//   shift, t = b [N, C]               y = x + b            how a UNet takes its time embedding
//   scale and shift, t = (a, b)       y = x (1 + a) + b    FiLM (Perez et al. 2018), diffusers' scale_shift
//   forward           y
//   backward          dx = (1 + a) dy;  da = sum dy x, db = sum dy over inner
//   forward_tangent   ty = (1 + a) tx + ta x + tb
//   backward_tangent  tdx = (1 + a) tdy + ta dy;  tda = sum (tdy x + dy tx), tdb = sum tdy
// Shift is linear: its tangents are forward and backward on tangents. `scale` says which of the two.
// Sums have two stages: modulation_sums, ColumnSums(N inner, C, N chunks), with `chunks` dividing inner, leaves partial
// [1 or 2, N chunks, C], first those of b; modulation_finish, Blocks(N), adds them in double into dt, with `accumulate`
// to it. Launch of the others: Rows(N inner, C). Forwards write, the others add with `accumulate`.
#include "include/columns.cuh"

template <bool Scale> struct Condition {
    const real* t; // null = none: 0
    int C;
    template <class V> DEVICE V scale(int c, int n) const { return Scale && t ? load<V>(t + 2 * n * C + c) : V{}; }
    template <class V> DEVICE V shift(int c, int n) const {
        return !t ? V{} : Scale ? load<V>(t + (2 * n + 1) * C + c) : load<V>(t + n * C + c);
    }
};

template <bool Scale> struct Modulate {
    real* y;
    const real *x, *tx; // tx or null
    Condition<Scale> t, tt;
    template <class V> struct Channel { V factor, slope, shift; };
    template <class V> DEVICE Channel<V> channel(int c, int n) const {
        return {t.template scale<V>(c, n) + real(1), tt.template scale<V>(c, n), tt.template shift<V>(c, n)};
    }
    template <class V> DEVICE V at(const Channel<V>& k, int i) const {
        const V own = tx ? k.factor * load<V>(tx + i) : V{};
        return Scale ? own + k.slope * load<V>(x + i) + k.shift : own + k.shift;
    }
    template <class V> DEVICE void put(V v, int i) const { store<V>(y + i, v); }
};

// t [N, C], or [N, 2 C] with `scale`.
KERNEL modulation_forward(real* __restrict__ y, const real* __restrict__ x, const real* __restrict__ t, int samples,
                          int inner, int C, int scale) {
    // y = (1 + a) x + b is the tangent along x and b alone: a counts once, as a factor.
    if (!scale) return map_samples(Modulate<false>{y, x, x, {nullptr, C}, {t, C}}, samples, inner, C);
    GRID_ROWS (row, samples * inner) {
        const real* of = t + 2 * (row / inner) * C;
        LANE_LOOP (c, C) y[row * C + c] = x[row * C + c] * (1 + of[c]) + of[C + c];
    }
}

// tx or null where x has no tangent, tt or null where t has none.
KERNEL modulation_forward_tangent(real* __restrict__ ty, const real* __restrict__ tx, const real* __restrict__ tt,
                                  const real* __restrict__ x, const real* __restrict__ t, int samples, int inner, int C,
                                  int scale) {
    if (scale) return map_samples(Modulate<true>{ty, x, tx, {t, C}, {tt, C}}, samples, inner, C);
    map_samples(Modulate<false>{ty, x, tx, {t, C}, {tt, C}}, samples, inner, C);
}

template <bool Scale> struct Unmodulate {
    real* dx;
    const real *dy, *other; // other = dy of the tangent pass, or null
    Condition<Scale> t, tt;
    bool accumulate;
    template <class V> struct Channel { V factor, slope; };
    template <class V> DEVICE Channel<V> channel(int c, int n) const {
        return {t.template scale<V>(c, n) + real(1), tt.template scale<V>(c, n)};
    }
    template <class V> DEVICE V at(const Channel<V>& k, int i) const {
        V v = k.factor * load<V>(dy + i);
        if (Scale && other) v += k.slope * load<V>(other + i);
        return accumulate ? load<V>(dx + i) + v : v;
    }
    template <class V> DEVICE void put(V v, int i) const { store<V>(dx + i, v); }
};

KERNEL modulation_backward(real* __restrict__ dx, const real* __restrict__ dy, const real* __restrict__ t, int samples,
                           int inner, int C, int scale, int accumulate) {
    if (scale)
        return map_samples(Unmodulate<true>{dx, dy, nullptr, {t, C}, {nullptr, C}, accumulate != 0}, samples, inner, C);
    map_samples(Unmodulate<false>{dx, dy, nullptr, {t, C}, {nullptr, C}, accumulate != 0}, samples, inner, C);
}

// tt or null.
KERNEL modulation_backward_tangent(real* __restrict__ tdx, const real* __restrict__ tdy, const real* __restrict__ dy,
                                   const real* __restrict__ t, const real* __restrict__ tt, int samples, int inner,
                                   int C, int scale, int accumulate) {
    if (scale) return map_samples(Unmodulate<true>{tdx, tdy, dy, {t, C}, {tt, C}, accumulate != 0}, samples, inner, C);
    map_samples(Unmodulate<false>{tdx, tdy, nullptr, {t, C}, {tt, C}, accumulate != 0}, samples, inner, C);
}

template <bool Scale> struct ConditionSums {
    real* partial;
    const real *dy, *x, *tdy, *tx; // backward: tdy null; tx or null
    int stride;                    // samples chunks C
    template <class V> struct Channel {};
    template <class V> struct Sums { V shift, scale; };
    template <class V> DEVICE Channel<V> channel(int, int) const { return {}; }
    template <class V> DEVICE void add(const Channel<V>&, Sums<V>& s, int i) const {
        const V outer = load<V>((tdy ? tdy : dy) + i);
        s.shift += outer;
        if (Scale) s.scale += outer * load<V>(x + i);
        if (Scale && tx) s.scale += load<V>(dy + i) * load<V>(tx + i);
    }
    template <class V> DEVICE void finish(const Channel<V>&, const Sums<V>& s, int at, int) const {
        store<V>(partial + at, s.shift);
        if (Scale) store<V>(partial + stride + at, s.scale);
    }
};

// Backward: tdy and tx null. Backward tangent: all four; tx null where x has no tangent.
KERNEL modulation_sums(real* __restrict__ partial, const real* __restrict__ dy, const real* __restrict__ x,
                       const real* __restrict__ tdy, const real* __restrict__ tx, int samples, int inner, int C,
                       int chunks, int scale) {
    const int rows = samples * inner, all = samples * chunks;
    if (scale) return reduce_columns(ConditionSums<true>{partial, dy, x, tdy, tx, all * C}, rows, C, all);
    reduce_columns(ConditionSums<false>{partial, dy, x, tdy, nullptr, all * C}, rows, C, all);
}

KERNEL modulation_finish(real* __restrict__ dt, const real* __restrict__ partial, int samples, int C, int chunks,
                         int scale, int accumulate) {
    const int stride = samples * chunks * C, parts = scale ? 2 : 1;
    GRID_ROWS (row, samples * parts) {
        const int n = row / parts, part = row - n * parts; // of (a, b), which is partial's (b, a)
        const real* from = partial + (scale ? 1 - part : 0) * stride + n * chunks * C;
        LANE_LOOP (c, C) {
            wide sum = 0;
            for (int k = 0; k < chunks; k++) sum += from[k * C + c];
            real* to = dt + row * C + c;
            *to = (real)(accumulate ? *to + sum : sum);
        }
    }
}
