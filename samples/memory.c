/* memory.c - a model whose weights lie in memory of this program forgets, and its data come from a function of this
 * program.
 *
 * The images are made up: class k is a bright bar at row k in dark noise. The weights are drawn here, where an engine
 * would have trained them; they are handed over in two vectors, in which Lur works, and which hold the result
 * afterwards.
 *
 *   gcc samples/memory.c -I INCLUDE -L LIB -llur -o memory && ./memory FOLDER
 */
#include <lur.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 8, CLASSES = 6, TRAIN = 120, TEST = 60, IMAGE = 3 * SIDE * SIDE, MOST = 256 };

/* Ends the program when a call failed. */
static void check(int32_t code, const char* call) {
    if (code == LUR_OK) return;
    char text[512];
    lur_error_text(text, sizeof text);
    fprintf(stderr, "%s: error %d: %s\n", call, (int)code, text);
    exit(1);
}
#define CHECK(call) check(call, #call)

/* ---- data -----------------------------------------------------------------------------------------------------------
 */

static uint8_t pixels[MOST][IMAGE];
static int32_t labels[MOST];

/* Called on the thread of lur_job_run. What the batch points to stays until the next call. */
static int32_t next(void* user, const lur_batch_request* request, lur_batch* batch) {
    (void)user;
    if (request->count > MOST) return 1;
    for (int64_t i = 0; i < request->count; i++) {
        uint32_t noise = (uint32_t)(request->indices[i] * 2 + request->part) * 2654435761u;
        labels[i] = (int32_t)(request->indices[i] % CLASSES);
        for (int at = 0; at < IMAGE; at++) {
            noise = noise * 1664525u + 1013904223u;
            pixels[i][at] = (uint8_t)((noise >> 26) + (at / SIDE % SIDE == labels[i] ? 160 : 0));
        }
    }
    batch->images = (uint64_t)(uintptr_t)pixels;
    batch->labels = labels;
    return 0;
}

/* ---- weights --------------------------------------------------------------------------------------------------------
 */

static lur_tensor vector_of(const char* name, float* data, int64_t count) {
    lur_tensor t;
    memset(&t, 0, sizeof t);
    t.size = sizeof t;
    t.rank = 1;
    t.name = name;
    t.data = (uint64_t)(uintptr_t)data;
    t.place = LUR_PLACE_DEVICE; /* the CPU, here */
    t.dtype = LUR_F32;
    t.shape[0] = count;
    return t;
}

int main(int argc, char** argv) {
    static const char* const names[CLASSES] = {"zero", "one", "two", "three", "four", "five"};
    static const char *const forget[] = {"class:three"}, *const values[] = {"epochs=2", "batch=20", "lr=0.05"};
    char start[1024];
    if (argc < 2) {
        fprintf(stderr, "usage: memory FOLDER\n");
        return 2;
    }
    lur_session_options host;
    CHECK(lur_session_options_init(&host, sizeof host));
    host.device_kind = LUR_DEVICE_HOST;
    lur_session* session;
    CHECK(lur_open(&host, &session));

    lur_model_options network;
    CHECK(lur_model_options_init(&network, sizeof network));
    network.architecture = "resnet[1,1]:w4";
    network.classes = names;
    network.class_count = CLASSES;
    network.rows = network.columns = SIDE;
    lur_model* model;
    CHECK(lur_model_create(session, &network, &model));
    snprintf(start, sizeof start, "%s/start.safetensors", argv[1]);
    CHECK(lur_model_save(model, start));

    lur_model_info info;
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    CHECK(lur_model_describe(model, &info));
    float* const parameters = malloc((size_t)info.parameter_count * sizeof(float));
    float* const statistics = malloc((size_t)info.statistic_count * sizeof(float));
    float* const before = malloc((size_t)info.parameter_count * sizeof(float));
    if (!parameters || !statistics || !before) return 1;
    const lur_tensor both[] = {vector_of("parameters", parameters, info.parameter_count),
                               vector_of("statistics", statistics, info.statistic_count)};
    CHECK(lur_model_bind(model, both, 2, LUR_BIND_FLAT));
    CHECK(lur_model_load(model, start)); /* the vectors now hold the weights */
    memcpy(before, parameters, (size_t)info.parameter_count * sizeof(float));

    lur_provider provider;
    memset(&provider, 0, sizeof provider);
    provider.size = sizeof provider;
    provider.channels = 3;
    provider.rows = provider.columns = SIDE;
    provider.train_count = TRAIN;
    provider.test_count = TEST;
    provider.classes = names;
    provider.class_count = CLASSES;
    provider.name = "bars";
    provider.next = next;

    lur_job_options options;
    CHECK(lur_job_options_init(&options, sizeof options));
    options.weights = model;
    options.provider = &provider;
    options.method = "rl";
    options.forget = forget;
    options.forget_count = 1;
    options.options = values;
    options.option_count = 3;
    snprintf(start, sizeof start, "%s/run", argv[1]);
    options.output = start;
    lur_job* job;
    CHECK(lur_job_create(session, &options, &job));
    CHECK(lur_job_run(job, NULL, NULL));

    int64_t changed = 0;
    for (int64_t i = 0; i < info.parameter_count; i++) changed += parameters[i] != before[i];
    printf("%lld of %lld weights changed in their place\n", (long long)changed, (long long)info.parameter_count);
    CHECK(lur_close(session)); /* job and model go with it, and the vectors are this program's again */
    free(parameters);
    free(statistics);
    free(before);
    return changed > info.parameter_count / 2 ? 0 : 1;
}
