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
    if (http_request_poll(me->request, waker) == FUTURE_PENDING) {
        return FUTURE_PENDING;
    }
    sleep_seconds(seconds_to_wait(me->request));
    http_respond(me->request, 200, here);
    return FUTURE_READY;
}

static void handle_drop(struct future *self) {
    (void)self;
}

// ---- to here ----

struct handle handle(struct http_request *request) {
    static const struct future_ops ops = {sizeof(struct handle), 0, handle_poll,
                                          handle_drop};
    return (struct handle){.base = {&ops}, .request = request};
}
