#define _POSIX_C_SOURCE 200809L
// What a protocol may ask about its connection, and what happens where it has
// nothing to say.
#include "server_loop.h"
#include "tcp_connection.h"

void *tcp_state(struct tcp_connection *c) {
    return c->state;
}

uv_loop_t *tcp_loop(const struct tcp_connection *c) {
    return &c->loop->uv;
}

const struct server_options *tcp_options(const struct tcp_connection *c) {
    return c->loop->options;
}

int tcp_port(const struct tcp_connection *c) {
    return c->loop->port;
}

bool tcp_is_ending(const struct tcp_connection *c) {
    return c->at == ENDING || c->at == CLOSING;
}

bool tcp_is_stopping(const struct tcp_connection *c) {
    return c->loop->stopping;
}

// ---- Where a protocol has no function ----

static void do_nothing(struct tcp_connection *c) {
    (void)c;
}

static void close_silently(struct tcp_connection *c) {
    tcp_abort(c, NULL);
}

#define OTHERWISE(callback, function)                                          \
    if (p.callback == NULL) {                                                  \
        p.callback = (function);                                               \
    }

struct tcp_protocol tcp_protocol_complete(struct tcp_protocol p) {
    OTHERWISE(on_drained, do_nothing)
    OTHERWISE(on_eof, tcp_end)
    OTHERWISE(on_idle, close_silently)
    OTHERWISE(on_stopping, tcp_end)
    OTHERWISE(on_close, do_nothing)
    return p;
}
