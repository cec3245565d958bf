// The worker pool. Measured on two cores: a condition variable wakes a worker in 28 to 50 us; a worker that spins
// answers in 0.1 us but must not keep a core from others for long, so it spins for about 100 us and then sleeps in the
// kernel. The caller waits only for workers that really took a chunk: waiting until every worker had answered cost 1 ms
// a launch while a neighbour process used the cores.
#include "pool.h"
#include "configuration.h"
#include <atomic>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <thread>
#include <vector>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace lur {
namespace {

thread_local int index;

long long nanoseconds() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

constexpr long long spinNanoseconds = 100000;

// Spins until done() holds; false when the time is over.
template <class F> bool spin(F done) {
    long long end = 0;
    for (int i = 1;; i++) {
        if (done()) return true;
        __builtin_ia32_pause();
        if (i % 64 == 0) {
            const long long now = nanoseconds();
            if (!end) end = now + spinNanoseconds;
            if (now > end) return false;
        }
    }
}

class Pool {
  public:
    explicit Pool(int threads) : size(threads) {
        for (int i = 1; i < threads; i++) {
            // Signals belong to the program's own threads; a synchronous fault is delivered all the same.
            sigset_t all, old;
            sigfillset(&all);
            for (int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT}) sigdelset(&all, s);
            pthread_sigmask(SIG_SETMASK, &all, &old);
            std::thread([this, i] { worker(i); }).detach();
            pthread_sigmask(SIG_SETMASK, &old, nullptr);
        }
    }

    void run(long long n, PoolBody f, void* a) {
        if (size == 1 || n <= 1) {
            if (n > 0) f(a, 0, n);
            return;
        }
        std::lock_guard<std::mutex> one(callers);
        body = f, job = a, count = n;
        // Eight chunks a worker: enough to even out uneven blocks, few enough that the counter is not contended.
        chunk = n / (size * 8) > 0 ? n / (size * 8) : 1;
        next.store(0, std::memory_order_relaxed);
        open = true;
        epoch++;
        if (asleep > 0) syscall(SYS_futex, (int*)&epoch, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
        work();
        open = false;
        while (!spin([this] { return active == 0; })) std::this_thread::yield();
    }

    const int size;

  private:
    void work() {
        for (;;) {
            const long long first = next.fetch_add(chunk, std::memory_order_relaxed);
            if (first >= count) return;
            body(job, first, first + chunk < count ? first + chunk : count);
        }
    }

    void worker(int i) {
        index = i;
        for (int seen = 0;;) {
            if (!spin([&] { return epoch != seen; })) {
                asleep++;
                while (epoch == seen) syscall(SYS_futex, (int*)&epoch, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
                asleep--;
            }
            seen = epoch;
            active++; // before `open` is read: the caller closes first and reads `active` afterwards
            if (open) work();
            active--;
        }
    }

    std::mutex callers;
    PoolBody body = nullptr;
    void* job = nullptr;
    long long count = 0, chunk = 1;
    alignas(64) std::atomic<long long> next{0};
    alignas(64) std::atomic<int> epoch{0};
    std::atomic<int> active{0}, asleep{0};
    std::atomic<bool> open{false};
};

// A container's CPU quota (cgroup v2), rounded up; 0 when there is none.
int quota() {
    std::ifstream file("/sys/fs/cgroup/cpu.max");
    std::string limit;
    double period = 0;
    if (!(file >> limit >> period) || limit == "max" || period <= 0) return 0;
    return (int)((atof(limit.c_str()) + period - 1) / period);
}

int usableCores() {
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)std::thread::hardware_concurrency();
    const int q = quota();
    if (q > 0 && q < n) n = q;
    return n > 0 ? n : 1;
}

// Never destroyed: workers may still sleep in it while the process exits.
Pool& pool() {
    static Pool* const p = new Pool(poolThreads());
    return *p;
}

} // namespace

int poolThreads() {
    static const int n = [] {
        const char* v = setting("LUR_HOST_THREADS");
        const int asked = threadsAsked() ? threadsAsked() : v ? atoi(v) : 0;
        return asked > 0 && asked <= 1024 ? asked : usableCores();
    }();
    return n;
}

void parallel(long long count, PoolBody body, void* job) { pool().run(count, body, job); }

int workerIndex() { return index; }

} // namespace lur
