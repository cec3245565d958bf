// mma.cuh - tensor cores, ldmatrix, and asynchronous copies, sm_80 and up.
//
// A granule is 16 bytes of a row: 8 bf16 or 4 TF32. ldmatrix moves granules, and gives a lane of a warp the same 4
// bytes of them whatever they hold, so that the fragments of m16n8k16 (bf16) and m16n8k8 (TF32) are the same registers:
//   a   16 rows x 2 granules    a[0] rows 0-7, a[1] rows 8-15, a[2] and a[3] the same of the second granule
//   b   8 columns x 2 granules  b[0] and b[1]
//   d   16 x 8 float            d[0], d[1] row lane / 4, columns 2 (lane % 4) and the next; d[2], d[3] row + 8
// All lanes of a warp call mma and load_granules together. On a GPU they are PTX instructions (NVIDIA, "Parallel Thread
// Execution ISA", mma and ldmatrix); the host driver's fibers carry them out (src/Lur.Cuda.Host/shim/tensor.h).
//
// copy_async lands at the wait of its group and not before: copies, then commit_copies(), then wait_copies<N>(), which
// leaves the N newest groups under way. Other threads see them behind a barrier that follows the wait.
#pragma once
#include "include/prelude.cuh"

// Threads of a block of tensor-core kernels: four warps, which may have 255 registers a thread.
#define MMA_THREADS 128

struct alignas(16) Granule {
    unsigned word[4];
};

// Number formats: how many of them a granule has.
struct Bf16 {
    static constexpr int per_granule = 8;
};
struct Tf32 {
    static constexpr int per_granule = 4;
};

#if !defined(LUR_HOST)
// Blocks have MMA_THREADS threads: more registers than prelude.cuh's bound leaves.
#undef KERNEL
#define KERNEL extern "C" __global__ __launch_bounds__(MMA_THREADS) void

DEVICE unsigned shared_address(const void* p) { return (unsigned)__cvta_generic_to_shared(p); }

// d += a b
DEVICE void mma(Bf16, float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
DEVICE void mma(Tf32, float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// 1, 2 or 4 matrices of 8 granules in shared memory; lanes 8 i to 8 i + 7 name the granules of matrix i. r[i] is then
// of granule lane / 4 the word lane % 4; TRANSPOSED, of 2-byte elements, those of granules 2 (lane % 4) and the next at
// place lane / 4.
template <int COUNT, bool TRANSPOSED> DEVICE void load_granules(unsigned* r, const Granule* row) {
    const unsigned p = shared_address(row);
    if (COUNT == 4 && TRANSPOSED)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(p));
    else if (COUNT == 4)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                     : "r"(p));
    else if (COUNT == 2 && TRANSPOSED)
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];"
                     : "=r"(r[0]), "=r"(r[1])
                     : "r"(p));
    else if (COUNT == 2)
        asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(p));
    else if (TRANSPOSED)
        asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];" : "=r"(r[0]) : "r"(p));
    else
        asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(r[0]) : "r"(p));
}

// Copies `filled` of BYTES (4, 8 or 16) bytes to shared memory; the others become zeros. 16 bytes pass by the
// first-level cache.
template <int BYTES> DEVICE void copy_async(void* to, const void* from, int filled) {
    if (BYTES == 16)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(filled)
                     : "memory");
    else
        asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared_address(to)), "l"(from), "n"(BYTES),
                     "r"(filled)
                     : "memory");
}
DEVICE void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int LEFT> DEVICE void wait_copies() { asm volatile("cp.async.wait_group %0;" ::"n"(LEFT) : "memory"); }
#elif !LUR_HOST_LANE
#define LUR_CALLER const char *file = __builtin_FILE(), int line = __builtin_LINE()
DEVICE void mma_together(void (*work)(void* const*), float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                         const char* file, int line) {
    LurMma o = {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}, {d[0], d[1], d[2], d[3]}};
    lur_services->together(work, &o, "mma", file, line);
    for (int i = 0; i < 4; i++) d[i] = o.c[i];
}
DEVICE void mma(Bf16, float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], LUR_CALLER) {
    mma_together(lur_mma_bf16, d, a, b, file, line);
}
DEVICE void mma(Tf32, float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], LUR_CALLER) {
    mma_together(lur_mma_tf32, d, a, b, file, line);
}
template <int COUNT, bool TRANSPOSED> DEVICE void load_granules(unsigned* r, const Granule* row, LUR_CALLER) {
    LurLoadMatrix o = {row, {}};
    lur_announce_row(row);
    lur_services->together(lur_load_matrix<COUNT, TRANSPOSED>, &o, "load_granules", file, line);
    for (int i = 0; i < COUNT; i++) r[i] = o.r[i];
}
template <int BYTES> DEVICE void copy_async(void* to, const void* from, int filled, LUR_CALLER) {
    lur_copy_async(to, from, BYTES, filled, file, line);
}
DEVICE void commit_copies() { lur_services->commitCopies(); }
template <int LEFT> DEVICE void wait_copies() { lur_services->waitCopies(LEFT); }
#endif
