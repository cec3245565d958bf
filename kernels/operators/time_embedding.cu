// time_embedding.cu - sinusoids of time steps: t int [N] -> y [N, C].
//
//   half = floor(C / 2), f_k = exp(-ln(10000) k / (half - shift)), k = 0 .. half - 1, a = t f
//   y = [sin a, cos a], with `flip` [cos a, sin a]; a last 0 where C is odd
// Vaswani et al. 2017; shift and flip are diffusers' freq_shift and flip_sin_to_cos. In double whatever `real` is: in
// float a near 1000 is off by 6e-5. No weights, no input with a tangent: this is the only pass. Launch: Rows(N, C).
#include "include/prelude.cuh"

KERNEL time_embedding_forward(real* __restrict__ y, const int* __restrict__ t, int n, int C, double shift, int flip) {
    const int half = C / 2;
    GRID_ROWS (r, n)
        LANE_LOOP (c, C) {
            const int k = c < half ? c : c - half;
            const wide a = t[r] * real_exp((wide)-9.210340371976184 * k / (half - shift));
            const bool sine = (c < half) != (flip != 0);
            y[r * C + c] = c >= 2 * half ? real(0) : (real)(sine ? real_sin(a) : real_cos(a));
        }
}
