#include "execute.h"
#include <cstdlib>
#include <cstring>
#include "fault.h"
#include "fiber.h"
#include "pool.h"
#include "trace.h"

namespace lur {
namespace {

struct Job {
    const Launch* launch;
    std::atomic<bool> stop{false};
    std::mutex mutex;
    CUresult result = CUDA_SUCCESS;
    std::string problem;

    void report(CUresult code, const std::string& sentence) {
        std::lock_guard<std::mutex> lock(mutex);
        if (!result) result = code, problem = sentence;
        stop = true;
    }
};

// One worker's run of blocks. `at` is kept outside the guarded frames, so that it is known after a fault.
struct Chunk {
    Job* job;
    long long first, last;
    Schedule schedule;
    long long at;
    bool finished;
    std::string* problem;
};

std::string faultSentence(const Launch& l, long long block, const Fault& f) {
    const LurDim3 b = unflatten(block, l.grid);
    std::string where = text("kernel %s, block (%d,%d,%d)", l.function->kernel->name, b.x, b.y, b.z);
    if (l.context->device->configuration.mode == LurFiber) {
        const LurDim3 t = l.function->image->table->builtins()->thread;
        where += text(", thread (%d,%d,%d)", t.x, t.y, t.z);
    } else {
        where += ", thread (0,0,0)";
    }
    if (isFiberStackGuard(f.address))
        return where +
               text(": its local variables need more than the %zu KiB of a fiber's stack", fiberStackBytes >> 10);
    if (!f.known) return where + ": access to an address that no memory can have";
    return where + text(": %s at 0x%llx, %s", f.write ? "write" : "read", (unsigned long long)f.address,
                        l.context->memory.describe(f.address).c_str());
}

void runChunk(void* p) {
    Chunk& c = *(Chunk*)p;
    const Launch& l = *c.job->launch;
    const DeviceConfiguration& device = l.context->device->configuration;
    const Image& image = *l.function->image;
    if (device.mode == LurLane && !device.init) {
        c.at = c.first;
        l.function->kernel->run(l.arguments, &l.grid, c.first, c.last);
    } else {
        for (c.at = c.first; c.at < c.last && c.finished; c.at++) {
            if (device.init) poisonShared(image, l.sharedBytes);
            if (device.mode == LurLane)
                l.function->kernel->run(l.arguments, &l.grid, c.at, c.at + 1);
            else if (!runFiberBlock(l, c.at, c.schedule, c.problem))
                c.finished = false;
        }
    }
}

// False when the launch is to end.
bool runBlocks(Job& job, long long first, long long last, const Schedule& schedule) {
    const Launch& l = *job.launch;
    std::string problem;
    Chunk c{&job, first, last, schedule, first, true, &problem};
    Fault fault;
    if (!runGuarded(runChunk, &c, &fault)) {
        // A plain lane run handles its blocks in one call; the image knows which one it was at.
        long long at = c.at;
        if (l.context->device->configuration.mode == LurLane) {
            const LurDim3 b = l.function->image->table->builtins()->block;
            at = ((long long)b.z * l.grid.y + b.y) * l.grid.x + b.x;
        }
        job.report(CUDA_ERROR_ILLEGAL_ADDRESS, faultSentence(l, at, fault));
    } else if (!c.finished) {
        job.report(CUDA_ERROR_LAUNCH_FAILED, problem);
    }
    return !job.stop;
}

CUresult finish(Job& job) {
    if (job.result) return job.launch->context->poison(job.result, job.problem);
    const std::string changed = job.launch->context->memory.changedSlack();
    if (changed.empty()) return CUDA_SUCCESS;
    return job.launch->context->poison(CUDA_ERROR_ILLEGAL_ADDRESS,
                                       text("kernel %s: %s", job.launch->function->kernel->name, changed.c_str()));
}

} // namespace

// On the heap: this library's thread-local block is part of the static one (see fault.cpp), where room is scarce.
void* dynamicShared() {
    static thread_local const std::unique_ptr<void, void (*)(void*)> bytes(aligned_alloc(256, maxSharedBytes), free);
    return bytes.get();
}

void poisonShared(const Image& image, unsigned sharedBytes) {
    if (void* p = image.threadLocal()) memset(p, 0xFF, image.threadLocalBytes);
    if (sharedBytes) memset(dynamicShared(), 0xFF, sharedBytes);
}

CUresult executeScheduled(const Launch& l, const Schedule& s) {
    Job job;
    job.launch = &l;
    const long long n = l.blocks();
    // A random order of blocks: a walk with a step that has no factor in common with their number.
    long long step = s.order == Order::Reverse ? n - 1 : 1, start = s.order == Order::Reverse ? n - 1 : 0;
    if (s.order == Order::Random) {
        start = (long long)(s.seed * 2654435761u % (unsigned long long)n);
        for (step = (long long)(s.seed * 40503ull % (unsigned long long)n) | 1;; step += 2) {
            long long a = n, b = step % n;
            while (b) {
                const long long r = a % b;
                a = b, b = r;
            }
            if (a == 1) break;
        }
    }
    for (long long i = 0, b = start; i < n; i++, b = (b + step) % n)
        if (!runBlocks(job, b, b + 1, s)) break;
    return finish(job);
}

// Every block is run, or those alone that are recorded.
CUresult executeTraced(const Launch& given) {
    Launch l = given;
    TraceLaunch trace(l);
    l.trace = &trace;
    Job job;
    job.launch = &l;
    const bool sampled = l.context->device->configuration.sampled;
    parallel(
        sampled ? trace.recordedBlocks() : l.blocks(),
        [](void* p, long long first, long long last) {
            Job& j = *(Job*)p;
            const Launch& l = *j.launch;
            for (long long i = first; i < last && !j.stop; i++) {
                const long long b = l.context->device->configuration.sampled ? l.trace->recordedBlock(i) : i;
                runBlocks(j, b, b + 1, {});
            }
        },
        &job);
    trace.finish();
    return finish(job);
}

CUresult execute(const Launch& l) {
    if (l.context->device->configuration.trace) return executeTraced(l);
    if (l.context->device->configuration.race) return executeRaceCheck(l);
    Job job;
    job.launch = &l;
    parallel(
        l.blocks(),
        [](void* p, long long first, long long last) {
            Job& j = *(Job*)p;
            if (!j.stop) runBlocks(j, first, last, {});
        },
        &job);
    return finish(job);
}

} // namespace lur
