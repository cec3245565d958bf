// fiber.h - one block of a fiber launch: every CUDA thread is a fiber on the calling OS thread.
#pragma once
#include "execute.h"

namespace lur {

// True when the address lies in the guard page below the stack of a fiber of this OS thread.
bool isFiberStackGuard(uint64_t address);
constexpr size_t fiberStackBytes = 128 << 10;

} // namespace lur
