// Streams, events, capture and graphs. Every operation is done when its call returns, so a stream's order is the order
// of the calls; what remains are capture and CUDA's rules about it. With the check `late` a stream keeps its work.
#include <time.h>
#include "context.h"

namespace lur {

struct Graph {
    Context* context;
    std::vector<Operation> nodes; // in the order of capture, which is one valid order of the graph
};
struct GraphExec {
    Context* context;
    std::vector<Operation> nodes;
};

enum CaptureMode { CaptureGlobal = 0, CaptureThreadLocal = 1, CaptureRelaxed = 2 };

struct Capture {
    Context* context;
    Stream* origin;
    CaptureMode mode;
    std::thread::id thread;
    bool invalid = false;
    std::shared_ptr<Graph> graph = std::make_shared<Graph>();
    // Streams that joined by waiting for an event of this capture: the number of nodes after their last operation, and
    // how far the origin has waited for them.
    struct Fork {
        std::weak_ptr<Stream> stream;
        size_t last = 0, joined = 0;
    };
    std::vector<Fork> forks;
    Fork* fork(const Stream* s) {
        for (Fork& f : forks)
            if (f.stream.lock().get() == s) return &f;
        return nullptr;
    }
};

static Registry<Graph, 0x17> graphs;
static Registry<GraphExec, 0x18> graphExecs;
static thread_local CaptureMode threadMode = CaptureGlobal;

void removeGraphs(const Context* c) {
    graphs.removeAll(c);
    graphExecs.removeAll(c);
}

static long long now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

CUresult findStream(Context* c, CUstream handle, std::shared_ptr<Stream>* stream) {
    *stream = (uint64_t)handle <= 2 ? c->defaultStream : streams.find(handle);
    if (!*stream) return fail(CUDA_ERROR_INVALID_HANDLE, "the stream handle %p is no live stream", handle);
    if ((*stream)->context != c)
        return fail(CUDA_ERROR_INVALID_CONTEXT, "the stream belongs to another device than the current context");
    return CUDA_SUCCESS;
}

bool isCapturing(const Stream& s) { return s.capture != nullptr; }

CUresult refuseDuringCapture(Context* c, const char* call) {
    std::lock_guard<std::mutex> lock(c->mutex);
    CUresult result = CUDA_SUCCESS;
    for (Capture* k : c->captures) {
        const bool own = k->thread == std::this_thread::get_id();
        const bool forbidden = threadMode == CaptureGlobal
                                   ? (own && k->mode != CaptureRelaxed) || k->mode == CaptureGlobal
                               : threadMode == CaptureThreadLocal ? own && k->mode != CaptureRelaxed
                                                                  : false;
        if (!forbidden) continue;
        k->invalid = true;
        result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    if (result) return fail(result, "%s is not allowed while a stream is capturing; the capture is now invalid", call);
    return CUDA_SUCCESS;
}

CUresult record(Context* c, Stream& s, Operation operation) {
    std::lock_guard<std::mutex> lock(c->mutex);
    Capture& k = *s.capture;
    if (k.invalid)
        return fail(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "an earlier call made this stream's capture invalid");
    k.graph->nodes.push_back(std::move(operation));
    if (Capture::Fork* f = k.fork(&s)) f->last = k.graph->nodes.size();
    return CUDA_SUCCESS;
}

// An operation on the legacy stream would have to wait for the blocking streams, which cannot be while one captures.
static CUresult refuseImplicitDependency(Context* c, const Stream& s) {
    if (&s != c->defaultStream.get()) return CUDA_SUCCESS;
    std::lock_guard<std::mutex> lock(c->mutex);
    for (Capture* k : c->captures)
        if (k->origin->blocking()) {
            k->invalid = true;
            return fail(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
                        "the default stream was used while a blocking stream is capturing; the capture is now invalid");
        }
    return CUDA_SUCCESS;
}

CUresult submit(Context* c, Stream& s, Operation operation) {
    if (s.capture) return record(c, s, std::move(operation));
    LUR_TRY(refuseImplicitDependency(c, s));
    if (!c->late()) return operation();
    if (&s != c->defaultStream.get()) return keep(s, std::move(operation));
    LUR_TRY(catchUp(c, true));
    return operation();
}

} // namespace lur

using namespace lur;

LUR_API CUresult cuStreamCreateWithPriority(CUstream* stream, unsigned flags, int priority) {
    Context* c;
    LUR_TRY(enter(&c));
    if (!stream || flags > 1) return fail(CUDA_ERROR_INVALID_VALUE, "cuStreamCreate: no result, or flags above 1");
    *stream = streams.add(std::make_shared<Stream>(c, flags, priority));
    return CUDA_SUCCESS;
}

LUR_API CUresult cuStreamCreate(CUstream* stream, unsigned flags) {
    return cuStreamCreateWithPriority(stream, flags, 0);
}

LUR_API CUresult cuStreamDestroy_v2(CUstream stream) {
    Context* c;
    LUR_TRY(enter(&c));
    const std::shared_ptr<Stream> s = streams.remove(stream);
    if (!s) return fail(CUDA_ERROR_INVALID_HANDLE, "cuStreamDestroy: the handle is no live stream");
    LUR_TRY(catchUp(*s));
    if (s->capture && s->capture->origin == s.get()) {
        std::lock_guard<std::mutex> lock(c->mutex);
        c->captures.erase(s->capture.get());
    }
    return CUDA_SUCCESS;
}

static CUresult synchronize(CUstream stream, bool* waited) {
    Context* c;
    LUR_TRY(enter(&c));
    std::shared_ptr<Stream> s;
    LUR_TRY(findStream(c, stream, &s));
    if (isCapturing(*s)) {
        s->capture->invalid = true;
        return fail(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "cuStreamSynchronize: the stream is capturing");
    }
    LUR_TRY(refuseImplicitDependency(c, *s));
    *waited = s->done != s->given;
    return s == c->defaultStream ? catchUp(c, true) : catchUp(*s);
}

LUR_API CUresult cuStreamSynchronize(CUstream stream) {
    bool waited;
    countWait();
    return synchronize(stream, &waited);
}

// Kept work is done between two queries: the first says that it is not ready.
LUR_API CUresult cuStreamQuery(CUstream stream) {
    bool waited;
    LUR_TRY(synchronize(stream, &waited));
    return waited ? fail(CUDA_ERROR_NOT_READY, "cuStreamQuery: the stream has work to do") : CUDA_SUCCESS;
}

LUR_API CUresult cuEventCreate(CUevent* event, unsigned flags) {
    Context* c;
    LUR_TRY(enter(&c));
    if (!event || flags > 7) return fail(CUDA_ERROR_INVALID_VALUE, "cuEventCreate: no result, or flags above 7");
    auto e = std::make_shared<Event>();
    e->context = c;
    e->flags = flags;
    *event = events.add(e);
    return CUDA_SUCCESS;
}

LUR_API CUresult cuEventDestroy_v2(CUevent event) {
    Context* c;
    LUR_TRY(enter(&c));
    return events.remove(event) ? CUDA_SUCCESS
                                : fail(CUDA_ERROR_INVALID_HANDLE, "cuEventDestroy: the handle is no live event");
}

static CUresult findEvent(CUevent handle, std::shared_ptr<Event>* event) {
    *event = events.find(handle);
    return *event ? CUDA_SUCCESS : fail(CUDA_ERROR_INVALID_HANDLE, "the event handle %p is no live event", handle);
}

LUR_API CUresult cuEventRecord(CUevent event, CUstream stream) {
    Context* c;
    LUR_TRY(enter(&c));
    std::shared_ptr<Event> e;
    LUR_TRY(findEvent(event, &e));
    std::shared_ptr<Stream> s;
    LUR_TRY(findStream(c, stream, &s));
    if (e->context != c || s->context != c)
        return fail(CUDA_ERROR_INVALID_HANDLE, "cuEventRecord: event and stream belong to different devices");
    if (isCapturing(*s)) {
        LUR_TRY(record(c, *s, [e] {
            e->recorded = true;
            e->nanoseconds = now();
            return CUDA_SUCCESS;
        }));
        e->capture = s->capture;
        e->capturedIn = s.get();
        e->capturedAt = s->capture->graph->nodes.size();
        return CUDA_SUCCESS;
    }
    LUR_TRY(refuseImplicitDependency(c, *s));
    e->capture.reset();
    e->recorded = true;
    e->nanoseconds = now();
    if (!c->late()) return CUDA_SUCCESS;
    LUR_TRY(submit(c, *s, [e] {
        e->nanoseconds = now();
        return CUDA_SUCCESS;
    }));
    e->stream = s;
    e->after = s->given;
    return CUDA_SUCCESS;
}

// The stream whose kept work the event waits for; null when it has happened.
static std::shared_ptr<Stream> pending(const Event& e) {
    const std::shared_ptr<Stream> s = e.stream.lock();
    return s && s->done < e.after ? s : nullptr;
}

static CUresult checkEvent(CUevent event, const char* call, std::shared_ptr<Event>* e) {
    Context* c;
    LUR_TRY(enter(&c));
    LUR_TRY(findEvent(event, e));
    if ((*e)->capture.lock())
        return fail(CUDA_ERROR_CAPTURED_EVENT, "%s: the event was last recorded in a stream that is capturing", call);
    return CUDA_SUCCESS;
}

LUR_API CUresult cuEventSynchronize(CUevent event) {
    countWait();
    std::shared_ptr<Event> e;
    LUR_TRY(checkEvent(event, "cuEventSynchronize", &e));
    const std::shared_ptr<Stream> s = pending(*e);
    return s ? catchUp(*s, e->after) : CUDA_SUCCESS;
}

LUR_API CUresult cuEventQuery(CUevent event) {
    std::shared_ptr<Event> e;
    LUR_TRY(checkEvent(event, "cuEventQuery", &e));
    const std::shared_ptr<Stream> s = pending(*e);
    if (!s) return CUDA_SUCCESS;
    LUR_TRY(catchUp(*s, e->after));
    return fail(CUDA_ERROR_NOT_READY, "cuEventQuery: the work before the event is not done");
}

static CUresult elapsed(float* milliseconds, CUevent start, CUevent end) {
    std::shared_ptr<Event> a, b;
    LUR_TRY(checkEvent(start, "cuEventElapsedTime", &a));
    LUR_TRY(checkEvent(end, "cuEventElapsedTime", &b));
    if (!milliseconds) return fail(CUDA_ERROR_INVALID_VALUE, "cuEventElapsedTime: the result is null");
    if (!a->recorded || !b->recorded)
        return fail(CUDA_ERROR_INVALID_HANDLE, "cuEventElapsedTime: an event has not been recorded");
    if ((a->flags | b->flags) & 2)
        return fail(CUDA_ERROR_INVALID_HANDLE, "cuEventElapsedTime: an event was created without timing");
    if (pending(*a) || pending(*b))
        return fail(CUDA_ERROR_NOT_READY, "cuEventElapsedTime: the work before an event is not done");
    *milliseconds = (float)((double)(b->nanoseconds - a->nanoseconds) * 1e-6);
    return CUDA_SUCCESS;
}

LUR_API CUresult cuEventElapsedTime(float* milliseconds, CUevent start, CUevent end) {
    return elapsed(milliseconds, start, end);
}

// That of CUDA 12.8: the same signature, and more exact on a GPU.
LUR_API CUresult cuEventElapsedTime_v2(float* milliseconds, CUevent start, CUevent end) {
    return elapsed(milliseconds, start, end);
}

LUR_API CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned flags) {
    Context* c;
    LUR_TRY(enter(&c));
    std::shared_ptr<Stream> s;
    LUR_TRY(findStream(c, stream, &s));
    std::shared_ptr<Event> e;
    LUR_TRY(findEvent(event, &e));
    if (flags > 1) return fail(CUDA_ERROR_INVALID_VALUE, "cuStreamWaitEvent: flags above 1");
    const std::shared_ptr<Capture> k = e->capture.lock();
    if (!k) {
        const std::shared_ptr<Stream> other = pending(*e);
        if (!isCapturing(*s) && other && other != s) {
            const unsigned long after = e->after;
            return submit(c, *s, [other, after] { return catchUp(*other, after); });
        }
        if (!isCapturing(*s) || !e->recorded) return CUDA_SUCCESS;
        s->capture->invalid = true;
        return fail(CUDA_ERROR_STREAM_CAPTURE_ISOLATION,
                    "cuStreamWaitEvent: a capturing stream cannot wait for an event recorded outside the capture");
    }
    std::lock_guard<std::mutex> lock(c->mutex);
    if (k->invalid)
        return fail(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "an earlier call made the event's capture invalid");
    if (isCapturing(*s) && s->capture != k) {
        k->invalid = s->capture->invalid = true;
        return fail(CUDA_ERROR_STREAM_CAPTURE_MERGE, "cuStreamWaitEvent: the event belongs to another capture");
    }
    if (!isCapturing(*s)) {
        s->capture = k;
        k->forks.push_back({s, 0, 0});
    } else if (Capture::Fork* f = k->fork(e->capturedIn)) {
        if (e->capturedAt > f->joined) f->joined = e->capturedAt;
    }
    return CUDA_SUCCESS;
}

LUR_API CUresult cuStreamBeginCapture_v2(CUstream stream, int mode) {
    Context* c;
    LUR_TRY(enter(&c));
    std::shared_ptr<Stream> s;
    LUR_TRY(findStream(c, stream, &s));
    if (mode < 0 || mode > 2) return fail(CUDA_ERROR_INVALID_VALUE, "cuStreamBeginCapture: %d is no mode", mode);
    if (s == c->defaultStream)
        return fail(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "cuStreamBeginCapture: the default stream cannot capture");
    if (isCapturing(*s)) return fail(CUDA_ERROR_INVALID_VALUE, "cuStreamBeginCapture: the stream is capturing already");
    auto k = std::make_shared<Capture>();
    k->context = k->graph->context = c;
    k->origin = s.get();
    k->mode = (CaptureMode)mode;
    k->thread = std::this_thread::get_id();
    s->capture = k;
    std::lock_guard<std::mutex> lock(c->mutex);
    c->captures.insert(k.get());
    return CUDA_SUCCESS;
}

LUR_API CUresult cuStreamEndCapture(CUstream stream, CUgraph* graph) {
    Context* c;
    LUR_TRY(enter(&c));
    std::shared_ptr<Stream> s;
    LUR_TRY(findStream(c, stream, &s));
    if (!graph) return fail(CUDA_ERROR_INVALID_VALUE, "cuStreamEndCapture: graph is null");
    *graph = nullptr;
    const std::shared_ptr<Capture> k = s->capture;
    if (!k) return fail(CUDA_ERROR_INVALID_VALUE, "cuStreamEndCapture: the stream is not capturing");
    std::lock_guard<std::mutex> lock(c->mutex);
    if (k->mode != CaptureRelaxed && k->thread != std::this_thread::get_id())
        return fail(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, "cuStreamEndCapture: the capture began on another thread");
    if (k->origin != s.get()) {
        k->invalid = true;
        return fail(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "cuStreamEndCapture: the capture began in another stream");
    }
    bool unjoined = false;
    for (const Capture::Fork& f : k->forks) {
        unjoined |= f.last > f.joined;
        if (const std::shared_ptr<Stream> other = f.stream.lock()) other->capture = nullptr;
    }
    s->capture = nullptr;
    c->captures.erase(k.get());
    if (k->invalid)
        return fail(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED,
                    "cuStreamEndCapture: an earlier call made the capture invalid");
    if (unjoined)
        return fail(CUDA_ERROR_STREAM_CAPTURE_UNJOINED,
                    "cuStreamEndCapture: a stream that joined the capture has work the first stream did not wait for");
    *graph = graphs.add(k->graph);
    return CUDA_SUCCESS;
}

LUR_API CUresult cuStreamIsCapturing(CUstream stream, int* status) {
    Context* c;
    LUR_TRY(enter(&c));
    std::shared_ptr<Stream> s;
    LUR_TRY(findStream(c, stream, &s));
    if (!status) return fail(CUDA_ERROR_INVALID_VALUE, "cuStreamIsCapturing: status is null");
    *status = !s->capture ? 0 : s->capture->invalid ? 2 : 1;
    return CUDA_SUCCESS;
}

LUR_API CUresult cuThreadExchangeStreamCaptureMode(int* mode) {
    if (!mode || *mode < 0 || *mode > 2)
        return fail(CUDA_ERROR_INVALID_VALUE, "cuThreadExchangeStreamCaptureMode: no mode from 0 to 2");
    const int old = threadMode;
    threadMode = (CaptureMode)*mode;
    *mode = old;
    return CUDA_SUCCESS;
}

LUR_API CUresult cuGraphInstantiateWithFlags(CUgraphExec* exec, CUgraph graph, unsigned long long) {
    Context* c;
    LUR_TRY(enter(&c));
    const std::shared_ptr<Graph> g = graphs.find(graph);
    if (!exec) return fail(CUDA_ERROR_INVALID_VALUE, "cuGraphInstantiate: exec is null");
    if (!g) return fail(CUDA_ERROR_INVALID_HANDLE, "cuGraphInstantiate: the handle is no live graph");
    *exec = graphExecs.add(std::make_shared<GraphExec>(GraphExec{g->context, g->nodes}));
    return CUDA_SUCCESS;
}

LUR_API CUresult cuGraphLaunch(CUgraphExec exec, CUstream stream) {
    Context* c;
    LUR_TRY(enter(&c));
    std::shared_ptr<GraphExec> g = graphExecs.find(exec);
    if (!g) return fail(CUDA_ERROR_INVALID_HANDLE, "cuGraphLaunch: the handle is no live graph instance");
    std::shared_ptr<Stream> s;
    LUR_TRY(findStream(c, stream, &s));
    const auto replay = [g] {
        for (const Operation& node : g->nodes) LUR_TRY(node());
        return CUDA_SUCCESS;
    };
    if (isCapturing(*s) || c->late()) return submit(c, *s, replay);
    LUR_TRY(refuseImplicitDependency(c, *s));
    return replay();
}

LUR_API CUresult cuGraphUpload(CUgraphExec exec, CUstream) {
    Context* c;
    LUR_TRY(enter(&c));
    return graphExecs.find(exec)
               ? CUDA_SUCCESS
               : fail(CUDA_ERROR_INVALID_HANDLE, "cuGraphUpload: the handle is no live graph instance");
}

LUR_API CUresult cuGraphGetNodes(CUgraph graph, CUgraphNode* nodes, size_t* count) {
    Context* c;
    LUR_TRY(enter(&c));
    const std::shared_ptr<Graph> g = graphs.find(graph);
    if (!g) return fail(CUDA_ERROR_INVALID_HANDLE, "cuGraphGetNodes: the handle is no live graph");
    if (!count) return fail(CUDA_ERROR_INVALID_VALUE, "cuGraphGetNodes: count is null");
    if (nodes)
        for (size_t i = 0; i < *count; i++)
            nodes[i] = i < g->nodes.size() ? (void*)(0x19ull << 56 | (i + 1) << 4) : nullptr;
    else
        *count = g->nodes.size();
    return CUDA_SUCCESS;
}

LUR_API CUresult cuGraphExecDestroy(CUgraphExec exec) {
    Context* c;
    LUR_TRY(enter(&c));
    return graphExecs.remove(exec) ? CUDA_SUCCESS
                                   : fail(CUDA_ERROR_INVALID_HANDLE, "cuGraphExecDestroy: no live graph instance");
}

LUR_API CUresult cuGraphDestroy(CUgraph graph) {
    Context* c;
    LUR_TRY(enter(&c));
    return graphs.remove(graph) ? CUDA_SUCCESS
                                : fail(CUDA_ERROR_INVALID_HANDLE, "cuGraphDestroy: the handle is no live graph");
}

// There is no profiler to start; a program that brackets its hot part with these runs unchanged.
LUR_API CUresult cuProfilerStart() { return requireInitialised(); }
LUR_API CUresult cuProfilerStop() { return requireInitialised(); }
