#define _POSIX_C_SOURCE 200809L
// The text's own async sleep. It asks for the next poll at once, so the worker
// comes back to it in turn, as often as it can: one thread carries thousands
// of these, and is busy with asking for as long as any of them sleeps.
#include "async_sleep.h"

#include <time.h>

int64_t monotonic_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t nanoseconds(double seconds) {
    const double century = 100 * 365.25 * 24 * 60 * 60;
    if (!(seconds > 0)) { // also if it is no number
        return 0;
    }
    return (int64_t)((seconds < century ? seconds : century) * 1e9);
}

static enum poll sleep_poll(struct future *self, const struct waker *waker,
                            void *out) {
    (void)out;
    struct async_sleep *me = (struct async_sleep *)self;
    if (monotonic_now() - me->start_time >= me->duration) {
        return FUTURE_READY;
    }
    waker_wake(waker); // without this nobody would ever ask again
    return FUTURE_PENDING;
}

// Nothing to free: it is a part of the future that awaits it.
static void sleep_drop(struct future *self) {
    (void)self;
}

static const struct future_ops sleep_ops = {sleep_poll, sleep_drop};

struct async_sleep async_sleep(double seconds) {
    return (struct async_sleep){.base = {&sleep_ops},
                                .start_time = monotonic_now(),
                                .duration = nanoseconds(seconds)};
}
