// vector.cu - flat vectors: reductions in a fixed order and the few updates that every method needs.
//
// Reductions, x[n], y[n] -> partials[count] (double), see partials.cuh; then
//   vector_finish_sum: out[v] = sum_p partials[v][p]
// for `values` reductions that lie one after another in partials[values][count].
//   vector_square_sum  sum x^2      vector_dot  sum x y      vector_count_nonfinite  number of NaN and infinite
//   elements
// vector_square_total and vector_nonfinite_total do both in one launch: the last block to be done adds up the partials,
// in the order of vector_finish_sum. done: one counter, see is_last in reduce.cuh.
// Launch: Blocks(count); vector_finish_sum Blocks(values). Every kernel writes all of its outputs, none adds to them.
//
// Updates, launch Elements(n):
//   vector_axpy  y = a x + y   (one rounding)      vector_scale  y = a x, y may be x      vector_fill  y = a
//   vector_abs_accumulate  y = y + |x|
// Trace: vector_finish_sum is one block over 512 partials; vector_square_sum, vector_square_total,
// vector_count_nonfinite, vector_nonfinite_total and vector_dot are seen over short chunks, of which the block sums
// behind them, where one lane a warp writes, are a part.
#include "include/packs.cuh"
#include "include/partials.cuh"

// Chunk sums are kept in accum: at 22K elements, split over the threads of a block or the lanes of a machine vector,
// the error of a float sum stays near 1e-7 relative; the sum over chunks, where it would grow, is in double.
DEVICE void square_part(double* partials, const real* x, int n, int p, int count) {
    const Chunk c = chunk_of(n, p, count);
    accum s = 0;
    lane_vectors(
        c.length, [&](const real& xi) { s += xi * xi; }, reads(x + c.begin));
    s = block_sum(s);
    if (threadIdx.x == 0) partials[p] = s;
}

KERNEL COOPERATIVE vector_square_sum(double* __restrict__ partials, const real* __restrict__ x, int n, int count) {
    BLOCK_ROWS (p, count) square_part(partials, x, n, p, count);
}

KERNEL COOPERATIVE vector_dot(double* __restrict__ partials, const real* __restrict__ x, const real* __restrict__ y,
                              int n, int count) {
    BLOCK_ROWS (p, count) {
        const Chunk c = chunk_of(n, p, count);
        accum s = 0;
        lane_vectors(
            c.length, [&](const real& xi, const real& yi) { s += xi * yi; }, reads(x + c.begin), reads(y + c.begin));
        s = block_sum(s);
        if (threadIdx.x == 0) partials[p] = s;
    }
}

DEVICE void nonfinite_part(double* partials, const real* x, int n, int p, int count) {
    const Chunk c = chunk_of(n, p, count);
    int s = 0;
    lane_vectors(
        c.length, [&](const real& xi) { s += real_finite(xi) ? 0 : 1; }, reads(x + c.begin));
    s = block_sum(s);
    if (threadIdx.x == 0) partials[p] = s;
}

KERNEL COOPERATIVE vector_count_nonfinite(double* __restrict__ partials, const real* __restrict__ x, int n, int count) {
    BLOCK_ROWS (p, count) nonfinite_part(partials, x, n, p, count);
}

DEVICE void finish_sum(double* out, const double* partials, int count) {
    wide s = 0;
    LANE_LOOP (i, count) s += partials[i];
    s = block_sum(s);
    if (threadIdx.x == 0) *out = s;
}

KERNEL COOPERATIVE vector_finish_sum(double* __restrict__ out, const double* __restrict__ partials, int count,
                                     int values) {
    BLOCK_ROWS (v, values) finish_sum(out + v, partials + (long long)v * count, count);
}

KERNEL COOPERATIVE vector_square_total(double* __restrict__ out, double* __restrict__ partials, int* __restrict__ done,
                                       const real* __restrict__ x, int n, int count) {
    BLOCK_ROWS (p, count) {
        square_part(partials, x, n, p, count);
        if (is_last(done, count)) finish_sum(out, partials, count);
    }
}

KERNEL COOPERATIVE vector_nonfinite_total(double* __restrict__ out, double* __restrict__ partials,
                                          int* __restrict__ done, const real* __restrict__ x, int n, int count) {
    BLOCK_ROWS (p, count) {
        nonfinite_part(partials, x, n, p, count);
        if (is_last(done, count)) finish_sum(out, partials, count);
    }
}

KERNEL vector_axpy(real* __restrict__ y, const real* __restrict__ x, int n, accum a) {
    grid_vectors(
        n, [=](real& yi, const real& xi) { yi = real_fma(a, xi, yi); }, updates(y), reads(x));
}

KERNEL vector_scale(real* y, const real* x, int n, accum a) {
    grid_vectors(
        n, [=](real& yi, const real& xi) { yi = a * xi; }, writes(y), reads(x));
}

KERNEL vector_fill(real* __restrict__ y, int n, accum a) {
    grid_vectors(
        n, [=](real& yi) { yi = a; }, writes(y));
}

KERNEL vector_abs_accumulate(real* __restrict__ y, const real* __restrict__ x, int n) {
    grid_vectors(
        n, [](real& yi, const real& xi) { yi += real_abs(xi); }, updates(y), reads(x));
}
