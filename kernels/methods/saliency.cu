// saliency.cu - the weight mask of SalUn: the entries whose gradient of the forget loss is largest may move.
//
//   saliency_tally  counts[0][count] = entries of a chunk above tau, counts[1][count] = entries equal to tau
//   saliency_mask   mask[i] = 1 for the `keep` largest entries of x[n], else 0; ties at tau go to the lower indices
//   saliency_gate   g = mask ? g : 0
//   saliency_moved  number of entries with mask 0 whose bits differ between theta and anchor
// tau[0]: the keep-th largest value of x, found by trim_select_* as the (n - keep + 1)-th smallest; x holds no NaN.
// Exactly `keep` ones are written whatever ties there are, on every device.
// saliency_tally, saliency_mask, saliency_moved: launch Blocks(count). saliency_gate: launch Elements(n).
// Reference: Fan et al., "SalUn", ICLR 2024, whose code ranks all parameters jointly.
#include "include/partials.cuh"

KERNEL COOPERATIVE saliency_tally(int* __restrict__ counts, const real* __restrict__ x, const double* __restrict__ tau,
                                  int n, int count) {
    const real threshold = (real)tau[0];
    BLOCK_ROWS (p, count) {
        const Chunk c = chunk_of(n, p, count);
        const real* xs = x + c.begin;
        int above = 0, equal = 0;
        LANE_LOOP (i, c.length) {
            above += xs[i] > threshold;
            equal += xs[i] == threshold;
        }
        above = block_sum(above);
        equal = block_sum(equal);
        if (threadIdx.x == 0) counts[p] = above, counts[count + p] = equal;
    }
}

// The ties of a chunk are all in, all out, or, in the one chunk where the last place is given away, divided by index:
// one thread walks that chunk.
KERNEL COOPERATIVE saliency_mask(unsigned char* __restrict__ mask, const int* __restrict__ counts,
                                 const real* __restrict__ x, const double* __restrict__ tau, int n, int count,
                                 int keep) {
    const real threshold = (real)tau[0];
    BLOCK_ROWS (p, count) {
        int above = 0, before = 0;
        LANE_LOOP (q, count) {
            above += counts[q];
            before += q < p ? counts[count + q] : 0;
        }
        above = block_sum(above);
        before = block_sum(before);
        const int places = keep - above - before; // what is left for the ties of this chunk
        const bool all = places >= counts[count + p];
        const Chunk c = chunk_of(n, p, count);
        const real* xs = x + c.begin;
        unsigned char* ms = mask + c.begin;
        if (all || places <= 0) {
            LANE_LOOP (i, c.length) ms[i] = xs[i] > threshold || (all && xs[i] == threshold);
        } else {
            LANE_LOOP (i, c.length) {
                if (xs[i] != threshold) ms[i] = xs[i] > threshold;
            }
            if (threadIdx.x == 0) {
                int left = places;
                for (int i = 0; i < c.length; i++) {
                    if (xs[i] == threshold) ms[i] = left > 0, left--;
                }
            }
        }
    }
}

KERNEL saliency_gate(real* __restrict__ g, const unsigned char* __restrict__ mask, int n) {
    GRID_LOOP (i, n) g[i] = mask[i] != 0 ? g[i] : (real)0;
}

// partials[count].
KERNEL COOPERATIVE saliency_moved(double* __restrict__ partials, const real* __restrict__ theta,
                                  const real* __restrict__ anchor, const unsigned char* __restrict__ mask, int n,
                                  int count) {
    BLOCK_ROWS (p, count) {
        const Chunk c = chunk_of(n, p, count);
        const real *ts = theta + c.begin, *as = anchor + c.begin;
        const unsigned char* ms = mask + c.begin;
        int moved = 0;
        LANE_LOOP (i, c.length) moved += ms[i] == 0 && bits_of(ts[i]) != bits_of(as[i]);
        moved = block_sum(moved);
        if (threadIdx.x == 0) partials[p] = moved;
    }
}
