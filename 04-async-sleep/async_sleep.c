#define _POSIX_C_SOURCE 200809L
// The text's own async sleep. It asks for the next poll at once, so the worker
// comes back to it in turn, as often as it can: one thread carries thousands
// of these, and is busy with asking for as long as any of them sleeps.
#include "async_sleep.h"

#include "clock.h"

// The text keeps the start and the duration, and adds them up in each poll. We
// have added them up once.
static enum poll_result sleep_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct async_sleep *me = (struct async_sleep *)self;
    (void)out;
    if (monotonic_now() >= me->deadline.at) {
        return FUTURE_READY;
    }
    waker_wake(waker); // without this nobody would ever ask again
    return FUTURE_PENDING;
}

static const struct future_ops sleep_ops = {sizeof(struct async_sleep), 0,
                                            sleep_poll, NULL};

struct async_sleep async_sleep(double seconds) {
    int64_t at = monotonic_now() + nanoseconds(seconds);
    return (struct async_sleep){.base = {&sleep_ops}, .deadline = {at, 0}};
}
