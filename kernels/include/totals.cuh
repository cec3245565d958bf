// totals.cuh - sums down the columns of a matrix [rows, C] in one launch: those of the chunks and, by the block that is
// the last to be done with a tile of columns, what becomes of them.
//
// An operator is one of reduce_columns (columns.cuh) with V = real whose Sums are nothing but reals, and has
//   void total(wide* space, Tile t, int rows, int C, int chunks)   the end: partials of all chunks lie in memory
// A chunk's rows are dealt out to TOTAL_PARTS / lanes threads a column, whose sums are folded in a tree; the partials
// of the chunks likewise. Which block is the last depends on the launch; the order of the sums depends on C and chunks
// alone. `done` is one counter for each tile, zero before and after a launch: integers, so that no sum depends on them.
// Launch: ColumnTotals(C, chunks). Made for GPUs, where a launch more costs as much as the sums of a small layer; on
// the host's lane build reduce_columns and a second kernel are faster.
#pragma once
#include "include/columns.cuh"

// Threads of a block that all have something to do.
#define TOTAL_PARTS 512

// Columns [first, first + width) of `lanes`, a power of two; `parts` threads to a column.
struct Tile {
    int first, width, lanes, parts;
};
DEVICE Tile tile_of(int C, int tile) {
    const int first = tile * COLUMN_TILE, width = real_min(COLUMN_TILE, C - first);
    int lanes = 1;
    while (lanes < width) lanes *= 2;
    return {first, width, lanes, TOTAL_PARTS / lanes};
}

// space[N][TOTAL_PARTS]: the parts of a column are added up in space[j][column]. Everything before is seen, and all of
// the block sees the result.
template <int N> DEVICE void fold_parts(wide* space, const Tile& t) {
    for (int half = t.parts / 2; half > 0; half /= 2) {
        __syncthreads();
        LANE_LOOP (u, half * t.lanes) {
#pragma unroll
            for (int j = 0; j < N; j++) space[j * TOTAL_PARTS + u] += space[j * TOTAL_PARTS + u + half * t.lanes];
        }
    }
    __syncthreads();
}

// space[j][column] = the sum over the chunks of term(j, chunk, column of the tile).
template <int N, class Term> DEVICE void fold_chunks(wide* space, const Tile& t, int chunks, const Term& term) {
    __syncthreads(); // the previous readers of space are done
    LANE_LOOP (u, TOTAL_PARTS) {
        const int c = u & (t.lanes - 1);
        wide sums[N] = {};
        if (c < t.width) {
#pragma unroll 4
            for (int k = u / t.lanes; k < chunks; k += t.parts)
#pragma unroll
                for (int j = 0; j < N; j++) sums[j] += term(j, k, c);
        }
#pragma unroll
        for (int j = 0; j < N; j++) space[j * TOTAL_PARTS + u] = sums[j];
    }
    fold_parts<N>(space, t);
}

template <class Op>
DEVICE void sum_chunk(const Op& op, wide* space, const Tile& t, int rows, int C, int chunk, int chunks) {
    using Sums = typename Op::template Sums<real>;
    const int N = (int)(sizeof(Sums) / sizeof(real));
    const int begin = chunk_begin(rows, chunk, chunks), length = chunk_rows(rows, chunk, chunks);
    const int any = chunk_first(rows, chunk, chunks);
    LANE_LOOP (u, TOTAL_PARTS) {
        const int c = u & (t.lanes - 1);
        Sums sums = {};
        if (c < t.width) {
            const auto k = op.template channel<real>(t.first + c, any);
#pragma unroll 4
            for (int r = u / t.lanes; r < length; r += t.parts) op.add(k, sums, (begin + r) * C + t.first + c);
        }
        const real* values = (const real*)&sums;
#pragma unroll
        for (int j = 0; j < N; j++) space[j * TOTAL_PARTS + u] = values[j];
    }
    fold_parts<N>(space, t);
    LANE_LOOP (c, t.width) {
        Sums sums;
        real* values = (real*)&sums;
#pragma unroll
        for (int j = 0; j < N; j++) values[j] = (real)space[j * TOTAL_PARTS + c];
        op.finish(op.template channel<real>(t.first + c, any), sums, chunk * C + t.first + c, length);
    }
}

template <class Op> DEVICE void total_columns(const Op& op, int* done, int rows, int C, int chunks) {
    __shared__ wide space[sizeof(typename Op::template Sums<real>) / sizeof(real) * TOTAL_PARTS];
    const int tiles = (C + COLUMN_TILE - 1) / COLUMN_TILE;
    BLOCK_ROWS (item, chunks * tiles) {
        const int chunk = item / tiles, tile = item - chunk * tiles;
        const Tile t = tile_of(C, tile);
        sum_chunk(op, space, t, rows, C, chunk, chunks);
        if (is_last(done + tile, chunks)) op.total(space, t, rows, C, chunks);
        __syncthreads(); // the readers of space are done
    }
}
