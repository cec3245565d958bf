// image_abi.h - what the driver and a compiled kernel image know of each other.
//
// Included by both sides, so it includes nothing itself. A change here changes the hash in nvrtcVersion's minor number
// and with it the key of every cached image.
#pragma once

// int, not unsigned: unsigned index arithmetic wraps by definition and keeps g++ from vectorising the loops over it.
struct LurDim3 {
    int x, y, z;
};

// CUDA's built-in variables. One object per OS thread lives in the image's thread-local storage.
struct LurBuiltins {
    LurDim3 thread, block, blockSize, gridSize;
};

enum LurExchange { LurSyncWarp, LurShuffle, LurBallot, LurTogether };
enum LurAccess { LurRead, LurWrite, LurAtomic };

// What an image asks of the driver. The location is that of the call in the user's source.
struct LurServices {
    void (*barrier)(const char* file, int line);
    // All lanes named in mask meet. Shuffle: the value of lane `source`; Ballot: one bit per lane whose value is not 0.
    unsigned long long (*exchange)(LurExchange what, unsigned mask, unsigned long long value, int source,
                                   const char* file, int line);
    void* (*dynamicShared)();
    // Traced images: an access of the calling thread, before it is made; `place` tells instructions apart.
    void (*access)(const void* address, int size, LurAccess kind, const void* place);
    // All 32 lanes meet; one of them runs `work` on what each of them brought, by lane.
    void (*together)(void (*work)(void* const* operands), void* operands, const char* name, const char* file, int line);
    // An asynchronous copy of the calling thread: read here, written when its group is waited for. `filled` bytes are
    // copied, the others of `size` are zeros.
    void (*copyAsync)(void* to, const void* from, int size, int filled, const char* file, int line);
    void (*commitCopies)();
    void (*waitCopies)(int groups); // until so many of the newest groups are left
};

struct LurParameter {
    unsigned short size, alignment;
};

struct LurKernel {
    const char* name;
    int parameterCount;
    const LurParameter* parameters;
    // Lane image: runs blocks [first, last) of the grid. Fiber image: runs the body of the calling thread, once.
    void (*run)(void* const* arguments, const LurDim3* grid, long long first, long long last);
};

// Traced: a fiber image that announces its accesses to memory.
enum LurMode { LurLane = 0, LurFiber = 1, LurTraced = 2 };

struct LurImage {
    int mode, level;
    int kernelCount;
    const LurKernel* kernels;
    LurBuiltins* (*builtins)(); // of the calling OS thread
    void (*bind)(const LurServices*);
};
