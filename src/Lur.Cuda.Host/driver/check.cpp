// The race check: a launch is run under several orders of threads and blocks, each from the same memory, and must leave
// the same bits every time. Between two barriers a fiber runs until it waits, so a missing barrier shows in the first
// pair of orders that puts reader and writer the other way round. An asynchronous copy lands as late as it may in some
// orders and as early in others: one that nothing waits for, or that overwrites what is still read, shows as well.
#include <cstring>
#include "execute.h"

namespace lur {
namespace {

struct Named {
    const char* name;
    Schedule threads;
};
const Named schedules[] = {
    {"threads and blocks in ascending order", {Order::Forward, 0}},
    {"threads and blocks in descending order", {Order::Reverse, 0}},
    {"a random order (seed 1)", {Order::Random, 1}},
    {"a random order (seed 2)", {Order::Random, 2}},
    {"a random order (seed 3)", {Order::Random, 3}},
    {"threads in ascending order and copies that land at once", {Order::Forward, 0, true}},
    {"a random order (seed 4) and copies that land at once", {Order::Random, 4, true}},
};

struct Snapshot {
    Allocation allocation;
    std::vector<char> before, after;
};

// What a launch can reach: the allocations its arguments point into, and, for tables of pointers, those that small
// reached allocations point into. Copying all of a device's memory for every launch would make the check unaffordable.
std::vector<Snapshot> reachable(const Launch& l) {
    constexpr size_t largestTable = 64 << 10;
    std::vector<Snapshot> found;
    const auto visit = [&](uint64_t word) {
        Allocation a;
        if (!l.context->memory.find(word, &a)) return;
        for (const Snapshot& s : found)
            if (s.allocation.address == a.address) return;
        found.push_back({a, {}, {}});
    };
    const LurKernel& k = *l.function->kernel;
    for (int i = 0; i < k.parameterCount; i++)
        for (size_t at = 0; at + 8 <= k.parameters[i].size; at += 8) {
            uint64_t word;
            memcpy(&word, (const char*)l.arguments[i] + at, 8);
            visit(word);
        }
    for (size_t i = 0; i < found.size(); i++) {
        const Allocation a = found[i].allocation;
        if (a.size > largestTable) continue;
        for (size_t at = (8 - a.address % 8) % 8; at + 8 <= a.size; at += 8) visit(*(const uint64_t*)(a.address + at));
    }
    return found;
}

std::string difference(const Launch& l, const Snapshot& s, const Named& order) {
    const char* const now = (const char*)s.allocation.address;
    size_t at = 0;
    while (now[at] == s.after[at]) at++;
    const size_t word = at / 4 * 4;
    std::string values;
    if (word + 4 <= s.allocation.size) {
        float was, is;
        memcpy(&was, s.after.data() + word, 4);
        memcpy(&is, now + word, 4);
        values = text(" (as float: %.9g and %.9g)", was, is);
    }
    return text(
        "kernel %s: a race, its result depends on the order of threads: with %s byte %zu of the allocation 0x%llx of "
        "%zu bytes (address 0x%llx) differs from the result with %s%s",
        l.function->kernel->name, order.name, at, (unsigned long long)s.allocation.address, s.allocation.size,
        (unsigned long long)(s.allocation.address + at), schedules[0].name, values.c_str());
}

} // namespace

CUresult executeRaceCheck(const Launch& given) {
    Launch l = given;
    bool copied = false;
    l.copied = &copied;
    std::vector<Snapshot> memory = reachable(l);
    for (Snapshot& s : memory)
        s.before.assign((const char*)s.allocation.address, (const char*)s.allocation.address + s.allocation.size);
    LUR_TRY(executeScheduled(l, schedules[0].threads));
    for (Snapshot& s : memory)
        s.after.assign((const char*)s.allocation.address, (const char*)s.allocation.address + s.allocation.size);
    for (size_t i = 1; i < sizeof schedules / sizeof *schedules; i++) {
        if (schedules[i].threads.early && !copied) continue;
        for (Snapshot& s : memory) memcpy((void*)s.allocation.address, s.before.data(), s.allocation.size);
        LUR_TRY(executeScheduled(l, schedules[i].threads));
        for (const Snapshot& s : memory)
            if (memcmp((const void*)s.allocation.address, s.after.data(), s.allocation.size) != 0)
                return l.context->poison(CUDA_ERROR_LAUNCH_FAILED, difference(l, s, schedules[i]));
    }
    return CUDA_SUCCESS;
}

} // namespace lur
