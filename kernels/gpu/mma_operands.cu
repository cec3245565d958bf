// mma_operands.cu - what convolution_mma.cu reads, made of float tensors, and the sum of what it leaves in chunks.
//
//   pack       packed[row][width] = round(x[row][channels]), zeros behind
//   transpose  packed[c][tap][width] = round(w[k][r0 + step r'][s0 + step s'][c]), tap = r' taps_s + s', zeros behind K
//   add        y (+)= sum over chunks of partial[chunk]
//
// A row is filled up to whole granules of 16 bytes, so that all copies of a convolution are of 16 aligned bytes
// whatever the channels: 3 become 8 in bf16, 4 in TF32. Rounded once here and not at each of the R S reads. A tensor of
// n floats costs 4 n bytes read and 2 n (bf16) or 4 n (TF32) written, against 9 n and more that a 3 x 3 convolution
// then reads.
//
// Launch: pack by Elements(rows width) where width = channels, else by Rows(rows, width); transpose by
// Blocks(taps ceil(K / 32) ceil(C / 32)); add by Elements(n). Pack and transpose write; add writes or, with
// `accumulate`, adds.
#include "include/geometry.cuh"
#include "include/rounding.cuh"

struct ToBf16 {
    typedef short type;
    DEVICE static short round(real x) { return (short)round_bf16((float)x); }
};
struct ToTf32 {
    typedef unsigned type;
    DEVICE static unsigned round(real x) { return round_tf32((float)x); }
};

template <class To>
DEVICE void pack(typename To::type* __restrict__ packed, const real* __restrict__ x, int rows, int channels,
                 int width) {
    if (width == channels) {
        GRID_LOOP (i, rows * width) packed[i] = To::round(x[i]);
        return;
    }
    GRID_ROWS (row, rows) {
        const real* in = x + (long long)row * channels;
        typename To::type* out = packed + (long long)row * width;
        LANE_LOOP (i, width) out[i] = i < channels ? To::round(in[i]) : typename To::type(0);
    }
}

KERNEL mma_pack_bf16(short* __restrict__ packed, const real* __restrict__ x, int rows, int channels, int width) {
    pack<ToBf16>(packed, x, rows, channels, width);
}

KERNEL mma_pack_tf32(unsigned* __restrict__ packed, const real* __restrict__ x, int rows, int channels, int width) {
    pack<ToTf32>(packed, x, rows, channels, width);
}

#define TURN 32

// A tile of TURN x TURN at a time passes through shared memory: rows of both sides are read and written as they lie.
template <class To>
DEVICE void transpose(typename To::type* __restrict__ packed, const real* __restrict__ w, const FilterGeometry& dim,
                      int width) {
    __shared__ real tile[TURN][TURN + 1];
    const int taps = dim.taps_r * dim.taps_s, tiles_k = (width + TURN - 1) / TURN, tiles_c = (dim.C + TURN - 1) / TURN;
    BLOCK_ROWS (task, taps * tiles_k * tiles_c) {
        const int tap = task / (tiles_k * tiles_c), k0 = task / tiles_c % tiles_k * TURN, c0 = task % tiles_c * TURN;
        const int r = dim.r0 + dim.step * (tap / dim.taps_s), s = dim.s0 + dim.step * (tap % dim.taps_s);
        LANE_LOOP (i, TURN * TURN) {
            const int k = k0 + i / TURN, c = c0 + i % TURN;
            const bool inside = k < dim.K && c < dim.C;
            tile[i / TURN][i % TURN] = inside ? w[(((long long)k * dim.R + r) * dim.S + s) * dim.C + c] : real(0);
        }
        __syncthreads();
        LANE_LOOP (i, TURN * TURN) {
            const int c = c0 + i / TURN, k = k0 + i % TURN;
            if (c < dim.C && k < width)
                packed[((long long)c * taps + tap) * width + k] = To::round(tile[i % TURN][i / TURN]);
        }
        __syncthreads();
    }
}

KERNEL COOPERATIVE mma_transpose_bf16(short* __restrict__ packed, const real* __restrict__ w, FilterGeometry dim,
                                      int width) {
    transpose<ToBf16>(packed, w, dim, width);
}

KERNEL COOPERATIVE mma_transpose_tf32(unsigned* __restrict__ packed, const real* __restrict__ w, FilterGeometry dim,
                                      int width) {
    transpose<ToTf32>(packed, w, dim, width);
}

// Chunks in their order.
KERNEL mma_add_chunks(real* __restrict__ y, const real* __restrict__ partial, int n, int chunks, int accumulate) {
    GRID_LOOP (i, n) {
        accum sum = accumulate ? y[i] : real(0);
        for (int q = 0; q < chunks; q++) sum += partial[(long long)q * n + i];
        y[i] = sum;
    }
}
