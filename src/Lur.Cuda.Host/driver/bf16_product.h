// bf16_product.h - a matrix product by the CPU's own bfloat16 dot products, where it has them.
#pragma once

namespace lur {

// AVX-512 with BF16 (Cooper Lake, Zen 4 and newer).
bool hasBf16Product();

// C[m,n] = alpha op(A) op(B) + beta C, column-major as in BLAS. Factors are rounded to bfloat16, ties to even, and
// subnormal ones to zero; products of two neighbours of k are added to a float sum at a time.
void bf16Product(char ta, char tb, int m, int n, int k, float alpha, const float* a, int lda, const float* b, int ldb,
                 float beta, float* c, int ldc);

} // namespace lur
