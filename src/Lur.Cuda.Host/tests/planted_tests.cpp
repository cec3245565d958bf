// Faults that only the sanitizer builds find; the script sanitize.sh runs each and looks for the report.
#include "harness.h"
#include "kernels.h"

using namespace test;

static void run(const char* kernel, unsigned grid, unsigned block, bool count = false) {
    const Device d;
    Buffer<int> y(std::vector<int>(1024, 0));
    const CUfunction f = function(load(d, kernelText), kernel);
    OK(count ? launch(d.stream, f, {grid}, {block}, y.address, 1) : launch(d.stream, f, {grid}, {block}, y.address));
}

CASE("planted", missing_barrier_tsan) { run("missing_barrier", 1, 64); }
CASE("planted", missing_second_barrier_tsan) {
    const Device d;
    Buffer<int> y(std::vector<int>(64, 0));
    OK(launch(d.stream, function(load(d, kernelText), "missing_second_barrier"), {1}, {64}, y.address, 4));
}
CASE("planted", missing_syncwarp_tsan) { run("missing_syncwarp", 1, 32); }
CASE("planted", shared_overrun_asan) { run("shared_overrun", 1, 64, true); }
