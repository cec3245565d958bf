// Memory that the caller names, touched from managed code: a fault there would end the process with a line on standard
// error, past any handler of the program.
#include "front.h"
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

// The system copies, and says so where there is no memory. Where it may not (a sandbox) it is copied as it is.
static int32_t front_move(char* own, char* caller, uint64_t count, bool write) {
    while (count > 0) {
        const struct iovec here = {own, count}, there = {caller, count};
        const ssize_t n = write ? process_vm_writev(getpid(), &here, 1, &there, 1, 0)
                                : process_vm_readv(getpid(), &here, 1, &there, 1, 0);
        if (n < 0 && errno != EFAULT) {
            memcpy(write ? caller : own, write ? own : caller, count);
            return 1;
        }
        if (n <= 0) return 0;
        own += n, caller += n, count -= (uint64_t)n;
    }
    return 1;
}

int32_t front_copy(void* to, uint64_t from, uint64_t count) {
    return front_move(to, (char*)(uintptr_t)from, count, false);
}

int32_t front_put(uint64_t to, void* from, uint64_t count) {
    return front_move(from, (char*)(uintptr_t)to, count, true);
}
