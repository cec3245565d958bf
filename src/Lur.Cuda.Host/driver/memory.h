// memory.h - device memory is host memory; what is added are bounds, guards and fill patterns.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>
#include "configuration.h"

namespace lur {

struct Allocation {
    uint64_t address;
    size_t size;
    char* mapping; // everything that was mapped, guard pages included
    size_t mapped;
    bool freed;
};

class Memory {
  public:
    explicit Memory(const DeviceConfiguration& c) : checks(c) {}
    ~Memory() { freeAll(); }

    // 0 when the memory is used up. 256-byte aligned; with the memory check only as the size allows, see memory.cpp.
    uint64_t allocate(size_t size);
    bool free(uint64_t address);
    void freeAll();

    // The live allocation that holds the whole range.
    bool contains(uint64_t address, size_t size);
    bool find(uint64_t address, Allocation* found);
    // Whether a part of the range (not empty) was mapped for an allocation, live or in quarantine.
    bool touches(uint64_t address, size_t size);
    std::vector<Allocation> live();

    // The start of an allocation lies up to a page above its guard page. Names the first one whose filling was changed.
    std::string changedSlack();
    // "8 bytes after the end of the allocation 0x... of 4000 bytes", for the report of a bad access.
    std::string describe(uint64_t address);

    size_t used() const { return total; }
    size_t highest() const { return peak; }

  private:
    void release(const Allocation&);
    const DeviceConfiguration checks;
    std::mutex mutex;
    std::map<uint64_t, Allocation> allocations; // by address; freed ones stay while they are in quarantine
    std::vector<uint64_t> quarantine;
    size_t total = 0, peak = 0;
};

} // namespace lur
