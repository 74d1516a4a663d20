#define _POSIX_C_SOURCE 200809L
// Who is late, and what becomes of them. A connection has one deadline, and
// each event moves it: there is a minute for whatever comes next, unless the
// protocol wants something whole before (tcp_set_deadline).
#include "guard.h"

#include "server_loop.h"
#include "tcp_connection.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

static void set(struct tcp_connection *c, int64_t ms) {
    struct deadlines *all = &c->loop->guard.deadlines;
    struct guarded *g = &c->guarded;
    g->due = deadlines_now(all) + ms;
    if (c->at == READING && g->whole_by < g->due) {
        g->due = g->whole_by;
    }
    deadlines_set(all, g->due);
}

static bool has_output(const struct tcp_connection *c) {
    return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp) > 0;
}

// ---- What happens to a connection ----

void guard_opened(struct tcp_connection *c) {
    c->guarded.whole_by = DEADLINE_NEVER;
    guard_heard(c);
}

void guard_heard(struct tcp_connection *c) {
    set(c, c->loop->options->idle_ms);
}

void guard_unread(struct tcp_connection *c) {
    set(c, c->at == PAUSED ? paused_look_ms : c->loop->options->idle_ms);
}

// Shuts our half, so that the client sees the end, and waits for it to leave. To
// close with unread bytes in the socket would make the kernel send a reset, and
// a reset can destroy the answer before the client sees it. The socket is
// non-blocking and its output is out, so the call returns at once.
bool guard_ending(struct tcp_connection *c) {
    uv_os_fd_t fd;
    set(c, c->loop->stopping ? linger_at_stop_ms : linger_ms);
    return uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0 &&
           shutdown(fd, SHUT_WR) == 0;
}

void tcp_set_deadline(struct tcp_connection *c, long ms) {
    struct deadlines *all = &c->loop->guard.deadlines;
    c->guarded.whole_by = ms > 0 ? deadlines_now(all) + ms : DEADLINE_NEVER;
    if (c->at == READING || c->at == WRITING) {
        guard_heard(c);
    }
}

// ---- Who is late ----

// It has reset the connection. Who only half-closed it waits for an answer.
static bool has_left(const struct tcp_connection *c) {
    struct pollfd p = {.fd = -1, .events = 0}; // an error is always told
    return uv_fileno((const uv_handle_t *)&c->tcp, &p.fd) == 0 &&
           poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP)) != 0;
}

// A client whose work is under way is not read, so nobody hears it reset the
// connection: we have to look.
static void look_after(struct tcp_connection *c) {
    if (has_left(c)) {
        tcp_abort(c, uv_strerror(UV_ECONNRESET));
    } else {
        guard_unread(c);
    }
}

static void on_due(struct tcp_connection *c) {
    switch (c->at) {
    case READING:
        tcp_set_deadline(c, 0);
        c->loop->protocol.on_idle(c);
        break;
    case PAUSED:
        look_after(c);
        break;
    case WRITING:
    case ENDING:
        tcp_abort(c, has_output(c) ? "the client does not take its answers"
                                   : NULL);
        break;
    case CLOSING:
        break; // it is on its way
    }
}

static void look_at(uv_handle_t *handle, void *all) {
    struct tcp_connection *c = (struct tcp_connection *)handle;
    if (handle->type == UV_TCP && deadlines_passed(all, c->guarded.due)) {
        on_due(c);
    }
}

static void look_at_all(struct deadlines *all) {
    uv_walk(all->timer.loop, look_at, all);
}

// ---- What is told ----

// Who connects and resets can make 20,000 errors a second, and each line is a
// write that everybody waits for. So the others are only counted, and told when
// the second is over.
static void tell_the_others(struct guard *g) {
    if (g->errors > errors_per_second) {
        fprintf(stderr, "Error: %ld more like these\n",
                g->errors - errors_per_second);
    }
    g->errors = 0;
}

static void on_second_over(uv_timer_t *second) {
    tell_the_others(second->data);
}

void guard_complain(struct server_loop *l, const char *what, const char *why) {
    struct guard *g = &l->guard;
    if (g->errors == 0) {
        uv_timer_start(&g->second, on_second_over, 1000, 0);
    }
    if (g->errors++ < errors_per_second) {
        fprintf(stderr, "Error %s connection: %s\n", what, why);
    }
}

void tcp_report(struct tcp_connection *c, const char *why) {
    guard_complain(c->loop, "serving", why);
}

// ---- What happens to a loop ----

void guard_start(struct server_loop *l) {
    deadlines_start(&l->guard.deadlines, &l->uv, look_at_all);
    uv_timer_init(&l->uv, &l->guard.grace);
    l->guard.grace.data = l;
    uv_timer_init(&l->uv, &l->guard.second);
    l->guard.second.data = &l->guard;
}

static void close_connection(uv_handle_t *handle, void *unused) {
    (void)unused;
    if (handle->type == UV_TCP) {
        tcp_abort((struct tcp_connection *)handle, NULL);
    }
}

void guard_end_grace(struct server_loop *l) {
    uv_walk(&l->uv, close_connection, NULL);
}

static void on_grace_over(uv_timer_t *grace) {
    guard_end_grace(grace->data);
}

static void hurry(uv_handle_t *handle, void *unused) {
    struct tcp_connection *c = (struct tcp_connection *)handle;
    (void)unused;
    if (handle->type == UV_TCP && c->at == ENDING && !has_output(c)) {
        set(c, linger_at_stop_ms);
    }
}

void guard_begin_grace(struct server_loop *l) {
    uv_walk(&l->uv, hurry, NULL);
    uv_timer_start(&l->guard.grace, on_grace_over,
                   (uint64_t)l->options->grace_ms, 0);
}

void guard_stop(struct server_loop *l) {
    tell_the_others(&l->guard);
}
