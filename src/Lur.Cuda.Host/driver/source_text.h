// source_text.h - what is read from, and changed in, kernel source before the C++ compiler sees it.
#pragma once
#include <string>
#include <vector>

namespace lur {

// The text with comments and string literals blanked out; every character keeps its place.
std::string withoutComments(const std::string& source);

// Names of the kernels: `KERNEL [COOPERATIVE] name(` and `__global__ void [__launch_bounds__(...)] name(`.
std::vector<std::string> findKernels(const std::string& source);

// `extern __shared__ T name[];` becomes a pointer to the launch's dynamic shared memory, on the same line. False and a
// line number when one stands outside a function, where there is no launch.
bool replaceDynamicShared(std::string* source, int* badLine);

} // namespace lur
