// mean_squared.cu - squared distance of an output x [N, size] from a target y [N, size] that is constant.
//
//   forward           loss[n] = coefficient w[n] mean_j (x - y)^2       the batch's loss is the mean of loss[n]
//   backward          dx = 2 coefficient w[n] inv_count / size (x - y)                 inv_count = 1 / N
//   backward_tangent  tdx = 2 coefficient w[n] inv_count / size tx
//   totals            totals[0] += sum of loss[n], totals[2] += N, in double, in a fixed order; Blocks(1)
// With w null all rows weigh 1, and the loss is coefficient times the mean over all elements; coefficient < 0 drives
// the output away from the target. Launch: Blocks(N) forward, Rows(N, size) the others. All write.
// Trace: mean_squared_totals adds up one number a row in one block, and its result is written by one lane.
#include "include/prelude.cuh"
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

KERNEL mean_squared_backward(real* __restrict__ dx, const real* __restrict__ x, const real* __restrict__ y,
                             const real* __restrict__ w, int samples, int size, accum coefficient, accum inv_count) {
    GRID_ROWS (n, samples) {
        const accum scale = 2 * coefficient * inv_count / size * (w ? w[n] : real(1));
        LANE_LOOP (j, size) dx[n * size + j] = scale * (x[n * size + j] - y[n * size + j]);
    }
}

KERNEL mean_squared_backward_tangent(real* __restrict__ tdx, const real* __restrict__ tx, const real* __restrict__ w,
                                     int samples, int size, accum coefficient, accum inv_count) {
    GRID_ROWS (n, samples) {
        const accum scale = 2 * coefficient * inv_count / size * (w ? w[n] : real(1));
        LANE_LOOP (j, size) tdx[n * size + j] = scale * tx[n * size + j];
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
