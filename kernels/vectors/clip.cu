// clip.cu - clipping of a gradient by its global norm, without the host.
//
//   clip_coefficient   norm = sqrt(square);   coefficient = min(1, largest / (norm + 1e-6))
//   clip_apply         g = coefficient g; coefficient 1 changes no bit and moves no memory
// result[2]: norm, coefficient. square: |g|^2 from vector_square_sum and vector_finish_sum.
// A norm that is not finite gives coefficient 1 and leaves g alone: the norm is among what the guard looks at, so the
// step is skipped, and the log shows which norm it was. (torch multiplies by 0 or NaN and takes the step.)
// Launch: clip_coefficient Elements(1), clip_apply Elements(n).
// Reference: Pascanu, Mikolov, Bengio 2013; torch.nn.utils.clip_grad_norm_.
// Trace: clip_coefficient is one thread: it turns one number into another.
#include "include/packs.cuh"
#include "include/partials.cuh"

KERNEL clip_coefficient(double* __restrict__ result, const double* __restrict__ square, double largest) {
    GRID_LOOP (i, 1) {
        const double norm = real_sqrt(square[i]), coefficient = largest / (norm + 1e-6);
        result[0] = norm;
        result[1] = real_finite(norm) && coefficient < 1 ? coefficient : 1;
    }
}

KERNEL clip_apply(real* __restrict__ g, const double* __restrict__ coefficient, int n) {
    const real c = (real)coefficient[0];
    if (c == 1) return; // no barrier below
    grid_vectors(
        n, [=](real& gi) { gi = c * gi; }, updates(g));
}
