// What the parts of the TCP server know of each other. A protocol needs only
// tcp_server.h.
//
//   tcp_server.c      all loops of the program, their threads, the signals
//   server_loop.c     one loop: lets clients in, stops when it is asked to
//   tcp_connection.c  the life of one connection
//   deadlines.c       who is late
//   tcp_limits.h      how much, how many, how long, and why
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include "deadlines.h"
#include "tcp_limits.h"
#include "tcp_server.h"

#include <pthread.h>
#include <stdatomic.h>

struct server_loop {
    uv_loop_t uv;
    int socket;         // clients wait here to be accepted
    uv_poll_t listener; // tells us that one does
    int port;
    const struct tcp_protocol *protocol;
    const struct server_options *options;
    bool is_open; // uv is
    bool started; // the protocol has had its on_loop_start

    struct deadlines deadlines; // of all connections: this also is their list
    long count, most;           // connections, and how many there may be
    long crowd_seen;            // the most since there was none
    uv_timer_t retry;           // to look at the door again

    uint64_t errors_since; // on the loop's clock
    long errors;           // since then

    atomic_int stops_asked; // from any thread
    uv_async_t stop;
    uv_timer_t grace;
    bool stopping;

    struct tcp_server *server; // tcp_server.c's, and its thread of this loop
    pthread_t thread;

    char read_buffer[read_buffer_size];
};

// RETURNS 0 or an error of libuv. Also after an error, server_loop_close. The
// first loop finds out whether the port is free. BORROWS both.
int server_loop_open(struct server_loop *l, const struct tcp_protocol *protocol,
                     const struct server_options *options, int port,
                     bool is_first);

// Serves until it is stopped and the last connection is closed.
void server_loop_run(struct server_loop *l);
// Asked a second time, it does not wait for anybody. For any thread.
void server_loop_stop(struct server_loop *l);
void server_loop_close(struct server_loop *l);

// ---- tcp_connection.c ----

// Accepts a client. RETURNS 0 or an error of libuv; then it still waits.
int tcp_connection_open(struct server_loop *l);
// The deadline is part of the connection, and stands for it.
void tcp_connection_on_due(struct deadline *e);
void tcp_connection_stop(struct deadline *e);
void tcp_connection_abort(struct deadline *e);

// ---- server_loop.c ----

// A connection is gone.
void server_loop_one_left(struct server_loop *l);
// "Error WHAT connection: WHY", but not too often.
void server_loop_complain(struct server_loop *l, const char *what,
                          const char *why);

#endif
