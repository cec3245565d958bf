// Panels as in Goto, van de Geijn, "Anatomy of high-performance matrix multiplication", 2008: both factors are packed
// in pairs of k, which is what VDPBF16PS multiplies; 32 x 12 sums of a tile stay in 24 registers.
#include "bf16_product.h"
#include <cstdint>
#include <immintrin.h>
#include <vector>

namespace lur {
namespace {

#define LUR_BF16_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))

constexpr int tileM = 32, tileN = 12, depth = 512; // a panel of A is 32 KiB, one of B 12
constexpr int blockM = 256;                        // panels of A that stay in the second-level cache

// A factor as `width` rows of a panel: element (i, p) lies at from[i rowStep + p kStep].
struct Factor {
    const float* from;
    long long rowStep, kStep;
};

// 16 numbers of k = p and of k = p + 1, as pairs.
LUR_BF16_TARGET __m512i paired(__m512 even, __m512 odd) {
    alignas(64) static const uint16_t order[32] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                   8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    return _mm512_permutexvar_epi16(_mm512_load_si512(order), (__m512i)_mm512_cvtne2ps_pbh(odd, even));
}

LUR_BF16_TARGET __mmask16 first(int n) { return n >= 16 ? (__mmask16)0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1); }

// Rows lie side by side: 16 of them at a time.
LUR_BF16_TARGET void packAlong(uint32_t* out, const float* in, long long kStep, int rows, int k, int width) {
    for (int p = 0; p < k; p += 2)
        for (int i = 0; i < width; i += 16) {
            const __mmask16 m = first(rows - i);
            const __m512 even = _mm512_maskz_loadu_ps(m, in + p * kStep + i);
            const __m512 odd = p + 1 < k ? _mm512_maskz_loadu_ps(m, in + (p + 1) * kStep + i) : _mm512_setzero_ps();
            _mm512_mask_storeu_epi32(out + p / 2 * width + i, first(width - i), paired(even, odd));
        }
}

// Each row lies along k: 16 pairs of it at a time, which go to as many places.
LUR_BF16_TARGET void packAcross(uint32_t* out, const float* in, long long rowStep, int rows, int k, int width) {
    const __m512i places = _mm512_mullo_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                                              _mm512_set1_epi32(width));
    for (int i = 0; i < width; i++) {
        const float* row = in + i * rowStep;
        for (int p = 0; p < k; p += 32) {
            const int left = i < rows ? k - p : 0;
            const __m512 low = _mm512_maskz_loadu_ps(first(left), row + p);
            const __m512 high = _mm512_maskz_loadu_ps(first(left - 16), row + p + 16);
            const __m512i pairs = (__m512i)_mm512_cvtne2ps_pbh(high, low);
            _mm512_mask_i32scatter_epi32(out + p / 2 * width + i, first((k - p + 1) / 2), places, pairs, 4);
        }
    }
}

// packed[panel][p / 2][row], a pair of p in each, of rows [0, count) and p in [0, k), zeros behind both.
void pack(uint32_t* packed, const Factor& f, int count, int k, int width) {
    for (int panel = 0; panel * width < count; panel++) {
        uint32_t* out = packed + (long long)panel * ((k + 1) / 2) * width;
        const int rows = count - panel * width < width ? count - panel * width : width;
        const float* in = f.from + panel * width * f.rowStep;
        if (f.rowStep == 1)
            packAlong(out, in, f.kStep, rows, k, width);
        else
            packAcross(out, in, f.rowStep, rows, k, width);
    }
}

// A tile of 32 x 12: c = alpha a b + beta c, of which the first rows and columns exist. A beta of 0 does not read c.
LUR_BF16_TARGET void tile(const uint32_t* a, const uint32_t* b, int pairs, float alpha, float beta, float* c, int ldc,
                          int rows, int columns) {
    __m512 low[tileN], high[tileN];
    for (int j = 0; j < tileN; j++) low[j] = high[j] = _mm512_setzero_ps();
    for (int p = 0; p < pairs; p++, a += tileM, b += tileN) {
        const __m512bh a0 = (__m512bh)_mm512_loadu_si512(a), a1 = (__m512bh)_mm512_loadu_si512(a + 16);
#pragma GCC unroll 12
        for (int j = 0; j < tileN; j++) {
            const __m512bh bj = (__m512bh)_mm512_set1_epi32((int)b[j]);
            low[j] = _mm512_dpbf16_ps(low[j], a0, bj);
            high[j] = _mm512_dpbf16_ps(high[j], a1, bj);
        }
    }
    const __mmask16 m0 = first(rows), m1 = first(rows - 16);
    const __mmask16 read0 = beta == 0 ? 0 : m0, read1 = beta == 0 ? 0 : m1;
    const __m512 factor = _mm512_set1_ps(alpha), old = _mm512_set1_ps(beta);
#pragma GCC unroll 12
    for (int j = 0; j < tileN; j++) {
        if (j >= columns) break;
        float* p = c + (long long)j * ldc;
        const __m512 c0 = _mm512_mul_ps(old, _mm512_maskz_loadu_ps(read0, p));
        const __m512 c1 = _mm512_mul_ps(old, _mm512_maskz_loadu_ps(read1, p + 16));
        _mm512_mask_storeu_ps(p, m0, _mm512_fmadd_ps(factor, low[j], c0));
        _mm512_mask_storeu_ps(p + 16, m1, _mm512_fmadd_ps(factor, high[j], c1));
    }
}

} // namespace

bool hasBf16Product() {
    static const bool has = __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
                            __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    return has;
}

void bf16Product(char ta, char tb, int m, int n, int k, float alpha, const float* a, int lda, const float* b, int ldb,
                 float beta, float* c, int ldc) {
    static thread_local std::vector<uint32_t> panelsA, panelsB;
    const int blocksN = (n + tileN - 1) / tileN;
    panelsA.resize((size_t)blockM * depth / 2);
    panelsB.resize((size_t)blocksN * tileN * depth / 2);
    const Factor left = ta == 'N' ? Factor{a, 1, lda} : Factor{a, lda, 1};
    const Factor right = tb == 'N' ? Factor{b, ldb, 1} : Factor{b, 1, ldb};
    // Without terms c = beta c: one round over no pairs.
    for (int p = 0; p == 0 || p < k; p += depth) {
        const int count = k - p < depth ? k - p : depth, pairs = (count + 1) / 2;
        const float old = p == 0 ? beta : 1;
        pack(panelsB.data(), {right.from + p * right.kStep, right.rowStep, right.kStep}, n, count, tileN);
        for (int i0 = 0; i0 < m; i0 += blockM) {
            const int rows = m - i0 < blockM ? m - i0 : blockM;
            const Factor block{left.from + p * left.kStep + i0 * left.rowStep, left.rowStep, left.kStep};
            pack(panelsA.data(), block, rows, count, tileM);
            for (int j = 0; j < n; j += tileN)
                for (int i = 0; i < rows; i += tileM)
                    tile(panelsA.data() + (long long)i * pairs, panelsB.data() + (long long)j * pairs, pairs, alpha,
                         old, c + (long long)j * ldc + i0 + i, ldc, rows - i, n - j);
        }
    }
}

} // namespace lur
