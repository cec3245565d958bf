// rounding.cuh - float to the number formats of tensor cores. NaN stays a NaN, infinities and zeros what they are; what
// is beyond the largest number becomes an infinity, and subnormal numbers stay.
#pragma once
#include "include/prelude.cuh"

#if defined(LUR_HOST)
// To the nearest, ties to even.
DEVICE unsigned short round_bf16(float x) {
    unsigned bits;
    __builtin_memcpy(&bits, &x, 4);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
    return (unsigned short)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
// To the nearest, ties away from zero: a float whose 13 low bits are 0.
DEVICE unsigned round_tf32(float x) {
    unsigned bits;
    __builtin_memcpy(&bits, &x, 4);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fffffffu;
    return (bits & 0x7fffffffu) == 0x7f800000u ? bits : (bits + 0x1000u) & 0xffffe000u;
}
#else
DEVICE unsigned short round_bf16(float x) {
    unsigned short bits;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return bits;
}
DEVICE unsigned round_tf32(float x) {
    unsigned bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return bits;
}
#endif
