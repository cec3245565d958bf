// attention.cu - the rows of scaled dot-product attention; the matrix products around them are Gemm's.
//
// For q [N, L, C] and k, v [N, M, C], C split into heads of D = C / heads neighbouring channels; per sample and head,
// with c = 1 / sqrt(D) and matrices of L rows and M columns:
//   forward           S = c q k^T;   P = softmax of the rows of S;   o = P v
//   backward          dP = do v^T;   dS = P (dP - r), r = row sum of P dP
//                     dq = c dS k;   dk = c dS^T q;   dv = P^T do
//   forward tangent   tS = c (tq k^T + q tk^T);   tP = P (tS - w), w = row sum of P tS;   to = tP v + P tv
//   backward tangent  tdP = tdo v^T + do tv^T;   tr = row sum of tP dP + P tdP;   tdS = tP (dP - r) + P (tdP - tr)
//                     tdq = c (tdS k + dS tk);   tdk = c (tdS^T q + dS^T tq);   tdv = tP^T do + P^T tdo
// A product of two matrices of L x M is element by element. One number a row is kept between the passes, lse =
// log sum exp S; the matrices exist for a few samples or rows at a time, and P = exp(S - lse) is made anew.
//
// The kernels are the maps of rows [rows, M]; what comes in lies where the result goes: p holds S, x holds dP or tS, tp
// holds tS, ds holds dP, tds holds tdP.
//   causal_mask       S -> S, and out of reach for the keys behind the query: all that follows gives them 0
//   softmax           S -> P, and lse
//   jacobian          S -> P, x -> P (x - row sum of P x)
//   backward_tangent  S -> P, tS -> tP, dP -> dS, tdP -> tdS
// Vaswani et al., "Attention is all you need", 2017; one number a row: Dao et al., "FlashAttention", 2022.
//
// Tried: the forward pass of a head as one kernel, keys packed, register tiles of 12 x 2 vectors, rows of S in the
// first-level cache. On one AVX-512 core, us, against the products of OpenBLAS: 64 x 64, D = 64 15.4 against 15.3;
// 256 x 256, D = 128 408 against 455; eight heads of D = 16 1534 against 1068: not worth a second form of every pass.
//
// Launch: Blocks(rows, M), one row per block. All write. A NaN of S makes its row NaN.
// Trace: attention_softmax, attention_jacobian and attention_backward_tangent give a block to a row; with 256 keys in a
// row every lane loads, and what lowers the share are the block sums, where one lane a warp writes.
#include "include/prelude.cuh"
#include "include/reduce.cuh"

// The largest of a row. Vectors by hand: GCC keeps a loop over real_max scalar, because of NaN.
DEVICE accum row_max(const real* x, int n) {
    const int whole = n / VEC * VEC;
    vec max = vec{} + MaxOp::identity<real>();
    LANE_LOOP (i, n / VEC) {
        const vec v = vec_load(x + i * VEC);
        max = v > max ? v : max;
    }
    real lanes[VEC];
    vec_store(lanes, max);
    real largest = lanes[0];
    for (int l = 1; l < VEC; l++) largest = real_max(lanes[l], largest);
    LANE_LOOP (i, n - whole) largest = real_max(x[whole + i], largest);
    return block_max<accum>(largest);
}

// Row r of a matrix is query first + r mod length, which sees the keys up to its own number. Launch: Rows(rows, M).
KERNEL attention_causal_mask(real* __restrict__ s, int rows, int M, int length, int first) {
    GRID_ROWS (r, rows) {
        const int query = first + r % length;
        real* hidden = s + (long long)r * M + query + 1;
        LANE_LOOP (j, M - 1 - query) hidden[j] = MaxOp::identity<real>();
    }
}

KERNEL COOPERATIVE attention_softmax(real* __restrict__ p, real* __restrict__ lse, int rows, int M) {
    BLOCK_ROWS (r, rows) {
        real* pr = p + (long long)r * M;
        const accum max = row_max(pr, M);
        accum sum = 0;
        LANE_LOOP (j, M) {
            const accum e = real_exp(pr[j] - max);
            pr[j] = e;
            sum += e;
        }
        sum = block_sum(sum);
        const accum scale = 1 / sum;
        LANE_LOOP (j, M) pr[j] *= scale;
        if (threadIdx.x == 0) lse[r] = max + real_log(sum);
    }
}

KERNEL COOPERATIVE attention_jacobian(real* __restrict__ p, real* __restrict__ x, const real* __restrict__ lse,
                                      int rows, int M) {
    BLOCK_ROWS (r, rows) {
        real *pr = p + (long long)r * M, *xr = x + (long long)r * M;
        const accum shift = lse[r];
        accum sum = 0;
        LANE_LOOP (j, M) {
            const accum e = real_exp(pr[j] - shift);
            pr[j] = e;
            sum += e * xr[j];
        }
        sum = block_sum(sum);
        LANE_LOOP (j, M) xr[j] = pr[j] * (xr[j] - sum);
    }
}

KERNEL COOPERATIVE attention_backward_tangent(real* __restrict__ p, real* __restrict__ tp, real* __restrict__ ds,
                                              real* __restrict__ tds, const real* __restrict__ lse, int rows, int M) {
    BLOCK_ROWS (r, rows) {
        const long long at = (long long)r * M;
        real *pr = p + at, *tpr = tp + at, *dsr = ds + at, *tdsr = tds + at;
        const accum shift = lse[r];
        accum w = 0, own = 0, t = 0;
        LANE_LOOP (j, M) {
            const accum e = real_exp(pr[j] - shift);
            pr[j] = e;
            w += e * tpr[j];
            own += e * dsr[j];
        }
        w = block_sum(w);
        own = block_sum(own);
        // r subtracted here too, which changes nothing, as tP sums to 0, but for what large rows of dP cancel.
        LANE_LOOP (j, M) {
            const accum te = pr[j] * (tpr[j] - w), d = dsr[j] - own;
            tpr[j] = te;
            dsr[j] = d;
            t += te * d + pr[j] * tdsr[j];
        }
        t = block_sum(t);
        LANE_LOOP (j, M) {
            tdsr[j] = tpr[j] * dsr[j] + pr[j] * (tdsr[j] - t);
            dsr[j] *= pr[j];
        }
    }
}
