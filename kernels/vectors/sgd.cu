// sgd.cu - SGD with weight decay, momentum, Nesterov momentum and a mask, in one pass.
//
//   d = g + wd theta;   m = mu m + d;   u = nesterov ? d + mu m : m;   theta = theta - lr u
//
// theta[n], momentum[n] updated in place, g[n] read, each once. momentum starts as zeros; null means mu = 0 (u = d).
// mask[n] (null: all ones): where it is 0 neither theta nor momentum changes by a bit, weight decay included.
// step: device array, see sgd_step.cuh. skip (null: never): when *skip != 0 the kernel changes nothing.
// l1_subgradient: g = g + penalty sign(theta), sign(0) = 0, penalty = step[STEP_PENALTY]: the subgradient of penalty
// |theta|_1 (Jia et al. 2023, l1-sparse unlearning).
// Launch: Elements(n). Reference: torch.optim.SGD (dampening 0); Sutskever et al. 2013 for the momentum form.
#include "include/packs.cuh"
#include "include/sgd_step.cuh"

// The pointers' presence is a template argument: the loop without a mask must not carry one, and what is left
// vectorises. A masked element is written back as it was, because a select vectorises and a branch does not.
template <bool MASKED>
DEVICE void sgd_with_momentum(real* __restrict__ theta, real* __restrict__ momentum, const real* __restrict__ g,
                              const unsigned char* __restrict__ mask, const SgdStep s, int n) {
    const auto step = [=](real& t, real& momentum_i, const real& gi, bool on) {
        const real before = t, m_before = momentum_i;
        real m = m_before;
        const real u = sgd_direction(s, before, gi, &m);
        momentum_i = on ? m : m_before;
        t = on ? real_fma(-s.rate, u, before) : before;
    };
    if constexpr (MASKED)
        grid_vectors(
            n, [=](real& t, real& m, const real& gi, const unsigned char& on) { step(t, m, gi, on != 0); },
            updates(theta), updates(momentum), reads(g), reads(mask));
    else
        grid_vectors(
            n, [=](real& t, real& m, const real& gi) { step(t, m, gi, true); }, updates(theta), updates(momentum),
            reads(g));
}

template <bool MASKED>
DEVICE void sgd_plain(real* __restrict__ theta, const real* __restrict__ g, const unsigned char* __restrict__ mask,
                      const SgdStep s, int n) {
    const auto step = [=](real& t, const real& gi, bool on) {
        const real before = t;
        const real after = real_fma(-s.rate, real_fma(s.decay, before, gi), before);
        t = on ? after : before;
    };
    if constexpr (MASKED)
        grid_vectors(
            n, [=](real& t, const real& gi, const unsigned char& on) { step(t, gi, on != 0); }, updates(theta),
            reads(g), reads(mask));
    else
        grid_vectors(
            n, [=](real& t, const real& gi) { step(t, gi, true); }, updates(theta), reads(g));
}

KERNEL sgd_step(real* __restrict__ theta, real* __restrict__ momentum, const real* __restrict__ g,
                const unsigned char* __restrict__ mask, const double* __restrict__ step, const int* __restrict__ skip,
                int n, int nesterov) {
    if (skip != nullptr && *skip != 0) return; // no barrier below
    const SgdStep s = sgd_step_of(step, nesterov);
    if (momentum != nullptr) {
        if (mask != nullptr)
            sgd_with_momentum<true>(theta, momentum, g, mask, s, n);
        else
            sgd_with_momentum<false>(theta, momentum, g, mask, s, n);
    } else {
        if (mask != nullptr)
            sgd_plain<true>(theta, g, mask, s, n);
        else
            sgd_plain<false>(theta, g, mask, s, n);
    }
}

KERNEL l1_subgradient(real* __restrict__ g, const real* __restrict__ theta, const double* __restrict__ step, int n) {
    const real penalty = (real)step[STEP_PENALTY];
    const auto add = [=](real& gi, const real& t) {
        const real sign = (real)((t > 0 ? 1 : 0) - (t < 0 ? 1 : 0));
        gi = real_fma(penalty, sign, gi);
    };
    grid_vectors(n, add, updates(g), reads(theta));
}
