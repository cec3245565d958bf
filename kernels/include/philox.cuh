// philox.cuh - counter-based random numbers (Philox4x32-10).
//
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. The round and key
// constants are those of the paper; the known-answer vectors of its reference distribution are in the tests.
// A draw is a pure function of (seed, stream, index): no state, so any thread may draw any number, a resumed run
// continues exactly, and the C# RandomStream gives the same bits.
#pragma once
#include "include/prelude.cuh"

struct Philox4 {
    unsigned x, y, z, w;
};

DEVICE unsigned philox_mulhi(unsigned a, unsigned b) { return (unsigned)(((unsigned long long)a * b) >> 32); }

DEVICE Philox4 philox4x32(unsigned long long seed, unsigned long long stream, unsigned long long index) {
    unsigned k0 = (unsigned)seed, k1 = (unsigned)(seed >> 32);
    Philox4 c = {(unsigned)index, (unsigned)(index >> 32), (unsigned)stream, (unsigned)(stream >> 32)};
#pragma unroll
    for (int round = 0; round < 10; round++) {
        const unsigned h0 = philox_mulhi(0xD2511F53u, c.x), l0 = 0xD2511F53u * c.x;
        const unsigned h1 = philox_mulhi(0xCD9E8D57u, c.z), l1 = 0xCD9E8D57u * c.z;
        c = {h1 ^ c.y ^ k0, l1, h0 ^ c.w ^ k1, l0};
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return c;
}

// Uniform in [0, 1): the top 24 bits, exact in float and the same in double.
DEVICE float philox_uniform(unsigned bits) { return (float)(bits >> 8) * 5.9604644775390625e-8f; }
// Uniform integer in [0, n) by multiply-shift (Lemire 2019 without rejection: bias below n / 2^32).
DEVICE int philox_below(unsigned bits, int n) { return (int)philox_mulhi(bits, (unsigned)n); }
