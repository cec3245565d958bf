// projection.cu - ScissorHands' gradient projection against memories: the dual of GEM, solved and applied on the
// device.
//
//   projection_solve   d_i = <g, m_i>, P = Gram + eps I (symmetrised). When any d_i < 0:
//                          minimise over v: 1/2 v'Pv + d'v  subject to v_i >= margin;        else v = 0
//   projection_apply   g = g + v[0] m; v[0] = 0 changes no bit of g
// d[t], gram[t][t], v[t] in double, from vector_dot and vector_finish_sum; t memories. One memory has the closed form
// v = max(margin, -d / P), which is what the first sweep gives.
// total[0] = sum of v: 0 where nothing was violated, finite exactly when the solution is. A memory or gradient that is
// not finite counts as violated, so that it shows.
// enabled: 0 switches the step off (v = 0); a captured step is replayed with another value.
// Method: projected coordinate descent, Gauss-Seidel order. eps > 0 makes P positive definite and the iteration
// converge; it ends when no coordinate moves by more than 1e-14 of the largest, or after PROJECTION_SWEEPS sweeps.
// Launch: projection_solve Elements(1), one thread's work; projection_apply Elements(n).
// Reference: Lopez-Paz, Ranzato, "Gradient Episodic Memory", 2017 (equation 11); ScissorHands (Wu, Harandi 2024).
#include "include/prelude.cuh"

#define PROJECTION_SWEEPS 10000

KERNEL projection_solve(double* __restrict__ v, double* __restrict__ total, const double* __restrict__ d,
                        const double* __restrict__ gram, const int* __restrict__ enabled, int t, double margin,
                        double eps) {
    GRID_LOOP (only, 1) {
        bool violated = false;
        for (int i = 0; i < t; i++) violated |= !(d[i] >= 0);
        const bool active = violated && enabled[0] != 0;
        int sweeps = 0;
        double sum = 0;
        for (int i = 0; i < t; i++) v[i] = active ? margin : 0;
        for (bool moving = active; moving && sweeps < PROJECTION_SWEEPS; sweeps++) {
            double largest = 0, change = 0;
            for (int i = 0; i < t; i++) {
                double slope = d[i]; // of the objective at v_i = 0, the others fixed
                for (int j = 0; j < t; j++) {
                    if (j != i) slope += 0.5 * (gram[i * t + j] + gram[j * t + i]) * v[j];
                }
                const double next = real_max(margin, -slope / (gram[i * t + i] + eps)); // NaN is kept
                change = real_max(change, real_abs(next - v[i]));
                largest = real_max(largest, real_abs(next));
                v[i] = next;
            }
            moving = t > 1 && change > 1e-14 * largest;
        }
        for (int i = 0; i < t; i++) sum += v[i];
        total[only] = sum;
    }
}

KERNEL projection_apply(real* __restrict__ g, const real* __restrict__ m, const double* __restrict__ v, int n) {
    const real a = (real)v[0];
    if (a == 0) return; // no barrier below
    GRID_LOOP (i, n) g[i] = real_fma(a, m[i], g[i]);
}
