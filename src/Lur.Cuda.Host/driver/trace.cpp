// Accesses are matched by their place in the code and by how often the thread has been there since the last barrier:
// what lanes of a warp do together on a GPU, they do at the same place for the same time. Stack, arguments and CUDA's
// variables are registers there, and left out.
#include "trace.h"
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <tuple>

namespace lur {
namespace {

constexpr int warpLanes = 32, sectorBytes = 32, banks = 32, bankBytes = 4;

long long blocksToRecord() {
    static const long long n = [] {
        const char* v = getenv("LUR_TRACE_BLOCKS");
        const long long given = v ? atoll(v) : 0;
        return given > 0 ? given : 32;
    }();
    return n;
}

struct Key {
    std::string kernel;
    LurDim3 grid, block;
    unsigned shared;
    bool operator<(const Key& o) const {
        const auto t = [](const Key& k) {
            return std::tie(k.kernel, k.grid.x, k.grid.y, k.grid.z, k.block.x, k.block.y, k.block.z, k.shared);
        };
        return t(*this) < t(o);
    }
};

std::mutex resultsMutex;
std::map<Key, TraceTotals> results;

std::string traffic(const char* name, const GlobalTraffic& t) {
    return text("\"%s\":{\"requests\":%lld,\"sectors\":%lld,\"minimum\":%lld}", name, t.requests, t.sectors, t.minimum);
}

std::string toJson(const Key& k, const TraceTotals& t) {
    return text("{\"kernel\":\"%s\",\"grid\":[%d,%d,%d],\"block\":[%d,%d,%d],\"sharedBytes\":%u,\"launches\":%lld,"
                "\"blocks\":%lld,\"recorded\":%lld,",
                k.kernel.c_str(), k.grid.x, k.grid.y, k.grid.z, k.block.x, k.block.y, k.block.z, k.shared, t.launches,
                t.blocks, t.recorded) +
           traffic("loads", t.loads) + "," + traffic("stores", t.stores) +
           text(",\"shared\":{\"requests\":%lld,\"passes\":%lld,\"minimum\":%lld,\"worst\":%d},\"activeLanes\":%lld,"
                "\"lanes\":%lld,\"atomics\":%lld,\"wordsRead\":%lld,\"wordsWritten\":%lld}",
                t.sharedRequests, t.passes, t.leastPasses, t.worstConflict, t.activeLanes, t.lanes, t.atomics,
                t.wordsRead, t.wordsWritten);
}

} // namespace

void TraceTotals::add(const TraceTotals& o) {
    launches += o.launches, blocks += o.blocks, recorded += o.recorded;
    loads.add(o.loads), stores.add(o.stores);
    sharedRequests += o.sharedRequests, passes += o.passes, leastPasses += o.leastPasses;
    worstConflict = std::max(worstConflict, o.worstConflict);
    activeLanes += o.activeLanes, lanes += o.lanes, atomics += o.atomics;
    wordsRead += o.wordsRead, wordsWritten += o.wordsWritten;
}

TraceLaunch::TraceLaunch(const Launch& l)
    : launch(l), blocks(l.blocks()), count(std::min(l.blocks(), blocksToRecord())) {
    for (const Allocation& a : l.context->memory.live()) {
        auto r = std::make_unique<Range>();
        r->first = a.address, r->last = a.address + a.size;
        r->pages = std::vector<std::atomic<Page*>>((r->last - 1) / pageBytes - r->first / pageBytes + 1);
        ranges.push_back(std::move(r));
    }
    std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a->first < b->first; });
}

bool TraceLaunch::isRecorded(long long block) const {
    // recordedBlock(i) = floor(i blocks / count): the i of a block is the smallest with i blocks / count >= block.
    const long long i = (long long)(((__int128)block * count + blocks - 1) / blocks);
    return i < count && recordedBlock(i) == block;
}

int TraceLaunch::find(uint64_t address) const {
    const auto after =
        std::upper_bound(ranges.begin(), ranges.end(), address, [](uint64_t a, const auto& r) { return a < r->first; });
    if (after == ranges.begin()) return -1;
    const auto at = after - 1;
    return address < (*at)->last ? (int)(at - ranges.begin()) : -1;
}

TraceLaunch::Page& TraceLaunch::page(Range& r, uint64_t address) {
    std::atomic<Page*>& place = r.pages[address / pageBytes - r.first / pageBytes];
    Page* p = place.load(std::memory_order_acquire);
    if (p) return *p;
    auto made = std::make_unique<Page>();
    if (place.compare_exchange_strong(p, made.get())) p = made.release();
    return *p;
}

void TraceLaunch::touch(uint64_t address, int size, bool write) {
    const int i = find(address);
    if (i < 0) return;
    Range& r = *ranges[(size_t)i];
    const uint64_t end = std::min(address + (uint64_t)size, r.last);
    for (uint64_t at = address / 4 * 4; at < end; at += 4) {
        Page& p = page(r, std::max(at, r.first));
        const uint64_t word = at % pageBytes / 4, mask = 1ull << word % 64;
        auto& bits = (write ? p.written : p.read)[word / 64];
        if (!(bits.load(std::memory_order_relaxed) & mask)) bits.fetch_or(mask);
    }
}

void TraceLaunch::add(const TraceTotals& t) {
    std::lock_guard<std::mutex> guard(mutex);
    totals.add(t);
}

void TraceLaunch::finish() {
    for (const auto& r : ranges)
        for (const auto& place : r->pages)
            if (const Page* p = place.load())
                for (size_t i = 0; i < pageBytes / 256; i++) {
                    totals.wordsRead += __builtin_popcountll(p->read[i].load());
                    totals.wordsWritten += __builtin_popcountll(p->written[i].load());
                }
    totals.launches = 1;
    totals.blocks = blocks;
    std::lock_guard<std::mutex> guard(resultsMutex);
    results[{launch.function->kernel->name, launch.grid, launch.block, launch.sharedBytes}].add(totals);
}

void TraceRecorder::begin(TraceLaunch* t, const Launch& l, int n) {
    launch = t;
    threads = n;
    const Image& image = *l.function->image;
    builtins = (uint64_t)image.table->builtins();
    builtinsEnd = builtins + sizeof(LurBuiltins);
    statics = (uint64_t)image.threadLocal();
    staticsEnd = statics + (statics ? image.threadLocalBytes : 0);
    shared = (uint64_t)dynamicShared();
    sharedEnd = shared + l.sharedBytes;
    sites.clear();
    occurrences.resize((size_t)threads);
    for (auto& o : occurrences) o.clear();
    requests.resize((size_t)(threads + warpLanes - 1) / warpLanes);
    for (auto& w : requests) w.clear();
    totals = {};
    totals.recorded = 1;
}

int TraceRecorder::site(const void* place, Space space, LurAccess kind, int size) {
    for (size_t i = 0; i < sites.size(); i++) {
        const Site& s = sites[i];
        if (s.place == place && s.space == space && s.kind == kind && s.size == size) return (int)i;
    }
    sites.push_back({place, space, kind, size});
    return (int)sites.size() - 1;
}

void TraceRecorder::access(int thread, const void* p, int size, LurAccess kind, const void* place) {
    const auto address = (uint64_t)p;
    if (address >= builtins && address < builtinsEnd) return;
    Space space;
    if ((address >= shared && address < sharedEnd) || (address >= statics && address < staticsEnd))
        space = Space::Shared;
    else if (launch->find(address) >= 0)
        space = Space::Global;
    else
        return;
    const auto s = (size_t)site(place, space, kind, size);
    auto& seen = occurrences[(size_t)thread];
    if (seen.size() <= s) seen.resize(s + 1);
    auto& ofWarp = requests[(size_t)thread / warpLanes];
    if (ofWarp.size() <= s) ofWarp.resize(s + 1);
    const unsigned n = seen[s]++;
    auto& times = ofWarp[s];
    if (times.size() <= n) times.resize(n + 1);
    Request& r = times[n];
    r.size = size, r.kind = kind, r.space = space;
    r.addresses[thread % warpLanes] = address;
    r.lanes |= 1u << thread % warpLanes;
}

void TraceRecorder::flush() {
    for (size_t w = 0; w < requests.size(); w++) {
        const int left = threads - (int)w * warpLanes;
        const unsigned existing = left >= warpLanes ? ~0u : (1u << left) - 1;
        for (auto& times : requests[w]) {
            for (const Request& r : times) count(r, existing);
            times.clear();
        }
    }
    for (auto& o : occurrences) std::fill(o.begin(), o.end(), 0u);
}

void TraceRecorder::end() {
    flush();
    launch->add(totals);
    launch = nullptr;
}

void TraceRecorder::count(const Request& r, unsigned existing) {
    totals.activeLanes += __builtin_popcount(r.lanes);
    totals.lanes += __builtin_popcount(existing);
    if (r.kind == LurAtomic) {
        totals.atomics += __builtin_popcount(r.lanes);
        return;
    }
    if (r.space == Space::Shared)
        countShared(r);
    else
        countGlobal(r, r.kind == LurRead ? totals.loads : totals.stores);
}

void TraceRecorder::countGlobal(const Request& r, GlobalTraffic& t) {
    uint64_t first[warpLanes];
    int n = 0;
    for (int i = 0; i < warpLanes; i++) {
        if (!(r.lanes >> i & 1)) continue;
        first[n++] = r.addresses[i];
        launch->touch(r.addresses[i], r.size, r.kind == LurWrite);
    }
    std::sort(first, first + n);
    // In order of address: what each lane adds to the bytes and to the sectors of those before it.
    uint64_t bytes = 0, bytesUpTo = 0, sectors = 0, sectorsUpTo = 0;
    for (int i = 0; i < n; i++) {
        const uint64_t end = first[i] + (uint64_t)r.size;
        if (end > bytesUpTo) bytes += end - std::max(first[i], bytesUpTo), bytesUpTo = end;
        const uint64_t firstSector = first[i] / sectorBytes, endSector = (end - 1) / sectorBytes + 1;
        if (endSector > sectorsUpTo) sectors += endSector - std::max(firstSector, sectorsUpTo), sectorsUpTo = endSector;
    }
    t.requests++;
    t.sectors += (long long)sectors;
    t.minimum += (long long)((bytes + sectorBytes - 1) / sectorBytes);
}

// Lanes that ask for the same word share it. 8 bytes are served to half a warp at a time, 16 to a quarter.
void TraceRecorder::countShared(const Request& r) {
    totals.sharedRequests++;
    const int together = r.size <= bankBytes ? warpLanes : std::max(1, warpLanes * bankBytes / r.size);
    for (int start = 0; start < warpLanes; start += together) {
        std::vector<uint64_t> words;
        for (int i = start; i < start + together; i++)
            if (r.lanes >> i & 1)
                for (uint64_t w = r.addresses[i] / bankBytes; w * bankBytes < r.addresses[i] + (uint64_t)r.size; w++)
                    words.push_back(w);
        if (words.empty()) continue;
        std::sort(words.begin(), words.end());
        words.erase(std::unique(words.begin(), words.end()), words.end());
        int perBank[banks] = {}, ways = 0;
        for (uint64_t w : words) ways = std::max(ways, ++perBank[w % banks]);
        totals.passes += ways;
        totals.leastPasses++;
        totals.worstConflict = std::max(totals.worstConflict, ways);
    }
}

} // namespace lur

using namespace lur;

// What was traced since the last lurHostTraceClear, a JSON array with an object for each kernel and shape of launch.
// Writes at most `capacity` bytes with the terminating zero; returns the length of the whole without it.
LUR_API size_t lurHostTrace(char* buffer, size_t capacity) {
    std::string all = "[";
    {
        std::lock_guard<std::mutex> guard(resultsMutex);
        for (const auto& r : results) all += (all.size() > 1 ? "," : "") + toJson(r.first, r.second);
    }
    all += "]";
    if (buffer && capacity) {
        const size_t n = std::min(capacity - 1, all.size());
        memcpy(buffer, all.data(), n);
        buffer[n] = '\0';
    }
    return all.size();
}

LUR_API void lurHostTraceClear() {
    std::lock_guard<std::mutex> guard(resultsMutex);
    results.clear();
}
