// bias.cu - a bias per column of x [rows, C].
//
//   forward    y[r, c] = x[r, c] + bias[c], Rows(rows, C); y may be x
//   backward   dx = dy; dbias[c] = sum over r of dy[r, c] in two stages: bias_backward_sums, ColumnSums(rows, C,
//   chunks),
//              writes partial [chunks, C]; bias_backward_finish, Blocks(C), adds the chunks in double and, with
//              `accumulate`, adds to dbias. chunks as in batch_norm.cu; the result depends on it, not on the launch.
//              bias_backward_totals, ColumnTotals(C, chunks), writes dbias in one launch, see totals.cuh: for GPUs
// Linear: ty = tx + tbias and tdbias = sum tdy are the same kernels, applied to the tangents.
// Trace: bias_backward_finish gives a block to a column, whose partials lie a row apart: 8 sectors for one, and few
// lanes. The partials are 1 % of the traffic of the sums.
#include "include/totals.cuh"

struct BiasForward {
    real* y;
    const real *x, *bias;
    template <class V> struct Channel { V bias; };
    template <class V> DEVICE Channel<V> channel(int c) const { return {load<V>(bias + c)}; }
    template <class V> DEVICE V at(const Channel<V>& k, int i) const { return load<V>(x + i) + k.bias; }
    template <class V> DEVICE void put(V v, int i) const { store<V>(y + i, v); }
};

KERNEL bias_forward(real* y, const real* x, const real* __restrict__ bias, int rows, int C) {
    map_columns(BiasForward{y, x, bias}, rows, C);
}

struct BiasSums {
    real* partial;
    const real* dy;
    template <class V> struct Channel {};
    template <class V> struct Sums { V d; };
    template <class V> DEVICE Channel<V> channel(int, int) const { return {}; }
    template <class V> DEVICE void add(const Channel<V>&, Sums<V>& s, int i) const { s.d += load<V>(dy + i); }
    template <class V> DEVICE void finish(const Channel<V>&, const Sums<V>& s, int at, int) const {
        store<V>(partial + at, s.d);
    }
};

KERNEL bias_backward_sums(real* __restrict__ partial, const real* __restrict__ dy, int rows, int C, int chunks) {
    reduce_columns(BiasSums{partial, dy}, rows, C, chunks);
}

KERNEL COOPERATIVE bias_backward_finish(real* __restrict__ dbias, const real* __restrict__ partial, int C, int chunks,
                                        int accumulate) {
    BLOCK_ROWS (c, C) {
        const wide sum = sum_chunks(partial, chunks, C, c);
        if (threadIdx.x == 0) dbias[c] = (real)(accumulate ? dbias[c] + sum : sum);
    }
}

struct BiasTotals : BiasSums {
    real* dbias;
    DEVICE void total(wide* space, const Tile& t, int, int C, int chunks) const {
        fold_chunks<1>(space, t, chunks, [&](int, int k, int c) { return (wide)partial[k * C + t.first + c]; });
        LANE_LOOP (c, t.width) dbias[t.first + c] = (real)space[c];
    }
};

KERNEL COOPERATIVE bias_backward_totals(real* __restrict__ dbias, real* __restrict__ partial, int* __restrict__ done,
                                        const real* __restrict__ dy, int rows, int C, int chunks) {
    total_columns(BiasTotals{{partial, dy}, dbias}, done, rows, C, chunks);
}
