// What a program needs that embeds the driver: memory of its own, settings without the environment, the count of waits.
#include <cstdlib>
#include "harness.h"
#include "kernels.h"

using namespace test;

CASE("both", memory_of_the_program_is_device_memory) {
    const Device d;
    std::vector<unsigned> own(1000, 7);
    const CUdeviceptr address = (CUdeviceptr)own.data();
    Buffer<unsigned> b(1000);
    OK(cuMemcpyDtoD_v2(b.address, address, 4000));
    CHECK_EQ(b.get()[999], 7u);
    OK(cuMemsetD32_v2(address + 4, 9, 998));
    CHECK_EQ(own[0], 7u);
    CHECK_EQ(own[1], 9u);
    CHECK_EQ(own[998], 9u);
    CHECK_EQ(own[999], 7u);
    CHECK_EQ(cuMemFree_v2(address), CUDA_ERROR_INVALID_VALUE);
}

CASE("both", memory_of_nobody_is_refused) {
    const Device d;
    Buffer<unsigned> b(1000);
    CHECK_EQ(cuMemsetD8_v2(8, 0, 1), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQ(cuMemsetD8_v2(~(CUdeviceptr)0 - 100, 0, 50), CUDA_ERROR_INVALID_VALUE);
    // Across an allocation, from below and beyond its end.
    CHECK_EQ(cuMemsetD8_v2(b.address - 8, 0, 16), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQ(cuMemsetD8_v2(b.address - 8, 0, 5000), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQ(cuMemsetD8_v2(b.address + 4000, 0, 1), CUDA_ERROR_INVALID_VALUE);
    std::vector<char> own(10);
    CHECK_EQ(cuMemsetD8_v2((CUdeviceptr)own.data(), 0, (size_t)1 << 45), CUDA_ERROR_INVALID_VALUE);
}

CASE("lane", waits_are_counted) {
    const Device d;
    Buffer<float> b(10);
    std::vector<float> host(10);
    void* pinned;
    OK(cuMemHostAlloc(&pinned, 40, 0));
    unsigned long long before = lurHostWaits();
    const auto waits = [&] {
        const unsigned long long n = lurHostWaits() - before;
        before += n;
        return n;
    };
    OK(cuMemsetD32Async(b.address, 0, 10, d.stream));
    OK(cuMemcpyHtoDAsync_v2(b.address, pinned, 40, d.stream));
    OK(cuMemcpyDtoHAsync_v2(pinned, b.address, 40, d.stream));
    OK(cuMemcpyDtoDAsync_v2(b.address + 20, b.address, 20, d.stream));
    OK(cuStreamQuery(d.stream));
    CHECK_EQ(waits(), 0u);
    OK(cuMemcpyDtoHAsync_v2(host.data(), b.address, 40, d.stream));
    CHECK_EQ(waits(), 1u);
    OK(cuMemcpyDtoH_v2(host.data(), b.address, 40));
    OK(cuStreamSynchronize(d.stream));
    OK(cuCtxSynchronize());
    CUevent e;
    OK(cuEventCreate(&e, 0));
    OK(cuEventSynchronize(e));
    CHECK_EQ(waits(), 4u);
    OK(cuMemFreeHost(pinned));
    CHECK_EQ(waits(), 1u);
    OK(cuEventDestroy_v2(e));
}
