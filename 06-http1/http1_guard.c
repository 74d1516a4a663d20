#define _POSIX_C_SOURCE 200809L
// A byte now and then is no progress: what is under way must be complete in time,
// or go on for a good piece. So nobody holds a place with a request that does not
// come.
#include "http1_guard.h"

enum {
    // A body of 64 MiB may take its time, but each piece of this size must come
    // within the request time: 2 KiB a second, if that is 30 seconds.
    body_pace = 64 * 1024,
    // When the server stops, a request may be on the wire already. So long its
    // head may take to come in, in milliseconds.
    on_the_wire_ms = 200,
};

bool http1_guard_body(const struct http1_request *r, size_t size) {
    return (r->base.body_size + size) / body_pace >
           r->base.body_size / body_pace;
}

// While the client owes us a read instead, it is the TCP server that watches.
void http1_guard_heard(struct tcp_connection *c, bool progress) {
    struct http1_connection *h = tcp_state(c);
    bool timed = http1_is_busy(&h->parser) && tcp_is_writable(c);
    if (timed != h->timed || (timed && progress)) {
        h->timed = timed;
        tcp_set_deadline(c, !timed ? 0
                            : tcp_is_stopping(c) && h->request == NULL
                                ? on_the_wire_ms
                                : tcp_options(c)->request_ms);
    }
}

void http1_guard_idle(struct tcp_connection *c) {
    http1_end(c, 408, "too long for one request");
}

// A request on its way still gets its answer, which says that it is the last. What
// is half there may be a request whose rest never comes.
void http1_guard_stopping(struct tcp_connection *c) {
    const struct http1_connection *h = tcp_state(c);
    if (h->request == NULL) {
        tcp_set_deadline(c, on_the_wire_ms);
    }
}
