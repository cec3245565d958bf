// register_tile.cuh - the register-blocked inner product shared by the direct and the Winograd convolutions.
//
//   c[i][j] (+)= sum_e sum_d a[e * a_segment + d * a_step + i * a_row] * b[e * b_segment + d * b_step + column j]
//
// One operand is broadcast (rows), the other is read as vectors (columns). TILE_ROWS x TILE_VECTORS is what the
// register file holds: 12 accumulators, 2 column vectors and a broadcast in the 16 registers of SSE and AVX2, 24 + 2 of
// the 32 of AVX-512. On CUDA a vector is a scalar and each thread owns a tile. Measured on one AVX2 core (peak 100
// GFLOP/s): 6x2 71-94 at depths 16 to 256, 4x2 68-94, 12x1 43-61 (bound by loads); OpenBLAS 21 at 96x16x16, 53 at
// 252x64x64, 79 at 252x128x128.
#pragma once
#include "include/prelude.cuh"

// Packed operands come in panels of PANEL columns, [panel][row][PANEL], whatever the vector width, so that the caller
// can size them without knowing it: 16 is a multiple of every vector width in both precisions.
#define PANEL 16

#if LUR_VECTOR_BYTES == 64
#define TILE_ROWS 12
#else
#define TILE_ROWS 6
#endif
#define TILE_VECTORS 2
#define TILE_COLUMNS (TILE_VECTORS * VEC)

#if defined(LUR_HOST) && !defined(__clang__)
#define UNROLL _Pragma("GCC unroll 16")
#else
#define UNROLL _Pragma("unroll")
#endif

// Operands of a product; distances in elements. b_vec is the distance between neighbouring column vectors.
struct TileOperands {
    const real* a;
    int a_row, a_step, a_segment;
    const real* b;
    int b_vec, b_step, b_segment;
    int depth, segments;
};

// Column `column` of a packed operand whose panels have `rows` rows.
DEVICE const real* panel_column(const real* packed, int rows, int column) {
    return packed + column / PANEL * (rows * PANEL) + column % PANEL;
}
DEVICE int panel_vec(int rows) { return VEC == PANEL ? rows * PANEL : VEC; }
DEVICE int round_up(int n, int unit) { return (n + unit - 1) / unit * unit; }
// A row length that is an odd number of panels: a column of a matrix with 512 floats a row falls on two of the 64 sets
// of a first-level cache.
DEVICE int odd_panels(int n) { return ((n + PANEL - 1) / PANEL | 1) * PANEL; }

// Stores the first `valid` of the tile's columns; rows are c_row apart.
template <int ROWS, int VECTORS>
DEVICE void tile_product(real* c, int c_row, int valid, bool add, const TileOperands& o) {
    vec acc[ROWS][VECTORS];
    UNROLL
    for (int i = 0; i < ROWS; i++) {
        UNROLL
        for (int j = 0; j < VECTORS; j++) acc[i][j] = vec{};
    }
    for (int e = 0; e < o.segments; e++) {
        const real* a = o.a + (long long)e * o.a_segment;
        const real* b = o.b + (long long)e * o.b_segment;
        for (int d = 0; d < o.depth; d++, a += o.a_step, b += o.b_step) {
            vec column[VECTORS];
            UNROLL
            for (int j = 0; j < VECTORS; j++) column[j] = vec_load(b + j * o.b_vec);
            UNROLL
            for (int i = 0; i < ROWS; i++) {
                UNROLL
                for (int j = 0; j < VECTORS; j++) acc[i][j] += a[i * o.a_row] * column[j];
            }
        }
    }
    if (valid >= VECTORS * VEC) {
        UNROLL
        for (int i = 0; i < ROWS; i++) {
            UNROLL
            for (int j = 0; j < VECTORS; j++) {
                real* p = c + i * c_row + j * VEC;
                vec_store(p, add ? vec_load(p) + acc[i][j] : acc[i][j]);
            }
        }
    } else {
        real edge[ROWS][VECTORS * VEC];
        UNROLL
        for (int i = 0; i < ROWS; i++) {
            UNROLL
            for (int j = 0; j < VECTORS; j++) vec_store(&edge[i][j * VEC], acc[i][j]);
        }
        for (int i = 0; i < ROWS; i++)
            for (int j = 0; j < valid; j++) c[i * c_row + j] = (add ? c[i * c_row + j] : real(0)) + edge[i][j];
    }
}

template <int ROWS> DEVICE void tile_rows(real* c, int c_row, int valid, bool single, bool add, const TileOperands& o) {
    // One vector remains only where a vector fills a panel (AVX-512 float) and the number of panels is odd.
    if (VEC == PANEL && single)
        tile_product<ROWS, 1>(c, c_row, valid, add, o);
    else
        tile_product<ROWS, TILE_VECTORS>(c, c_row, valid, add, o);
}

// A block of at most TILE_ROWS rows; fewer rows are split by powers of two.
DEVICE void tile_block(real* c, int c_row, int rows, int valid, bool single, bool add, TileOperands o) {
    if (rows >= TILE_ROWS) {
        tile_rows<TILE_ROWS>(c, c_row, valid, single, add, o);
        return;
    }
    int done = 0;
    if (TILE_ROWS > 8 && (rows & 8)) {
        tile_rows<8>(c, c_row, valid, single, add, o);
        done = 8;
    }
    const real* a = o.a;
    if (rows & 4) {
        o.a = a + done * o.a_row;
        tile_rows<4>(c + done * c_row, c_row, valid, single, add, o);
        done += 4;
    }
    if (rows & 2) {
        o.a = a + done * o.a_row;
        tile_rows<2>(c + done * c_row, c_row, valid, single, add, o);
        done += 2;
    }
    if (rows & 1) {
        o.a = a + done * o.a_row;
        tile_rows<1>(c + done * c_row, c_row, valid, single, add, o);
    }
}
