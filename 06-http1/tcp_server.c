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

void tcp_close_silently(struct tcp_connection *c) {
    tcp_abort(c, NULL);
}

struct tcp_protocol tcp_protocol_complete(struct tcp_protocol p) {
    p.on_drained = p.on_drained != NULL ? p.on_drained : do_nothing;
    p.on_eof = p.on_eof != NULL ? p.on_eof : tcp_end;
    p.on_idle = p.on_idle != NULL ? p.on_idle : tcp_close_silently;
    p.on_stopping = p.on_stopping != NULL ? p.on_stopping : tcp_end;
    p.on_close = p.on_close != NULL ? p.on_close : do_nothing;
    return p;
}
