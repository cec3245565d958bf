// math.h - elementary functions of the host builds.
//
// host_expf and host_logf are branch-free, so that a loop over them vectorises: libm's expf is a call and costs a
// factor 3 to 4 in SiLU or softmax. Both follow the classic reduction and coefficients of Moshier's Cephes
// (expf.c, logf.c, single precision). Infinities, NaN, zeros and denormals come out as C99 Annex F asks.
//
// The kernels are compiled with -fassociative-math. It would merge the two halves of the reduction by ln 2 into one
// product and lose the extra digits, hence the fused operations or, without FMA, LUR_FENCE.
#pragma once

#if defined(__clang__)
#define LUR_FENCE(x) (x)
#define LUR_EXACT _Pragma("clang fp reassociate(off)")
#else
// Not __builtin_assoc_barrier, which GCC's vectoriser drops. Weak: what the mask is, the compiler cannot know.
__attribute__((weak)) unsigned lur_all_bits = ~0u;
#define LUR_FENCE(x) lur_bits_to_float(lur_float_to_bits(x) & lur_all_bits)
#define LUR_EXACT
#endif

#if defined(__FMA__)
#define LUR_FMAF(a, b, c) __builtin_fmaf(a, b, c)
#else
#define LUR_FMAF(a, b, c) ((a) * (b) + (c))
#endif

#define LUR_INLINE static inline __attribute__((always_inline))

LUR_INLINE float lur_bits_to_float(unsigned bits) {
    float x;
    __builtin_memcpy(&x, &bits, 4);
    return x;
}
LUR_INLINE unsigned lur_float_to_bits(float x) {
    unsigned bits;
    __builtin_memcpy(&bits, &x, 4);
    return bits;
}

// exp(x) = 2^n exp(r), |r| <= ln(2) / 2. The scale is applied in two factors, so that n = 128 overflows to infinity and
// n < -126 runs through the denormals to zero. The first is added to the exponent: a product of three would be
// reassociated.
LUR_INLINE float host_expf(float x) {
    LUR_EXACT
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x; // comparisons are false for NaN, which stays
    const float t = x * 1.44269504088896341f;
    const int n = (int)(t + (t < 0.0f ? -0.5f : 0.5f));
    const float f = (float)n;
    float r = LUR_FENCE(LUR_FMAF(f, -0.693359375f, x));
    r = LUR_FMAF(f, 2.12194440e-4f, r);
    float p = 1.9875691500e-4f;
    p = LUR_FMAF(p, r, 1.3981999507e-3f);
    p = LUR_FMAF(p, r, 8.3334519073e-3f);
    p = LUR_FMAF(p, r, 4.1665795894e-2f);
    p = LUR_FMAF(p, r, 1.6666665459e-1f);
    p = LUR_FMAF(p, r, 5.0000001201e-1f);
    p = LUR_FMAF(p, r * r, r) + 1.0f;
    const int half = n >> 1;
    const float low = lur_bits_to_float(lur_float_to_bits(p) + ((unsigned)half << 23));
    return low * lur_bits_to_float((unsigned)(n - half + 127) << 23);
}

// log(x) = e ln 2 + log(m), m in [sqrt(1/2), sqrt(2)).
LUR_INLINE float host_logf(float x) {
    LUR_EXACT
    const bool tiny = x < 1.17549435e-38f; // denormals are scaled by 2^23 first
    const float scaled = tiny ? x * 8388608.0f : x;
    const unsigned bits = lur_float_to_bits(scaled) - 0x3f3504f3u; // sqrt(1/2)
    const int e = (int)bits >> 23;
    const float m = lur_bits_to_float((bits & 0x007fffffu) + 0x3f3504f3u);
    const float f = (float)(tiny ? e - 23 : e);
    const float r = m - 1.0f, z = r * r;
    float p = 7.0376836292e-2f;
    p = LUR_FMAF(p, r, -1.1514610310e-1f);
    p = LUR_FMAF(p, r, 1.1676998740e-1f);
    p = LUR_FMAF(p, r, -1.2420140846e-1f);
    p = LUR_FMAF(p, r, 1.4249322787e-1f);
    p = LUR_FMAF(p, r, -1.6668057665e-1f);
    p = LUR_FMAF(p, r, 2.0000714765e-1f);
    p = LUR_FMAF(p, r, -2.4999993993e-1f);
    p = LUR_FMAF(p, r, 3.3333331174e-1f);
    float y = LUR_FENCE(p * z) * r;
    y = LUR_FENCE(LUR_FMAF(f, -2.12194440e-4f, y));
    y = LUR_FENCE(LUR_FMAF(z, -0.5f, y));
    y = LUR_FENCE(LUR_FENCE(r + y) + f * 0.693359375f);
    y = x > 3.40282347e38f ? x : y;        // +infinity
    y = x == 0.0f ? -__builtin_inff() : y; // both zeros
    y = x < 0.0f ? __builtin_nanf("") : y;
    return x == x ? y : x;
}
// erfc(|x|) = exp(-x^2) t P(t), t = 1 / (1 + 0.35 |x|); P interpolates at the Chebyshev nodes of t: 5 u, and the tail's
// digits but for the rounding of x^2.
LUR_INLINE float host_erfcf(float x) {
    LUR_EXACT
    const float a = __builtin_fabsf(x), t = 1.0f / LUR_FMAF(0.35f, a, 1.0f);
    float p = 4.2600356e-2f;
    p = LUR_FMAF(p, t, -1.8194012e-1f);
    p = LUR_FMAF(p, t, 2.3625372e-1f);
    p = LUR_FMAF(p, t, -1.0197818e-1f);
    p = LUR_FMAF(p, t, 1.5005045e-1f);
    p = LUR_FMAF(p, t, 1.1140176e-1f);
    p = LUR_FMAF(p, t, 1.6347498e-1f);
    p = LUR_FMAF(p, t, 1.8519929e-1f);
    p = LUR_FMAF(p, t, 1.9747145e-1f);
    p = LUR_FMAF(p, t, 1.9746633e-1f);
    const float tail = host_expf(-a * a) * (p * t);
    return x < 0.0f ? 2.0f - tail : tail;
}
// Double precision is for checks: libm is right and its speed does not matter.
LUR_INLINE double host_exp(double x) { return __builtin_exp(x); }
LUR_INLINE double host_log(double x) { return __builtin_log(x); }

// CUDA's names. NVRTC knows them without any header, and so does this shim.
#define LUR_MATH1(name)                                                                                                \
    LUR_INLINE float name##f(float x) { return __builtin_##name##f(x); }                                               \
    LUR_INLINE double name(double x) { return __builtin_##name(x); }                                                   \
    LUR_INLINE float name(float x) { return __builtin_##name##f(x); }
#define LUR_MATH2(name)                                                                                                \
    LUR_INLINE float name##f(float x, float y) { return __builtin_##name##f(x, y); }                                   \
    LUR_INLINE double name(double x, double y) { return __builtin_##name(x, y); }                                      \
    LUR_INLINE float name(float x, float y) { return __builtin_##name##f(x, y); }
// clang-format off
LUR_MATH1(sqrt) LUR_MATH1(cbrt) LUR_MATH1(fabs) LUR_MATH1(floor) LUR_MATH1(ceil) LUR_MATH1(trunc) LUR_MATH1(round)
LUR_MATH1(rint) LUR_MATH1(sin) LUR_MATH1(cos) LUR_MATH1(tan) LUR_MATH1(asin) LUR_MATH1(acos) LUR_MATH1(atan)
LUR_MATH1(sinh) LUR_MATH1(cosh) LUR_MATH1(tanh) LUR_MATH1(erf) LUR_MATH1(erfc) LUR_MATH1(exp2) LUR_MATH1(expm1)
LUR_MATH1(log2) LUR_MATH1(log10) LUR_MATH1(log1p) LUR_MATH1(lgamma) LUR_MATH1(tgamma)
LUR_MATH2(pow) LUR_MATH2(fmod) LUR_MATH2(fmax) LUR_MATH2(fmin) LUR_MATH2(atan2) LUR_MATH2(hypot) LUR_MATH2(copysign)
    // clang-format on
    LUR_INLINE float expf(float x) {
    return host_expf(x);
}
LUR_INLINE float exp(float x) { return host_expf(x); }
LUR_INLINE double exp(double x) { return __builtin_exp(x); }
LUR_INLINE float logf(float x) { return host_logf(x); }
LUR_INLINE float log(float x) { return host_logf(x); }
LUR_INLINE double log(double x) { return __builtin_log(x); }
LUR_INLINE float __expf(float x) { return host_expf(x); }
LUR_INLINE float __logf(float x) { return host_logf(x); }
LUR_INLINE float __fdividef(float x, float y) { return x / y; }
LUR_INLINE float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }
LUR_INLINE float fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
LUR_INLINE double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
LUR_INLINE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
LUR_INLINE float rsqrtf(float x) { return 1.0f / __builtin_sqrtf(x); }
LUR_INLINE float rsqrt(float x) { return 1.0f / __builtin_sqrtf(x); }
LUR_INLINE double rsqrt(double x) { return 1.0 / __builtin_sqrt(x); }
LUR_INLINE bool isnan(float x) { return x != x; }
LUR_INLINE bool isnan(double x) { return x != x; }
LUR_INLINE bool isinf(float x) { return __builtin_fabsf(x) > 3.40282347e38f; }
LUR_INLINE bool isinf(double x) { return __builtin_fabs(x) > 1.7976931348623157e308; }
LUR_INLINE bool isfinite(float x) { return __builtin_fabsf(x) <= 3.40282347e38f; }
LUR_INLINE bool isfinite(double x) { return __builtin_fabs(x) <= 1.7976931348623157e308; }
LUR_INLINE int abs(int x) { return x < 0 ? -x : x; }
LUR_INLINE float abs(float x) { return __builtin_fabsf(x); }
LUR_INLINE double abs(double x) { return __builtin_fabs(x); }
#define LUR_MINMAX(T)                                                                                                  \
    LUR_INLINE T min(T a, T b) { return b < a ? b : a; }                                                               \
    LUR_INLINE T max(T a, T b) { return a < b ? b : a; }
// clang-format off
LUR_MINMAX(int) LUR_MINMAX(unsigned) LUR_MINMAX(long) LUR_MINMAX(unsigned long) LUR_MINMAX(long long)
LUR_MINMAX(unsigned long long) LUR_MINMAX(float) LUR_MINMAX(double)
    // clang-format on

    LUR_INLINE int __float_as_int(float x) {
    return (int)lur_float_to_bits(x);
}
LUR_INLINE unsigned __float_as_uint(float x) { return lur_float_to_bits(x); }
LUR_INLINE float __int_as_float(int x) { return lur_bits_to_float((unsigned)x); }
LUR_INLINE float __uint_as_float(unsigned x) { return lur_bits_to_float(x); }
LUR_INLINE long long __double_as_longlong(double x) {
    long long bits;
    __builtin_memcpy(&bits, &x, 8);
    return bits;
}
LUR_INLINE double __longlong_as_double(long long bits) {
    double x;
    __builtin_memcpy(&x, &bits, 8);
    return x;
}
LUR_INLINE unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((unsigned long long)a * b >> 32); }
LUR_INLINE int __popc(unsigned x) { return __builtin_popcount(x); }
LUR_INLINE int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
LUR_INLINE int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
LUR_INLINE int __ffs(int x) { return __builtin_ffs(x); }
