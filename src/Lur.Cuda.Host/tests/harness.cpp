#include "harness.h"
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

namespace test {

std::vector<Case>& cases() {
    static std::vector<Case> all;
    return all;
}

void failCase(const char* file, int line, const std::string& what) {
    const char* slash = strrchr(file, '/');
    throw Failure(std::string(slash ? slash + 1 : file) + ":" + std::to_string(line) + ": " + what);
}

Device::Device(int ordinal) {
    OK(cuInit(0));
    OK(cuDeviceGet(&device, ordinal));
    OK(cuDevicePrimaryCtxRetain(&context, device));
    OK(cuCtxSetCurrent(context));
    OK(cuStreamCreate(&stream, 1));
}

Device::~Device() { cuDevicePrimaryCtxReset_v2(device); }

int Device::attribute(int a) const {
    int v = -1;
    OK(cuDeviceGetAttribute(&v, a, device));
    return v;
}

// Beside the program, where the test project puts it, or in the repository, seen from src/Lur.Cuda.Host/bin.
std::string readKernelHeader(const char* name) {
    char path[4096] = {};
    if (readlink("/proc/self/exe", path, sizeof path - 1) > 0) *strrchr(path, '/') = '\0';
    std::ifstream in(std::string(path) + "/kernels/" + name);
    if (!in) in.open(std::string(path) + "/../../../kernels/" + name);
    std::stringstream s;
    s << in.rdbuf();
    CHECK(!s.str().empty());
    return s.str();
}

Compiled compile(const std::string& source, const std::vector<std::string>& options, const char* name,
                 const std::vector<std::string>& expressions) {
    const char* const names[] = {"include/prelude.cuh", "include/reduce.cuh", "include/philox.cuh", "include/mma.cuh"};
    std::vector<std::string> texts;
    for (const char* n : names) texts.push_back(readKernelHeader(n));
    const char* const headers[] = {texts[0].c_str(), texts[1].c_str(), texts[2].c_str(), texts[3].c_str()};
    nvrtcProgram p;
    OK(nvrtcCreateProgram(&p, source.c_str(), name, 4, headers, names));
    for (const std::string& e : expressions) OK(nvrtcAddNameExpression(p, e.c_str()));
    std::vector<const char*> o;
    for (const std::string& s : options) o.push_back(s.c_str());
    Compiled c{nvrtcCompileProgram(p, (int)o.size(), o.data()), {}, {}};
    size_t n = 0;
    OK(nvrtcGetProgramLogSize(p, &n));
    c.log.resize(n);
    OK(nvrtcGetProgramLog(p, &c.log[0]));
    c.log.resize(n - 1);
    if (c.log.compare(0, 12, "no C++ compi") == 0 && getenv("LUR_EXPECT_NO_COMPILER") == nullptr) throw Skip(c.log);
    if (!c.result) {
        OK(nvrtcGetCUBINSize(p, &n));
        c.image.resize(n);
        OK(nvrtcGetCUBIN(p, c.image.data()));
    }
    OK(nvrtcDestroyProgram(&p));
    CHECK(p == nullptr);
    return c;
}

CUmodule load(const Device& d, const std::string& source) {
    static std::map<std::pair<std::string, std::string>, std::vector<char>> images;
    const std::string arch = "--gpu-architecture=sm_" + std::to_string(d.attribute(75) * 10 + d.attribute(76));
    std::vector<char>& image = images[{arch, source}];
    if (image.empty()) {
        const Compiled c = compile(source, {arch});
        if (c.result) throw Failure("compilation failed: " + c.log);
        image = c.image;
    }
    CUmodule m;
    OK(cuModuleLoadData(&m, image.data()));
    return m;
}

CUfunction function(CUmodule m, const char* name) {
    CUfunction f;
    OK(cuModuleGetFunction(&f, m, name));
    return f;
}

} // namespace test

using namespace test;

namespace {

// The environment of a group; what is not named here is inherited.
const std::map<std::string, std::vector<std::pair<const char*, const char*>>> environments = {
    {"lane", {{"LUR_HOST_DEVICES", "lane"}}},
    {"fiber", {{"LUR_HOST_DEVICES", "fiber"}}},
    {"checks", {{"LUR_HOST_DEVICES", "fiber:memory+init+race;lane:memory+init;fiber:memory"}}},
    {"both", {{"LUR_HOST_DEVICES", "lane;fiber"}}},
    {"compiler", {{"LUR_HOST_DEVICES", "lane;fiber"}}},
    {"late", {{"LUR_HOST_DEVICES", "lane:late;fiber:memory+late"}}},
    {"trace", {{"LUR_HOST_DEVICES", "fiber:trace;fiber:trace+sampled"}, {"LUR_TRACE_BLOCKS", "32"}}},
    {"handlers", {{"LUR_HOST_DEVICES", "lane"}}},
    {"fresh", {{"LUR_HOST_DEVICES", "lane"}}},
    {"wrong-devices", {{"LUR_HOST_DEVICES", "lane:race"}}},
    {"no-compiler", {{"LUR_HOST_DEVICES", "lane"}, {"PATH", "/nowhere"}, {"LUR_EXPECT_NO_COMPILER", "1"}}},
    {"wrong-compiler", {{"LUR_HOST_DEVICES", "lane"}, {"LUR_HOST_CXX", "/nowhere/g++"}}},
    {"no-blas", {{"LUR_HOST_DEVICES", "lane"}, {"LUR_HOST_OPENBLAS", "/nowhere/libopenblas.so.0"}}},
    {"planted", {{"LUR_HOST_DEVICES", "fiber"}}},
};

int runCase(const Case& c) {
    using clock = std::chrono::steady_clock;
    const auto start = clock::now();
    std::string failure;
    const char* verdict = "PASS";
    printf("RUN %s.%s\n", c.group, c.name);
    fflush(stdout);
    try {
        c.body();
    } catch (const Skip& e) {
        verdict = "SKIP";
        failure = e.what();
    } catch (const std::exception& e) {
        verdict = "FAIL";
        failure = e.what();
    }
    const double ms = std::chrono::duration<double, std::milli>(clock::now() - start).count();
    for (char& ch : failure)
        if (ch == '\n') ch = ' ';
    printf("%s %s.%s %.0f ms %s\n", verdict, c.group, c.name, ms, failure.c_str());
    fflush(stdout);
    return strcmp(verdict, "FAIL") == 0;
}

// Runs one group, or one case of it, in a new process with the group's environment.
int runProcess(const char* self, const std::string& what, const std::string& group) {
    fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        for (const auto& v : environments.at(group)) setenv(v.first, v.second, 1);
        execl("/proc/self/exe", self, "--here", what.c_str(), (char*)nullptr);
        _exit(127);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (!WIFSIGNALED(status)) return WEXITSTATUS(status);
    printf("DIED %s signal %d\n", what.c_str(), WTERMSIG(status));
    return 1;
}

bool matches(const Case& c, const std::string& what) {
    return what == c.group || what == std::string(c.group) + "." + c.name;
}

} // namespace

// --list | --all | GROUP | GROUP.CASE. Prints RUN before and PASS, FAIL or SKIP after each case. Cases of the group
// `planted` hold bugs for the sanitizers to find and run only when they are named.
int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "--all";
    int failed = 0;
    if (what == "--list") {
        for (const Case& c : cases())
            if (strcmp(c.group, "planted") != 0) printf("%s.%s\n", c.group, c.name);
    } else if (what == "--here") {
        for (const Case& c : cases())
            if (matches(c, argv[2])) failed += runCase(c);
    } else if (what == "--all") {
        std::set<std::string> groups;
        for (const Case& c : cases()) groups.insert(c.group);
        groups.erase("planted");
        for (const std::string& g : groups) failed += runProcess(argv[0], g, g);
    } else {
        const std::string group = what.substr(0, what.find('.'));
        if (!environments.count(group)) {
            fprintf(stderr, "there is no group '%s'; --list names the cases\n", group.c_str());
            return 2;
        }
        failed = runProcess(argv[0], what, group);
    }
    return failed ? 1 : 0;
}
