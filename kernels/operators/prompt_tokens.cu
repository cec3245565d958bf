// prompt_tokens.cu - the tokens of a prompt for each sample: ids int [N], table [V, T] of whole numbers, y int [N, T].
//
//   forward    y[n] = table[ids[n]]; zeros where the id is below 0                          Rows(N, T)
// Nothing here depends on weights: there are no other passes. Whole numbers below 2^24 are exact in float.
#include "include/prelude.cuh"

KERNEL prompt_tokens(int* __restrict__ y, const real* __restrict__ table, const int* __restrict__ ids, int n, int T) {
    GRID_ROWS (r, n) {
        const int id = ids[r];
        const real* from = table + (id < 0 ? 0 : id) * T;
        LANE_LOOP (t, T) y[r * T + t] = id < 0 ? 0 : int(from[t]);
    }
}
