// columns.cuh - loops over an activation matrix [rows, C] whose columns (channels) have constants or sums of their own.
//
// An operator is a struct that is written once for V = vec (a machine vector of neighbouring channels on the host) and
// V = real (one channel; the only case on CUDA, where neighbouring threads take neighbouring channels):
//   map_columns:    Channel<V> channel<V>(int c)              the constants of the channels from c on
//                   Result at(Channel<V> k, int i)            the results for offset i = r * C + c, any type
//                   void put(Result result, int i)            their storing
//   reduce_columns: Channel<V> channel<V>(int c, int row)     the same; row = chunk_first of the chunk
//                   void add(Channel<V> k, Sums<V>& s, int i)
//                   void finish(Channel<V> k, Sums<V> s, int at, int rows)   results of the chunk, at = chunk * C + c
// No operand needs __restrict__, so outputs may be the inputs: the vectors are explicit, and the constants are values.
//
// Measured on two AVX2 cores, GB/s per core, out of / in cache, for C = 16 and 64 (a plain loop over rows is what one
// writes by hand): statistics 17-21 / 23-44 by hand, 18-48 / 43-51 here. Vector loops of one vector width at a time
// over a tile of rows are half as fast out of cache (the prefetcher sees a quarter of each line); clang's own
// vectoriser unrolls past C = 16 and runs it as scalars (6 GB/s). Hence panels of four vectors, and explicit ones.
#pragma once
#include "include/prelude.cuh"
#include "include/reduce.cuh"

// V is vec or real; where VEC is 1 the two are one type.
template <class V> DEVICE V load(const real* p) {
    if constexpr (sizeof(V) == sizeof(real))
        return *p;
    else
        return vec_load(p);
}
template <class V> DEVICE void store(real* p, V v) {
    if constexpr (sizeof(V) == sizeof(real))
        *p = v;
    else
        vec_store(p, v);
}
// Written so that NaN passes through, as in torch: a NaN that a ReLU hides is found much later.
template <class V> DEVICE V relu(V v) { return v < V{} ? V{} : v; }
// The derivative of ReLU at the stored output y, times d; 0 at the kink.
template <class V> DEVICE V relu_mask(V d, V y) { return y <= V{} ? V{} : d; }

// exp of every lane. A loop over an array in registers, which both compilers turn into vector code: 1.4 ns an element
// on AVX-512, as the plain loop of silu.cu.
template <class V> DEVICE V exp_of(V v) {
    if constexpr (sizeof(V) == sizeof(real)) {
        return real_exp(v);
    } else {
        real lanes[VEC];
        vec_store(lanes, v);
        for (int i = 0; i < VEC; i++) lanes[i] = real_exp(lanes[i]);
        return vec_load(lanes);
    }
}

// R rows from `row` on. All are computed before any is stored: an output may be an input, so that the compiler cannot
// move a load over a store, and on a GPU the R loads would queue.
template <class V, int R, class Op> DEVICE void map_block(const Op& op, int row, int C, int c) {
    const auto k = op.template channel<V>(c);
    decltype(op.at(k, 0)) result[R];
#pragma unroll
    for (int u = 0; u < R; u++) result[u] = op.at(k, (row + u) * C + c);
#pragma unroll
    for (int u = 0; u < R; u++) op.put(result[u], (row + u) * C + c);
}
template <int R, class Op> DEVICE void map_rows(const Op& op, int row, int C) {
    const int whole = C / VEC * VEC;
    LANE_LOOP (v, whole / VEC) map_block<vec, R>(op, row, C, v * VEC);
    LANE_LOOP (c, C - whole) map_block<real, R>(op, row, C, whole + c);
}

// Every element once, R rows at a time, so that the constants are loaded once for R. Launch: Rows(rows, C).
template <int R = 4, class Op> DEVICE void map_columns(const Op& op, int rows, int C) {
    GRID_ROWS (g, rows / R + (rows % R != 0)) {
        if (rows - R * g >= R)
            map_rows<R>(op, R * g, C);
        else
            for (int r = R * g; r < rows; r++) map_rows<1>(op, r, C);
    }
}

// The same where each sample, `inner` rows, has constants of its own: channel<V>(int c, int n). A block of rows never
// spans two samples. Launch: Rows(samples * inner, C).
template <class Op> struct OfSample {
    const Op& op;
    int n;
    template <class V> DEVICE auto channel(int c) const { return op.template channel<V>(c, n); }
    template <class K> DEVICE auto at(const K& k, int i) const { return op.at(k, i); }
    template <class T> DEVICE void put(const T& result, int i) const { op.put(result, i); }
};
template <int R = 4, class Op> DEVICE void map_samples(const Op& op, int samples, int inner, int C) {
    const int blocks = inner / R + (inner % R != 0);
    GRID_ROWS (g, samples * blocks) {
        const int n = g / blocks, begin = (g - n * blocks) * R, row = n * inner + begin;
        const OfSample<Op> sample{op, n};
        if (inner - begin >= R)
            map_rows<R>(sample, row, C);
        else
            for (int r = begin; r < inner; r++) map_rows<1>(sample, n * inner + r, C);
    }
}

// Chunks differ by one row at most; the first rows % chunks are the longer ones. No division that depends on the chunk.
DEVICE int chunk_begin(int rows, int chunk, int chunks) {
    return rows / chunks * chunk + (chunk < rows % chunks ? chunk : rows % chunks);
}
// The first row of a chunk; of the last chunk with any rows where it is empty, so that it may be read.
DEVICE int chunk_first(int rows, int chunk, int chunks) {
    const int begin = chunk_begin(rows, chunk, chunks);
    return begin < rows ? begin : rows - 1;
}
DEVICE int chunk_rows(int rows, int chunk, int chunks) { return rows / chunks + (chunk < rows % chunks ? 1 : 0); }

// Channels [first, first + width) in panels of U neighbouring V, each a loop body of its own: op.panel<V, U>(c).
template <class Op> DEVICE void for_panels(const Op& op, int first, int width) {
    const int vectors = width / VEC, four = VEC > 1 ? vectors / 4 : 0, two = VEC > 1 ? (vectors - 4 * four) / 2 : 0;
    const int done = first + (4 * four + 2 * two) * VEC;
    LANE_LOOP (p, four) op.template panel<vec, 4>(first + 4 * p * VEC);
    LANE_LOOP (p, two) op.template panel<vec, 2>(first + (4 * four + 2 * p) * VEC);
    LANE_LOOP (p, vectors - 4 * four - 2 * two) op.template panel<vec, 1>(done + p * VEC);
    LANE_LOOP (c, width - vectors * VEC) op.template panel<real, 1>(first + vectors * VEC + c);
}

// One chunk of a column sum: down its rows, sums in registers.
template <class Op> struct ReducePanels {
    const Op& op;
    int rows, C, chunk, chunks;
    template <class V, int U> DEVICE void panel(int c) const {
        const int lanes = (int)(sizeof(V) / sizeof(real));
        const int begin = chunk_begin(rows, chunk, chunks), end = begin + chunk_rows(rows, chunk, chunks);
        typename Op::template Sums<V> sums[U] = {};
        decltype(op.template channel<V>(0, 0)) k[U];
        for (int u = 0; u < U; u++) k[u] = op.template channel<V>(c + u * lanes, chunk_first(rows, chunk, chunks));
#pragma unroll 4
        for (int r = begin; r < end; r++)
            for (int u = 0; u < U; u++) op.add(k[u], sums[u], r * C + c + u * lanes);
        for (int u = 0; u < U; u++) op.finish(k[u], sums[u], chunk * C + c + u * lanes, end - begin);
    }
};

// Channels of a row of work; ComputeDevice.ColumnSums in C# sizes the grid by it. A multiple of four vectors.
#define COLUMN_TILE 64

// Sums down the columns: stage 1 of 2, one result per chunk of rows and channel. The order of the sums depends on
// chunks alone, never on the launch. Launch: ColumnSums(rows, C, chunks): a row per chunk and tile of channels.
template <class Op> DEVICE void reduce_columns(const Op& op, int rows, int C, int chunks) {
    const int tiles = (C + COLUMN_TILE - 1) / COLUMN_TILE;
    GRID_ROWS (item, chunks * tiles) {
        const int chunk = item / tiles, first = (item - chunk * tiles) * COLUMN_TILE;
        for_panels(ReducePanels<Op>{op, rows, C, chunk, chunks}, first, real_min(COLUMN_TILE, C - first));
    }
}

// Stage 2: sum over the chunks of partial [chunks, C] at column c. All threads of the block call it and get the result.
DEVICE wide sum_chunks(const real* partial, int chunks, int C, int c) {
    wide sum = 0;
    LANE_LOOP (k, chunks) sum += partial[k * C + c];
    return block_sum(sum);
}
