// gelu.cuh - x P(x) with P the distribution function of the standard normal, and its two derivatives.
//
//   f = x P,  f' = P + x p,  f'' = p (2 - x^2),  p = exp(-x^2 / 2) / sqrt(2 pi)
// P is half of erfc(-x / sqrt 2), which keeps the digits of the left tail that 1 + erf cancels.
#pragma once
#include "include/prelude.cuh"

DEVICE real normal_cdf(real x) { return real(0.5) * real_erfc(x * real(-0.70710678118654752)); }
DEVICE real normal_density(real x) { return real(0.39894228040143268) * real_exp(real(-0.5) * x * x); }

DEVICE real gelu_value(real x) { return x * normal_cdf(x); }
DEVICE real gelu_first(real x) { return normal_cdf(x) + x * normal_density(x); }
DEVICE real gelu_second(real x) { return normal_density(x) * (2 - x * x); }
