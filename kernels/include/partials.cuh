// partials.cuh - two-stage reductions over flat vectors in a fixed order.
//
// Stage 1 (any kernel with `partials` and `count` parameters): part p of `count` covers one contiguous chunk of the
// vector, and one block turns it into one value. Stage 2 (vector_finish_sum) folds the `count`
// values in double. The bits depend on n, count and the block size, never on the grid: `count` is the caller's choice
// (512 keeps 132 multiprocessors busy and leaves a float chunk of an 11M-element vector 22K elements long).
#pragma once
#include "include/reduce.cuh"

struct Chunk {
    int begin, length;
};
// Chunks begin at multiples of 64 elements, so that the first load of a block is a whole cache line.
DEVICE Chunk chunk_of(int n, int part, int count) {
    const long long units = ((long long)n + 63) / 64;
    const int begin = (int)(units * part / count) * 64;
    const long long end = units * (part + 1) / count * 64;
    return {begin, (int)(end < n ? end : n) - begin};
}

// Bit patterns through a union: NVRTC and the host compilers agree on it, and neither needs a header. Bits are the
// signed integers of the element's size.
union FloatBits {
    float value;
    int bits;
};
union DoubleBits {
    double value;
    long long bits;
};
DEVICE int bits_of(float x) {
    FloatBits b;
    b.value = x;
    return b.bits;
}
DEVICE long long bits_of(double x) {
    DoubleBits b;
    b.value = x;
    return b.bits;
}
DEVICE float value_of(int bits) {
    FloatBits b;
    b.bits = bits;
    return b.value;
}
DEVICE double value_of(long long bits) {
    DoubleBits b;
    b.bits = bits;
    return b.value;
}

// The host build keeps NaN and Inf but reassociates, so x - x != 0 is not a safe test; a comparison is.
DEVICE bool real_finite(float x) { return real_abs(x) <= 3.402823466e38f; }
DEVICE bool real_finite(double x) { return real_abs(x) <= 1.7976931348623157e308; }
