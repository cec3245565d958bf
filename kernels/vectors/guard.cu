// guard.cu - a step changes all of its state or none of it.
//
//   step_guard    skip[0] = 1 when one of values[count] is NaN or infinite, or when nonfinite[0] is not 0 (null: not
//   asked); else 0.
//                 skip[1] counts the steps skipped since it was cleared. The values are the losses and squared norms of
//                 the step; nonfinite counts the NaN and infinite elements of the running statistics that the step is
//                 about to keep.
//   step_commit   state = next, unless skip[0] != 0: running statistics are written to a vector of their own during the
//   passes and
//                 become the model's here, behind the guard, together with the weights.
// A squared norm is not finite when an element is not, or when it overflows, which no step survives either.
// Launch: step_guard Elements(1), step_commit Elements(n).
// Trace: step_guard is one thread: it looks at a few numbers.
#include "include/packs.cuh"
#include "include/partials.cuh"

KERNEL step_guard(int* __restrict__ skip, const double* __restrict__ values, const double* __restrict__ nonfinite,
                  int count) {
    GRID_LOOP (i, 1) {
        int bad = nonfinite != nullptr && nonfinite[0] != 0 ? 1 : 0;
        for (int k = 0; k < count; k++) bad |= real_finite(values[k]) ? 0 : 1;
        skip[i] = bad;
        skip[i + 1] += bad;
    }
}

KERNEL step_commit(real* __restrict__ state, const real* __restrict__ next, const int* __restrict__ skip, int n) {
    if (*skip != 0) return; // no barrier below
    grid_vectors(
        n, [](real& to, const real& from) { to = from; }, writes(state), reads(next));
}
