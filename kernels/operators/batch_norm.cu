// batch_norm.cu - batch normalisation over x [rows, C], rows = N H W, with optional residual and ReLU fused behind it.
//
//   forward           xh = (x - mean) rstd,  y = act(gamma xh + beta [+ residual]),  act = ReLU or identity
//                     train: mean, var of the batch, rstd = (var + eps)^(-1/2), var biased; frozen: running statistics
//   backward          d = act'(y) dy;  dbeta = sum d;  dgamma = sum d xh;  dresidual = d
//                     train: a = mean d, b = mean d xh,  dx = gamma rstd (d - a - xh b);  frozen: a = b = 0
//   forward_tangent   train: p = mean tx, q = mean tx xh;  frozen: p = q = 0
//                     txh = rstd (tx - p - xh q);  trstd = -rstd^2 q
//                     ty = act'(y) (gamma txh + tgamma xh + tbeta [+ tresidual])
//   backward_tangent  td = act'(y) tdy;  tdbeta = sum td;  tdgamma = sum (td xh + d txh);  ta, tb their means
//                     (frozen: 0)
//                     tdx = (tgamma rstd + gamma trstd) (d - a - xh b) + gamma rstd (td - ta - txh b - xh tb)
// Tangent: Pearlmutter, "Fast exact multiplication by the Hessian", 1994, applied to Ioffe and Szegedy, ICML 2015.
// xh is recomputed from x; act'(y) is read from the stored output, so that all passes agree on the mask.
//
// Reductions have two stages. *_sums and *_statistics, ColumnSums(rows, C, chunks), write one partial per chunk of rows
// and channel; *_finish, Blocks(C), adds the chunks in double. Workspace in reals: statistics 2 chunks C, sums 2 chunks
// C, tangent sums 4 chunks C. Take chunks = ceil(rows / 256), at least 16 where rows allow it: partials are then 1 % of
// the traffic of a large layer, a small one still occupies a GPU, and float sums stay short. The result depends on
// chunks, never on the launch.
// Statistics: every chunk sums about its own first row. That row is one of the data, so m (row - mean)^2 <= (m - 1) M2:
// the cancellation in M2 loses at most a factor m = rows / chunks, and that only where this row lies far from all
// others; as a rule it loses a factor 2, and never one that depends on |mean| / std. Chan's formula joins the chunks in
// double; their means are stored relative to the first row, because a float mean of 1e4 is off by 5e-4 and put 2e-5 of
// error into rstd.
//
// All kernels write; those with `accumulate` add to dresidual / dgamma / dbeta instead. dx may be dy, y may be x.
// Launch of the remaining ones: Rows(rows, C). Pointers marked "or null" are optional.
// Trace: batch_norm_sums_finish and batch_norm_statistics_finish give a block to a channel, whose partials lie C apart:
// 8 sectors for one, and few lanes. The partials are 1 % of the traffic of the sums.
#include "include/batch_norm_sums.cuh"

// chunk_offset [chunks, C] = mean of the chunk minus its first row, chunk_m2 [chunks, C] = squares about its mean.
KERNEL batch_norm_statistics(real* __restrict__ chunk_offset, real* __restrict__ chunk_m2, const real* __restrict__ x,
                             int rows, int C, int chunks) {
    reduce_columns(Statistics{chunk_offset, chunk_m2, x, C}, rows, C, chunks);
}

// running_mean, running_var (both or null) move by momentum towards the batch, with the unbiased variance, as in torch;
// a batch of one row, for which torch throws, leaves the variance where it is.
KERNEL COOPERATIVE batch_norm_statistics_finish(real* __restrict__ mean, real* __restrict__ rstd,
                                                real* __restrict__ running_mean, real* __restrict__ running_var,
                                                const real* __restrict__ chunk_offset,
                                                const real* __restrict__ chunk_m2, const real* __restrict__ x, int rows,
                                                int C, int chunks, double eps, double momentum) {
    BLOCK_ROWS (c, C) {
        const wide first = x[c];
        wide sum = 0, m2 = 0;
        LANE_LOOP (k, chunks)
            sum += chunk_rows(rows, k, chunks) * (chunk_mean(chunk_offset, x, rows, C, chunks, k, c) - first);
        const wide mu = first + block_sum(sum) / rows;
        LANE_LOOP (k, chunks) {
            const wide d = chunk_mean(chunk_offset, x, rows, C, chunks, k, c) - mu;
            m2 += chunk_m2[k * C + c] + chunk_rows(rows, k, chunks) * d * d;
        }
        m2 = block_sum(m2);
        if (threadIdx.x == 0) {
            mean[c] = (real)mu;
            rstd[c] = (real)(1 / real_sqrt(m2 / rows + eps));
            if (running_mean) running_mean[c] += (real)(momentum * (mu - running_mean[c]));
            if (running_mean && rows > 1) running_var[c] += (real)(momentum * (m2 / (rows - 1) - running_var[c]));
        }
    }
}

// Frozen mode: the rstd that goes with running_var. Launch: Elements(C).
KERNEL batch_norm_frozen_rstd(real* __restrict__ rstd, const real* __restrict__ running_var, int C, double eps) {
    GRID_LOOP (c, C) rstd[c] = (real)(1 / real_sqrt(running_var[c] + eps));
}

struct ForwardArguments {
    real* y;
    const real *x, *residual, *mean, *rstd, *gamma, *beta;
};
template <bool Residual, bool Relu> struct Forward : ForwardArguments {
    template <class V> struct Channel { V mean, scale, shift; };
    template <class V> DEVICE Channel<V> channel(int c) const {
        return {load<V>(mean + c), load<V>(gamma + c) * load<V>(rstd + c), load<V>(beta + c)};
    }
    template <class V> DEVICE V at(const Channel<V>& k, int i) const {
        V v = (load<V>(x + i) - k.mean) * k.scale + k.shift;
        if (Residual) v += load<V>(residual + i);
        return Relu ? relu(v) : v;
    }
    template <class V> DEVICE void put(V v, int i) const { store<V>(y + i, v); }
};

// residual or null.
KERNEL batch_norm_forward(real* y, const real* x, const real* __restrict__ residual, const real* __restrict__ mean,
                          const real* __restrict__ rstd, const real* __restrict__ gamma, const real* __restrict__ beta,
                          int rows, int C, int relu) {
    // The flags are template arguments: a test per vector costs a fifth in cache.
    const ForwardArguments a{y, x, residual, mean, rstd, gamma, beta};
    if (residual && relu) return map_columns(Forward<true, true>{a}, rows, C);
    if (residual) return map_columns(Forward<true, false>{a}, rows, C);
    if (relu) return map_columns(Forward<false, true>{a}, rows, C);
    map_columns(Forward<false, false>{a}, rows, C);
}

// partial [2, chunks, C] = sums of d and of d xh, d = act'(y) dy; y null = no activation. With dy = tx and y null these
// are the sums behind p and q of the forward tangent.
KERNEL batch_norm_sums(real* __restrict__ partial, const real* __restrict__ dy, const real* __restrict__ y,
                       const real* __restrict__ x, const real* __restrict__ mean, const real* __restrict__ rstd,
                       int rows, int C, int chunks) {
    reduce_columns(GradientSums{partial, dy, y, x, mean, rstd, chunks * C}, rows, C, chunks);
}

// means [pairs, 2, C] = the sums of partial [pairs, 2, chunks, C] / rows; dbeta, dgamma (each may be null) get the sums
// of the last pair. pairs = 1 after batch_norm_sums, 2 after batch_norm_tangent_sums (where they are tdbeta, tdgamma).
KERNEL COOPERATIVE batch_norm_sums_finish(real* __restrict__ means, real* __restrict__ dgamma, real* __restrict__ dbeta,
                                          const real* __restrict__ partial, int pairs, int rows, int C, int chunks,
                                          int accumulate) {
    BLOCK_ROWS (c, C) {
        for (int j = 0; j < 2 * pairs; j++) {
            const wide sum = sum_chunks(partial + j * chunks * C, chunks, C, c);
            real* out = j == 2 * pairs - 2 ? dbeta : j == 2 * pairs - 1 ? dgamma : nullptr;
            if (threadIdx.x == 0) means[j * C + c] = (real)(sum / rows);
            if (threadIdx.x == 0 && out) out[c] = (real)(accumulate ? out[c] + sum : sum);
        }
    }
}

struct Backward {
    real *dx, *dresidual;
    const real *dy, *y, *x, *mean, *rstd, *gamma, *means;
    int C;
    bool accumulate;
    template <class V> struct Channel { V mean, scale, a, slope; };
    template <class V> DEVICE Channel<V> channel(int c) const {
        const V s = load<V>(rstd + c), scale = load<V>(gamma + c) * s;
        if (!means) return {load<V>(mean + c), scale, V{}, V{}};
        return {load<V>(mean + c), scale, load<V>(means + c), load<V>(means + C + c) * s};
    }
    template <class V> struct Result { V dx, d; };
    template <class V> DEVICE Result<V> at(const Channel<V>& k, int i) const {
        const V d = masked<V>(dy, y, i), u = load<V>(x + i) - k.mean;
        return {k.scale * (d - k.a - u * k.slope), d};
    }
    template <class V> DEVICE void put(const Result<V>& r, int i) const {
        if (dresidual) store<V>(dresidual + i, accumulate ? load<V>(dresidual + i) + r.d : r.d);
        store<V>(dx + i, r.dx);
    }
};

// means [2, C] of batch_norm_sums_finish, null = frozen; y null = no activation; dresidual or null.
KERNEL batch_norm_backward(real* dx, real* __restrict__ dresidual, const real* dy, const real* __restrict__ y,
                           const real* __restrict__ x, const real* __restrict__ mean, const real* __restrict__ rstd,
                           const real* __restrict__ gamma, const real* __restrict__ means, int rows, int C,
                           int accumulate) {
    map_columns(Backward{dx, dresidual, dy, y, x, mean, rstd, gamma, means, C, accumulate != 0}, rows, C);
}

struct ForwardTangent {
    real* ty;
    const real *tx, *tresidual, *y, *x, *mean, *rstd, *gamma, *tgamma, *tbeta, *tmeans;
    int C;
    template <class V> struct Channel { V mean, scale, slope, shift; };
    // gamma rstd (tx - p - xh q) + tgamma xh + tbeta = scale tx + (x - mean) slope + shift
    template <class V> DEVICE Channel<V> channel(int c) const {
        const V s = load<V>(rstd + c), scale = load<V>(gamma + c) * s, tg = load<V>(tgamma + c);
        if (!tmeans) return {load<V>(mean + c), scale, tg * s, load<V>(tbeta + c)};
        return {load<V>(mean + c), scale, (tg - scale * load<V>(tmeans + C + c)) * s,
                load<V>(tbeta + c) - scale * load<V>(tmeans + c)};
    }
    template <class V> DEVICE V at(const Channel<V>& k, int i) const {
        V v = k.scale * load<V>(tx + i) + (load<V>(x + i) - k.mean) * k.slope + k.shift;
        if (tresidual) v += load<V>(tresidual + i);
        return y ? relu_mask(v, load<V>(y + i)) : v;
    }
    template <class V> DEVICE void put(V v, int i) const { store<V>(ty + i, v); }
};

// tmeans [2, C] = (p, q), null = frozen; y (the forward output) null = no activation; tresidual or null.
KERNEL batch_norm_forward_tangent(real* __restrict__ ty, const real* __restrict__ tx,
                                  const real* __restrict__ tresidual, const real* __restrict__ y,
                                  const real* __restrict__ x, const real* __restrict__ mean,
                                  const real* __restrict__ rstd, const real* __restrict__ gamma,
                                  const real* __restrict__ tgamma, const real* __restrict__ tbeta,
                                  const real* __restrict__ tmeans, int rows, int C) {
    map_columns(ForwardTangent{ty, tx, tresidual, y, x, mean, rstd, gamma, tgamma, tbeta, tmeans, C}, rows, C);
}

// partial [2, 2, chunks, C] = sums of d, d xh, td, td xh + d txh: the first pair costs no memory traffic here, so that
// the backward pass need not have kept its means.
KERNEL batch_norm_tangent_sums(real* __restrict__ partial, const real* __restrict__ tdy, const real* __restrict__ dy,
                               const real* __restrict__ y, const real* __restrict__ tx, const real* __restrict__ x,
                               const real* __restrict__ mean, const real* __restrict__ rstd,
                               const real* __restrict__ tmeans, int rows, int C, int chunks) {
    reduce_columns(TangentSums{partial, tdy, dy, y, tx, x, mean, rstd, tmeans, C, chunks * C}, rows, C, chunks);
}

// Both results are linear in td, d, tx and u = x - mean. Eleven constants a channel, as the formula has them, do not
// fit into registers and cost a third of the time in cache; multiplied out there are eight, six without dx.
struct BackwardTangentArguments {
    real *tdx, *dx, *tdresidual, *dresidual;
    const real *tdy, *dy, *y, *tx, *x, *mean, *rstd, *gamma, *tgamma, *tmeans, *means;
    int C;
    bool accumulate;
};
template <bool Pair, bool Residual> struct BackwardTangent : BackwardTangentArguments {
    template <class V> struct Channel { V mean, scale, d, tx, u, shift, dx_u, dx_shift; };
    template <class V> DEVICE Channel<V> channel(int c) const {
        const NormalizedTangent<V> t = normalized_tangent<V>(rstd, tmeans, C, c);
        const V s = t.rstd, scale = load<V>(gamma + c) * s, tscale = load<V>(tgamma + c) * s - scale * s * t.q;
        if (!means) return {load<V>(mean + c), scale, tscale, V{}, V{}, V{}, V{}, V{}};
        const real* m = means + c;
        const V a = load<V>(m), b = load<V>(m + C) * s, ta = load<V>(m + 2 * C), tb = load<V>(m + 3 * C) * s;
        return {load<V>(mean + c),
                scale,
                tscale,
                -scale * b,
                scale * (b * s * t.q - tb) - tscale * b,
                scale * (b * t.p - ta) - tscale * a,
                -scale * b,
                -scale * a};
    }
    template <class V> struct Result { V tdx, dx, td, d; };
    template <class V> DEVICE Result<V> at(const Channel<V>& k, int i) const {
        const V d = masked<V>(dy, y, i), td = masked<V>(tdy, y, i), u = load<V>(x + i) - k.mean;
        return {k.scale * td + k.d * d + k.tx * load<V>(tx + i) + k.u * u + k.shift,
                k.scale * d + k.dx_u * u + k.dx_shift, td, d};
    }
    template <class V> DEVICE void put(const Result<V>& r, int i) const {
        if (Residual) store<V>(tdresidual + i, accumulate ? load<V>(tdresidual + i) + r.td : r.td);
        if (Pair && Residual) store<V>(dresidual + i, accumulate ? load<V>(dresidual + i) + r.d : r.d);
        if (Pair) store<V>(dx + i, r.dx);
        store<V>(tdx + i, r.tdx);
    }
};

// tmeans as in the forward tangent, means [4, C] of batch_norm_sums_finish with pairs = 2; both null = frozen. dx or
// null, tdresidual or null: with dx the backward pass is done on the way, from the same loads, and dresidual goes with
// tdresidual. y null = no activation.
KERNEL batch_norm_backward_tangent(real* __restrict__ tdx, real* __restrict__ dx, real* __restrict__ tdresidual,
                                   real* __restrict__ dresidual, const real* __restrict__ tdy,
                                   const real* __restrict__ dy, const real* __restrict__ y, const real* __restrict__ tx,
                                   const real* __restrict__ x, const real* __restrict__ mean,
                                   const real* __restrict__ rstd, const real* __restrict__ gamma,
                                   const real* __restrict__ tgamma, const real* __restrict__ tmeans,
                                   const real* __restrict__ means, int rows, int C, int accumulate) {
    const BackwardTangentArguments a{tdx,   dx, tdresidual,     dresidual, tdy,   dy,     y,
                                     tx,    x,  mean,           rstd,      gamma, tgamma, tmeans,
                                     means, C,  accumulate != 0};
    if (dx && tdresidual) return map_columns(BackwardTangent<true, true>{a}, rows, C);
    if (dx) return map_columns(BackwardTangent<true, false>{a}, rows, C);
    if (tdresidual) return map_columns(BackwardTangent<false, true>{a}, rows, C);
    map_columns(BackwardTangent<false, false>{a}, rows, C);
}
