// Which context a thread works in: a stack of its own, of which the top is current. cuCtx*.
#include "context.h"

namespace lur {
namespace {

// Plain data in one place: every call of the driver begins here, and a look-up of thread-local memory costs more than
// what is done with it.
struct Stack {
    static constexpr int limit = 32; // static thread-local memory is short in a library that is loaded late
    void* handles[limit];            // a context may be gone when its handle is used
    int depth;
    // The last answer of find, which holds until a context is made or destroyed.
    void* known;
    Context* context;
    unsigned long asOf;

    void* current() const { return depth ? handles[depth - 1] : nullptr; }
    Context* find() {
        const unsigned long changes = contextChanges;
        if (known != current() || asOf != changes) {
            known = current();
            context = contexts.find(known).get();
            asOf = changes;
        }
        return context;
    }
    CUresult push(void* handle, const char* call) {
        if (depth == limit) return fail(CUDA_ERROR_OUT_OF_MEMORY, "%s: %d contexts lie on the stack", call, depth);
        handles[depth++] = handle;
        return CUDA_SUCCESS;
    }
    void pop() { depth -= depth > 0; }
};
thread_local Stack stack;

} // namespace

CUresult enter(Context** context) {
    LUR_TRY(requireInitialised());
    Context* const c = stack.find();
    if (!c)
        return stack.depth ? fail(CUDA_ERROR_CONTEXT_IS_DESTROYED, "the thread's current context was destroyed")
                           : fail(CUDA_ERROR_INVALID_CONTEXT,
                                  "no context is current on this thread; retain the primary context and call "
                                  "cuCtxPushCurrent or cuCtxSetCurrent");
    *context = c;
    if (const int e = c->sticky) {
        std::lock_guard<std::mutex> lock(c->mutex);
        return fail((CUresult)e, "%s", c->stickySentence.c_str());
    }
    return CUDA_SUCCESS;
}

} // namespace lur

using namespace lur;

// Replaces the top of the stack; a null context takes it away.
LUR_API CUresult cuCtxSetCurrent(CUcontext context) {
    LUR_TRY(requireInitialised());
    if (context && !contexts.find(context))
        return fail(CUDA_ERROR_INVALID_CONTEXT, "cuCtxSetCurrent: the handle is no live context");
    stack.pop();
    return context ? stack.push(context, "cuCtxSetCurrent") : CUDA_SUCCESS;
}

LUR_API CUresult cuCtxGetCurrent(CUcontext* context) {
    LUR_TRY(requireInitialised());
    if (!context) return fail(CUDA_ERROR_INVALID_VALUE, "cuCtxGetCurrent: context is null");
    *context = stack.find() ? stack.current() : nullptr;
    return CUDA_SUCCESS;
}

LUR_API CUresult cuCtxPushCurrent_v2(CUcontext context) {
    LUR_TRY(requireInitialised());
    Stack& s = stack;
    LUR_TRY(s.push(context, "cuCtxPushCurrent"));
    if (s.find()) return CUDA_SUCCESS;
    s.pop();
    return fail(CUDA_ERROR_INVALID_CONTEXT, "cuCtxPushCurrent: the handle is no live context");
}

// The popped handle is told where the caller asks for it; it may be that of a destroyed context.
LUR_API CUresult cuCtxPopCurrent_v2(CUcontext* context) {
    LUR_TRY(requireInitialised());
    Stack& s = stack;
    if (!s.depth) return fail(CUDA_ERROR_INVALID_CONTEXT, "cuCtxPopCurrent: no context is current on this thread");
    if (context) *context = s.current();
    s.pop();
    return CUDA_SUCCESS;
}

// A context beside the device's primary one: memory, streams, modules and errors of its own. It becomes current.
LUR_API CUresult cuCtxCreate_v2(CUcontext* context, unsigned flags, CUdevice device) {
    LUR_TRY(requireInitialised());
    Device* d = findDevice(device);
    if (!d) return fail(CUDA_ERROR_INVALID_DEVICE, "cuCtxCreate: device %d does not exist", device);
    if (!context || flags > 0xFF || (flags & 7) > 4)
        return fail(CUDA_ERROR_INVALID_VALUE, "cuCtxCreate: no result, or unknown flags 0x%x", flags);
    LUR_TRY(stack.push(nullptr, "cuCtxCreate"));
    *context = stack.handles[stack.depth - 1] = addContext(std::make_shared<Context>(d));
    return CUDA_SUCCESS;
}

LUR_API CUresult cuCtxDestroy_v2(CUcontext context) {
    LUR_TRY(requireInitialised());
    const std::shared_ptr<Context> c = contexts.find(context);
    if (!c) return fail(CUDA_ERROR_INVALID_CONTEXT, "cuCtxDestroy: the handle is no live context");
    if (c == c->device->primary)
        return fail(CUDA_ERROR_INVALID_VALUE, "cuCtxDestroy: a primary context is released, not destroyed");
    if (context == stack.current()) stack.pop(); // on other threads it stays current, and is refused there
    destroyContext(context);
    return CUDA_SUCCESS;
}

LUR_API CUresult cuCtxGetDevice(CUdevice* device) {
    Context* c;
    LUR_TRY(enter(&c));
    if (!device) return fail(CUDA_ERROR_INVALID_VALUE, "cuCtxGetDevice: device is null");
    *device = c->device->ordinal;
    return CUDA_SUCCESS;
}

LUR_API CUresult cuCtxSynchronize() {
    Context* c;
    countWait();
    LUR_TRY(enter(&c));
    LUR_TRY(refuseDuringCapture(c, "cuCtxSynchronize"));
    return catchUp(c);
}
