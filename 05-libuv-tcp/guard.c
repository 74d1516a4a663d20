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

// So long whoever must act next may take; milliseconds.
static long time_for(const struct tcp_connection *c) {
    return c->at == PAUSED     ? paused_look_ms
           : c->at != ENDING   ? c->loop->options->idle_ms
           : c->loop->stopping ? linger_at_stop_ms
                               : linger_ms;
}

static bool has_output(const struct tcp_connection *c) {
    return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp) > 0;
}

// ---- What happens to a connection ----

void guard_renew(struct tcp_connection *c) {
    struct deadlines *all = &c->loop->guard.deadlines;
    struct guarded *g = &c->guarded;
    g->due = deadlines_now(all) + time_for(c);
    if (c->at == READING && g->whole_by < g->due) {
        g->due = g->whole_by;
    }
    deadlines_set(all, g->due);
}

// Shuts our half, so that the client sees the end, and waits for it to leave. To
// close with unread bytes in the socket would make the kernel send a reset, and
// a reset can destroy the answer before the client sees it. The socket is
// non-blocking and its output is out, so the call returns at once.
bool guard_ending(struct tcp_connection *c) {
    uv_os_fd_t fd;
    guard_renew(c);
    return uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0 &&
           shutdown(fd, SHUT_WR) == 0;
}

void tcp_set_deadline(struct tcp_connection *c, long ms) {
    struct deadlines *all = &c->loop->guard.deadlines;
    c->guarded.whole_by = ms > 0 ? deadlines_now(all) + ms : DEADLINE_NEVER;
    if (c->at == READING || c->at == WRITING) {
        guard_renew(c);
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
// connection: we have to look. tcp_abort does nothing to who is closing already.
static void look_at(struct tcp_connection *c) {
    if (!deadlines_passed(&c->loop->guard.deadlines, c->guarded.due)) {
        return;
    }
    if (c->at == READING) {
        tcp_set_deadline(c, 0);
        c->loop->protocol.on_idle(c);
    } else if (c->at == PAUSED && !has_left(c)) {
        guard_renew(c);
    } else {
        tcp_abort(c, c->at == PAUSED ? uv_strerror(UV_ECONNRESET)
                     : has_output(c) ? "the client does not take its answers"
                                     : NULL);
    }
}

static void look_at_all(struct deadlines *all) {
    server_loop_for_each((struct server_loop *)all->timer.loop, look_at);
}

// ---- What is told ----

// Who connects and resets can make 20,000 errors a second, and each line is a
// write that everybody waits for. So the others are only counted, and told when
// the second is over.
void guard_tell_the_others(uv_timer_t *second) {
    struct guard *g = &((struct server_loop *)second->loop)->guard;
    if (g->errors > errors_per_second) {
        fprintf(stderr, "Error: %ld more like these\n",
                g->errors - errors_per_second);
    }
    g->errors = 0;
}

void guard_complain(struct server_loop *l, const char *what, const char *why) {
    struct guard *g = &l->guard;
    if (g->errors == 0) {
        uv_timer_start(&g->second, guard_tell_the_others, 1000, 0);
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
    uv_timer_init(&l->uv, &l->guard.second);
}

void guard_end_grace(uv_timer_t *grace) {
    server_loop_for_each((struct server_loop *)grace->loop, tcp_close_silently);
}

static void hurry(struct tcp_connection *c) {
    if (c->at == ENDING && !has_output(c)) {
        guard_renew(c);
    }
}

void guard_begin_grace(struct server_loop *l) {
    server_loop_for_each(l, hurry);
    uv_timer_start(&l->guard.grace, guard_end_grace,
                   (uint64_t)l->options->grace_ms, 0);
}
