// softmax_ce.cu - softmax cross-entropy over logits z [n, classes], and the losses of unlearning that derive from it.
//
// Per row, p = softmax(z), label y, target q = (1 - smoothing) onehot(y) + smoothing / classes:
//   CE = -sum_j q_j log p_j;   loss = coefficient min(CE, cap)   (cap <= 0: no cap);   active = no cap or CE < cap
// The loss of the batch is inv_count sum(loss). Rows with y < 0 are ignored: loss 0, gradient 0; inv_count is given so
// that they may be left out of the mean. Labels are below classes: the caller checks. With the parameters:
//   cross-entropy               coefficient 1              random label    coefficient 1, drawn labels
//   negative cross-entropy      coefficient -1             bounded         coefficient -1, cap = log classes + margin
//   KL(uniform || p)            smoothing 1; KL = CE - log classes, the gradient is the same
// Passes (active rows; 0 in all others):
//   forward           loss; predicted = argmax z, ties to the first; probability = p_y (0 where y < 0)
//   backward          dz = coefficient inv_count (p - q)
//   backward_tangent  tdz = coefficient inv_count p (tz - sum_j p_j tz_j)
// A NaN logit makes loss and gradient of its row NaN. The hinge has no second derivative at CE = cap; 0 is taken.
// Launch: Blocks(n), one row per block. Writes; dz may be z, tdz may be tz.
// Trace: softmax_ce_forward, softmax_ce_backward and softmax_ce_backward_tangent give a warp to a row, and a row has as
// many logits as classes: ten of 32 lanes are active. Their memory is a few kilobytes.
#include "include/prelude.cuh"
#include "include/reduce.cuh"

struct Row {
    accum max, scale; // p_j = scale exp(z_j - max); not exp(z_j - max - log sum), which -fassociative-math would merge
    accum ce;
    bool active;
    DEVICE accum probability(real z) const { return scale * real_exp(z - max); }
};

DEVICE accum row_max(const real* z, int classes) {
    accum m = MaxOp::identity<accum>();
    LANE_LOOP (j, classes) m = real_max<accum>(z[j], m);
    return block_max(m);
}

DEVICE Row row_of(const real* z, int label, int classes, accum smoothing, accum cap) {
    const accum max = row_max(z, classes);
    accum s = 0, total = 0;
    LANE_LOOP (j, classes) {
        s += real_exp(z[j] - max);
        total += z[j] - max;
    }
    s = block_sum(s);
    total = block_sum(total);
    const accum own = label < 0 ? accum(0) : z[label] - max;
    const accum ce = real_log(s) - (1 - smoothing) * own - (smoothing == 0 ? accum(0) : smoothing * total / classes);
    // Not (ce < cap): a NaN must reach the gradient.
    return {max, 1 / s, ce, label >= 0 && !(cap > 0 && ce >= cap)};
}

DEVICE accum target(int j, int label, int classes, accum smoothing) {
    return (j == label ? 1 - smoothing : accum(0)) + smoothing / classes;
}

KERNEL COOPERATIVE softmax_ce_forward(real* __restrict__ loss, int* __restrict__ predicted,
                                      real* __restrict__ probability, const real* __restrict__ z,
                                      const int* __restrict__ labels, int n, int classes, real coefficient,
                                      real smoothing, real cap) {
    BLOCK_ROWS (r, n) {
        const real* zr = z + r * classes;
        const int label = labels[r];
        const Row row = row_of(zr, label, classes, smoothing, cap);
        // The first of the largest, as the largest distance from the end; a row of NaN has none and gives 0.
        accum rank = 0;
        LANE_LOOP (j, classes) rank = real_max<accum>(zr[j] == row.max ? classes - j : 0, rank);
        rank = block_max(rank);
        if (threadIdx.x == 0) {
            loss[r] = label < 0 ? real(0) : coefficient * (row.active ? row.ce : cap);
            predicted[r] = rank > 0 ? classes - (int)rank : 0;
            probability[r] = label < 0 ? real(0) : row.probability(zr[label]);
        }
    }
}

KERNEL COOPERATIVE softmax_ce_backward(real* dz, const real* z, const int* __restrict__ labels, int n, int classes,
                                       real coefficient, real smoothing, real cap, real inv_count) {
    BLOCK_ROWS (r, n) {
        const real* zr = z + r * classes;
        real* out = dz + r * classes;
        const int label = labels[r];
        const Row row = row_of(zr, label, classes, smoothing, cap);
        __syncthreads(); // every thread has read z[label], which dz may overwrite
        const accum scale = coefficient * inv_count;
        LANE_LOOP (j, classes)
            out[j] = row.active ? scale * (row.probability(zr[j]) - target(j, label, classes, smoothing)) : real(0);
    }
}

KERNEL COOPERATIVE softmax_ce_backward_tangent(real* tdz, const real* tz, const real* __restrict__ z,
                                               const int* __restrict__ labels, int n, int classes, real coefficient,
                                               real smoothing, real cap, real inv_count) {
    BLOCK_ROWS (r, n) {
        const real *zr = z + r * classes, *tzr = tz + r * classes;
        real* out = tdz + r * classes;
        const Row row = row_of(zr, labels[r], classes, smoothing, cap);
        accum mean = 0;
        LANE_LOOP (j, classes) mean += row.probability(zr[j]) * tzr[j];
        mean = block_sum(mean);
        const accum scale = coefficient * inv_count;
        LANE_LOOP (j, classes) out[j] = row.active ? scale * row.probability(zr[j]) * (tzr[j] - mean) : real(0);
    }
}
