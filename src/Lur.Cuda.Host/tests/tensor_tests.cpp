// Tensor cores and asynchronous copies of fiber devices against the layouts of the PTX manual, written down anew here.
#include "harness.h"

using namespace test;

static const char* const tensorText = R"lur(
#include "include/mma.cuh"
typedef unsigned short half_word;

DEVICE unsigned two(const float* p, int step) {
    const unsigned low = __float_as_uint(p[0]) >> 16, high = __float_as_uint(p[step]) >> 16;
    return low | high << 16;
}
// d[16][8] = c + a[16][K] b[K][8], fragments filled by the manual's formulas.
KERNEL COOPERATIVE product_bf16(float* d, const float* a, const float* b, const float* c) {
    const int group = threadIdx.x >> 2, inGroup = threadIdx.x % 4;
    unsigned ra[4], rb[2];
    for (int i = 0; i < 8; i += 2) { // elements a_i and a_(i+1)
        const int row = (i < 2 || (4 <= i && i < 6)) ? group : group + 8;
        const int column = i < 4 ? inGroup * 2 : inGroup * 2 + 8;
        ra[i / 2] = two(a + row * 16 + column, 1);
    }
    for (int i = 0; i < 4; i += 2) rb[i / 2] = two(b + (inGroup * 2 + (i < 2 ? 0 : 8)) * 8 + group, 8);
    float rc[4];
    for (int i = 0; i < 4; i++) rc[i] = c[(i < 2 ? group : group + 8) * 8 + inGroup * 2 + (i & 1)];
    mma(Bf16{}, rc, ra, rb);
    for (int i = 0; i < 4; i++) d[(i < 2 ? group : group + 8) * 8 + inGroup * 2 + (i & 1)] = rc[i];
}
KERNEL COOPERATIVE product_tf32(float* d, const float* a, const float* b, const float* c) {
    const int group = threadIdx.x >> 2, inGroup = threadIdx.x % 4;
    unsigned ra[4], rb[2];
    for (int i = 0; i < 4; i++) {
        const int row = (i == 0 || i == 2) ? group : group + 8, column = i < 2 ? inGroup : inGroup + 4;
        ra[i] = __float_as_uint(a[row * 8 + column]);
    }
    for (int i = 0; i < 2; i++) rb[i] = __float_as_uint(b[(inGroup + 4 * i) * 8 + group]);
    float rc[4];
    for (int i = 0; i < 4; i++) rc[i] = c[(i < 2 ? group : group + 8) * 8 + inGroup * 2 + (i & 1)];
    mma(Tf32{}, rc, ra, rb);
    for (int i = 0; i < 4; i++) d[(i < 2 ? group : group + 8) * 8 + inGroup * 2 + (i & 1)] = rc[i];
}
// out[form][register][lane]; rows in an order of their own.
template <int COUNT, bool T> DEVICE void loads(unsigned* out, const Granule* rows) {
    unsigned r[4] = {7, 7, 7, 7};
    load_granules<COUNT, T>(r, rows + (threadIdx.x * 5 + 3) % 32);
    for (int i = 0; i < 4; i++) out[i * 32 + threadIdx.x] = r[i];
}
KERNEL COOPERATIVE matrices(unsigned* out) {
    __shared__ Granule rows[32];
    half_word* h = (half_word*)rows;
    LANE_LOOP (i, 256) h[i] = (half_word)(i * 3);
    __syncthreads();
    loads<1, false>(out, rows), loads<2, false>(out + 128, rows), loads<4, false>(out + 256, rows);
    loads<1, true>(out + 384, rows), loads<2, true>(out + 512, rows), loads<4, true>(out + 640, rows);
}
// What one thread sees: before the commit, before the wait, after waits that leave 1 and 0 groups.
KERNEL COOPERATIVE copies(int* out, const int* in) {
    __shared__ Granule room[8];
    int* p = (int*)room;
    for (int i = 0; i < 32; i++) p[i] = -1;
    copy_async<4>(p, in, 4);
    copy_async<8>(p + 2, in + 2, 8);
    for (int i = 0; i < 32; i++) out[i] = p[i];
    commit_copies();
    copy_async<16>(p + 4, in + 4, 16);
    copy_async<16>(p + 8, in + 8, 4);
    commit_copies();
    copy_async<16>(p + 12, in + 12, 0);
    commit_copies();
    for (int i = 0; i < 32; i++) out[32 + i] = p[i];
    wait_copies<2>();
    for (int i = 0; i < 32; i++) out[64 + i] = p[i];
    wait_copies<1>();
    for (int i = 0; i < 32; i++) out[96 + i] = p[i];
    copy_async<4>(p + 16, in + 16, 4); // of no group yet: no wait lands it
    wait_copies<0>();
    for (int i = 0; i < 32; i++) out[128 + i] = p[i];
}
#define TURNED(wait, before, after)                                                    \
    __shared__ int part[64];                                                           \
    int sum = 0;                                                                       \
    for (int r = 0; r < 3; r++) {                                                      \
        before;                                                                        \
        copy_async<4>(part + threadIdx.x, x + r * 64 + threadIdx.x, 4);                \
        commit_copies();                                                               \
        wait;                                                                          \
        after;                                                                         \
        sum += part[63 - threadIdx.x] * (r + 1);                                       \
    }                                                                                  \
    y[threadIdx.x] = sum;
KERNEL COOPERATIVE right_copies(int* y, const int* x) { TURNED(wait_copies<0>(), __syncthreads(), __syncthreads()) }
KERNEL COOPERATIVE no_wait(int* y, const int* x) { TURNED(, __syncthreads(), __syncthreads()) }
KERNEL COOPERATIVE late_wait(int* y, const int* x) { TURNED(wait_copies<1>(), __syncthreads(), __syncthreads()) }
KERNEL COOPERATIVE no_barrier_behind(int* y, const int* x) { TURNED(wait_copies<0>(), __syncthreads(), ) }
KERNEL COOPERATIVE no_barrier_before(int* y, const int* x) { TURNED(wait_copies<0>(), , __syncthreads()) }
// The copy of the next round is given while others still read: with a copy that lands at its wait, behind the barrier,
// every order of threads is right.
KERNEL COOPERATIVE overwritten(int* y, const int* x) {
    __shared__ int part[64];
    part[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    copy_async<4>(part + threadIdx.x, x + 64 + threadIdx.x, 4);
    commit_copies();
    const int sum = part[63 - threadIdx.x];
    __syncthreads();
    wait_copies<0>();
    __syncthreads();
    y[threadIdx.x] = sum + 2 * part[63 - threadIdx.x];
}
KERNEL COOPERATIVE few_lanes(float* y) {
    float d[4] = {0, 0, 0, 0};
    const unsigned a[4] = {0, 0, 0, 0}, b[2] = {0, 0};
    if (threadIdx.x != 9) mma(Bf16{}, d, a, b);
    y[threadIdx.x] = d[0];
}
KERNEL COOPERATIVE two_kinds(float* y) {
    float d[4] = {0, 0, 0, 0};
    const unsigned a[4] = {0, 0, 0, 0}, b[2] = {0, 0};
    if (threadIdx.x < 9) mma(Bf16{}, d, a, b); else mma(Tf32{}, d, a, b);
    y[threadIdx.x] = d[0];
}
KERNEL COOPERATIVE copy_from(int* y, const int* x, int at, int to) {
    __shared__ Granule room[32];
    int* p = (int*)room;
    if (threadIdx.x == 5) copy_async<16>(p + to, x + at, 16);
    commit_copies();
    wait_copies<0>();
    y[threadIdx.x] = p[threadIdx.x];
}
// Traced: granules of rows that are `pitch` granules apart.
KERNEL COOPERATIVE pitched(unsigned* y, const unsigned* x, int pitch) {
    __shared__ Granule room[32 * 9];
    copy_async<16>(room + threadIdx.x * pitch, x + threadIdx.x * 4, 16);
    commit_copies();
    wait_copies<0>();
    __syncthreads();
    unsigned r[4];
    load_granules<4, false>(r, room + threadIdx.x * pitch);
    y[threadIdx.x] = r[0] + r[1] + r[2] + r[3];
}
)lur";

// Whole numbers that bf16 has.
static std::vector<float> marks(size_t n, unsigned seed) {
    std::vector<float> v(n);
    for (float& x : v) x = (float)((int)((seed = seed * 1664525u + 1013904223u) >> 24) - 128);
    return v;
}

static void checkProduct(const Device& d, const char* kernel, int k) {
    const CUfunction f = function(load(d, tensorText), kernel);
    const std::vector<float> c = marks(128, 3);
    Buffer<float> out(128), bufferC(c);
    // Every pair of elements that may meet, alone, then all of them.
    for (int i = 0; i <= 16 * k; i += i < 16 * k - 40 ? 37 : 1) {
        std::vector<float> a = marks(16 * (size_t)k, 1), b = marks(8 * (size_t)k, 2);
        if (i < 16 * k)
            for (int j = 0; j < 16 * k; j++) a[(size_t)j] = j == i ? 1.0f : 0.0f;
        Buffer<float> bufferA(a), bufferB(b);
        OK(launch(d.stream, f, {1}, {32}, out.address, bufferA.address, bufferB.address, bufferC.address));
        const std::vector<float> got = out.get();
        for (int row = 0; row < 16; row++)
            for (int column = 0; column < 8; column++) {
                float sum = c[(size_t)(row * 8 + column)];
                for (int m = 0; m < k; m++) sum += a[(size_t)(row * k + m)] * b[(size_t)(m * 8 + column)];
                CHECK_EQ(got[(size_t)(row * 8 + column)], sum);
            }
    }
}

CASE("fiber", tensor_products_of_bf16_have_the_fragments_of_the_manual) { checkProduct(Device(), "product_bf16", 16); }
CASE("fiber", tensor_products_of_tf32_have_the_fragments_of_the_manual) { checkProduct(Device(), "product_tf32", 8); }

CASE("fiber", tensor_products_read_no_more_of_tf32_than_there_is) {
    const Device d;
    std::vector<float> a(128, 0), b(64, 0);
    a[0] = 1.0f + 1.0f / 8192, b[0] = 1; // 13 bits behind the point
    Buffer<float> out(128), bufferA(a), bufferB(b), c(std::vector<float>(128, 0));
    OK(launch(d.stream, function(load(d, tensorText), "product_tf32"), {1}, {32}, out.address, bufferA.address,
              bufferB.address, c.address));
    CHECK_EQ(out.get()[0], 1.0f);
}

CASE("fiber", matrices_are_loaded_as_in_the_manual) {
    const Device d;
    Buffer<unsigned> out(768);
    OK(launch(d.stream, function(load(d, tensorText), "matrices"), {1}, {32}, out.address));
    const std::vector<unsigned> got = out.get();
    const int counts[] = {1, 2, 4, 1, 2, 4};
    for (int form = 0; form < 6; form++)
        for (int i = 0; i < 4; i++)
            for (int lane = 0; lane < 32; lane++) {
                const auto element = [&](int row, int column) {
                    return (unsigned)(((8 * i + row) * 5 + 3) % 32 * 8 + column) * 3;
                };
                const int g = lane / 4, t = lane % 4;
                const unsigned low = form < 3 ? element(g, 2 * t) : element(2 * t, g);
                const unsigned high = form < 3 ? element(g, 2 * t + 1) : element(2 * t + 1, g);
                CHECK_EQ(got[(size_t)(form * 128 + i * 32 + lane)], i < counts[form] ? low | high << 16 : 7u);
            }
}

CASE("fiber", asynchronous_copies_land_at_the_wait_of_their_group) {
    const Device d;
    std::vector<int> in(32);
    for (int i = 0; i < 32; i++) in[(size_t)i] = 100 + i;
    Buffer<int> out(160), from(in);
    OK(launch(d.stream, function(load(d, tensorText), "copies"), {1}, {1}, out.address, from.address));
    const std::vector<int> got = out.get();
    // Groups: {4 bytes at 0, 8 at 2}, {16 at 4, 4 of 16 at 8}, {0 of 16 at 12}; 16 is in none.
    for (int step = 0; step < 5; step++)
        for (int i = 0; i < 32; i++) {
            const bool first = i == 0 || i == 2 || i == 3, second = i >= 4 && i < 12, third = i >= 12 && i < 16;
            int wanted = -1;
            if (step >= 2 && first) wanted = 100 + i;
            if (step >= 3 && second) wanted = i < 9 ? 100 + i : 0;
            if (step >= 4 && third) wanted = 0;
            CHECK_EQ(got[(size_t)(step * 32 + i)], wanted);
        }
}

static CUresult runCopies(const Device& d, const char* kernel) {
    std::vector<int> in(192);
    for (int i = 0; i < 192; i++) in[(size_t)i] = i * i;
    Buffer<int> x(in), y(64);
    return launch(d.stream, function(load(d, tensorText), kernel), {1}, {64}, y.address, x.address);
}

CASE("checks", a_copy_that_nothing_waits_for_is_a_race) {
    OK(runCopies(Device(0), "right_copies"));
    for (const char* kernel : {"no_wait", "late_wait", "no_barrier_behind", "no_barrier_before", "overwritten"}) {
        CHECK_EQ(runCopies(Device(0), kernel), CUDA_ERROR_LAUNCH_FAILED);
        CHECK_CONTAINS(lurHostLastDiagnostic(), std::string("kernel ") + kernel + ": a race");
    }
}

CASE("checks", tensor_cores_want_the_whole_warp) {
    const auto run = [](const char* kernel, const char* sentence) {
        const Device d(0);
        Buffer<float> y(32);
        CHECK_EQ(launch(d.stream, function(load(d, tensorText), kernel), {1}, {32}, y.address),
                 CUDA_ERROR_LAUNCH_FAILED);
        CHECK_CONTAINS(lurHostLastDiagnostic(), sentence);
    };
    run("few_lanes", "calls mma in test.cu:");
    run("few_lanes", "with 31 of the 32 lanes of its warp; the others have returned or do not exist");
    run("two_kinds", "waits at mma in test.cu:");
}

CASE("checks", the_source_of_a_copy_is_checked) {
    const auto run = [](int at, int to, CUresult code, const char* sentence) {
        const Device d(0);
        Buffer<int> x(std::vector<int>(64, 1)), y(32);
        CHECK_EQ(launch(d.stream, function(load(d, tensorText), "copy_from"), {1}, {32}, y.address, x.address, at, to),
                 code);
        CHECK_CONTAINS(lurHostLastDiagnostic(), sentence);
    };
    run(64, 0, CUDA_ERROR_ILLEGAL_ADDRESS, "kernel copy_from, block (0,0,0), thread (5,0,0): read at 0x");
    run(1, 0, CUDA_ERROR_LAUNCH_FAILED, "thread (5,0,0) copies 16 of 16 bytes asynchronously from 0x");
    run(0, 2, CUDA_ERROR_LAUNCH_FAILED, "the size is 4, 8 or 16, and both addresses are multiples of it");
}

CASE("checks", a_copy_of_what_nobody_wrote_is_not_a_number) {
    const Device d(0);
    Buffer<float> x(64), y(32);
    OK(launch(d.stream, function(load(d, tensorText), "copy_from"), {1}, {32}, y.address, x.address, 0, 0));
    CHECK(std::isnan(y.get()[0]));
}

CASE("trace", granules_are_counted) {
    const Device d(0);
    Buffer<unsigned> x(std::vector<unsigned>(128, 1)), y(32);
    // 8 rows of 16 bytes are served at a time: 1 granule apart they fill the banks once, 2 apart each bank is asked
    // twice, 4 apart four times, 8 apart eight times; 9 apart once again.
    const int pitches[] = {1, 2, 4, 8, 9}, ways[] = {1, 2, 4, 8, 1};
    for (int i = 0; i < 5; i++) {
        lurHostTraceClear();
        OK(launch(d.stream, function(load(d, tensorText), "pitched"), {1}, {32}, y.address, x.address, pitches[i]));
        OK(cuStreamSynchronize(d.stream));
        std::string json(lurHostTrace(nullptr, 0) + 1, '\0');
        lurHostTrace(&json[0], json.size());
        // One request of 512 bytes read, one of 128 written; in shared memory one written and one read.
        CHECK_CONTAINS(json, "\"loads\":{\"requests\":1,\"sectors\":16,\"minimum\":16}");
        CHECK_CONTAINS(json, "\"stores\":{\"requests\":1,\"sectors\":4,\"minimum\":4}");
        CHECK_CONTAINS(json, "\"shared\":{\"requests\":2,\"passes\":" + std::to_string(8 * ways[i]) +
                                 ",\"minimum\":8,\"worst\":" + std::to_string(ways[i]) + "}");
    }
}
