// settings.h - what the program asks of the library itself, before the first call (lurHostConfigure,
// lurHostSetDevices), and the environment, which holds where it asks for nothing.
#pragma once
#include <string>

namespace lur {

// A variable of the environment; null where it is not set, or where the program wants the environment ignored.
const char* variable(const char* name);

// True where it does.
bool environmentIgnored();

// Threads the program asks for; 0 where it leaves that to the environment and to the machine.
int askedThreads();

// Devices the program asks for, in the words of LUR_HOST_DEVICES; empty where it leaves them to that.
std::string askedDevices();

} // namespace lur
