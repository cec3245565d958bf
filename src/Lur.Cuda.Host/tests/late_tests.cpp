// The check `late`: a wrong program gets other bytes than a right one, which gets those that it always gets.
#include "harness.h"
#include "kernels.h"

using namespace test;

namespace {

template <class T> struct Host {
    T* p = nullptr;
    explicit Host(std::initializer_list<T> values) {
        OK(cuMemHostAlloc((void**)&p, values.size() * sizeof(T), 0));
        std::copy(values.begin(), values.end(), p);
    }
    ~Host() { cuMemFreeHost(p); }
};

// A device with a second stream beside its own.
struct Two : Device {
    CUstream copies = nullptr;
    CUfunction scale;
    explicit Two(int ordinal) : Device(ordinal), scale(function(load(*this, kernelText), "scale")) {
        OK(cuStreamCreate(&copies, 1));
    }
    // x[i] = x[i] * factor + 1, as kernels.h has it.
    void run(CUdeviceptr x, int factor) const { OK(launch(stream, scale, {1}, {1}, x, factor, 1)); }
};

} // namespace

CASE("late", a_source_that_is_overwritten_too_early_arrives_changed) {
    for (int ordinal : {0, 1}) {
        const Two d(ordinal);
        Buffer<int> x({0});
        Host<int> source({7});
        OK(cuMemcpyHtoDAsync_v2(x.address, source.p, 4, d.stream));
        source.p[0] = 8; // before the copy is known to be done
        OK(cuStreamSynchronize(d.stream));
        CHECK_EQ(x.get()[0], 8);
        OK(cuMemcpyHtoDAsync_v2(x.address, source.p, 4, d.stream));
        OK(cuStreamSynchronize(d.stream));
        source.p[0] = 9;
        CHECK_EQ(x.get()[0], 8);
    }
}

CASE("late", a_result_that_is_read_too_early_is_the_old_one) {
    for (int ordinal : {0, 1}) {
        const Two d(ordinal);
        Buffer<int> x({5});
        Host<int> result({-1});
        CUevent e;
        OK(cuEventCreate(&e, 2));
        d.run(x.address, 3);
        OK(cuMemcpyDtoHAsync_v2(result.p, x.address, 4, d.stream));
        OK(cuEventRecord(e, d.stream));
        CHECK_EQ(result.p[0], -1);
        OK(cuEventSynchronize(e));
        CHECK_EQ(result.p[0], 16);
    }
}

CASE("late", streams_without_an_event_between_them_do_not_wait) {
    for (int ordinal : {0, 1}) {
        const Two d(ordinal);
        Host<int> source({10}), result({-1});
        CUevent e;
        OK(cuEventCreate(&e, 2));
        for (bool right : {false, true}) {
            Buffer<int> x({1});
            OK(cuMemcpyHtoDAsync_v2(x.address, source.p, 4, d.copies));
            OK(cuEventRecord(e, d.copies));
            if (right) OK(cuStreamWaitEvent(d.stream, e, 0));
            d.run(x.address, 2);
            OK(cuMemcpyDtoHAsync_v2(result.p, x.address, 4, d.stream));
            OK(cuStreamSynchronize(d.stream));
            CHECK_EQ(result.p[0], right ? 21 : 3);
            OK(cuCtxSynchronize());
        }
    }
}

CASE("late", an_event_means_the_work_before_its_last_record) {
    const Two d(0);
    Buffer<int> x({1});
    Host<int> first({10}), second({20}), result({0});
    CUevent e, timed, after;
    OK(cuEventCreate(&e, 2));
    OK(cuEventCreate(&timed, 0));
    OK(cuEventCreate(&after, 0));
    OK(cuMemcpyHtoDAsync_v2(x.address, first.p, 4, d.copies));
    OK(cuEventRecord(e, d.copies));
    OK(cuStreamWaitEvent(d.stream, e, 0));
    OK(cuMemcpyDtoHAsync_v2(result.p, x.address, 4, d.stream));
    OK(cuMemcpyHtoDAsync_v2(x.address, second.p, 4, d.copies));
    OK(cuEventRecord(e, d.copies)); // recorded anew: who waits already waits for the first copy only
    OK(cuStreamSynchronize(d.stream));
    CHECK_EQ(result.p[0], 10);
    CHECK_EQ(cuEventQuery(e), CUDA_ERROR_NOT_READY);
    OK(cuEventQuery(e)); // a program that asks until it is done gets on
    CHECK_EQ(x.get()[0], 20);
    OK(cuEventRecord(timed, d.stream));
    d.run(x.address, 2);
    OK(cuEventRecord(after, d.stream));
    float ms = -1;
    CHECK_EQ(cuEventElapsedTime(&ms, timed, after), CUDA_ERROR_NOT_READY);
    CHECK_EQ(cuStreamQuery(d.stream), CUDA_ERROR_NOT_READY);
    OK(cuStreamQuery(d.stream));
    OK(cuEventElapsedTime(&ms, timed, after));
    CHECK(ms >= 0);
    CHECK_EQ(x.get()[0], 41);
}

CASE("late", a_graph_reads_its_pinned_memory_when_it_runs) {
    for (int ordinal : {0, 1}) {
        const Two d(ordinal);
        Buffer<int> x({0});
        Host<int> source({1}), result({0});
        OK(cuStreamBeginCapture_v2(d.stream, 2));
        OK(cuMemcpyHtoDAsync_v2(x.address, source.p, 4, d.stream));
        d.run(x.address, 5);
        OK(cuMemcpyDtoHAsync_v2(result.p, x.address, 4, d.stream));
        CUgraph g;
        CUgraphExec exec;
        OK(cuStreamEndCapture(d.stream, &g));
        OK(cuGraphInstantiateWithFlags(&exec, g, 0));
        OK(cuGraphLaunch(exec, d.stream));
        source.p[0] = 2; // the next batch, before this one is done
        OK(cuGraphLaunch(exec, d.stream));
        CHECK_EQ(result.p[0], 0);
        OK(cuStreamSynchronize(d.stream));
        CHECK_EQ(result.p[0], 11);
    }
}

CASE("late", pageable_memory_and_the_default_stream_are_as_always) {
    const Two d(0);
    Buffer<int> x({0});
    int source = 3, result = 0;
    OK(cuMemcpyHtoDAsync_v2(x.address, &source, 4, d.stream));
    source = 4; // CUDA has put it aside
    d.run(x.address, 2);
    OK(cuMemcpyDtoHAsync_v2(&result, x.address, 4, d.stream));
    CHECK_EQ(result, 7);
    CUstream blocking;
    OK(cuStreamCreate(&blocking, 0));
    OK(cuMemsetD32Async(x.address, 6, 1, blocking));
    CHECK_EQ(x.get()[0], 6); // the default stream waits for it
    OK(cuMemsetD32Async(x.address, 9, 1, d.stream));
    CHECK_EQ(x.get()[0], 6); // and not for a non-blocking one
    OK(cuCtxSynchronize());
    CHECK_EQ(x.get()[0], 9);
    CUdeviceptr gone;
    OK(cuMemAlloc_v2(&gone, 4));
    OK(cuMemsetD32Async(gone, 1, 1, d.stream));
    OK(cuMemFree_v2(gone)); // waits for the device
    OK(cuMemsetD32Async(x.address, 5, 1, d.copies));
    OK(cuStreamDestroy_v2(d.copies)); // its work is done all the same
    CHECK_EQ(x.get()[0], 5);
}

CASE("late", a_fault_is_told_when_something_waits) {
    const Two d(1); // with the memory check
    Buffer<float> x(std::vector<float>(100, 1)), y(100);
    const CUfunction f = function(load(d, kernelText), "past_end");
    OK(launch(d.stream, f, {1}, {32}, y.address, x.address, 100));
    OK(launch(d.stream, f, {1}, {32}, y.address, x.address, 100));
    CHECK_EQ(cuStreamSynchronize(d.stream), CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK_CONTAINS(lurHostLastDiagnostic(), "past_end");
    CHECK_EQ(cuStreamSynchronize(d.stream), CUDA_ERROR_ILLEGAL_ADDRESS); // sticky
}
