// group_norm.cu - group normalisation over x [N, inner, C], inner = H W, with an optional SiLU fused behind it.
//
// A group is C / G neighbouring channels of one sample; <.> is the mean over its m = inner C / G values.
//   forward           xh = (x - mean) rstd,  rstd = (var + eps)^(-1/2), var biased;  yn = gamma xh + beta
//                     y = f(yn), f = SiLU or identity
//   backward          d = f'(yn) dy;  dbeta = sum d;  dgamma = sum d xh  (over N and inner)
//                     e = gamma d;  A = <e>, B = <e xh>;  dx = rstd (e - A - xh B)
//   forward_tangent   p = <tx>, q = <xh tx>;  txh = rstd (tx - p - xh q);  tyn = gamma txh + tgamma xh + tbeta
//                     ty = f'(yn) tyn
//   backward_tangent  td = f' tdy + f'' tyn dy;  tdbeta = sum td;  tdgamma = sum (td xh + d txh)
//                     te = gamma td + tgamma d;  tA = <te>, tB = <te xh + e txh>;  trstd = -rstd^2 q
//                     tdx = trstd (e - A - xh B) + rstd (te - tA - txh B - xh tB)
// Wu and He, "Group normalization", ECCV 2018; tangent: Pearlmutter 1994. SiLU: silu.cu.
// xh, yn and tyn are recomputed: of a sample only mean, rstd, p, q and the means are kept, each spread over its
// channels, [N, C], so that neighbouring channels are neighbouring numbers in every pass.
//
// Sums have two stages. Stage 1, ColumnSums(N inner, C, N chunks): one partial per chunk and channel; `chunks` of a
// sample must divide inner, so that no chunk spans two samples. Its statistics are batch_norm_statistics. Stage 2 adds
// in double over the chunks and channels of a group, Blocks(N G), or over all chunks of a channel, Blocks(C). Launch of
// the others: Rows(N inner, C). All write; backward and backward_tangent add with `accumulate`. On a GPU both stages
// are one launch: group_norm_totals.cu.
// Trace: group_norm_means, group_norm_tangent_means, group_norm_statistics_finish and group_norm_weights finish sums
// that are at most 1 % of the activations, a block a group or a channel: few lanes, and partials that lie C apart.
#include "include/group_norm_sums.cuh"

// mean, rstd [N, C] from what batch_norm_statistics left, about the group's first element; see there.
KERNEL COOPERATIVE group_norm_statistics_finish(real* __restrict__ mean, real* __restrict__ rstd,
                                                const real* __restrict__ chunk_offset,
                                                const real* __restrict__ chunk_m2, const real* __restrict__ x,
                                                int samples, int inner, int C, int groups, int chunks, double eps) {
    const int width = C / groups, length = inner / chunks;
    BLOCK_ROWS (group, samples * groups) {
        const int n = group / groups, c0 = (group - n * groups) * width;
        const real *rows = x + n * inner * C + c0, *offset = chunk_offset + n * chunks * C + c0;
        const real* m2s = chunk_m2 + n * chunks * C + c0;
        const wide first = rows[0];
        wide sum = 0, m2 = 0;
        for (int k = 0; k < chunks; k++)
            LANE_LOOP (c, width) sum += length * ((wide)rows[k * length * C + c] + offset[k * C + c] - first);
        const wide mu = first + block_sum(sum) / ((wide)inner * width);
        for (int k = 0; k < chunks; k++)
            LANE_LOOP (c, width) {
                const wide d = (wide)rows[k * length * C + c] + offset[k * C + c] - mu;
                m2 += m2s[k * C + c] + length * d * d;
            }
        const wide root = real_sqrt(block_sum(m2) / ((wide)inner * width) + eps);
        LANE_LOOP (c, width) {
            mean[n * C + c0 + c] = (real)mu;
            rstd[n * C + c0 + c] = (real)(1 / root);
        }
    }
}

template <bool Silu> struct Forward {
    real* y;
    Normalized in;
    template <class V> using Channel = Affine<V>;
    template <class V> DEVICE Affine<V> channel(int c, int n) const { return in.affine<V>(c, n); }
    template <class V> DEVICE V at(const Affine<V>& k, int i) const {
        return activated<Silu>(k.yn(k.xh(load<V>(in.x + i))));
    }
    template <class V> DEVICE void put(V v, int i) const { store<V>(y + i, v); }
};

KERNEL group_norm_forward(real* __restrict__ y, const real* __restrict__ x, const real* __restrict__ mean,
                          const real* __restrict__ rstd, const real* __restrict__ gamma, const real* __restrict__ beta,
                          int samples, int inner, int C, int silu) {
    const Normalized in{x, mean, rstd, gamma, beta, C};
    if (silu) return map_samples(Forward<true>{y, in}, samples, inner, C);
    map_samples(Forward<false>{y, in}, samples, inner, C);
}

// partial [2, N chunks, C] = sums of d and d xh. With dy = tx and silu 0: those behind p and q.
KERNEL group_norm_sums(real* __restrict__ partial, const real* __restrict__ dy, const real* __restrict__ x,
                       const real* __restrict__ mean, const real* __restrict__ rstd, const real* __restrict__ gamma,
                       const real* __restrict__ beta, int samples, int inner, int C, int chunks, int silu) {
    const Normalized in{x, mean, rstd, gamma, beta, C};
    const int rows = samples * inner, all = samples * chunks;
    if (silu) return reduce_columns(GradientSums<true>{partial, dy, in, inner, all * C}, rows, C, all);
    reduce_columns(GradientSums<false>{partial, dy, in, inner, all * C}, rows, C, all);
}

// means [2, N, C] = A, B; gamma null = 1: p, q.
KERNEL COOPERATIVE group_norm_means(real* __restrict__ means, const real* __restrict__ partial,
                                    const real* __restrict__ gamma, int samples, int inner, int C, int groups,
                                    int chunks) {
    const int width = C / groups, stride = samples * chunks * C;
    BLOCK_ROWS (group, samples * groups) {
        const int n = group / groups, c0 = (group - n * groups) * width;
        wide a = 0, b = 0;
        for (int k = 0; k < chunks; k++)
            LANE_LOOP (c, width) {
                const wide weight = gamma ? gamma[c0 + c] : real(1);
                a += weight * partial[(n * chunks + k) * C + c0 + c];
                b += weight * partial[stride + (n * chunks + k) * C + c0 + c];
            }
        a = block_sum(a) / ((wide)inner * width);
        b = block_sum(b) / ((wide)inner * width);
        LANE_LOOP (c, width) {
            means[n * C + c0 + c] = (real)a;
            means[(samples + n) * C + c0 + c] = (real)b;
        }
    }
}

// dbeta [C], dgamma [C] = the sums of partial [2, all chunks, C].
KERNEL COOPERATIVE group_norm_weights(real* __restrict__ dgamma, real* __restrict__ dbeta,
                                      const real* __restrict__ partial, int C, int all) {
    BLOCK_ROWS (c, C) {
        const wide shift = sum_chunks(partial, all, C, c), scale = sum_chunks(partial + all * C, all, C, c);
        if (threadIdx.x == 0) {
            dbeta[c] = (real)shift;
            dgamma[c] = (real)scale;
        }
    }
}

template <bool Silu> struct Backward {
    real* dx;
    const real *dy, *means;
    Normalized in;
    int stride; // samples C
    bool accumulate;
    template <class V> struct Channel : Affine<V> { V a, b; };
    template <class V> DEVICE Channel<V> channel(int c, int n) const {
        const int at = n * in.C + c;
        return {in.affine<V>(c, n), load<V>(means + at), load<V>(means + stride + at)};
    }
    template <class V> DEVICE V at(const Channel<V>& k, int i) const {
        const V xh = k.xh(load<V>(in.x + i)), d = slopes<Silu>(k.yn(xh)).first * load<V>(dy + i);
        const V v = k.rstd * (k.gamma * d - k.a - xh * k.b);
        return accumulate ? load<V>(dx + i) + v : v;
    }
    template <class V> DEVICE void put(V v, int i) const { store<V>(dx + i, v); }
};

KERNEL group_norm_backward(real* __restrict__ dx, const real* __restrict__ dy, const real* __restrict__ x,
                           const real* __restrict__ mean, const real* __restrict__ rstd, const real* __restrict__ gamma,
                           const real* __restrict__ beta, const real* __restrict__ means, int samples, int inner, int C,
                           int silu, int accumulate) {
    const Normalized in{x, mean, rstd, gamma, beta, C};
    if (silu) return map_samples(Backward<true>{dx, dy, means, in, samples * C, accumulate != 0}, samples, inner, C);
    map_samples(Backward<false>{dx, dy, means, in, samples * C, accumulate != 0}, samples, inner, C);
}

template <bool Silu> struct ForwardTangent {
    real* ty;
    NormalizedTangent in;
    template <class V> using Channel = AffineTangent<V>;
    template <class V> DEVICE AffineTangent<V> channel(int c, int n) const { return in.tangent<V>(c, n); }
    template <class V> DEVICE V at(const AffineTangent<V>& k, int i) const {
        const V xh = k.xh(load<V>(in.x + i));
        return slopes<Silu>(k.yn(xh)).first * k.tyn(k.txh(load<V>(in.tx + i), xh), xh);
    }
    template <class V> DEVICE void put(V v, int i) const { store<V>(ty + i, v); }
};

KERNEL group_norm_forward_tangent(real* __restrict__ ty, const real* __restrict__ tx, const real* __restrict__ x,
                                  const real* __restrict__ mean, const real* __restrict__ rstd,
                                  const real* __restrict__ gamma, const real* __restrict__ beta,
                                  const real* __restrict__ tgamma, const real* __restrict__ tbeta,
                                  const real* __restrict__ pq, int samples, int inner, int C, int silu) {
    const NormalizedTangent in{{x, mean, rstd, gamma, beta, C}, tx, tgamma, tbeta, pq, samples * C};
    if (silu) return map_samples(ForwardTangent<true>{ty, in}, samples, inner, C);
    map_samples(ForwardTangent<false>{ty, in}, samples, inner, C);
}

// partial [4, N chunks, C] = sums of d, d xh, td, td xh + d txh. The last two are what group_norm_weights adds up.
KERNEL group_norm_tangent_sums(real* __restrict__ partial, const real* __restrict__ dy, const real* __restrict__ tdy,
                               const real* __restrict__ tx, const real* __restrict__ x, const real* __restrict__ mean,
                               const real* __restrict__ rstd, const real* __restrict__ gamma,
                               const real* __restrict__ beta, const real* __restrict__ tgamma,
                               const real* __restrict__ tbeta, const real* __restrict__ pq, int samples, int inner,
                               int C, int chunks, int silu) {
    const NormalizedTangent in{{x, mean, rstd, gamma, beta, C}, tx, tgamma, tbeta, pq, samples * C};
    const int rows = samples * inner, all = samples * chunks;
    if (silu) return reduce_columns(TangentSums<true>{partial, dy, tdy, in, inner, all * C}, rows, C, all);
    reduce_columns(TangentSums<false>{partial, dy, tdy, in, inner, all * C}, rows, C, all);
}

// means [4, N, C] = A, B, tA, tB.
KERNEL COOPERATIVE group_norm_tangent_means(real* __restrict__ means, const real* __restrict__ partial,
                                            const real* __restrict__ gamma, const real* __restrict__ tgamma,
                                            int samples, int inner, int C, int groups, int chunks) {
    const int width = C / groups, stride = samples * chunks * C;
    BLOCK_ROWS (group, samples * groups) {
        const int n = group / groups, c0 = (group - n * groups) * width;
        wide sums[4] = {0, 0, 0, 0};
        for (int k = 0; k < chunks; k++)
            LANE_LOOP (c, width) {
                const real* at = partial + (n * chunks + k) * C + c0 + c;
                const wide scale = gamma[c0 + c], tscale = tgamma[c0 + c];
                sums[0] += scale * at[0];
                sums[1] += scale * at[stride];
                sums[2] += scale * at[2 * stride] + tscale * at[0];
                sums[3] += scale * at[3 * stride] + tscale * at[stride];
            }
#pragma unroll
        for (int j = 0; j < 4; j++) {
            const wide mean = block_sum(sums[j]) / ((wide)inner * width);
            LANE_LOOP (c, width) means[(j * samples + n) * C + c0 + c] = (real)mean;
        }
    }
}

template <bool Silu> struct BackwardTangent {
    real* tdx;
    const real *dy, *tdy, *means;
    NormalizedTangent in;
    bool accumulate;
    template <class V> struct Channel : AffineTangent<V> { V a, b, ta, tb; };
    template <class V> DEVICE Channel<V> channel(int c, int n) const {
        const real* m = means + n * in.C + c;
        const int s = in.stride;
        return {in.tangent<V>(c, n), load<V>(m), load<V>(m + s), load<V>(m + 2 * s), load<V>(m + 3 * s)};
    }
    template <class V> DEVICE V at(const Channel<V>& k, int i) const {
        const Pair<V> e = pair_at<Silu, V>(k, load<V>(in.x + i), load<V>(in.tx + i), load<V>(dy + i), load<V>(tdy + i));
        const V whole = k.gamma * e.d - k.a - e.xh * k.b; // trstd / rstd = -rstd q
        const V v =
            k.rstd * (k.gamma * e.td + k.tgamma * e.d - k.ta - e.txh * k.b - e.xh * k.tb - k.rstd * k.q * whole);
        return accumulate ? load<V>(tdx + i) + v : v;
    }
    template <class V> DEVICE void put(V v, int i) const { store<V>(tdx + i, v); }
};

KERNEL group_norm_backward_tangent(real* __restrict__ tdx, const real* __restrict__ dy, const real* __restrict__ tdy,
                                   const real* __restrict__ tx, const real* __restrict__ x,
                                   const real* __restrict__ mean, const real* __restrict__ rstd,
                                   const real* __restrict__ gamma, const real* __restrict__ beta,
                                   const real* __restrict__ tgamma, const real* __restrict__ tbeta,
                                   const real* __restrict__ pq, const real* __restrict__ means, int samples, int inner,
                                   int C, int silu, int accumulate) {
    const NormalizedTangent in{{x, mean, rstd, gamma, beta, C}, tx, tgamma, tbeta, pq, samples * C};
    if (silu) return map_samples(BackwardTangent<true>{tdx, dy, tdy, means, in, accumulate != 0}, samples, inner, C);
    map_samples(BackwardTangent<false>{tdx, dy, tdy, means, in, accumulate != 0}, samples, inner, C);
}
