/* harness.h - checks for C programs around liblur. A program says nothing and ends with 0 when all of its checks hold;
 * the file that its first argument names then holds their number. */
#pragma once
#include <dirent.h>
#include <dlfcn.h>
#include <lur.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int checks, failures;

static inline void check_that(int holds, const char* what, int line) {
    checks++;
    if (holds) return;
    failures++;
    char text[512];
    lur_error_text(text, sizeof text);
    fprintf(stderr, "line %d: %s [%s]\n", line, what, text);
}
#define CHECK(condition) check_that(condition, #condition, __LINE__)
#define OK(call) check_that((call) == LUR_OK, #call, __LINE__)

static inline int report(const char* file) {
    FILE* f = failures ? NULL : fopen(file, "w");
    if (!f) return 1;
    fprintf(f, "%d", checks);
    return fclose(f) ? 1 : 0;
}

/* The driver that Lur has loaded, as a program would call it. */
typedef int (*driver_fn)();
static void* driver;
static inline driver_fn driver_call(const char* name) {
    if (!driver) driver = dlopen(getenv("LUR_TEST_DRIVER"), RTLD_NOW);
    driver_fn f = driver ? (driver_fn)dlsym(driver, name) : NULL;
    if (!f) {
        fprintf(stderr, "the driver has no %s: %s\n", name, dlerror());
        exit(1);
    }
    return f;
}
#define DRIVER(name, ...) check_that(driver_call(#name)(__VA_ARGS__) == 0, #name, __LINE__)
static inline unsigned long long waits(void) {
    unsigned long long (*const f)(void) = (unsigned long long (*)(void))(void*)driver_call("lurHostWaits");
    return f();
}

static inline lur_session_options defaults(void) {
    lur_session_options o;
    lur_session_options_init(&o, sizeof o);
    o.device_kind = LUR_DEVICE_HOST;
    return o;
}

static inline lur_step_options step_defaults(int32_t second_order) {
    lur_step_options o;
    lur_step_options_init(&o, sizeof o);
    o.dtype = LUR_F64;
    o.second_order = second_order;
    return o;
}

static inline lur_vector flat(const void* data, int64_t count) {
    lur_vector v = {sizeof v, 0, (uint64_t)(uintptr_t)data, count, NULL};
    return v;
}

/* What the process has: threads and files as entries of /proc, and bytes of memory. */
static inline int entries(const char* folder) {
    int n = 0;
    DIR* d = opendir(folder);
    while (readdir(d)) n++;
    closedir(d);
    return n;
}

static inline long resident(void) {
    long pages = 0, all;
    FILE* f = fopen("/proc/self/statm", "r");
    if (fscanf(f, "%ld %ld", &all, &pages) != 2) pages = -1;
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}
