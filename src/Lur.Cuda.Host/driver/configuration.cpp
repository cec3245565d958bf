#include "configuration.h"
#include <unistd.h>
#include "errors.h"
#include "settings.h"

namespace lur {
namespace {

std::vector<std::string> split(const std::string& s, char separator) {
    std::vector<std::string> parts(1);
    for (char c : s)
        if (c == separator)
            parts.emplace_back();
        else if (c != ' ')
            parts.back() += c;
    return parts;
}

} // namespace

Configuration parseDevices(const char* given) {
    Configuration result;
    const auto refuse = [&](const std::string& why) {
        result.devices.clear();
        result.error = text("LUR_HOST_DEVICES='%s': %s; write mode[:check+check...] separated by ';', with the modes "
                            "lane and fiber and the checks memory, init, race, late, trace and sampled",
                            given, why.c_str());
        return result;
    };
    for (const std::string& item : split(given, ';')) {
        if (item.empty()) continue;
        DeviceConfiguration d;
        const std::vector<std::string> parts = split(item, ':');
        if (parts[0] == "fiber")
            d.mode = LurFiber;
        else if (parts[0] != "lane")
            return refuse("'" + parts[0] + "' is no mode");
        if (parts.size() > 2) return refuse("'" + item + "' has more than one ':'");
        if (parts.size() == 2)
            for (const std::string& check : split(parts[1], '+')) {
                if (check == "memory")
                    d.memory = true;
                else if (check == "init")
                    d.init = true;
                else if (check == "race")
                    d.race = true;
                else if (check == "late")
                    d.late = true;
                else if (check == "trace")
                    d.trace = true;
                else if (check == "sampled")
                    d.sampled = true;
                else
                    return refuse("'" + check + "' is no check");
            }
        if (d.race && d.mode == LurLane) return refuse("the race check needs the mode fiber");
        if (d.trace && (d.mode == LurLane || d.race))
            return refuse("trace needs the mode fiber, without the race check");
        if (d.sampled && !d.trace) return refuse("sampled is a way to trace and needs trace");
        result.devices.push_back(d);
    }
    if (result.devices.empty()) return refuse("it names no device");
    return result;
}

const Configuration& configuration() {
    static const Configuration c = [] {
        const std::string asked = askedDevices();
        const char* v = asked.empty() ? variable("LUR_HOST_DEVICES") : asked.c_str();
        return parseDevices(v && *v ? v : "lane");
    }();
    return c;
}

int cpuLevel() {
    static const int level = [] {
        __builtin_cpu_init();
#define HAS(f) __builtin_cpu_supports(f)
        if (!(HAS("sse4.2") && HAS("ssse3") && HAS("popcnt"))) return 1;
        if (!(HAS("avx2") && HAS("bmi") && HAS("bmi2") && HAS("fma"))) return 2;
        if (!(HAS("avx512f") && HAS("avx512bw") && HAS("avx512cd") && HAS("avx512dq") && HAS("avx512vl"))) return 3;
#undef HAS
        return 4;
    }();
    return level;
}

long long physicalMemory() { return (long long)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGE_SIZE); }

long long lastLevelCacheBytes() {
    for (int name : {_SC_LEVEL3_CACHE_SIZE, _SC_LEVEL2_CACHE_SIZE}) {
        const long n = sysconf(name);
        if (n > 0) return n;
    }
    return 1 << 20;
}

} // namespace lur
