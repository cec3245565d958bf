// distillation.cu - Kullback-Leibler divergence of a student's softened predictions from a teacher's.
//
// Logits z [n, classes] of the student, s [n, classes] of the teacher, temperature T; p = softmax(z / T),
// q = softmax(s / T). Per row with label >= 0 (rows with label < 0 are ignored: nothing is added):
//   KL = sum_j q_j (log q_j - log p_j)
//   forward    loss += coefficient T^2 KL                          the batch's loss is inv_count sum(loss)
//   backward   dz   += coefficient inv_count T (p - q)             d(T^2 KL)/dz = T (p - q)
// T^2 keeps the size of the gradient as T grows (Hinton, Vinyals, Dean 2015). coefficient < 0 drives the student away
// from the teacher; KL has no upper bound. The teacher is constant. Both passes add to what softmax_ce.cu wrote.
// Launch: Blocks(n), one row per block.
// Trace: distillation_forward and distillation_backward give a warp to a row, and a row has as many logits as classes:
// ten of 32 lanes are active. Their memory is a few kilobytes.
#include "include/prelude.cuh"
#include "include/reduce.cuh"

struct Soft {
    accum max, inverse, sum; // softmax_j = exp((x_j - max) inverse) / sum
    DEVICE accum exponent(real x) const { return (x - max) * inverse; }
};

DEVICE Soft soft_of(const real* x, int classes, accum inverse) {
    accum m = MaxOp::identity<accum>();
    LANE_LOOP (j, classes) m = real_max<accum>(x[j], m);
    m = block_max(m);
    accum s = 0;
    LANE_LOOP (j, classes) s += real_exp((x[j] - m) * inverse);
    return {m, inverse, block_sum(s)};
}

KERNEL COOPERATIVE distillation_forward(real* __restrict__ loss, const real* __restrict__ z, const real* __restrict__ s,
                                        const int* __restrict__ labels, int n, int classes, real coefficient,
                                        real temperature) {
    BLOCK_ROWS (r, n) {
        const real *zr = z + r * classes, *sr = s + r * classes;
        const accum inverse = 1 / temperature;
        const Soft student = soft_of(zr, classes, inverse), teacher = soft_of(sr, classes, inverse);
        accum dot = 0;
        LANE_LOOP (j, classes)
            dot += real_exp(teacher.exponent(sr[j])) * (teacher.exponent(sr[j]) - student.exponent(zr[j]));
        dot = block_sum(dot);
        const accum kl = dot / teacher.sum + real_log(student.sum / teacher.sum);
        if (threadIdx.x == 0 && labels[r] >= 0) loss[r] += coefficient * temperature * temperature * kl;
    }
}

KERNEL COOPERATIVE distillation_backward(real* __restrict__ dz, const real* __restrict__ z, const real* __restrict__ s,
                                         const int* __restrict__ labels, int n, int classes, real coefficient,
                                         real inv_count, real temperature) {
    BLOCK_ROWS (r, n) {
        const real *zr = z + r * classes, *sr = s + r * classes;
        real* out = dz + r * classes;
        const accum inverse = 1 / temperature;
        const Soft student = soft_of(zr, classes, inverse), teacher = soft_of(sr, classes, inverse);
        const accum scale = labels[r] >= 0 ? coefficient * inv_count * temperature : accum(0);
        const accum of_student = 1 / student.sum, of_teacher = 1 / teacher.sum;
        LANE_LOOP (j, classes)
            out[j] += scale *
                      (of_student * real_exp(student.exponent(zr[j])) - of_teacher * real_exp(teacher.exponent(sr[j])));
    }
}
