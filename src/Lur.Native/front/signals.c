// Signals around the runtime's start.
//
// The runtime's handlers are for faults, and it passes on those that are not its own. A signal that somebody sends
// (raise, kill, sigqueue) it gives to a handler that was there before, and swallows where there was none: the process
// that was to end goes on. And it has SIGPIPE ignored, whatever the program does with it.
#include <signal.h>
#include <unistd.h>
#include "front.h"

enum { FAULT, DIVISION, SUSPENSION, COUNT };
static int numbers[COUNT]; // SIGRTMIN is no constant
static struct sigaction before[COUNT], runtimes[COUNT];
static struct sigaction pipe_before;

static int place_of(int number) {
    int i = 0;
    while (i < COUNT - 1 && numbers[i] != number) i++;
    return i;
}

static void on_signal(int number, siginfo_t* info, void* context) {
    const int i = place_of(number);
    // The runtime suspends its threads by signals of its own process.
    const bool sent = info->si_code <= 0 && !(i == SUSPENSION && info->si_pid == getpid());
    if (!sent) {
        runtimes[i].sa_sigaction(number, info, context);
    } else if (before[i].sa_flags & SA_SIGINFO) {
        before[i].sa_sigaction(number, info, context);
    } else if (before[i].sa_handler == SIG_DFL) {
        signal(number, SIG_DFL);
        raise(number); // blocked until this returns
    } else if (before[i].sa_handler != SIG_IGN) {
        before[i].sa_handler(number);
    }
}

void front_signals_before(void) {
    numbers[FAULT] = SIGSEGV, numbers[DIVISION] = SIGFPE, numbers[SUSPENSION] = SIGRTMIN;
    for (int i = 0; i < COUNT; i++) sigaction(numbers[i], NULL, &before[i]);
    sigaction(SIGPIPE, NULL, &pipe_before);
}

void front_signals_after(void) {
    sigaction(SIGPIPE, &pipe_before, NULL);
    for (int i = 0; i < COUNT; i++) {
        sigaction(numbers[i], NULL, &runtimes[i]);
        if (!(runtimes[i].sa_flags & SA_SIGINFO) || runtimes[i].sa_sigaction == on_signal) continue;
        struct sigaction ours = runtimes[i];
        ours.sa_sigaction = on_signal;
        if (runtimes[i].sa_sigaction != before[i].sa_sigaction) sigaction(numbers[i], &ours, NULL);
    }
}
