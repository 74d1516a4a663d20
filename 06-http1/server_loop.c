#define _POSIX_C_SOURCE 200809L
// One event loop: a thread that waits in the kernel for whatever happens next,
// on any connection, and calls a function for it. No function here blocks, so
// one thread serves them all.
#include "server_loop.h"

#include "tcp_connection.h"

#include <unistd.h>

// ---- Let clients in ----

// libuv would accept for us as well (uv_listen and uv_accept). But since 1.48 it
// keeps an error of accept to itself, and asks again and again.
static void on_connection(uv_poll_t *listener, int error, int events) {
    struct server_loop *l = (struct server_loop *)listener->loop;
    (void)events;
    admission_after_accept(l, error != 0 ? error : tcp_connection_open(l));
}

// While clients wait at our socket, each turn of the loop calls on_connection
// once. So those who are here get their turn as well.
void server_loop_watch_door(struct server_loop *l) {
    uv_poll_start(&l->listener, UV_READABLE, on_connection);
}

// ---- Run ----

// This is the loop: sleep in the kernel, call a function for each thing that has
// happened, and again.
void server_loop_run(struct server_loop *l) {
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

// ---- All connections ----

// libuv has a list of all its handles, and the only sockets of this kind among
// them are our connections.
// f comes by its address, since in C a function is no void *.
static void visit(uv_handle_t *handle, void *address_of_f) {
    void (**f)(struct tcp_connection *) = address_of_f;
    if (handle->type == UV_TCP) {
        (*f)((struct tcp_connection *)handle);
    }
}

void server_loop_for_each(struct server_loop *l,
                          void (*f)(struct tcp_connection *c)) {
    uv_walk(&l->uv, visit, &f);
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

// No new clients: from now on the kernel refuses them. Those who are here get
// their answers within the grace time.
static void begin_to_stop(struct server_loop *l) {
    l->stopping = true;
    uv_close((uv_handle_t *)&l->listener, NULL);
    close(l->socket);
    l->socket = -1;
    guard_begin_grace(l);
    server_loop_for_each(l, tcp_connection_stop);
    stop_when_empty(l);
}

// A signal interrupts whatever the program does; libuv hears it, and calls this
// when the loop comes by, as server_start.c has asked it to. Who stops us twice
// does not want to wait.
void server_loop_on_signal(uv_signal_t *signal, int number) {
    struct server_loop *l = (struct server_loop *)signal->loop;
    (void)number;
    if (l->stopping) {
        guard_end_grace(&l->guard.grace);
    } else {
        begin_to_stop(l);
    }
}
