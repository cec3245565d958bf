// cuda_device.h - as much of CUDA C++ as the kernels use, for clang's CUDA front end without any of NVIDIA's files
// (-nocudainc -nocudalib). A second reader of the kernels beside NVRTC: other warnings, other bugs. Code is generated
// to PTX and not linked, so that the math functions need only be declared.
#pragma once
#define __device__ __attribute__((device))
#define __global__ __attribute__((global))
#define __shared__ __attribute__((shared))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define __forceinline__ __inline__ __attribute__((always_inline))

struct Extent {
    unsigned x, y, z;
};
#define LUR_SREG(name, c) ((unsigned)__nvvm_read_ptx_sreg_##name##_##c())
#define LUR_EXTENT(name) (Extent{LUR_SREG(name, x), LUR_SREG(name, y), LUR_SREG(name, z)})
#define threadIdx LUR_EXTENT(tid)
#define blockIdx LUR_EXTENT(ctaid)
#define blockDim LUR_EXTENT(ntid)
#define gridDim LUR_EXTENT(nctaid)
#define warpSize 32

extern "C" __device__ float expf(float), logf(float), sqrtf(float), fmaf(float, float, float), fabsf(float),
    cosf(float), sinf(float), erfcf(float);
extern "C" __device__ double exp(double), log(double), sqrt(double), fma(double, double, double), fabs(double),
    cos(double), sin(double), erfc(double);

struct __attribute__((aligned(8))) uint2 {
    unsigned x, y;
};
struct __attribute__((aligned(16))) uint4 {
    unsigned x, y, z, w;
};

__device__ inline void __threadfence() { __nvvm_membar_gl(); }
__device__ inline int atomicAdd(int* at, int add) { return __nvvm_atom_add_gen_i(at, add); }
__device__ inline float __uint_as_float(unsigned bits) { return __builtin_bit_cast(float, bits); }
__device__ inline unsigned long long __cvta_generic_to_shared(const void* p) {
    return (unsigned long long)(__attribute__((address_space(3))) const void*)p;
}

__device__ inline int __shfl_xor_sync(unsigned mask, int v, int lanes) {
    return __nvvm_shfl_sync_bfly_i32(mask, v, lanes, 31);
}
__device__ inline float __shfl_xor_sync(unsigned mask, float v, int lanes) {
    return __nvvm_shfl_sync_bfly_f32(mask, v, lanes, 31);
}
template <class T> __device__ inline T __shfl_xor_sync(unsigned mask, T v, int lanes) {
    static_assert(sizeof(T) == 8, "a shuffle moves 4 or 8 bytes");
    int part[2];
    __builtin_memcpy(part, &v, 8);
    part[0] = __shfl_xor_sync(mask, part[0], lanes);
    part[1] = __shfl_xor_sync(mask, part[1], lanes);
    __builtin_memcpy(&v, part, 8);
    return v;
}
