#define _POSIX_C_SOURCE 200809L
// Exercise 07b: two answers, one wire. This file takes the place of handle.c, so its header
// is handle.h. A client asks for /slow/300 and then, on the same connection, for /hello. As it
// stands /hello waits for /slow. Let each request wait for itself: answer after
// seconds_to_wait, and hold nobody else. A client may take a request back while it waits. See
// exercise.h.
//
//     make try-07b     builds it, runs it, and says what happened
//     make hint-07b    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-07b && ./my-07b
//
// exercise.h lies in exercises/b/; beside it are the answers, so look at nothing else.
#include "exercise.h"

#include "clock.h"

// ---- your part ----

static enum poll_result handle_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    struct handle *me = (struct handle *)self;
    (void)out;
    if (me->at == AWAIT_REQUEST) {
        if (http_request_poll(me->request, waker) == FUTURE_PENDING) {
            return FUTURE_PENDING;
        }
        double seconds = seconds_to_wait(me->request);
#ifdef BLOCKS_THE_LOOP
        sleep_seconds(seconds);
        seconds = 0;
#endif
        me->at = ANSWER;
        if (seconds > 0) {
            me->sleep = loop_sleep(me->request->executor, seconds);
            me->second =
                &me->sleep.base; // we have been polled, and move no more
            me->at = AWAIT_SECOND;
        }
    }
    if (me->at == AWAIT_SECOND) {
#if defined DOES_NOT_WAIT
        (void)future_poll(me->second, waker, NULL);
#elif defined SPINS_ON_THE_LOOP
        while (future_poll(me->second, waker, NULL) == FUTURE_PENDING) {
        }
#elif defined FORGETS_TO_ASK
        if (monotonic_now() < me->sleep.deadline.at) {
            return FUTURE_PENDING;
        }
#else
        if (future_poll(me->second, waker, NULL) == FUTURE_PENDING) {
            return FUTURE_PENDING;
        }
#endif
    }
    http_respond(me->request, 200, here);
    return FUTURE_READY;
}

static void handle_drop(struct future *self) {
    struct handle *me = (struct handle *)self;
#ifndef FORGETS_THE_NAP
    if (me->second != NULL) {
        future_drop(me->second);
    }
#else
    (void)me;
#endif
}

// ---- to here ----

struct handle handle(struct http_request *request) {
    static const struct future_ops ops = {sizeof(struct handle), 0, handle_poll,
                                          handle_drop};
    return (struct handle){.base = {&ops}, .request = request};
}
