// mma_tile.cuh - tiles of tensor-core products: 128 x 64 results of a block of four warps.
#pragma once
#include "include/mma.cuh"

#define STAGES 3 // steps in shared memory: one in use, the others on their way
#define LONG 128
#define SHORT 64

struct alignas(2 * sizeof(real)) RealPair {
    real x, y;
};

// Two neighbouring results, of which the first `valid` exist; as one access where `paired`.
DEVICE void store_pair(real* out, float x, float y, int valid, bool paired, bool add) {
    if (paired && valid >= 2) {
        RealPair old = {0, 0};
        if (add) old = *(const RealPair*)out;
        *(RealPair*)out = {old.x + (real)x, old.y + (real)y};
        return;
    }
    if (valid >= 1) out[0] = add ? out[0] + (real)x : (real)x;
    if (valid >= 2) out[1] = add ? out[1] + (real)y : (real)y;
}
DEVICE bool pairs(const real* out, int row) { return row % 2 == 0 && (unsigned long long)out % sizeof(RealPair) == 0; }
