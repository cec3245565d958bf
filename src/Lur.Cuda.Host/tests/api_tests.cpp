// Error codes of handles, sizes, contexts and images.
#include "../driver/configuration.h"
#include "harness.h"
#include "kernels.h"

using namespace test;

CASE("fresh", calls_before_cuInit_are_refused) {
    int n = 0;
    CHECK_EQ(cuDeviceGetCount(&n), CUDA_ERROR_NOT_INITIALIZED);
    CHECK_CONTAINS(lurHostLastDiagnostic(), "cuInit");
    CHECK_EQ(cuCtxSynchronize(), CUDA_ERROR_NOT_INITIALIZED);
    CHECK_EQ(cuInit(1), CUDA_ERROR_INVALID_VALUE);
    OK(cuInit(0));
    OK(cuDeviceGetCount(&n));
    CHECK_EQ(n, 1);
    CUdeviceptr p;
    CHECK_EQ(cuMemAlloc_v2(&p, 16), CUDA_ERROR_INVALID_CONTEXT);
    CHECK_EQ(cuCtxSetCurrent((CUcontext)0x1234), CUDA_ERROR_INVALID_CONTEXT);
}

CASE("wrong-devices", a_mistake_in_LUR_HOST_DEVICES_is_told) {
    CHECK_EQ(cuInit(0), CUDA_ERROR_INVALID_VALUE);
    CHECK_CONTAINS(lurHostLastDiagnostic(), "LUR_HOST_DEVICES='lane:race'");
    CHECK_CONTAINS(lurHostLastDiagnostic(), "needs the mode fiber");
}

CASE("lane", settings_are_fixed_once_they_are_used) {
    const Device d;
    OK(lurHostConfigure(0, 0));
    CHECK_EQ(lurHostConfigure(5, 0), 1);
    CHECK_EQ(lurHostConfigure(0, 1), 1);
}

CASE("lane", device_lists_are_parsed) {
    const auto two = lur::parseDevices("lane; fiber:memory+init+race;");
    CHECK_EQ(two.devices.size(), 2u);
    CHECK(two.devices[0].mode == LurLane && !two.devices[0].memory);
    CHECK(two.devices[1].mode == LurFiber && two.devices[1].memory && two.devices[1].init && two.devices[1].race);
    const auto late = lur::parseDevices("lane:late;lane:init");
    CHECK(late.devices[0].late && !late.devices[1].late);
    CHECK_CONTAINS(lur::parseDevices("warp").error, "'warp' is no mode");
    CHECK_CONTAINS(lur::parseDevices("fiber:speed").error, "'speed' is no check");
    CHECK_CONTAINS(lur::parseDevices("fiber:memory:init").error, "more than one ':'");
    CHECK_CONTAINS(lur::parseDevices(" ; ").error, "names no device");
}

CASE("both", attributes_tell_the_modes_apart) {
    OK(cuInit(0));
    const Device lane(0), fiber(1);
    CHECK_EQ(lane.attribute(10), 1);
    CHECK_EQ(lane.attribute(1), 1);
    CHECK_EQ(lane.attribute(75), 0);
    CHECK_EQ(fiber.attribute(10), 32);
    CHECK_EQ(fiber.attribute(1), 1024);
    CHECK_EQ(fiber.attribute(75), 1);
    CHECK_EQ(lane.attribute(76), lur::cpuLevel());
    CHECK_EQ(lane.attribute(16), fiber.attribute(16));
    CHECK(lane.attribute(38) > 0 && lane.attribute(115) == 1 && lane.attribute(8) == 48 << 10);
    char name[100], cut[5];
    OK(cuDeviceGetName(name, sizeof name, 1));
    CHECK_CONTAINS(name, "fiber");
    OK(cuDeviceGetName(cut, sizeof cut, 1));
    CHECK_EQ(std::string(cut), "Lur ");
    size_t bytes = 0;
    OK(cuDeviceTotalMem_v2(&bytes, 0));
    CHECK(bytes > 1u << 20);
    int value;
    CHECK_EQ(cuDeviceGetAttribute(&value, 16, 2), CUDA_ERROR_INVALID_DEVICE);
    CHECK_EQ(cuDeviceGetAttribute(&value, 9999, 0), CUDA_ERROR_INVALID_VALUE);
    CUdevice d;
    CHECK_EQ(cuDeviceGet(&d, -1), CUDA_ERROR_INVALID_DEVICE);
}

CASE("lane", errors_have_names_and_sentences) {
    const char* s = nullptr;
    OK(cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &s));
    CHECK_EQ(std::string(s), "CUDA_ERROR_ILLEGAL_ADDRESS");
    OK(cuGetErrorString(CUDA_ERROR_OUT_OF_MEMORY, &s));
    CHECK_EQ(std::string(s), "out of memory");
    CHECK_EQ(cuGetErrorName((CUresult)12345, &s), CUDA_ERROR_INVALID_VALUE);
    const Device d;
    CHECK_EQ(cuMemFree_v2(0x1000), CUDA_ERROR_INVALID_VALUE);
    OK(cuGetErrorString(CUDA_ERROR_INVALID_VALUE, &s));
    CHECK_CONTAINS(s, "0x1000 is not the start of a live allocation");
    CHECK_EQ(cuStreamDestroy_v2((CUstream)7), CUDA_ERROR_INVALID_HANDLE);
    OK(cuGetErrorString(CUDA_ERROR_INVALID_VALUE, &s)); // another error is the last one now
    CHECK_EQ(std::string(s), "invalid argument");
    CHECK_EQ(std::string(nvrtcGetErrorString(NVRTC_ERROR_COMPILATION)), "NVRTC_ERROR_COMPILATION");
    CHECK_EQ(std::string(cublasGetStatusString(CUBLAS_STATUS_NOT_SUPPORTED)),
             "the functionality requested is not supported");
}

CASE("lane", bad_handles_are_refused) {
    const Device d;
    const CUmodule m = load(d, kernelText);
    const CUfunction f = function(m, "add");
    CUevent e;
    OK(cuEventCreate(&e, 0));
    for (void* bad : {(void*)nullptr, (void*)0x10, (void*)~0ull, (void*)e, (void*)d.stream, (void*)&d}) {
        CUfunction g;
        float ms;
        CUgraphExec x;
        CHECK_EQ(cuModuleGetFunction(&g, bad, "add"), CUDA_ERROR_INVALID_HANDLE);
        CHECK_EQ(cuModuleUnload(bad), CUDA_ERROR_INVALID_HANDLE);
        CHECK_EQ(launch(d.stream, bad, {1}, {1}), CUDA_ERROR_INVALID_HANDLE);
        CHECK_EQ(cuGraphInstantiateWithFlags(&x, bad, 0), CUDA_ERROR_INVALID_HANDLE);
        CHECK_EQ(cuGraphLaunch(bad, d.stream), CUDA_ERROR_INVALID_HANDLE);
        CHECK_EQ(cuGraphDestroy(bad), CUDA_ERROR_INVALID_HANDLE);
        if (bad != e) {
            CHECK_EQ(cuEventRecord(bad, d.stream), CUDA_ERROR_INVALID_HANDLE);
            CHECK_EQ(cuEventElapsedTime(&ms, bad, e), CUDA_ERROR_INVALID_HANDLE);
            CHECK_EQ(cuEventDestroy_v2(bad), CUDA_ERROR_INVALID_HANDLE);
        }
        if (bad && bad != d.stream) {
            CHECK_EQ(cuStreamSynchronize(bad), CUDA_ERROR_INVALID_HANDLE);
            CHECK_EQ(cuStreamDestroy_v2(bad), CUDA_ERROR_INVALID_HANDLE);
            CHECK_EQ(launch(bad, f, {1}, {1}, (CUdeviceptr)0, (CUdeviceptr)0, 1.0f, 0), CUDA_ERROR_INVALID_HANDLE);
        }
        CHECK_EQ((int)cublasDestroy_v2(bad), (int)CUBLAS_STATUS_NOT_INITIALIZED);
        nvrtcProgram p = bad;
        CHECK_EQ(nvrtcDestroyProgram(&p), NVRTC_ERROR_INVALID_PROGRAM);
    }
    // A handle that was valid once stays invalid, also when its slot is used again.
    CUevent other;
    OK(cuEventDestroy_v2(e));
    OK(cuEventCreate(&other, 0));
    CHECK(other != e);
    CHECK_EQ(cuEventRecord(e, d.stream), CUDA_ERROR_INVALID_HANDLE);
    OK(cuModuleUnload(m));
    CHECK_EQ(launch(d.stream, f, {1}, {1}, (CUdeviceptr)0, (CUdeviceptr)0, 1.0f, 0), CUDA_ERROR_INVALID_HANDLE);
}

CASE("both", handles_belong_to_their_device) {
    const Device lane(0), fiber(1); // fiber is current
    OK(cuCtxSetCurrent(lane.context));
    const CUfunction f = function(load(lane, kernelText), "nothing");
    OK(launch(lane.stream, f, {1}, {1}));
    OK(cuCtxSetCurrent(fiber.context));
    CHECK_EQ(launch(fiber.stream, f, {1}, {1}), CUDA_ERROR_INVALID_CONTEXT);
    CHECK_EQ(cuStreamSynchronize(lane.stream), CUDA_ERROR_INVALID_CONTEXT);
}

CASE("lane", bad_sizes_are_refused) {
    const Device d;
    CUdeviceptr p;
    CHECK_EQ(cuMemAlloc_v2(&p, 0), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQ(cuMemAlloc_v2(&p, (size_t)1 << 60), CUDA_ERROR_OUT_OF_MEMORY);
    CHECK_EQ(cuMemAlloc_v2(nullptr, 16), CUDA_ERROR_INVALID_VALUE);
    Buffer<float> b(100);
    CHECK_EQ(b.address % 256, 0u);
    std::vector<float> host(200);
    CHECK_EQ(cuMemcpyHtoD_v2(b.address, host.data(), 401), CUDA_ERROR_INVALID_VALUE);
    CHECK_CONTAINS(lurHostLastDiagnostic(), "not inside one allocation");
    CHECK_EQ(cuMemcpyDtoH_v2(host.data(), b.address + 4, 400), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQ(cuMemcpyHtoD_v2(b.address, nullptr, 4), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQ(cuMemcpyDtoD_v2(b.address, 0x1000, 4), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQ(cuMemsetD32_v2(b.address + 2, 0, 1), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQ(cuMemsetD32_v2(b.address, 0, 101), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQ(cuMemsetD8_v2(b.address, 0, ~(size_t)0), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQ(cuMemFree_v2(b.address + 4), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemcpyHtoD_v2(b.address, nullptr, 0));
    OK(cuMemFree_v2(0));
}

CASE("both", bad_launches_are_refused) {
    for (int ordinal : {0, 1}) {
        const Device d(ordinal);
        const CUfunction f = function(load(d, kernelText), "scale");
        Buffer<int> b(16);
        const CUdeviceptr p = b.address;
        CHECK_EQ(launch(d.stream, f, {0}, {1}, p, 2, 16), CUDA_ERROR_INVALID_VALUE);
        CHECK_EQ(launch(d.stream, f, {1}, {0}, p, 2, 16), CUDA_ERROR_INVALID_VALUE);
        CHECK_EQ(launch(d.stream, f, {1}, {1, 0}, p, 2, 16), CUDA_ERROR_INVALID_VALUE);
        CHECK_EQ(launch(d.stream, f, {1, 65536}, {1}, p, 2, 16), CUDA_ERROR_INVALID_VALUE);
        CHECK_EQ(launch(d.stream, f, {3000000000u}, {1}, p, 2, 16), CUDA_ERROR_INVALID_VALUE);
        CHECK_EQ(launch(d.stream, f, {1}, {d.lane() ? 2u : 1025u}, p, 2, 16), CUDA_ERROR_INVALID_VALUE);
        CHECK_EQ(launch(d.stream, f, {1}, {1u << 31, 2, 1}, p, 2, 16), CUDA_ERROR_INVALID_VALUE);
        CHECK_CONTAINS(lurHostLastDiagnostic(), "launch of scale");
        CHECK_EQ(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, d.stream, nullptr, nullptr), CUDA_ERROR_INVALID_VALUE);
        int n = 16;
        void* arguments[] = {(void*)&p, nullptr, &n};
        CHECK_EQ(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, d.stream, arguments, nullptr), CUDA_ERROR_INVALID_VALUE);
        int factor = 2;
        arguments[1] = &factor;
        CHECK_EQ(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 49153, d.stream, arguments, nullptr), CUDA_ERROR_INVALID_VALUE);
        OK(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 49152, d.stream, arguments, nullptr));
        // The packed form: pointer at 0, two ints behind it.
        char buffer[16];
        size_t size = sizeof buffer;
        memcpy(buffer, &p, 8), memcpy(buffer + 8, &factor, 4), memcpy(buffer + 12, &n, 4);
        void* extra[] = {(void*)1, buffer, (void*)2, &size, nullptr};
        OK(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, d.stream, nullptr, extra));
        size = 15;
        CHECK_EQ(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, d.stream, nullptr, extra), CUDA_ERROR_INVALID_VALUE);
    }
}

CASE("both", images_are_checked) {
    const Device lane(0);
    const std::string level = std::to_string(lane.attribute(76));
    const Compiled c = compile("KERNEL k() {}", {"-arch=sm_" + level});
    OK(c.result);
    CUmodule m;
    CUfunction f;
    OK(cuModuleLoadData(&m, c.image.data()));
    CHECK_EQ(cuModuleGetFunction(&f, m, "other"), CUDA_ERROR_NOT_FOUND);
    CHECK_CONTAINS(lurHostLastDiagnostic(), "no kernel 'other'");
    OK(cuModuleGetFunction(&f, m, "k"));
    CHECK_EQ(cuModuleLoadData(&m, "\x7f"
                                  "ELF, but not one of ours, and long enough"),
             CUDA_ERROR_INVALID_IMAGE);
    CHECK_EQ(cuModuleLoadData(&m, nullptr), CUDA_ERROR_INVALID_VALUE);
    std::vector<char> damaged = c.image;
    damaged[damaged.size() / 2] ^= 1;
    CHECK_EQ(cuModuleLoadData(&m, damaged.data()), CUDA_ERROR_INVALID_IMAGE);
    CHECK_CONTAINS(lurHostLastDiagnostic(), "damaged");
    const Device fiber(1);
    CHECK_EQ(cuModuleLoadData(&m, c.image.data()), CUDA_ERROR_NO_BINARY_FOR_GPU);
    CHECK_CONTAINS(lurHostLastDiagnostic(), "is for lane devices");
    if (lur::cpuLevel() < 4) {
        OK(cuCtxSetCurrent(lane.context));
        CHECK_EQ(cuModuleLoadData(&m, compile("KERNEL k() {}", {"-arch=sm_4"}).image.data()),
                 CUDA_ERROR_NO_BINARY_FOR_GPU);
    }
}

CASE("lane", a_reset_takes_everything_with_it) {
    CUstream stream;
    CUfunction f;
    CUdeviceptr p;
    {
        const Device d;
        stream = d.stream;
        f = function(load(d, kernelText), "nothing");
        OK(cuMemAlloc_v2(&p, 1000));
        unsigned flags;
        int active;
        OK(cuDevicePrimaryCtxGetState(0, &flags, &active));
        CHECK_EQ(active, 1);
    }
    CHECK_EQ(cuCtxSynchronize(), CUDA_ERROR_CONTEXT_IS_DESTROYED);
    CHECK_CONTAINS(lurHostLastDiagnostic(), "destroyed");
    const Device d;
    CHECK_EQ(cuStreamSynchronize(stream), CUDA_ERROR_INVALID_HANDLE);
    CHECK_EQ(launch(d.stream, f, {1}, {1}), CUDA_ERROR_INVALID_HANDLE);
    CHECK_EQ(cuMemFree_v2(p), CUDA_ERROR_INVALID_VALUE);
    // Two retains need two releases.
    CUcontext again;
    OK(cuDevicePrimaryCtxRetain(&again, 0));
    CHECK(again == d.context);
    OK(cuDevicePrimaryCtxRelease_v2(0));
    OK(cuCtxSynchronize());
    OK(cuDevicePrimaryCtxRelease_v2(0));
    CHECK_EQ(cuDevicePrimaryCtxRelease_v2(0), CUDA_ERROR_INVALID_CONTEXT);
}
