// pieces.cu - what a step on vectors of somebody else needs beside lur.cu: such a vector may lie in pieces, and its
// numbers may not pass through the host.
//
//   number_store    out[i] = value, i < n: in stream order, so that a captured step needs no copy
//   piece_sum       out[v] = sum_p sums[p][v], p in order; sums[pieces][values] from vector_finish_sum on each piece
//   relative_alpha  scale[0] = alpha, or cap |theta| / |g| where alpha |g| > cap |theta| and cap > 0 (0: none)
//   step_report     out[8]: |g|, |v|, cos(g, v), alpha |h| / |v|, |theta|, alpha |g|, skipped, steps skipped so far
// step_report reads the six sums of lur_meta_update, the alpha that was used and skip[2] of step_guard; a ratio with
// |v| = 0 is 0.
// Launch: number_store Elements(n), piece_sum Elements(values), the others Elements(1).
// Trace: number_store, piece_sum, relative_alpha and step_report handle a few numbers: a warp or less.
// Reference: "Learning to Unlearn while Retaining" (ICCV 2025, pp. 4211-4221).
#include "include/sgd_step.cuh"

KERNEL number_store(double* __restrict__ out, int n, double value) {
    GRID_LOOP (i, n) out[i] = value;
}

KERNEL piece_sum(double* __restrict__ out, const double* __restrict__ sums, int pieces, int values) {
    GRID_LOOP (v, values) {
        double s = 0;
        for (int p = 0; p < pieces; p++) s += sums[p * values + v];
        out[v] = s;
    }
}

// squares[2]: |g|^2, |theta|^2.
KERNEL relative_alpha(double* __restrict__ scale, const double* __restrict__ squares, const double* __restrict__ step,
                      double cap) {
    GRID_LOOP (i, 1) {
        const double alpha = step[STEP_ALPHA], g = real_sqrt(squares[0]), most = cap * real_sqrt(squares[1]);
        scale[i] = cap > 0 && alpha * g > most ? most / g : alpha;
    }
}

KERNEL step_report(double* __restrict__ out, const double* __restrict__ sums, const double* __restrict__ scale,
                   const int* __restrict__ skip) {
    GRID_LOOP (i, 1) {
        const double g = real_sqrt(sums[0]), v = real_sqrt(sums[1]), h = real_sqrt(sums[3]);
        out[i] = g;
        out[1] = v;
        out[2] = g * v == 0 ? 0 : sums[2] / (g * v);
        out[3] = v == 0 ? 0 : scale[0] * h / v;
        out[4] = real_sqrt(sums[4]);
        out[5] = scale[0] * g;
        out[6] = skip[0];
        out[7] = skip[1];
    }
}
