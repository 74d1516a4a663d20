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
    (void)out;
#if defined WRONG_READY_WITH_ONE
    for (int i = 0; i < 2; i++) {
        if (!me->is_ready[i]) {
            me->is_ready[i] = future_poll(me->parts[i], NULL) == FUTURE_READY;
        }
    }
    return me->is_ready[0] || me->is_ready[1] ? FUTURE_READY : FUTURE_PENDING;
#elif defined WRONG_WAITS_IN_A_LOOP
    for (int i = 0; i < 2; i++) {
        while (!me->is_ready[i]) {
            me->is_ready[i] = future_poll(me->parts[i], NULL) == FUTURE_READY;
        }
    }
    return FUTURE_READY;
#elif defined WRONG_SHORT_CIRCUIT
    me->is_ready[0] =
        me->is_ready[0] || future_poll(me->parts[0], NULL) == FUTURE_READY;
    me->is_ready[1] =
        me->is_ready[0] &&
        (me->is_ready[1] || future_poll(me->parts[1], NULL) == FUTURE_READY);
    return me->is_ready[0] && me->is_ready[1] ? FUTURE_READY : FUTURE_PENDING;
#elif defined WRONG_NEVER_READY
    for (int i = 0; i < 2; i++) {
        if (!me->is_ready[i]) {
            (void)future_poll(me->parts[i], NULL);
        }
    }
    return FUTURE_PENDING;
#elif defined RIGHT_COUNTS_THE_PENDING
    int pending = 0;
    for (int i = 1; i >= 0; i--) {
        if (!me->is_ready[i] &&
            future_poll(me->parts[i], NULL) == FUTURE_READY) {
            me->is_ready[i] = true;
        }
        pending += !me->is_ready[i];
    }
    return pending == 0 ? FUTURE_READY : FUTURE_PENDING;
#elif defined RIGHT_NULL_IS_READY
    // Who is ready is dropped at once.
    for (int i = 0; i < 2; i++) {
        if (me->parts[i] != NULL &&
            future_poll(me->parts[i], NULL) == FUTURE_READY) {
            future_drop(me->parts[i]);
            me->parts[i] = NULL;
        }
    }
    return me->parts[0] == NULL && me->parts[1] == NULL ? FUTURE_READY
                                                        : FUTURE_PENDING;
#else
    for (int i = 0; i < 2; i++) {
        if (!me->is_ready[i]) {
            me->is_ready[i] = future_poll(me->parts[i], NULL) == FUTURE_READY;
        }
    }
    return me->is_ready[0] && me->is_ready[1] ? FUTURE_READY : FUTURE_PENDING;
#endif
}

static void both_drop(struct future *self) {
    struct both *me = (struct both *)self;
#if defined RIGHT_NULL_IS_READY
    for (int i = 0; i < 2; i++) {
        if (me->parts[i] != NULL) {
            future_drop(me->parts[i]);
        }
    }
#elif defined WRONG_DROPS_ONLY_THE_PENDING
    for (int i = 0; i < 2; i++) {
        if (!me->is_ready[i]) {
            future_drop(me->parts[i]);
        }
    }
#elif defined WRONG_DROPS_TWICE
    future_drop(me->parts[0]);
    future_drop(me->parts[1]);
    future_drop(me->parts[1]);
#else
    future_drop(me->parts[0]);
    future_drop(me->parts[1]);
#endif
}

// ---- to here ----

struct both both(struct future *a, struct future *b) {
    static const struct future_ops ops = {sizeof(struct both), 0, both_poll,
                                          both_drop};
    return (struct both){.base = {&ops}, .parts = {a, b}};
}
