// The checks: bad accesses, uninitialised memory, races, divergent barriers. Device 0 is a fiber device with every
// check, 1 a lane device with memory and init, 2 a fiber device with the memory check alone.
#include <csetjmp>
#include <csignal>
#include "../driver/fault.h"
#include "harness.h"
#include "kernels.h"

using namespace test;

static void checkSticky(const Device& d, CUresult code) {
    CUdeviceptr p;
    CHECK_EQ(cuCtxSynchronize(), code);
    CHECK_EQ(cuMemAlloc_v2(&p, 16), code);
    CHECK_EQ(cuStreamSynchronize(d.stream), code);
    OK(cuDevicePrimaryCtxReset_v2(d.device));
    CUcontext c;
    OK(cuDevicePrimaryCtxRetain(&c, d.device));
    OK(cuCtxSetCurrent(c));
    OK(cuCtxSynchronize());
}

CASE("checks", a_read_past_the_end_names_kernel_block_and_thread) {
    const Device d(0);
    const int n = 1000;
    Buffer<float> x(std::vector<float>(n, 1)), y(n);
    CHECK_EQ(launch(d.stream, function(load(d, kernelText), "past_end"), {4}, {32}, y.address, x.address, n),
             CUDA_ERROR_ILLEGAL_ADDRESS);
    // i = 70: block 2, thread 6
    CHECK_CONTAINS(lurHostLastDiagnostic(), "kernel past_end, block (2,0,0), thread (6,0,0): read at 0x");
    CHECK_CONTAINS(lurHostLastDiagnostic(), "0 bytes after the end of the allocation");
    CHECK_CONTAINS(lurHostLastDiagnostic(), "of 4000 bytes");
    const char* s;
    OK(cuGetErrorString(CUDA_ERROR_ILLEGAL_ADDRESS, &s));
    CHECK_CONTAINS(s, "past_end");
    checkSticky(d, CUDA_ERROR_ILLEGAL_ADDRESS);
}

CASE("checks", a_lane_device_catches_it_too) {
    const Device d(1);
    const int n = 1000;
    Buffer<float> x(std::vector<float>(n, 1)), y(n);
    CHECK_EQ(launch(d.stream, function(load(d, kernelText), "past_end"), {20}, {1}, y.address, x.address, n),
             CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK_CONTAINS(lurHostLastDiagnostic(), "kernel past_end, block (1,0,0), thread (0,0,0): read at 0x"); // 50 a block
    checkSticky(d, CUDA_ERROR_ILLEGAL_ADDRESS);
}

CASE("checks", a_write_past_the_end) {
    for (int ordinal : {0, 1, 2}) {
        const Device d(ordinal);
        Buffer<float> y(999);
        CHECK_EQ(launch(d.stream, function(load(d, kernelText), "write_past"), {2}, {1}, y.address, 999, 997),
                 CUDA_ERROR_ILLEGAL_ADDRESS);
        CHECK_CONTAINS(lurHostLastDiagnostic(), "block (1,0,0), thread (0,0,0): write at 0x");
        CHECK_CONTAINS(lurHostLastDiagnostic(), "12 bytes after the end of the allocation");
    }
}

CASE("checks", a_write_before_the_start) {
    for (int ordinal : {0, 1}) {
        const Device d(ordinal);
        const CUfunction f = function(load(d, kernelText), "before_start");
        Buffer<float> whole(1024); // fills its page: the guard page is right before it
        CHECK_EQ(launch(d.stream, f, {1}, {1}, whole.address, 8), CUDA_ERROR_ILLEGAL_ADDRESS);
        CHECK_CONTAINS(lurHostLastDiagnostic(), "write at 0x");
        CHECK_CONTAINS(lurHostLastDiagnostic(), "4 bytes before the start of the allocation");
    }
    const Device d(2);
    Buffer<float> part(8); // starts inside its page: the filling before it has changed
    CHECK_EQ(launch(d.stream, function(load(d, kernelText), "before_start"), {1}, {1}, part.address, 8),
             CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK_CONTAINS(lurHostLastDiagnostic(), "kernel before_start: a write 4 bytes before the start of the allocation");
}

CASE("checks", use_after_free_null_and_wild_pointers) {
    for (int ordinal : {0, 1}) {
        CUdeviceptr freed;
        {
            const Device d(ordinal);
            Buffer<float> y(4);
            OK(cuMemAlloc_v2(&freed, 64));
            OK(cuMemFree_v2(freed));
            CHECK_EQ(launch(d.stream, function(load(d, kernelText), "read_one"), {1}, {1}, y.address, freed),
                     CUDA_ERROR_ILLEGAL_ADDRESS);
            CHECK_CONTAINS(lurHostLastDiagnostic(), "inside the freed allocation");
        }
        {
            const Device d(ordinal);
            Buffer<float> y(4);
            CHECK_EQ(launch(d.stream, function(load(d, kernelText), "read_one"), {1}, {1}, y.address, (CUdeviceptr)0),
                     CUDA_ERROR_ILLEGAL_ADDRESS);
            CHECK_CONTAINS(lurHostLastDiagnostic(), "read at 0x0, far from every device allocation");
        }
        const Device d(ordinal);
        Buffer<float> y(4);
        CHECK_EQ(launch(d.stream, function(load(d, kernelText), "far_away"), {1}, {1}, y.address),
                 CUDA_ERROR_ILLEGAL_ADDRESS);
        CHECK_CONTAINS(lurHostLastDiagnostic(), "an address that no memory can have");
    }
}

CASE("checks", allocations_end_at_a_guard_page_whatever_their_size) {
    const Device d(1);
    for (size_t n : {1, 2, 3, 31, 64, 1023, 1024, 1025, 4099}) {
        Buffer<float> b(n);
        CHECK_EQ((b.address + n * sizeof(float)) % 4096, 0u);
        for (float v : b.get()) CHECK(std::isnan(v)); // init: new memory is NaN
    }
}

CASE("checks", a_stack_overflow_in_a_fiber) {
    const Device d(2);
    Buffer<int> y(1);
    CHECK_EQ(launch(d.stream, function(load(d, kernelText), "stack_overflow"), {1}, {1}, y.address, 100000),
             CUDA_ERROR_ILLEGAL_ADDRESS);
    CHECK_CONTAINS(lurHostLastDiagnostic(), "a fiber's stack");
}

static sigjmp_buf returnPoint;
static void ownHandler(int) { siglongjmp(returnPoint, 1); }

CASE("handlers", faults_outside_kernels_reach_the_previous_handler) {
    signal(SIGSEGV, ownHandler);
    const Device d; // installs the driver's handler in front
    volatile bool reached = false;
    if (sigsetjmp(returnPoint, 1) == 0)
        *(volatile int*)8 = 1;
    else
        reached = true;
    CHECK(reached);
    Buffer<float> y(4);
    CHECK_EQ(launch(d.stream, function(load(d, kernelText), "read_one"), {1}, {1}, y.address, (CUdeviceptr)0),
             CUDA_ERROR_ILLEGAL_ADDRESS); // in a kernel it does not, also without the memory check
}

CASE("checks", uninitialised_memory_reads_as_NaN) {
    for (int ordinal : {0, 1}) {
        const Device d(ordinal);
        const CUmodule m = load(d, kernelText);
        const unsigned block = d.lane() ? 1 : 64;
        Buffer<float> x(10), y(std::vector<float>(4, 0));
        OK(launch(d.stream, function(m, "read_one"), {1}, {block}, y.address, x.address));
        CHECK(std::isnan(y.get()[0]));
        for (int round = 0; round < 2; round++) { // a block must not see what the one before left
            OK(launch(d.stream, function(m, "uninitialised_shared"), {4}, {block}, y.address));
            for (float v : y.get()) CHECK(std::isnan(v));
        }
        CUdeviceptr p;
        OK(cuMemAllocAsync(&p, 4000, d.stream));
        OK(cuMemsetD32_v2(p, 0, 1000));
        OK(cuMemFreeAsync(p, d.stream));
        OK(cuMemAllocAsync(&p, 4000, d.stream));
        float v = 0;
        OK(cuMemcpyDtoH_v2(&v, p + 40, 4));
        CHECK(std::isnan(v));
    }
}

static void expectRace(const char* kernel, std::function<CUresult(const Device&, CUfunction)> run) {
    const Device d(0);
    CHECK_EQ(run(d, function(load(d, kernelText), kernel)), CUDA_ERROR_LAUNCH_FAILED);
    CHECK_CONTAINS(lurHostLastDiagnostic(), std::string("kernel ") + kernel + ": a race");
    CHECK_CONTAINS(lurHostLastDiagnostic(), "of the allocation 0x");
    checkSticky(d, CUDA_ERROR_LAUNCH_FAILED);
}

CASE("checks", planted_races_are_caught) {
    const auto one = [](unsigned grid, unsigned block) {
        return [=](const Device& d, CUfunction f) {
            Buffer<int> y(std::vector<int>(1024, 0));
            return launch(d.stream, f, {grid}, {block}, y.address);
        };
    };
    expectRace("missing_barrier", one(1, 64));
    expectRace("missing_syncwarp", one(1, 32));
    expectRace("cross_block", one(3, 1));
    expectRace("missing_second_barrier", [](const Device& d, CUfunction f) {
        Buffer<int> y(std::vector<int>(64, 0));
        return launch(d.stream, f, {1}, {64}, y.address, 4);
    });
    expectRace("float_atomics", [](const Device& d, CUfunction f) {
        std::vector<float> v(200);
        for (size_t i = 0; i < v.size(); i++) v[i] = 1.0f / (float)(i + 3); // sums that round
        Buffer<float> y({0.0f}), x(v);
        return launch(d.stream, f, {2}, {32}, y.address, x.address, 200);
    });
    expectRace("through_table", [](const Device& d, CUfunction f) {
        Buffer<float> target({1.0f});
        Buffer<CUdeviceptr> table({target.address});
        return launch(d.stream, f, {2}, {1}, table.address);
    });
}

CASE("checks", correct_kernels_pass_the_race_check) {
    const Device d(0);
    const CUmodule m = load(d, kernelText);
    Buffer<int> y(std::vector<int>(256, 0)), x(std::vector<int>(256, 3));
    OK(launch(d.stream, function(m, "with_barrier"), {1}, {256}, y.address));
    for (int i = 0; i < 256; i++) CHECK_EQ(y.get()[(size_t)i], 255 - i);
    OK(launch(d.stream, function(m, "scale"), {2}, {64}, y.address, 2, 256)); // reads what it writes: from one snapshot
    CHECK_EQ(y.get()[5], 2 * 250 + 1);
    Buffer<int> sum({10});
    OK(launch(d.stream, function(m, "int_atomics"), {2}, {64}, sum.address, x.address, 256));
    CHECK_EQ(sum.get()[0], 10 + 3 * 256);
    Buffer<float> in(std::vector<float>(300, 0.1f)), out(3);
    OK(launch(d.stream, function(m, "row_sums"), {2}, {96}, out.address, in.address, 3, 100));
}

static void expectDivergence(const char* kernel, unsigned block, std::vector<std::string> parts) {
    const Device d(2);
    Buffer<int> y(1024);
    CHECK_EQ(launch(d.stream, function(load(d, kernelText), kernel), {1, 2}, {block}, y.address),
             CUDA_ERROR_LAUNCH_FAILED);
    CHECK_CONTAINS(lurHostLastDiagnostic(), std::string("kernel ") + kernel + ", block (0,");
    for (const std::string& p : parts) CHECK_CONTAINS(lurHostLastDiagnostic(), p);
    checkSticky(d, CUDA_ERROR_LAUNCH_FAILED);
}

CASE("checks", divergent_barriers_are_reported_with_file_and_line) {
    expectDivergence(
        "early_return", 64,
        {"thread (0,0,0) waits at __syncthreads() in test.cu:1000", "thread (3,0,0) never reaches: it has returned"});
    expectDivergence("two_barriers", 64, {"test.cu:1100", "test.cu:1200"});
    expectDivergence("half_barrier", 64,
                     {"thread (32,0,0) waits at __syncthreads() in test.cu:1300", "it has returned"});
    expectDivergence("half_shuffle", 32, {"__syncthreads()", "a shuffle in test.cu:1400"});
    expectDivergence("foreign_mask", 32, {"thread (16,0,0)", "test.cu:1500", "0x0000ffff", "own lane 16"});
    // After all that the device still works.
    const Device d(2);
    Buffer<int> y(64);
    OK(launch(d.stream, function(load(d, kernelText), "with_barrier"), {1}, {64}, y.address));
    CHECK_EQ(y.get()[0], 63);
}

CASE("checks", a_shuffle_from_a_returned_lane_reads_NaN) {
    const Device d(2);
    Buffer<float> y(std::vector<float>(32, 0));
    OK(launch(d.stream, function(load(d, kernelText), "returned_lane"), {1}, {32}, y.address));
    const std::vector<float> v = y.get();
    CHECK(std::isnan(v[0]));
    CHECK_EQ(v[2], 3.0f);
}
