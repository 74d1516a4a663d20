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

static void begin_call(struct retry *me) {
    me->tries++;
    me->call = call(me->server);
    me->at = CALLING;
}

#ifdef SHARES_ITS_STATE
static int tries; // of all of them

static void begin_call_of_all(struct retry *me) {
    begin_call(me);
    me->tries = ++tries;
}
#define begin_call begin_call_of_all
#endif

static enum poll_result retry_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct retry *me = retry_of(self);
    int *value = out;
    for (;;) {
        switch (me->at) {
        case START:
#ifdef SHARES_ITS_STATE
            tries = 0;
#endif
            begin_call(me);
            break;
        case CALLING:
#ifdef STARTS_OVER
            future_drop(&me->call.base);
            me->call = call(me->server);
#endif
            if (future_poll(&me->call.base, waker, value) == FUTURE_PENDING) {
                return FUTURE_PENDING;
            }
#ifdef ZERO_IS_NO_FAILURE
            if (*value > 0) {
#else
            if (*value >= 0) {
#endif
                return FUTURE_READY;
            }
#ifndef FORGETS_THE_TRIES
            if (me->tries == 3) {
#ifndef TELLS_THE_SERVERS_ERROR
                *value = -1;
#endif
                return FUTURE_READY;
            }
#endif
#ifndef FORGETS_A_PART
            future_drop(&me->call.base);
#endif
#ifdef FORGETS_THE_NAP
            begin_call(me);
            break;
#endif
            me->nap = timer_sleep(0.1 * me->tries);
            me->at = NAPPING;
#ifdef FORGETS_TO_WAKE
            return FUTURE_PENDING;
#endif
            break;
        case NAPPING:
            if (future_poll(&me->nap.base, waker, NULL) == FUTURE_PENDING) {
                return FUTURE_PENDING;
            }
            future_drop(&me->nap.base);
            begin_call(me);
            break;
        }
    }
}

static void retry_drop(struct future *self) {
    struct retry *me = retry_of(self);
    switch (me->at) {
    case START:
        break;
    case CALLING:
        future_drop(&me->call.base);
        break;
    case NAPPING:
#ifndef DROPS_ONLY_THE_CALL
        future_drop(&me->nap.base);
#endif
        break;
    }
}

// ---- to here ----

struct retry retry(int server) {
    static const struct future_ops ops = {sizeof(struct retry), sizeof(int),
                                          retry_poll, retry_drop};
    return (struct retry){.base = {&ops}, .server = server, .at = START};
}
