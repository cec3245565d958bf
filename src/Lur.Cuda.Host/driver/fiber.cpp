#include "execute.h"
namespace lur {
bool runFiberBlock(const Launch&, long long, const Schedule&, std::string* problem) {
    *problem = "fiber mode is not there yet";
    return false;
}
CUresult executeRaceCheck(const Launch& l) { return executeScheduled(l, {}); }
static void barrier(const char*, int) {}
static unsigned long long exchange(LurExchange, unsigned, unsigned long long v, int, const char*, int) { return v; }
const LurServices& services() {
    static const LurServices s{barrier, exchange, dynamicShared};
    return s;
}
} // namespace lur
