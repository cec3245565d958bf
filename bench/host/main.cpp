// The host driver against hand-written loops and against OpenBLAS, in one process with as many threads: prints JSON.
//
// The hand-written loops are handed out by the driver's own pool, so they pay for threads as little as it does. Both
// sides of a pair are timed alternately and the best of the rounds counts: what a neighbour takes, it takes from both.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>
#include "../../src/Lur.Cuda.Host/driver/pool.h"
#include "../../src/Lur.Cuda.Host/tests/exports.h"
#include "hand.h"

namespace {

#define OK(call)                                                                                                       \
    if (const int r_ = (int)(call)) fprintf(stderr, "%s: %d %s\n", #call, r_, lurHostLastDiagnostic()), exit(1)

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string read(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::stringstream s;
    s << in.rdbuf();
    return s.str();
}

CUstream stream;

CUmodule load(const std::filesystem::path& kernels, const char* file) {
    std::vector<std::string> names, texts;
    for (const auto& e : std::filesystem::directory_iterator(kernels / "include")) {
        names.push_back("include/" + e.path().filename().string());
        texts.push_back(read(e.path()));
    }
    std::vector<const char*> n, t;
    for (size_t i = 0; i < names.size(); i++) n.push_back(names[i].c_str()), t.push_back(texts[i].c_str());
    nvrtcProgram p;
    OK(nvrtcCreateProgram(&p, read(kernels / file).c_str(), file, (int)n.size(), t.data(), n.data()));
    OK(nvrtcCompileProgram(p, 0, nullptr));
    size_t size;
    OK(nvrtcGetCUBINSize(p, &size));
    std::vector<char> image(size);
    OK(nvrtcGetCUBIN(p, image.data()));
    CUmodule m;
    OK(cuModuleLoadData(&m, image.data()));
    return m;
}

template <class... A> void launch(CUmodule m, const char* kernel, int grid, A... arguments) {
    static std::string last;
    static CUfunction f;
    if (last != kernel) {
        OK(cuModuleGetFunction(&f, m, kernel));
        last = kernel;
    }
    void* pointers[] = {(void*)&arguments...};
    OK(cuLaunchKernel(f, (unsigned)grid, 1, 1, 1, 1, 1, 0, stream, pointers, nullptr));
}

float* allocate(size_t n) {
    CUdeviceptr p;
    OK(cuMemAlloc_v2(&p, n * sizeof(float)));
    for (size_t i = 0; i < n; i++) ((float*)p)[i] = (float)(i * 2654435761u % 1000) / 500 - 1;
    return (float*)p;
}

void split(int n, std::function<void(int, int)> body) {
    struct Job {
        int n, parts;
        std::function<void(int, int)>* body;
    } job{n, lur::poolThreads() * 4, &body};
    lur::parallel(
        job.parts,
        [](void* p, long long first, long long last) {
            const Job& j = *(Job*)p;
            (*j.body)((int)(j.n * first / j.parts), (int)(j.n * last / j.parts));
        },
        &job);
}

bool firstLine = true;

void print(const std::string& name, double driver, double other, const char* against) {
    printf("%s    {\"name\": \"%s\", \"driver_ms\": %.4f, \"%s_ms\": %.4f, \"speed\": %.3f}", firstLine ? "" : ",\n",
           name.c_str(), driver * 1e3, against, other * 1e3, other / driver);
    fflush(stdout);
    firstLine = false;
}

double once(const std::function<void()>& f, int repeat) {
    const double t = seconds();
    for (int i = 0; i < repeat; i++) f();
    return (seconds() - t) / repeat;
}

void compare(const std::string& name, const std::function<void()>& driver, const std::function<void()>& other) {
    driver(), other();
    const double estimate = std::max(once(driver, 1), 1e-7);
    const int repeat = std::max(1, (int)(0.004 / estimate)), rounds = 25;
    double a = 1e9, b = 1e9;
    for (int i = 0; i < rounds; i++) {
        a = std::min(a, once(driver, repeat));
        b = std::min(b, once(other, repeat));
    }
    print(name, a, b, "hand");
}

void check(const char* name, const float* a, const float* b, size_t n, float tolerance) {
    for (size_t i = 0; i < n; i++)
        if (!(std::fabs(a[i] - b[i]) <= tolerance * (1 + std::fabs(b[i])))) {
            fprintf(stderr, "%s: element %zu is %g and by hand %g\n", name, i, (double)a[i], (double)b[i]);
            exit(1);
        }
}

void vectorUpdate(const std::filesystem::path& kernels) {
    const CUmodule m = load(kernels, "vectors/vector.cu");
    const int grid = lur::poolThreads() * 4;
    for (int n : {65536, 11173962}) {
        float *x = allocate((size_t)n), *y = allocate((size_t)n), *z = allocate((size_t)n);
        launch(m, "vector_axpy", grid, y, x, n, 0.5f);
        hand::axpy(z, x, 0, n, 0.5f);
        check("vector_axpy", y, z, (size_t)n, 1e-6f); // one rounding of three numbers of order 1
        compare(
            "vector_axpy " + std::to_string(n), [&] { launch(m, "vector_axpy", grid, y, x, n, 1e-9f); },
            [&] { split(n, [&](int a, int b) { hand::axpy(z, x, a, b, 1e-9f); }); });
    }
}

void batchNorm(const std::filesystem::path& kernels, int rows, int C) {
    const CUmodule m = load(kernels, "operators/batch_norm.cu");
    const int grid = lur::poolThreads() * 4, chunks = (rows + 255) / 256;
    const size_t n = (size_t)rows * (size_t)C, partial = (size_t)chunks * (size_t)C;
    float *x = allocate(n), *y = allocate(n), *z = allocate(n), *mean = allocate((size_t)C),
          *rstd = allocate((size_t)C), *gamma = allocate((size_t)C), *beta = allocate((size_t)C),
          *offset = allocate(partial), *square = allocate(partial), *offset2 = allocate(partial),
          *square2 = allocate(partial), *none = nullptr;
    const std::string shape = " " + std::to_string(rows) + "x" + std::to_string(C);
    const auto begin = [&](int k) { return rows / chunks * k + std::min(k, rows % chunks); };
    const auto byHand = [&] {
        split(chunks, [&](int a, int b) {
            for (int k = a; k < b; k++)
                hand::statistics(offset2 + (size_t)k * (size_t)C, square2 + (size_t)k * (size_t)C, x, begin(k),
                                 begin(k + 1), C);
        });
    };
    launch(m, "batch_norm_statistics", grid, offset, square, x, rows, C, chunks);
    byHand();
    check("batch_norm_statistics", offset, offset2, partial, 1e-5f); // sums of 256 numbers of order 1 in another order
    check("batch_norm_statistics", square, square2, partial, 1e-5f);
    compare(
        "batch_norm_statistics" + shape,
        [&] { launch(m, "batch_norm_statistics", grid, offset, square, x, rows, C, chunks); }, byHand);
    const auto apply = [&] { launch(m, "batch_norm_forward", grid, y, x, none, mean, rstd, gamma, beta, rows, C, 1); };
    const auto applyByHand = [&] {
        split(rows, [&](int a, int b) { hand::normalise(z, x, mean, rstd, gamma, beta, a, b, C); });
    };
    apply(), applyByHand();
    check("batch_norm_forward", y, z, n, 1e-6f); // the same three roundings, perhaps one fused
    compare("batch_norm_forward+relu" + shape, apply, applyByHand);
}

void groupNorm(const std::filesystem::path& kernels, int samples, int inner, int C) {
    const CUmodule m = load(kernels, "operators/group_norm.cu");
    const int grid = lur::poolThreads() * 4, rows = samples * inner, silu = 1, add = 0;
    const size_t n = (size_t)rows * (size_t)C, each = (size_t)samples * (size_t)C;
    float *x = allocate(n), *tx = allocate(n), *dy = allocate(n), *tdy = allocate(n), *y = allocate(n),
          *z = allocate(n);
    float *mean = allocate(each), *rstd = allocate(each), *pq = allocate(2 * each), *means = allocate(4 * each);
    float *gamma = allocate((size_t)C), *beta = allocate((size_t)C), *tgamma = allocate((size_t)C),
          *tbeta = allocate((size_t)C);
    const hand::Groups g{x, tx, dy, tdy, mean, rstd, gamma, beta, tgamma, tbeta, pq, means, samples, inner, C};
    const std::string shape = " " + std::to_string(samples) + "x" + std::to_string(inner) + "x" + std::to_string(C);
    const auto pair = [&](const char* name, const std::function<void()>& driver,
                          void (*byHand)(float*, const hand::Groups&, int, int)) {
        const auto other = [&] { split(rows, [&](int a, int b) { byHand(z, g, a, b); }); };
        driver(), other();
        check(name, y, z, n, 1e-4f); // a dozen roundings, some of differences
        compare(name + shape, driver, other);
    };
    pair(
        "group_norm_forward+silu",
        [&] { launch(m, "group_norm_forward", grid, y, x, mean, rstd, gamma, beta, samples, inner, C, silu); },
        hand::groupNorm);
    pair(
        "group_norm_forward_tangent+silu",
        [&] {
            launch(m, "group_norm_forward_tangent", grid, y, tx, x, mean, rstd, gamma, beta, tgamma, tbeta, pq, samples,
                   inner, C, silu);
        },
        hand::groupNormTangent);
    pair(
        "group_norm_backward_tangent+silu",
        [&] {
            launch(m, "group_norm_backward_tangent", grid, y, dy, tdy, tx, x, mean, rstd, gamma, beta, tgamma, tbeta,
                   pq, means, samples, inner, C, silu, add);
        },
        hand::groupNormBackwardTangent);
}

void im2col(const std::filesystem::path& kernels, int N, int size, int C) {
    const CUmodule m = load(kernels, "operators/im2col.cu");
    const hand::Patches p{N, size, size, C, 3, 3, 1, 1, size, size};
    const int rows = N * size * size, grid = lur::poolThreads() * 4;
    const size_t n = (size_t)rows * (size_t)(9 * C);
    float *x = allocate((size_t)rows * (size_t)C), *y = allocate(n), *z = allocate(n);
    const auto driver = [&] {
        launch(m, "im2col", grid, y, x, 0, rows, p.H, p.W, p.C, p.R, p.S, p.stride, p.pad, p.OH, p.OW);
    };
    const auto byHand = [&] { split(rows, [&](int a, int b) { hand::im2col(z, x, p, a, b); }); };
    driver(), byHand();
    check("im2col", y, z, n, 0);
    compare("im2col 3x3 " + std::to_string(N) + "x" + std::to_string(size) + "x" + std::to_string(size) + "x" +
                std::to_string(C),
            driver, byHand);
}

// OpenBLAS's own threads spin for a while after a call: the two sides take turns in blocks with a pause between.
void gemm(int m, int n, int k, char ta, char tb) {
    using Sgemm = void (*)(const char*, const char*, const int*, const int*, const int*, const float*, const float*,
                           const int*, const float*, const int*, const float*, float*, const int*);
    cublasHandle_t h;
    OK(cublasCreate_v2(&h));
    OK(cublasSetStream_v2(h, stream));
    const char* own = getenv("LUR_HOST_OPENBLAS");
    void* library = dlopen(own && *own ? own : "libopenblas.so.0", RTLD_NOW);
    const auto sgemm = (Sgemm)dlsym(library, "sgemm_");
    const auto setThreads = (void (*)(int))dlsym(library, "openblas_set_num_threads");
    float *a = allocate((size_t)m * (size_t)k), *b = allocate((size_t)k * (size_t)n),
          *c = allocate((size_t)m * (size_t)n);
    const float one = 1, zero = 0;
    const int lda = ta == 'N' ? m : k, ldb = tb == 'N' ? k : n;
    const std::function<void()> driver = [&] {
        OK(cublasSgemm_v2(h, ta == 'T', tb == 'T', m, n, k, &one, a, lda, b, ldb, &zero, c, m));
    };
    const std::function<void()> direct = [&] { sgemm(&ta, &tb, &m, &n, &k, &one, a, &lda, b, &ldb, &zero, c, &m); };
    double best[2] = {1e9, 1e9};
    for (int round = 0; round < 5; round++)
        for (int side = 0; side < 2; side++) {
            const std::function<void()>& f = side ? direct : driver;
            setThreads(side ? lur::poolThreads() : 1);
            f();
            for (double end = seconds() + 0.03; seconds() < end;) best[side] = std::min(best[side], once(f, 1));
            std::this_thread::sleep_for(std::chrono::milliseconds(60));
        }
    setThreads(1);
    char name[100];
    snprintf(name, sizeof name, "sgemm %c%c m=%d n=%d k=%d (%.0f GFLOP/s)", ta, tb, m, n, k,
             2e-9 * m * n * k / best[0]);
    print(name, best[0], best[1], "openblas");
}

void launchLatency(const std::filesystem::path& kernels) {
    const CUmodule m = load(kernels, "vectors/vector.cu");
    float *x = allocate(1024), *y = allocate(1024);
    for (int grid : {1, lur::poolThreads() * 4}) {
        double hot = 1e9, idle = 1e9;
        for (int i = 0; i < 50; i++)
            hot = std::min(hot, once([&] { launch(m, "vector_axpy", grid, y, x, 1024, 0.5f); }, 20));
        for (int i = 0; i < 50; i++) { // after a pause in which the workers have gone to sleep
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            idle = std::min(idle, once([&] { launch(m, "vector_axpy", grid, y, x, 1024, 0.5f); }, 1));
        }
        printf(",\n    {\"name\": \"launch of 1024 elements, %d blocks\", \"hot_us\": %.2f, \"idle_us\": %.2f}", grid,
               hot * 1e6, idle * 1e6);
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s KERNELS_FOLDER\n", argv[0]);
        return 2;
    }
    const std::filesystem::path kernels = argv[1];
    CUcontext c;
    OK(cuInit(0));
    OK(cuDevicePrimaryCtxRetain(&c, 0));
    OK(cuCtxSetCurrent(c));
    OK(cuStreamCreate(&stream, 1));
    char name[200];
    OK(cuDeviceGetName(name, sizeof name, 0));
    printf("{\n  \"device\": \"%s\",\n  \"results\": [\n", name);
    vectorUpdate(kernels);
    batchNorm(kernels, 32768, 64);
    batchNorm(kernels, 131072, 16);
    groupNorm(kernels, 32, 256, 32);
    groupNorm(kernels, 32, 64, 128);
    if (argc > 2) return printf("\n  ]\n}\n"), 0; // as far as the loops that are written by hand
    im2col(kernels, 8, 32, 64);
    im2col(kernels, 32, 32, 16);
    // Column-major: m = output channels, n = positions, k = patch. Then the gradients' shapes.
    gemm(1024, 1024, 1024, 'N', 'N');
    gemm(64, 32768, 576, 'T', 'N');
    gemm(16, 131072, 144, 'T', 'N');
    gemm(32, 32768, 288, 'T', 'N');
    gemm(512, 512, 4608, 'T', 'N');
    gemm(576, 64, 32768, 'N', 'T');
    gemm(144, 16, 131072, 'N', 'T');
    gemm(10, 128, 512, 'T', 'N');
    launchLatency(kernels);
    printf("\n  ]\n}\n");
}
