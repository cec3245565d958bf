// Initialisation, devices, primary contexts.
#include "context.h"
#include <cstdio>
#include <cstring>
#include "fault.h"
#include "pool.h"

namespace lur {

Registry<Context, 0x11> contexts;
Registry<Stream, 0x12> streams;
Registry<Event, 0x13> events;
Registry<Module, 0x14> modules;
Registry<Function, 0x15> functions;
std::atomic<unsigned long> contextChanges{0};

void removeGraphs(const Context*);

namespace {

std::atomic<bool> initialised{false};

std::vector<std::unique_ptr<Device>>& devices() {
    static auto* const all = [] {
        auto* list = new std::vector<std::unique_ptr<Device>>;
        for (const DeviceConfiguration& c : configuration().devices) {
            list->push_back(std::make_unique<Device>());
            list->back()->ordinal = (int)list->size() - 1;
            list->back()->configuration = c;
        }
        return list;
    }();
    return *all;
}

CUresult noDevice(CUdevice device) {
    return fail(CUDA_ERROR_INVALID_DEVICE, "device %d does not exist; LUR_HOST_DEVICES makes %zu of them", device,
                devices().size());
}

void tearDown(Device& d) {
    if (d.primary) destroyContext(d.primaryHandle);
    d.primary = nullptr;
    d.primaryHandle = nullptr;
}

} // namespace

std::string Device::name() const {
    std::string checks;
    if (configuration.memory) checks += ", memory check";
    if (configuration.init) checks += ", init check";
    if (configuration.race) checks += ", race check";
    if (configuration.late) checks += ", late work";
    if (configuration.trace) checks += configuration.sampled ? ", trace of a sample" : ", trace";
    return text("Lur host driver (%d threads, x86-64-v%d, %s%s)", poolThreads(), cpuLevel(),
                configuration.mode == LurLane ? "lane" : "fiber", checks.c_str());
}

CUresult Context::poison(CUresult code, const std::string& sentence) {
    std::lock_guard<std::mutex> lock(mutex);
    stickySentence = sentence;
    sticky = code;
    return fail(code, "%s", sentence.c_str());
}

CUresult requireInitialised() {
    return initialised ? CUDA_SUCCESS : fail(CUDA_ERROR_NOT_INITIALIZED, "call cuInit(0) first");
}

Device* findDevice(CUdevice device) {
    return device >= 0 && (size_t)device < devices().size() ? devices()[(size_t)device].get() : nullptr;
}

static std::atomic<unsigned long long> waits{0};
void countWait() { waits++; }

void* addContext(const std::shared_ptr<Context>& context) {
    installFaultHandler();
    contextChanges++;
    return contexts.add(context);
}

// Everything that lives in the context goes with it; its handles become invalid.
void destroyContext(void* handle) {
    const std::shared_ptr<Context> c = contexts.find(handle);
    removeGraphs(c.get());
    functions.removeAll(c.get());
    modules.removeAll(c.get());
    events.removeAll(c.get());
    streams.removeAll(c.get());
    contexts.remove(handle);
    contextChanges++;
}

} // namespace lur

using namespace lur;

// Calls so far that wait for the device: synchronisations of streams, contexts and events, blocking copies, and
// freeing.
LUR_API unsigned long long lurHostWaits() { return waits; }

LUR_API CUresult cuInit(unsigned flags) {
    if (flags) return fail(CUDA_ERROR_INVALID_VALUE, "cuInit: flags must be 0");
    if (!configuration().error.empty()) return fail(CUDA_ERROR_INVALID_VALUE, "%s", configuration().error.c_str());
    if (cpuLevel() < 2)
        return fail(CUDA_ERROR_NO_DEVICE, "this CPU lacks SSE4.2; the host driver needs x86-64-v2 or newer");
    initialised = true;
    return CUDA_SUCCESS;
}

LUR_API CUresult cuDriverGetVersion(int* version) {
    if (!version) return fail(CUDA_ERROR_INVALID_VALUE, "cuDriverGetVersion: version is null");
    *version = 12000;
    return CUDA_SUCCESS;
}

LUR_API CUresult cuDeviceGetCount(int* count) {
    LUR_TRY(requireInitialised());
    if (!count) return fail(CUDA_ERROR_INVALID_VALUE, "cuDeviceGetCount: count is null");
    *count = (int)devices().size();
    return CUDA_SUCCESS;
}

LUR_API CUresult cuDeviceGet(CUdevice* device, int ordinal) {
    LUR_TRY(requireInitialised());
    if (!device) return fail(CUDA_ERROR_INVALID_VALUE, "cuDeviceGet: device is null");
    if (!findDevice(ordinal)) return noDevice(ordinal);
    *device = ordinal;
    return CUDA_SUCCESS;
}

LUR_API CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
    LUR_TRY(requireInitialised());
    const Device* d = findDevice(device);
    if (!d) return noDevice(device);
    if (!name || length <= 0) return fail(CUDA_ERROR_INVALID_VALUE, "cuDeviceGetName: no room for the name");
    snprintf(name, (size_t)length, "%s", d->name().c_str());
    return CUDA_SUCCESS;
}

LUR_API CUresult cuDeviceGetUuid_v2(unsigned char uuid[16], CUdevice device) {
    LUR_TRY(requireInitialised());
    if (!findDevice(device)) return noDevice(device);
    if (!uuid) return fail(CUDA_ERROR_INVALID_VALUE, "cuDeviceGetUuid: uuid is null");
    memcpy(uuid, "lur-host-driver", 16);
    uuid[15] = (unsigned char)device;
    return CUDA_SUCCESS;
}

LUR_API CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice device) {
    LUR_TRY(requireInitialised());
    if (!findDevice(device)) return noDevice(device);
    if (!bytes) return fail(CUDA_ERROR_INVALID_VALUE, "cuDeviceTotalMem: bytes is null");
    *bytes = (size_t)physicalMemory();
    return CUDA_SUCCESS;
}

LUR_API CUresult cuDeviceGetAttribute(int* value, int attribute, CUdevice device) {
    LUR_TRY(requireInitialised());
    const Device* d = findDevice(device);
    if (!d) return noDevice(device);
    if (!value) return fail(CUDA_ERROR_INVALID_VALUE, "cuDeviceGetAttribute: value is null");
    const bool lane = d->configuration.mode == LurLane;
    const int cache = (int)(lastLevelCacheBytes() < INT32_MAX ? lastLevelCacheBytes() : INT32_MAX);
    // The numbers are CUdevice_attribute's; what is not listed and not unknown is a property the host does not have: 0.
    switch (attribute) {
    case 1:
        *value = d->maxThreads();
        break; // threads per block
    case 2:
    case 3:
        *value = d->maxThreads();
        break; // block x, y
    case 4:
        *value = lane ? 1 : 64;
        break; // block z
    case 5:
        *value = INT32_MAX;
        break; // grid x
    case 6:
    case 7:
        *value = 65535;
        break; // grid y, z
    case 8:
    case 81:
    case 97:
        *value = maxSharedBytes;
        break; // shared memory
    case 9:
        *value = 65536;
        break; // constant memory
    case 10:
        *value = d->warpSize();
        break;
    case 11:
        *value = INT32_MAX;
        break; // pitch
    case 12:
    case 82:
        *value = 65536;
        break; // registers
    case 13:
    case 36:
        *value = 1000000;
        break; // clocks in kHz: nominal
    case 14:
        *value = 256;
        break; // alignment
    case 16:
        // A trace shows a GPU: grids are cut for the multiprocessors of an H100.
        *value = d->configuration.trace ? 132 : poolThreads();
        break; // multiprocessors
    case 18:
    case 19:
    case 41:
        *value = 1;
        break; // integrated, map host, unified
    case 37:
        *value = 64;
        break; // bus width
    case 38:
        *value = cache;
        break; // L2
    case 39:
        *value = d->maxThreads();
        break; // threads per multiprocessor
    case 75:
        *value = (int)d->configuration.imageMode();
        break; // compute capability: mode
    case 76:
        *value = cpuLevel();
        break; // and level of the CPU
    case 78:
    case 88:
    case 115:
        *value = 1;
        break; // priorities, pageable, pools
    case 106:
        *value = 1;
        break; // blocks per multiprocessor
    default:
        if (attribute < 1 || attribute > 200)
            return fail(CUDA_ERROR_INVALID_VALUE, "cuDeviceGetAttribute: attribute %d is not known", attribute);
        *value = 0;
    }
    return CUDA_SUCCESS;
}

LUR_API CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
    LUR_TRY(requireInitialised());
    Device* d = findDevice(device);
    if (!d) return noDevice(device);
    if (!context) return fail(CUDA_ERROR_INVALID_VALUE, "cuDevicePrimaryCtxRetain: context is null");
    std::lock_guard<std::mutex> lock(d->mutex);
    if (!d->primary) {
        d->primary = std::make_shared<Context>(d);
        d->primaryHandle = addContext(d->primary);
    }
    d->references++;
    *context = d->primaryHandle;
    return CUDA_SUCCESS;
}

LUR_API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
    LUR_TRY(requireInitialised());
    Device* d = findDevice(device);
    if (!d) return noDevice(device);
    std::lock_guard<std::mutex> lock(d->mutex);
    if (d->references == 0)
        return fail(CUDA_ERROR_INVALID_CONTEXT, "device %d's primary context is not retained", device);
    if (--d->references == 0) tearDown(*d);
    return CUDA_SUCCESS;
}

LUR_API CUresult cuDevicePrimaryCtxReset_v2(CUdevice device) {
    LUR_TRY(requireInitialised());
    Device* d = findDevice(device);
    if (!d) return noDevice(device);
    std::lock_guard<std::mutex> lock(d->mutex);
    tearDown(*d);
    d->references = 0;
    return CUDA_SUCCESS;
}

LUR_API CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned flags) {
    LUR_TRY(requireInitialised());
    Device* d = findDevice(device);
    if (!d) return noDevice(device);
    d->flags = flags;
    return CUDA_SUCCESS;
}

LUR_API CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned* flags, int* active) {
    LUR_TRY(requireInitialised());
    Device* d = findDevice(device);
    if (!d) return noDevice(device);
    if (!flags || !active) return fail(CUDA_ERROR_INVALID_VALUE, "cuDevicePrimaryCtxGetState: a result is null");
    std::lock_guard<std::mutex> lock(d->mutex);
    *flags = d->flags;
    *active = d->primary != nullptr;
    return CUDA_SUCCESS;
}
