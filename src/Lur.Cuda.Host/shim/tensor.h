// tensor.h - what tensor cores do with a warp, and asynchronous copies, for fiber images.
//
// The 32 lanes meet, and one of them does the work of all. The layouts of fragments are those of the PTX manual
// ("Matrix fragments for mma.m16n8k8" and "... m16n8k16", "ldmatrix"); g = lane / 4 and t = lane % 4 below. Products of
// bf16 and of TF32 are exact in float; sums are made in float from the smallest k to the largest, where a GPU's order
// and rounding within one instruction are not specified.
#pragma once

#if LUR_HOST_TRACED
#define LUR_TENSOR_INLINE LUR_UNTRACED
#define LUR_TENSOR_ACCESS(p, n, kind) lur_services->access(p, n, kind, __builtin_return_address(0))
#else
#define LUR_TENSOR_INLINE inline
#define LUR_TENSOR_ACCESS(p, n, kind) (void)0
#endif

struct LurMma {
    unsigned a[4], b[2];
    float c[4];
};
struct LurLoadMatrix {
    const void* row;
    unsigned r[4];
};

// An element's lane, register and half of it.
struct LurFragment {
    int lane, part, half;
};
LUR_INLINE float lur_bf16_half(unsigned word, int half) {
    return lur_bits_to_float(half ? word & 0xffff0000u : word << 16);
}
// The low 13 bits of a TF32 operand are not read.
LUR_INLINE float lur_tf32_value(unsigned word) { return lur_bits_to_float(word & 0xffffe000u); }

// 16 x 8 results from rows a and columns b. c0, c1: row g, columns 2t, 2t + 1; c2, c3: row g + 8.
template <int K> LUR_INLINE void lur_mma_sum(LurMma* const* lanes, const float (*a)[K], const float (*b)[K]) {
    for (int lane = 0; lane < 32; lane++)
        for (int i = 0; i < 4; i++) {
            const float *x = a[lane / 4 + i / 2 * 8], *y = b[lane % 4 * 2 + i % 2];
            float sum = lanes[lane]->c[i];
            for (int k = 0; k < K; k++) sum = __builtin_fmaf(x[k], y[k], sum);
            lanes[lane]->c[i] = sum;
        }
}

// m16n8k16: a0 row g, a1 row g + 8, a2 and a3 the same with k + 8; b0, b1 column g; two k, 2t and 2t + 1, in a
// register.
LUR_TENSOR_INLINE void lur_mma_bf16(void* const* operands) {
    LurMma* const* lanes = (LurMma* const*)operands;
    float a[16][16], b[8][16];
    for (int lane = 0; lane < 32; lane++)
        for (int half = 0; half < 2; half++) {
            const int g = lane / 4, k = lane % 4 * 2 + half;
            for (int i = 0; i < 4; i++) a[g + i % 2 * 8][k + i / 2 * 8] = lur_bf16_half(lanes[lane]->a[i], half);
            for (int i = 0; i < 2; i++) b[g][k + i * 8] = lur_bf16_half(lanes[lane]->b[i], half);
        }
    lur_mma_sum<16>(lanes, a, b);
}

// m16n8k8: a0 row g and k t, a1 row g + 8, a2 and a3 the same with k + 4; b0, b1 column g, k t and t + 4.
LUR_TENSOR_INLINE void lur_mma_tf32(void* const* operands) {
    LurMma* const* lanes = (LurMma* const*)operands;
    float a[16][8], b[8][8];
    for (int lane = 0; lane < 32; lane++) {
        const int g = lane / 4, k = lane % 4;
        for (int i = 0; i < 4; i++) a[g + i % 2 * 8][k + i / 2 * 4] = lur_tf32_value(lanes[lane]->a[i]);
        for (int i = 0; i < 2; i++) b[g][k + i * 4] = lur_tf32_value(lanes[lane]->b[i]);
    }
    lur_mma_sum<8>(lanes, a, b);
}

// Matrices of 8 rows of 16 bytes; lanes 8 i to 8 i + 7 name the rows of matrix i. A lane gets 4 bytes: row g, bytes 4t
// to 4t + 3; transposed, the 2-byte elements t' = 2t and 2t + 1 of column g.
template <int COUNT, bool TRANSPOSED> LUR_TENSOR_INLINE void lur_load_matrix(void* const* operands) {
    LurLoadMatrix* const* lanes = (LurLoadMatrix* const*)operands;
    for (int i = 0; i < COUNT; i++)
        for (int lane = 0; lane < 32; lane++) {
            const int g = lane / 4, t = lane % 4;
            unsigned short part[2];
            for (int half = 0; half < 2; half++) {
                const int row = TRANSPOSED ? 2 * t + half : g, column = TRANSPOSED ? g : 2 * t + half;
                __builtin_memcpy(&part[half], (const char*)lanes[8 * i + row]->row + 2 * column, 2);
            }
            lanes[lane]->r[i] = part[0] | (unsigned)part[1] << 16;
        }
}

LUR_TENSOR_INLINE void lur_announce_row(const void* row) { LUR_TENSOR_ACCESS(row, 16, LurRead); }
LUR_TENSOR_INLINE void lur_copy_async(void* to, const void* from, int size, int filled, const char* file, int line) {
    if (filled) LUR_TENSOR_ACCESS(from, filled, LurRead);
    LUR_TENSOR_ACCESS(to, size, LurWrite);
    lur_services->copyAsync(to, from, size, filled, file, line);
}
