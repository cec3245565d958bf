// widen.cu - weights that are kept in two bytes, as the step reads them: every value is one of real's, so nothing is
// rounded.
//
// widen_float16:  x[n] IEEE 754 binary16 -> y[n] real, subnormals and the sign of zero included.
// widen_bfloat16: x[n] the upper half of a float32 -> y[n] real.
//
// Neither knows infinity or NaN: files with them are refused. Launch: Elements(n). Writes.
#include "include/partials.cuh"

// m 2^-24 below the normal numbers, else 5 bits of exponent and 10 of fraction moved to where float has them. A select
// and no branch.
DEVICE float float16_value(int h) {
    const int m = h & 0x7fff;
    const float small = (float)m * 5.9604644775390625e-8f, normal = value_of((m << 13) + (112 << 23));
    const float v = m < 0x400 ? small : normal;
    return h & 0x8000 ? -v : v;
}

KERNEL widen_float16(real* __restrict__ y, const short* __restrict__ x, int n) {
    GRID_LOOP (i, n) y[i] = float16_value(x[i]);
}

KERNEL widen_bfloat16(real* __restrict__ y, const short* __restrict__ x, int n) {
    GRID_LOOP (i, n) y[i] = value_of((int)((unsigned)x[i] << 16));
}
