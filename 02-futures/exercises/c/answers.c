// Exercise 02c: both. A future of two futures: it is ready when both are. This one
// asks the second only when the first is ready. Let each poll ask whoever is still
// pending, so that both get on. The drop is right: leave it as it is.
//
//     make try-02c     builds it, runs it, and says what happened
//     make hint-02c    a hint, and after that a stronger one
//
// By hand, in 02-futures: make my-02c && ./my-02c
//
// exercise.h lies in exercises/c/; beside it are the answers, so look at nothing else.
#include "exercise.h"

// ---- your part ----

static enum poll_result both_poll(struct future *self, void *out) {
    struct both *me = (struct both *)self;
    (void)out; // the parts have no output
#ifdef ONE_POLL_LATE
    if (me->is_ready[0] && me->is_ready[1]) {
        return FUTURE_READY;
    }
#endif
#ifdef WAITS_INSIDE
    while (!me->is_ready[0]) {
        me->is_ready[0] = future_poll(me->parts[0], NULL) == FUTURE_READY;
    }
#endif
    for (int i = 0; i < 2; i++) {
#ifdef POLLS_A_READY_ONE
        me->is_ready[i] = future_poll(me->parts[i], NULL) == FUTURE_READY;
#else
        if (!me->is_ready[i]) {
            me->is_ready[i] = future_poll(me->parts[i], NULL) == FUTURE_READY;
        }
#endif
#ifdef ONE_AFTER_THE_OTHER
        if (!me->is_ready[i]) {
            return FUTURE_PENDING;
        }
#endif
    }
#if defined READY_WITH_ONE
    return me->is_ready[0] || me->is_ready[1] ? FUTURE_READY : FUTURE_PENDING;
#elif defined ONE_POLL_LATE || defined NEVER_READY
    return FUTURE_PENDING;
#else
    return me->is_ready[0] && me->is_ready[1] ? FUTURE_READY : FUTURE_PENDING;
#endif
}

static void both_drop(struct future *self) {
    struct both *me = (struct both *)self;
#ifndef DROPS_NONE
    future_drop(me->parts[0]);
#ifndef DROPS_ONE
    future_drop(me->parts[1]);
#endif
#ifdef DROPS_TWICE
    future_drop(me->parts[1]);
#endif
#else
    (void)me;
#endif
}

// ---- to here ----

struct both both(struct future *a, struct future *b) {
    static const struct future_ops ops = {sizeof(struct both), 0, both_poll,
                                          both_drop};
    return (struct both){.base = {&ops}, .parts = {a, b}};
}
