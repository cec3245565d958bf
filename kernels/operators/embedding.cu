// embedding.cu - a row of a table for each id: ids int [N], table [V, E], y [N, E]; ids of sequences are N = samples T.
//
//   forward    y[n] = table[ids[n]]; zeros where the id is below 0                          Rows(N, E)
//   backward   dtable[v] = sum of dy[n] over the n with ids[n] = v, in the order of n       Rows(V, E)
// All rows of dtable are written. Linear in the table: the tangents are the same kernels with ttable and tdy.
// The caller sees to it that ids are below V.
#include "include/prelude.cuh"

KERNEL embedding_forward(real* __restrict__ y, const real* __restrict__ table, const int* __restrict__ ids, int n,
                         int E) {
    GRID_ROWS (r, n) {
        const int id = ids[r];
        const real* from = table + (id < 0 ? 0 : id) * E;
        LANE_LOOP (e, E) y[r * E + e] = id < 0 ? real(0) : from[e];
    }
}

KERNEL embedding_backward(real* __restrict__ dtable, const real* __restrict__ dy, const int* __restrict__ ids, int n,
                          int rows, int E) {
    GRID_ROWS (v, rows) {
        real* to = dtable + v * E;
        LANE_LOOP (e, E) to[e] = 0;
        for (int r = 0; r < n; r++)
            if (ids[r] == v)
                LANE_LOOP (e, E) to[e] += dy[r * E + e];
    }
}
