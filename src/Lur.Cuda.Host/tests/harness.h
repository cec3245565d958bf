// harness.h - a small test program around the driver's exported functions.
//
// Cases are grouped by the environment they need, because the driver reads it once: the program runs each group in a
// process of its own (--all), and a case that brings its process down fails without hiding the others.
#pragma once
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>
#include "../driver/cuda_abi.h"
#include "../driver/errors.h"
#include "exports.h"

namespace test {

struct Case {
    const char *group, *name;
    void (*body)();
};
std::vector<Case>& cases();
struct Register {
    Register(const char* group, const char* name, void (*body)()) { cases().push_back({group, name, body}); }
};
#define CASE(group, name)                                                                                              \
    static void name();                                                                                                \
    static const test::Register name##_registered(group, #name, name);                                                 \
    static void name()

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};
// What a case needs is not on this machine: it is reported as not run.
struct Skip : std::runtime_error {
    using std::runtime_error::runtime_error;
};
[[noreturn]] void failCase(const char* file, int line, const std::string& what);
template <class T> std::string show(const T& v) {
    std::ostringstream s;
    s.precision(17);
    s << v;
    return s.str();
}
#define CHECK(condition)                                                                                               \
    if (!(condition)) test::failCase(__FILE__, __LINE__, #condition)
#define CHECK_EQ(actual, expected)                                                                                     \
    do {                                                                                                               \
        const auto a_ = (actual);                                                                                      \
        const auto e_ = (expected);                                                                                    \
        if (!(a_ == e_))                                                                                               \
            test::failCase(__FILE__, __LINE__,                                                                         \
                           #actual " is " + test::show(a_) + ", expected " + test::show(e_) + " [" +                   \
                               lurHostLastDiagnostic() + "]");                                                         \
    } while (0)
#define CHECK_CONTAINS(text, part)                                                                                     \
    do {                                                                                                               \
        const std::string t_ = (text);                                                                                 \
        if (t_.find(part) == std::string::npos)                                                                        \
            test::failCase(__FILE__, __LINE__, "'" + t_ + "' does not contain '" + std::string(part) + "'");           \
    } while (0)
#define OK(call) CHECK_EQ((int)(call), 0)

// A device with its primary context current, reset at the end so that the next case starts afresh.
struct Device {
    CUdevice device;
    CUcontext context;
    CUstream stream = nullptr;
    explicit Device(int ordinal = 0);
    ~Device();
    int attribute(int a) const;
    bool lane() const { return attribute(10) == 1; }
};

struct Compiled {
    nvrtcResult result;
    std::string log;
    std::vector<char> image;
};
Compiled compile(const std::string& source, const std::vector<std::string>& options, const char* name = "test.cu",
                 const std::vector<std::string>& expressions = {});

// The source's image for the device, compiled once in a process.
CUmodule load(const Device& d, const std::string& source);
CUfunction function(CUmodule m, const char* name);

template <class... A>
CUresult launch(CUstream stream, CUfunction f, std::vector<unsigned> grid, std::vector<unsigned> block,
                A... arguments) {
    grid.resize(3, 1), block.resize(3, 1);
    void* pointers[] = {(void*)&arguments..., nullptr};
    return cuLaunchKernel(f, grid[0], grid[1], grid[2], block[0], block[1], block[2], 0, stream, pointers, nullptr);
}

template <class T> struct Buffer {
    CUdeviceptr address = 0;
    size_t count;
    explicit Buffer(size_t n) : count(n) { OK(cuMemAlloc_v2(&address, n * sizeof(T))); }
    Buffer(const std::vector<T>& v) : Buffer(v.size()) { set(v); }
    Buffer(std::initializer_list<T> v) : Buffer(std::vector<T>(v)) {} // {10} is one element, not ten
    Buffer(const Buffer&) = delete;
    ~Buffer() { cuMemFree_v2(address); }
    void set(const std::vector<T>& v) { OK(cuMemcpyHtoD_v2(address, v.data(), v.size() * sizeof(T))); }
    std::vector<T> get() const {
        std::vector<T> v(count);
        OK(cuMemcpyDtoH_v2(v.data(), address, count * sizeof(T)));
        return v;
    }
};

std::string readKernelHeader(const char* name);

} // namespace test
