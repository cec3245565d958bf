// convolution_mma.cu - convolution on tensor cores: a matrix product whose patch matrix exists in shared memory only.
//
//   y[n][h0 + step g][w0 + step g'][k] (+)= sum_{r',s',c} x[n][g stride + r' - top][g' stride + s' - left][c]
//                                                        filter[k][r'][s'][c], and the same of x2 and filter2
//
// x, y: N H W C, which is how the engine's tensors lie: no change of layout, but operands are rounded to bf16 or TF32
// and their channels filled up to whole granules first (mma_operands.cu). The input gradient is this kernel on dy and
// the filters transposed, once for each residue of h and w modulo the stride, with the taps that reach it, as in
// lane/direct_convolution.cu. A second pair of factors is a continuation of the sum: a tangent
// ty = conv(tx, w) + conv(x, tw) is one pass, its sums in the same registers.
//
// A block of four warps makes 128 pixels x 64 channels from steps of 64 bytes a row, of which two are on their way by
// asynchronous copies while one is in use; operands come to registers by ldmatrix. The granules of a row are exchanged
// (XOR with the row) so that neither copies nor loads meet in a bank. The sum may be cut into `chunks` of steps, each
// to a copy of the output at a distance of chunk_stride; mma_add_chunks adds them in their order. No atomics: the same
// bits on every run and for every grid.
//
// Launch: blocks of MMA_THREADS threads, any number of them; one for each tile and chunk is best. Writes or, with
// `accumulate`, adds. Chetlur et al., "cuDNN: efficient primitives for deep learning", 2014.
//
// Trace: convolution_mma_bf16 and convolution_mma_tf32 store pairs of 8 bytes, in a request a sector each of
// eight rows; GCC stores their words one by one, and the sectors count twice.
#include "include/geometry.cuh"
#include "include/index.cuh"
#include "include/mma_tile.cuh"

#define STEP 4 // granules of a row in one step

// Rows of STEP granules: two rows fill the banks once, and the pairs of rows are told apart by the exchange.
DEVICE int row_place(int row, int granule) { return row * STEP + (granule ^ (row >> 1 & 3)); }

// Where a thread's granules of a step come from: tap r, s and granule c of the pixel, the q-th of the sum.
struct TapWalk {
    int q, r, s, c;
    DEVICE void start(int from, int width, int taps_s) {
        const int tap = from / width;
        q = from, c = from - tap * width, r = tap / taps_s, s = tap - r * taps_s;
    }
    DEVICE void next(int width, int taps_s) {
        q += STEP, c += STEP;
        while (c >= width) {
            c -= width;
            if (++s == taps_s) s = 0, r++;
        }
    }
};

// One k-step of a warp's 64 x 32: two granules of 64 rows and 32 columns.
template <class T>
DEVICE void row_products(T kind, float (&sum)[4][4][4], const Granule* rows, const Granule* columns, int granule) {
    const int lane = threadIdx.x % 32;
    unsigned a[4][4], b[4][2];
#pragma unroll
    for (int i = 0; i < 4; i++)
        load_granules<4, false>(a[i], rows + row_place(i * 16 + lane % 16, granule + lane / 16));
#pragma unroll
    for (int j = 0; j < 4; j += 2) {
        unsigned r[4]; // of 16 columns
        load_granules<4, false>(r, columns + row_place(j * 8 + lane / 16 * 8 + lane % 8, granule + lane / 8 % 2));
        for (int i = 0; i < 4; i++) b[j + i / 2][i % 2] = r[i];
    }
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) mma(kind, sum[i][j], a[i], b[j]);
}

template <class T>
DEVICE void convolution(real* y, const Granule* x1, const Granule* filter1, const Granule* x2, const Granule* filter2,
                        const SweepGeometry& dim, int terms, int chunks, long long chunk_stride, bool add) {
    __shared__ Granule rows[STAGES][LONG * STEP], columns[STAGES][SHORT * STEP];
    const int thread = threadIdx.x, lane = thread % 32, warp_row = thread / 64 * 64, warp_column = thread / 32 % 2 * 32;
    const int width = (dim.C + T::per_granule - 1) / T::per_granule, depth = dim.taps_r * dim.taps_s * width;
    const int steps = (depth + STEP - 1) / STEP, pixels = dim.N * dim.GH * dim.GW;
    const int tiles_n = (dim.K + SHORT - 1) / SHORT, tiles = (pixels + LONG - 1) / LONG * tiles_n;
    BLOCK_ROWS (task, tiles * chunks) {
        const int chunk = task / tiles, m0 = task % tiles / tiles_n * LONG, n0 = task % tiles_n * SHORT;
        const int first = (int)((long long)terms * steps * chunk / chunks);
        const int last = (int)((long long)terms * steps * (chunk + 1) / chunks);
        int base[4], top[4], left[4]; // of the rows thread / 4 + 32 i
        for (int i = 0; i < 4; i++) {
            const int m = m0 + thread / STEP + 32 * i;
            const Position p = split_position(m, dim.GH, dim.GW);
            top[i] = m < pixels ? p.h * dim.stride - dim.top : -0x40000000, left[i] = p.w * dim.stride - dim.left;
            base[i] = (p.n * dim.H + p.h * dim.stride - dim.top) * dim.W + left[i];
        }
        TapWalk tap = {0, 0, 0, 0};
        int term = 0, in_term = 0;
        if (first < last) {
            term = first / steps, in_term = first - term * steps;
            tap.start(in_term * STEP + thread % STEP, width, dim.taps_s);
        }
        const auto fetch = [&](int stage) {
            const Granule *x = term ? x2 : x1, *filter = term ? filter2 : filter1;
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int h = top[i] + tap.r, w = left[i] + tap.s;
                const bool inside = tap.q < depth && h >= 0 && h < dim.H && w >= 0 && w < dim.W;
                const long long at = (long long)(base[i] + tap.r * dim.W + tap.s) * width + tap.c;
                copy_async<16>(&rows[stage][row_place(thread / STEP + 32 * i, thread % STEP)], x + (inside ? at : 0),
                               inside ? 16 : 0);
            }
#pragma unroll
            for (int i = 0; i < 2; i++) {
                const int n = n0 + thread / STEP + 32 * i;
                const bool inside = tap.q < depth && n < dim.K;
                copy_async<16>(&columns[stage][row_place(thread / STEP + 32 * i, thread % STEP)],
                               filter + (inside ? (long long)n * depth + tap.q : 0), inside ? 16 : 0);
            }
            tap.next(width, dim.taps_s);
            if (++in_term == steps) {
                term++, in_term = 0;
                tap.start(thread % STEP, width, dim.taps_s);
            }
        };
        for (int t = 0; t < STAGES - 1; t++) {
            if (first + t < last) fetch(t);
            commit_copies();
        }
        float sum[4][4][4] = {};
        for (int t = first, stage = 0; t < last; t++) {
            wait_copies<STAGES - 2>();
            __syncthreads(); // what the step needs has come, and nobody reads the stage that is filled next
            if (t + STAGES - 1 < last) fetch(stage == 0 ? STAGES - 1 : stage - 1);
            commit_copies();
#pragma unroll
            for (int g = 0; g < STEP; g += 2)
                row_products(T{}, sum, rows[stage] + warp_row * STEP, columns[stage] + warp_column * STEP, g);
            stage = stage == STAGES - 1 ? 0 : stage + 1;
        }
        real* const out = y + chunk * chunk_stride;
        const bool paired = pairs(out, dim.K);
#pragma unroll
        for (int i = 0; i < 8; i++) {
            const int m = m0 + warp_row + i * 8 + lane / 4;
            const Position p = split_position(m, dim.GH, dim.GW);
            const long long at =
                (((long long)p.n * dim.OH + dim.h0 + p.h * dim.step) * dim.OW + dim.w0 + p.w * dim.step) * dim.K;
#pragma unroll
            for (int j = 0; j < 4; j++) {
                const int n = n0 + warp_column + j * 8 + lane % 4 * 2;
                const float* d = &sum[i / 2][j][i % 2 * 2];
                store_pair(out + at + n, d[0], d[1], m < pixels ? dim.K - n : 0, paired, add);
            }
        }
        wait_copies<0>();
        __syncthreads();
    }
}

KERNEL COOPERATIVE convolution_mma_bf16(real* __restrict__ y, const unsigned* __restrict__ x1,
                                        const unsigned* __restrict__ filter1, const unsigned* __restrict__ x2,
                                        const unsigned* __restrict__ filter2, SweepGeometry dim, int terms, int chunks,
                                        long long chunk_stride, int accumulate) {
    convolution<Bf16>(y, (const Granule*)x1, (const Granule*)filter1, (const Granule*)x2, (const Granule*)filter2, dim,
                      terms, chunks, chunk_stride, accumulate != 0);
}

KERNEL COOPERATIVE convolution_mma_tf32(real* __restrict__ y, const unsigned* __restrict__ x1,
                                        const unsigned* __restrict__ filter1, const unsigned* __restrict__ x2,
                                        const unsigned* __restrict__ filter2, SweepGeometry dim, int terms, int chunks,
                                        long long chunk_stride, int accumulate) {
    convolution<Tf32>(y, (const Granule*)x1, (const Granule*)filter1, (const Granule*)x2, (const Granule*)filter2, dim,
                      terms, chunks, chunk_stride, accumulate != 0);
}
