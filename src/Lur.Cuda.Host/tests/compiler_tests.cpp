// nvrtc*: options, logs, missing compilers, and what is read from the source text.
#include <cstdlib>
#include "../driver/source_text.h"
#include "harness.h"

using namespace test;

static std::string join(const std::vector<std::string>& v) {
    std::string s;
    for (const std::string& x : v) s += x + " ";
    return s;
}

CASE("compiler", kernels_are_found_in_the_text) {
    CHECK_EQ(join(lur::findKernels(R"(
#define KERNEL extern "C" __global__ void
// KERNEL comment(int);  KERNEL other(
/* KERNEL block( */ const char* s = "KERNEL text(";
KERNEL first(int a) {}   KERNEL
COOPERATIVE second(int a) {}
KERNEL COOPERATIVE third (float* x,
                          int n) {}
extern "C" __global__ void fourth(int x);
extern "C" __global__ void __launch_bounds__(256, 2) fifth(int x) {}
__global__ __launch_bounds__(32) void sixth() {}
template <class T> __global__ void generic(T x) {}
int KERNELS(int x); KERNEL first(int a);
)")),
             "first second third fourth fifth sixth ");
}

CASE("compiler", dynamic_shared_memory_is_rewritten_on_its_line) {
    std::string s = "void f() {\n    extern __shared__ __align__(16) float4 tile [];\n    extern int x;\n}\n";
    int line = 0;
    CHECK(lur::replaceDynamicShared(&s, &line));
    CHECK_CONTAINS(s, "\n     float4 *const tile = lur_dynamic_shared< float4 >();\n    extern int x;\n");
    s = "\n\nextern __shared__ int outside[];\n";
    CHECK(!lur::replaceDynamicShared(&s, &line));
    CHECK_EQ(line, 3);
    const Compiled c = compile("\n\nextern __shared__ int outside[];\n", {});
    CHECK_EQ(c.result, NVRTC_ERROR_COMPILATION);
    CHECK_CONTAINS(c.log, "test.cu:3: error: 'extern __shared__' outside a function");
}

CASE("compiler", errors_name_the_users_file_and_line) {
    const Compiled c =
        compile("#include \"include/prelude.cuh\"\n\nKERNEL k(int* y) {\n    y[0] = undefined_thing;\n}\n", {},
                "folder/broken.cu");
    CHECK_EQ(c.result, NVRTC_ERROR_COMPILATION);
    CHECK_CONTAINS(c.log, "folder/broken.cu:4:12: error:");
    CHECK_CONTAINS(c.log, "undefined_thing");
    CHECK(c.log.find("/tmp") == std::string::npos);
    CHECK_CONTAINS(nvrtcGetErrorString(c.result), "folder/broken.cu");
    // As with NVRTC there are no headers but those passed in.
    CHECK_CONTAINS(compile("#include <stdint.h>\nKERNEL k() {}", {}).log, "stdint.h");
}

CASE("compiler", options_are_NVRTCs) {
    const char* const source = R"(
#if VALUE != 7 || !defined(FLAG) || defined(GONE)
#error wrong defines
#endif
KERNEL k(int* y) { y[0] = VALUE; })";
    const std::vector<std::string> defines = {"-DVALUE=7", "--define-macro=FLAG", "-D", "GONE", "-UGONE"};
    const std::vector<std::vector<std::string>> accepted = {
        {"--std=c++17", "-lineinfo", "--generate-line-info", "--fmad=false", "-default-device", "--use_fast_math",
         "--maxrregcount=64", "--restrict", "--ftz=true", "-I/usr", "--include-path=/usr",
         "--gpu-architecture=compute_2", "-w"},
        {"-std=c++14", "-G", "-arch", "sm_13", "-dopt=on", "--ptxas-options=-v"},
        {"--std=c++20"},
    };
    for (std::vector<std::string> all : accepted) {
        all.insert(all.end(), defines.begin(), defines.end());
        const Compiled c = compile(source, all);
        CHECK_EQ(c.log, "");
        OK(c.result);
    }
    for (const char* o :
         {"--no-such-option", "-arch=sm_80", "-arch=sm_5", "--gpu-architecture=sm_", "-std=c++98", "", "x"}) {
        const Compiled c = compile(source, {o});
        CHECK_EQ(c.result, NVRTC_ERROR_INVALID_OPTION);
        CHECK_CONTAINS(c.log, "unrecognized option");
    }
}

CASE("compiler", versions_and_architectures) {
    int major = 0, minor = -1, again = -2, n = 0, list[16] = {};
    OK(nvrtcVersion(&major, &minor));
    OK(nvrtcVersion(&major, &again));
    CHECK_EQ(major, 12);
    CHECK(minor >= 0 && minor == again);
    OK(nvrtcGetNumSupportedArchs(&n));
    CHECK_EQ(n, 9);
    OK(nvrtcGetSupportedArchs(list));
    CHECK(list[0] == 2 && list[2] == 4 && list[3] == 12 && list[5] == 14 && list[6] == 22 && list[8] == 24);
}

CASE("compiler", name_expressions_instantiate_templates) {
    const Device d(0);
    const char* const source =
        "template <class T, int N> __global__ void fill(T* y) { for (int i = 0; i < N; i++) y[i] = (T)1.5; }";
    const Compiled c = compile(source, {}, "test.cu", {"fill<double, 3>", "&fill<int, 2>"});
    CHECK_EQ(c.log, "");
    OK(c.result);
    CUmodule m;
    OK(cuModuleLoadData(&m, c.image.data()));
    Buffer<double> y(std::vector<double>(4, 0));
    OK(launch(d.stream, function(m, "fill<double, 3>"), {1}, {1}, y.address));
    CHECK(y.get() == (std::vector<double>{1.5, 1.5, 1.5, 0}));
    Buffer<int> z(std::vector<int>(3, 0));
    OK(launch(d.stream, function(m, "&fill<int, 2>"), {1}, {1}, z.address));
    CHECK(z.get() == (std::vector<int>{1, 1, 0}));
    nvrtcProgram p;
    const char* lowered = nullptr;
    OK(nvrtcCreateProgram(&p, source, nullptr, 0, nullptr, nullptr));
    OK(nvrtcAddNameExpression(p, "fill<int, 1>"));
    CHECK_EQ(nvrtcGetLoweredName(p, "fill<int, 1>", &lowered), NVRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION);
    OK(nvrtcCompileProgram(p, 0, nullptr));
    OK(nvrtcGetLoweredName(p, "fill<int, 1>", &lowered));
    CHECK_EQ(std::string(lowered), "fill<int, 1>");
    CHECK_EQ(nvrtcGetLoweredName(p, "fill<int, 9>", &lowered), NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID);
    CHECK_EQ(nvrtcAddNameExpression(p, "fill<int, 9>"), NVRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION);
    OK(nvrtcDestroyProgram(&p));
}

CASE("compiler", images_repeat_bit_for_bit) {
    const char* const source =
        "#include \"include/prelude.cuh\"\nKERNEL k(real* y, int n) { GRID_LOOP(i, n) y[i] += 1; }";
    CHECK(compile(source, {"-arch=sm_2"}).image == compile(source, {"-arch=sm_2"}).image);
    CHECK(compile(source, {"-arch=sm_2"}).image != compile(source, {"-arch=sm_3"}).image);
}

// A user may have either compiler.
CASE("compiler", clang_compiles_the_same_text) {
    std::string found;
    for (const char* name : {"clang++", "clang++-19", "clang++-16", "clang++-14"})
        if (found.empty() && system((std::string("command -v ") + name + " >/dev/null").c_str()) == 0) found = name;
    if (found.empty()) throw Skip("clang++ is not installed; 'sudo apt-get install clang' brings it");
    setenv("LUR_HOST_CXX", found.c_str(), 1);
    const Device d(0);
    const Compiled c =
        compile("#include \"include/prelude.cuh\"\n#include \"include/reduce.cuh\"\n"
                "KERNEL COOPERATIVE k(real* y, const real* x, int n) { real s = 0; LANE_LOOP(i, n) s += x[i];"
                " s = block_sum(s); if (threadIdx.x == 0) y[0] = real_exp(s); }",
                {});
    unsetenv("LUR_HOST_CXX");
    CHECK_EQ(c.log, "");
    OK(c.result);
    CUmodule m;
    OK(cuModuleLoadData(&m, c.image.data()));
    Buffer<float> x(std::vector<float>(100, 0.01f)), y(1);
    OK(launch(d.stream, function(m, "k"), {1}, {1}, y.address, x.address, 100));
    CHECK(std::fabs(y.get()[0] - 2.7182818f) < 1e-5f); // 100 roundings of 1e-8 in the sum, times e
}

CASE("no-compiler", a_missing_compiler_is_one_sentence) {
    const Compiled c = compile("KERNEL k() {}", {});
    CHECK_EQ(c.result, NVRTC_ERROR_COMPILATION);
    CHECK_CONTAINS(c.log, "no C++ compiler was found");
    CHECK_CONTAINS(c.log, "apt-get install g++");
}

CASE("wrong-compiler", a_wrong_LUR_HOST_CXX_is_one_sentence) {
    const Compiled c = compile("KERNEL k() {}", {});
    CHECK_EQ(c.result, NVRTC_ERROR_COMPILATION);
    CHECK_EQ(c.log, "LUR_HOST_CXX names the C++ compiler '/nowhere/g++', which does not exist");
}
