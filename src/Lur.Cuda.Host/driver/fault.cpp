#include "fault.h"
#include <cstring>
#include <mutex>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "sanitizer.h"

// lur_guarded_call(save, body, argument): stores the stack pointer in *save, calls body(argument), returns 0.
// lur_landing_pad: entered from the signal handler with the stack pointer of *save; returns 1 from lur_guarded_call.
// The handler edits the interrupted context and returns: the kernel then restores the signal mask and leaves the
// alternate stack. A longjmp out of the handler would do neither.
extern "C" int lur_guarded_call(void** save, void (*body)(void*), void* argument);
extern "C" void lur_landing_pad();
asm(R"(
.text
.hidden lur_guarded_call
.globl lur_guarded_call
.type lur_guarded_call,@function
.p2align 4
lur_guarded_call:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    subq $8, %rsp
    movq %rsp, (%rdi)
    movq %rdx, %rdi
    call *%rsi
    xorl %eax, %eax
    jmp 1f
.hidden lur_landing_pad
.globl lur_landing_pad
lur_landing_pad:
    cld
    movl $1, %eax
1:
    addq $8, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size lur_guarded_call,.-lur_guarded_call
)");

namespace lur {
namespace {

struct Guard {
    void* stack;
    Fault fault;
    Guard* outer;
};

// initial-exec: the handler must not be the one who makes the dynamic loader allocate this thread's block.
__attribute__((tls_model("initial-exec"))) thread_local Guard* active = nullptr;

struct sigaction previous[2];

void handle(int number, siginfo_t* info, void* context) {
    const bool sent = info->si_code <= 0; // by raise or kill: no fault of a kernel, wherever it meets this thread
    if (Guard* g = sent ? nullptr : active) {
        ucontext_t* const u = (ucontext_t*)context;
        // Bit 1 of the page-fault error code: write. A non-canonical address is reported without its value.
        g->fault.address = (uint64_t)info->si_addr;
        g->fault.write = u->uc_mcontext.gregs[REG_ERR] & 2;
        g->fault.known = info->si_code > 0 && info->si_code != SI_KERNEL;
        u->uc_mcontext.gregs[REG_RSP] = (greg_t)g->stack;
        u->uc_mcontext.gregs[REG_RIP] = (greg_t)&lur_landing_pad;
        return;
    }
    struct sigaction& old = previous[number == SIGBUS];
    if (old.sa_flags & SA_SIGINFO)
        old.sa_sigaction(number, info, context);
    else if (old.sa_handler == SIG_IGN && sent)
        return;
    else if (old.sa_handler == SIG_DFL || old.sa_handler == SIG_IGN) {
        signal(number, SIG_DFL); // the access is repeated and ends the process, with a core as usual
        if (sent) raise(number);
    } else
        old.sa_handler(number);
}

// A worker's kernel may have run off its stack: the handler needs another one. .NET gives its threads one already.
void ensureAlternateStack() {
    static thread_local bool done;
    if (done) return;
    done = true;
    stack_t s{};
    if (sigaltstack(nullptr, &s) == 0 && !(s.ss_flags & SS_DISABLE)) return;
    s.ss_size = 64 << 10;
    s.ss_sp = mmap(nullptr, s.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    s.ss_flags = 0;
    if (s.ss_sp != MAP_FAILED) sigaltstack(&s, nullptr);
}

} // namespace

void installFaultHandler() {
#if !LUR_SANITIZED
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction a {};
        a.sa_sigaction = handle;
        a.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigemptyset(&a.sa_mask);
        sigaction(SIGSEGV, &a, &previous[0]);
        sigaction(SIGBUS, &a, &previous[1]);
    });
#endif
}

bool runGuarded(void (*body)(void*), void* argument, Fault* fault) {
    ensureAlternateStack();
    Guard g{nullptr, {}, active};
    active = &g;
    const bool faulted = lur_guarded_call(&g.stack, body, argument);
    active = g.outer;
    if (faulted) *fault = g.fault;
    return !faulted;
}

} // namespace lur
