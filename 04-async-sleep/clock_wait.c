#define _POSIX_C_SOURCE 200809L
#define _DARWIN_C_SOURCE // macOS: shows what is its own
// See the header. A second reading: nothing here explains how async works.
#include "clock_wait.h"

#include "clock.h"

#include <errno.h>
#include <time.h>

static struct timespec timespec_of(int64_t nanoseconds) {
    return (struct timespec){.tv_sec = nanoseconds / 1000000000,
                             .tv_nsec = nanoseconds % 1000000000};
}

#ifdef __APPLE__

int clock_wait_init(pthread_cond_t *condition) {
    return pthread_cond_init(condition, NULL);
}

int clock_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex,
                     int64_t deadline) {
    int64_t left = deadline - monotonic_now();
    if (left <= 0) {
        return ETIMEDOUT;
    }
    struct timespec t = timespec_of(left);
    return pthread_cond_timedwait_relative_np(condition, mutex, &t);
}

#else

// By itself a condition waits by the clock on the wall, and who sets that back
// an hour would make every sleeper an hour late.
int clock_wait_init(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);
    if (error != 0) {
        return error;
    }
    error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (error == 0) {
        error = pthread_cond_init(condition, &attributes);
    }
    int end = pthread_condattr_destroy(&attributes);
    return error != 0 ? error : end;
}

int clock_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex,
                     int64_t deadline) {
    struct timespec t = timespec_of(deadline);
    return pthread_cond_timedwait(condition, mutex, &t);
}

#endif
