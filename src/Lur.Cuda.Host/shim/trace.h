// trace.h - what the compiler's memory-access instrumentation calls, when kernels are compiled to be traced.
//
// The pass of ThreadSanitizer announces each load and store that can reach memory of others, after the optimiser has
// merged what it can and before it vectorises: about what a GPU's compiler leaves. Its runtime is not linked; the
// functions are here, and hand the address on with the place of the access.
#pragma once
#define LUR_UNTRACED __attribute__((no_sanitize("thread"), noinline))

extern "C" {
#define LUR_TRACED(n)                                                                                                  \
    LUR_UNTRACED void __tsan_read##n(void* p) { lur_services->access(p, n, LurRead, __builtin_return_address(0)); }    \
    LUR_UNTRACED void __tsan_write##n(void* p) { lur_services->access(p, n, LurWrite, __builtin_return_address(0)); }
#define LUR_TRACED_UNALIGNED(n)                                                                                        \
    LUR_UNTRACED void __tsan_unaligned_read##n(void* p) {                                                              \
        lur_services->access(p, n, LurRead, __builtin_return_address(0));                                              \
    }                                                                                                                  \
    LUR_UNTRACED void __tsan_unaligned_write##n(void* p) {                                                             \
        lur_services->access(p, n, LurWrite, __builtin_return_address(0));                                             \
    }
LUR_TRACED(1)
LUR_TRACED(2)
LUR_TRACED(4)
LUR_TRACED(8)
LUR_TRACED(16)
LUR_TRACED_UNALIGNED(2)
LUR_TRACED_UNALIGNED(4)
LUR_TRACED_UNALIGNED(8)
LUR_TRACED_UNALIGNED(16)
LUR_UNTRACED void __tsan_read_range(void* p, long n) {
    lur_services->access(p, (int)n, LurRead, __builtin_return_address(0));
}
LUR_UNTRACED void __tsan_write_range(void* p, long n) {
    lur_services->access(p, (int)n, LurWrite, __builtin_return_address(0));
}
LUR_UNTRACED void __tsan_init() {}
LUR_UNTRACED void __tsan_func_entry(void*) {}
#ifdef __clang__ // each compiler knows the signature that it calls
LUR_UNTRACED void __tsan_func_exit() {}
// Clang copies structures by calling memcpy, which its pass does not announce.
LUR_UNTRACED void* memcpy(void* to, const void* from, size_t n) {
    lur_services->access(from, (int)n, LurRead, __builtin_return_address(0));
    lur_services->access(to, (int)n, LurWrite, __builtin_return_address(0));
    void* d = to;
    asm volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n) : : "memory");
    return to;
}
#else
LUR_UNTRACED void __tsan_func_exit(void*) {}
#endif
}
