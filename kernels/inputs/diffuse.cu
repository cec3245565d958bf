// diffuse.cu - what a training step of a diffusion model draws and makes of a batch.
//
//   draw_timesteps    t[r] uniform in 0 .. T - 1. antithetic != 0: the first n/2 + 1 rows are drawn, and row
//                     n/2 + 1 + i is T - 1 - t[i]
//   drop_condition    y[r] = null_row with the probability given, else labels[r]; *dropped (null: not asked) grows by
//                     the number of rows that were replaced. Rows with a label below 0 stay as they are
//   map_classes       y[r] = table[labels[r]]; rows with a label below 0 stay as they are
//   diffuse_forward   x_t = sqrt(ab_t) x0 + sqrt(1 - ab_t) e, t the row's own; and, where v is not null, the velocity
//                     v = sqrt(ab_t) e - sqrt(1 - ab_t) x0
// One draw per sample: word x of philox4x32(seed, stream, index), seed = state[0] and index = state[1] + row, as
// augment.cu draws; the state lies in device memory, so that a captured graph can be replayed with new values.
// pairs[T, 2] holds sqrt(ab) and sqrt(1 - ab) of every time step; 0 <= t < T. x0, e, x_t, v [n, length].
// Launch: draw_timesteps, map_classes Elements(n), drop_condition Blocks(1), diffuse_forward LongRows(n, length).
// Writes. Reference: Ho, Jain, Abbeel 2020; antithetic steps Song, Meng, Ermon 2021 (DDIM); velocity Salimans, Ho 2022;
// dropped conditions Ho, Salimans 2022.
#include "include/index.cuh"
#include "include/philox.cuh"
#include "include/reduce.cuh"

DEVICE unsigned row_word(const unsigned long long* state, unsigned long long stream, int row) {
    return philox4x32(state[0], stream, state[1] + row).x;
}

KERNEL draw_timesteps(int* __restrict__ t, const unsigned long long* __restrict__ state, unsigned long long stream,
                      int n, int T, int antithetic) {
    const int drawn = antithetic ? n / 2 + 1 : n;
    GRID_LOOP (r, n) {
        const int u = philox_below(row_word(state, stream, r < drawn ? r : r - drawn), T);
        t[r] = r < drawn ? u : T - 1 - u;
    }
}

KERNEL COOPERATIVE drop_condition(int* __restrict__ y, double* __restrict__ dropped, const int* __restrict__ labels,
                                  const unsigned long long* __restrict__ state, unsigned long long stream, int n,
                                  int null_row, double probability) {
    BLOCK_ROWS (once, 1) {
        wide count = 0;
        LANE_LOOP (r, n) {
            const bool drop = labels[r] >= 0 && philox_uniform(row_word(state, stream, r)) < probability;
            y[r] = drop ? null_row : labels[r];
            count += drop;
        }
        count = block_sum(count);
        if (threadIdx.x == 0 && dropped != nullptr) *dropped += count;
    }
}

KERNEL map_classes(int* __restrict__ y, const int* __restrict__ labels, const int* __restrict__ table, int n) {
    GRID_LOOP (r, n) y[r] = labels[r] < 0 ? labels[r] : table[labels[r]];
}

KERNEL diffuse_forward(real* __restrict__ xt, real* __restrict__ v, const real* __restrict__ x0,
                       const real* __restrict__ e, const int* __restrict__ t, const real* __restrict__ pairs, int n,
                       int length) {
    GRID_ROWS (item, n * row_pieces(length)) {
        const RowPiece p = row_piece(item, length);
        const real signal = pairs[2 * t[p.row]], noise = pairs[2 * t[p.row] + 1];
        const int first = p.row * length + p.first;
        LANE_LOOP (j, p.length) xt[first + j] = real_fma(signal, x0[first + j], noise * e[first + j]);
        if (v != nullptr)
            LANE_LOOP (j, p.length) v[first + j] = real_fma(signal, e[first + j], -noise * x0[first + j]);
    }
}
