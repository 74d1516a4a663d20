#define _POSIX_C_SOURCE 200809L
// Exercise 04d: three attempts. A call may fail; then it is tried again after a nap, at most
// three times in all. In exercise.h it stands as an async function; write it as a poll and a
// drop. As it stands there is only one attempt. Naps come from timer_sleep.
//
//     make try-04d     builds it, runs it, and says what happened
//     make hint-04d    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-04d && ./my-04d
//
// exercise.h lies in exercises/d/; beside it are the answers, so look at nothing else.
#include "exercise.h"

// ---- your part ----

#include <time.h>

#if defined WRONG_TRIES_FOUR_TIMES
enum { most_tries = 4 };
#elif defined WRONG_TRIES_TWICE
enum { most_tries = 2 };
#else
enum { most_tries = 3 };
#endif

static enum poll_result call_poll_once(struct retry *me,
                                       const struct waker *waker, int *value) {
    if (future_poll(&me->call.base, waker, value) == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
#ifdef RIGHT_KEEPS_THE_CALL_UNTIL_THE_END
    if (*value >= 0 || me->tries == most_tries) {
        *value = *value >= 0 ? *value : -1;
        return FUTURE_READY;
    }
#else
    if (*value >= 0) {
        return FUTURE_READY;
    }
    if (me->tries == most_tries) {
#ifdef WRONG_SAYS_ZERO_AFTER_THREE
        *value = 0;
#else
        *value = -1;
#endif
        return FUTURE_READY;
    }
#endif
    future_drop(&me->call.base);
#if defined WRONG_NAPS_EQUALLY_LONG
    me->nap = timer_sleep(0.1);
#elif defined RIGHT_HAS_A_TABLE
    static const double seconds[] = {0.1, 0.2};
    me->nap = timer_sleep(seconds[me->tries - 1]);
#elif defined WRONG_SLEEPS_IN_POLL
    const struct timespec t = {.tv_nsec = 50 * 1000 * 1000};
    nanosleep(&t, NULL);
    me->nap = timer_sleep(0.1 * me->tries);
#else
    me->nap = timer_sleep(0.1 * me->tries);
#endif
    me->at = NAPPING;
    return FUTURE_PENDING;
}

static enum poll_result retry_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct retry *me = retry_of(self);
    while (1) {
        if (me->at == NAPPING) {
            if (future_poll(&me->nap.base, waker, NULL) == FUTURE_PENDING) {
#ifdef WRONG_ASKS_AGAIN
                waker_wake(waker);
#endif
                return FUTURE_PENDING;
            }
#ifndef WRONG_FORGETS_THE_OLD_NAP
            future_drop(&me->nap.base);
#endif
            me->at = START;
        }
        if (me->at == START) {
            me->call = call(me->server);
            me->tries++;
            me->at = CALLING;
        }
        enum poll_result result = call_poll_once(me, waker, out);
#ifdef WRONG_DROPS_THE_CALL_WHEN_READY
        if (result == FUTURE_READY) {
            future_drop(&me->call.base);
        }
#endif
        if (result == FUTURE_READY || me->at == CALLING) {
            return result;
        }
    }
}

static void retry_drop(struct future *self) {
    struct retry *me = retry_of(self);
#ifdef WRONG_DROPS_BOTH
    if (me->at != START) {
        future_drop(&me->nap.base);
        future_drop(&me->call.base);
    }
    return;
#endif
    if (me->at != START) {
        future_drop(me->at == NAPPING ? &me->nap.base : &me->call.base);
    }
}

// ---- to here ----

struct retry retry(int server) {
    static const struct future_ops ops = {sizeof(struct retry), sizeof(int),
                                          retry_poll, retry_drop};
    return (struct retry){.base = {&ops}, .server = server, .at = START};
}
