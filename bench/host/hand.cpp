// Compiled for this machine with the flags of the kernels, so that the comparison is one of code, not of switches.
#include "hand.h"

namespace hand {

void axpy(float* __restrict__ y, const float* __restrict__ x, int first, int last, float a) {
    for (int i = first; i < last; i++) y[i] += a * x[i];
}

void statistics(float* __restrict__ offset, float* __restrict__ square, const float* __restrict__ x, int first,
                int last, int C) {
    for (int c = 0; c < C; c++) offset[c] = square[c] = 0;
    const float* shift = x + (long long)first * C;
    for (int r = first; r < last; r++)
        for (int c = 0; c < C; c++) {
            const float d = x[(long long)r * C + c] - shift[c];
            offset[c] += d;
            square[c] += d * d;
        }
    for (int c = 0; c < C; c++) {
        const float mean = offset[c] / (float)(last - first);
        square[c] -= offset[c] * mean;
        offset[c] = mean;
    }
}

void normalise(float* __restrict__ y, const float* __restrict__ x, const float* __restrict__ mean,
               const float* __restrict__ rstd, const float* __restrict__ gamma, const float* __restrict__ beta,
               int first, int last, int C) {
    for (int r = first; r < last; r++)
        for (int c = 0; c < C; c++) {
            const float v = (x[(long long)r * C + c] - mean[c]) * (gamma[c] * rstd[c]) + beta[c];
            y[(long long)r * C + c] = v < 0 ? 0 : v;
        }
}

void im2col(float* __restrict__ columns, const float* __restrict__ x, const Patches& p, int first, int last) {
    const int run = p.S * p.C;
    for (int m = first; m < last; m++) {
        const int ow = m % p.OW, oh = m / p.OW % p.OH, n = m / p.OW / p.OH;
        float* out = columns + (long long)m * p.R * run;
        for (int r = 0; r < p.R; r++)
            for (int s = 0; s < p.S; s++, out += p.C) {
                const int h = oh * p.stride - p.pad + r, w = ow * p.stride - p.pad + s;
                if (h < 0 || h >= p.H || w < 0 || w >= p.W)
                    for (int c = 0; c < p.C; c++) out[c] = 0;
                else
                    for (int c = 0; c < p.C; c++) out[c] = x[(((long long)n * p.H + h) * p.W + w) * p.C + c];
            }
    }
}

} // namespace hand
