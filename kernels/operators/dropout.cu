// dropout.cu - y = m x / (1 - p), m = 0 with probability p and 1 otherwise, over x [N, size].
//
// The mask is counted, not kept: element j of sample n is kept where word j % 4 of philox4x32(state[0], stream,
// ((state[1] + first + n) << 24) + j / 4) is p or more; state is the batch's seed and first sample number. A pass that
// is run again draws the same mask, and so do all four passes: the operator is linear, and backward and tangents are
// this kernel on dy, tx, tdy. Writes, or adds with `accumulate`. Launch: Rows(N ceil(size / 4), 4); size <= 2^26.
// Srivastava et al. 2014.
// Trace: dropout_forward gives the four elements of a draw to four lanes of a warp, and the other 28 have nothing to
// do. One lane for the four would store with a stride, and a draw for each element draws four times as often.
#include "include/philox.cuh"

KERNEL dropout_forward(real* __restrict__ y, const real* __restrict__ x, const unsigned long long* __restrict__ state,
                       unsigned long long stream, int samples, int size, int first, accum probability, int accumulate) {
    const int quads = size / 4 + (size % 4 != 0);
    const accum scale = 1 / (1 - probability);
    GRID_ROWS (row, samples * quads) {
        const int n = row / quads, q = row - n * quads;
        const Philox4 w = philox4x32(state[0], stream, ((state[1] + first + n) << 24) + q);
        LANE_LOOP (k, size - 4 * q < 4 ? size - 4 * q : 4) {
            const unsigned bits = k == 0 ? w.x : k == 1 ? w.y : k == 2 ? w.z : w.w;
            const int i = n * size + 4 * q + k;
            const real v = philox_uniform(bits) >= probability ? scale * x[i] : real(0);
            y[i] = accumulate ? y[i] + v : v;
        }
    }
}
