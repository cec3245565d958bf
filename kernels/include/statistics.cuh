// statistics.cuh - mean and squares about it down the columns, chunk by chunk: an operator of reduce_columns and of
// sum_chunk (totals.cuh) for batch and group normalisation. What it costs in accuracy: batch_norm.cu.
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
