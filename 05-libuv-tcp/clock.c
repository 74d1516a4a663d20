#define _POSIX_C_SOURCE 200809L
#include "clock.h"

#include "must.h"

#include <errno.h>
#include <time.h>

int64_t monotonic_now(void) {
    struct timespec t;
    must(clock_gettime(CLOCK_MONOTONIC, &t) == 0 ? 0 : errno, "read the clock");
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

double now(void) {
    return (double)monotonic_now() / 1e9;
}

int64_t nanoseconds(double seconds) {
    const double century = 100 * 365.25 * 24 * 60 * 60;
    if (!(seconds > 0)) { // also if it is no number
        return 0;
    }
    return (int64_t)((seconds < century ? seconds : century) * 1e9);
}

// A signal may cut a sleep short; then the rest is slept.
void sleep_seconds(double seconds) {
    int64_t ns = nanoseconds(seconds);
    struct timespec left = {ns / 1000000000, ns % 1000000000};
    int error;
    do {
        error = nanosleep(&left, &left) == 0 ? 0 : errno;
    } while (error == EINTR);
    must(error, "sleep");
}
