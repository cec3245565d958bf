// prelude.cuh - the one file that knows of two targets.
//
// Every kernel includes it first. The same text is compiled by NVRTC (CUDA C++17, no toolkit headers) and by the host
// driver (a C++17 compiler). There are two host builds: LANE (LUR_HOST_LANE = 1: blockDim = 1, warpSize = 1, both
// compile-time constants) for production, and FIBER (LUR_HOST_LANE = 0: every CUDA thread is a fiber) for checks.
//
// Element types, chosen by a define on the command line:
//   LUR_REAL=float  (default)  real = accum = float
//   LUR_REAL=double            real = accum = double, for gradient checks
//   wide is always double: final combination of partial sums, never an inner loop on the GPU.
//
// The lane rule: a kernel is correct for blockDim.x = 1 and for every multiple of 32, for any gridDim, for sizes 1, odd
// and prime. It loops only through the four macros below, never returns before a barrier, and derives no meaning from
// gridDim. One kind of kernel limits gridDim: where each block has a slot of scratch (`scratch`, `scratch_stride`), the
// grid has at most as many blocks as there are slots; its results still do not depend on it.
// Index variables are int: a tensor has fewer than 2^31 elements, which the planner checks. The loops are right up to
// n = 2^31 - 1, a loop's step included.
#pragma once

#ifndef LUR_REAL
#define LUR_REAL float
#endif
using real = LUR_REAL;
using accum = LUR_REAL;
using wide = double;

#if defined(LUR_HOST)
// KERNEL, DEVICE, __shared__, threadIdx and friends come from the host driver's shim, included before this text.
#if LUR_HOST_LANE
// Contiguous chunk per block: the compiler sees a unit-stride loop and vectorises it.
#define GRID_LOOP(i, n)                                                                                                \
    for (int i = (int)((long long)(n)*blockIdx.x / gridDim.x),                                                         \
             i##_end = (int)((long long)(n) * (blockIdx.x + 1) / gridDim.x);                                           \
         i < i##_end; i++)
#define GRID_ROWS(r, n) GRID_LOOP (r, n)
#define BLOCK_ROWS(r, n) GRID_LOOP (r, n)
#define LANE_LOOP(i, n) for (int i = 0; i < (n); i++)
#endif
#else
// Blocks have at most 1024 threads. The bound keeps a thread within the 64 registers that such a block leaves to it, so
// that a kernel can be launched with every block it is correct for.
#define KERNEL extern "C" __global__ __launch_bounds__(1024, 1) void
#define DEVICE __device__ __forceinline__
#define LUR_VECTOR_BYTES 0
#endif

#ifndef GRID_LOOP
// An index moves in 32 unsigned bits: with n < 2^31 and a step of at most 2^31 nothing wraps, where an int overflows on
// the step that leaves the loop. blockIdx and gridDim are int here and unsigned there.
DEVICE int loop_first(long long block, int threads, int thread) {
    const long long first = block * threads + thread;
    return (int)(first < 0x7FFFFFFF ? first : 0x7FFFFFFF);
}
DEVICE unsigned loop_step(long long blocks, int threads) {
    return (unsigned)(blocks * threads < 0x80000000ll ? blocks * threads : 0x80000000ll);
}
DEVICE bool loop_within(int i, int n) { return (unsigned)i < (unsigned)(n > 0 ? n : 0); }
DEVICE int loop_next(int i, unsigned step) { return (int)((unsigned)i + step); }
#define LUR_LOOP(i, n, first, step) for (int i = first; loop_within(i, n); i = loop_next(i, step))
// GRID_LOOP: one element per thread, grid-stride.
#define GRID_LOOP(i, n)                                                                                                \
    LUR_LOOP(i, n, loop_first(blockIdx.x, blockDim.x, threadIdx.x), loop_step(gridDim.x, blockDim.x))
// GRID_ROWS: one row per (block, threadIdx.y); the lanes of a row are walked by LANE_LOOP. No barriers inside.
#define GRID_ROWS(r, n)                                                                                                \
    LUR_LOOP(r, n, loop_first(blockIdx.x, blockDim.y, threadIdx.y), loop_step(gridDim.x, blockDim.y))
// BLOCK_ROWS: one row per block, all of whose threads work on it (blockDim.y = 1); barriers and block_sum are allowed.
#define BLOCK_ROWS(r, n) LUR_LOOP(r, n, (int)blockIdx.x, gridDim.x)
// LANE_LOOP: strided over the threads of one block row, contiguous on the host.
#define LANE_LOOP(i, n) LUR_LOOP(i, n, (int)threadIdx.x, blockDim.x)
#endif

// Marks a kernel that uses a barrier, a shuffle or shared memory: KERNEL COOPERATIVE name(...).
#define COOPERATIVE

// Short vectors of real: one machine vector in the host's lane build (LUR_VECTOR_BYTES wide), a scalar on CUDA, where
// the threads of a warp are the lanes, and in the fiber build, whose checks then see the accesses a GPU makes. VEC is
// the number of elements. load/store need no alignment beyond that of real.
#if LUR_VECTOR_BYTES && LUR_HOST_LANE
typedef real vec __attribute__((vector_size(LUR_VECTOR_BYTES)));
typedef real vec_unaligned __attribute__((vector_size(LUR_VECTOR_BYTES), aligned(sizeof(real)), may_alias));
#define VEC ((int)(LUR_VECTOR_BYTES / sizeof(real)))
DEVICE vec vec_load(const real* p) { return *(const vec_unaligned*)p; }
DEVICE void vec_store(real* p, vec v) { *(vec_unaligned*)p = v; }
#else
typedef real vec;
#define VEC 1
DEVICE vec vec_load(const real* p) { return *p; }
DEVICE void vec_store(real* p, vec v) { *p = v; }
#endif

// Math. On the host the float versions are branch-free so that loops over them vectorise (libm's expf is a call).
#if defined(LUR_HOST)
DEVICE float real_exp(float x) { return host_expf(x); }
DEVICE double real_exp(double x) { return host_exp(x); }
DEVICE float real_log(float x) { return host_logf(x); }
DEVICE double real_log(double x) { return host_log(x); }
DEVICE float real_sqrt(float x) { return __builtin_sqrtf(x); }
DEVICE double real_sqrt(double x) { return __builtin_sqrt(x); }
DEVICE float real_fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
DEVICE double real_fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
DEVICE float real_abs(float x) { return __builtin_fabsf(x); }
DEVICE double real_abs(double x) { return __builtin_fabs(x); }
DEVICE float real_erfc(float x) { return host_erfcf(x); }
DEVICE double real_erfc(double x) { return __builtin_erfc(x); }
DEVICE float real_cos(float x) { return __builtin_cosf(x); }
DEVICE double real_cos(double x) { return __builtin_cos(x); }
DEVICE float real_sin(float x) { return __builtin_sinf(x); }
DEVICE double real_sin(double x) { return __builtin_sin(x); }
#else
DEVICE float real_exp(float x) { return expf(x); }
DEVICE double real_exp(double x) { return exp(x); }
DEVICE float real_log(float x) { return logf(x); }
DEVICE double real_log(double x) { return log(x); }
DEVICE float real_sqrt(float x) { return sqrtf(x); }
DEVICE double real_sqrt(double x) { return sqrt(x); }
DEVICE float real_fma(float a, float b, float c) { return fmaf(a, b, c); }
DEVICE double real_fma(double a, double b, double c) { return fma(a, b, c); }
DEVICE float real_abs(float x) { return fabsf(x); }
DEVICE double real_abs(double x) { return fabs(x); }
DEVICE float real_erfc(float x) { return erfcf(x); }
DEVICE double real_erfc(double x) { return erfc(x); }
DEVICE float real_cos(float x) { return cosf(x); }
DEVICE double real_cos(double x) { return cos(x); }
DEVICE float real_sin(float x) { return sinf(x); }
DEVICE double real_sin(double x) { return sin(x); }
#endif
// A comparison, not fmaxf: NaN in the second operand is kept, and the host compiler vectorises it.
template <class T> DEVICE T real_max(T a, T b) { return a > b ? a : b; }
template <class T> DEVICE T real_min(T a, T b) { return a < b ? a : b; }
