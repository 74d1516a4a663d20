#define _POSIX_C_SOURCE 200809L
// One event loop: a thread that waits in the kernel for whatever happens next,
// on any connection, and calls a function for it. No function here blocks, so
// one thread serves them all.
#include "server_loop.h"

#include "listen.h"
#include "tcp_connection.h"

#include <stdio.h>
#include <unistd.h>

// ---- Let clients in ----

// libuv would accept for us as well (uv_listen and uv_accept). But since 1.48 it
// keeps an error of accept to itself, and asks again and again.
static void on_connection(uv_poll_t *listener, int error, int events) {
    struct server_loop *l = listener->data;
    (void)events;
    if (error == 0) {
        error = tcp_connection_open(l);
    }
    admission_after_accept(l, error);
}

// While clients wait at our socket, each turn of the loop calls on_connection
// once. So those who are here get their turn as well.
void server_loop_watch_door(struct server_loop *l) {
    uv_poll_start(&l->listener, UV_READABLE, on_connection);
}

// ---- Stop ----

// uv_run returns when nobody is left to wait for.
static void stop_when_empty(struct server_loop *l) {
    if (l->stopping && l->count == 0) {
        uv_stop(&l->uv);
    }
}

void server_loop_one_left(struct server_loop *l) {
    l->count--;
    admission_after_leave(l);
    stop_when_empty(l);
}

// libuv has a list of all its handles, and the only sockets of this kind among
// them are our connections.
static void stop_connection(uv_handle_t *handle, void *unused) {
    (void)unused;
    if (handle->type == UV_TCP) {
        tcp_connection_stop((struct tcp_connection *)handle);
    }
}

// No new clients: from now on the kernel refuses them. Those who are here get
// their answers within the grace time.
static void begin_to_stop(struct server_loop *l) {
    l->stopping = true;
    admission_close(l);
    uv_close((uv_handle_t *)&l->listener, NULL);
    close(l->socket);
    l->socket = -1;
    guard_begin_grace(l);
    uv_walk(&l->uv, stop_connection, NULL);
    stop_when_empty(l);
}

static void on_stop(uv_async_t *stop) {
    struct server_loop *l = stop->data;
    if (!l->stopping) {
        begin_to_stop(l);
    }
    if (atomic_load(&l->stops_asked) > 1) {
        guard_end_grace(l);
    }
}

// libuv may call on_stop once for several calls of uv_async_send, so they are
// counted here.
void server_loop_stop(struct server_loop *l) {
    atomic_fetch_add(&l->stops_asked, 1);
    uv_async_send(&l->stop);
}

// ---- Start, run, close ----

static int open_listener(struct server_loop *l, int port, bool is_first) {
    int error = listen_on(l->options, port, is_first, &l->socket, &l->port);
    if (error == 0) {
        error = uv_poll_init_socket(&l->uv, &l->listener, l->socket);
    }
    if (error == 0) {
        l->listener.data = l;
        server_loop_watch_door(l);
    }
    return error;
}

static void close_handle(uv_handle_t *handle, void *unused) {
    (void)unused;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

// Nobody uses the loop any more: close what is left, and give it all back.
static void close_all(struct server_loop *l) {
    uv_walk(&l->uv, close_handle, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    guard_stop(l);
    if (l->socket >= 0) {
        close(l->socket);
    }
    if (uv_loop_close(&l->uv) != 0) {
        fprintf(stderr, "%s: a handle was left open\n", l->options->program);
    }
}

int server_loop_open(struct server_loop *l, const struct tcp_protocol *protocol,
                     const struct server_options *options, int port,
                     bool is_first) {
    l->protocol = tcp_protocol_complete(*protocol);
    l->options = options;
    l->socket = -1;
    l->stop.data = l;
    int error = uv_loop_init(&l->uv);
    if (error != 0) {
        return error;
    }
    guard_start(l);
    admission_start(l);
    error = uv_async_init(&l->uv, &l->stop, on_stop);
    if (error == 0) {
        error = open_listener(l, port, is_first);
    }
    if (error == 0 && !l->protocol.on_loop_start(&l->uv)) {
        error = UV_ENOMEM;
    }
    if (error != 0) {
        close_all(l);
    }
    return error;
}

void server_loop_run(struct server_loop *l) {
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

void server_loop_close(struct server_loop *l) {
    l->protocol.on_loop_stop(&l->uv);
    close_all(l);
}
