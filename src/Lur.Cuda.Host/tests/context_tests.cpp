// A thread's stack of contexts, and contexts beside the primary one.
#include <thread>
#include "harness.h"
#include "kernels.h"

using namespace test;

static CUcontext current() {
    CUcontext c = (CUcontext)1;
    OK(cuCtxGetCurrent(&c));
    return c;
}

CASE("lane", the_current_context_is_the_threads_own) {
    const Device d;
    CUresult elsewhere = CUDA_SUCCESS, after = CUDA_ERROR_UNKNOWN;
    std::thread([&] {
        elsewhere = cuCtxSynchronize();
        cuCtxSetCurrent(d.context);
        after = cuCtxSynchronize();
    }).join();
    CHECK_EQ(elsewhere, CUDA_ERROR_INVALID_CONTEXT);
    OK(after);
}

CASE("lane", pools_pinned_memory_and_memory_info) {
    const Device d;
    CUmemoryPool pool;
    OK(cuDeviceGetDefaultMemPool(&pool, 0));
    uint64_t threshold = ~0ull, got = 0, used = 0;
    OK(cuMemPoolSetAttribute(pool, 4, &threshold));
    OK(cuMemPoolGetAttribute(pool, 4, &got));
    CHECK_EQ(got, threshold);
    CUdeviceptr p;
    OK(cuMemAllocAsync(&p, 5000, d.stream));
    OK(cuMemPoolGetAttribute(pool, 7, &used));
    CHECK(used >= 5000);
    size_t available = 0, total = 0;
    OK(cuMemGetInfo_v2(&available, &total));
    CHECK_EQ(total - available, 5000u);
    OK(cuMemFreeAsync(p, d.stream));
    CHECK_EQ(cuMemFreeAsync(p, d.stream), CUDA_ERROR_INVALID_VALUE);
    void* pinned = nullptr;
    OK(cuMemHostAlloc(&pinned, 4096, 0));
    CHECK_EQ(cuMemFreeHost((char*)pinned + 1), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemFreeHost(pinned));
    char mine[64];
    OK(cuMemHostRegister_v2(mine, sizeof mine, 0));
    CHECK_EQ(cuMemHostRegister_v2(mine, sizeof mine, 0), CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
    OK(cuMemHostUnregister(mine));
    CHECK_EQ(cuMemHostUnregister(mine), CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
}

CASE("both", contexts_are_pushed_and_popped) {
    const Device lane(0), fiber(1); // fiber is current
    OK(cuCtxPushCurrent_v2(lane.context));
    OK(cuCtxPushCurrent_v2(lane.context)); // the same one again is allowed
    CHECK(current() == lane.context);
    CHECK_EQ(cuStreamSynchronize(fiber.stream), CUDA_ERROR_INVALID_CONTEXT);
    CUcontext popped = nullptr;
    OK(cuCtxPopCurrent_v2(&popped));
    CHECK(popped == lane.context && current() == lane.context);
    OK(cuCtxSetCurrent(fiber.context)); // replaces the top
    OK(cuCtxPopCurrent_v2(nullptr));
    CHECK(current() == fiber.context);
    OK(cuCtxSetCurrent(nullptr)); // takes it away
    CHECK(current() == nullptr);
    CHECK_EQ(cuCtxPopCurrent_v2(&popped), CUDA_ERROR_INVALID_CONTEXT);
    CHECK_EQ(cuCtxPushCurrent_v2(nullptr), CUDA_ERROR_INVALID_CONTEXT);
    CHECK_EQ(cuCtxPushCurrent_v2((CUcontext)0x1234), CUDA_ERROR_INVALID_CONTEXT);
    CHECK_EQ(cuCtxSynchronize(), CUDA_ERROR_INVALID_CONTEXT);
}

CASE("lane", a_stack_belongs_to_its_thread) {
    const Device d;
    OK(cuCtxPushCurrent_v2(d.context));
    std::thread([&] {
        CHECK(current() == nullptr);
        OK(cuCtxPushCurrent_v2(d.context));
        OK(cuStreamSynchronize(d.stream));
        OK(cuCtxPopCurrent_v2(nullptr));
        CHECK(current() == nullptr);
    }).join();
    CHECK(current() == d.context);
    OK(cuCtxPopCurrent_v2(nullptr));
}

CASE("lane", a_created_context_stands_beside_the_primary_one) {
    const Device d;
    CUcontext own;
    OK(cuCtxCreate_v2(&own, 0, 0));
    CHECK(current() == own && own != d.context);
    CUdevice device = -1;
    OK(cuCtxGetDevice(&device));
    CHECK_EQ(device, 0);
    CUdeviceptr p;
    CUstream stream;
    OK(cuMemAlloc_v2(&p, 64));
    OK(cuStreamCreate(&stream, 1));
    CHECK_EQ(cuStreamSynchronize(d.stream), CUDA_ERROR_INVALID_CONTEXT);
    OK(cuCtxPopCurrent_v2(nullptr));
    CHECK(current() == d.context);
    CHECK_EQ(cuMemFree_v2(p), CUDA_ERROR_INVALID_VALUE); // memory of the other context
    OK(cuCtxPushCurrent_v2(own));
    CUresult elsewhere = CUDA_SUCCESS;
    std::thread other([&] {
        cuCtxPushCurrent_v2(own);
        std::thread([&] { cuCtxDestroy_v2(own); }).join();
        elsewhere = cuStreamSynchronize(stream);
    });
    other.join();
    CHECK_EQ(elsewhere, CUDA_ERROR_CONTEXT_IS_DESTROYED);
    CHECK_EQ(cuMemAlloc_v2(&p, 64), CUDA_ERROR_CONTEXT_IS_DESTROYED);
    CHECK_EQ(cuCtxDestroy_v2(own), CUDA_ERROR_INVALID_CONTEXT);
    CUcontext popped;
    OK(cuCtxPopCurrent_v2(&popped));
    CHECK(popped == own && current() == d.context);
    OK(cuCtxCreate_v2(&own, 0, 0));
    OK(cuCtxDestroy_v2(own)); // its own thread's current context is popped
    CHECK(current() == d.context);
    OK(cuStreamSynchronize(d.stream));
}

CASE("lane", what_no_context_can_be_made_of_is_refused) {
    const Device d;
    CUcontext own;
    CHECK_EQ(cuCtxCreate_v2(&own, 0, 9), CUDA_ERROR_INVALID_DEVICE);
    CHECK_EQ(cuCtxCreate_v2(nullptr, 0, 0), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQ(cuCtxCreate_v2(&own, 5, 0), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQ(cuCtxCreate_v2(&own, 0x100, 0), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQ(cuCtxDestroy_v2(d.context), CUDA_ERROR_INVALID_VALUE); // primary
    CHECK(current() == d.context);
}
