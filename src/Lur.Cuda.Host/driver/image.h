// image.h - compiled kernels: what nvrtcGetCUBIN returns and cuModuleLoadData takes.
#pragma once
#include <string>
#include "../shim/image_abi.h"
#include "errors.h"

namespace lur {

// A shared object behind a header that says what it is for.
struct ImageHeader {
    char magic[8];
    uint32_t mode, level;
    uint64_t size, hash; // of the shared object that follows
};
constexpr char imageMagic[8] = {'L', 'U', 'R', 'H', 'O', 'S', 'T', '1'};
uint64_t hashBytes(const void* bytes, size_t size, uint64_t seed = 0xcbf29ce484222325ull);

// A loaded shared object; unloaded with its last function.
struct Image {
    void* library = nullptr;
    int file = -1;
    const LurImage* table = nullptr;
    size_t threadLocalBytes = 0; // of its thread-local storage: __shared__ arrays and built-in variables
    Image() = default;
    Image(const Image&) = delete;
    Image& operator=(const Image&) = delete;
    ~Image();
    // The calling thread's thread-local storage of this image.
    void* threadLocal() const;
};

CUresult loadImage(const void* bytes, LurMode mode, Image* image);
const LurServices& services();

} // namespace lur
