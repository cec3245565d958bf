// kernels.h - kernels of the tests, one text for every case so that it is compiled once a process and mode.
#pragma once

namespace test {

inline const char* const kernelText = R"lur(
#include "include/prelude.cuh"
#include "include/reduce.cuh"

KERNEL add(real* y, const real* x, real a, int n) { GRID_LOOP(i, n) y[i] += a * x[i]; }
KERNEL scale(int* y, int factor, int n) { GRID_LOOP(i, n) y[i] = y[i] * factor + 1; }

// Every thread marks its own place: block and thread coordinates, sizes included.
KERNEL mark(int* count, int* sizes) {
    const int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    const int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    atomicAdd(&count[block * (blockDim.x * blockDim.y * blockDim.z) + thread], 1);
    if (block == 0 && thread == 0) {
        sizes[0] = gridDim.x; sizes[1] = gridDim.y; sizes[2] = gridDim.z;
        sizes[3] = blockDim.x; sizes[4] = blockDim.y; sizes[5] = blockDim.z;
    }
}

// out[kind][argument][thread]
KERNEL COOPERATIVE shuffles(int* out, int width) {
    const int t = threadIdx.x, n = blockDim.x;
    for (int a = 0; a < 32; a++) {
        out[(0 * 32 + a) * n + t] = __shfl_sync(0xffffffffu, t, a, width);
        out[(1 * 32 + a) * n + t] = __shfl_xor_sync(0xffffffffu, t, a, width);
        out[(2 * 32 + a) * n + t] = __shfl_up_sync(0xffffffffu, t, a, width);
        out[(3 * 32 + a) * n + t] = __shfl_down_sync(0xffffffffu, t, a, width);
    }
}
KERNEL COOPERATIVE shuffle_double(double* out) {
    out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, threadIdx.x * 1.25, 1);
}
KERNEL COOPERATIVE votes(unsigned* out) {
    const unsigned t = threadIdx.x;
    out[t * 4 + 0] = __ballot_sync(0xffffffffu, t % 3 == 0);
    out[t * 4 + 1] = (unsigned)__any_sync(0xffffffffu, t == 5);
    out[t * 4 + 2] = (unsigned)__all_sync(0xffffffffu, t != 5);
    // Halves of a warp exchange on their own, an odd number of times in one of them.
    unsigned v = t;
    if (t % 32 < 16) {
        v = __shfl_xor_sync(0x0000ffffu, v, 1);
        v = __shfl_xor_sync(0x0000ffffu, v, 2);
        __syncwarp(0x0000ffffu);
    } else {
        v = __shfl_xor_sync(0xffff0000u, v, 1);
    }
    __syncwarp();
    out[t * 4 + 3] = __shfl_xor_sync(0xffffffffu, v, 16);
}
KERNEL COOPERATIVE row_sums(real* y, const real* x, int rows, int n) {
    BLOCK_ROWS(r, rows) {
        real s = 0;
        LANE_LOOP(i, n) s += x[r * n + i];
        s = block_sum(s);
        const real largest = block_max(s);
        if (threadIdx.x == 0) y[r] = s + (largest - s);
    }
}
KERNEL COOPERATIVE reverse(int* x, int n) {
    extern __shared__ int copy[];
    LANE_LOOP(i, n) copy[i] = x[i];
    __syncthreads();
    LANE_LOOP(i, n) x[i] = copy[n - 1 - i];
}
KERNEL atomics(int* counters, float* sums, double* wide, unsigned long long* big, int n) {
    GRID_LOOP(i, n) {
        atomicAdd(&counters[0], 1);
        atomicMax(&counters[1], i);
        atomicMin(&counters[2], -i);
        atomicOr(&counters[3], 1 << (i & 7));
        atomicAdd(sums, 1.0f);
        atomicAdd(wide, 0.5);
        atomicAdd(big, 1ull << 33);
        atomicCAS(&counters[4], i, -1);
    }
}
KERNEL structure(float* out, float4 v, dim3 d, double x, short s, char c) {
    if (threadIdx.x == 0) { out[0] = v.x; out[1] = v.w; out[2] = (float)d.z; out[3] = (float)x; out[4] = s; out[5] = c; }
}
KERNEL nothing() {}
extern "C" __global__ void __launch_bounds__(256) plain(int n, const int* __restrict__ x, int* __restrict__ y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = 2 * x[i];
}

// Faults. The lines of the divergent ones are named in check_tests.cpp.
KERNEL past_end(real* y, const real* x, int n) { GRID_LOOP(i, n) y[i] = i == 70 ? x[n] : x[i]; }
KERNEL before_start(real* y, int n) { GRID_LOOP(i, n) y[i - 1] = 1; }
KERNEL write_past(real* y, int n, int at) { GRID_LOOP(i, n) if (i == at) y[n + 3] = 1; }
KERNEL read_one(real* y, const real* x) { if (threadIdx.x == 0 && blockIdx.x == 0) y[0] = x[0]; }
KERNEL far_away(real* y) { if (threadIdx.x == 0) *(volatile int*)0xdead00000000beefull = 1; y[0] = 1; }
KERNEL COOPERATIVE uninitialised_shared(real* y) {
    __shared__ real part[64];
    if (threadIdx.x == 0) part[0] = 1;
    __syncthreads();
    y[blockIdx.x] = part[0] + part[(int)blockDim.x > 1 ? 1 : 2];
}
__noinline__ int recurse(int n) {
    volatile int room[2048]; // written before and read after: not a loop in disguise
    room[n & 2047] = n;
    const int deeper = n ? recurse(n - 1) : 0;
    return deeper + room[n & 1023];
}
KERNEL stack_overflow(int* y, int n) { y[0] = recurse(n); }

KERNEL COOPERATIVE missing_barrier(int* y) {
    __shared__ int part[1024];
    part[threadIdx.x] = threadIdx.x;
    y[threadIdx.x] = part[blockDim.x - 1 - threadIdx.x];
}
KERNEL COOPERATIVE with_barrier(int* y) {
    __shared__ int part[1024];
    part[threadIdx.x] = threadIdx.x;
    __syncthreads();
    y[threadIdx.x] = part[blockDim.x - 1 - threadIdx.x];
}
KERNEL COOPERATIVE missing_second_barrier(int* y, int rounds) {
    __shared__ int part[1024];
    int s = 0;
    for (int r = 0; r < rounds; r++) {
        part[threadIdx.x] = r * 1000 + threadIdx.x;
        __syncthreads();
        s += part[blockDim.x - 1 - threadIdx.x] * (r + 1);
    }
    y[threadIdx.x] = s;
}
KERNEL COOPERATIVE missing_syncwarp(int* y) {
    __shared__ int part[32];
    part[threadIdx.x] = threadIdx.x;
    y[threadIdx.x] = part[(threadIdx.x + 1) & 31];
}
KERNEL cross_block(int* y) { if (threadIdx.x == 0) y[0] = y[0] * 3 + blockIdx.x; }
KERNEL float_atomics(float* y, const float* x, int n) { GRID_LOOP(i, n) atomicAdd(y, x[i]); }
KERNEL int_atomics(int* y, const int* x, int n) { GRID_LOOP(i, n) atomicAdd(y, x[i]); }
KERNEL through_table(real** table) { if (threadIdx.x == 0) table[0][0] = table[0][0] * 2 + blockIdx.x; }

KERNEL COOPERATIVE early_return(int* y) {
    if (threadIdx.x == 3) return;
#line 1000
    __syncthreads();
    y[threadIdx.x] = 1;
}
KERNEL COOPERATIVE two_barriers(int* y) {
    if (threadIdx.x < 5)
#line 1100
        __syncthreads();
    else
#line 1200
        __syncthreads();
    y[threadIdx.x] = 1;
}
KERNEL COOPERATIVE half_barrier(int* y) {
    y[threadIdx.x] = 0;
    if (threadIdx.x >= 32) {
#line 1300
        __syncthreads();
    }
}
KERNEL COOPERATIVE half_shuffle(int* y) {
    if (threadIdx.x != 7)
#line 1400
        y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, (int)threadIdx.x, 1);
    else
        __syncthreads();
}
KERNEL COOPERATIVE foreign_mask(int* y) {
#line 1500
    y[threadIdx.x] = __shfl_xor_sync(0x0000ffffu, (int)threadIdx.x, 1);
}
KERNEL COOPERATIVE returned_lane(float* y) {
    if (threadIdx.x == 1) return;
    y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, (float)threadIdx.x, 1);
}
KERNEL COOPERATIVE shared_overrun(int* y, int n) {
    __shared__ int part[64];
    part[threadIdx.x + n] = 1;
    __syncthreads();
    y[threadIdx.x] = part[threadIdx.x];
}
)lur";

} // namespace test
