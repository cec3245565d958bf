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
    lur::job_options little = o;
    little.max_memory = 1, little.output += "-little";
    try {
        lur::job refused(session, little);
        refused.run();
        CHECK(!"a job of more than a byte");
    } catch (const lur::error& e) {
        CHECK(std::string(e.what()).find("max_memory") != std::string::npos);
    }
    try {
        job.checkpoint();
        CHECK(!"a checkpoint of a job that does not run");
    } catch (const lur::error& e) {
        CHECK(e.code() == LUR_ERROR_STATE);
    }
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
    const std::string copy = std::string(argv[5]) + "-checkpoint";
    job.resume([&](const lur_progress& p) {
        if (std::string(p.stage) == "repair") job.checkpoint(copy);
        return true;
    });
    std::FILE* left = std::fopen(copy.c_str(), "rb");
    CHECK(left != nullptr);
    if (left) std::fclose(left);
    CHECK(job.result().find("\"command\": \"forget\"") != std::string::npos);
    // Weights in vectors of this program, data by a function that throws.
    lur::model model(session, std::string(argv[2]));
    const lur_model_info info = model.info();
    std::vector<float> parameters(static_cast<size_t>(info.parameter_count)),
        statistics(static_cast<size_t>(info.statistic_count));
    model.bind_flat(parameters, statistics);
    model.load(argv[2]);
    CHECK(parameters != std::vector<float>(parameters.size()) && model.tensor(0).count > 0);
    const std::vector<float> before = parameters;
    lur::job_options in_memory = o;
    in_memory.model.clear(), in_memory.weights = &model, in_memory.output += "-memory";
    {
        lur::job second(session, in_memory);
        second.run();
    }
    CHECK(parameters != before);
    lur::model result(session, in_memory.output + "/model.safetensors");
    std::vector<float> also(parameters.size()), their_statistics(statistics.size());
    result.bind_flat(also, their_statistics);
    result.load(in_memory.output + "/model.safetensors");
    CHECK(also == parameters && their_statistics == statistics);
    lur::job_options provided = in_memory;
    provided.data.clear(), provided.output += "-provided";
    provided.provider.name = "mine", provided.provider.classes = {"a", "b"};
    provided.provider.rows = provided.provider.columns = 8, provided.provider.train_count = 10;
    provided.provider.next = [](const lur_batch_request&, lur_batch&) { throw mine("no data"); };
    try {
        lur::job third(session, provided);
        third.run();
        CHECK(!"what the provider threw is lost");
    } catch (const mine& e) {
        CHECK(std::string(e.what()) == "no data");
    }
    lur::model_options drawn;
    drawn.architecture = "resnet[1,1]:w4", drawn.mean = {0.5};
    try {
        lur::model never(session, drawn);
        CHECK(!"one mean for three channels");
    } catch (const lur::error& e) {
        CHECK(e.code() == LUR_ERROR_SIZE);
    }
    lur::sample_options images;
    images.weights = &model, images.output = in_memory.output + "-images";
    try {
        lur::sample(session, images);
        CHECK(!"a classifier drew images");
    } catch (const lur::error& e) {
        CHECK(e.code() == LUR_ERROR_UNSUPPORTED);
    }
    CHECK(lur::methods().find("\"salun\"") != std::string::npos);
    return report(argv[1]);
}
