// gelu.cu - two activations over x[n], element by element: `quick` 0 is x P(x), see include/gelu.cuh; 1 is its
// approximation y = x g, g = 1 / (1 + exp(-k x)), k = 1.702.
//
//   forward           y = f(x)
//   backward          dx = f' dy;                 quick: f' = g (1 + k x (1 - g))
//   forward_tangent   ty = f' tx: the backward kernel with tx for dy
//   backward_tangent  tdx = f' tdy + f'' tx dy;   quick: f'' = k g (1 - g) (2 + k x (1 - 2 g))
// Hendrycks and Gimpel, "Gaussian error linear units", 2016, for both.
//
// Launch: Elements(n). Forward writes; the others write or, with `accumulate`, add. y may be x, dx may be dy,
// tdx may be tdy, tdx may be tx.
#include "include/gelu.cuh"

template <bool Quick> struct Activation;
template <> struct Activation<false> {
    DEVICE static real value(real x) { return gelu_value(x); }
    DEVICE static real first(real x) { return gelu_first(x); }
    DEVICE static real second(real x) { return gelu_second(x); }
};
template <> struct Activation<true> {
    static constexpr real K = real(1.702);
    DEVICE static real gate(real x) { return 1 / (1 + real_exp(-K * x)); }
    DEVICE static real value(real x) { return x * gate(x); }
    DEVICE static real first(real x) {
        const real g = gate(x);
        return g * (1 + K * x * (1 - g));
    }
    DEVICE static real second(real x) {
        const real g = gate(x);
        return K * g * (1 - g) * (2 + K * x * (1 - 2 * g));
    }
};

template <bool Quick> DEVICE void forward(real* y, const real* x, int n) {
    GRID_LOOP (i, n) y[i] = Activation<Quick>::value(x[i]);
}

KERNEL gelu_forward(real* y, const real* x, int n, int quick) {
    if (quick) return forward<true>(y, x, n);
    forward<false>(y, x, n);
}

template <bool Quick> DEVICE void backward(real* dx, const real* x, const real* dy, int n, int accumulate) {
    GRID_LOOP (i, n) {
        const real d = Activation<Quick>::first(x[i]) * dy[i];
        dx[i] = accumulate ? dx[i] + d : d;
    }
}

KERNEL gelu_backward(real* dx, const real* x, const real* dy, int n, int quick, int accumulate) {
    if (quick) return backward<true>(dx, x, dy, n, accumulate);
    backward<false>(dx, x, dy, n, accumulate);
}

template <bool Quick>
DEVICE void backward_tangent(real* tdx, const real* x, const real* tx, const real* dy, const real* tdy, int n,
                             int accumulate) {
    GRID_LOOP (i, n) {
        const real first = Activation<Quick>::first(x[i]), second = Activation<Quick>::second(x[i]);
        const real d = first * tdy[i] + second * tx[i] * dy[i];
        tdx[i] = accumulate ? tdx[i] + d : d;
    }
}

KERNEL gelu_backward_tangent(real* tdx, const real* x, const real* tx, const real* dy, const real* tdy, int n,
                             int quick, int accumulate) {
    if (quick) return backward_tangent<true>(tdx, x, tx, dy, tdy, n, accumulate);
    backward_tangent<false>(tdx, x, tx, dy, tdy, n, accumulate);
}
