// shim.h - CUDA C++ as a C++17 compiler sees it. Included before the user's text, with no other header, as with NVRTC.
//
// LUR_HOST_LANE = 1: blockDim = 1 and warpSize = 1 are compile-time constants. A block is one plain call, a loop
// strided by blockDim is contiguous and vectorises, barriers vanish and shuffles are the identity. LUR_HOST_LANE = 0:
// every CUDA thread is a fiber; barriers and warp operations ask the driver's scheduler.
#pragma once
#include "image_abi.h"

#define LUR_HOST 1
// Width of a machine vector. 0 in fiber mode: there, as on a GPU, the threads are the lanes.
#if !LUR_HOST_LANE
#define LUR_VECTOR_BYTES 0
#elif defined(__AVX512F__)
#define LUR_VECTOR_BYTES 64
#elif defined(__AVX__)
#define LUR_VECTOR_BYTES 32
#else
#define LUR_VECTOR_BYTES 16
#endif
typedef decltype(sizeof 0) size_t;
#include "math.h"

// Kernels keep their own frame: a backtrace or a profile names them. No `static`: the text stands in an unnamed
// namespace, and DEVICE also marks static members.
#define KERNEL __attribute__((noinline)) void
#define DEVICE inline __attribute__((always_inline))
#define __global__ __attribute__((noinline))
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __constant__ static const
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
#if LUR_SANITIZE_ADDRESS
#define __shared__ static // one worker; thread-local arrays have no redzones
#else
#define __shared__ static thread_local
#endif

static thread_local LurBuiltins lur_builtins;
static const LurServices* lur_services;
#if LUR_HOST_TRACED
#include "trace.h"
#endif
#define blockIdx (lur_builtins.block)
#define gridDim (lur_builtins.gridSize)

#if LUR_HOST_LANE
static constexpr int warpSize = 1;
static constexpr LurDim3 threadIdx{0, 0, 0}, blockDim{1, 1, 1};
LUR_INLINE void __syncthreads() {}
LUR_INLINE void __syncwarp(unsigned = ~0u) {}
template <class T> LUR_INLINE T __shfl_sync(unsigned, T v, int, int = 1) { return v; }
template <class T> LUR_INLINE T __shfl_xor_sync(unsigned, T v, int, int = 1) { return v; }
template <class T> LUR_INLINE T __shfl_up_sync(unsigned, T v, unsigned, int = 1) { return v; }
template <class T> LUR_INLINE T __shfl_down_sync(unsigned, T v, unsigned, int = 1) { return v; }
LUR_INLINE unsigned __ballot_sync(unsigned, int p) { return p != 0; }
LUR_INLINE int __any_sync(unsigned, int p) { return p != 0; }
LUR_INLINE int __all_sync(unsigned, int p) { return p != 0; }
LUR_INLINE unsigned __activemask() { return 1; }
#else
static constexpr int warpSize = 32;
#define threadIdx (lur_builtins.thread)
#define blockDim (lur_builtins.blockSize)
LUR_INLINE int lur_lane() { return (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) & 31; }
template <class T> LUR_INLINE T lur_shuffle(unsigned mask, T v, int source, const char* file, int line) {
    static_assert(sizeof(T) <= 8, "a shuffle moves at most 8 bytes");
    unsigned long long bits = 0;
    __builtin_memcpy(&bits, &v, sizeof v);
    bits = lur_services->exchange(LurShuffle, mask, bits, source, file, line);
    __builtin_memcpy(&v, &bits, sizeof v);
    return v;
}
// The source lane stays inside the segment of `width` lanes; out of the segment a lane keeps its own value.
LUR_INLINE int lur_index_lane(int i, int width = 32) { return (lur_lane() & -width) | (i & (width - 1)); }
LUR_INLINE int lur_xor_lane(int m, int width = 32) {
    const int l = lur_lane(), s = l ^ m;
    return s < (l & -width) + width ? s : l;
}
LUR_INLINE int lur_up_lane(unsigned d, int width = 32) {
    const int l = lur_lane(), s = l - (int)d;
    return s >= (l & -width) ? s : l;
}
LUR_INLINE int lur_down_lane(unsigned d, int width = 32) {
    const int l = lur_lane(), s = l + (int)d;
    return s < (l & -width) + width ? s : l;
}
LUR_INLINE unsigned lur_ballot(unsigned mask, int p, const char* file, int line) {
    return (unsigned)lur_services->exchange(LurBallot, mask, p != 0, 0, file, line);
}
// Macros, because the report of a barrier that not every thread reaches names the file and line of the call.
#define LUR_HERE __FILE__, __LINE__
#define __syncthreads() lur_services->barrier(LUR_HERE)
struct lur_mask {
    unsigned bits;
    lur_mask(unsigned m = ~0u) : bits(m) {}
};
#define __syncwarp(...) ((void)lur_services->exchange(LurSyncWarp, lur_mask{__VA_ARGS__}.bits, 0, 0, LUR_HERE))
#define __shfl_sync(mask, v, ...) lur_shuffle(mask, v, lur_index_lane(__VA_ARGS__), LUR_HERE)
#define __shfl_xor_sync(mask, v, ...) lur_shuffle(mask, v, lur_xor_lane(__VA_ARGS__), LUR_HERE)
#define __shfl_up_sync(mask, v, ...) lur_shuffle(mask, v, lur_up_lane(__VA_ARGS__), LUR_HERE)
#define __shfl_down_sync(mask, v, ...) lur_shuffle(mask, v, lur_down_lane(__VA_ARGS__), LUR_HERE)
#define __ballot_sync(mask, p) lur_ballot(mask, p, LUR_HERE)
#define __any_sync(mask, p) (lur_ballot(mask, p, LUR_HERE) != 0)
#define __all_sync(mask, p) (lur_ballot(mask, !(p), LUR_HERE) == 0)
#endif

#if !LUR_HOST_LANE
#include "tensor.h"
#endif

template <class T> LUR_INLINE T* lur_dynamic_shared() { return (T*)lur_services->dynamicShared(); }
template <class T> LUR_INLINE T __ldg(const T* p) { return *p; }
#if LUR_HOST_TRACED // one worker's threads take turns: the compiler alone must keep the order
LUR_INLINE void __threadfence() { asm volatile("" : : : "memory"); }
LUR_INLINE void __threadfence_block() { asm volatile("" : : : "memory"); }
#define LUR_ATOMIC_INLINE LUR_UNTRACED
#define LUR_ATOMIC_ACCESS(p) lur_services->access(p, sizeof *(p), LurAtomic, __builtin_return_address(0))
#else
LUR_INLINE void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
LUR_INLINE void __threadfence_block() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
#define LUR_ATOMIC_INLINE LUR_INLINE
#define LUR_ATOMIC_ACCESS(p) (void)0
#endif

// Atomics. A loop over compare-and-exchange serves every type and operation.
template <class T, class F> LUR_ATOMIC_INLINE T lur_atomic(T* p, F next) {
    LUR_ATOMIC_ACCESS(p);
    T old, wanted;
    __atomic_load(p, &old, __ATOMIC_RELAXED);
    do wanted = next(old);
    while (!__atomic_compare_exchange(p, &old, &wanted, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return old;
}
template <class T> struct lur_same { using type = T; };
template <class T> using lur_value = typename lur_same<T>::type; // keeps literals out of template deduction
#define LUR_ATOMIC(name, expression)                                                                                   \
    template <class T> LUR_INLINE T name(T* p, lur_value<T> v) {                                                       \
        return lur_atomic(p, [=](T old) -> T { return expression; });                                                  \
    }
LUR_ATOMIC(atomicAdd, old + v)
LUR_ATOMIC(atomicSub, old - v)
LUR_ATOMIC(atomicMax, old > v ? old : v)
LUR_ATOMIC(atomicMin, old < v ? old : v)
LUR_ATOMIC(atomicAnd, old& v)
LUR_ATOMIC(atomicOr, old | v)
LUR_ATOMIC(atomicXor, old ^ v)
LUR_ATOMIC(atomicExch, v)
template <class T> LUR_INLINE T atomicCAS(T* p, lur_value<T> expected, lur_value<T> v) {
    return lur_atomic(p, [=](T old) -> T { return old == expected ? v : old; });
}

// Short vector types.
#define LUR_VECTOR_TYPES(T, name)                                                                                      \
    struct alignas(2 * sizeof(T)) name##2 {                                                                            \
        T x, y;                                                                                                        \
    };                                                                                                                 \
    struct name##3 {                                                                                                   \
        T x, y, z;                                                                                                     \
    };                                                                                                                 \
    struct alignas(4 * sizeof(T) > 16 ? 16 : 4 * sizeof(T)) name##4 {                                                  \
        T x, y, z, w;                                                                                                  \
    };                                                                                                                 \
    LUR_INLINE name##2 make_##name##2(T x, T y) { return {x, y}; }                                                     \
    LUR_INLINE name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                                             \
    LUR_INLINE name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
LUR_VECTOR_TYPES(float, float)
LUR_VECTOR_TYPES(double, double)
LUR_VECTOR_TYPES(int, int)
LUR_VECTOR_TYPES(unsigned, uint)
LUR_VECTOR_TYPES(unsigned char, uchar)
typedef LurDim3 dim3;

// Entry points. A thunk unpacks cuLaunchKernel's argument array by the kernel's own parameter types.
template <int... I> struct lur_indices {};
template <int N, int... I> struct lur_count : lur_count<N - 1, N - 1, I...> {};
template <int... I> struct lur_count<0, I...> { using type = lur_indices<I...>; };
template <auto F> struct lur_thunk;
template <class... A, void (*F)(A...)> struct lur_thunk<F> {
    static constexpr int count = sizeof...(A);
    static constexpr LurParameter parameters[] = {{sizeof(A), alignof(A)}..., {0, 0}};
    template <int... I> static inline void call(void* const* a, lur_indices<I...>) { F(*(A*)a[I]...); }
    static void run(void* const* a, const LurDim3* grid, long long first, long long last) {
#if LUR_HOST_LANE
        lur_builtins.gridSize = *grid;
        LurDim3& b = lur_builtins.block;
        const long long row = first / grid->x;
        b = {(int)(first % grid->x), (int)(row % grid->y), (int)(row / grid->y)};
        for (long long i = first; i < last; i++) {
            call(a, typename lur_count<count>::type{});
            if (++b.x == grid->x) {
                b.x = 0;
                if (++b.y == grid->y) b.y = 0, b.z++;
            }
        }
#else
        (void)grid, (void)first, (void)last;
        call(a, typename lur_count<count>::type{});
#endif
    }
};
// Variadic: a name expression may hold commas.
#define LUR_EXPORT(name, ...)                                                                                          \
    {name, lur_thunk<__VA_ARGS__>::count, lur_thunk<__VA_ARGS__>::parameters, lur_thunk<__VA_ARGS__>::run},
