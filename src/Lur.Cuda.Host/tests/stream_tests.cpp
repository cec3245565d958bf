// Streams, events, capture, replay.
#include <thread>
#include "harness.h"
#include "kernels.h"

using namespace test;

CASE("both", two_streams_with_events) {
    for (int ordinal : {0, 1}) {
        const Device d(ordinal);
        const CUfunction f = function(load(d, kernelText), "scale");
        CUstream other;
        CUevent start, middle, end, silent;
        OK(cuStreamCreate(&other, 1));
        OK(cuEventCreate(&start, 0));
        OK(cuEventCreate(&middle, 0));
        OK(cuEventCreate(&end, 0));
        OK(cuEventCreate(&silent, 2)); // without timing
        float ms = -1;
        CHECK_EQ(cuEventElapsedTime(&ms, start, end), CUDA_ERROR_INVALID_HANDLE); // not recorded
        Buffer<int> b(std::vector<int>(100, 1));
        OK(cuEventRecord(start, d.stream));
        OK(launch(d.stream, f, {2}, {1}, b.address, 3, 100)); // 4
        OK(cuEventRecord(middle, d.stream));
        OK(cuStreamWaitEvent(other, middle, 0));
        OK(launch(other, f, {2}, {1}, b.address, 5, 100)); // 21
        OK(cuEventRecord(end, other));
        OK(cuStreamWaitEvent(d.stream, end, 0));
        OK(launch(d.stream, f, {2}, {1}, b.address, 2, 100)); // 43
        OK(cuEventSynchronize(end));
        OK(cuEventQuery(end));
        OK(cuStreamSynchronize(d.stream));
        for (int v : b.get()) CHECK_EQ(v, 43);
        OK(cuEventElapsedTime(&ms, start, end));
        CHECK(ms >= 0 && ms < 10000);
        float back;
        OK(cuEventElapsedTime(&back, end, start));
        CHECK_EQ(back, -ms);
        OK(cuEventElapsedTime_v2(&back, start, end));
        CHECK_EQ(back, ms);
        OK(cuEventRecord(silent, other));
        CHECK_EQ(cuEventElapsedTime(&ms, start, silent), CUDA_ERROR_INVALID_HANDLE);
    }
}

static CUgraphExec instantiate(CUgraph g) {
    CUgraphExec x;
    OK(cuGraphInstantiateWithFlags(&x, g, 0));
    return x;
}

CASE("both", replay_uses_the_arguments_of_the_capture) {
    for (int ordinal : {0, 1}) {
        const Device d(ordinal);
        const CUfunction f = function(load(d, kernelText), "add");
        const int count = 50;
        Buffer<float> x(std::vector<float>(count, 1)), y(std::vector<float>(count, 0)), z(count);
        std::vector<float> host(count, 0);
        // Host variables that change between capture and replay.
        CUdeviceptr target = y.address, source = x.address;
        float a = 2;
        int n = count;
        void* arguments[] = {&target, &source, &a, &n};
        OK(cuStreamBeginCapture_v2(d.stream, 0));
        int status = 0;
        OK(cuStreamIsCapturing(d.stream, &status));
        CHECK_EQ(status, 1);
        OK(cuMemsetD32Async(y.address, 0, count, d.stream));
        OK(cuLaunchKernel(f, 2, 1, 1, 1, 1, 1, 0, d.stream, arguments, nullptr));
        a = 10;
        OK(cuLaunchKernel(f, 2, 1, 1, 1, 1, 1, 0, d.stream, arguments, nullptr));
        OK(cuMemcpyDtoDAsync_v2(z.address, y.address, count * 4, d.stream));
        OK(cuMemcpyDtoHAsync_v2(host.data(), z.address, count * 4, d.stream));
        CUgraph g;
        OK(cuStreamEndCapture(d.stream, &g));
        size_t nodes = 0;
        OK(cuGraphGetNodes(g, nullptr, &nodes));
        CHECK_EQ(nodes, 5u);
        for (float v : y.get()) CHECK_EQ(v, 0.0f); // nothing has run yet
        a = -100, n = 0, target = 0, source = 0;
        const CUgraphExec exec = instantiate(g);
        OK(cuGraphDestroy(g)); // the instance stands alone
        OK(cuGraphLaunch(exec, d.stream));
        for (float v : host) CHECK_EQ(v, 12.0f);
        x.set(std::vector<float>(count, 3)); // device memory is read at replay
        OK(cuGraphLaunch(exec, d.stream));
        for (float v : host) CHECK_EQ(v, 36.0f);
        OK(cuGraphExecDestroy(exec));
        CHECK_EQ(cuGraphLaunch(exec, d.stream), CUDA_ERROR_INVALID_HANDLE);
    }
}

CASE("lane", gemms_and_graphs_can_be_captured) {
    const Device d;
    cublasHandle_t h;
    if (cublasCreate_v2(&h)) throw Skip(lurHostLastDiagnostic());
    OK(cublasSetStream_v2(h, d.stream));
    Buffer<float> a({1, 2, 3, 4}), b({1, 0, 0, 1}), c(std::vector<float>(4, 0));
    float alpha = 2, beta = 1;
    OK(cuStreamBeginCapture_v2(d.stream, 2));
    OK(cublasSgemm_v2(h, 0, 0, 2, 2, 2, &alpha, (float*)a.address, 2, (float*)b.address, 2, &beta, (float*)c.address,
                      2));
    CUgraph inner, outer;
    OK(cuStreamEndCapture(d.stream, &inner));
    alpha = beta = 99;
    const CUgraphExec one = instantiate(inner);
    OK(cuStreamBeginCapture_v2(d.stream, 2));
    OK(cuGraphLaunch(one, d.stream));
    OK(cuGraphLaunch(one, d.stream));
    OK(cuStreamEndCapture(d.stream, &outer));
    CHECK_EQ(c.get()[3], 0.0f);
    OK(cuGraphLaunch(instantiate(outer), d.stream));
    CHECK_EQ(c.get()[3], 16.0f);
}

CASE("lane", a_capture_may_spread_over_streams) {
    const Device d;
    const CUfunction f = function(load(d, kernelText), "scale");
    CUstream side;
    CUevent fork, join;
    OK(cuStreamCreate(&side, 1));
    OK(cuEventCreate(&fork, 0));
    OK(cuEventCreate(&join, 0));
    Buffer<int> b(std::vector<int>(4, 1));
    OK(cuStreamBeginCapture_v2(d.stream, 0));
    OK(cuEventRecord(fork, d.stream));
    CHECK_EQ(cuEventQuery(fork), CUDA_ERROR_CAPTURED_EVENT);
    OK(cuStreamWaitEvent(side, fork, 0));
    OK(launch(side, f, {1}, {1}, b.address, 3, 4));
    CUgraph g;
    CHECK_EQ(cuStreamEndCapture(side, &g), CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
    CHECK_EQ(cuStreamEndCapture(d.stream, &g), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    for (bool joined : {false, true}) {
        OK(cuStreamBeginCapture_v2(d.stream, 0));
        OK(cuEventRecord(fork, d.stream));
        OK(cuStreamWaitEvent(side, fork, 0));
        OK(launch(side, f, {1}, {1}, b.address, 3, 4));
        OK(cuEventRecord(join, side));
        if (joined) OK(cuStreamWaitEvent(d.stream, join, 0));
        CHECK_EQ(cuStreamEndCapture(d.stream, &g), joined ? CUDA_SUCCESS : CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
    }
    OK(cuGraphLaunch(instantiate(g), d.stream));
    CHECK_EQ(b.get()[0], 4);
}

CASE("lane", illegal_calls_during_capture) {
    const Device d;
    CUdeviceptr p;
    CUgraph g;
    CUevent outside;
    OK(cuEventCreate(&outside, 0));
    OK(cuEventRecord(outside, d.stream));
    Buffer<int> b(std::vector<int>(4, 1));
    int host[4];
    const std::vector<std::pair<const char*, std::function<CUresult()>>> calls = {
        {"cuMemAlloc", [&] { return cuMemAlloc_v2(&p, 16); }},
        {"cuCtxSynchronize", [&] { return cuCtxSynchronize(); }},
        {"cuStreamSynchronize", [&] { return cuStreamSynchronize(d.stream); }},
        {"cuMemcpyDtoH", [&] { return cuMemcpyDtoH_v2(host, b.address, 16); }},
        {"cuMemsetD32", [&] { return cuMemsetD32_v2(b.address, 0, 4); }},
        {"cuMemAllocAsync", [&] { return cuMemAllocAsync(&p, 16, d.stream); }},
    };
    for (const auto& c : calls) {
        OK(cuStreamBeginCapture_v2(d.stream, 0));
        CHECK_EQ(c.second(), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
        int status = 0;
        OK(cuStreamIsCapturing(d.stream, &status));
        CHECK_EQ(status, 2);
        CHECK_EQ(cuMemsetD32Async(b.address, 0, 4, d.stream), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
        CHECK_EQ(cuStreamEndCapture(d.stream, &g), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
        CHECK(g == nullptr);
    }
    OK(cuStreamBeginCapture_v2(d.stream, 2)); // relaxed: allocation is allowed
    OK(cuMemAlloc_v2(&p, 16));
    OK(cuStreamEndCapture(d.stream, &g));
    OK(cuStreamBeginCapture_v2(d.stream, 0));
    CHECK_EQ(cuStreamBeginCapture_v2(d.stream, 0), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQ(cuStreamWaitEvent(d.stream, outside, 0), CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
    CHECK_EQ(cuStreamEndCapture(d.stream, &g), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    CHECK_EQ(cuStreamEndCapture(d.stream, &g), CUDA_ERROR_INVALID_VALUE);
    CHECK_EQ(cuStreamBeginCapture_v2(nullptr, 0), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    CUstream blocking;
    OK(cuStreamCreate(&blocking, 0));
    OK(cuStreamBeginCapture_v2(blocking, 2));
    CHECK_EQ(cuMemsetD32Async(b.address, 0, 4, nullptr), CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
    CHECK_EQ(cuStreamEndCapture(blocking, &g), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}

CASE("lane", captures_and_threads) {
    const Device d;
    CUgraph g;
    CUresult ended = CUDA_SUCCESS, global = CUDA_SUCCESS, local = CUDA_ERROR_UNKNOWN, relaxed = CUDA_ERROR_UNKNOWN;
    const auto elsewhere = [&](std::function<void()> body) {
        std::thread([&] {
            cuCtxSetCurrent(d.context);
            body();
        }).join();
    };
    OK(cuStreamBeginCapture_v2(d.stream, 1)); // thread-local: other threads may allocate
    CUdeviceptr p;
    elsewhere([&] { local = cuMemAlloc_v2(&p, 16); });
    OK(local);
    elsewhere([&] { ended = cuStreamEndCapture(d.stream, &g); });
    CHECK_EQ(ended, CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD);
    OK(cuStreamEndCapture(d.stream, &g));
    OK(cuStreamBeginCapture_v2(d.stream, 0)); // global: they may not, unless they relax their own mode
    elsewhere([&] {
        int mode = 2;
        cuThreadExchangeStreamCaptureMode(&mode);
        relaxed = cuMemAlloc_v2(&p, 16);
        cuThreadExchangeStreamCaptureMode(&mode);
        global = cuMemAlloc_v2(&p, 16);
    });
    OK(relaxed);
    CHECK_EQ(global, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    CHECK_EQ(cuStreamEndCapture(d.stream, &g), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
}
