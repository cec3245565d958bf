// nvrtc*: the C++ compiler of this machine in NVRTC's place.
//
// Source and in-memory headers are written to a private directory, with a translation unit that includes the shim, then
// the source inside an unnamed namespace, then a table of the kernels found in the text. The compiler runs in that
// directory, so that messages name files as the caller named them. The shared object it makes, behind an ImageHeader,
// is what nvrtcGetCUBIN and nvrtcGetPTX return.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <set>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>
#include "configuration.h"
#include "embedded.h"
#include "image.h"
#include "sanitizer.h"
#include "source_text.h"

extern char** environ;

namespace lur {
namespace {

namespace fs = std::filesystem;

// NaN and infinities keep their meaning: never -ffast-math. -fassociative-math is what lets a sum be vectorised;
// without it BatchNorm's statistics took 2.9 ms instead of 1.1. No -fno-exceptions: GCC 12 then vectorises no loop with
// host_expf in it ("control flow in loop"), and the kernels hold nothing to unwind.
const char* const commonFlags[] = {
    "-x",
    "c++",
    "-fPIC",
    "-shared",
    "-w",
    "-fno-rtti",
    "-fvisibility=hidden",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fassociative-math",
    "-fno-signed-zeros",
    "-fno-stack-protector",
    "-fno-plt",
    "-nostdinc",
    "-nostdinc++", // as with NVRTC, there are no headers but the caller's
    "-Wl,--build-id=none",
    "-Wl,--as-needed",
};
const char* const laneFlags[] = {"-O3"};
const char* const fiberFlags[] = {"-O2"}; // checks: compile time counts, vectors do not

struct Program {
    void* context = nullptr; // as every registered object; a program belongs to none
    std::string source, name;
    std::vector<std::pair<std::string, std::string>> headers;
    std::vector<std::string> expressions;
    std::string log, image;
    bool compiled = false;
};

std::mutex programsMutex;
std::set<Program*> programs;

Program* findProgram(nvrtcProgram p) {
    std::lock_guard<std::mutex> lock(programsMutex);
    return programs.count((Program*)p) ? (Program*)p : nullptr;
}

nvrtcResult badProgram(const char* call) {
    return fail(NVRTC_ERROR_INVALID_PROGRAM, "%s: the handle is no program", call);
}

struct Options {
    LurMode mode = LurLane;
    int level = 0;
    std::string standard = "17";
    bool contract = true, debug = false;
    std::vector<std::string> flags; // -D, -U, -I in order
    std::string wrong;
};

// sm_3 is lane mode on x86-64-v3, sm_13 fiber mode; compute_ names the same.
bool parseArchitecture(const std::string& value, Options* o) {
    const size_t underscore = value.find('_');
    if (underscore == std::string::npos) return false;
    const std::string prefix = value.substr(0, underscore), digits = value.substr(underscore + 1);
    if ((prefix != "sm" && prefix != "compute" && prefix != "lto") || digits.empty() || digits.size() > 2) return false;
    if (digits.find_first_not_of("0123456789") != std::string::npos) return false;
    const int n = atoi(digits.c_str());
    if (n / 10 > 1 || n % 10 < 2 || n % 10 > newestLevel) return false;
    o->mode = (LurMode)(n / 10);
    o->level = n % 10;
    return true;
}

// NVRTC's options: those that mean something here are translated, those that only steer NVIDIA's back end are accepted
// without effect, anything else is an error as with NVRTC.
Options parseOptions(int count, const char* const* given) {
    static const std::set<std::string> ignored = {
        "-lineinfo",
        "--generate-line-info",
        "-default-device",
        "--device-as-default-execution-space",
        "-w",
        "--disable-warnings",
        "--restrict",
        "-restrict",
        "-extra-device-vectorization",
        "--extra-device-vectorization",
        "-use_fast_math",
        "--use_fast_math",
        "--no-display-error-number",
        "-no-err-no",
        "--display-error-number",
        "-dopt",
        "--dopt",
        "--device-int128",
        "-device-int128",
        "--minimal",
        "-minimal",
        "--no-source-include",
        "-no-source-include",
        "--builtin-move-forward=true",
        "--builtin-initializer-list=true",
        "-ewp",
        "-pch",
        "--pch",
    };
    static const std::set<std::string> ignoredWithValue = {
        "--ftz",
        "-ftz",
        "--prec-div",
        "-prec-div",
        "--prec-sqrt",
        "-prec-sqrt",
        "--maxrregcount",
        "-maxrregcount",
        "-rdc",
        "--relocatable-device-code",
        "--ptxas-options",
        "-Xptxas",
        "--diag-suppress",
        "-diag-suppress",
        "--diag-warn",
        "-diag-warn",
        "--diag-error",
        "-diag-error",
        "--optimization-info",
        "-opt-info",
        "-dopt",
        "--dopt",
        "--split-compile",
        "-split-compile",
        "--time",
        "-time",
        "--builtin-move-forward",
        "--builtin-initializer-list",
        "--version-ident",
        "--modify-stack-limit",
    };
    Options o;
    for (int i = 0; i < count && o.wrong.empty(); i++) {
        const std::string option = given[i] ? given[i] : "";
        const size_t equals = option.find('=');
        std::string key = option.substr(0, equals);
        std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
        const auto next = [&] {
            if (equals == std::string::npos && i + 1 < count) value = given[++i];
            return value;
        };
        if (ignored.count(option)) continue;
        if (key == "--gpu-architecture" || key == "-arch") {
            if (!parseArchitecture(next(), &o)) o.wrong = option;
        } else if (key == "--std" || key == "-std") {
            next();
            if (value != "c++11" && value != "c++14" && value != "c++17" && value != "c++20") o.wrong = option;
            if (value == "c++20") o.standard = "20"; // older ones: the shim itself is C++17
        } else if (key == "--define-macro" || key == "--undefine-macro" || key == "--include-path") {
            const char* flag = key == "--define-macro" ? "-D" : key == "--undefine-macro" ? "-U" : "-I";
            o.flags.push_back(flag + next());
        } else if (key == "--pre-include" || key == "-include") {
            o.flags.push_back("-include");
            o.flags.push_back(next());
        } else if (option.size() >= 2 && (option[1] == 'D' || option[1] == 'U' || option[1] == 'I') &&
                   option[0] == '-') {
            if (option.size() > 2)
                o.flags.push_back(option);
            else if (i + 1 < count)
                o.flags.push_back(option + given[++i]);
            else
                o.wrong = option;
        } else if (key == "--fmad" || key == "-fmad") {
            o.contract = next() != "false";
        } else if (option == "-G" || option == "--device-debug") {
            o.debug = true;
        } else if (ignoredWithValue.count(key)) {
            next();
        } else {
            o.wrong = option.empty() ? "(empty)" : option;
        }
    }
    if (!o.level) o.level = cpuLevel() < 2 ? 2 : cpuLevel();
    return o;
}

bool executable(const std::string& path) { return access(path.c_str(), X_OK) == 0 && !fs::is_directory(path); }

std::string onPath(const std::string& name) {
    if (name.find('/') != std::string::npos) return executable(name) ? name : "";
    const char* path = getenv("PATH");
    std::stringstream folders(path ? path : "/usr/local/bin:/usr/bin:/bin");
    for (std::string folder; std::getline(folders, folder, ':');)
        if (!folder.empty() && executable(folder + "/" + name)) return folder + "/" + name;
    return "";
}

// Looked up at each call: a user who installs a compiler need not start again.
std::string findCompiler(std::string* missing) {
    const char* own = setting("LUR_HOST_CXX");
    if (own && *own) {
        const std::string found = onPath(own);
        if (found.empty()) *missing = text("LUR_HOST_CXX names the C++ compiler '%s', which does not exist", own);
        return found;
    }
    std::vector<std::string> names = {"g++", "clang++"};
    for (int v = 22; v >= 14; v--) names.push_back("clang++-" + std::to_string(v));
    for (int v = 15; v >= 12; v--) names.push_back("g++-" + std::to_string(v));
    for (const std::string& n : names) {
        const std::string found = onPath(n);
        if (!found.empty()) return found;
    }
    *missing = "no C++ compiler was found (g++ or clang++ on PATH), and without a GPU kernels are compiled by one; "
               "install it with 'sudo apt-get install g++' or name one in LUR_HOST_CXX";
    return "";
}

// A private directory that is gone with the object.
struct Directory {
    std::string path;
    Directory() {
        const char* base = getenv("TMPDIR");
        std::string name = std::string(base && *base ? base : "/tmp") + "/lur-nvrtc-XXXXXX";
        if (mkdtemp(&name[0])) path = name;
    }
    ~Directory() {
        std::error_code ignored;
        if (!path.empty()) fs::remove_all(path, ignored);
    }
};

// Names of sources and headers come from the caller: they stay inside the directory.
std::string insideName(const std::string& name) {
    const fs::path p = fs::path(name).lexically_normal();
    if (p.is_absolute() || (!p.empty() && *p.begin() == "..")) return p.filename().string();
    return p.string();
}

bool writeFile(const std::string& path, const std::string& content) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream out(path, std::ios::binary);
    out << content;
    out.close();
    return out.good();
}

std::string readFile(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream s;
    s << in.rdbuf();
    return s.str();
}

// 0 when the compiler ran and succeeded. Its output goes to a file: no pipe to drain.
int runCompiler(const std::string& compiler, const std::vector<std::string>& arguments, const std::string& directory) {
    std::vector<char*> argv = {(char*)compiler.c_str()};
    for (const std::string& a : arguments) argv.push_back((char*)a.c_str());
    argv.push_back(nullptr);
    const std::string output = directory + "/log.txt";
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    posix_spawn_file_actions_addchdir_np(&actions, directory.c_str());
    // Messages in plain ASCII, whatever the user's language.
    std::vector<char*> environment;
    for (char** e = environ; *e; e++)
        if (strncmp(*e, "LC_ALL=", 7) != 0 && strncmp(*e, "GCC_COLORS=", 11) != 0) environment.push_back(*e);
    environment.push_back((char*)"LC_ALL=C");
    environment.push_back(nullptr);
    pid_t pid;
    const int spawned = posix_spawn(&pid, compiler.c_str(), &actions, nullptr, argv.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (spawned) return spawned;
    int status = -1;
    while (waitpid(pid, &status, 0) < 0)
        if (errno == ECHILD) // the program reaps all children itself: the output file tells
            return access((directory + "/image.so").c_str(), R_OK) == 0 ? 0 : 1;
        else if (errno != EINTR)
            return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string translationUnit(const Program& p, const std::string& file, const Options& o) {
    std::string t = "#include \"lur-shim/shim.h\"\nnamespace {\n#include \"" + file + "\"\n}\n";
    t += "namespace {\n#line 1 \"kernel-table\"\n";
    std::string table;
    int count = 0;
    for (const std::string& k : findKernels(p.source)) table += "LUR_EXPORT(\"" + k + "\", &" + k + ")\n", count++;
    for (const std::string& e : p.expressions) {
        // The name of the entry is the expression itself; the address-of may be part of it.
        table += "LUR_EXPORT(\"" + e + "\", " + (e[0] == '&' ? "" : "&") + e + ")\n", count++;
    }
    t += "constexpr LurKernel lur_kernels[] = {\n" + table + "{nullptr, 0, nullptr, nullptr}};\n";
    t += "LurBuiltins* lur_builtins_of_thread() { return &lur_builtins; }\n";
    t += "void lur_bind(const LurServices* s) { lur_services = s; }\n}\n";
    t += text(
        "extern \"C\" __attribute__((visibility(\"default\"))) const LurImage lur_image = {%d, %d, %d, lur_kernels, "
        "lur_builtins_of_thread, lur_bind};\n",
        o.mode, o.level, count);
    return t;
}

std::vector<std::string> compilerArguments(const Options& o, const std::string& compiler) {
    std::vector<std::string> a(std::begin(commonFlags), std::end(commonFlags));
    if (o.mode == LurLane)
        a.insert(a.end(), std::begin(laneFlags), std::end(laneFlags));
    else
        a.insert(a.end(), std::begin(fiberFlags), std::end(fiberFlags));
    a.push_back("-std=gnu++" + o.standard);
    a.push_back(text("-march=x86-64-v%d", o.level));
    if (o.level == 4) a.push_back("-mprefer-vector-width=512");
    a.push_back(o.contract ? "-ffp-contract=fast" : "-ffp-contract=off");
    a.push_back(text("-DLUR_HOST_LANE=%d", o.mode == LurLane));
    if (o.debug || LUR_SANITIZED) a.push_back("-g");
    if (LUR_SANITIZE_ADDRESS) a.insert(a.end(), {"-fsanitize=address", "-DLUR_SANITIZE_ADDRESS=1"});
    if (LUR_SANITIZE_THREAD) a.push_back("-fsanitize=thread");
    if (LUR_SANITIZED && compiler.find("clang") != std::string::npos) a.push_back("-shared-libsan");
    a.insert(a.end(), o.flags.begin(), o.flags.end());
    a.insert(a.end(), {"-I.", "unit.cpp", "-o", "image.so", "-lm"});
    return a;
}

std::string makeImage(const Options& o, const std::string& library) {
    ImageHeader h;
    memcpy(h.magic, imageMagic, sizeof h.magic);
    h.mode = (uint32_t)o.mode;
    h.level = (uint32_t)o.level;
    h.size = library.size();
    h.hash = hashBytes(library.data(), library.size());
    return std::string((const char*)&h, sizeof h) + library;
}

nvrtcResult compile(Program& p, const Options& o) {
    p.log.clear(), p.image.clear();
    p.compiled = true;
    const auto refuse = [&](const std::string& why) {
        p.log = why;
        return fail(NVRTC_ERROR_COMPILATION, "%s", why.c_str());
    };
    std::string missing;
    const std::string compiler = findCompiler(&missing);
    if (compiler.empty()) return refuse(missing);
    const Directory d;
    if (d.path.empty()) return refuse("no temporary directory can be made in TMPDIR or /tmp; free space or set TMPDIR");
    std::string source = p.source;
    const std::string file = insideName(p.name);
    int line = 0;
    if (!replaceDynamicShared(&source, &line))
        return refuse(text("%s:%d: error: 'extern __shared__' outside a function; declare it inside the kernel",
                           file.c_str(), line));
    bool written = writeFile(d.path + "/" + file, source + "\n");
    for (const auto& h : p.headers) written &= writeFile(d.path + "/" + insideName(h.first), h.second);
    for (const EmbeddedFile* e = embeddedFiles(); e->name; e++)
        written &= writeFile(d.path + "/lur-shim/" + e->name, std::string(e->content));
    written &= writeFile(d.path + "/unit.cpp", translationUnit(p, file, o));
    if (!written) return refuse("the source could not be written to " + d.path + "; is the disk full?");
    const int status = runCompiler(compiler, compilerArguments(o, compiler), d.path);
    p.log = readFile(d.path + "/log.txt");
    if (status != 0) {
        if (p.log.empty()) p.log = text("%s ended with status %d and no message", compiler.c_str(), status);
        return fail(NVRTC_ERROR_COMPILATION, "%s: %s", file.c_str(), p.log.substr(0, p.log.find('\n')).c_str());
    }
    p.image = makeImage(o, readFile(d.path + "/image.so"));
    return NVRTC_SUCCESS;
}

nvrtcResult give(const std::string& from, char* to, const char* call) {
    if (!to) return fail(NVRTC_ERROR_INVALID_INPUT, "%s: the buffer is null", call);
    memcpy(to, from.data(), from.size());
    return NVRTC_SUCCESS;
}

nvrtcResult getImage(nvrtcProgram program, char* to, size_t* size, const char* call) {
    Program* p = findProgram(program);
    if (!p) return badProgram(call);
    if (p->image.empty()) return fail(NVRTC_ERROR_INVALID_PROGRAM, "%s: the program is not compiled", call);
    if (!size) return give(p->image, to, call);
    *size = p->image.size();
    return NVRTC_SUCCESS;
}

} // namespace
} // namespace lur

using namespace lur;

// The minor number changes with the shim and the flags, so that caches which are keyed by the version drop old images.
LUR_API nvrtcResult nvrtcVersion(int* major, int* minor) {
    if (!major || !minor) return fail(NVRTC_ERROR_INVALID_INPUT, "nvrtcVersion: a result is null");
    static const int hash = [] {
        uint64_t h = hashBytes("1", 1);
        for (const EmbeddedFile* e = embeddedFiles(); e->name; e++)
            h = hashBytes(e->content.data(), e->content.size(), h);
        for (const char* f : commonFlags) h = hashBytes(f, strlen(f), h);
        for (const char* f : laneFlags) h = hashBytes(f, strlen(f), h);
        for (const char* f : fiberFlags) h = hashBytes(f, strlen(f), h);
        return (int)(h % 1000000);
    }();
    *major = 12;
    *minor = hash;
    return NVRTC_SUCCESS;
}

LUR_API nvrtcResult nvrtcGetNumSupportedArchs(int* count) {
    if (!count) return fail(NVRTC_ERROR_INVALID_INPUT, "nvrtcGetNumSupportedArchs: the result is null");
    *count = 2 * (newestLevel - 1);
    return NVRTC_SUCCESS;
}

LUR_API nvrtcResult nvrtcGetSupportedArchs(int* architectures) {
    if (!architectures) return fail(NVRTC_ERROR_INVALID_INPUT, "nvrtcGetSupportedArchs: the result is null");
    for (int mode = 0; mode < 2; mode++)
        for (int level = 2; level <= newestLevel; level++) *architectures++ = mode * 10 + level;
    return NVRTC_SUCCESS;
}

LUR_API nvrtcResult nvrtcCreateProgram(nvrtcProgram* program, const char* source, const char* name, int headerCount,
                                       const char* const* headers, const char* const* includeNames) {
    if (!program || !source || headerCount < 0 || (headerCount && (!headers || !includeNames)))
        return fail(NVRTC_ERROR_INVALID_INPUT, "nvrtcCreateProgram: no result, no source, or headers without names");
    auto p = std::make_unique<Program>();
    p->source = source;
    p->name = name && *name ? name : "default_program";
    for (int i = 0; i < headerCount; i++) p->headers.emplace_back(includeNames[i], headers[i]);
    std::lock_guard<std::mutex> lock(programsMutex);
    programs.insert(p.get());
    *program = p.release();
    return NVRTC_SUCCESS;
}

LUR_API nvrtcResult nvrtcDestroyProgram(nvrtcProgram* program) {
    std::lock_guard<std::mutex> lock(programsMutex);
    if (!program || !programs.erase((Program*)*program)) return badProgram("nvrtcDestroyProgram");
    delete (Program*)*program;
    *program = nullptr;
    return NVRTC_SUCCESS;
}

LUR_API nvrtcResult nvrtcCompileProgram(nvrtcProgram program, int optionCount, const char* const* options) {
    Program* p = findProgram(program);
    if (!p) return badProgram("nvrtcCompileProgram");
    if (optionCount && !options) return fail(NVRTC_ERROR_INVALID_INPUT, "nvrtcCompileProgram: options is null");
    const Options o = parseOptions(optionCount, options);
    if (!o.wrong.empty()) {
        p->log = text("error: unrecognized option or value in '%s'", o.wrong.c_str());
        return fail(NVRTC_ERROR_INVALID_OPTION, "nvrtcCompileProgram: unrecognized option or value in '%s'",
                    o.wrong.c_str());
    }
    return compile(*p, o);
}

LUR_API nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t* size) {
    Program* p = findProgram(program);
    if (!p) return badProgram("nvrtcGetProgramLogSize");
    if (!size) return fail(NVRTC_ERROR_INVALID_INPUT, "nvrtcGetProgramLogSize: size is null");
    *size = p->log.size() + 1;
    return NVRTC_SUCCESS;
}

LUR_API nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char* log) {
    Program* p = findProgram(program);
    if (!p) return badProgram("nvrtcGetProgramLog");
    const nvrtcResult r = give(p->log, log, "nvrtcGetProgramLog");
    if (!r) log[p->log.size()] = '\0';
    return r;
}

LUR_API nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, size_t* size) {
    size_t none;
    return getImage(program, nullptr, size ? size : &none, "nvrtcGetCUBINSize");
}
LUR_API nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char* image) {
    return getImage(program, image, nullptr, "nvrtcGetCUBIN");
}
LUR_API nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, size_t* size) {
    size_t none;
    return getImage(program, nullptr, size ? size : &none, "nvrtcGetPTXSize");
}
LUR_API nvrtcResult nvrtcGetPTX(nvrtcProgram program, char* image) {
    return getImage(program, image, nullptr, "nvrtcGetPTX");
}

LUR_API nvrtcResult nvrtcAddNameExpression(nvrtcProgram program, const char* expression) {
    Program* p = findProgram(program);
    if (!p) return badProgram("nvrtcAddNameExpression");
    if (!expression || !*expression) return fail(NVRTC_ERROR_INVALID_INPUT, "nvrtcAddNameExpression: no expression");
    if (p->compiled)
        return fail(NVRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION,
                    "nvrtcAddNameExpression: the program is compiled");
    p->expressions.push_back(expression);
    return NVRTC_SUCCESS;
}

LUR_API nvrtcResult nvrtcGetLoweredName(nvrtcProgram program, const char* expression, const char** lowered) {
    Program* p = findProgram(program);
    if (!p) return badProgram("nvrtcGetLoweredName");
    if (!expression || !lowered) return fail(NVRTC_ERROR_INVALID_INPUT, "nvrtcGetLoweredName: an argument is null");
    if (!p->compiled)
        return fail(NVRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION,
                    "nvrtcGetLoweredName: the program is not compiled");
    const auto e = std::find(p->expressions.begin(), p->expressions.end(), expression);
    if (e == p->expressions.end())
        return fail(NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID, "nvrtcGetLoweredName: '%s' was not added", expression);
    *lowered = e->c_str();
    return NVRTC_SUCCESS;
}
