// random.cu - vectors of random numbers. Every element is a pure function of (seed, stream, step, i).
//
// Element i is word i % 4 of philox4x32(seed, stream, index = step * 2^30 + i / 4). step is read from the device (null:
// 0), so that a captured graph draws anew at every replay. RandomStream in C# gives the same numbers at position
// step * 2^32 + i.
//   random_normal   x = mean + deviation z, z by Box-Muller from the words (0, 1) and (2, 3)
//                                                   equal to C# but for the last bits of log, cos and sin
//   random_normal_rows   x[rows, length] standard normal, a row for each sample: element j of row r is word j % 4 of
//                   philox4x32(state[0], stream + step, index = (state[1] + r) * 2^24 + j / 4), so that a sample's
//                   numbers depend neither on the batch it is in nor on its place there; length at most 2^26
//   random_uniform_rows  x[rows, length] uniform in [low, high), from the words of random_normal_rows at step 0
// Launch: random_normal Elements((n + 3) / 4), random_normal_rows LongRows(rows, (length + 3) / 4), random_uniform_rows
// Rows(rows, (length + 3) / 4).
// Reference: Salmon et al. 2011 (Philox), Box and Muller 1958.
#include "include/index.cuh"
#include "include/philox.cuh"

// Four elements a turn: one Philox call makes four words.
#define QUADS(n) ((n) / 4 + ((n) % 4 != 0))

DEVICE Philox4 random_words(unsigned long long seed, unsigned long long stream, const unsigned long long* step,
                            int quad) {
    return philox4x32(seed, stream, ((step == nullptr ? 0 : *step) << 30) + (unsigned)quad);
}

DEVICE void store_quad(real* x, int n, int quad, real a, real b, real c, real d) {
    const real v[4] = {a, b, c, d};
    const int first = 4 * quad, count = n - first < 4 ? n - first : 4;
    for (int k = 0; k < count; k++) x[first + k] = v[k];
}

// The radius takes all 32 bits, centred in their interval so that log never sees 0: the tail ends at 6.66 deviations,
// at 5.77 if it took the 24 bits of philox_uniform.
DEVICE real random_radius(unsigned bits) {
    return real_sqrt((real)-2 *
                     real_log(real_fma((real)bits, (real)2.3283064365386963e-10, (real)1.1641532182693481e-10)));
}
DEVICE real random_angle(unsigned bits) { return (real)6.283185307179586 * (real)philox_uniform(bits); }

DEVICE void store_normals(real* x, int n, int quad, Philox4 w, real mean, real deviation) {
    const real r = deviation * random_radius(w.x), s = deviation * random_radius(w.z);
    const real a = random_angle(w.y), b = random_angle(w.w);
    store_quad(x, n, quad, real_fma(r, real_cos(a), mean), real_fma(r, real_sin(a), mean),
               real_fma(s, real_cos(b), mean), real_fma(s, real_sin(b), mean));
}

KERNEL random_normal(real* __restrict__ x, const unsigned long long* __restrict__ step, int n, unsigned long long seed,
                     unsigned long long stream, accum mean, accum deviation) {
    GRID_LOOP (q, QUADS(n)) store_normals(x, n, q, random_words(seed, stream, step, q), mean, deviation);
}

KERNEL random_normal_rows(real* __restrict__ x, const unsigned long long* __restrict__ state,
                          const unsigned long long* __restrict__ step, int rows, int length,
                          unsigned long long stream) {
    const unsigned long long now = stream + (step == nullptr ? 0 : *step);
    GRID_ROWS (item, rows * row_pieces(QUADS(length))) {
        const RowPiece p = row_piece(item, QUADS(length));
        const unsigned long long first = ((state[1] + p.row) << 24) + (unsigned)p.first;
        real* of = x + p.row * length + 4 * p.first;
        LANE_LOOP (q, p.length)
            store_normals(of, length - 4 * p.first, q, philox4x32(state[0], now, first + (unsigned)q), 0, 1);
    }
}

KERNEL random_uniform_rows(real* __restrict__ x, const unsigned long long* __restrict__ state, int rows, int length,
                           unsigned long long stream, accum low, accum high) {
    const accum range = high - low;
    GRID_ROWS (r, rows) {
        const unsigned long long first = (state[1] + r) << 24;
        LANE_LOOP (q, QUADS(length)) {
            const Philox4 w = philox4x32(state[0], stream, first + (unsigned)q);
            store_quad(x + r * length, length, q, real_fma(range, (real)philox_uniform(w.x), low),
                       real_fma(range, (real)philox_uniform(w.y), low), real_fma(range, (real)philox_uniform(w.z), low),
                       real_fma(range, (real)philox_uniform(w.w), low));
        }
    }
}
