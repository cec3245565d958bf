// fgsm.cu - one step of the fast gradient sign method on images that lie normalised on the device.
//
// Images x [n, H, W, C] = (b / 255 - mean[c]) / std[c] with whole b in 0 .. 255, dx the gradient of a loss in x:
//   fgsm_step     y = (b' / 255 - mean[c]) / std[c], b' = round(min(max(b + step sign(dx), 0), 255)), sign(0) = 0
//   fgsm_exclude  logits z [n, classes]: z[r][labels[r]] = -3.4e38 in place, so that the argmax is another class;
//                 rows with a negative label stay
// step is in units of b: an epsilon of 0.1 on pixels in [0, 1] is 25.5, and b + 25.5 is exact, so that a tie is a tie
// and goes up. On pixels as fractions the last bit of a division would decide. std > 0, so the sign of the gradient in
// the pixels is that of dx.
// Launch: fgsm_step Rows(n H, W), fgsm_exclude Elements(n).
// Reference: Goodfellow, Shlens, Szegedy 2015; with the rounding in Chen et al. 2023 (boundary unlearning).
#include "include/prelude.cuh"

KERNEL fgsm_step(real* __restrict__ y, const real* __restrict__ x, const real* __restrict__ dx,
                 const real* __restrict__ mean, const real* __restrict__ std, int rows, int W, int C, accum step) {
    GRID_ROWS (r, rows) {
        const int first = r * W * C;
        for (int c = 0; c < C; c++) {
            const real scale = 255 * std[c], offset = 255 * mean[c];
            const real inverse = real(1) / scale, shift = mean[c] / std[c];
            LANE_LOOP (w, W) {
                const int i = first + w * C + c;
                const real d = dx[i];
                const real b = (real)(int)(real_fma(x[i], scale, offset) + real(0.5));
                const real sign = (real)((d > 0 ? 1 : 0) - (d < 0 ? 1 : 0));
                const real moved = real_fma(step, sign, b);
                const real kept = real_min(real_max(moved, real(0)), real(255));
                y[i] = (real)(int)(kept + real(0.5)) * inverse - shift;
            }
        }
    }
}

KERNEL fgsm_exclude(real* __restrict__ z, const int* __restrict__ labels, int n, int classes) {
    GRID_LOOP (r, n) {
        if (labels[r] >= 0) z[r * classes + labels[r]] = (real)-3.4e38;
    }
}
