// geglu.cu - a gated activation: the halves (a, b) of a row of x [rows, 2 C] -> y = a f(b) [rows, C], f the GELU of
// include/gelu.cuh.
//
//   forward           y = a f
//   backward          da = dy f;   db = dy a f'
//   forward_tangent   ty = ta f + a f' tb
//   backward_tangent  tda = tdy f + dy f' tb;   tdb = tdy a f' + dy (ta f' + a f'' tb)
// Shazeer, "GLU variants improve transformer", 2020.
//
// Launch: Rows(rows, C). Forward and forward_tangent write; the others write or, with `accumulate`, add.
#include "include/gelu.cuh"

KERNEL geglu_forward(real* __restrict__ y, const real* __restrict__ x, int rows, int C) {
    GRID_ROWS (r, rows) {
        const real *a = x + 2 * r * C, *b = a + C;
        LANE_LOOP (c, C) y[r * C + c] = a[c] * gelu_value(b[c]);
    }
}

KERNEL geglu_backward(real* __restrict__ dx, const real* __restrict__ x, const real* __restrict__ dy, int rows, int C,
                      int accumulate) {
    GRID_ROWS (r, rows) {
        const real *a = x + 2 * r * C, *b = a + C, *dyr = dy + r * C;
        real *da = dx + 2 * r * C, *db = da + C;
        LANE_LOOP (c, C) {
            const real first = dyr[c] * gelu_value(b[c]), second = dyr[c] * a[c] * gelu_first(b[c]);
            da[c] = accumulate ? da[c] + first : first;
            db[c] = accumulate ? db[c] + second : second;
        }
    }
}

KERNEL geglu_forward_tangent(real* __restrict__ ty, const real* __restrict__ x, const real* __restrict__ tx, int rows,
                             int C) {
    GRID_ROWS (r, rows) {
        const real *a = x + 2 * r * C, *b = a + C, *ta = tx + 2 * r * C, *tb = ta + C;
        LANE_LOOP (c, C) ty[r * C + c] = ta[c] * gelu_value(b[c]) + a[c] * gelu_first(b[c]) * tb[c];
    }
}

KERNEL geglu_backward_tangent(real* __restrict__ tdx, const real* __restrict__ x, const real* __restrict__ tx,
                              const real* __restrict__ dy, const real* __restrict__ tdy, int rows, int C,
                              int accumulate) {
    GRID_ROWS (r, rows) {
        const real *a = x + 2 * r * C, *b = a + C, *ta = tx + 2 * r * C, *tb = ta + C;
        const real *dyr = dy + r * C, *tdyr = tdy + r * C;
        real *tda = tdx + 2 * r * C, *tdb = tda + C;
        LANE_LOOP (c, C) {
            const real f1 = gelu_first(b[c]);
            const real first = tdyr[c] * gelu_value(b[c]) + dyr[c] * f1 * tb[c];
            const real second = tdyr[c] * a[c] * f1 + dyr[c] * (ta[c] * f1 + a[c] * gelu_second(b[c]) * tb[c]);
            tda[c] = accumulate ? tda[c] + first : first;
            tdb[c] = accumulate ? tdb[c] + second : second;
        }
    }
}
