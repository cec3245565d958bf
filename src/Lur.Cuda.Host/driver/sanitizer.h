// sanitizer.h - what the sanitizer builds of the driver's tests change. See tests/build-tests.sh.
#pragma once

// Set on the command line together with -fsanitize=address or =thread. The driver then compiles kernels with the same
// flag, leaves SIGSEGV to the sanitizer, and tells it about every switch of stacks.
#ifndef LUR_SANITIZE_ADDRESS
#define LUR_SANITIZE_ADDRESS 0
#endif
#ifndef LUR_SANITIZE_THREAD
#define LUR_SANITIZE_THREAD 0
#endif
#define LUR_SANITIZED (LUR_SANITIZE_ADDRESS || LUR_SANITIZE_THREAD)
