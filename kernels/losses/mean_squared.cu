// mean_squared.cu - squared distance of an output x [N, size] from a target y [N, size] that is constant.
//
//   forward           loss[n] = coefficient w[n] mean_j (x - y)^2       the batch's loss is the mean of loss[n]
//   backward          dx = 2 coefficient w[n] inv_count / size (x - y)                 inv_count = 1 / N
//   backward_tangent  tdx = 2 coefficient w[n] inv_count / size tx
//   totals            totals[0] += sum of loss[n], totals[2] += N, in double, in a fixed order; Blocks(1)
// With w null all rows weigh 1, and the loss is coefficient times the mean over all elements; coefficient < 0 drives
// the output away from the target. All write. Launch: Blocks(N) forward, on a GPU pieces_forward, Blocks(N pieces), so
// that a sample is work for several blocks; LongRows(N, size) the others.
// Trace: mean_squared_totals adds up one number a row in one block, and its result is written by one lane;
// mean_squared_pieces_forward and mean_squared_forward are seen over short rows, of which the block sums behind them
// are a part.
#include "include/index.cuh"
#include "include/reduce.cuh"

KERNEL COOPERATIVE mean_squared_forward(real* __restrict__ loss, const real* __restrict__ x, const real* __restrict__ y,
                                        const real* __restrict__ w, int samples, int size, accum coefficient) {
    BLOCK_ROWS (n, samples) {
        const real *xs = x + n * size, *ys = y + n * size;
        accum sum = 0;
        LANE_LOOP (j, size) {
            const real d = xs[j] - ys[j];
            sum += d * d;
        }
        sum = block_sum(sum);
        if (threadIdx.x == 0) loss[n] = coefficient * (w ? w[n] : real(1)) * (sum / size);
    }
}

// The same, a block to a piece of a row: partial [N, pieces], done int[N], see is_last in reduce.cuh.
KERNEL COOPERATIVE mean_squared_pieces_forward(real* __restrict__ loss, double* __restrict__ partial,
                                               int* __restrict__ done, const real* __restrict__ x,
                                               const real* __restrict__ y, const real* __restrict__ w, int samples,
                                               int size, accum coefficient) {
    const int pieces = row_pieces(size);
    BLOCK_ROWS (item, samples * pieces) {
        const RowPiece p = row_piece(item, size);
        const int first = p.row * size + p.first;
        accum sum = 0;
        LANE_LOOP (j, p.length) {
            const real d = x[first + j] - y[first + j];
            sum += d * d;
        }
        sum = block_sum(sum);
        if (threadIdx.x == 0) partial[item] = sum;
        if (!is_last(done + p.row, pieces)) continue;
        wide whole = 0;
        LANE_LOOP (k, pieces) whole += partial[p.row * pieces + k];
        whole = block_sum(whole);
        if (threadIdx.x == 0) loss[p.row] = coefficient * (w ? w[p.row] : real(1)) * (real)(whole / size);
    }
}

KERNEL mean_squared_backward(real* __restrict__ dx, const real* __restrict__ x, const real* __restrict__ y,
                             const real* __restrict__ w, int samples, int size, accum coefficient, accum inv_count) {
    GRID_ROWS (item, samples * row_pieces(size)) {
        const RowPiece p = row_piece(item, size);
        const accum scale = 2 * coefficient * inv_count / size * (w ? w[p.row] : real(1));
        const int first = p.row * size + p.first;
        LANE_LOOP (j, p.length) dx[first + j] = scale * (x[first + j] - y[first + j]);
    }
}

KERNEL mean_squared_backward_tangent(real* __restrict__ tdx, const real* __restrict__ tx, const real* __restrict__ w,
                                     int samples, int size, accum coefficient, accum inv_count) {
    GRID_ROWS (item, samples * row_pieces(size)) {
        const RowPiece p = row_piece(item, size);
        const accum scale = 2 * coefficient * inv_count / size * (w ? w[p.row] : real(1));
        const int first = p.row * size + p.first;
        LANE_LOOP (j, p.length) tdx[first + j] = scale * tx[first + j];
    }
}

KERNEL COOPERATIVE mean_squared_totals(double* __restrict__ totals, const real* __restrict__ loss, int samples) {
    BLOCK_ROWS (once, 1) {
        wide sum = 0;
        LANE_LOOP (n, samples) sum += loss[n];
        sum = block_sum(sum);
        if (threadIdx.x == 0) {
            totals[0] += sum;
            totals[2] += samples;
        }
    }
}
