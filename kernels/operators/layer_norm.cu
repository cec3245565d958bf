// layer_norm.cu - layer normalisation of the rows of x [rows, C].
//
// <.> is the mean over a row.
//   forward           xh = (x - mean) rstd,  rstd = (var + eps)^(-1/2), var biased;  y = gamma xh + beta
//   backward          dbeta = sum dy;  dgamma = sum dy xh  (over the rows)
//                     e = gamma dy;  A = <e>, B = <e xh>;  dx = rstd (e - A - xh B)
//   forward_tangent   p = <tx>, q = <xh tx>;  txh = rstd (tx - p - xh q);  ty = gamma txh + tgamma xh + tbeta
//   backward_tangent  tdbeta = sum tdy;  tdgamma = sum (tdy xh + dy txh)
//                     te = gamma tdy + tgamma dy;  tA = <te>, tB = <te xh + e txh>;  trstd = -rstd^2 q
//                     tdx = trstd (e - A - xh B) + rstd (te - tA - txh B - xh tB)
// Ba, Kiros, Hinton, "Layer normalization", 2016; tangent: Pearlmutter 1994. Between the passes mean, rstd, p and q are
// kept, [rows] each.
//
// Launch: Blocks(rows, C), a row a block. The sums of the weights have two stages: sums and tangent_sums, ColumnSums(
// rows, C, chunks), write partial [2, chunks, C], which group_norm_weights adds up. All write; backward and
// backward_tangent add with `accumulate`.
// Trace: layer_norm_forward, layer_norm_backward, layer_norm_forward_tangent and layer_norm_backward_tangent end their
// sums in a block's, where one lane a warp writes.
#include "include/columns.cuh"

// The mean is taken about the first value, so that it costs the sum no digits.
KERNEL COOPERATIVE layer_norm_forward(real* __restrict__ y, real* __restrict__ mean, real* __restrict__ rstd,
                                      const real* __restrict__ x, const real* __restrict__ gamma,
                                      const real* __restrict__ beta, int rows, int C, double eps) {
    BLOCK_ROWS (r, rows) {
        const real* xr = x + r * C;
        const accum first = xr[0];
        accum sum = 0, squares = 0;
        LANE_LOOP (c, C) sum += xr[c] - first;
        const accum mu = first + block_sum(sum) / C;
        LANE_LOOP (c, C) squares += (xr[c] - mu) * (xr[c] - mu);
        const accum root = (accum)(1 / real_sqrt((wide)block_sum(squares) / C + eps));
        LANE_LOOP (c, C) y[r * C + c] = gamma[c] * ((xr[c] - mu) * root) + beta[c];
        if (threadIdx.x == 0) {
            mean[r] = mu;
            rstd[r] = root;
        }
    }
}

KERNEL COOPERATIVE layer_norm_backward(real* __restrict__ dx, const real* __restrict__ dy, const real* __restrict__ x,
                                       const real* __restrict__ mean, const real* __restrict__ rstd,
                                       const real* __restrict__ gamma, int rows, int C, int accumulate) {
    BLOCK_ROWS (r, rows) {
        const real *xr = x + r * C, *dyr = dy + r * C;
        const accum mu = mean[r], root = rstd[r];
        accum a = 0, b = 0;
        LANE_LOOP (c, C) {
            const accum e = gamma[c] * dyr[c];
            a += e;
            b += e * ((xr[c] - mu) * root);
        }
        a = block_sum(a) / C;
        b = block_sum(b) / C;
        LANE_LOOP (c, C) {
            const accum v = root * (gamma[c] * dyr[c] - a - (xr[c] - mu) * root * b);
            dx[r * C + c] = accumulate ? dx[r * C + c] + v : v;
        }
    }
}

KERNEL COOPERATIVE layer_norm_forward_tangent(real* __restrict__ ty, real* __restrict__ p, real* __restrict__ q,
                                              const real* __restrict__ tx, const real* __restrict__ x,
                                              const real* __restrict__ mean, const real* __restrict__ rstd,
                                              const real* __restrict__ gamma, const real* __restrict__ tgamma,
                                              const real* __restrict__ tbeta, int rows, int C) {
    BLOCK_ROWS (r, rows) {
        const real *xr = x + r * C, *txr = tx + r * C;
        const accum mu = mean[r], root = rstd[r];
        accum a = 0, b = 0;
        LANE_LOOP (c, C) {
            a += txr[c];
            b += (xr[c] - mu) * root * txr[c];
        }
        a = block_sum(a) / C;
        b = block_sum(b) / C;
        LANE_LOOP (c, C) {
            const accum xh = (xr[c] - mu) * root;
            ty[r * C + c] = gamma[c] * (root * (txr[c] - a - xh * b)) + tgamma[c] * xh + tbeta[c];
        }
        if (threadIdx.x == 0) {
            p[r] = a;
            q[r] = b;
        }
    }
}

KERNEL COOPERATIVE layer_norm_backward_tangent(real* __restrict__ tdx, const real* __restrict__ dy,
                                               const real* __restrict__ tdy, const real* __restrict__ tx,
                                               const real* __restrict__ x, const real* __restrict__ mean,
                                               const real* __restrict__ rstd, const real* __restrict__ p,
                                               const real* __restrict__ q, const real* __restrict__ gamma,
                                               const real* __restrict__ tgamma, int rows, int C, int accumulate) {
    BLOCK_ROWS (r, rows) {
        const real *xr = x + r * C, *txr = tx + r * C, *dyr = dy + r * C, *tdyr = tdy + r * C;
        const accum mu = mean[r], root = rstd[r], pr = p[r], qr = q[r];
        accum a = 0, b = 0, ta = 0, tb = 0;
        LANE_LOOP (c, C) {
            const accum xh = (xr[c] - mu) * root, txh = root * (txr[c] - pr - xh * qr);
            const accum e = gamma[c] * dyr[c], te = gamma[c] * tdyr[c] + tgamma[c] * dyr[c];
            a += e;
            b += e * xh;
            ta += te;
            tb += te * xh + e * txh;
        }
        a = block_sum(a) / C;
        b = block_sum(b) / C;
        ta = block_sum(ta) / C;
        tb = block_sum(tb) / C;
        LANE_LOOP (c, C) {
            const accum xh = (xr[c] - mu) * root, txh = root * (txr[c] - pr - xh * qr);
            const accum e = gamma[c] * dyr[c], te = gamma[c] * tdyr[c] + tgamma[c] * dyr[c];
            const accum v = root * (te - ta - txh * b - xh * tb - root * qr * (e - a - xh * b));
            tdx[r * C + c] = accumulate ? tdx[r * C + c] + v : v;
        }
    }
}

// As ReducePanels of columns.cuh, for rows that have constants of their own.
template <class Op> struct RowPanels {
    const Op& op;
    int rows, C, chunk, chunks;
    template <class V, int U> DEVICE void panel(int c) const {
        const int lanes = (int)(sizeof(V) / sizeof(real));
        const int begin = chunk_begin(rows, chunk, chunks), end = begin + chunk_rows(rows, chunk, chunks);
        V shift[U] = {}, scale[U] = {};
#pragma unroll 4
        for (int r = begin; r < end; r++) {
            const auto row = op.row(r);
            for (int u = 0; u < U; u++) op.add(row, shift[u], scale[u], r * C + c + u * lanes);
        }
        for (int u = 0; u < U; u++) {
            store<V>(op.partial + chunk * C + c + u * lanes, shift[u]);
            store<V>(op.partial + (chunks + chunk) * C + c + u * lanes, scale[u]);
        }
    }
};
template <class Op> DEVICE void reduce_rows(const Op& op, int rows, int C, int chunks) {
    const int tiles = (C + COLUMN_TILE - 1) / COLUMN_TILE;
    GRID_ROWS (item, chunks * tiles) {
        const int chunk = item / tiles, first = (item - chunk * tiles) * COLUMN_TILE;
        for_panels(RowPanels<Op>{op, rows, C, chunk, chunks}, first, real_min(COLUMN_TILE, C - first));
    }
}

struct WeightSums {
    real* partial;
    const real *dy, *x, *mean, *rstd;
    struct Row {
        real mean, rstd;
    };
    DEVICE Row row(int r) const { return {mean[r], rstd[r]}; }
    template <class V> DEVICE void add(const Row& k, V& shift, V& scale, int i) const {
        const V d = load<V>(dy + i);
        shift += d;
        scale += d * ((load<V>(x + i) - k.mean) * k.rstd);
    }
};

KERNEL layer_norm_sums(real* __restrict__ partial, const real* __restrict__ dy, const real* __restrict__ x,
                       const real* __restrict__ mean, const real* __restrict__ rstd, int rows, int C, int chunks) {
    reduce_rows(WeightSums{partial, dy, x, mean, rstd}, rows, C, chunks);
}

struct WeightTangentSums {
    real* partial;
    const real *dy, *tdy, *tx, *x, *mean, *rstd, *p, *q;
    struct Row {
        real mean, rstd, p, q;
    };
    DEVICE Row row(int r) const { return {mean[r], rstd[r], p[r], q[r]}; }
    template <class V> DEVICE void add(const Row& k, V& shift, V& scale, int i) const {
        const V xh = (load<V>(x + i) - k.mean) * k.rstd, td = load<V>(tdy + i);
        shift += td;
        scale += td * xh + load<V>(dy + i) * (k.rstd * (load<V>(tx + i) - k.p - xh * k.q));
    }
};

KERNEL layer_norm_tangent_sums(real* __restrict__ partial, const real* __restrict__ dy, const real* __restrict__ tdy,
                               const real* __restrict__ tx, const real* __restrict__ x, const real* __restrict__ mean,
                               const real* __restrict__ rstd, const real* __restrict__ p, const real* __restrict__ q,
                               int rows, int C, int chunks) {
    reduce_rows(WeightTangentSums{partial, dy, tdy, tx, x, mean, rstd, p, q}, rows, C, chunks);
}
