// rounding.cu - numbers as tensor cores take them, in the width of real: the convolutions that are made of other
// instructions then multiply the same factors.
//
//   vector_round_bf16  y = x with 7 bits behind the point, ties to even
//   vector_round_tf32  y = x with 10 bits behind the point, ties away from zero
//
// Launch: Elements(n). Both write.
#include "include/rounding.cuh"

KERNEL vector_round_bf16(real* __restrict__ y, const real* __restrict__ x, int n) {
    GRID_LOOP (i, n) y[i] = (real)__uint_as_float((unsigned)round_bf16((float)x[i]) << 16);
}

KERNEL vector_round_tf32(real* __restrict__ y, const real* __restrict__ x, int n) {
    GRID_LOOP (i, n) y[i] = (real)__uint_as_float(round_tf32((float)x[i]));
}
