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
#else
#error "front/tls.c knows x86-64 only: see what the runtime's hijack does with returned floats on this machine."
#endif
