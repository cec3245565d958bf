// settings.cpp - they are fixed once the library has looked at them: a pool does not change its size, nor a device its
// mode.
#include "settings.h"
#include <cstdlib>
#include <mutex>
#include "cuda_abi.h"

namespace lur {
namespace {

struct Settings {
    std::mutex mutex;
    int threads = 0;
    std::string devices;
    bool ignored = false, used = false;
};

// Never destroyed: threads may still ask while the process exits.
Settings& settings() {
    static Settings* const s = new Settings;
    return *s;
}

} // namespace

bool environmentIgnored() {
    Settings& s = settings();
    std::lock_guard<std::mutex> lock(s.mutex);
    s.used = true;
    return s.ignored;
}

const char* variable(const char* name) { return environmentIgnored() ? nullptr : getenv(name); }

int askedThreads() {
    Settings& s = settings();
    std::lock_guard<std::mutex> lock(s.mutex);
    s.used = true;
    return s.threads;
}

std::string askedDevices() {
    Settings& s = settings();
    std::lock_guard<std::mutex> lock(s.mutex);
    s.used = true;
    return s.devices;
}

} // namespace lur

// Sets the threads of the pool (0: LUR_HOST_THREADS, else the cores) and whether the environment is ignored. To be
// called before anything else; 0 when that holds now, 1 when the library is at work already with other settings.
LUR_API int lurHostConfigure(int threads, int ignoreEnvironment) {
    lur::Settings& s = lur::settings();
    std::lock_guard<std::mutex> lock(s.mutex);
    const bool same = s.threads == threads && s.ignored == (ignoreEnvironment != 0);
    if (s.used) return same ? 0 : 1;
    s.threads = threads;
    s.ignored = ignoreEnvironment != 0;
    return 0;
}

// Sets the devices in place of those that LUR_HOST_DEVICES names, in its words. To be called before anything else; 0,
// or 1 when the library is at work already and keeps its devices.
LUR_API int lurHostSetDevices(const char* devices) {
    lur::Settings& s = lur::settings();
    std::lock_guard<std::mutex> lock(s.mutex);
    if (s.used) return 1;
    s.devices = devices;
    return 0;
}
