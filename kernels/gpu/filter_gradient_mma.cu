// filter_gradient_mma.cu - the filter gradient of a convolution on tensor cores.
//
//   dw[k][r][s][c] (+)= sum_{n,oh,ow} dy[n][oh][ow][k] x[n][oh stride + r - top][ow stride + s - left][c], and the same
//   of
//                       x2 and dy2
//
// x, dy: N H W C, rounded and filled up as for convolution_mma.cu, which also says how pairs and chunks work. A block
// of four warps makes 64 filters x 128 columns (r, s, c) from steps of 32 (bf16) or 16 (TF32) pixels. The pixels, over
// which it sums, are the rows of both operands: ldmatrix turns bf16 on the way to registers; TF32 it cannot turn, and
// words are read one by one. Granules of a row are exchanged (XOR with the row): no loads meet in a bank.
//
// Launch: blocks of MMA_THREADS threads, any number of them; one for each tile and chunk is best. Writes or, with
// `accumulate`, adds. Granlund, Montgomery, "Division by invariant integers using multiplication", 1994.
//
// Trace: filter_gradient_mma_bf16 and filter_gradient_mma_tf32 store pairs of 8 bytes, in a request a sector each of
// eight rows; GCC stores their words one by one, and the sectors count twice.
#include "include/geometry.cuh"
#include "include/mma_tile.cuh"

// n / d for n < 2^31 without a division.
struct Divisor {
    unsigned d, factor, shift;
    DEVICE explicit Divisor(int by) : d((unsigned)by), factor(0), shift(0) {
        while (1ull << shift < d) shift++;
        factor = (unsigned)(((1ull << 32) * ((1ull << shift) - d)) / d + 1);
    }
    DEVICE int divide(int n) const {
        return (int)(((unsigned)((unsigned long long)(unsigned)n * factor >> 32) + (unsigned)n) >> shift);
    }
};

// A warp's 32 x 64 of the pixels [0, 2 k-steps); operands as pixels x filters and pixels x columns.
struct TurnedBf16 : Bf16 {
    static constexpr int pixels = 32, left_row = SHORT / per_granule, right_row = LONG / per_granule;
    DEVICE static int exchanged(int row, int granule) { return granule ^ (row & 7); }
    DEVICE static void left(unsigned (&a)[4], const Granule* tile, int step, int m) {
        const int lane = threadIdx.x % 32, row = step * 16 + lane / 16 * 8 + lane % 8;
        load_granules<4, true>(a, tile + row * left_row + exchanged(row, m / per_granule + lane / 8 % 2));
    }
    // Two neighbouring tiles of 8 columns.
    DEVICE static void right(unsigned (*b)[2], const Granule* tile, int step, int n) {
        const int lane = threadIdx.x % 32, row = step * 16 + lane / 8 % 2 * 8 + lane % 8;
        unsigned r[4];
        load_granules<4, true>(r, tile + row * right_row + exchanged(row, n / per_granule + lane / 16));
        for (int i = 0; i < 4; i++) b[i / 2][i % 2] = r[i];
    }
};
struct TurnedTf32 : Tf32 {
    static constexpr int pixels = 16, left_row = SHORT / per_granule, right_row = LONG / per_granule;
    DEVICE static int exchanged(int row, int granule) { return granule ^ (row & 3) * 2; }
    DEVICE static unsigned word(const Granule* row_of, int row, int column) {
        return row_of[exchanged(row, column / per_granule)].word[column % per_granule];
    }
    DEVICE static void left(unsigned (&a)[4], const Granule* tile, int step, int m) {
        const int lane = threadIdx.x % 32, row = step * 8 + lane % 4;
        for (int i = 0; i < 4; i++) {
            const int k = row + i / 2 * 4;
            a[i] = word(tile + k * left_row, k, m + lane / 4 + i % 2 * 8);
        }
    }
    DEVICE static void right(unsigned (*b)[2], const Granule* tile, int step, int n) {
        const int lane = threadIdx.x % 32, row = step * 8 + lane % 4;
        for (int i = 0; i < 4; i++) {
            const int k = row + i % 2 * 4;
            b[i / 2][i % 2] = word(tile + k * right_row, k, n + lane / 4 + i / 2 * 8);
        }
    }
};

template <class T>
DEVICE void filter_gradient(real* dw, const Granule* x1, const Granule* dy1, const Granule* x2, const Granule* dy2,
                            const WindowGeometry& dim, int terms, int chunks, long long chunk_stride, bool add) {
    __shared__ Granule left[STAGES][T::pixels * T::left_row], right[STAGES][T::pixels * T::right_row];
    constexpr int left_rows = MMA_THREADS / T::left_row, right_rows = MMA_THREADS / T::right_row;
    const int thread = threadIdx.x, lane = thread % 32, warp_m = thread / 64 * 32, warp_n = thread / 32 % 2 * 64;
    const int width_x = (dim.C + T::per_granule - 1) / T::per_granule;
    const int width_y = (dim.K + T::per_granule - 1) / T::per_granule;
    const int taps = dim.R * dim.S, columns = taps * width_x, pixels = dim.N * dim.OH * dim.OW;
    const int steps = (pixels + T::pixels - 1) / T::pixels;
    const int tiles_n = (columns + T::right_row - 1) / T::right_row;
    const int tiles = (dim.K + SHORT - 1) / SHORT * tiles_n;
    const Divisor by_row(dim.OW), by_image(dim.OH * dim.OW);
    BLOCK_ROWS (task, tiles * chunks) {
        const int chunk = task / tiles, m0 = task % tiles / tiles_n * SHORT, n0 = task % tiles_n * T::right_row;
        const int first = (int)((long long)terms * steps * chunk / chunks);
        const int last = (int)((long long)terms * steps * (chunk + 1) / chunks);
        // The granules of a thread: one of the filters, one of the columns, of some rows each.
        const int m = m0 / T::per_granule + thread % T::left_row, n = n0 + thread % T::right_row, tap = n / width_x;
        const int r = tap / dim.S - dim.top, s = tap % dim.S - dim.left, c = n - tap * width_x;
        const auto fetch = [&](int t, int stage) {
            const bool second = t >= steps;
            const Granule *x = second ? x2 : x1, *dy = second ? dy2 : dy1;
            const int from = (second ? t - steps : t) * T::pixels;
#pragma unroll
            for (int i = 0; i < 2; i++) {
                const int row = thread / T::left_row + i * left_rows, p = from + row;
                const bool inside = p < pixels && m < width_y;
                copy_async<16>(&left[stage][row * T::left_row + T::exchanged(row, thread % T::left_row)],
                               dy + (inside ? (long long)p * width_y + m : 0), inside ? 16 : 0);
            }
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int row = thread / T::right_row + i * right_rows, p = from + row;
                const int image = by_image.divide(p), rest = p - image * dim.OH * dim.OW, oh = by_row.divide(rest);
                const int h = oh * dim.stride + r, w = (rest - oh * dim.OW) * dim.stride + s;
                const bool inside = p < pixels && n < columns && h >= 0 && h < dim.H && w >= 0 && w < dim.W;
                const long long at = ((long long)(image * dim.H + h) * dim.W + w) * width_x + c;
                copy_async<16>(&right[stage][row * T::right_row + T::exchanged(row, thread % T::right_row)],
                               x + (inside ? at : 0), inside ? 16 : 0);
            }
        };
        for (int t = 0; t < STAGES - 1; t++) {
            if (first + t < last) fetch(first + t, t);
            commit_copies();
        }
        float sum[2][8][4] = {};
        for (int t = first, stage = 0; t < last; t++) {
            wait_copies<STAGES - 2>();
            __syncthreads(); // what the step needs has come, and nobody reads the stage that is filled next
            if (t + STAGES - 1 < last) fetch(t + STAGES - 1, stage == 0 ? STAGES - 1 : stage - 1);
            commit_copies();
#pragma unroll
            for (int step = 0; step < 2; step++) {
                unsigned a[2][4], b[8][2];
#pragma unroll
                for (int i = 0; i < 2; i++) T::left(a[i], left[stage], step, warp_m + i * 16);
#pragma unroll
                for (int j = 0; j < 8; j += 2) T::right(b + j, right[stage], step, warp_n + j * 8);
#pragma unroll
                for (int i = 0; i < 2; i++)
#pragma unroll
                    for (int j = 0; j < 8; j++) mma(T{}, sum[i][j], a[i], b[j]);
            }
            stage = stage == STAGES - 1 ? 0 : stage + 1;
        }
        real* const out = dw + chunk * chunk_stride;
        const bool paired = pairs(out, dim.C);
#pragma unroll
        for (int j = 0; j < 8; j++) {
            const int column = warp_n + j * 8 + lane % 4 * 2, granule = n0 + column / T::per_granule;
            const int at_tap = granule / width_x;
            const int at_c = (granule - at_tap * width_x) * T::per_granule + column % T::per_granule;
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int k = m0 + warp_m + i * 8 + lane / 4;
                const float* d = &sum[i / 2][j][i % 2 * 2];
                store_pair(out + ((long long)k * taps + at_tap) * dim.C + at_c, d[0], d[1],
                           k < dim.K && granule < columns ? dim.C - at_c : 0, paired, add);
            }
        }
        wait_copies<0>();
        __syncthreads();
    }
}

KERNEL COOPERATIVE filter_gradient_mma_bf16(real* __restrict__ dw, const unsigned* __restrict__ x1,
                                            const unsigned* __restrict__ dy1, const unsigned* __restrict__ x2,
                                            const unsigned* __restrict__ dy2, WindowGeometry dim, int terms, int chunks,
                                            long long chunk_stride, int accumulate) {
    filter_gradient<TurnedBf16>(dw, (const Granule*)x1, (const Granule*)dy1, (const Granule*)x2, (const Granule*)dy2,
                                dim, terms, chunks, chunk_stride, accumulate != 0);
}

KERNEL COOPERATIVE filter_gradient_mma_tf32(real* __restrict__ dw, const unsigned* __restrict__ x1,
                                            const unsigned* __restrict__ dy1, const unsigned* __restrict__ x2,
                                            const unsigned* __restrict__ dy2, WindowGeometry dim, int terms, int chunks,
                                            long long chunk_stride, int accumulate) {
    filter_gradient<TurnedTf32>(dw, (const Granule*)x1, (const Granule*)dy1, (const Granule*)x2, (const Granule*)dy2,
                                dim, terms, chunks, chunk_stride, accumulate != 0);
}
