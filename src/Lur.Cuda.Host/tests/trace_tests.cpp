// The trace against counts by hand. Device 0 traces and runs everything, device 1 runs the recorded blocks alone.
#include <cstdio>
#include <numeric>
#include "harness.h"

using namespace test;

static const char* const tracedText = R"lur(
#include "include/prelude.cuh"
typedef unsigned char byte;
KERNEL copy(float* y, const float* x, int n) { GRID_LOOP(i, n) y[i] = x[i]; }
KERNEL copy_double(double* y, const double* x, int n) { GRID_LOOP(i, n) y[i] = x[i]; }
KERNEL copy_bytes(byte* y, const byte* x, int n) { GRID_LOOP(i, n) y[i] = x[i]; }
KERNEL gather(float* y, const float* x, int stride, int offset) {
    const int i = threadIdx.x + blockIdx.x * blockDim.x;
    y[i] = x[i * stride + offset];
}
KERNEL half_active(float* y, const float* x) {
    const int i = threadIdx.x + blockIdx.x * blockDim.x;
    if (i % 2 == 0) y[i] = x[i];
}
// Lanes leave the loop at different times: lane i reads i % 4 + 1 times.
KERNEL uneven(float* y, const float* x) {
    float s = 0;
    for (int k = 0; k <= (int)threadIdx.x % 4; k++) s += x[k * 32 + threadIdx.x];
    y[threadIdx.x] = s;
}
template <int PITCH> DEVICE void transpose_tile(float* y, const float* x, int n) {
    __shared__ float tile[32 * PITCH];
    const int c = threadIdx.x, r = threadIdx.y;
    for (int k = 0; k < 32; k += 8) tile[(r + k) * PITCH + c] = x[(r + k) * n + c];
    __syncthreads();
    for (int k = 0; k < 32; k += 8) y[(r + k) * n + c] = tile[c * PITCH + r + k];
}
KERNEL COOPERATIVE transpose(float* y, const float* x, int n) { transpose_tile<32>(y, x, n); }
KERNEL COOPERATIVE transpose_padded(float* y, const float* x, int n) { transpose_tile<33>(y, x, n); }
KERNEL COOPERATIVE doubles(double* y, const double* x) {
    extern __shared__ double part[];
    part[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = part[blockDim.x - 1 - threadIdx.x];
}
KERNEL count_all(int* counter) { atomicAdd(counter, 1); }
KERNEL recall(float* y, const float* x, int n) {
    float local[8];
    for (int k = 0; k < 8; k++) local[(k * 3 + n) & 7] = x[k];
    y[threadIdx.x] = local[(threadIdx.x + n) & 7];
}
)lur";

namespace {

struct Seen {
    std::string json;
    // A number behind "key": in the object of `inside`, or of the whole.
    long long number(const char* key, const char* inside = nullptr) const {
        size_t at = inside ? json.find(std::string("\"") + inside + "\":{") : 0;
        if (at == std::string::npos) throw std::runtime_error(std::string("no ") + inside);
        at = json.find(std::string("\"") + key + "\":", at);
        if (at == std::string::npos) throw std::runtime_error(std::string("no ") + key);
        return atoll(json.c_str() + at + strlen(key) + 3);
    }
    void loads(long long requests, long long sectors, long long minimum) const {
        check("loads", requests, sectors, minimum);
    }
    void stores(long long requests, long long sectors, long long minimum) const {
        check("stores", requests, sectors, minimum);
    }

  private:
    void check(const char* what, long long requests, long long sectors, long long minimum) const {
        CHECK_EQ(number("requests", what), requests);
        CHECK_EQ(number("sectors", what), sectors);
        CHECK_EQ(number("minimum", what), minimum);
    }
};

template <class... A>
Seen traced(const Device& d, const char* name, std::vector<unsigned> grid, std::vector<unsigned> block, A... a) {
    lurHostTraceClear();
    OK(launch(d.stream, function(load(d, tracedText), name), grid, block, a...));
    OK(cuStreamSynchronize(d.stream));
    std::vector<char> text(lurHostTrace(nullptr, 0) + 1);
    lurHostTrace(text.data(), text.size());
    return {text.data()};
}

} // namespace

CASE("trace", neighbours_share_sectors) {
    const Device d;
    const int n = 256;
    std::vector<float> values(n);
    std::iota(values.begin(), values.end(), 1.0f);
    Buffer<float> x(values), y(n);
    const Seen s = traced(d, "copy", {2}, {128}, y.address, x.address, n);
    CHECK(y.get() == values); // the trace changes no result
    s.loads(8, 32, 32);       // 8 warps, 128 bytes each
    s.stores(8, 32, 32);
    CHECK_EQ(s.number("lanes"), 2 * 256);
    CHECK_EQ(s.number("activeLanes"), 2 * 256);
    CHECK_EQ(s.number("wordsRead"), n);
    CHECK_EQ(s.number("wordsWritten"), n);
    CHECK_EQ(s.number("recorded"), 2);
    CHECK_EQ(s.number("requests", "shared"), 0);
}

CASE("trace", the_size_of_an_element_counts) {
    const Device d;
    Buffer<double> x(std::vector<double>(64, 1)), y(64);
    traced(d, "copy_double", {1}, {64}, y.address, x.address, 64).loads(2, 16, 16);
    Buffer<unsigned char> u(std::vector<unsigned char>(64, 1)), v(64);
    traced(d, "copy_bytes", {1}, {64}, v.address, u.address, 64).loads(2, 2, 2);
}

CASE("trace", strides_broadcasts_and_shifts) {
    const Device d;
    Buffer<float> x(std::vector<float>(32 * 64 + 8, 1)), y(64);
    traced(d, "gather", {1}, {64}, y.address, x.address, 2, 0).loads(2, 16, 8);  // every other word
    traced(d, "gather", {1}, {64}, y.address, x.address, 32, 0).loads(2, 64, 8); // a sector each
    traced(d, "gather", {1}, {64}, y.address, x.address, 0, 5).loads(2, 2, 2);   // one word for all
    traced(d, "gather", {1}, {64}, y.address, x.address, 1, 1).loads(2, 10, 8);  // 128 bytes over five sectors
    traced(d, "gather", {1}, {64}, y.address, x.address, 1, 8).loads(2, 8, 8);   // shifted by whole sectors
}

CASE("trace", lanes_that_are_elsewhere_are_not_active) {
    const Device d;
    Buffer<float> x(std::vector<float>(128, 1)), y(128);
    const Seen half = traced(d, "half_active", {1}, {64}, y.address, x.address);
    CHECK_EQ(half.number("activeLanes"), 64);
    CHECK_EQ(half.number("lanes"), 128);
    half.loads(2, 8, 4);
    // Four turns of 32, 24, 16 and 8 lanes, and one store.
    const Seen uneven = traced(d, "uneven", {1}, {32}, y.address, x.address);
    CHECK_EQ(uneven.number("activeLanes"), 32 + 24 + 16 + 8 + 32);
    CHECK_EQ(uneven.number("lanes"), 5 * 32);
    CHECK_EQ(uneven.number("requests", "loads"), 4);
    // 20 threads are a warp of 20 lanes: none is missing.
    const Seen small = traced(d, "copy", {1}, {20}, y.address, x.address, 20);
    CHECK_EQ(small.number("activeLanes"), small.number("lanes"));
}

CASE("trace", columns_of_a_tile_meet_in_one_bank_unless_padded) {
    const Device d;
    const int n = 32;
    Buffer<float> x(std::vector<float>(n * n, 1)), y(n * n);
    // 32 writes of a row without conflict, 32 reads of a column.
    const Seen plain = traced(d, "transpose", {1}, {32, 8}, y.address, x.address, n);
    CHECK_EQ(plain.number("requests", "shared"), 64);
    CHECK_EQ(plain.number("passes", "shared"), 32 + 32 * 32);
    CHECK_EQ(plain.number("minimum", "shared"), 64);
    CHECK_EQ(plain.number("worst", "shared"), 32);
    const Seen padded = traced(d, "transpose_padded", {1}, {32, 8}, y.address, x.address, n);
    CHECK_EQ(padded.number("passes", "shared"), 64);
    CHECK_EQ(padded.number("worst", "shared"), 1);
    padded.loads(32, 128, 128);
}

CASE("trace", eight_bytes_are_served_by_halves) {
    const Device d;
    Buffer<double> x(std::vector<double>(64, 1)), y(64);
    double* const none = nullptr;
    (void)none;
    lurHostTraceClear();
    CUdeviceptr py = y.address, px = x.address;
    void* arguments[] = {&py, &px};
    OK(cuLaunchKernel(function(load(d, tracedText), "doubles"), 1, 1, 1, 64, 1, 1, 64 * sizeof(double), d.stream,
                      arguments, nullptr));
    std::vector<char> text(lurHostTrace(nullptr, 0) + 1);
    lurHostTrace(text.data(), text.size());
    const Seen s{text.data()};
    CHECK_EQ(s.number("requests", "shared"), 4);
    CHECK_EQ(s.number("passes", "shared"), 8);
    CHECK_EQ(s.number("worst", "shared"), 1);
}

CASE("trace", atomics_are_counted_and_locals_are_not) {
    const Device d;
    Buffer<int> counter({0});
    CHECK_EQ(traced(d, "count_all", {3}, {64}, counter.address).number("atomics"), 192);
    CHECK_EQ(counter.get()[0], 192);
    Buffer<float> x(std::vector<float>(8, 1)), y(32);
    const Seen s = traced(d, "recall", {1}, {32}, y.address, x.address, 1);
    CHECK_EQ(s.number("requests", "loads"), 8);
    CHECK_EQ(s.number("requests", "shared"), 0);
    s.stores(1, 4, 4);
}

CASE("trace", many_blocks_are_a_sample_at_equal_distances) {
    const int n = 128 * 1000;
    for (int ordinal : {0, 1}) {
        const Device d(ordinal);
        Buffer<float> x(std::vector<float>((size_t)n, 1)), y(std::vector<float>((size_t)n, 0));
        const Seen s = traced(d, "copy", {1000}, {128}, y.address, x.address, n);
        CHECK_EQ(s.number("blocks"), 1000);
        CHECK_EQ(s.number("recorded"), 32);
        s.loads(32 * 4, 32 * 16, 32 * 16);
        CHECK_EQ(s.number("wordsRead"), 32 * 128);
        const std::vector<float> written = y.get();
        CHECK_EQ(std::accumulate(written.begin(), written.end(), 0.0), ordinal ? 32.0 * 128 : n);
    }
}
