// configuration.h - which devices the environment asks for, and what this CPU can do.
#pragma once
#include <string>
#include <vector>
#include "../shim/image_abi.h"

namespace lur {

struct DeviceConfiguration {
    LurMode mode = LurLane;
    bool memory = false, init = false, race = false, late = false;
    bool trace = false, sampled = false;
    LurMode imageMode() const { return trace ? LurTraced : mode; }
};

// From LUR_HOST_DEVICES: `mode[:check+check...]` separated by `;`, default `lane`. Modes lane, fiber; checks memory,
// init, race (fiber only), late, trace (fiber only), sampled (with trace: blocks that are not recorded are not run,
// and results are void). On a mistake the list is empty and error holds one sentence.
struct Configuration {
    std::vector<DeviceConfiguration> devices;
    std::string error;
};
const Configuration& configuration();
Configuration parseDevices(const char* text);

// The x86-64 micro-architecture level (System V psABI): 2, 3 (AVX2, FMA) or 4 (AVX-512); 1 for older CPUs.
int cpuLevel();
constexpr int newestLevel = 4;

long long physicalMemory();
long long lastLevelCacheBytes();

} // namespace lur
