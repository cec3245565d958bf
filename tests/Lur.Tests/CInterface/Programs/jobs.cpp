// lur.hpp: jobs, and what a progress function throws.  jobs COUNT MODEL DATA FORGET FOLDER
#include <lur.hpp>
#include "harness.h"

struct mine : std::runtime_error {
    using std::runtime_error::runtime_error;
};

int main(int argc, char** argv) {
    if (argc < 6) return 2;
    lur::session_options host;
    host.device_kind = LUR_DEVICE_HOST;
    lur::session session(host);
    lur::job_options o;
    o.model = argv[2], o.data = argv[3], o.forget = {argv[4]}, o.output = argv[5];
    o.method = "magic";
    try {
        lur::job none(session, o);
        CHECK(!"a method that is none");
    } catch (const lur::error& e) {
        CHECK(e.code() == LUR_ERROR_UNSUPPORTED);
    }
    o.method = "ft";
    o.options = {"epochs=1", "batch=16", "lr=0.01"};
    lur::job made(session, o), job(std::move(made));
    CHECK(job.plan().steps == 9 && job.plan().bytes > 1000);
    int calls = 0;
    try {
        job.run([&](const lur_progress& p) -> bool {
            calls++;
            if (std::string(p.stage) == "repair") throw mine("enough");
            return true;
        });
        CHECK(!"what was thrown is lost");
    } catch (const mine& e) {
        CHECK(std::string(e.what()) == "enough" && calls > 1);
    }
    try {
        job.resume([](const lur_progress&) { return false; });
        CHECK(!"nothing was cancelled");
    } catch (const lur::error& e) {
        CHECK(e.code() == LUR_ERROR_CANCELLED);
    }
    try {
        (void)job.result();
        CHECK(!"a result before there is one");
    } catch (const lur::error& e) {
        CHECK(e.code() == LUR_ERROR_STATE);
    }
    job.resume();
    CHECK(job.result().find("\"command\": \"forget\"") != std::string::npos);
    CHECK(lur::methods().find("\"salun\"") != std::string::npos);
    return report(argv[1]);
}
