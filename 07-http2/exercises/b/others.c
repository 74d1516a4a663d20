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

#include "clock.h"

#include <poll.h>

#ifdef WRONG_SLEEPS_IN_THE_POOL
static void sleep_for(const void *request) {
    sleep_seconds(seconds_to_wait(request));
}
#endif

// As a loop around a switch.
static enum poll_result handle_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    struct handle *me = (struct handle *)self;
    double seconds;
    (void)out;
#ifdef WRONG_SHARES_ITS_STATE
    static struct loop_sleep shared;
#endif
    for (;;) {
        switch (me->at) {
        case AWAIT_REQUEST:
#ifdef WRONG_DOES_NOT_AWAIT_THE_REQUEST
            (void)http_request_poll(me->request, waker);
#else
            if (http_request_poll(me->request, waker) == FUTURE_PENDING) {
                return FUTURE_PENDING;
            }
#endif
            me->at = BEGIN_SECOND;
            break;
        case BEGIN_SECOND:
            seconds = seconds_to_wait(me->request);
#ifdef WRONG_WAITS_HALF
            seconds /= 2;
#endif
#ifdef WRONG_WAITS_WITH_POLL
            (void)poll(NULL, 0, (int)(seconds * 1000));
            seconds = 0;
#endif
#ifdef WRONG_EVERYBODY_WAITS
            seconds = 0.3;
#endif
#ifdef RIGHT_SLEEPS_FOR_NOTHING_TOO
            me->sleep = loop_sleep(me->request->executor, seconds);
            me->second = &me->sleep.base;
            me->at = AWAIT_SECOND;
            break;
#endif
            me->at = seconds > 0 ? AWAIT_SECOND : ANSWER;
            me->sleep = loop_sleep(me->request->executor, seconds);
            me->second = seconds > 0 ? &me->sleep.base : NULL;
#ifdef WRONG_SLEEPS_IN_THE_POOL
            me->work = pool_work(me->request->executor, sleep_for, me->request);
            me->second = seconds > 0 ? &me->work.base : NULL;
#endif
#ifdef WRONG_SHARES_ITS_STATE
            shared = me->sleep;
            me->second = seconds > 0 ? &shared.base : NULL;
#endif
            break;
        case AWAIT_SECOND:
#ifdef WRONG_BEGINS_ANEW
            future_drop(me->second);
            me->sleep =
                loop_sleep(me->request->executor, seconds_to_wait(me->request));
#endif
            if (future_poll(me->second, waker, NULL) == FUTURE_PENDING) {
#ifdef WRONG_ASKS_ALL_THE_TIME
                waker_wake(waker);
#endif
                return FUTURE_PENDING;
            }
#ifdef RIGHT_DROPS_IT_AT_ONCE
            future_drop(me->second);
            me->second = NULL;
#endif
            me->at = ANSWER;
            break;
        case ANSWER:
#ifdef WRONG_NEVER_ANSWERS
            return FUTURE_READY;
#endif
            http_respond(me->request, 200, here);
            me->at = ANSWERED;
            return FUTURE_READY;
        case ANSWERED:
            abort();
        }
    }
}

static void handle_drop(struct future *self) {
    struct handle *me = (struct handle *)self;
#ifdef WRONG_DROPS_ONLY_WHEN_ANSWERED
    if (me->at != ANSWERED) {
        return;
    }
#endif
    if (me->second != NULL) {
        future_drop(me->second);
    }
}

// ---- to here ----

struct handle handle(struct http_request *request) {
    static const struct future_ops ops = {sizeof(struct handle), 0, handle_poll,
                                          handle_drop};
    return (struct handle){.base = {&ops}, .request = request};
}
