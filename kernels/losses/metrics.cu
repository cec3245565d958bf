// metrics.cu - totals of a batch from the per-row results of softmax_ce_forward.
//
//   metrics_accumulate   totals[0] += sum of loss[r] over rows with label >= 0     totals[1] += number of those with
//                        predicted == label                                        totals[2] += number of those
// In double, in a fixed order. A run clears totals, adds batch after batch and reads once. Launch: Blocks(1).
// Trace: metrics_accumulate adds up one number a row in one block, and its results are written by one lane.
#include "include/prelude.cuh"
#include "include/reduce.cuh"

KERNEL COOPERATIVE metrics_accumulate(double* __restrict__ totals, const real* __restrict__ loss,
                                      const int* __restrict__ predicted, const int* __restrict__ labels, int n) {
    BLOCK_ROWS (once, 1) {
        wide sum = 0, correct = 0, count = 0;
        LANE_LOOP (r, n) {
            const bool counts = labels[r] >= 0;
            sum += counts ? loss[r] : real(0);
            correct += counts && predicted[r] == labels[r];
            count += counts;
        }
        sum = block_sum(sum);
        correct = block_sum(correct);
        count = block_sum(count);
        if (threadIdx.x == 0) {
            totals[0] += sum;
            totals[1] += correct;
            totals[2] += count;
        }
    }
}
