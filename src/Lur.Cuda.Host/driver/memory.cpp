// Plain devices: one mapping an allocation, so that memory arrives zeroed, aligned and, when large, on huge pages.
//
// Memory check: [guard page][slack, filled][the allocation][guard page]. The allocation ends exactly at the guard page,
// so its address is aligned only as its size is: 4000 bytes give 32. Keeping 256-byte alignment instead would have left
// up to 255 bytes after the end in which a read one past the end goes unseen, which is the fault people make.
// Freed ranges stay mapped without access for a while, so that a use after free faults too.
#include "memory.h"
#include <cstring>
#include <sys/mman.h>
#include "errors.h"

namespace lur {
namespace {

constexpr size_t page = 4096, huge = 2 << 20;
constexpr size_t quarantined = 256;
constexpr unsigned char slackByte = 0xCB;

size_t roundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

} // namespace

uint64_t Memory::allocate(size_t size) {
    if (size > (size_t)physicalMemory() - total) return 0;
    Allocation a{};
    a.size = size;
    const size_t body = roundUp(size, page);
    const size_t alignment = size >= 2 * huge && !checks.memory ? huge : page;
    a.mapped = body + (checks.memory ? 2 * page : alignment == huge ? huge : 0);
    void* const p = mmap(nullptr, a.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return 0;
    a.mapping = (char*)p;
    if (checks.memory) {
        a.address = (uint64_t)a.mapping + page + body - size;
        memset(a.mapping + page, slackByte, body - size);
        mprotect(a.mapping, page, PROT_NONE);
        mprotect(a.mapping + page + body, page, PROT_NONE);
    } else {
        a.address = roundUp((uint64_t)a.mapping, alignment);
        if (alignment == huge) madvise((void*)a.address, body, MADV_HUGEPAGE);
    }
    if (checks.init) memset((void*)a.address, 0xFF, size);
    std::lock_guard<std::mutex> lock(mutex);
    allocations[a.address] = a;
    total += size;
    if (total > peak) peak = total;
    return a.address;
}

bool Memory::free(uint64_t address) {
    std::lock_guard<std::mutex> lock(mutex);
    const auto i = allocations.find(address);
    if (i == allocations.end() || i->second.freed) return false;
    total -= i->second.size;
    if (!checks.memory) {
        release(i->second);
        allocations.erase(i);
        return true;
    }
    i->second.freed = true;
    mprotect(i->second.mapping, i->second.mapped, PROT_NONE);
    madvise(i->second.mapping, i->second.mapped, MADV_DONTNEED);
    quarantine.push_back(address);
    if (quarantine.size() > quarantined) {
        const auto oldest = allocations.find(quarantine.front());
        release(oldest->second);
        allocations.erase(oldest);
        quarantine.erase(quarantine.begin());
    }
    return true;
}

void Memory::release(const Allocation& a) { munmap(a.mapping, a.mapped); }

void Memory::freeAll() {
    std::lock_guard<std::mutex> lock(mutex);
    for (const auto& a : allocations) release(a.second);
    allocations.clear();
    quarantine.clear();
    total = 0;
}

bool Memory::find(uint64_t address, Allocation* found) {
    std::lock_guard<std::mutex> lock(mutex);
    auto i = allocations.upper_bound(address);
    if (i == allocations.begin()) return false;
    --i;
    if (i->second.freed || address - i->first >= i->second.size) return false;
    *found = i->second;
    return true;
}

bool Memory::contains(uint64_t address, size_t size) {
    Allocation a;
    if (size == 0) return true;
    return find(address, &a) && size <= a.size - (address - a.address);
}

bool Memory::touches(uint64_t address, size_t size) {
    std::lock_guard<std::mutex> lock(mutex);
    auto i = allocations.upper_bound(address + size - 1);
    if (i == allocations.begin()) return false;
    --i;
    return (uint64_t)i->second.mapping + i->second.mapped > address;
}

std::vector<Allocation> Memory::live() {
    std::lock_guard<std::mutex> lock(mutex);
    std::vector<Allocation> all;
    for (const auto& a : allocations)
        if (!a.second.freed) all.push_back(a.second);
    return all;
}

std::string Memory::changedSlack() {
    if (!checks.memory) return {};
    for (const Allocation& a : live())
        for (const unsigned char* p = (unsigned char*)a.mapping + page; p < (unsigned char*)a.address; p++)
            if (*p != slackByte)
                return text("a write %llu bytes before the start of the allocation 0x%llx of %zu bytes",
                            (unsigned long long)(a.address - (uint64_t)p), (unsigned long long)a.address, a.size);
    return {};
}

std::string Memory::describe(uint64_t address) {
    std::lock_guard<std::mutex> lock(mutex);
    const Allocation* best = nullptr;
    uint64_t distance = ~0ull;
    for (const auto& i : allocations) {
        const Allocation& a = i.second;
        const uint64_t d = address < a.address            ? a.address - address
                           : address < a.address + a.size ? 0
                                                          : address - (a.address + a.size);
        if (d < distance) distance = d, best = &a;
    }
    if (!best || distance > (1u << 30)) return "far from every device allocation";
    const char* where = distance == 0 && best->freed                            ? "inside the freed allocation"
                        : distance == 0 && address < best->address + best->size ? "inside the allocation"
                        : address < best->address                               ? "before the start of the allocation"
                                                                                : "after the end of the allocation";
    const std::string of = text("%s 0x%llx of %zu bytes", where, (unsigned long long)best->address, best->size);
    return address >= best->address && address < best->address + best->size
               ? of
               : text("%llu bytes ", (unsigned long long)distance) + of;
}

} // namespace lur
