/* job.c - a model in a file forgets, as the command "lur forget" does it, from a program.
 *
 * It takes a trained model, the data set it was trained on (a path, or a generated set), what to forget, a folder for
 * the results, and options of the method, and prints the result as JSON.
 *
 *   gcc samples/job.c -I INCLUDE -L LIB -llur -o job
 *   ./job base/model.safetensors synthetic:train=160,test=60 class:3 out epochs=2 lr=0.01
 */
#include <lur.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the program when a call failed. */
static void check(int32_t code, const char* call) {
    if (code == LUR_OK) return;
    char text[512];
    lur_error_text(text, sizeof text);
    fprintf(stderr, "%s: error %d: %s\n", call, (int)code, text);
    exit(1);
}
#define CHECK(call) check(call, #call)

/* Called on the thread of lur_job_run; anything but 0 cancels. */
static int32_t show(void* user, const lur_progress* p) {
    (void)user;
    fprintf(stderr, "%s: %lld of %lld %s\n", p->stage, (long long)p->done, (long long)p->total, p->unit);
    return 0;
}

int main(int argc, char** argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: job MODEL DATA FORGET OUTPUT [OPTION=VALUE]...\n");
        return 2;
    }
    lur_session* session;
    CHECK(lur_open(NULL, &session));

    const char* const forget[] = {argv[3]};
    lur_job_options options;
    CHECK(lur_job_options_init(&options, sizeof options));
    options.model = argv[1];
    options.data = argv[2];
    options.forget = forget;
    options.forget_count = 1;
    options.output = argv[4];
    options.method = "lur";
    options.options = (const char* const*)argv + 5;
    options.option_count = (uint32_t)(argc - 5);
    lur_job* job;
    CHECK(lur_job_create(session, &options, &job));

    uint64_t bytes;
    int64_t steps;
    CHECK(lur_job_plan(job, &bytes, &steps));
    fprintf(stderr, "%lld steps, %.1f MB of device memory\n", (long long)steps, (double)bytes / 1e6);
    CHECK(lur_job_run(job, show, NULL));

    size_t length;
    CHECK(lur_job_result_json(job, NULL, 0, &length));
    char* const result = malloc(length + 1);
    if (!result) return 1;
    CHECK(lur_job_result_json(job, result, length + 1, &length));
    puts(result);
    free(result);
    CHECK(lur_close(session)); /* the job goes with it */
    return 0;
}
