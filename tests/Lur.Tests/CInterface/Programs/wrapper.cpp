// lur.hpp: handles that move and close themselves, errors, and what a function of the caller throws.
#include <lur.hpp>
#include <cstdlib>
#include <string>
#include "harness.h"

struct mine : std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <class E, class F> static E thrown(F call) {
    try {
        call();
    } catch (const E& e) {
        return e;
    }
    throw std::logic_error("nothing was thrown");
}

static void errors() {
    lur::session_options o;
    o.device_kind = 7;
    const lur::error e = thrown<lur::error>([&] { lur::session s(o); });
    CHECK(e.code() == LUR_ERROR_ARGUMENT && e.native() == 0 && std::string(e.what()).find("device_kind") == 0);
    o.device_kind = LUR_DEVICE_HOST;
    o.kernel_folder = "/nonexistent";
    lur::session s(o);
    std::vector<float> x(10);
    CHECK(thrown<lur::error>([&] { lur::step t(s, lur::step_options(), x); }).code() == LUR_ERROR_FILE);
    lur_step_options bad = lur::step_options();
    bad.momentum = 2;
    CHECK(thrown<lur::error>([&] { lur::step t(s, bad, x); }).code() == LUR_ERROR_ARGUMENT);
}

static void moves() {
    lur::session_options o;
    o.device_kind = LUR_DEVICE_HOST;
    lur::session a(o), b(std::move(a));
    std::vector<float> theta(10, 1), g(10, 2), ahead(10), m(10);
    lur::step t(b, lur::step_options(), theta);
    lur::step u(std::move(t));
    lur_session* const closed = b.get();
    u.look_ahead(theta, g, ahead);
    const lur::view<float> first(theta.data(), 10);
    CHECK(thrown<lur::error>([&] { u.update(lur::vector(first), m, {}); }).code() == LUR_ERROR_ARGUMENT);
    CHECK(thrown<lur::error>([&] { u.look_ahead(theta, g, ahead); }).code() == LUR_ERROR_STATE);
    u.learning_rate(1);
    u.update(theta, m, g);
    CHECK(u.telemetry().skipped == 0 && theta[3] == -1);
    lur::vector pieces{lur::view<float>(theta.data(), 4), lur::view<float>(theta.data() + 4, 6)};
    CHECK(thrown<lur::error>([&] { u.look_ahead(pieces, g, ahead); }).code() == LUR_ERROR_SIZE);
    // Elements of another type, several types, and what is const where it is written.
    std::vector<double> wide(10);
    const std::vector<float> constant(10);
    std::vector<uint8_t> mask(10, 1);
    CHECK(thrown<lur::error>([&] { u.look_ahead(theta, wide, ahead); }).code() == LUR_ERROR_ARGUMENT);
    lur::vector both(lur::view<float>(theta.data(), 4));
    both.add(lur::view<double>(wide.data(), 6));
    CHECK(thrown<lur::error>([&] { u.look_ahead(both, g, ahead); }).code() == LUR_ERROR_ARGUMENT);
    const lur::error written = thrown<lur::error>([&] { u.update(constant, m, g); });
    CHECK(std::string(written.what()).find("theta is written") == 0);
    CHECK(thrown<lur::error>([&] { u.update(theta, m, g, {}, {}, theta); }).code() == LUR_ERROR_ARGUMENT);
    CHECK(thrown<lur::error>([&] { lur::step none(b, lur::step_options(), wide); }).code() == LUR_ERROR_ARGUMENT);
    u.look_ahead(theta, constant, ahead);
    u.update(theta, m, constant, ahead, {}, mask);
    { lur::step gone(std::move(u)); }
    { lur::session gone(std::move(b)); }
    CHECK(lur_wait(closed) == LUR_ERROR_HANDLE);
}

static void firewall() {
    int live = 0, fail = 0;
    lur::session_options o;
    o.device_kind = LUR_DEVICE_HOST;
    o.allocate = [&](uint64_t bytes, uint64_t alignment) -> uint64_t {
        if (fail) throw mine("no memory for you");
        live++;
        return (uint64_t)(uintptr_t)aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    };
    o.release = [&](uint64_t address, uint64_t) {
        live--;
        free((void*)(uintptr_t)address);
    };
    int lines = 0;
    o.log = [&](int32_t, const char*) {
        if (lines++) throw mine("no line for you");
    };
    o.log_level = LUR_LOG_INFO;
    lur::session s(o);
    CHECK(lines == 1);
    std::vector<double> x(10);
    lur_step_options numbers = lur::step_options();
    numbers.dtype = LUR_F64;
    fail = 1;
    CHECK(std::string(thrown<mine>([&] { lur::step t(s, numbers, x); }).what()) == "no memory for you");
    fail = 0;
    {
        lur::step t(s, numbers, x); // the session goes on
        CHECK(live == 1);
    }
    CHECK(live == 0);
    s.wait();
    lur::session_options quiet = o;
    CHECK(std::string(thrown<mine>([&] { lur::session again(quiet); }).what()) == "no line for you");
}

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    errors();
    moves();
    firewall();
    return report(argv[1]);
}
