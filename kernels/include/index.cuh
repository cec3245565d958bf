// index.cuh - index arithmetic shared by kernels. Memory layout is NHWC for activations and KRSC for filters.
#pragma once
#include "include/prelude.cuh"

// Splits a row number over (n, h, w) without a division per element: callers divide once per row.
struct Position {
    int n, h, w;
};
DEVICE Position split_position(int row, int H, int W) {
    const int w = row % W, t = row / W;
    return {t / H, t % H, w};
}

// Rows so long that one is work for several blocks, in pieces: item = row row_pieces(length) + piece. LongRows in C#
// sizes the grid by it.
#define ROW_PIECE 512
struct RowPiece {
    int row, first, length;
};
DEVICE int row_pieces(int length) { return length / ROW_PIECE + (length % ROW_PIECE != 0); }
DEVICE RowPiece row_piece(int item, int length) {
    const int pieces = row_pieces(length), row = item / pieces, first = (item - row * pieces) * ROW_PIECE;
    return {row, first, length - first < ROW_PIECE ? length - first : ROW_PIECE};
}
