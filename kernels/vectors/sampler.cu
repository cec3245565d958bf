// sampler.cu - one step of a sampler of diffusion models: DDPM, DDIM and DPM-Solver++ (2M), told apart by numbers.
//
//   sampler_begin   t[i] = the time step of the row, for every row of the network's batch
//   sampler_step    m = null + guidance (conditional - null), where guided != 0 and m_out is [2n]: the null half first;
//                   else m = m_out[n]
//                   x0 = k0 x + k1 m, then within +-clip where clip > 0
//                   e  = k2 x + k3 m, not made anew from a clipped x0
//                   x  = k4 x + k5 x0 + k6 e + k7 z + k8 (x0 of the step before)
//                   and x0 is kept for the next step (null: not kept; then k8 is 0)
// table[rows, 10] holds k0 .. k8 and the time step; *row says which row, in device memory, so that one captured graph
// serves every step. z is not read where k7 is 0, nor the x0 before where k8 is 0. x[n], or [2n] where guided: both
// halves are given the same values, which is the network's next input. x and x0 are updated in place.
// Launch: sampler_begin Elements(batch), sampler_step Elements(n).
// Reference: Ho, Jain, Abbeel 2020; Song, Meng, Ermon 2021; Lu et al. 2022 (DPM-Solver++); guidance Ho, Salimans 2022.
#include "include/prelude.cuh"

#define SAMPLER_COLUMNS 10

KERNEL sampler_begin(int* __restrict__ t, const real* __restrict__ table, const unsigned long long* __restrict__ row,
                     int batch) {
    GRID_LOOP (i, batch) t[i] = (int)table[SAMPLER_COLUMNS * (int)*row + SAMPLER_COLUMNS - 1];
}

KERNEL sampler_step(real* __restrict__ x, real* __restrict__ x0, const real* __restrict__ m_out,
                    const real* __restrict__ z, const real* __restrict__ table,
                    const unsigned long long* __restrict__ row, int n, int guided, accum guidance, accum clip) {
    const real* k = table + SAMPLER_COLUMNS * (int)*row;
    const real random = k[7], previous = k[8];
    GRID_LOOP (i, n) {
        real m = m_out[i];
        if (guided) m = real_fma(guidance, m_out[n + i] - m, m);
        const real from = x[i], e = real_fma(k[2], from, k[3] * m);
        real sample = real_fma(k[0], from, k[1] * m);
        if (clip > 0) sample = real_min<real>(clip, real_max<real>(-clip, sample)); // a NaN stays one
        real next = real_fma(k[4], from, real_fma(k[5], sample, k[6] * e));
        if (random != 0) next = real_fma(random, z[i], next);
        if (previous != 0) next = real_fma(previous, x0[i], next);
        if (x0 != nullptr) x0[i] = sample;
        x[i] = next;
        if (guided) x[n + i] = next;
    }
}
