// The check `late`: a stream keeps its work until something waits for it, where the driver otherwise does everything
// inside the call. Copies then read their source, and write their target, at the last moment that CUDA's order allows:
// a program that changes or frees pinned memory too early, reads a result too early, or lacks an event between two
// streams gets other bytes than one that waits.
#include "context.h"

namespace lur {

// Recursive: kept work may wait for an event, that is for another stream's work.
static std::recursive_mutex mutex;

CUresult keep(Stream& s, Operation operation) {
    std::lock_guard<std::recursive_mutex> lock(mutex);
    s.kept.push_back(std::move(operation));
    s.given++;
    return CUDA_SUCCESS;
}

CUresult catchUp(Stream& s, unsigned long upTo) {
    CUresult first = CUDA_SUCCESS;
    if (s.done == s.given) return first;
    std::lock_guard<std::recursive_mutex> lock(mutex);
    while (!s.kept.empty() && s.done < upTo) {
        const Operation next = std::move(s.kept.front());
        s.kept.pop_front();
        if (const CUresult r = next())
            if (!first) first = r;
        s.done++;
        if (!s.context->sticky) continue;
        s.kept.clear(); // a lost context does nothing more
        s.done = s.given.load();
    }
    return first;
}

CUresult catchUp(Context* c, bool blockingOnly) {
    if (!c->late()) return CUDA_SUCCESS;
    CUresult first = CUDA_SUCCESS;
    for (const std::shared_ptr<Stream>& s : streams.of(c)) {
        if (blockingOnly && !s->blocking()) continue;
        if (const CUresult r = catchUp(*s))
            if (!first) first = r;
    }
    return first;
}

} // namespace lur
