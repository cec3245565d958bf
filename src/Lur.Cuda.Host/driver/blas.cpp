// cublas*: gemm from OpenBLAS, its tiles spread over the driver's own pool.
//
// OpenBLAS runs with one thread. Its own pool beside ours would fight for the cores, and the split here depends on the
// shape and the number of threads alone, so results repeat bit for bit.
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include "bf16_product.h"
#include "context.h"
#include "pool.h"
#include "settings.h"

namespace lur {
namespace {

using Sgemm = void (*)(const char*, const char*, const int*, const int*, const int*, const float*, const float*,
                       const int*, const float*, const int*, const float*, float*, const int*);
using Dgemm = void (*)(const char*, const char*, const int*, const int*, const int*, const double*, const double*,
                       const int*, const double*, const int*, const double*, double*, const int*);

struct OpenBlas {
    Sgemm sgemm = nullptr;
    Dgemm dgemm = nullptr;
    std::string problem;
};

const OpenBlas& openBlas() {
    static const OpenBlas* const loaded = [] {
        auto* b = new OpenBlas;
        const char* own = variable("LUR_HOST_OPENBLAS");
        void* library = nullptr;
        if (own && *own)
            library = dlopen(own, RTLD_NOW | RTLD_LOCAL);
        else
            for (const char* name : {"libopenblas.so.0", "libopenblas.so"})
                if ((library = dlopen(name, RTLD_NOW | RTLD_LOCAL))) break;
        if (!library) {
            b->problem = text("OpenBLAS was not found (%s); without a GPU it does the matrix products: install it with "
                              "'sudo apt-get install libopenblas0' or name the library in LUR_HOST_OPENBLAS",
                              own && *own ? own : "libopenblas.so.0");
            return b;
        }
        b->sgemm = (Sgemm)dlsym(library, "sgemm_");
        b->dgemm = (Dgemm)dlsym(library, "dgemm_");
        if (auto set = (void (*)(int))dlsym(library, "openblas_set_num_threads")) set(1);
        if (!b->sgemm || !b->dgemm)
            b->problem = text("%s has no sgemm_ and dgemm_; name an OpenBLAS in LUR_HOST_OPENBLAS",
                              own && *own ? own : "libopenblas.so.0");
        return b;
    }();
    return *loaded;
}

struct Handle {
    Context* context;
    CUstream stream = nullptr;
    int pointerMode = 0, mathMode = 0;
};
Registry<Handle, 0x1A> handles;

void call(char ta, char tb, int m, int n, int k, float alpha, const float* a, int lda, const float* b, int ldb,
          float beta, float* c, int ldc) {
    openBlas().sgemm(&ta, &tb, &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc);
}
void call(char ta, char tb, int m, int n, int k, double alpha, const double* a, int lda, const double* b, int ldb,
          double beta, double* c, int ldc) {
    openBlas().dgemm(&ta, &tb, &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc);
}

void callDots(char ta, char tb, int m, int n, int k, float alpha, const float* a, int lda, const float* b, int ldb,
              float beta, float* c, int ldc) {
    bf16Product(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
void callDots(char, char, int, int, int, double, const double*, int, const double*, int, double, double*, int) {}

// What the factors are rounded to before they are multiplied, as tensor cores do.
enum class Factors { Whole, Tf32, Bf16 };

// As round_bf16 and round_tf32 of kernels/include/rounding.cuh, NaN apart: it stays what it is. Vectorises.
template <Factors F> void roundColumn(float* to, const float* from, int n) {
    for (int i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, from + i, 4);
        const uint32_t rounded =
            F == Factors::Bf16 ? (bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u : (bits + 0x1000u) & 0xffffe000u;
        bits = (bits & 0x7f800000u) == 0x7f800000u ? bits : rounded;
        memcpy(to + i, &bits, 4);
    }
}

// A rounded copy of `batch` matrices of rows x columns, without gaps.
struct RoundedCopy {
    float* to;
    const float* from;
    int rows, columns, ld;
    long long stride;
    Factors factors;
    void column(long long i) const {
        const float* in = from + i / columns * stride + i % columns * ld;
        float* out = to + i * rows;
        factors == Factors::Bf16 ? roundColumn<Factors::Bf16>(out, in, rows)
                                 : roundColumn<Factors::Tf32>(out, in, rows);
    }
};

const float* roundedCopy(std::vector<float>& room, const float* from, int rows, int columns, int* ld, long long* stride,
                         int batch, Factors factors) {
    const int copies = *stride ? batch : 1;
    const size_t n = (size_t)rows * (size_t)columns * (size_t)copies;
    if (room.size() < n) room.resize(n);
    RoundedCopy c{room.data(), from, rows, columns, *ld, *stride, factors};
    parallel((long long)columns * copies,
             [](void* p, long long first, long long last) {
                 for (long long i = first; i < last; i++) ((RoundedCopy*)p)->column(i);
             },
             &c);
    *ld = rows > 0 ? rows : 1;
    if (*stride) *stride = (long long)rows * columns;
    return room.data();
}

// One product, or `batch` of them at fixed strides. Column-major, as in BLAS.
template <class T> struct Gemm {
    char ta, tb;
    int m, n, k;
    T alpha;
    const T* a;
    int lda;
    const T* b;
    int ldb;
    T beta;
    T* c;
    int ldc;
    long long strideA = 0, strideB = 0, strideC = 0;
    int batch = 1;
    int tiles = 1; // of each product, along n or m
    bool alongN = true;
    Factors factors = Factors::Whole;
    bool dots = false; // by bfloat16 dot products, which round by themselves

    void tile(long long index) const {
        const long long p = index / tiles;
        const int t = (int)(index % tiles);
        const T* pa = a + p * strideA;
        const T* pb = b + p * strideB;
        T* pc = c + p * strideC;
        // Cuts at multiples of 16 keep the micro kernels of OpenBLAS whole.
        const int length = alongN ? n : m;
        const auto cut = [&](int i) { return i == tiles ? length : (int)((long long)length * i / tiles) & ~15; };
        const int first = cut(t), count = cut(t + 1) - first;
        if (count <= 0) return;
        const int rows = alongN ? m : count, columns = alongN ? count : n;
        if (alongN)
            pb = tb == 'N' ? pb + (long long)first * ldb : pb + first, pc += (long long)first * ldc;
        else
            pa = ta == 'N' ? pa + first : pa + (long long)first * lda, pc += first;
        if (dots)
            callDots(ta, tb, rows, columns, k, alpha, pa, lda, pb, ldb, beta, pc, ldc);
        else
            call(ta, tb, rows, columns, k, alpha, pa, lda, pb, ldb, beta, pc, ldc);
    }
};

void roundFactors(Gemm<double>&) {}
void roundFactors(Gemm<float>& g) {
    if (g.factors == Factors::Whole) return;
    if (g.dots) return;
    static thread_local std::vector<float> roomA, roomB; // kept: as large as the largest product
    const bool a = g.ta == 'N', b = g.tb == 'N';
    g.a = roundedCopy(roomA, g.a, a ? g.m : g.k, a ? g.k : g.m, &g.lda, &g.strideA, g.batch, g.factors);
    g.b = roundedCopy(roomB, g.b, b ? g.k : g.n, b ? g.n : g.k, &g.ldb, &g.strideB, g.batch, g.factors);
}

template <class T> void run(Gemm<T> g) {
    if (g.m == 0 || g.n == 0 || g.batch == 0) return;
    roundFactors(g);
    const int threads = poolThreads();
    const double work = (double)g.m * g.n * (g.k ? g.k : 1) * g.batch;
    // Below about 10 us of arithmetic a second core does not pay for the hand-over.
    if (threads > 1 && work > 3e5 && g.batch % threads != 0) {
        g.alongN = g.n >= g.m;
        const int length = g.alongN ? g.n : g.m;
        g.tiles = length / 16 < threads ? (length / 16 > 0 ? length / 16 : 1) : threads;
    }
    const auto body = [](void* p, long long first, long long last) {
        for (long long i = first; i < last; i++) ((Gemm<T>*)p)->tile(i);
    };
    const long long count = (long long)g.batch * g.tiles;
    if (work > 3e5)
        parallel(count, body, &g);
    else
        body(&g, 0, count);
}

bool transposition(int op, char* letter) {
    *letter = op == 0 ? 'N' : 'T';
    return op >= 0 && op <= 2;
}

template <class T>
cublasStatus_t gemm(const char* name, cublasHandle_t handle, int opA, int opB, int m, int n, int k, const T* alpha,
                    const void* a, int lda, long long strideA, const void* b, int ldb, long long strideB, const T* beta,
                    void* c, int ldc, long long strideC, int batch, Factors factors = Factors::Whole) {
    const std::shared_ptr<Handle> h = handles.find(handle);
    if (!h) return fail(CUBLAS_STATUS_NOT_INITIALIZED, "%s: the handle is no live cuBLAS handle", name);
    Gemm<T> g{};
    if (!transposition(opA, &g.ta) || !transposition(opB, &g.tb))
        return fail(CUBLAS_STATUS_INVALID_VALUE, "%s: an operation is not 0, 1 or 2", name);
    if (m < 0 || n < 0 || k < 0 || batch < 0)
        return fail(CUBLAS_STATUS_INVALID_VALUE, "%s: a size is negative (m=%d n=%d k=%d batch=%d)", name, m, n, k,
                    batch);
    const int rowsA = g.ta == 'N' ? m : k, rowsB = g.tb == 'N' ? k : n;
    if (lda < (rowsA > 1 ? rowsA : 1) || ldb < (rowsB > 1 ? rowsB : 1) || ldc < (m > 1 ? m : 1))
        return fail(CUBLAS_STATUS_INVALID_VALUE,
                    "%s: a leading dimension is too small (m=%d n=%d k=%d lda=%d ldb=%d ldc=%d)", name, m, n, k, lda,
                    ldb, ldc);
    if (!alpha || !beta) return fail(CUBLAS_STATUS_INVALID_VALUE, "%s: alpha or beta is null", name);
    Context* context;
    if (enter(&context)) return CUBLAS_STATUS_EXECUTION_FAILED;
    std::shared_ptr<Stream> s;
    if (context != h->context || findStream(context, h->stream, &s))
        return fail(CUBLAS_STATUS_EXECUTION_FAILED, "%s: the handle's stream does not belong to the current context",
                    name);
    g.m = m, g.n = n, g.k = k, g.lda = lda, g.ldb = ldb, g.ldc = ldc, g.batch = batch;
    g.strideA = strideA, g.strideB = strideB, g.strideC = strideC, g.factors = factors;
    // On the lane device alone: the checked ones keep the plain way, so that both are tested.
    g.dots = factors == Factors::Bf16 && hasBf16Product() && context->device->configuration.mode == LurLane;
    g.a = (const T*)a, g.b = (const T*)b, g.c = (T*)c;
    const bool onDevice = h->pointerMode == 1; // then the scalars are read when the product runs
    if (!onDevice) g.alpha = *alpha, g.beta = *beta;
    const CUresult r = submit(context, *s, [=]() mutable {
        if (context->device->configuration.sampled) return CUDA_SUCCESS; // results are void there
        if (onDevice) g.alpha = *alpha, g.beta = *beta;
        run(g);
        return CUDA_SUCCESS;
    });
    return r ? fail(CUBLAS_STATUS_EXECUTION_FAILED, "%s: the stream's capture is invalid", name)
             : CUBLAS_STATUS_SUCCESS;
}

// cudaDataType: 0 float, 1 double. cublasComputeType_t: 68, 69 float, 75 of factors rounded to bfloat16 and 77 to TF32,
// 70, 71 double; in cuBLAS 10 the argument was a cudaDataType, which callers of the older signature still pass.
bool isFloat(int a, int b, int c, int compute) {
    return !a && !b && !c && (compute == 68 || compute == 69 || compute == 75 || compute == 77 || compute == 0);
}
Factors factorsOf(int compute) {
    return compute == 75 ? Factors::Bf16 : compute == 77 ? Factors::Tf32 : Factors::Whole;
}
bool isDouble(int a, int b, int c, int compute) {
    return a == 1 && b == 1 && c == 1 && (compute == 70 || compute == 71 || compute == 1);
}

cublasStatus_t unsupportedTypes(const char* name, int a, int b, int c, int compute) {
    return fail(CUBLAS_STATUS_NOT_SUPPORTED,
                "%s: the types A=%d B=%d C=%d compute=%d are not float or double throughout", name, a, b, c, compute);
}

} // namespace
} // namespace lur

using namespace lur;

LUR_API cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
    if (!handle) return fail(CUBLAS_STATUS_INVALID_VALUE, "cublasCreate: handle is null");
    Context* c;
    if (enter(&c)) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (!openBlas().problem.empty()) return fail(CUBLAS_STATUS_NOT_INITIALIZED, "%s", openBlas().problem.c_str());
    auto h = std::make_shared<Handle>();
    h->context = c;
    *handle = handles.add(h);
    return CUBLAS_STATUS_SUCCESS;
}

LUR_API cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
    return handles.remove(handle) ? CUBLAS_STATUS_SUCCESS
                                  : fail(CUBLAS_STATUS_NOT_INITIALIZED, "cublasDestroy: no live cuBLAS handle");
}

LUR_API cublasStatus_t cublasGetVersion_v2(cublasHandle_t, int* version) {
    if (!version) return fail(CUBLAS_STATUS_INVALID_VALUE, "cublasGetVersion: version is null");
    *version = 120000;
    return CUBLAS_STATUS_SUCCESS;
}

// 0 major, 1 minor, 2 patch level.
LUR_API cublasStatus_t cublasGetProperty(int property, int* value) {
    if (!value || property < 0 || property > 2) return fail(CUBLAS_STATUS_INVALID_VALUE, "cublasGetProperty: 0 to 2");
    *value = property == 0 ? 12 : 0;
    return CUBLAS_STATUS_SUCCESS;
}

#define LUR_HANDLE(h, name)                                                                                            \
    const std::shared_ptr<Handle> h = handles.find(handle);                                                            \
    if (!h) return fail(CUBLAS_STATUS_NOT_INITIALIZED, name ": the handle is no live cuBLAS handle")

LUR_API cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, CUstream stream) {
    LUR_HANDLE(h, "cublasSetStream");
    h->stream = stream;
    return CUBLAS_STATUS_SUCCESS;
}

LUR_API cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void*, size_t) {
    LUR_HANDLE(h, "cublasSetWorkspace");
    return CUBLAS_STATUS_SUCCESS; // OpenBLAS has its own
}

LUR_API cublasStatus_t cublasSetMathMode(cublasHandle_t handle, int mode) {
    LUR_HANDLE(h, "cublasSetMathMode");
    h->mathMode = mode; // every mode permits full precision, which is what there is
    return CUBLAS_STATUS_SUCCESS;
}

LUR_API cublasStatus_t cublasGetMathMode(cublasHandle_t handle, int* mode) {
    LUR_HANDLE(h, "cublasGetMathMode");
    if (!mode) return fail(CUBLAS_STATUS_INVALID_VALUE, "cublasGetMathMode: mode is null");
    *mode = h->mathMode;
    return CUBLAS_STATUS_SUCCESS;
}

LUR_API cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t handle, int mode) {
    LUR_HANDLE(h, "cublasSetPointerMode");
    if (mode < 0 || mode > 1) return fail(CUBLAS_STATUS_INVALID_VALUE, "cublasSetPointerMode: %d is not 0 or 1", mode);
    h->pointerMode = mode;
    return CUBLAS_STATUS_SUCCESS;
}

LUR_API cublasStatus_t cublasSgemm_v2(cublasHandle_t h, int opA, int opB, int m, int n, int k, const float* alpha,
                                      const float* a, int lda, const float* b, int ldb, const float* beta, float* c,
                                      int ldc) {
    return gemm("cublasSgemm", h, opA, opB, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1);
}

LUR_API cublasStatus_t cublasDgemm_v2(cublasHandle_t h, int opA, int opB, int m, int n, int k, const double* alpha,
                                      const double* a, int lda, const double* b, int ldb, const double* beta, double* c,
                                      int ldc) {
    return gemm("cublasDgemm", h, opA, opB, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta, c, ldc, 0, 1);
}

LUR_API cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t h, int opA, int opB, int m, int n, int k,
                                                 const float* alpha, const float* a, int lda, long long strideA,
                                                 const float* b, int ldb, long long strideB, const float* beta,
                                                 float* c, int ldc, long long strideC, int batch) {
    return gemm("cublasSgemmStridedBatched", h, opA, opB, m, n, k, alpha, a, lda, strideA, b, ldb, strideB, beta, c,
                ldc, strideC, batch);
}

LUR_API cublasStatus_t cublasDgemmStridedBatched(cublasHandle_t h, int opA, int opB, int m, int n, int k,
                                                 const double* alpha, const double* a, int lda, long long strideA,
                                                 const double* b, int ldb, long long strideB, const double* beta,
                                                 double* c, int ldc, long long strideC, int batch) {
    return gemm("cublasDgemmStridedBatched", h, opA, opB, m, n, k, alpha, a, lda, strideA, b, ldb, strideB, beta, c,
                ldc, strideC, batch);
}

LUR_API cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t h, int opA, int opB, int m, int n, int k,
                                                  const void* alpha, const void* a, int typeA, int lda,
                                                  long long strideA, const void* b, int typeB, int ldb,
                                                  long long strideB, const void* beta, void* c, int typeC, int ldc,
                                                  long long strideC, int batch, int compute, int) {
    const char* const name = "cublasGemmStridedBatchedEx";
    if (isFloat(typeA, typeB, typeC, compute))
        return gemm(name, h, opA, opB, m, n, k, (const float*)alpha, a, lda, strideA, b, ldb, strideB,
                    (const float*)beta, c, ldc, strideC, batch, factorsOf(compute));
    if (isDouble(typeA, typeB, typeC, compute))
        return gemm(name, h, opA, opB, m, n, k, (const double*)alpha, a, lda, strideA, b, ldb, strideB,
                    (const double*)beta, c, ldc, strideC, batch);
    return unsupportedTypes(name, typeA, typeB, typeC, compute);
}

LUR_API cublasStatus_t cublasGemmEx(cublasHandle_t h, int opA, int opB, int m, int n, int k, const void* alpha,
                                    const void* a, int typeA, int lda, const void* b, int typeB, int ldb,
                                    const void* beta, void* c, int typeC, int ldc, int compute, int) {
    if (isFloat(typeA, typeB, typeC, compute))
        return gemm("cublasGemmEx", h, opA, opB, m, n, k, (const float*)alpha, a, lda, 0, b, ldb, 0, (const float*)beta,
                    c, ldc, 0, 1, factorsOf(compute));
    if (isDouble(typeA, typeB, typeC, compute))
        return gemm("cublasGemmEx", h, opA, opB, m, n, k, (const double*)alpha, a, lda, 0, b, ldb, 0,
                    (const double*)beta, c, ldc, 0, 1);
    return unsupportedTypes("cublasGemmEx", typeA, typeB, typeC, compute);
}
