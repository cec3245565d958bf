// step.cpp - the finite difference of LUR's second-order term, from C++.
//
// The caller has a quadratic loss to keep, 0.5 theta' A theta with a diagonal A, and a linear one to forget; for those
// the finite difference is exact, so the program knows what must come out.
//
//   g++ -std=c++17 samples/step.cpp -I INCLUDE -L LIB -llur -o step && ./step
#include <lur.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

int main() try {
    constexpr size_t n = 1000;
    std::vector<double> a(n), b(n), theta(n), momentum(n), g(n), v(n), minus(n), ahead(n);
    for (size_t i = 0; i < n; i++) a[i] = 1 + i % 3, b[i] = 0.5 - (i % 2), theta[i] = 2 - i / double(n);
    const std::vector<double> start = theta;
    const auto gradient = [&](const std::vector<double>& at, std::vector<double>& out) {
        for (size_t i = 0; i < n; i++) out[i] = a[i] * at[i];
    };

    lur::session_options options;
    options.device_kind = LUR_DEVICE_HOST; // the vectors lie in memory of this program
    lur::session session(options);
    lur_step_options numbers = lur::step_options();
    numbers.dtype = LUR_F64;
    numbers.second_order = LUR_SECOND_ORDER_FD;
    numbers.alpha = 0.1;
    lur::step step(session, numbers, theta);

    gradient(theta, g);
    step.look_ahead(theta, g, ahead);
    session.wait(); // the gradients are made on the CPU, outside the session's stream
    v = b;          // of the linear loss, wherever it is taken
    std::vector<double> h(n);
    step.perturb(+1, theta, v, ahead);
    session.wait();
    gradient(ahead, h);
    step.perturb(-1, theta, v, ahead);
    session.wait();
    gradient(ahead, minus);
    step.difference(h, minus, h);
    step.update(theta, momentum, g, v, h);
    const lur_telemetry t = step.telemetry();

    double error = 0;
    for (size_t i = 0; i < n; i++) {
        const double total = a[i] * start[i] + numbers.forget_weight * (b[i] - numbers.alpha * a[i] * b[i]);
        error = std::max(error, std::abs(theta[i] - (start[i] - numbers.learning_rate * total)));
    }
    std::printf("|g| %.3f  |v| %.3f  alpha |h| / |v| %.3f; largest error %.1e\n", t.retain_norm, t.forget_norm,
                t.second_order, error);
    return error < 1e-12 && t.skipped == 0 ? 0 : 1;
} catch (const lur::error& e) {
    std::fprintf(stderr, "error %d: %s\n", static_cast<int>(e.code()), e.what());
    return 1;
}
