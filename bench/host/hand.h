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
void im2col(float* columns, const float* x, const Patches& p, int first, int last);

} // namespace hand
