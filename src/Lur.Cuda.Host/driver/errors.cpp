#include "errors.h"
#include <cstdarg>
#include <cstdio>
#include <mutex>

namespace lur {
namespace {

struct Row {
    int code;
    const char *name, *text;
};

const Row driverRows[] = {
    {CUDA_SUCCESS, "CUDA_SUCCESS", "no error"},
    {CUDA_ERROR_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {CUDA_ERROR_NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {CUDA_ERROR_DEINITIALIZED, "CUDA_ERROR_DEINITIALIZED", "driver shutting down"},
    {CUDA_ERROR_NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {CUDA_ERROR_INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {CUDA_ERROR_INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {CUDA_ERROR_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {CUDA_ERROR_NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU",
     "no kernel image is available for execution on the device"},
    {CUDA_ERROR_INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {CUDA_ERROR_NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {CUDA_ERROR_NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {CUDA_ERROR_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE, "CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE",
     "cannot set while device is active in this process"},
    {CUDA_ERROR_CONTEXT_IS_DESTROYED, "CUDA_ERROR_CONTEXT_IS_DESTROYED", "context is destroyed"},
    {CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED",
     "part or all of the requested memory range is already mapped"},
    {CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED",
     "pointer does not correspond to a registered memory region"},
    {CUDA_ERROR_LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {CUDA_ERROR_NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
     "operation not permitted when stream is capturing"},
    {CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {CUDA_ERROR_STREAM_CAPTURE_MERGE, "CUDA_ERROR_STREAM_CAPTURE_MERGE",
     "operation would result in a merge of separate capture sequences"},
    {CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED",
     "capture was not ended in the same stream as it began"},
    {CUDA_ERROR_STREAM_CAPTURE_UNJOINED, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "capturing stream has unjoined work"},
    {CUDA_ERROR_STREAM_CAPTURE_ISOLATION, "CUDA_ERROR_STREAM_CAPTURE_ISOLATION",
     "dependency created on uncaptured work in another stream"},
    {CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT",
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {CUDA_ERROR_CAPTURED_EVENT, "CUDA_ERROR_CAPTURED_EVENT",
     "operation not permitted on an event last recorded in a capturing stream"},
    {CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD",
     "attempt to terminate a thread-local capture sequence from another thread"},
    {CUDA_ERROR_UNKNOWN, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

const Row compilerRows[] = {
    {NVRTC_SUCCESS, "NVRTC_SUCCESS", "NVRTC_SUCCESS"},
    {NVRTC_ERROR_OUT_OF_MEMORY, "NVRTC_ERROR_OUT_OF_MEMORY", "NVRTC_ERROR_OUT_OF_MEMORY"},
    {NVRTC_ERROR_PROGRAM_CREATION_FAILURE, "NVRTC_ERROR_PROGRAM_CREATION_FAILURE",
     "NVRTC_ERROR_PROGRAM_CREATION_FAILURE"},
    {NVRTC_ERROR_INVALID_INPUT, "NVRTC_ERROR_INVALID_INPUT", "NVRTC_ERROR_INVALID_INPUT"},
    {NVRTC_ERROR_INVALID_PROGRAM, "NVRTC_ERROR_INVALID_PROGRAM", "NVRTC_ERROR_INVALID_PROGRAM"},
    {NVRTC_ERROR_INVALID_OPTION, "NVRTC_ERROR_INVALID_OPTION", "NVRTC_ERROR_INVALID_OPTION"},
    {NVRTC_ERROR_COMPILATION, "NVRTC_ERROR_COMPILATION", "NVRTC_ERROR_COMPILATION"},
    {NVRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION, "NVRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION",
     "NVRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION"},
    {NVRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION, "NVRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION",
     "NVRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION"},
    {NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID, "NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID",
     "NVRTC_ERROR_NAME_EXPRESSION_NOT_VALID"},
    {NVRTC_ERROR_INTERNAL_ERROR, "NVRTC_ERROR_INTERNAL_ERROR", "NVRTC_ERROR_INTERNAL_ERROR"},
};

const Row blasRows[] = {
    {CUBLAS_STATUS_SUCCESS, "CUBLAS_STATUS_SUCCESS", "success"},
    {CUBLAS_STATUS_NOT_INITIALIZED, "CUBLAS_STATUS_NOT_INITIALIZED", "the library was not initialized"},
    {CUBLAS_STATUS_ALLOC_FAILED, "CUBLAS_STATUS_ALLOC_FAILED", "the resource allocation failed"},
    {CUBLAS_STATUS_INVALID_VALUE, "CUBLAS_STATUS_INVALID_VALUE", "an invalid value was passed"},
    {CUBLAS_STATUS_ARCH_MISMATCH, "CUBLAS_STATUS_ARCH_MISMATCH", "the device lacks a required feature"},
    {CUBLAS_STATUS_EXECUTION_FAILED, "CUBLAS_STATUS_EXECUTION_FAILED", "the function failed to launch on the GPU"},
    {CUBLAS_STATUS_INTERNAL_ERROR, "CUBLAS_STATUS_INTERNAL_ERROR", "an internal operation failed"},
    {CUBLAS_STATUS_NOT_SUPPORTED, "CUBLAS_STATUS_NOT_SUPPORTED", "the functionality requested is not supported"},
};

std::mutex lastMutex;
Library lastLibrary;
int lastCode;
std::string lastSentence;

template <size_t N> const Row* find(const Row (&rows)[N], int code) {
    for (const Row& r : rows)
        if (r.code == code) return &r;
    return nullptr;
}

// The caller keeps a const char*, so each thread owns the string it was last given, one for each library.
const char* sentence(Library library, int code, const char* usual) {
    static thread_local std::string given[3];
    std::lock_guard<std::mutex> lock(lastMutex);
    if (lastLibrary != library || lastCode != code || lastSentence.empty()) return usual;
    return (given[(int)library] = lastSentence).c_str();
}

std::string vtext(const char* format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    std::string s((size_t)vsnprintf(nullptr, 0, format, arguments), '\0');
    vsnprintf(&s[0], s.size() + 1, format, again);
    va_end(again);
    return s;
}

} // namespace

void remember(Library library, int code, std::string s) {
    std::lock_guard<std::mutex> lock(lastMutex);
    lastLibrary = library, lastCode = code, lastSentence = std::move(s);
}

std::string text(const char* format, ...) {
    va_list a;
    va_start(a, format);
    std::string s = vtext(format, a);
    va_end(a);
    return s;
}

#define LUR_FAIL(type, library)                                                                                        \
    type fail(type code, const char* format, ...) {                                                                    \
        va_list a;                                                                                                     \
        va_start(a, format);                                                                                           \
        remember(library, code, vtext(format, a));                                                                     \
        va_end(a);                                                                                                     \
        return code;                                                                                                   \
    }
LUR_FAIL(CUresult, Library::Driver)
LUR_FAIL(nvrtcResult, Library::Compiler)
LUR_FAIL(cublasStatus_t, Library::Blas)

} // namespace lur

using namespace lur;

LUR_API CUresult cuGetErrorName(CUresult error, const char** name) {
    const Row* r = find(driverRows, error);
    if (!name) return CUDA_ERROR_INVALID_VALUE;
    *name = r ? r->name : nullptr;
    return r ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

LUR_API CUresult cuGetErrorString(CUresult error, const char** string) {
    const Row* r = find(driverRows, error);
    if (!string) return CUDA_ERROR_INVALID_VALUE;
    *string = r ? sentence(Library::Driver, error, r->text) : nullptr;
    return r ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

LUR_API const char* nvrtcGetErrorString(nvrtcResult result) {
    const Row* r = find(compilerRows, result);
    return r ? sentence(Library::Compiler, result, r->text) : "NVRTC_ERROR unknown";
}

LUR_API const char* cublasGetStatusName(cublasStatus_t status) {
    const Row* r = find(blasRows, status);
    return r ? r->name : "CUBLAS_STATUS unknown";
}

LUR_API const char* cublasGetStatusString(cublasStatus_t status) {
    const Row* r = find(blasRows, status);
    return r ? sentence(Library::Blas, status, r->text) : "unknown cuBLAS status";
}

// The sentence of the last error of any of the three libraries, or "". Valid until the thread asks again.
LUR_API const char* lurHostLastDiagnostic() {
    static thread_local std::string given;
    std::lock_guard<std::mutex> lock(lastMutex);
    return (given = lastSentence).c_str();
}
