// What kernels compute: grids, blocks, shuffles, shared memory, atomics, elementary functions.
#include <numeric>
#include <thread>
#include "harness.h"
#include "kernels.h"

using namespace test;

static void checkMarks(const Device& d, CUfunction f, std::vector<unsigned> grid, std::vector<unsigned> block) {
    grid.resize(3, 1), block.resize(3, 1);
    size_t n = 1;
    for (unsigned v : grid) n *= v;
    for (unsigned v : block) n *= v;
    Buffer<int> marks(std::vector<int>(n, 0)), sizes(6);
    OK(launch(d.stream, f, grid, block, marks.address, sizes.address));
    for (int v : marks.get()) CHECK_EQ(v, 1);
    const std::vector<int> s = sizes.get();
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ((unsigned)s[i], grid[i]);
        CHECK_EQ((unsigned)s[3 + i], block[i]);
    }
}

CASE("lane", grids_in_one_two_and_three_dimensions) {
    const Device d;
    const CUfunction f = function(load(d, kernelText), "mark");
    for (const std::vector<unsigned>& g :
         std::vector<std::vector<unsigned>>{{1}, {2}, {7}, {1009}, {3, 5}, {1, 17}, {2, 3, 4}, {5, 1, 7}, {1, 1, 13}})
        checkMarks(d, f, g, {1});
}

CASE("fiber", grids_and_odd_blocks_in_all_dimensions) {
    const Device d;
    const CUfunction f = function(load(d, kernelText), "mark");
    for (unsigned b : {1, 2, 3, 31, 32, 33, 63, 97, 256, 1023, 1024}) checkMarks(d, f, {3}, {b});
    for (const std::vector<unsigned>& b :
         std::vector<std::vector<unsigned>>{{5, 3}, {1, 37}, {4, 3, 5}, {2, 2, 64}, {32, 32}})
        for (const std::vector<unsigned>& g : std::vector<std::vector<unsigned>>{{1}, {3, 5}, {2, 3, 4}})
            checkMarks(d, f, g, b);
}

// The loops of prelude.cuh near the largest n: blocks and threads that no test can launch are put in the place of
// CUDA's variables, and of the 2^31 - 1 elements the few of one thread are visited.
const char* const loopText = R"(
#include "include/prelude.cuh"
struct Extent { int x, y; };
#undef blockIdx
#undef gridDim
#undef threadIdx
#undef blockDim
#define blockIdx block
#define gridDim grid
#define threadIdx thread
#define blockDim threads
#define VISIT(loop) \
    { int count = 0; loop { if (count < 4) seen[count] = i; if (++count == 4) break; } seen += 4; }
KERNEL visits(int* seen, int n, int b, int blocks, int t, int size) {
    const Extent block{b, 0}, grid{blocks, 1}, thread{t, t}, threads{size, size};
    (void)thread, (void)threads;
    VISIT(GRID_LOOP(i, n)) VISIT(GRID_ROWS(i, n)) VISIT(BLOCK_ROWS(i, n))
#if !LUR_HOST_LANE
    VISIT(LANE_LOOP(i, n))
#endif
}
)";

static std::vector<int> visits(const Device& d, int n, int block, int blocks, int thread, int threads) {
    Buffer<int> seen(std::vector<int>(16, -1));
    OK(launch(d.stream, function(load(d, loopText), "visits"), {1}, {1}, seen.address, n, block, blocks, thread,
              threads));
    OK(cuStreamSynchronize(d.stream));
    return seen.get();
}

CASE("fiber", loops_end_at_the_largest_n) {
    const Device d;
    const int n = 2147483647;
    // GRID_LOOP and GRID_ROWS step by 2^22 x 256 = 2^30: a third index would be 2^31 + 5. BLOCK_ROWS steps by 2^22 from
    // block 0, LANE_LOOP by 256 from thread 5.
    const int s = 1 << 30, g = 1 << 22;
    CHECK(visits(d, n, 0, g, 5, 256) ==
          (std::vector<int>{5, s + 5, -1, -1, 5, s + 5, -1, -1, 0, g, 2 * g, 3 * g, 5, 261, 517, 773}));
    // The last element, and nothing after it: 2^31 - 2 = (2^23 - 1) 256 + 254. The next step leaves the range of int.
    const int last = n - 1, b = (1 << 23) - 1;
    CHECK(visits(d, n, b, b + 1, 254, 256) == (std::vector<int>{last, -1, -1, -1, last, -1, -1, -1, b, 2 * b + 1,
                                                                3 * b + 2, 4 * b + 3, 254, 510, 766, 1022}));
    CHECK(visits(d, n, last, n, last, n) ==
          (std::vector<int>{-1, -1, -1, -1, -1, -1, -1, -1, last, -1, -1, -1, last, -1, -1, -1}));
    // Threads beyond n, and a product of blocks and threads beyond 2^32.
    for (int v : visits(d, n, 1 << 30, n, 1023, 1024)) CHECK(v < 0 || v == 1 << 30 || v % 1024 == 1023);
    // No loop over a length that is not positive.
    for (int v : visits(d, 0, 0, 1, 0, 1)) CHECK_EQ(v, -1);
    for (int v : visits(d, -7, 0, 1, 0, 1)) CHECK_EQ(v, -1);
}

CASE("lane", chunks_end_at_the_largest_n) {
    const Device d;
    const int n = 2147483647;
    // 2^30 blocks of two elements; the last has the odd ones.
    for (int b : {0, 1, 12345, (1 << 30) - 1}) {
        const long long first = (long long)n * b >> 30, end = (long long)n * (b + 1) >> 30;
        const std::vector<int> seen = visits(d, n, b, 1 << 30, 0, 1);
        for (int loop = 0; loop < 3; loop++)
            for (int i = 0; i < 4; i++) CHECK_EQ(seen[(size_t)(4 * loop + i)], first + i < end ? (int)first + i : -1);
    }
}

CASE("fiber", every_shuffle_at_every_lane_and_width) {
    const Device d;
    const CUfunction f = function(load(d, kernelText), "shuffles");
    const unsigned n = 64;
    for (int width : {32, 16, 8, 4, 2, 1}) {
        Buffer<int> out(4 * 32 * n);
        OK(launch(d.stream, f, {1}, {n}, out.address, width));
        const std::vector<int> r = out.get();
        for (int a = 0; a < 32; a++)
            for (int t = 0; t < (int)n; t++) {
                // CUDA C++ Programming Guide, warp shuffle functions: lanes are counted within segments of `width`.
                const int lane = t % 32, base = t - lane, in = lane % width, segment = lane - in;
                const int expected[4] = {
                    segment + a % width,
                    (lane ^ a) < segment + width ? lane ^ a : lane,
                    in - a >= 0 ? lane - a : lane,
                    in + a < width ? lane + a : lane,
                };
                for (int kind = 0; kind < 4; kind++)
                    CHECK_EQ(r[(size_t)((kind * 32 + a) * (int)n + t)], base + expected[kind]);
            }
    }
}

CASE("fiber", shuffles_of_doubles_votes_and_partial_masks) {
    const Device d;
    const CUmodule m = load(d, kernelText);
    Buffer<double> doubles(32);
    OK(launch(d.stream, function(m, "shuffle_double"), {1}, {32}, doubles.address));
    const std::vector<double> x = doubles.get();
    for (size_t t = 0; t < 32; t++) CHECK_EQ(x[t], (double)(t ^ 1) * 1.25);
    Buffer<unsigned> out(4 * 64);
    OK(launch(d.stream, function(m, "votes"), {1}, {64}, out.address));
    const std::vector<unsigned> v = out.get();
    for (unsigned t = 0; t < 64; t++) {
        unsigned ballot = 0;
        for (unsigned l = 0; l < 32; l++) ballot |= ((t / 32 * 32 + l) % 3 == 0 ? 1u : 0u) << l;
        CHECK_EQ(v[t * 4], ballot);
        CHECK_EQ(v[t * 4 + 1], t < 32 ? 1u : 0u);
        CHECK_EQ(v[t * 4 + 2], t < 32 ? 0u : 1u);
        const unsigned partner = t ^ 16, source = partner % 32 < 16 ? partner ^ 3 : partner ^ 1;
        CHECK_EQ(v[t * 4 + 3], source);
    }
}

CASE("lane", a_warp_of_one_lane_keeps_its_values) {
    const Device d;
    const CUmodule m = load(d, kernelText);
    Buffer<int> out(4 * 32);
    OK(launch(d.stream, function(m, "shuffles"), {1}, {1}, out.address, 1));
    for (int v : out.get()) CHECK_EQ(v, 0);
}

static void checkRowSums(const Device& d, unsigned block) {
    const CUfunction f = function(load(d, kernelText), "row_sums");
    for (int n : {1, 2, 31, 32, 33, 127, 1009}) {
        const int rows = 5;
        std::vector<float> x((size_t)(rows * n));
        for (size_t i = 0; i < x.size(); i++) x[i] = (float)(int)(i * 7 % 11) - 3; // small integers: sums are exact
        Buffer<float> in(x), out(rows);
        OK(launch(d.stream, f, {3}, {block}, out.address, in.address, rows, n));
        const std::vector<float> y = out.get();
        for (int r = 0; r < rows; r++)
            CHECK_EQ(y[(size_t)r], std::accumulate(x.begin() + r * n, x.begin() + (r + 1) * n, 0.0f));
    }
}

CASE("lane", block_sums) { checkRowSums(Device(), 1); }
CASE("fiber", block_sums_for_every_block_size) {
    const Device d;
    for (unsigned b : {1, 32, 64, 96, 256, 1024}) checkRowSums(d, b);
}

CASE("both", dynamic_shared_memory) {
    for (int ordinal : {0, 1}) {
        const Device d(ordinal);
        const CUfunction f = function(load(d, kernelText), "reverse");
        for (int n : {1, 7, 1000}) {
            std::vector<int> x((size_t)n);
            std::iota(x.begin(), x.end(), 1);
            Buffer<int> b(x);
            void* arguments[] = {&b.address, &n};
            OK(cuLaunchKernel(f, 1, 1, 1, d.lane() ? 1 : 64, 1, 1, (unsigned)n * 4, d.stream, arguments, nullptr));
            std::vector<int> y = b.get();
            for (int i = 0; i < n; i++) CHECK_EQ(y[(size_t)i], n - i);
        }
    }
}

CASE("both", atomics_count_every_thread) {
    for (int ordinal : {0, 1}) {
        const Device d(ordinal);
        const int n = 5003;
        Buffer<int> counters({0, -1, 1, 0, n - 1});
        Buffer<float> sum({0.0f});
        Buffer<double> wide({0.0});
        Buffer<unsigned long long> big({0ull});
        OK(launch(d.stream, function(load(d, kernelText), "atomics"), {8}, {d.lane() ? 1u : 64u}, counters.address,
                  sum.address, wide.address, big.address, n));
        const std::vector<int> c = counters.get();
        CHECK_EQ(c[0], n);
        CHECK_EQ(c[1], n - 1);
        CHECK_EQ(c[2], -(n - 1));
        CHECK_EQ(c[3], 255);
        CHECK_EQ(c[4], -1);
        CHECK_EQ(sum.get()[0], (float)n); // below 2^24: exact
        CHECK_EQ(wide.get()[0], n * 0.5);
        CHECK_EQ(big.get()[0], (unsigned long long)n << 33);
    }
}

CASE("both", parameters_of_every_size) {
    for (int ordinal : {0, 1}) {
        const Device d(ordinal);
        struct alignas(16) Four {
            float x, y, z, w;
        };
        struct Three {
            int x, y, z;
        };
        Buffer<float> out(6);
        OK(launch(d.stream, function(load(d, kernelText), "structure"), {1}, {1}, out.address, Four{1, 2, 3, 4},
                  Three{5, 6, 7}, 8.5, (short)-9, (char)10));
        const std::vector<float> v = out.get();
        CHECK(v == (std::vector<float>{1, 4, 7, 8.5, -9, 10}));
    }
}

CASE("both", a_plain_CUDA_kernel_with_a_guard) {
    for (int ordinal : {0, 1}) {
        const Device d(ordinal);
        const int n = 1001;
        std::vector<int> x(n);
        std::iota(x.begin(), x.end(), 0);
        Buffer<int> in(x), out(n);
        const unsigned block = d.lane() ? 1 : 128;
        OK(launch(d.stream, function(load(d, kernelText), "plain"), {((unsigned)n + block - 1) / block}, {block}, n,
                  in.address, out.address));
        const std::vector<int> y = out.get();
        for (int i = 0; i < n; i++) CHECK_EQ(y[(size_t)i], 2 * i);
    }
}

CASE("lane", launches_from_two_threads) {
    const Device d;
    const CUfunction f = function(load(d, kernelText), "scale");
    const int rounds = 300, n = 64;
    std::vector<std::thread> threads;
    std::vector<std::vector<int>> results(2);
    for (size_t t = 0; t < 2; t++)
        threads.emplace_back([&, t] {
            cuCtxSetCurrent(d.context);
            Buffer<int> b(std::vector<int>(n, 0));
            for (int i = 0; i < rounds; i++) launch(d.stream, f, {8}, {1}, b.address, 1, n);
            results[t] = b.get();
        });
    for (std::thread& t : threads) t.join();
    for (const auto& r : results)
        for (int v : r) CHECK_EQ(v, rounds);
}

// Distance in units of the last place, between floats of the same sign.
static double ulps(float actual, double expected) {
    if (std::isnan(expected)) return std::isnan(actual) ? 0 : 1e9;
    const float e = (float)expected;
    if (actual == e) return 0;
    if (std::isinf(e) || std::isinf(actual) || std::isnan(actual)) return 1e9;
    const double unit = std::fabs(e) < std::numeric_limits<float>::min() ? std::numeric_limits<float>::denorm_min()
                                                                         : std::ldexp(1.0, std::ilogb(e) - 23);
    return std::fabs((double)actual - expected) / unit;
}

CASE("lane", exp_and_log_are_right_to_two_ulp) {
    const Device d;
    std::vector<float> x = {0.0f,        -0.0f,       1.0f,        -1.0f,       INFINITY,   -INFINITY, NAN,
                            88.72283f,   88.73f,      89.5f,       1e30f,       -87.34f,    -90.0f,    -103.28f,
                            -103.98f,    -104.5f,     -1e30f,      1e-38f,      1e-40f,     1.4e-45f,  3.4028e38f,
                            0.70710677f, 0.70710678f, 1.41421356f, 0.99999994f, 1.00000012f};
    for (int i = 0; i < 40000; i++) x.push_back(-105.0f + 195.0f * (float)i / 40000);           // exp's range
    for (int i = 0; i < 40000; i++) x.push_back((float)std::exp(-100.0 + 188.0 * i / 40000.0)); // log's range
    Buffer<float> in(x), out(2 * x.size());
    // Every level of the instruction set that this CPU has; the one without FMA takes another way.
    for (int level = 2; level <= d.attribute(76); level++) {
        const Compiled c =
            compile("#include \"include/prelude.cuh\"\nKERNEL elementary(float* out, const float* x, int n) {"
                    " GRID_LOOP(i, n) { out[2 * i] = real_exp(x[i]); out[2 * i + 1] = real_log(x[i]); } }",
                    {"-arch=sm_" + std::to_string(level)});
        OK(c.result);
        CUmodule m;
        OK(cuModuleLoadData(&m, c.image.data()));
        OK(launch(d.stream, function(m, "elementary"), {8}, {1}, out.address, in.address, (int)x.size()));
        const std::vector<float> y = out.get();
        for (size_t i = 0; i < x.size(); i++) {
            if (ulps(y[2 * i], std::exp((double)x[i])) > 2)
                failCase(__FILE__, __LINE__,
                         "exp(" + show(x[i]) + ") is " + show(y[2 * i]) + " at level " + show(level));
            if (ulps(y[2 * i + 1], std::log((double)x[i])) > 2)
                failCase(__FILE__, __LINE__,
                         "log(" + show(x[i]) + ") is " + show(y[2 * i + 1]) + " at level " + show(level));
        }
        CHECK(y[1] == -INFINITY && y[3] == -INFINITY && std::isnan(y[7]));
    }
}
