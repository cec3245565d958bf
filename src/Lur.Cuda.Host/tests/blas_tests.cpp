// cublas*: against a naive product in double precision.
#include "harness.h"

using namespace test;

namespace {

struct Shape {
    int m, n, k;
};
// 1, primes, one above a tile of the split, skinny both ways.
const Shape shapes[] = {{1, 1, 1},     {2, 3, 5},      {17, 16, 33},  {127, 61, 67},
                        {33, 513, 64}, {1000, 16, 40}, {16, 1000, 40}};

float value(size_t i) { return (float)((i * 2654435761u >> 12) % 2001) / 1000 - 1; }

template <class T> std::vector<T> fill(size_t n, size_t seed) {
    std::vector<T> v(n);
    for (size_t i = 0; i < n; i++) v[i] = (T)value(i + seed);
    return v;
}

cublasHandle_t create(const Device& d) {
    cublasHandle_t h;
    if (cublasCreate_v2(&h)) throw Skip(lurHostLastDiagnostic());
    OK(cublasSetStream_v2(h, d.stream));
    return h;
}

cublasStatus_t gemm(cublasHandle_t h, int ta, int tb, Shape s, float alpha, Buffer<float>& a, int lda, Buffer<float>& b,
                    int ldb, float beta, Buffer<float>& c, int ldc) {
    return cublasSgemm_v2(h, ta, tb, s.m, s.n, s.k, &alpha, (float*)a.address, lda, (float*)b.address, ldb, &beta,
                          (float*)c.address, ldc);
}
cublasStatus_t gemm(cublasHandle_t h, int ta, int tb, Shape s, double alpha, Buffer<double>& a, int lda,
                    Buffer<double>& b, int ldb, double beta, Buffer<double>& c, int ldc) {
    return cublasDgemm_v2(h, ta, tb, s.m, s.n, s.k, &alpha, (double*)a.address, lda, (double*)b.address, ldb, &beta,
                          (double*)c.address, ldc);
}

template <class T> void compareWithNaive(T epsilon) {
    const Device d;
    const cublasHandle_t h = create(d);
    for (const Shape& s : shapes)
        for (int ta : {0, 1})
            for (int tb : {0, 1}) {
                const int rowsA = ta ? s.k : s.m, colsA = ta ? s.m : s.k, rowsB = tb ? s.n : s.k,
                          colsB = tb ? s.k : s.n;
                const int lda = rowsA + 3, ldb = rowsB + 1, ldc = s.m + 2;
                const auto a = fill<T>((size_t)(lda * colsA), 1), b = fill<T>((size_t)(ldb * colsB), 7),
                           c = fill<T>((size_t)(ldc * s.n), 13);
                Buffer<T> da(a), db(b), dc(c);
                OK(gemm(h, ta, tb, s, (T)1.5, da, lda, db, ldb, (T)-0.5, dc, ldc));
                const std::vector<T> r = dc.get();
                for (int j = 0; j < s.n; j++)
                    for (int i = 0; i < ldc; i++) {
                        const size_t at = (size_t)(i + j * ldc);
                        if (i >= s.m) {
                            CHECK_EQ(r[at], c[at]); // padding stays
                            continue;
                        }
                        double sum = 0, magnitude = 0;
                        for (int k = 0; k < s.k; k++) {
                            const double p = (double)a[(size_t)(ta ? k + i * lda : i + k * lda)] *
                                             (double)b[(size_t)(tb ? j + k * ldb : k + j * ldb)];
                            sum += p, magnitude += std::fabs(p);
                        }
                        const double expected = 1.5 * sum - 0.5 * (double)c[at];
                        // Error of a dot product: at most (k + 2) rounding errors of the sum of magnitudes.
                        const double bound = (s.k + 2) * (double)epsilon * (1.5 * magnitude + 1);
                        CHECK(r[at] == r[at]);
                        CHECK(std::fabs((double)r[at] - expected) <= bound);
                    }
            }
}

} // namespace

CASE("lane", sgemm_against_a_naive_product) { compareWithNaive<float>(std::numeric_limits<float>::epsilon()); }
CASE("lane", dgemm_against_a_naive_product) { compareWithNaive<double>(std::numeric_limits<double>::epsilon()); }

CASE("lane", beta_and_alpha_zero_and_k_zero_follow_BLAS) {
    const Device d;
    const cublasHandle_t h = create(d);
    const Shape s{200, 150, 70};
    const float nan = NAN;
    Buffer<float> a(std::vector<float>((size_t)(s.m * s.k), 1)), b(std::vector<float>((size_t)(s.k * s.n), 1)),
        bad(std::vector<float>((size_t)(s.m * s.k), nan)), c(std::vector<float>((size_t)(s.m * s.n), nan));
    OK(gemm(h, 0, 0, s, 1.0f, a, s.m, b, s.k, 0.0f, c, s.m)); // beta 0: C is not read
    for (float v : c.get()) CHECK_EQ(v, 70.0f);
    OK(gemm(h, 0, 0, s, 0.0f, bad, s.m, b, s.k, 2.0f, c, s.m)); // alpha 0: A is not read
    for (float v : c.get()) CHECK_EQ(v, 140.0f);
    OK(gemm(h, 0, 0, {s.m, s.n, 0}, 1.0f, a, s.m, b, s.k, 0.5f, c, s.m)); // k 0: C is scaled
    for (float v : c.get()) CHECK_EQ(v, 70.0f);
    OK(gemm(h, 0, 0, {s.m, s.n, 0}, 1.0f, a, s.m, b, s.k, 0.0f, c, s.m));
    for (float v : c.get()) CHECK_EQ(v, 0.0f);
    OK(gemm(h, 0, 0, {0, s.n, 3}, 1.0f, a, 1, b, 3, 0.0f, c, 1)); // nothing to do
    OK(gemm(h, 0, 0, s, 1.0f, bad, s.m, b, s.k, 0.0f, c, s.m));   // NaN in an operand is not lost
    for (float v : c.get()) CHECK(std::isnan(v));
}

CASE("lane", strided_batches_and_GemmEx) {
    const Device d;
    const cublasHandle_t h = create(d);
    const int m = 40, n = 30, k = 20;
    for (int batch : {1, 2, 3, 7}) {
        const auto a = fill<float>((size_t)(m * k * batch), 3), b = fill<float>((size_t)(k * n), 5);
        Buffer<float> da(a), db(b), dc((size_t)(m * n * batch)), dd((size_t)(m * n * batch));
        const float one = 1, zero = 0;
        // The right operand is shared: stride 0.
        OK(cublasGemmStridedBatchedEx(h, 0, 0, m, n, k, &one, (void*)da.address, 0, m, m * k, (void*)db.address, 0, k,
                                      0, &zero, (void*)dc.address, 0, m, m * n, batch, 68, -1));
        for (int i = 0; i < batch; i++)
            OK(cublasGemmEx(h, 0, 0, m, n, k, &one, (void*)(da.address + (size_t)(i * m * k) * 4), 0, m,
                            (void*)db.address, 0, k, &zero, (void*)(dd.address + (size_t)(i * m * n) * 4), 0, m, 68,
                            -1));
        const auto x = dc.get(), y = dd.get();
        for (size_t i = 0; i < x.size(); i++) CHECK(std::fabs(x[i] - y[i]) < 1e-5f); // 20 terms of at most 1
    }
    float one = 1;
    CHECK_EQ((int)cublasGemmEx(h, 0, 0, 1, 1, 1, &one, nullptr, 2, 1, nullptr, 2, 1, &one, nullptr, 2, 1, 68, -1),
             (int)CUBLAS_STATUS_NOT_SUPPORTED);
}

CASE("lane", products_repeat_bit_for_bit_and_scalars_may_live_on_the_device) {
    const Device d;
    const cublasHandle_t h = create(d);
    const Shape s{311, 257, 129};
    Buffer<float> a(fill<float>((size_t)(s.m * s.k), 1)), b(fill<float>((size_t)(s.k * s.n), 2)),
        c((size_t)(s.m * s.n)), scalars({1.0f, 0.0f});
    OK(gemm(h, 0, 0, s, 1.0f, a, s.m, b, s.k, 0.0f, c, s.m));
    const std::vector<float> first = c.get();
    OK(cublasSetPointerMode_v2(h, 1));
    for (int i = 0; i < 5; i++) {
        OK(cublasSgemm_v2(h, 0, 0, s.m, s.n, s.k, (float*)scalars.address, (float*)a.address, s.m, (float*)b.address,
                          s.k, (float*)scalars.address + 1, (float*)c.address, s.m));
        CHECK(c.get() == first);
    }
}

CASE("lane", bad_products_are_refused) {
    const Device d;
    const cublasHandle_t h = create(d);
    Buffer<float> a(64), b(64), c(64);
    CHECK_EQ((int)gemm(h, 0, 0, {-1, 2, 2}, 1.0f, a, 4, b, 4, 0.0f, c, 4), (int)CUBLAS_STATUS_INVALID_VALUE);
    CHECK_EQ((int)gemm(h, 3, 0, {2, 2, 2}, 1.0f, a, 4, b, 4, 0.0f, c, 4), (int)CUBLAS_STATUS_INVALID_VALUE);
    CHECK_EQ((int)gemm(h, 0, 0, {4, 4, 4}, 1.0f, a, 3, b, 4, 0.0f, c, 4), (int)CUBLAS_STATUS_INVALID_VALUE);
    CHECK_EQ((int)gemm(h, 0, 1, {4, 4, 4}, 1.0f, a, 4, b, 3, 0.0f, c, 4), (int)CUBLAS_STATUS_INVALID_VALUE);
    CHECK_EQ((int)gemm(h, 0, 0, {4, 4, 4}, 1.0f, a, 4, b, 4, 0.0f, c, 2), (int)CUBLAS_STATUS_INVALID_VALUE);
    CHECK_CONTAINS(cublasGetStatusString(CUBLAS_STATUS_INVALID_VALUE), "leading dimension is too small");
    CHECK_EQ((int)gemm((cublasHandle_t)d.stream, 0, 0, {4, 4, 4}, 1.0f, a, 4, b, 4, 0.0f, c, 4),
             (int)CUBLAS_STATUS_NOT_INITIALIZED);
    OK(cublasSetStream_v2(h, (CUstream)0x77));
    CHECK_EQ((int)gemm(h, 0, 0, {4, 4, 4}, 1.0f, a, 4, b, 4, 0.0f, c, 4), (int)CUBLAS_STATUS_EXECUTION_FAILED);
}

CASE("no-blas", a_missing_OpenBLAS_is_one_sentence) {
    const Device d;
    cublasHandle_t h;
    CHECK_EQ((int)cublasCreate_v2(&h), (int)CUBLAS_STATUS_NOT_INITIALIZED);
    CHECK_CONTAINS(cublasGetStatusString(CUBLAS_STATUS_NOT_INITIALIZED),
                   "OpenBLAS was not found (/nowhere/libopenblas.so.0)");
    CHECK_CONTAINS(lurHostLastDiagnostic(), "apt-get install libopenblas0");
}

// Nearest of `bits` behind the point, by arithmetic: ties to even, or away from zero.
static double roundedTo(int bits, bool even, double x) {
    if (x == 0) return x;
    const double unit = std::ldexp(1.0, std::ilogb(x) - bits), q = std::fabs(x) / unit;
    double whole = std::floor(q);
    const double rest = q - whole;
    if (rest > 0.5 || (rest == 0.5 && (!even || std::fmod(whole, 2) == 1))) whole += 1;
    return std::copysign(whole * unit, x);
}

static void compareRounded(int ordinal, int compute, int bits, bool even) {
    const Device d(ordinal);
    const cublasHandle_t h = create(d);
    std::vector<Shape> all(std::begin(shapes), std::end(shapes));
    all.push_back({300, 29, 1100}); // over a block of rows and two of k
    for (const Shape& s : all)
        for (int ta : {0, 1})
            for (int tb : {0, 1}) {
                const int rowsA = ta ? s.k : s.m, colsA = ta ? s.m : s.k, rowsB = tb ? s.n : s.k,
                          colsB = tb ? s.k : s.n;
                const int lda = rowsA + 3, ldb = rowsB + 1, ldc = s.m + 2;
                const auto a = fill<float>((size_t)(lda * colsA), 1), b = fill<float>((size_t)(ldb * colsB), 7),
                           c = fill<float>((size_t)(ldc * s.n), 13);
                Buffer<float> da(a), db(b), dc(c);
                const float alpha = 1.5f, beta = -0.5f;
                OK(cublasGemmEx(h, ta, tb, s.m, s.n, s.k, &alpha, (void*)da.address, 0, lda, (void*)db.address, 0, ldb,
                                &beta, (void*)dc.address, 0, ldc, compute, -1));
                const std::vector<float> r = dc.get();
                std::vector<double> ra(a.begin(), a.end()), rb(b.begin(), b.end());
                for (double& v : ra) v = roundedTo(bits, even, v);
                for (double& v : rb) v = roundedTo(bits, even, v);
                for (int j = 0; j < s.n; j++)
                    for (int i = 0; i < ldc; i++) {
                        const size_t at = (size_t)(i + j * ldc);
                        if (i >= s.m) {
                            CHECK_EQ(r[at], c[at]); // padding stays
                            continue;
                        }
                        double sum = 0;
                        for (int p = 0; p < s.k; p++)
                            sum += ra[(size_t)(ta ? p + i * lda : i + p * lda)] *
                                   rb[(size_t)(tb ? j + p * ldb : p + j * ldb)];
                        // Products are exact in float; each of the k + 2 additions is off by u of a sum that is at most
                        // k.
                        const double allowed = 6e-8 * (s.k + 2) * std::sqrt((double)s.k + 1);
                        CHECK(std::fabs(r[at] - (1.5 * sum - 0.5 * c[at])) < allowed);
                    }
            }
}

// Device 0 is a lane device, which uses the CPU's dot products where it has them, device 1 rounds and calls OpenBLAS.
CASE("both", factors_are_rounded_to_bf16) {
    for (int ordinal : {0, 1}) compareRounded(ordinal, 75, 7, true);
}
CASE("both", factors_are_rounded_to_tf32) {
    for (int ordinal : {0, 1}) compareRounded(ordinal, 77, 10, false);
}
CASE("both", rounded_products_keep_what_is_no_number) {
    for (int ordinal : {0, 1})
        for (int compute : {75, 77}) {
            const Device d(ordinal);
            const cublasHandle_t h = create(d);
            std::vector<float> a(64, 1);
            a[3] = std::nanf(""), a[20] = INFINITY;
            Buffer<float> da(a), db(std::vector<float>(64, 2)), dc(std::vector<float>(64, NAN));
            const float one = 1, zero = 0;
            OK(cublasGemmEx(h, 0, 0, 8, 8, 8, &one, (void*)da.address, 0, 8, (void*)db.address, 0, 8, &zero,
                            (void*)dc.address, 0, 8, compute, -1));
            const std::vector<float> r = dc.get();
            for (int i = 0; i < 64; i++)
                CHECK(i % 8 == 3 ? std::isnan(r[(size_t)i]) : r[(size_t)i] == (i % 8 == 4 ? INFINITY : 16.0f));
        }
}
