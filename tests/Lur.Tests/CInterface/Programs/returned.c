/* Built with front/tls.c: a __tls_get_addr that loses every float leaves what a function returned, as in that file. */
#include <stdint.h>
#include <string.h>

/* rax: the address asked for and one; everything that a caller may not count on is lost. */
__asm__(".globl __real___tls_get_addr\n"
        "__real___tls_get_addr:\n"
        "    leaq 1(%rdi), %rax\n"
        "    pcmpeqd %xmm0, %xmm0\n"
        "    pcmpeqd %xmm1, %xmm1\n"
        "    xorl %ecx, %ecx\n    xorl %edx, %edx\n    xorl %esi, %esi\n    xorl %edi, %edi\n"
        "    ret\n");

int main(void) {
    const float before[8] = {1.5f, -2.25f, 3e-40f, 4e30f, 5, 6, 7, 8};
    float after[8];
    uintptr_t address;
    __asm__ volatile("movups (%[from]), %%xmm0\n movups 16(%[from]), %%xmm1\n"
                     "movq %%rsp, %%rbx\n andq $-16, %%rsp\n"
                     "movq %[asked], %%rdi\n call __wrap___tls_get_addr\n"
                     "movq %%rbx, %%rsp\n"
                     "movups %%xmm0, (%[to])\n movups %%xmm1, 16(%[to])\n"
                     : "=&a"(address)
                     : [from] "r"(before), [to] "r"(after), [asked] "r"((uintptr_t)4096)
                     : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "memory");
    return memcmp(before, after, sizeof after) != 0 ? 1 : address != 4097 ? 2 : 0;
}
