// trim.cu - stage 1 of LUR and ScissorHands: re-initialise the weights that the forget data depends on most.
//
//   trim_saliency   s = |g theta|, g the accumulated |gradient| of the forget loss (vector_abs_accumulate)
//   trim_select_*   tau = k-th smallest of x[n], k from 1, by radix selection on the device
//   trim_reset      theta[i] = U(-bound, bound) where s[i] > tau, for i in [begin, end); 0 when bound = 0 (biases)
// Reference: Lee, Ajanthan, Torr 2019 (SNIP); ScissorHands (Wu, Harandi 2024).
//
// Selection. Floats are mapped to unsigned keys of the same order (negative: all bits flipped, else the sign bit; a
// NaN sorts by its sign beyond the infinities). Two bits at a time, from the top: count the four digits among the keys
// that share the prefix found so far, take the digit that holds the k-th key, go on within it. The result is exact and
// needs no order of summation. Order of launches: trim_select_begin; then for shift = 8 sizeof(real) - 2, ..., 4, 2, 0
// trim_select_count and trim_select_digit; then trim_select_end.
// Two bits, because three counters stay in registers and the loop vectorises where a block is one thread: g++ 12 leaves
// sixteen counters (half the passes) in an array, and a 256-bin histogram (a quarter) needs shared-memory atomics.
#include "include/partials.cuh"
#include "include/philox.cuh"

// Launch Elements(n).
KERNEL trim_saliency(real* s, const real* g, const real* theta, int n) {
    GRID_LOOP (i, n) s[i] = real_abs(g[i] * theta[i]);
}

DEVICE unsigned trim_key(float x) {
    const int b = bits_of(x);
    return (unsigned)(b < 0 ? ~b : b ^ (int)0x80000000u);
}
DEVICE unsigned long long trim_key(double x) {
    const long long b = bits_of(x);
    return (unsigned long long)(b < 0 ? ~b : b ^ (long long)0x8000000000000000ull);
}
DEVICE float trim_value(unsigned key) { return value_of((int)(key ^ ((key >> 31) != 0 ? 0x80000000u : 0xFFFFFFFFu))); }
DEVICE double trim_value(unsigned long long key) {
    return value_of((long long)(key ^ ((key >> 63) != 0 ? 0x8000000000000000ull : 0xFFFFFFFFFFFFFFFFull)));
}
using Key = decltype(trim_key(real()));

// state[2]: the prefix found so far (its digits at their place, the rest 0) and how many keys of the prefix precede
// and include the one sought. Launch Elements(1).
KERNEL trim_select_begin(unsigned long long* state, int k) {
    GRID_LOOP (i, 1) {
        state[0] = 0;
        state[1] = (unsigned long long)k;
    }
}

// counts[3][count]. Launch Blocks(count).
KERNEL COOPERATIVE trim_select_count(int* __restrict__ counts, const real* __restrict__ x,
                                     const unsigned long long* __restrict__ state, int n, int count, int shift) {
    const Key prefix = (Key)(state[0] >> shift); // its last digit is 0
    BLOCK_ROWS (p, count) {
        const Chunk c = chunk_of(n, p, count);
        const real* xs = x + c.begin;
        int n0 = 0, n1 = 0, n2 = 0; // what is none of these is 3
        LANE_LOOP (i, c.length) {
            const Key digit = (trim_key(xs[i]) >> shift) - prefix; // below 4 exactly when the prefix agrees
            n0 += digit == 0;
            n1 += digit == 1;
            n2 += digit == 2;
        }
        n0 = block_sum(n0);
        n1 = block_sum(n1);
        n2 = block_sum(n2);
        if (threadIdx.x == 0) {
            counts[p] = n0;
            counts[count + p] = n1;
            counts[2 * count + p] = n2;
        }
    }
}

// Launch Blocks(1).
KERNEL COOPERATIVE trim_select_digit(unsigned long long* __restrict__ state, const int* __restrict__ counts, int count,
                                     int shift) {
    BLOCK_ROWS (r, 1) {
        unsigned long long left = state[1];
        int digit = 3;
        for (int d = 0; d < 3; d++) {
            const int* cs = counts + (long long)d * count;
            int s = 0;
            LANE_LOOP (i, count) s += cs[i];
            s = block_sum(s);
            if (digit == 3 && left <= (unsigned long long)s) digit = d;
            if (digit == 3) left -= (unsigned long long)s;
        }
        if (threadIdx.x == 0) {
            state[r] |= (unsigned long long)digit << shift;
            state[r + 1] = left;
        }
    }
}

// Launch Elements(1).
KERNEL trim_select_end(double* value, const unsigned long long* state) {
    GRID_LOOP (i, 1) value[i] = (double)trim_value((Key)state[i]);
}

// Element i - begin of (seed, stream), as random_uniform draws it: a tensor's new values depend on its name (the
// stream) and not on where it lies in the flat vector. partials[count]: number of entries reset. Launch Blocks(count).
KERNEL COOPERATIVE trim_reset(real* __restrict__ theta, double* __restrict__ partials, const real* __restrict__ s,
                              const double* __restrict__ tau, int begin, int end, int count, unsigned long long seed,
                              unsigned long long stream, accum bound) {
    const double threshold = tau[0];
    BLOCK_ROWS (p, count) {
        const Chunk c = chunk_of(end - begin, p, count);
        int reset = 0;
        LANE_LOOP (j, c.length) {
            const int e = c.begin + j, i = begin + e;
            if (!((double)s[i] > threshold)) continue;
            const Philox4 w = philox4x32(seed, stream, (unsigned long long)(e / 4));
            const unsigned word =
                e % 4 < 2 ? (e % 4 == 0 ? w.x : w.y) : (e % 4 == 2 ? w.z : w.w); // no array: registers
            theta[i] = real_fma(2 * bound, (real)philox_uniform(word), -bound);
            reset++;
        }
        reset = block_sum(reset);
        if (threadIdx.x == 0) partials[p] = reset;
    }
}
