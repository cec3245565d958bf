// Fibers: hand-written switches of about 2 ns, a block barrier of about 5 ns a thread. ucontext's swapcontext costs 179
// ns (two system calls), a std::barrier over OS threads 325 ns and up.
//
// This file is always compiled without -fsanitize: the sanitizers are told of each switch instead.
#include "fiber.h"
#include <cstring>
#include <pthread.h>
#include <sys/mman.h>
#include "async_copies.h"
#include "sanitizer.h"
#include "trace.h"

#if LUR_SANITIZE_ADDRESS
extern "C" {
void __sanitizer_start_switch_fiber(void**, const void*, size_t);
void __sanitizer_finish_switch_fiber(void*, const void**, size_t*);
}
#endif
#if LUR_SANITIZE_THREAD
extern "C" {
void* __tsan_get_current_fiber();
void* __tsan_create_fiber(unsigned);
void __tsan_destroy_fiber(void*);
void __tsan_switch_to_fiber(void*, unsigned);
void __tsan_acquire(void*);
void __tsan_release(void*);
}
#define LUR_RELEASE(p) __tsan_release(p)
#define LUR_ACQUIRE(p) __tsan_acquire(p)
#else
#define LUR_RELEASE(p) (void)(p)
#define LUR_ACQUIRE(p) (void)(p)
#endif

// lur_switch(save, to): keeps the callee-saved registers on the stack, stores it in *save and continues on `to`.
extern "C" void lur_switch(void** save, void* to);
asm(R"(
.text
.hidden lur_switch
.globl lur_switch
.type lur_switch,@function
.p2align 4
lur_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size lur_switch,.-lur_switch
)");

namespace lur {
namespace {

constexpr int maxThreads = 1024, warp = 32;
constexpr size_t guardBytes = 4096;

enum class State : unsigned char { Ready, AtBarrier, AtWarp, Done };

struct Fiber {
    void* stackPointer = nullptr;
    char* stack = nullptr; // above its guard page
    State state = State::Done;
    LurDim3 thread{};
    // Where it waits, and with what.
    const char* file = nullptr;
    int line = 0;
    LurExchange what = LurSyncWarp;
    unsigned mask = 0;
    int source = 0;
    unsigned long long value = 0;
    void (*work)(void* const*) = nullptr; // of LurTogether, for which value is the operands
    const char* name = nullptr;
    AsyncCopies copies;
    void *fake = nullptr, *tsan = nullptr; // the sanitizers' own
};

struct Warp {
    unsigned exists = 0, waiting = 0, done = 0; // bits by lane
    // Two objects in turn: with one, a thread that leaves a barrier late would acquire what an early one released at
    // the next barrier, and ThreadSanitizer would miss a write after read.
    char order[2];
    unsigned generation = 0;
};

struct Block {
    Fiber fibers[maxThreads], main;
    Warp warps[maxThreads / warp];
    int count = 0, current = 0, alive = 0, arrived = 0;
    char order[2], started, ended;
    unsigned generation = 0;
    size_t mainStackBytes = 0;
    const Launch* launch = nullptr;
    LurBuiltins* builtins = nullptr;
    Schedule schedule;
    unsigned random = 0;
    std::string problem;
    TraceRecorder recorder;

    Fiber& self() { return fibers[current]; }

    void jump(Fiber& from, Fiber& to, bool dying) {
#if LUR_SANITIZE_ADDRESS
        __sanitizer_start_switch_fiber(dying ? nullptr : &from.fake, to.stack,
                                       &to == &main ? mainStackBytes : fiberStackBytes);
#endif
#if LUR_SANITIZE_THREAD
        __tsan_switch_to_fiber(to.tsan, 1); // 1: a switch orders nothing
#endif
        (void)dying;
        lur_switch(&from.stackPointer, to.stackPointer);
#if LUR_SANITIZE_ADDRESS
        __sanitizer_finish_switch_fiber(from.fake, nullptr, nullptr);
#endif
    }

    // The first fiber that is ready, in the schedule's order. -1: none is.
    int pick(bool fromStart) {
        int first = 0, step = 1;
        if (schedule.order == Order::Random) {
            random = random * 1664525u + 1013904223u;
            first = (int)((random >> 8) % (unsigned)count);
        } else if (schedule.order == Order::Forward) {
            first = fromStart ? 0 : current + 1;
        } else {
            first = fromStart ? count - 1 : current - 1;
            step = -1;
        }
        for (int k = 0, i = first; k < count; k++, i += step) {
            i = i >= count ? i - count : i < 0 ? i + count : i;
            if (fibers[i].state == State::Ready) return i;
        }
        return -1;
    }

    void leave(bool dying, bool fromStart = false) {
        Fiber& from = self();
        const int next = pick(fromStart);
        if (next < 0) {
            if (alive) reportDeadlock();
            jump(from, main, dying);
        } else if (next != current) {
            current = next;
            builtins->thread = self().thread;
            jump(from, self(), dying);
        }
    }

    std::string name(const Fiber& f) const { return text("thread (%d,%d,%d)", f.thread.x, f.thread.y, f.thread.z); }
    static const char* operation(const Fiber& f) {
        return f.state == State::AtBarrier ? "__syncthreads()"
               : f.what == LurTogether     ? f.name
               : f.what == LurSyncWarp     ? "__syncwarp()"
               : f.what == LurShuffle      ? "a shuffle"
                                           : "a vote";
    }
    std::string waits(const Fiber& f) const {
        return text("waits at %s in %s:%d", operation(f), f.file ? f.file : "?", f.line);
    }

    void report(const std::string& what) {
        const LurDim3& b = builtins->block;
        problem = text("kernel %s, block (%d,%d,%d): %s", launch->function->kernel->name, b.x, b.y, b.z, what.c_str());
    }

    // Nobody can go on: name a waiting thread, and one that it waits for in vain.
    void reportDeadlock() {
        const Fiber *waiting = nullptr, *missing = nullptr;
        for (int i = 0; i < count && !waiting; i++)
            if (fibers[i].state == State::AtBarrier) waiting = &fibers[i];
        for (int i = 0; i < count && !waiting; i++)
            if (fibers[i].state == State::AtWarp) waiting = &fibers[i];
        for (int i = 0; i < count && !missing; i++) {
            const Fiber& f = fibers[i];
            const bool sameWarp = i / warp == (int)(waiting - fibers) / warp;
            if (&f == waiting || (waiting->state == State::AtWarp && !(sameWarp && waiting->mask >> i % warp & 1)))
                continue;
            if (f.state != waiting->state || f.mask != waiting->mask) missing = &f;
        }
        report("divergent barrier: " + name(*waiting) + " " + waits(*waiting) +
               (missing ? ", which " + name(*missing) + " never reaches: it " +
                              (missing->state == State::Done ? "has returned" : waits(*missing))
                        : std::string()));
    }

    // Ends the block from inside a fiber; the frames of the others are given up.
    [[noreturn]] void abandon() {
        jump(self(), main, true);
        __builtin_unreachable();
    }

    void barrier(const char* file, int line) {
        Fiber& me = self();
        char* const o = &order[generation & 1];
        LUR_RELEASE(o);
        me.state = State::AtBarrier;
        me.mask = 0;
        me.file = file, me.line = line;
        if (++arrived == count) {
            // All threads of the block, but at one barrier?
            for (int i = 0; i < count; i++)
                if (fibers[i].line != line || strcmp(fibers[i].file, file) != 0) {
                    report("divergent barrier: " + name(me) + " " + waits(me) + " while " + name(fibers[i]) + " " +
                           waits(fibers[i]));
                    abandon();
                }
            for (int i = 0; i < count; i++) fibers[i].state = State::Ready;
            if (recorder.recording()) recorder.flush();
            arrived = 0, generation++;
            leave(false, true);
        } else {
            leave(false);
        }
        LUR_ACQUIRE(o);
    }

    // Releases the waiting lanes of a warp whose mask is complete. Lanes that returned need not arrive, as on Volta and
    // later; a value read from one is undefined there and all ones (a NaN) here.
    bool complete(int w, unsigned mask) {
        Warp& p = warps[w];
        const unsigned needed = mask & p.exists & ~p.done;
        if ((p.waiting & needed) != needed || !needed) return false;
        Fiber* const lanes = &fibers[w * warp];
        unsigned ballot = 0;
        const LurExchange what = lanes[__builtin_ctz(needed)].what;
        for (int i = 0; i < warp; i++) {
            if (!(needed >> i & 1)) continue;
            if (lanes[i].mask != mask || lanes[i].what != what) return false;
            if (lanes[i].value) ballot |= 1u << i;
        }
        if (what == LurTogether && !runTogether(lanes, needed)) return false;
        unsigned long long values[warp];
        for (int i = 0; i < warp; i++) values[i] = needed >> i & 1 ? lanes[i].value : ~0ull;
        for (int i = 0; i < warp; i++) {
            if (!(needed >> i & 1)) continue;
            lanes[i].value = what == LurShuffle ? values[lanes[i].source & 31] : ballot;
            lanes[i].state = State::Ready;
        }
        p.waiting &= ~needed;
        p.generation++;
        return true;
    }

    // What tensor cores do with a warp: on all lanes or, for fewer, undefined.
    bool runTogether(Fiber* lanes, unsigned present) {
        const Fiber& first = lanes[__builtin_ctz(present)];
        if (present != ~0u) {
            report(name(first) +
                   text(" calls %s in %s:%d with %d of the 32 lanes of its warp; the others have returned or "
                        "do not exist",
                        first.name, first.file, first.line, __builtin_popcount(present)));
            abandon();
        }
        void* operands[warp];
        for (int i = 0; i < warp; i++) {
            if (lanes[i].work != first.work) return false;
            operands[i] = (void*)lanes[i].value;
        }
        first.work(operands);
        return true;
    }

    void together(void (*work)(void* const*), void* operands, const char* called, const char* file, int line) {
        self().work = work, self().name = called;
        exchange(LurTogether, ~0u, (unsigned long long)operands, 0, file, line);
    }

    void copyAsync(void* to, const void* from, int size, int filled, const char* file, int line) {
        const bool aligned = (uint64_t)to % (unsigned)size == 0 && (!filled || (uint64_t)from % (unsigned)size == 0);
        if (!aligned || filled < 0 || filled > size || (size != 4 && size != 8 && size != 16)) {
            report(name(self()) +
                   text(" copies %d of %d bytes asynchronously from 0x%llx to 0x%llx in %s:%d; the size is 4, "
                        "8 or 16, and both addresses are multiples of it",
                        filled, size, (unsigned long long)from, (unsigned long long)to, file, line));
            abandon();
        }
        if (launch->copied) *launch->copied = true;
        self().copies.add(to, from, size, filled, schedule.early);
    }

    unsigned long long exchange(LurExchange what, unsigned mask, unsigned long long value, int source, const char* file,
                                int line) {
        Fiber& me = self();
        const int w = current / warp, lane = current % warp;
        if (!(mask >> lane & 1)) {
            report(text("%s calls %s in %s:%d with the mask 0x%08x, which does not name its own lane %d",
                        name(me).c_str(),
                        what == LurSyncWarp  ? "__syncwarp()"
                        : what == LurShuffle ? "a shuffle"
                                             : "a vote",
                        file, line, mask, lane));
            abandon();
        }
        char* const o = &warps[w].order[warps[w].generation & 1];
        LUR_RELEASE(o);
        me.state = State::AtWarp;
        me.what = what, me.mask = mask, me.value = value, me.source = source, me.file = file, me.line = line;
        warps[w].waiting |= 1u << lane;
        complete(w, mask);
        leave(false, me.state == State::Ready);
        LUR_ACQUIRE(o);
        return me.value;
    }

    void finish() {
        Fiber& me = self();
        Warp& w = warps[current / warp];
        LUR_RELEASE(&ended);
        me.state = State::Done;
        alive--;
        w.done |= 1u << current % warp;
        for (unsigned rest = w.waiting; rest; rest &= rest - 1) {
            const int lane = __builtin_ctz(rest);
            if (w.waiting >> lane & 1) complete(current / warp, fibers[current / warp * warp + lane].mask);
        }
        leave(true);
        __builtin_unreachable();
    }

    void prepare(Fiber& f, int i, void (*entry)());
    void run(const Launch& l, long long block, const Schedule& s);
};

// Freed with its thread; workers live as long as the process.
thread_local Block* block;

Block& blockOfThread() {
    static thread_local const std::unique_ptr<Block> own(new Block);
    return *(block = own.get());
}

void enterFiber() {
#if LUR_SANITIZE_ADDRESS
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
    Block& b = *block;
    LUR_ACQUIRE(&b.started);
    b.launch->function->kernel->run(b.launch->arguments, &b.launch->grid, 0, 0);
    b.finish();
}

void Block::prepare(Fiber& f, int i, void (*entry)()) {
    if (!f.stack) {
        void* const p = mmap(nullptr, fiberStackBytes + guardBytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        mprotect(p, guardBytes, PROT_NONE);
        f.stack = (char*)p + guardBytes;
    }
#if LUR_SANITIZE_THREAD
    if (f.tsan && f.state != State::Done) { // abandoned: its shadow stack is of no use any more
        __tsan_destroy_fiber(f.tsan);
        f.tsan = nullptr;
    }
    if (!f.tsan) f.tsan = __tsan_create_fiber(0);
#endif
    // Stacks of equal size would put every fiber's frames into the same cache sets: shift them against each other.
    void** top = (void**)(f.stack + fiberStackBytes - 64 * (i % 32));
    *--top = nullptr; // the entry's return address; it never returns
    *--top = (void*)entry;
    for (int k = 0; k < 6; k++) *--top = nullptr;
    f.stackPointer = top;
    f.state = State::Ready;
    f.thread = unflatten(i, launch->block);
    f.mask = 0;
    f.copies.clear();
}

void Block::run(const Launch& l, long long index, const Schedule& s) {
    launch = &l, schedule = s;
    random = s.seed + (unsigned)index * 2654435761u + 1;
    count = alive = l.threads();
    arrived = 0;
    problem.clear();
    builtins = l.function->image->table->builtins();
    builtins->block = unflatten(index, l.grid);
    builtins->blockSize = l.block;
    builtins->gridSize = l.grid;
#if LUR_SANITIZE_ADDRESS
    if (!main.stack) {
        pthread_attr_t a;
        void* base;
        pthread_getattr_np(pthread_self(), &a);
        pthread_attr_getstack(&a, &base, &mainStackBytes);
        pthread_attr_destroy(&a);
        main.stack = (char*)base;
    }
#endif
#if LUR_SANITIZE_THREAD
    main.tsan = __tsan_get_current_fiber();
#endif
    for (int i = 0; i < count; i++) prepare(fibers[i], i, enterFiber);
    for (int w = 0; w * warp < count; w++) {
        warps[w].exists = count - w * warp >= warp ? ~0u : (1u << (count - w * warp)) - 1;
        warps[w].waiting = warps[w].done = 0;
    }
    LUR_RELEASE(&started);
    recorder.drop();
    if (l.trace && l.trace->isRecorded(index)) recorder.begin(l.trace, l, count);
    current = 0;
    current = pick(true);
    builtins->thread = self().thread;
    jump(main, self(), false);
    LUR_ACQUIRE(&ended);
    if (recorder.recording()) recorder.end();
}

void serveBarrier(const char* file, int line) { block->barrier(file, line); }
unsigned long long serveExchange(LurExchange what, unsigned mask, unsigned long long value, int source,
                                 const char* file, int line) {
    return block->exchange(what, mask, value, source, file, line);
}

void serveTogether(void (*work)(void* const*), void* operands, const char* name, const char* file, int line) {
    block->together(work, operands, name, file, line);
}
void serveCopyAsync(void* to, const void* from, int size, int filled, const char* file, int line) {
    block->copyAsync(to, from, size, filled, file, line);
}
void serveCommitCopies() { block->self().copies.commit(); }
void serveWaitCopies(int groups) { block->self().copies.wait(groups); }

void serveAccess(const void* address, int size, LurAccess kind, const void* place) {
    if (block->recorder.recording()) block->recorder.access(block->current, address, size, kind, place);
}

} // namespace

const LurServices& services() {
    static const LurServices s{serveBarrier,  serveExchange,  dynamicShared,     serveAccess,
                               serveTogether, serveCopyAsync, serveCommitCopies, serveWaitCopies};
    return s;
}

bool runFiberBlock(const Launch& l, long long index, const Schedule& schedule, std::string* problem) {
    Block& b = blockOfThread();
    b.run(l, index, schedule);
    *problem = b.problem;
    return b.problem.empty();
}

bool isFiberStackGuard(uint64_t address) {
    if (!block) return false;
    for (const Fiber& f : block->fibers)
        if (f.stack && address < (uint64_t)f.stack && address >= (uint64_t)f.stack - guardBytes) return true;
    return false;
}

} // namespace lur
