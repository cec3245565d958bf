// trace.h - what a GPU would see of a launch: the memory accesses of a warp's lanes, put together to requests.
#pragma once
#include <cstdint>
#include <string>
#include <vector>
#include "execute.h"

namespace lur {

// Of one kind of access to global memory. A request is one instruction of a warp.
struct GlobalTraffic {
    long long requests = 0, sectors = 0, minimum = 0; // sectors of 32 bytes: touched, and least for the bytes asked for
    void add(const GlobalTraffic& o) { requests += o.requests, sectors += o.sectors, minimum += o.minimum; }
};

struct TraceTotals {
    long long launches = 0, blocks = 0, recorded = 0;
    GlobalTraffic loads, stores;
    // Shared memory: a pass is what 32 banks serve at once; conflicts make more of them than needed.
    long long sharedRequests = 0, passes = 0, leastPasses = 0;
    int worstConflict = 0; // ways: 1 is none
    long long activeLanes = 0, lanes = 0, atomics = 0;
    long long wordsRead = 0, wordsWritten = 0; // different words of 4 bytes of global memory
    void add(const TraceTotals&);
};

// One traced launch: where its memory lies, and which of its words were touched.
class TraceLaunch {
  public:
    explicit TraceLaunch(const Launch&);
    // The words that requests touch are counted once in a launch.
    void touch(uint64_t address, int size, bool write);
    // The allocation's number, or -1.
    int find(uint64_t address) const;
    // Adds what one OS thread recorded.
    void add(const TraceTotals&);
    // Adds the launch to what lurHostTrace gives.
    void finish();
    // The blocks to be recorded: all of them, or so many at equal distances.
    long long recordedBlocks() const { return count; }
    long long recordedBlock(long long i) const { return (long long)((__int128)i * blocks / count); }
    bool isRecorded(long long block) const;

  private:
    // A bit a word of 64 KiB of memory, made on first use: an allocation may be the whole arena, of which a launch
    // touches a part. With bits for all of it ResNet-18 at batch 128 took over five minutes to trace.
    static constexpr uint64_t pageBytes = 64 << 10;
    struct Page {
        std::atomic<uint64_t> read[pageBytes / 256] = {}, written[pageBytes / 256] = {};
    };
    struct Range {
        uint64_t first, last;
        std::vector<std::atomic<Page*>> pages; // from the page of `first`
        ~Range() {
            for (auto& p : pages) delete p.load();
        }
    };
    static Page& page(Range&, uint64_t address);
    std::vector<std::unique_ptr<Range>> ranges; // by address
    std::mutex mutex;
    const Launch& launch;
    long long blocks, count;
    TraceTotals totals;
};

// The accesses of one block at a time, on one OS thread.
class TraceRecorder {
  public:
    void begin(TraceLaunch*, const Launch&, int threads);
    void access(int thread, const void* address, int size, LurAccess, const void* place);
    // All threads have met, or the block is over: what follows is matched anew.
    void flush();
    void end();
    // After a block that did not come to its end.
    void drop() { launch = nullptr; }
    bool recording() const { return launch != nullptr; }

  private:
    enum class Space : char { Global, Shared };
    struct Request {
        unsigned lanes = 0;
        int size = 0;
        LurAccess kind = LurRead;
        Space space = Space::Global;
        uint64_t addresses[32];
    };
    struct Site {
        const void* place;
        Space space;
        LurAccess kind;
        int size;
    };
    int site(const void* place, Space, LurAccess, int size);
    void count(const Request&, unsigned existing);
    void countGlobal(const Request&, GlobalTraffic&);
    void countShared(const Request&);

    TraceLaunch* launch = nullptr;
    int threads = 0;
    uint64_t shared = 0, sharedEnd = 0, statics = 0, staticsEnd = 0, builtins = 0, builtinsEnd = 0;
    std::vector<Site> sites;
    std::vector<std::vector<unsigned>> occurrences;          // [thread][site] since the last barrier
    std::vector<std::vector<std::vector<Request>>> requests; // [warp][site][occurrence]
    TraceTotals totals;
};

CUresult executeTraced(const Launch&);

} // namespace lur
