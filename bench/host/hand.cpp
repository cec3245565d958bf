// Compiled for this machine with the flags of the kernels, so that the comparison is one of code, not of switches.
#include "hand.h"
#include "../../src/Lur.Cuda.Host/shim/math.h"

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

// Rows [first, last) of all samples.
void groupNorm(float* __restrict__ y, const Groups& g, int first, int last) {
    for (int r = first; r < last; r++) {
        const float* __restrict__ x = g.x + (long long)r * g.C, * __restrict__ mean = g.mean + r / g.inner * g.C;
        const float* __restrict__ rstd = g.rstd + r / g.inner * g.C, * __restrict__ gamma = g.gamma, * __restrict__ beta = g.beta;
        float* __restrict__ out = y + (long long)r * g.C;
        for (int c = 0; c < g.C; c++) {
            const float v = gamma[c] * ((x[c] - mean[c]) * rstd[c]) + beta[c];
            out[c] = v / (1 + host_expf(-v));
        }
    }
}

void groupNormTangent(float* __restrict__ ty, const Groups& g, int first, int last) {
    for (int r = first; r < last; r++) {
        const int at = r / g.inner * g.C;
        const long long row = (long long)r * g.C;
        const float* __restrict__ x = g.x + row, * __restrict__ tx = g.tx + row, * __restrict__ mean = g.mean + at;
        const float* __restrict__ rstd = g.rstd + at, * __restrict__ p = g.pq + at;
        const float* __restrict__ q = p + g.samples * g.C, * __restrict__ gamma = g.gamma, * __restrict__ beta = g.beta;
        const float* __restrict__ tgamma = g.tgamma, * __restrict__ tbeta = g.tbeta;
        float* __restrict__ out = ty + row;
        for (int c = 0; c < g.C; c++) {
            const float xh = (x[c] - mean[c]) * rstd[c], txh = rstd[c] * (tx[c] - p[c] - xh * q[c]);
            const float yn = gamma[c] * xh + beta[c], s = 1 / (1 + host_expf(-yn));
            out[c] = s * (1 + yn * (1 - s)) * (gamma[c] * txh + tgamma[c] * xh + tbeta[c]);
        }
    }
}

void groupNormBackwardTangent(float* __restrict__ tdx, const Groups& g, int first, int last) {
    for (int r = first; r < last; r++) {
        const int at = r / g.inner * g.C, stride = g.samples * g.C;
        const long long row = (long long)r * g.C;
        const float* __restrict__ x = g.x + row, * __restrict__ tx = g.tx + row, * __restrict__ dy = g.dy + row;
        const float* __restrict__ tdy = g.tdy + row, * __restrict__ mean = g.mean + at, * __restrict__ rstd = g.rstd + at;
        const float* __restrict__ p = g.pq + at, * __restrict__ q = p + stride, * __restrict__ gamma = g.gamma;
        const float* __restrict__ beta = g.beta, * __restrict__ tgamma = g.tgamma, * __restrict__ tbeta = g.tbeta;
        const float* __restrict__ a = g.means + at;
        const float* __restrict__ b = a + stride;
        const float* __restrict__ ta = b + stride;
        const float* __restrict__ tb = ta + stride;
        float* __restrict__ out = tdx + row;
        for (int c = 0; c < g.C; c++) {
            const float xh = (x[c] - mean[c]) * rstd[c], txh = rstd[c] * (tx[c] - p[c] - xh * q[c]);
            const float yn = gamma[c] * xh + beta[c], tyn = gamma[c] * txh + tgamma[c] * xh + tbeta[c];
            const float s = 1 / (1 + host_expf(-yn)), rest = 1 - s, f1 = s * (1 + yn * rest);
            const float f2 = s * rest * (2 + yn * (rest - s)), d = f1 * dy[c], td = f1 * tdy[c] + f2 * tyn * dy[c];
            const float whole = gamma[c] * d - a[c] - xh * b[c];
            out[c] =
                rstd[c] * (gamma[c] * td + tgamma[c] * d - ta[c] - txh * b[c] - xh * tb[c] - rstd[c] * q[c] * whole);
        }
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
