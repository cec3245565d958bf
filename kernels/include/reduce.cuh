// reduce.cuh - block-wide results in a fixed order.
//
// Every thread of the block calls them, also those with nothing to add; every thread gets the result. Correct for
// blockDim.x = 1 (warpSize = 1 on the host's lane build, where they fold to the identity) and every multiple of
// warpSize up to 32 warps; blockDim.y = 1. Two barriers each: calls may follow one another directly.
#pragma once
#include "include/prelude.cuh"

struct SumOp {
    template <class T> DEVICE static T apply(T a, T b) { return a + b; }
    template <class T> DEVICE static T identity() { return T(0); }
};
struct MaxOp {
    template <class T> DEVICE static T apply(T a, T b) { return a > b ? a : b; }
    template <class T> DEVICE static T identity() { return T(-3.402823466e38); }
};

template <class Op, class T> DEVICE T warp_reduce(T v) {
    // A block of one thread on a machine with wider warps has no other lanes to read from.
    const int lanes = (int)blockDim.x < warpSize ? (int)blockDim.x : warpSize;
    for (int o = lanes / 2; o > 0; o >>= 1) v = Op::apply(v, __shfl_xor_sync(0xffffffffu, v, o));
    return v;
}

template <class Op, class T> DEVICE T block_reduce(T v) {
    __shared__ T part[32];
    const int lane = (int)threadIdx.x % warpSize, warp = (int)threadIdx.x / warpSize;
    v = warp_reduce<Op>(v);
    if ((int)blockDim.x <= warpSize) return v;
    __syncthreads(); // the previous call's readers are done with part
    if (lane == 0) part[warp] = v;
    __syncthreads();
    v = lane < (int)blockDim.x / warpSize ? part[lane] : Op::template identity<T>();
    return warp_reduce<Op>(v);
}

template <class T> DEVICE T block_sum(T v) { return block_reduce<SumOp>(v); }
template <class T> DEVICE T block_max(T v) { return block_reduce<MaxOp>(v); }

// Whether this block is the last of `all` that come by here; what the others wrote before is then seen. All threads
// call it, with results of the block written by any of them. `done` is zero before and after a launch; which block is
// the last is chance, so that what it does must not depend on it.
DEVICE bool is_last(int* done, int all) {
    __shared__ int last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        last = atomicAdd(done, 1) == all - 1;
        if (last) *done = 0; // for the next launch
        __threadfence();
    }
    __syncthreads();
    return last != 0;
}
