// batch_norm_totals.cu - the sums of batch_norm.cu in one launch each, for GPUs: what *_sums and *_statistics write by
// chunk there, and at its end what *_finish makes of it. Formulas and arguments: batch_norm.cu.
//
// Launch: ColumnTotals(C, chunks), `done` int[ceil(C / 64)], see totals.cuh. Workspace in reals as in batch_norm.cu:
// statistics 2 chunks C, sums 2 chunks C, tangent sums 4 chunks C. Bits differ from those of the two launches: a
// chunk's rows are dealt out to threads here. All kernels write.
#include "include/batch_norm_sums.cuh"
#include "include/totals.cuh"

struct TotalStatistics : Statistics {
    real *mean, *rstd, *running_mean, *running_var;
    double eps, momentum;
    DEVICE void total(wide* space, const Tile& t, int rows, int C, int chunks) const {
        __shared__ wide centre[COLUMN_TILE];
        const auto chunk = [&](int k, int c) { return chunk_mean(chunk_offset, x, rows, C, chunks, k, t.first + c); };
        const auto weight = [&](int k) { return (wide)chunk_rows(rows, k, chunks); };
        fold_chunks<1>(space, t, chunks,
                       [&](int, int k, int c) { return weight(k) * (chunk(k, c) - (wide)x[t.first + c]); });
        LANE_LOOP (c, t.width) centre[c] = x[t.first + c] + space[c] / rows;
        fold_chunks<1>(space, t, chunks, [&](int, int k, int c) {
            const wide d = chunk(k, c) - centre[c];
            return chunk_m2[k * C + t.first + c] + weight(k) * d * d;
        });
        LANE_LOOP (i, t.width) {
            const int c = t.first + i;
            const wide mu = centre[i], m2 = space[i];
            mean[c] = (real)mu;
            rstd[c] = (real)(1 / real_sqrt(m2 / rows + eps));
            if (running_mean) running_mean[c] += (real)(momentum * (mu - running_mean[c]));
            if (running_mean && rows > 1) running_var[c] += (real)(momentum * (m2 / (rows - 1) - running_var[c]));
        }
    }
};

KERNEL COOPERATIVE batch_norm_total_statistics(real* __restrict__ mean, real* __restrict__ rstd,
                                               real* __restrict__ running_mean, real* __restrict__ running_var,
                                               real* __restrict__ chunk_offset, real* __restrict__ chunk_m2,
                                               int* __restrict__ done, const real* __restrict__ x, int rows, int C,
                                               int chunks, double eps, double momentum) {
    total_columns(TotalStatistics{{chunk_offset, chunk_m2, x, C}, mean, rstd, running_mean, running_var, eps, momentum},
                  done, rows, C, chunks);
}

// The means of all values, and the sums of the last two.
template <class Op> struct Totals : Op {
    real *means, *dgamma, *dbeta;
    DEVICE void total(wide* space, const Tile& t, int rows, int C, int chunks) const {
        constexpr int N = (int)(sizeof(typename Op::template Sums<real>) / sizeof(real));
        fold_chunks<N>(space, t, chunks, [&](int j, int k, int c) {
            return (wide)this->partial[j * this->stride + k * C + t.first + c];
        });
        LANE_LOOP (i, t.width) {
            const int c = t.first + i;
#pragma unroll
            for (int j = 0; j < N; j++) means[j * C + c] = (real)(space[j * TOTAL_PARTS + i] / rows);
            if (dbeta) dbeta[c] = (real)space[(N - 2) * TOTAL_PARTS + i];
            if (dgamma) dgamma[c] = (real)space[(N - 1) * TOTAL_PARTS + i];
        }
    }
};

// means [2, C]; dgamma, dbeta or null.
KERNEL COOPERATIVE batch_norm_total_sums(real* __restrict__ means, real* __restrict__ dgamma, real* __restrict__ dbeta,
                                         real* __restrict__ partial, int* __restrict__ done,
                                         const real* __restrict__ dy, const real* __restrict__ y,
                                         const real* __restrict__ x, const real* __restrict__ mean,
                                         const real* __restrict__ rstd, int rows, int C, int chunks) {
    total_columns(Totals<GradientSums>{{partial, dy, y, x, mean, rstd, chunks * C}, means, dgamma, dbeta}, done, rows,
                  C, chunks);
}

// means [4, C]; tdgamma, tdbeta or null.
KERNEL COOPERATIVE batch_norm_total_tangent_sums(real* __restrict__ means, real* __restrict__ tdgamma,
                                                 real* __restrict__ tdbeta, real* __restrict__ partial,
                                                 int* __restrict__ done, const real* __restrict__ tdy,
                                                 const real* __restrict__ dy, const real* __restrict__ y,
                                                 const real* __restrict__ tx, const real* __restrict__ x,
                                                 const real* __restrict__ mean, const real* __restrict__ rstd,
                                                 const real* __restrict__ tmeans, int rows, int C, int chunks) {
    total_columns(
        Totals<TangentSums>{{partial, tdy, dy, y, tx, x, mean, rstd, tmeans, C, chunks * C}, means, tdgamma, tdbeta},
        done, rows, C, chunks);
}
