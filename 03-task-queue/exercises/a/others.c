// Exercise 03a: let others go first. A task that has much to do is polled, and goes on
// until it is done; the others wait. Write a future that says pending once, and is
// ready when it is asked again. Who awaits it lets the others have a turn.
//
//     make try-03a     builds it, runs it, and says what happened
//     make hint-03a    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-03a && ./my-03a
//
// exercise.h lies in exercises/a/; beside it are the answers, so look at nothing else.
#include "exercise.h"

// ---- your part ----

#include <sched.h>

static enum poll_result yield_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct yield *me = (struct yield *)self;
    (void)out;
#if defined RIGHT_WAKES_A_CLONE
    if (!me->has_yielded) {
        struct waker mine = waker_clone(waker);
        me->has_yielded = true;
        waker_wake(&mine);
        waker_drop(&mine);
        return FUTURE_PENDING;
    }
    return FUTURE_READY;
#elif defined RIGHT_WAKES_FIRST
    enum poll_result result = me->has_yielded ? FUTURE_READY : FUTURE_PENDING;
    if (result == FUTURE_PENDING) {
        waker_wake(waker);
    }
    me->has_yielded = true;
    return result;
#elif defined WRONG_YIELDS_THE_THREAD
    (void)me;
    (void)waker;
    (void)sched_yield();
    return FUTURE_READY;
#elif defined WRONG_ONCE_FOR_ALL
    static bool has_yielded;
    (void)me;
    if (has_yielded) {
        return FUTURE_READY;
    }
    has_yielded = true;
    waker_wake(waker);
    return FUTURE_PENDING;
#elif defined WRONG_KEEPS_A_CLONE
    if (me->has_yielded) {
        return FUTURE_READY;
    }
    me->has_yielded = true;
    struct waker lost = waker_clone(waker);
    waker_wake(&lost);
    return FUTURE_PENDING;
#elif defined WRONG_WAKES_THREE_TIMES
    if (me->has_yielded) {
        return FUTURE_READY;
    }
    me->has_yielded = true;
    waker_wake(waker);
    waker_wake(waker);
    waker_wake(waker);
    return FUTURE_PENDING;
#elif defined WRONG_WAKES_WHEN_READY
    if (me->has_yielded) {
        waker_wake(waker);
        return FUTURE_READY;
    }
    me->has_yielded = true;
    return FUTURE_PENDING;
#elif defined WRONG_DROPS_THE_LENT_ONE
    if (me->has_yielded) {
        return FUTURE_READY;
    }
    me->has_yielded = true;
    struct waker mine = *waker;
    waker_wake(&mine);
    waker_drop(&mine);
    return FUTURE_PENDING;
#else
    (void)me;
    (void)waker;
    return FUTURE_PENDING;
#endif
}

// ---- to here ----

struct yield yield_now(void) {
    static const struct future_ops ops = {sizeof(struct yield), 0, yield_poll,
                                          NULL};
    return (struct yield){.base = {&ops}};
}
