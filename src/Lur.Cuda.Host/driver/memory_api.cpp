// cuMem*: allocation, pools, pinned memory, copies, fills. Copies and fills are operations: they are captured.
#include <cstdlib>
#include <cstring>
#include <map>
#include <sys/mman.h>
#include "context.h"

namespace lur {
namespace {

using ull = unsigned long long;

// The default pool is the only one: a handle of its own kind, one for each device.
void* poolHandle(const Device& d) { return (void*)(0x16ull << 56 | (uint64_t)(d.ordinal + 1) << 4); }
Device* findPool(CUmemoryPool pool) {
    for (int i = 0; Device* d = findDevice(i); i++)
        if (poolHandle(*d) == pool) return d;
    return nullptr;
}
std::mutex poolMutex;
std::map<int, uint64_t> releaseThresholds;

// Page-locked memory: on the host every page is as good as another, but the pointers are checked as CUDA's are.
std::mutex pinnedMutex;
std::map<void*, size_t> pinned, registered;

bool isPinned(uint64_t address, size_t size) {
    std::lock_guard<std::mutex> lock(pinnedMutex);
    for (const std::map<void*, size_t>* all : {&pinned, &registered}) {
        auto next = all->upper_bound((void*)address);
        if (next != all->begin() && address + size <= (uint64_t)(--next)->first + next->second) return true;
    }
    return false;
}

CUresult allocate(Context* c, CUdeviceptr* pointer, size_t size, const char* call) {
    if (!pointer) return fail(CUDA_ERROR_INVALID_VALUE, "%s: pointer is null", call);
    if (size == 0) return fail(CUDA_ERROR_INVALID_VALUE, "%s: 0 bytes were asked for", call);
    *pointer = c->memory.allocate(size);
    if (!*pointer)
        return fail(CUDA_ERROR_OUT_OF_MEMORY, "%s: %zu bytes do not fit; %zu of %lld are in use", call, size,
                    c->memory.used(), physicalMemory());
    return CUDA_SUCCESS;
}

CUresult release(Context* c, CUdeviceptr pointer, const char* call) {
    if (!pointer) return CUDA_SUCCESS;
    const std::string changed = c->memory.changedSlack();
    if (!c->memory.free(pointer))
        return fail(CUDA_ERROR_INVALID_VALUE, "%s: 0x%llx is not the start of a live allocation", call, (ull)pointer);
    return changed.empty() ? CUDA_SUCCESS
                           : c->poison(CUDA_ERROR_ILLEGAL_ADDRESS, text("%s: %s", call, changed.c_str()));
}

// The program's own memory is device memory too: whatever is mapped and is none of the driver's.
bool isForeign(Context* c, CUdeviceptr p, size_t size) {
    constexpr uint64_t page = 4096;
    const uint64_t first = p / page * page;
    if (size > (size_t)physicalMemory() || p + size < p || c->memory.touches(p, size)) return false;
    std::vector<unsigned char> pages((p + size - first + page - 1) / page);
    return mincore((void*)first, p + size - first, pages.data()) == 0;
}

CUresult checkRange(Context* c, CUdeviceptr p, size_t size, const char* call) {
    if (c->memory.contains(p, size) || isForeign(c, p, size)) return CUDA_SUCCESS;
    return fail(CUDA_ERROR_INVALID_VALUE, "%s: the %zu bytes at 0x%llx are not inside one allocation; they start %s",
                call, size, (ull)p, c->memory.describe(p).c_str());
}

enum Sides { FromHost = 1, ToHost = 2 };

CUresult copy(const char* call, uint64_t to, uint64_t from, size_t size, int sides, bool async, CUstream handle) {
    Context* c;
    LUR_TRY(enter(&c));
    // Of pageable memory also an asynchronous copy waits.
    if (!async || (sides && !isPinned(sides & FromHost ? from : to, size))) countWait();
    if (!async) LUR_TRY(refuseDuringCapture(c, call));
    if (size == 0) return CUDA_SUCCESS;
    if ((sides & FromHost && !from) || (sides & ToHost && !to))
        return fail(CUDA_ERROR_INVALID_VALUE, "%s: the host pointer is null", call);
    if (!(sides & ToHost)) LUR_TRY(checkRange(c, to, size, call));
    if (!(sides & FromHost)) LUR_TRY(checkRange(c, from, size, call));
    std::shared_ptr<Stream> s;
    LUR_TRY(findStream(c, handle, &s));
    LUR_TRY(submit(c, *s, [=] {
        memmove((void*)to, (const void*)from, size);
        return CUDA_SUCCESS;
    }));
    // Pageable memory may be used again when the call returns: CUDA copies it aside, or waits.
    const bool kept = c->late() && !isCapturing(*s) && (!sides || isPinned(sides & FromHost ? from : to, size));
    return kept ? CUDA_SUCCESS : catchUp(*s);
}

template <class T> CUresult fill(const char* call, CUdeviceptr p, T value, size_t count, bool async, CUstream handle) {
    Context* c;
    LUR_TRY(enter(&c));
    if (!async) LUR_TRY(refuseDuringCapture(c, call));
    if (p % sizeof(T))
        return fail(CUDA_ERROR_INVALID_VALUE, "%s: 0x%llx is not aligned to %zu bytes", call, (ull)p, sizeof(T));
    if (count > SIZE_MAX / sizeof(T)) return fail(CUDA_ERROR_INVALID_VALUE, "%s: the count is too large", call);
    LUR_TRY(checkRange(c, p, count * sizeof(T), call));
    std::shared_ptr<Stream> s;
    LUR_TRY(findStream(c, handle, &s));
    return submit(c, *s, [=] {
        for (size_t i = 0; i < count; i++) ((T*)p)[i] = value;
        return CUDA_SUCCESS;
    });
}

CUresult pin(void** pointer, size_t size, const char* call) {
    Context* c;
    LUR_TRY(enter(&c));
    LUR_TRY(refuseDuringCapture(c, call));
    if (!pointer || !size) return fail(CUDA_ERROR_INVALID_VALUE, "%s: the pointer is null or the size 0", call);
    void* const p = aligned_alloc(4096, (size + 4095) / 4096 * 4096);
    if (!p) return fail(CUDA_ERROR_OUT_OF_MEMORY, "%s: %zu bytes do not fit", call, size);
    std::lock_guard<std::mutex> lock(pinnedMutex);
    pinned[*pointer = p] = size;
    return CUDA_SUCCESS;
}

} // namespace
} // namespace lur

using namespace lur;

LUR_API CUresult cuMemGetInfo_v2(size_t* available, size_t* total) {
    Context* c;
    LUR_TRY(enter(&c));
    if (!available || !total) return fail(CUDA_ERROR_INVALID_VALUE, "cuMemGetInfo: a result is null");
    *total = (size_t)physicalMemory();
    *available = *total - c->memory.used();
    return CUDA_SUCCESS;
}

LUR_API CUresult cuMemAlloc_v2(CUdeviceptr* pointer, size_t size) {
    Context* c;
    LUR_TRY(enter(&c));
    LUR_TRY(refuseDuringCapture(c, "cuMemAlloc"));
    return allocate(c, pointer, size, "cuMemAlloc");
}

LUR_API CUresult cuMemFree_v2(CUdeviceptr pointer) {
    Context* c;
    countWait();
    LUR_TRY(enter(&c));
    LUR_TRY(refuseDuringCapture(c, "cuMemFree"));
    LUR_TRY(catchUp(c));
    return release(c, pointer, "cuMemFree");
}

LUR_API CUresult cuMemAllocAsync(CUdeviceptr* pointer, size_t size, CUstream handle) {
    Context* c;
    LUR_TRY(enter(&c));
    std::shared_ptr<Stream> s;
    LUR_TRY(findStream(c, handle, &s));
    if (isCapturing(*s)) return refuseDuringCapture(c, "cuMemAllocAsync on a capturing stream");
    return allocate(c, pointer, size, "cuMemAllocAsync");
}

LUR_API CUresult cuMemFreeAsync(CUdeviceptr pointer, CUstream handle) {
    Context* c;
    LUR_TRY(enter(&c));
    std::shared_ptr<Stream> s;
    LUR_TRY(findStream(c, handle, &s));
    if (isCapturing(*s)) return refuseDuringCapture(c, "cuMemFreeAsync on a capturing stream");
    LUR_TRY(catchUp(*s));
    return release(c, pointer, "cuMemFreeAsync");
}

LUR_API CUresult cuMemAllocFromPoolAsync(CUdeviceptr* pointer, size_t size, CUmemoryPool pool, CUstream stream) {
    if (!findPool(pool)) return fail(CUDA_ERROR_INVALID_VALUE, "cuMemAllocFromPoolAsync: the handle is no pool");
    return cuMemAllocAsync(pointer, size, stream);
}

LUR_API CUresult cuDeviceGetDefaultMemPool(CUmemoryPool* pool, CUdevice device) {
    LUR_TRY(requireInitialised());
    const Device* d = findDevice(device);
    if (!d) return fail(CUDA_ERROR_INVALID_DEVICE, "cuDeviceGetDefaultMemPool: device %d does not exist", device);
    if (!pool) return fail(CUDA_ERROR_INVALID_VALUE, "cuDeviceGetDefaultMemPool: pool is null");
    *pool = poolHandle(*d);
    return CUDA_SUCCESS;
}

LUR_API CUresult cuDeviceGetMemPool(CUmemoryPool* pool, CUdevice device) {
    return cuDeviceGetDefaultMemPool(pool, device);
}

// CUmemPool_attribute: 1..3 reuse switches (int), 4 release threshold, 5 / 6 reserved now / highest, 7 / 8 used.
LUR_API CUresult cuMemPoolSetAttribute(CUmemoryPool pool, int attribute, void* value) {
    const Device* d = findPool(pool);
    if (!d || !value) return fail(CUDA_ERROR_INVALID_VALUE, "cuMemPoolSetAttribute: no pool, or no value");
    if (attribute < 1 || attribute > 8)
        return fail(CUDA_ERROR_INVALID_VALUE, "cuMemPoolSetAttribute: attribute %d is not known", attribute);
    std::lock_guard<std::mutex> lock(poolMutex);
    if (attribute == 4) releaseThresholds[d->ordinal] = *(uint64_t*)value;
    return CUDA_SUCCESS;
}

LUR_API CUresult cuMemPoolGetAttribute(CUmemoryPool pool, int attribute, void* value) {
    const Device* d = findPool(pool);
    if (!d || !value) return fail(CUDA_ERROR_INVALID_VALUE, "cuMemPoolGetAttribute: no pool, or no value");
    const std::shared_ptr<Context> c = d->primary;
    std::lock_guard<std::mutex> lock(poolMutex);
    if (attribute >= 1 && attribute <= 3)
        *(int*)value = 0;
    else if (attribute == 4)
        *(uint64_t*)value = releaseThresholds[d->ordinal];
    else if (attribute == 5 || attribute == 7)
        *(uint64_t*)value = c ? c->memory.used() : 0;
    else if (attribute == 6 || attribute == 8)
        *(uint64_t*)value = c ? c->memory.highest() : 0;
    else
        return fail(CUDA_ERROR_INVALID_VALUE, "cuMemPoolGetAttribute: attribute %d is not known", attribute);
    return CUDA_SUCCESS;
}

LUR_API CUresult cuMemPoolTrimTo(CUmemoryPool pool, size_t) {
    return findPool(pool) ? CUDA_SUCCESS : fail(CUDA_ERROR_INVALID_VALUE, "cuMemPoolTrimTo: the handle is no pool");
}

LUR_API CUresult cuMemHostAlloc(void** pointer, size_t size, unsigned) { return pin(pointer, size, "cuMemHostAlloc"); }
LUR_API CUresult cuMemAllocHost_v2(void** pointer, size_t size) { return pin(pointer, size, "cuMemAllocHost"); }

LUR_API CUresult cuMemFreeHost(void* pointer) {
    Context* c;
    countWait();
    LUR_TRY(enter(&c));
    LUR_TRY(catchUp(c));
    std::lock_guard<std::mutex> lock(pinnedMutex);
    if (!pinned.erase(pointer)) return fail(CUDA_ERROR_INVALID_VALUE, "cuMemFreeHost: %p is no pinned memory", pointer);
    free(pointer);
    return CUDA_SUCCESS;
}

LUR_API CUresult cuMemHostRegister_v2(void* pointer, size_t size, unsigned) {
    Context* c;
    LUR_TRY(enter(&c));
    if (!pointer || !size)
        return fail(CUDA_ERROR_INVALID_VALUE, "cuMemHostRegister: the pointer is null or the size 0");
    std::lock_guard<std::mutex> lock(pinnedMutex);
    if (!registered.emplace(pointer, size).second)
        return fail(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, "cuMemHostRegister: %p is registered", pointer);
    return CUDA_SUCCESS;
}

LUR_API CUresult cuMemHostUnregister(void* pointer) {
    Context* c;
    LUR_TRY(enter(&c));
    LUR_TRY(catchUp(c));
    std::lock_guard<std::mutex> lock(pinnedMutex);
    return registered.erase(pointer)
               ? CUDA_SUCCESS
               : fail(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, "cuMemHostUnregister: %p is not registered", pointer);
}

LUR_API CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void* from, size_t size) {
    return copy("cuMemcpyHtoD", to, (uint64_t)from, size, FromHost, false, nullptr);
}
LUR_API CUresult cuMemcpyDtoH_v2(void* to, CUdeviceptr from, size_t size) {
    return copy("cuMemcpyDtoH", (uint64_t)to, from, size, ToHost, false, nullptr);
}
LUR_API CUresult cuMemcpyDtoD_v2(CUdeviceptr to, CUdeviceptr from, size_t size) {
    return copy("cuMemcpyDtoD", to, from, size, 0, false, nullptr);
}
LUR_API CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void* from, size_t size, CUstream stream) {
    return copy("cuMemcpyHtoDAsync", to, (uint64_t)from, size, FromHost, true, stream);
}
LUR_API CUresult cuMemcpyDtoHAsync_v2(void* to, CUdeviceptr from, size_t size, CUstream stream) {
    return copy("cuMemcpyDtoHAsync", (uint64_t)to, from, size, ToHost, true, stream);
}
LUR_API CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t size, CUstream stream) {
    return copy("cuMemcpyDtoDAsync", to, from, size, 0, true, stream);
}
LUR_API CUresult cuMemsetD8_v2(CUdeviceptr p, unsigned char value, size_t n) {
    return fill("cuMemsetD8", p, value, n, false, nullptr);
}
LUR_API CUresult cuMemsetD16_v2(CUdeviceptr p, unsigned short value, size_t n) {
    return fill("cuMemsetD16", p, value, n, false, nullptr);
}
LUR_API CUresult cuMemsetD32_v2(CUdeviceptr p, unsigned value, size_t n) {
    return fill("cuMemsetD32", p, value, n, false, nullptr);
}
LUR_API CUresult cuMemsetD8Async(CUdeviceptr p, unsigned char value, size_t n, CUstream stream) {
    return fill("cuMemsetD8Async", p, value, n, true, stream);
}
LUR_API CUresult cuMemsetD16Async(CUdeviceptr p, unsigned short value, size_t n, CUstream stream) {
    return fill("cuMemsetD16Async", p, value, n, true, stream);
}
LUR_API CUresult cuMemsetD32Async(CUdeviceptr p, unsigned value, size_t n, CUstream stream) {
    return fill("cuMemsetD32Async", p, value, n, true, stream);
}
