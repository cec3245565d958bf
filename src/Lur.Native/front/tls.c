// Floats that managed code returns survive a collection.
//
// To stop a thread for a collection the runtime puts a routine of its own in the place of a return address. That
// routine finds the thread's record by __tls_get_addr, and takes for granted that the returned float, in xmm0 and xmm1,
// stays. So it does in a program, where the linker puts the address in, and nearly always in a library. But the first
// such call of a thread after some library with thread-local variables was loaded brings the thread's table up to date,
// with malloc and memcpy, and a float is lost: of 120 jobs 5 were fed an image with wrong pixels, while kernels were
// loaded. The library is therefore linked with --wrap=__tls_get_addr.
#if defined(__x86_64__)
__asm__(".text\n"
        ".globl __wrap___tls_get_addr\n"
        ".hidden __wrap___tls_get_addr\n"
        ".type __wrap___tls_get_addr, @function\n"
        "__wrap___tls_get_addr:\n"
        ".cfi_startproc\n"
        "    subq $40, %rsp\n"
        ".cfi_def_cfa_offset 48\n"
        "    movups %xmm0, (%rsp)\n"
        "    movups %xmm1, 16(%rsp)\n"
        "    call __real___tls_get_addr@PLT\n"
        "    movups (%rsp), %xmm0\n"
        "    movups 16(%rsp), %xmm1\n"
        "    addq $40, %rsp\n"
        ".cfi_def_cfa_offset 8\n"
        "    ret\n"
        ".cfi_endproc\n"
        ".size __wrap___tls_get_addr, . - __wrap___tls_get_addr\n"
        ".section .note.GNU-stack,\"\",@progbits\n"
        ".text\n");

// The runtime's own threads have room for what they do, and none for thread-local variables of the program, which glibc
// puts on the same stack: from 256 kB of them on such a thread cannot be made, and the process ends with a text. What
// glibc needs beyond its least is added (--wrap=pthread_attr_setstacksize).
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <unistd.h>

int __real_pthread_attr_setstacksize(pthread_attr_t* attributes, size_t size);
int __wrap_pthread_attr_setstacksize(pthread_attr_t* attributes, size_t size);

__attribute__((visibility("hidden"))) int __wrap_pthread_attr_setstacksize(pthread_attr_t* attributes, size_t size) {
    size_t (*least)(const pthread_attr_t*);
    // A function of glibc that has no header; without it the size is what it was.
    *(void**)&least = dlsym(RTLD_DEFAULT, "__pthread_get_minstack");
    const size_t plain = (size_t)sysconf(_SC_THREAD_STACK_MIN);
    const size_t own = least ? least(attributes) : 0;
    return __real_pthread_attr_setstacksize(attributes, own > plain ? size + own - plain : size);
}
#else
#error "front/tls.c knows x86-64 only: see what the runtime's hijack does with returned floats on this machine."
#endif
