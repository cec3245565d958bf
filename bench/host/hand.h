// hand.h - what one writes without an engine: plain loops, split over threads by hand.
#pragma once

namespace hand {

struct Patches {
    int N, H, W, C, R, S, stride, pad, OH, OW;
};

void axpy(float* y, const float* x, int first, int last, float a);
// Sums and squares about the chunk's first row, over the rows of one chunk.
void statistics(float* offset, float* square, const float* x, int first, int last, int C);
void normalise(float* y, const float* x, const float* mean, const float* rstd, const float* gamma, const float* beta,
               int first, int last, int C);

// Group normalisation with SiLU of some samples [inner, C], statistics of each channel given.
struct Groups {
    const float *x, *tx, *dy, *tdy, *mean, *rstd, *gamma, *beta, *tgamma, *tbeta, *pq, *means;
    int samples, inner, C;
};
void groupNorm(float* y, const Groups& g, int first, int last);
void groupNormTangent(float* ty, const Groups& g, int first, int last);
void groupNormBackwardTangent(float* tdx, const Groups& g, int first, int last);
void im2col(float* columns, const float* x, const Patches& p, int first, int last);

} // namespace hand
