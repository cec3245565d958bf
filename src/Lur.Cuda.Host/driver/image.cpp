#include "image.h"
#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>
#include "configuration.h"

namespace lur {
namespace {

size_t threadLocalSize(const char* elf, size_t size) {
    const auto* h = (const Elf64_Ehdr*)elf;
    if (size < sizeof *h || h->e_phoff + (size_t)h->e_phnum * sizeof(Elf64_Phdr) > size) return 0;
    const auto* p = (const Elf64_Phdr*)(elf + h->e_phoff);
    for (int i = 0; i < h->e_phnum; i++)
        if (p[i].p_type == PT_TLS) return p[i].p_memsz;
    return 0;
}

const char* modeName(unsigned mode) { return mode == LurLane ? "lane" : mode == LurFiber ? "fiber" : "traced"; }

} // namespace

uint64_t hashBytes(const void* bytes, size_t size, uint64_t h) {
    for (size_t i = 0; i < size; i++) h = (h ^ ((const unsigned char*)bytes)[i]) * 0x100000001b3ull; // FNV-1a
    return h;
}

Image::~Image() {
    if (library) dlclose(library);
    if (file >= 0) close(file);
}

void* Image::threadLocal() const {
    (void)table->builtins(); // the loader allocates the block on first use
    void* p = nullptr;
    return dlinfo(library, RTLD_DI_TLS_DATA, &p) == 0 ? p : nullptr;
}

CUresult loadImage(const void* bytes, LurMode mode, Image* image) {
    ImageHeader h;
    // The length of the image is not passed, so nothing is read beyond the magic before that is known to be right.
    if (memcmp(bytes, imageMagic, sizeof imageMagic) != 0)
        return fail(CUDA_ERROR_INVALID_IMAGE, "the image was not made by this driver's nvrtcCompileProgram");
    memcpy(&h, bytes, sizeof h);
    if (h.mode != (uint32_t)mode)
        return fail(CUDA_ERROR_NO_BINARY_FOR_GPU, "the image is for %s devices and this one is a %s device",
                    modeName(h.mode), modeName((unsigned)mode));
    if ((int)h.level > cpuLevel())
        return fail(CUDA_ERROR_NO_BINARY_FOR_GPU, "the image is for x86-64-v%u and this CPU is x86-64-v%d", h.level,
                    cpuLevel());
    const char* const elf = (const char*)bytes + sizeof h;
    if (h.size > (1u << 30) || hashBytes(elf, h.size) != h.hash)
        return fail(CUDA_ERROR_INVALID_IMAGE, "the image is damaged: its checksum does not match");
    // In memory, not in /tmp: that may be mounted noexec. The descriptor stays open as long as the image is loaded,
    // because the loader knows libraries by name and would take a reused descriptor for the old one.
    image->file = memfd_create("lur-image", MFD_CLOEXEC);
    if (image->file < 0 || write(image->file, elf, h.size) != (ssize_t)h.size)
        return fail(CUDA_ERROR_OUT_OF_MEMORY, "the image could not be written to memory");
    image->library = dlopen(text("/proc/self/fd/%d", image->file).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!image->library) return fail(CUDA_ERROR_INVALID_IMAGE, "the image could not be loaded: %s", dlerror());
    image->table = (const LurImage*)dlsym(image->library, "lur_image");
    if (!image->table) return fail(CUDA_ERROR_INVALID_IMAGE, "the image has no table of kernels");
    image->threadLocalBytes = threadLocalSize(elf, h.size);
    image->table->bind(&services());
    return CUDA_SUCCESS;
}

} // namespace lur
