// Modules, functions, launches.
#include <cstring>
#include "execute.h"

namespace lur {
namespace {

CUresult findFunction(Context* c, CUfunction handle, std::shared_ptr<Function>* f) {
    *f = functions.find(handle);
    if (!*f) return fail(CUDA_ERROR_INVALID_HANDLE, "the function handle %p belongs to no loaded module", handle);
    if ((*f)->context != c)
        return fail(CUDA_ERROR_INVALID_CONTEXT, "the function was loaded on another device than the current one");
    return CUDA_SUCCESS;
}

CUresult checkShape(const Device& d, const char* kernel, const unsigned (&g)[3], const unsigned (&b)[3],
                    unsigned shared) {
    const unsigned long long threads = (unsigned long long)b[0] * b[1] * b[2];
    if (!g[0] || !g[1] || !g[2] || !threads)
        return fail(CUDA_ERROR_INVALID_VALUE, "launch of %s: grid (%u,%u,%u), block (%u,%u,%u): no dimension may be 0",
                    kernel, g[0], g[1], g[2], b[0], b[1], b[2]);
    if (g[0] > INT32_MAX || g[1] > 65535 || g[2] > 65535)
        return fail(CUDA_ERROR_INVALID_VALUE, "launch of %s: the grid (%u,%u,%u) exceeds (2147483647,65535,65535)",
                    kernel, g[0], g[1], g[2]);
    if (threads > (unsigned)d.maxThreads() || b[2] > 64)
        return fail(CUDA_ERROR_INVALID_VALUE,
                    "launch of %s: a block of (%u,%u,%u) threads exceeds the device's limit of %d", kernel, b[0], b[1],
                    b[2], d.maxThreads());
    if (shared > (unsigned)maxSharedBytes)
        return fail(CUDA_ERROR_INVALID_VALUE, "launch of %s: %u bytes of dynamic shared memory exceed the limit of %d",
                    kernel, shared, maxSharedBytes);
    return CUDA_SUCCESS;
}

// A captured launch owns a copy of its arguments.
struct Recorded {
    std::shared_ptr<Function> function;
    std::vector<char> bytes;
    std::vector<void*> pointers;
};

std::shared_ptr<Recorded> copyArguments(const std::shared_ptr<Function>& f, void* const* arguments) {
    auto r = std::make_shared<Recorded>();
    r->function = f;
    const LurKernel& k = *f->kernel;
    std::vector<size_t> offsets;
    size_t size = 0;
    for (int i = 0; i < k.parameterCount; i++) {
        const size_t a = k.parameters[i].alignment;
        size = (size + a - 1) / a * a;
        offsets.push_back(size);
        size += k.parameters[i].size;
    }
    r->bytes.resize(size + 16); // operator new aligns to 16, the largest alignment of a parameter
    for (int i = 0; i < k.parameterCount; i++) {
        r->pointers.push_back(r->bytes.data() + offsets[(size_t)i]);
        memcpy(r->pointers.back(), arguments[i], k.parameters[i].size);
    }
    return r;
}

// CU_LAUNCH_PARAM_BUFFER_POINTER (1) and _SIZE (2), ended by 0: all parameters packed in one buffer.
CUresult unpack(const LurKernel& k, void** extra, std::vector<void*>* pointers) {
    char* buffer = nullptr;
    size_t size = 0, offset = 0;
    for (void** e = extra; e && *e; e += 2) {
        if (*e == (void*)1) buffer = (char*)e[1];
        if (*e == (void*)2) size = *(size_t*)e[1];
    }
    for (int i = 0; i < k.parameterCount; i++) {
        const size_t a = k.parameters[i].alignment;
        offset = (offset + a - 1) / a * a;
        pointers->push_back(buffer + offset);
        offset += k.parameters[i].size;
    }
    if (!buffer || size < offset)
        return fail(CUDA_ERROR_INVALID_VALUE, "launch of %s: its parameters take %zu bytes and the buffer holds %zu",
                    k.name, offset, size);
    return CUDA_SUCCESS;
}

} // namespace
} // namespace lur

using namespace lur;

LUR_API CUresult cuModuleLoadData(CUmodule* module, const void* image) {
    Context* c;
    LUR_TRY(enter(&c));
    if (!module || !image) return fail(CUDA_ERROR_INVALID_VALUE, "cuModuleLoadData: module or image is null");
    auto m = std::make_shared<Module>();
    m->context = c;
    m->image = std::make_shared<Image>();
    LUR_TRY(loadImage(image, c->device->configuration.imageMode(), m->image.get()));
    *module = modules.add(m);
    return CUDA_SUCCESS;
}

LUR_API CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned, int*, void**) {
    return cuModuleLoadData(module, image);
}

LUR_API CUresult cuModuleUnload(CUmodule module) {
    Context* c;
    LUR_TRY(enter(&c));
    const std::shared_ptr<Module> m = modules.remove(module);
    if (!m) return fail(CUDA_ERROR_INVALID_HANDLE, "cuModuleUnload: the handle is no loaded module");
    for (void* f : m->functions) functions.remove(f);
    return CUDA_SUCCESS;
}

LUR_API CUresult cuModuleGetFunction(CUfunction* function, CUmodule module, const char* name) {
    Context* c;
    LUR_TRY(enter(&c));
    if (!function || !name) return fail(CUDA_ERROR_INVALID_VALUE, "cuModuleGetFunction: function or name is null");
    const std::shared_ptr<Module> m = modules.find(module);
    if (!m) return fail(CUDA_ERROR_INVALID_HANDLE, "cuModuleGetFunction: the handle is no loaded module");
    for (int i = 0; i < m->image->table->kernelCount; i++) {
        const LurKernel& k = m->image->table->kernels[i];
        if (strcmp(k.name, name) != 0) continue;
        *function = functions.add(std::make_shared<Function>(Function{m->context, m->image, &k}));
        m->functions.push_back(*function);
        return CUDA_SUCCESS;
    }
    return fail(CUDA_ERROR_NOT_FOUND, "the module has no kernel '%s'", name);
}

// Device variables are private to an image: kernels of this project have none.
LUR_API CUresult cuModuleGetGlobal_v2(CUdeviceptr*, size_t*, CUmodule module, const char* name) {
    Context* c;
    LUR_TRY(enter(&c));
    if (!modules.find(module)) return fail(CUDA_ERROR_INVALID_HANDLE, "cuModuleGetGlobal: no loaded module");
    return fail(CUDA_ERROR_NOT_FOUND, "the host driver gives no access to the device variable '%s'", name ? name : "");
}

// CUfunction_attribute: 0 threads per block, 1 shared bytes, 8 largest dynamic shared memory.
LUR_API CUresult cuFuncGetAttribute(int* value, int attribute, CUfunction function) {
    Context* c;
    LUR_TRY(enter(&c));
    std::shared_ptr<Function> f;
    LUR_TRY(findFunction(c, function, &f));
    if (!value || attribute < 0 || attribute > 16)
        return fail(CUDA_ERROR_INVALID_VALUE, "cuFuncGetAttribute: no result, or unknown attribute %d", attribute);
    *value = attribute == 0   ? c->device->maxThreads()
             : attribute == 1 ? (int)(f->image->threadLocalBytes - sizeof(LurBuiltins))
             : attribute == 8 ? maxSharedBytes
                              : 0;
    return CUDA_SUCCESS;
}

LUR_API CUresult cuFuncSetAttribute(CUfunction function, int attribute, int value) {
    Context* c;
    LUR_TRY(enter(&c));
    std::shared_ptr<Function> f;
    LUR_TRY(findFunction(c, function, &f));
    if (attribute == 8 && (value < 0 || value > maxSharedBytes))
        return fail(CUDA_ERROR_INVALID_VALUE,
                    "cuFuncSetAttribute: %d bytes of dynamic shared memory exceed the limit of %d", value,
                    maxSharedBytes);
    return CUDA_SUCCESS;
}

LUR_API CUresult cuFuncSetCacheConfig(CUfunction function, int) {
    Context* c;
    LUR_TRY(enter(&c));
    std::shared_ptr<Function> f;
    return findFunction(c, function, &f);
}

// A worker runs one block at a time.
LUR_API CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, CUfunction function, int threads,
                                                             size_t shared) {
    Context* c;
    LUR_TRY(enter(&c));
    std::shared_ptr<Function> f;
    LUR_TRY(findFunction(c, function, &f));
    if (!blocks || threads <= 0) return fail(CUDA_ERROR_INVALID_VALUE, "cuOccupancy: no result, or no threads");
    *blocks = threads <= c->device->maxThreads() && shared <= (size_t)maxSharedBytes;
    return CUDA_SUCCESS;
}

LUR_API CUresult cuLaunchKernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                                unsigned bz, unsigned sharedBytes, CUstream stream, void** arguments, void** extra) {
    Context* c;
    LUR_TRY(enter(&c));
    std::shared_ptr<Function> f;
    LUR_TRY(findFunction(c, function, &f));
    std::shared_ptr<Stream> s;
    LUR_TRY(findStream(c, stream, &s));
    const LurKernel& k = *f->kernel;
    LUR_TRY(checkShape(*c->device, k.name, {gx, gy, gz}, {bx, by, bz}, sharedBytes));
    std::vector<void*> unpacked;
    if (extra) {
        if (arguments) return fail(CUDA_ERROR_INVALID_VALUE, "launch of %s: arguments are given twice", k.name);
        LUR_TRY(unpack(k, extra, &unpacked));
        arguments = unpacked.data();
    }
    if (k.parameterCount && !arguments)
        return fail(CUDA_ERROR_INVALID_VALUE, "launch of %s: it has %d parameters and no arguments are given", k.name,
                    k.parameterCount);
    for (int i = 0; i < k.parameterCount; i++)
        if (!arguments[i]) return fail(CUDA_ERROR_INVALID_VALUE, "launch of %s: argument %d is null", k.name, i);
    const LurDim3 grid{(int)gx, (int)gy, (int)gz}, block{(int)bx, (int)by, (int)bz};
    if (!isCapturing(*s) && s != c->defaultStream && !c->late()) // the common way allocates nothing
        return execute({c, f.get(), grid, block, sharedBytes, arguments});
    const std::shared_ptr<Recorded> r = copyArguments(f, arguments);
    return submit(c, *s, [=] { return execute({c, r->function.get(), grid, block, sharedBytes, r->pointers.data()}); });
}

LUR_API CUresult cuLaunchCooperativeKernel(CUfunction, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned,
                                           unsigned, CUstream, void**) {
    return fail(CUDA_ERROR_NOT_SUPPORTED,
                "cooperative launches need all blocks at once; the host driver runs one a core");
}
