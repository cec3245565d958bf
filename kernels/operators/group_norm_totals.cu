// group_norm_totals.cu - the sums of group_norm.cu in one launch each, for GPUs: both stages. Formulas and arguments:
// group_norm.cu.
//
// Launch: ColumnTotals(C, N chunks), see totals.cuh; `chunks` of a sample divides inner. done int[N + ceil(C / 64)]:
// the last block of a sample makes the means of its groups, the last of a tile of channels the gradients of its
// weights. Workspace in reals: statistics 2 N chunks C, sums 2 N chunks C, tangent sums 4 N chunks C. All write.
#include "include/group_norm_sums.cuh"
#include "include/statistics.cuh"
#include "include/totals.cuh"

struct Groups {
    int samples, inner, C, groups, chunks;
    DEVICE int width() const { return C / groups; }
    DEVICE int rows() const { return samples * inner; }
    DEVICE int all() const { return samples * chunks; }
};

// Op is one of reduce_columns with, beside it: end_sample(space, n), and end_tile(space, tile) where has_weights.
// space: TOTAL_PARTS for each sum, one for all instances of a kernel.
template <class Op> DEVICE void total_groups(const Op& op, wide* space, int* done, const Groups& of, bool has_weights) {
    const int tiles = (of.C + COLUMN_TILE - 1) / COLUMN_TILE;
    BLOCK_ROWS (item, of.all() * tiles) {
        const int chunk = item / tiles, tile = item - chunk * tiles, n = chunk / of.chunks;
        const Tile t = tile_of(of.C, tile);
        sum_chunk(op, space, t, of.rows(), of.C, chunk, of.all());
        if (is_last(done + n, of.chunks * tiles)) op.end_sample(space, n);
        if (has_weights && is_last(done + of.samples + tile, of.all())) op.end_tile(space, t);
        __syncthreads(); // the readers of space are done
    }
}

// space[j][group] = the sum of term(j, chunk of sample n, channel) over the chunks and the channels of a group.
template <int N, class Term>
DEVICE void fold_groups(wide* space, const Groups& of, const Tile& t, int n, const Term& term) {
    const int width = of.width();
    fold_chunks<N>(space, t, of.chunks * width, [&](int j, int k, int group) {
        const int chunk = k / width;
        return term(j, n * of.chunks + chunk, (t.first + group) * width + k - chunk * width);
    });
}

struct GroupStatistics : Statistics {
    real *mean, *rstd;
    Groups of;
    double eps;
    DEVICE void end_sample(wide* space, int n) const {
        __shared__ wide centre[COLUMN_TILE];
        const int width = of.width(), length = of.inner / of.chunks;
        const auto of_chunk = [&](int k, int c) { return chunk_mean(chunk_offset, x, of.rows(), C, of.all(), k, c); };
        for (int tile = 0; tile * COLUMN_TILE < of.groups; tile++) {
            const Tile t = tile_of(of.groups, tile);
            const real* first = x + n * of.inner * C + t.first * width; // of each group, about which it is summed
            fold_groups<1>(space, of, t, n, [&](int, int k, int c) {
                return length * (of_chunk(k, c) - (wide)first[(c / width - t.first) * width]);
            });
            LANE_LOOP (g, t.width) centre[g] = first[g * width] + space[g] / ((wide)of.inner * width);
            fold_groups<1>(space, of, t, n, [&](int, int k, int c) {
                const wide d = of_chunk(k, c) - centre[c / width - t.first];
                return chunk_m2[k * C + c] + length * d * d;
            });
            LANE_LOOP (i, t.width * width) {
                const int g = i / width, at = n * C + t.first * width + i;
                mean[at] = (real)centre[g];
                rstd[at] = (real)(1 / real_sqrt(space[g] / ((wide)of.inner * width) + eps));
            }
            __syncthreads(); // the readers of centre are done
        }
    }
    DEVICE void end_tile(wide*, const Tile&) const {}
};

// mean, rstd [N, C].
KERNEL COOPERATIVE group_norm_total_statistics(real* __restrict__ mean, real* __restrict__ rstd,
                                               real* __restrict__ chunk_offset, real* __restrict__ chunk_m2,
                                               int* __restrict__ done, const real* __restrict__ x, int samples,
                                               int inner, int C, int groups, int chunks, double eps) {
    const Groups of{samples, inner, C, groups, chunks};
    __shared__ wide space[2 * TOTAL_PARTS];
    total_groups(GroupStatistics{{chunk_offset, chunk_m2, x, C}, mean, rstd, of, eps}, space, done, of, false);
}

// means [N values, C] of gamma times the sums, with the tangent's of tgamma where Tangent; gamma null = 1. The last two
// sums are those of the weights.
template <class Op, bool Tangent> struct GroupTotals : Op {
    real *means, *dgamma, *dbeta;
    const real *gamma, *tgamma;
    Groups of;
    DEVICE wide sum(int j, int k, int c) const { return this->partial[j * this->stride + k * of.C + c]; }
    DEVICE void end_sample(wide* space, int n) const {
        constexpr int N = Tangent ? 4 : 2;
        if (!means) return; // of the whole block: nobody asks for the input's gradient
        const int width = of.width();
        for (int tile = 0; tile * COLUMN_TILE < of.groups; tile++) {
            const Tile t = tile_of(of.groups, tile);
            fold_groups<N>(space, of, t, n, [&](int j, int k, int c) {
                const wide own = (gamma ? gamma[c] : real(1)) * sum(j, k, c);
                return Tangent && j >= 2 ? own + tgamma[c] * sum(j - 2, k, c) : own;
            });
            LANE_LOOP (i, t.width * width)
                for (int j = 0; j < N; j++)
                    means[(j * of.samples + n) * of.C + t.first * width + i] =
                        (real)(space[j * TOTAL_PARTS + i / width] / ((wide)of.inner * width));
        }
    }
    DEVICE void end_tile(wide* space, const Tile& t) const {
        const int last = Tangent ? 2 : 0;
        fold_chunks<2>(space, t, of.all(), [&](int j, int k, int c) { return sum(last + j, k, t.first + c); });
        LANE_LOOP (c, t.width) {
            dbeta[t.first + c] = (real)space[c];
            dgamma[t.first + c] = (real)space[TOTAL_PARTS + c];
        }
    }
};

// means [2, N, C] = A, B or null; dgamma, dbeta [C], both or neither. As in group_norm_sums: with dy = tx, silu 0 and
// mean_gamma null the means are p and q. mean_gamma weighs them: gamma or null.
KERNEL COOPERATIVE group_norm_total_sums(real* __restrict__ means, real* __restrict__ dgamma, real* __restrict__ dbeta,
                                         real* __restrict__ partial, int* __restrict__ done,
                                         const real* __restrict__ dy, const real* __restrict__ x,
                                         const real* __restrict__ mean, const real* __restrict__ rstd,
                                         const real* __restrict__ gamma, const real* __restrict__ beta,
                                         const real* __restrict__ mean_gamma, int samples, int inner, int C, int groups,
                                         int chunks, int silu) {
    __shared__ wide space[2 * TOTAL_PARTS];
    const Groups of{samples, inner, C, groups, chunks};
    const Normalized in{x, mean, rstd, gamma, beta, C};
    const int stride = of.all() * C;
    if (silu)
        total_groups(
            GroupTotals<GradientSums<true>, false>{
                {partial, dy, in, inner, stride}, means, dgamma, dbeta, mean_gamma, nullptr, of},
            space, done, of, dgamma != nullptr);
    else
        total_groups(
            GroupTotals<GradientSums<false>, false>{
                {partial, dy, in, inner, stride}, means, dgamma, dbeta, mean_gamma, nullptr, of},
            space, done, of, dgamma != nullptr);
}

// means [4, N, C] = A, B, tA, tB or null; tdgamma, tdbeta [C], both or neither.
KERNEL COOPERATIVE group_norm_total_tangent_sums(real* __restrict__ means, real* __restrict__ tdgamma,
                                                 real* __restrict__ tdbeta, real* __restrict__ partial,
                                                 int* __restrict__ done, const real* __restrict__ dy,
                                                 const real* __restrict__ tdy, const real* __restrict__ tx,
                                                 const real* __restrict__ x, const real* __restrict__ mean,
                                                 const real* __restrict__ rstd, const real* __restrict__ gamma,
                                                 const real* __restrict__ beta, const real* __restrict__ tgamma,
                                                 const real* __restrict__ tbeta, const real* __restrict__ pq,
                                                 int samples, int inner, int C, int groups, int chunks, int silu) {
    __shared__ wide space[4 * TOTAL_PARTS];
    const Groups of{samples, inner, C, groups, chunks};
    const NormalizedTangent in{{x, mean, rstd, gamma, beta, C}, tx, tgamma, tbeta, pq, samples * C};
    const int stride = of.all() * C;
    if (silu)
        total_groups(
            GroupTotals<TangentSums<true>, true>{
                {partial, dy, tdy, in, inner, stride}, means, tdgamma, tdbeta, gamma, tgamma, of},
            space, done, of, tdgamma != nullptr);
    else
        total_groups(
            GroupTotals<TangentSums<false>, true>{
                {partial, dy, tdy, in, inner, stride}, means, tdgamma, tdbeta, gamma, tgamma, of},
            space, done, of, tdgamma != nullptr);
}
