// errors.h - error codes, their texts, and the sentence that says what really happened.
#pragma once
#include <string>
#include "cuda_abi.h"

namespace lur {

enum class Library { Driver, Compiler, Blas };

// Records a sentence for the code and returns the code. The texts that cuGetErrorString, nvrtcGetErrorString and
// cublasGetStatusString give for this code are then that sentence, until the next error.
void remember(Library, int code, std::string sentence);

__attribute__((format(printf, 2, 3))) CUresult fail(CUresult, const char* format, ...);
__attribute__((format(printf, 2, 3))) nvrtcResult fail(nvrtcResult, const char* format, ...);
__attribute__((format(printf, 2, 3))) cublasStatus_t fail(cublasStatus_t, const char* format, ...);

std::string text(const char* format, ...) __attribute__((format(printf, 1, 2)));

} // namespace lur
