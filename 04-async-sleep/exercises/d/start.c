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

static enum poll_result retry_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct retry *me = retry_of(self);
    int *value = out;
    if (me->at == START) {
        me->call = call(me->server);
        me->tries++;
        me->at = CALLING;
    }
    return future_poll(&me->call.base, waker, value);
}

static void retry_drop(struct future *self) {
    struct retry *me = retry_of(self);
    if (me->at == CALLING) {
        future_drop(&me->call.base);
    }
}

// ---- to here ----

struct retry retry(int server) {
    static const struct future_ops ops = {sizeof(struct retry), sizeof(int),
                                          retry_poll, retry_drop};
    return (struct retry){.base = {&ops}, .server = server, .at = START};
}
