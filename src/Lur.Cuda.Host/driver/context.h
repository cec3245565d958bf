// context.h - devices, their primary contexts, and the objects that live in a context.
#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>
#include "configuration.h"
#include "errors.h"
#include "memory.h"

namespace lur {

struct Context;

// A look-up holds it for a few nanoseconds, of which a std::mutex would take most.
class BriefLock {
  public:
    void lock() {
        while (taken.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
    }
    void unlock() { taken.store(false, std::memory_order_release); }

  private:
    std::atomic<bool> taken{false};
};

// Handles are numbers, never addresses: kind, generation and slot. A stale, foreign or invented handle is an error code
// and not a crash.
template <class T, unsigned Kind> class Registry {
  public:
    void* add(std::shared_ptr<T> object) {
        std::lock_guard<BriefLock> guard(lock);
        size_t i = 0;
        if (vacant.empty()) {
            i = slots.size();
            slots.emplace_back();
        } else {
            i = vacant.back();
            vacant.pop_back();
        }
        slots[i].object = std::move(object);
        return encode(i);
    }
    std::shared_ptr<T> find(const void* handle) {
        std::lock_guard<BriefLock> guard(lock);
        const size_t i = decode(handle);
        return i < slots.size() && encode(i) == handle ? slots[i].object : nullptr;
    }
    std::shared_ptr<T> remove(const void* handle) {
        std::lock_guard<BriefLock> guard(lock);
        const size_t i = decode(handle);
        return i < slots.size() && encode(i) == handle ? clear(i) : nullptr;
    }
    std::vector<std::shared_ptr<T>> of(const Context* context) {
        std::lock_guard<BriefLock> guard(lock);
        std::vector<std::shared_ptr<T>> found;
        for (const Slot& s : slots)
            if (s.object && s.object->context == context) found.push_back(s.object);
        return found;
    }
    void removeAll(const Context* context) {
        std::lock_guard<BriefLock> guard(lock);
        for (size_t i = 0; i < slots.size(); i++)
            if (slots[i].object && slots[i].object->context == context) clear(i);
    }

  private:
    struct Slot {
        std::shared_ptr<T> object;
        unsigned generation = 1;
    };
    void* encode(size_t i) const {
        return (void*)((uint64_t)Kind << 56 | (uint64_t)(slots[i].generation & 0xFFFFF) << 36 | (uint64_t)(i + 1) << 4);
    }
    static size_t decode(const void* handle) { return (((uint64_t)handle >> 4) & 0xFFFFFFFF) - 1; }
    std::shared_ptr<T> clear(size_t i) {
        std::shared_ptr<T> object = std::move(slots[i].object);
        slots[i].object = nullptr;
        slots[i].generation++;
        if (object) vacant.push_back(i);
        return object;
    }
    BriefLock lock;
    std::vector<Slot> slots;
    std::vector<size_t> vacant;
};

struct Device {
    int ordinal = 0;
    DeviceConfiguration configuration;
    std::string name() const;
    int warpSize() const { return configuration.mode == LurLane ? 1 : 32; }
    int maxThreads() const { return configuration.mode == LurLane ? 1 : 1024; }
    std::mutex mutex;
    std::shared_ptr<Context> primary; // while it is retained
    void* primaryHandle = nullptr;
    int references = 0;
    unsigned flags = 0;
};
constexpr int maxSharedBytes = 48 << 10;

struct Capture;
struct Graph;
using Operation = std::function<CUresult()>;

struct Stream {
    Context* context;
    unsigned flags = 0;
    int priority = 0;
    std::shared_ptr<Capture> capture;
    std::deque<Operation> kept; // only with the check `late`, see late.cpp
    std::atomic<unsigned long> given{0}, done{0};
    Stream(Context* c, unsigned f, int p) : context(c), flags(f), priority(p) {}
    bool blocking() const { return !(flags & 1); }
};

struct Event {
    Context* context;
    unsigned flags = 0;
    bool recorded = false;
    long long nanoseconds = 0;
    std::weak_ptr<Capture> capture; // while its last record is part of a capture
    const Stream* capturedIn = nullptr;
    size_t capturedAt = 0;
    std::weak_ptr<Stream> stream; // where and behind how much kept work it was recorded last
    unsigned long after = 0;
};

struct Context {
    Context* context = this; // as every registered object
    Device* device;
    Memory memory;
    std::shared_ptr<Stream> defaultStream;
    std::atomic<int> sticky{0};
    std::string stickySentence;
    std::mutex mutex;
    std::set<Capture*> captures;
    explicit Context(Device* d)
        : device(d), memory(d->configuration), defaultStream(std::make_shared<Stream>(this, 0, 0)) {}
    bool late() const { return device->configuration.late; }
    // Records an error that every later call repeats until the context is reset.
    CUresult poison(CUresult, const std::string& sentence);
};

// The calls' common entry: initialised, a current context, no sticky error.
CUresult enter(Context** context);

// Registers a context; its handle.
void* addContext(const std::shared_ptr<Context>&);
void destroyContext(void* handle);
// Counts what the two above do: while it stands still, a handle means what it meant.
extern std::atomic<unsigned long> contextChanges;
CUresult requireInitialised();
Device* findDevice(CUdevice);

// The stream behind a handle of the current context; 0, 1 (legacy) and 2 (per thread) are its default stream.
CUresult findStream(Context*, CUstream, std::shared_ptr<Stream>*);

// Runs the operation now, or adds it to the graph that the stream is capturing, or keeps it (late.cpp).
CUresult submit(Context*, Stream&, Operation);

// What a stream keeps, up to a number of operations given to it; at once when it keeps nothing.
CUresult catchUp(Stream&, unsigned long upTo = ~0ul);
// What all streams of the context keep, or only those that the default stream waits for.
CUresult catchUp(Context*, bool blockingOnly = false);
CUresult keep(Stream&, Operation);
bool isCapturing(const Stream&);
// Adds to the capture or reports why that is not possible.
CUresult record(Context*, Stream&, Operation);
// Refuses what may not happen while a capture that concerns this thread is under way, and spoils the capture.
CUresult refuseDuringCapture(Context*, const char* call);

// Counts the calls that wait for the device, whether or not there was something to wait for.
void countWait();

struct Image;
struct Module {
    Context* context;
    std::shared_ptr<Image> image;
    std::vector<void*> functions;
};
struct Function {
    Context* context;
    std::shared_ptr<Image> image;
    const LurKernel* kernel;
};
struct Pinned {
    Context* context;
};

extern Registry<Context, 0x11> contexts;
extern Registry<Stream, 0x12> streams;
extern Registry<Event, 0x13> events;
extern Registry<Module, 0x14> modules;
extern Registry<Function, 0x15> functions;

#define LUR_TRY(expression)                                                                                            \
    if (const CUresult lur_result = (expression)) return lur_result

} // namespace lur
