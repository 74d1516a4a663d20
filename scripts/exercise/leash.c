#define _POSIX_C_SOURCE 200809L
// Linked to every program that is judged, and its main is here: so the judge knows
// whether the scene came to its end. It sees to it that what was printed is there
// whatever happens, and that the program ends: an answer that forgets to wake
// somebody hangs, and one that asks in vain spins.
//
//   TRY_SEED   a number that the trace tells if the scene has ended
//   TRY_CPU    so many seconds of work: it spins
//
// Time is measured by the work that was done, and idleness by our own ticks, not by
// the clock on the wall: where a program waits for the processor, so do we.
#include "trace.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HUNG = 81, SPUN = 82, LATE = 83 };

enum { tick_ms = 20, most_idle = 1000 / tick_ms }; // ticks

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*function)(void *), void *arg);
int __real_nanosleep(const struct timespec *time, struct timespec *left);

static double read_clock(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double limit(const char *name, double otherwise) {
    const char *text = getenv(name);
    return text != NULL ? atof(text) : otherwise;
}

// The picture of what led to this is what we want most.
static void end(int status) {
    trace_finish();
    _exit(status);
}

// The same if it dies. Under a sanitizer it is the sanitizer that dies.
void __sanitizer_set_death_callback(void (*callback)(void))
    __attribute__((weak));

static void on_crash(int signal_number) {
    trace_finish();
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void catch_crashes(void) {
    signal(SIGABRT, on_crash);
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(trace_finish);
        return;
    }
    signal(SIGSEGV, on_crash);
    signal(SIGBUS, on_crash);
    signal(SIGFPE, on_crash);
    signal(SIGILL, on_crash);
}

// ThreadSanitizer has a thread of its own, which works a little all the time.
void __tsan_init(void) __attribute__((weak));

static void *watch(void *unused) {
    const double busy = __tsan_init != NULL ? 2e-3 : 20e-6; // in a tick
    (void)unused;
    const double most_wall = 20;
    double most_cpu = limit("TRY_CPU", 1.5);
    double start = read_clock(CLOCK_MONOTONIC), before = -1;
    for (int idle = 0;; idle++) {
        const struct timespec tick = {.tv_nsec = tick_ms * 1000 * 1000};
        __real_nanosleep(&tick, NULL);
        double now = read_clock(CLOCK_MONOTONIC);
        double own = read_clock(CLOCK_THREAD_CPUTIME_ID);
        double cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID) - own;
        if (cpu - before > busy) {
            before = cpu;
            idle = 0;
        }
        if (idle > most_idle) {
            end(HUNG);
        }
        if (cpu > most_cpu) {
            end(SPUN);
        }
        if (now - start > most_wall) {
            end(LATE);
        }
    }
    return NULL;
}

// ---- The scene, whose main has another name here ----

int scene_main(void);

static long seed; // an answer does not find it in the environment

int main(void) {
    int status = scene_main();
    trace_set(SCENE, seed);
    return status;
}

__attribute__((constructor(103))) static void begin(void) {
    pthread_t thread;
    pthread_attr_t attributes;
    const char *text = getenv("TRY_SEED");
    seed = text != NULL ? atol(text) : 1;
    unsetenv("TRY_SEED");
    setvbuf(stdout, NULL, _IOLBF, 0);
    catch_crashes();
    if (pthread_attr_init(&attributes) == 0 &&
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) ==
            0) {
        (void)__real_pthread_create(&thread, &attributes, watch, NULL);
    }
}
