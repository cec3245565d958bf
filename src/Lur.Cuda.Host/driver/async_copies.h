// async_copies.h - the asynchronous copies of one thread that have not landed yet.
//
// A GPU reads the source at any time between the call and the wait, and writes the target likewise. Here the source is
// read at the call, so that a bad address is a fault of the thread that gave it, and the target is written at the wait,
// so that a missing wait shows; in some orders of the race check at once.
#pragma once
#include <cstring>
#include <vector>

namespace lur {

class AsyncCopies {
  public:
    void add(void* to, const void* from, int size, int filled, bool early) {
        Copy c;
        c.to = to, c.size = size;
        memcpy(c.bytes, from, (size_t)filled);
        memset(c.bytes + filled, 0, (size_t)(size - filled));
        if (early)
            c.land();
        else
            copies.push_back(c);
    }
    void commit() { groups.push_back(copies.size()); }
    // Lands the oldest groups until `left` are left. Copies of no group yet are none of them.
    void wait(int left) {
        const size_t landing = groups.size() > (size_t)left ? groups.size() - (size_t)left : 0;
        if (!landing) return;
        const size_t end = groups[landing - 1];
        for (size_t i = 0; i < end; i++) copies[i].land();
        copies.erase(copies.begin(), copies.begin() + (long)end);
        groups.erase(groups.begin(), groups.begin() + (long)landing);
        for (size_t& g : groups) g -= end;
    }
    void clear() { copies.clear(), groups.clear(); }

  private:
    struct Copy {
        void* to;
        int size;
        char bytes[16];
        void land() const { memcpy(to, bytes, (size_t)size); }
    };
    std::vector<Copy> copies;
    std::vector<size_t> groups; // copies up to the end of each, oldest first
};

} // namespace lur
