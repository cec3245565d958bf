// fault.h - a bad access in a kernel becomes an error code instead of the end of the process.
#pragma once
#include <cstdint>

namespace lur {

struct Fault {
    uint64_t address = 0;
    bool write = false, known = false; // known: the CPU told the address
};

// Installs the handlers of SIGSEGV and SIGBUS once. Faults outside runGuarded go to the handlers found before.
void installFaultHandler();

// Calls body(argument). False when a fault ended it; the frames of body are abandoned, not unwound.
bool runGuarded(void (*body)(void*), void* argument, Fault* fault);

} // namespace lur
