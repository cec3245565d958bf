// grain.cu - Gaussian noise on the images of a batch, for classifiers that are to stand it.
//
//   grain_forward   p += sigma[r] e / 2, kept in 0 .. 1, p = x std[c] + mean[c] the pixel behind x: noise of deviation
//                   sigma on an image in [-1, 1], and no value that an image cannot have
// sigma[r] = largest * uniform, a row's own: word x of philox4x32(seed, stream, index), seed = state[0] and
// index = state[1] + row, as augment.cu draws. x, e [n, length], the channel innermost: c = j % C; in place.
// Launch: Rows(n, length).
// Reference: noise of several deviations as augmentation, Rusak et al. 2020 ("A simple way to make neural networks
// robust against diverse image corruptions").
#include "include/philox.cuh"

KERNEL grain_forward(real* __restrict__ x, const real* __restrict__ e, const real* __restrict__ mean,
                     const real* __restrict__ std, const unsigned long long* __restrict__ state,
                     unsigned long long stream, int n, int length, int C, accum largest) {
    GRID_ROWS (r, n) {
        const real half = largest * (real)philox_uniform(philox4x32(state[0], stream, state[1] + r).x) / 2;
        const int first = r * length;
        LANE_LOOP (j, length) {
            const real m = mean[j % C], s = std[j % C];
            const real low = -m / s, high = (1 - m) / s;
            x[first + j] = real_min(real_max(real_fma(half / s, e[first + j], x[first + j]), low), high);
        }
    }
}
