// fisher.cu - the diagonal of the empirical Fisher information from gradients, and what unlearning makes of it.
//
// A diagonal F[n] is double whatever real is: squares of small gradients leave the range of float, and a mean over
// 50,000 of them would lose three digits. One double operation an element is far below the price of its memory traffic.
//   fisher_accumulate     sum += w (scale g + shift)^2, w = weight (p null) or weight sum_r p[r], r < rows; g[n] is one
//                         gradient, p[rows] probabilities that never leave the device. With one sample a gradient and
//                         weight = 1 / samples, sum becomes the mean of g_i^2. With a batch a gradient it is the mean
//                         of squared batch means, which is not the diagonal but smaller, by the batch size where
//                         gradients average out.
//   fisher_dampen         forget > alpha all: theta = min(lambda all / forget, 1) theta; else unchanged to the bit.
//                         partials[count]: entries changed in each part, see partials.cuh (Foster et al. 2024, SSD)
//   fisher_deviation      deviation = factor min(sqrt(alpha / F), cap); F = 0 gives factor cap (0 if alpha = 0)
//   fisher_row_deviation  F [rows, length]; all of a row get sqrt(factor alpha mean_j min(1 / (F_j + epsilon), cap))
//   fisher_noise          theta = theta + deviation z   (one rounding)
// Launch: Elements(n); fisher_dampen Blocks(count); fisher_row_deviation Blocks(rows, length). accumulate, dampen and
// noise update in place, the deviations are written. Reference: Golatkar, Achille, Soatto 2020 for forgetting by noise.
#include "include/partials.cuh"

KERNEL fisher_accumulate(double* __restrict__ sum, const real* __restrict__ g, const real* __restrict__ p, int n,
                         int rows, double scale, double shift, double weight) {
    wide w = weight;
    if (p != nullptr) {
        wide s = 0;
        for (int r = 0; r < rows; r++) s += p[r];
        w *= s;
    }
    GRID_LOOP (i, n) {
        const wide x = scale * g[i] + shift;
        sum[i] += w * (x * x);
    }
}

KERNEL COOPERATIVE fisher_dampen(real* __restrict__ theta, double* __restrict__ partials,
                                 const double* __restrict__ forget, const double* __restrict__ all, int n, int count,
                                 double alpha, double lambda) {
    BLOCK_ROWS (p, count) {
        const Chunk c = chunk_of(n, p, count);
        real* t = theta + c.begin;
        const double *f = forget + c.begin, *a = all + c.begin;
        int s = 0;
        LANE_LOOP (i, c.length) {
            const bool hit = f[i] > alpha * a[i];
            // Divided by 1 where nothing is to be done: there f may be 0.
            const wide beta = real_min(lambda * a[i] / (hit ? f[i] : 1.0), 1.0);
            t[i] = hit ? (real)(beta * t[i]) : t[i];
            s += hit ? 1 : 0;
        }
        s = block_sum(s);
        if (threadIdx.x == 0) partials[p] = s;
    }
}

KERNEL fisher_deviation(real* __restrict__ deviation, const double* __restrict__ fisher, int n, double alpha,
                        double cap, double factor) {
    const wide top = alpha > 0 ? cap : 0.0; // no noise is none, also where F = 0
    GRID_LOOP (i, n) {
        const bool capped = !(cap * cap * fisher[i] > alpha);
        deviation[i] = (real)(factor * (capped ? top : real_sqrt(alpha / (capped ? 1.0 : fisher[i]))));
    }
}

KERNEL COOPERATIVE fisher_row_deviation(real* __restrict__ deviation, const double* __restrict__ fisher, int rows,
                                        int length, double alpha, double epsilon, double cap, double factor) {
    BLOCK_ROWS (r, rows) {
        const double* f = fisher + (long long)r * length;
        real* out = deviation + (long long)r * length;
        wide s = 0;
        LANE_LOOP (j, length) s += real_min(1 / (f[j] + epsilon), cap);
        s = block_sum(s);
        const real d = (real)real_sqrt(factor * alpha * s / length);
        LANE_LOOP (j, length) out[j] = d;
    }
}

KERNEL fisher_noise(real* __restrict__ theta, const real* __restrict__ deviation, const real* __restrict__ z, int n) {
    GRID_LOOP (i, n) theta[i] = real_fma(deviation[i], z[i], theta[i]);
}
