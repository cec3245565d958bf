// execute.h - runs one launch to its end.
#pragma once
#include "context.h"
#include "image.h"

namespace lur {

class TraceLaunch;

struct Launch {
    Context* context;
    const Function* function;
    LurDim3 grid, block;
    unsigned sharedBytes;
    void* const* arguments;
    TraceLaunch* trace = nullptr;
    bool* copied = nullptr; // set where a thread copies asynchronously
    long long blocks() const { return (long long)grid.x * grid.y * grid.z; }
    int threads() const { return block.x * block.y * block.z; }
};

inline LurDim3 unflatten(long long i, const LurDim3& d) {
    return {(int)(i % d.x), (int)(i / d.x % d.y), (int)(i / d.x / d.y)};
}

CUresult execute(const Launch&);

// In fiber.cpp and check.cpp.
enum class Order { Forward, Reverse, Random };
struct Schedule {
    Order order = Order::Forward;
    unsigned seed = 0;
    bool early = false; // asynchronous copies land at once, and not when they are waited for
};
// Runs one block; false and a sentence when it cannot be finished.
bool runFiberBlock(const Launch&, long long block, const Schedule&, std::string* problem);
CUresult executeRaceCheck(const Launch&);
// All blocks under one schedule, on the calling thread, in the schedule's order.
CUresult executeScheduled(const Launch&, const Schedule&);

void* dynamicShared();
// Before a block when memory is to start out as NaN.
void poisonShared(const Image&, unsigned sharedBytes);

} // namespace lur
