// pool.h - the one worker pool. Kernels and gemms hand out their blocks and tiles here.
#pragma once

namespace lur {

using PoolBody = void (*)(void* job, long long first, long long last);

// Threads that work on a job, the caller among them: what the program asked for, else LUR_HOST_THREADS, else the cores
// this process may use.
int poolThreads();

// Calls body over [0, count) in chunks, on the caller and the workers, and returns when all are done.
void parallel(long long count, PoolBody body, void* job);

// 0 for the caller of parallel, 1.. for the workers.
int workerIndex();

} // namespace lur
