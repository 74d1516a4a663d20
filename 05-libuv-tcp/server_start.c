#define _POSIX_C_SOURCE 200809L
// How one loop of the server comes and goes: its handles, and what is given back.
#include "server_loop.h"

#include "listen.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

// Calls on_signal for Ctrl-C and kill. The loop has all that uv_signal_init needs
// since uv_loop_init, so that one cannot fail.
int server_loop_watch_signals(uv_loop_t *loop, uv_signal_t signals[2],
                              uv_signal_cb on_signal) {
    (void)uv_signal_init(loop, &signals[0]);
    (void)uv_signal_init(loop, &signals[1]);
    int error = uv_signal_start(&signals[0], on_signal, SIGINT);
    return error != 0 ? error
                      : uv_signal_start(&signals[1], on_signal, SIGTERM);
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
    guard_tell_the_others(&l->guard.second);
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
    int error = uv_loop_init(&l->uv);
    if (error != 0) {
        return error;
    }
    guard_start(l);
    admission_start(l);
    error =
        server_loop_watch_signals(&l->uv, l->signals, server_loop_on_signal);
    error = error != 0
                ? error
                : listen_on(options, port, is_first, &l->socket, &l->port);
    error = error != 0 ? error
                       : uv_poll_init_socket(&l->uv, &l->listener, l->socket);
    if (error == 0 && l->protocol.on_loop_start != NULL &&
        !l->protocol.on_loop_start(&l->uv)) {
        error = UV_ENOMEM;
    }
    if (error != 0) {
        close_all(l);
    } else {
        server_loop_watch_door(l);
    }
    return error;
}

void server_loop_close(struct server_loop *l) {
    if (l->protocol.on_loop_stop != NULL) {
        l->protocol.on_loop_stop(&l->uv);
    }
    close_all(l);
}
