// One event loop of the TCP server, and the parts that the server is made of:
//
//   server_loop.c      one loop: lets clients in, stops when it is asked to
//   tcp_connection.c   the life of one connection
//
// and as a second reading what is there for clients that mean ill or have bad
// luck, and for more than one core:
//
//   server_start.c     how that loop comes and goes, and hears the signals
//   tcp_server.c       what a protocol may ask, and may leave out
//   guard.c            who is late, who goes away, what is told about it
//   deadlines.c        one timer for all that may be late
//   admission.c        how many may be inside
//   listen.c           the socket where clients wait
//   server_threads.c   several loops on one port, and the banner
//   tcp_limits.h       how much, how many, how long, and why
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include "admission.h"
#include "guard.h"
#include "tcp_limits.h"
#include "tcp_server.h"

#include <pthread.h>

struct server_loop {
    uv_loop_t uv;                 // first, so that the loop of a handle is ours
    struct tcp_protocol protocol; // see tcp_protocol_complete
    const struct server_options *options;
    int socket;         // clients wait here to be accepted
    uv_poll_t listener; // tells us that one does
    int port;
    long count; // connections
    bool stopping;
    uv_signal_t signals[2]; // Ctrl-C, kill
    pthread_t thread;       // that runs it, if it is not the main one

    struct guard guard;         // guard.c's
    struct admission admission; // admission.c's

    char read_buffer[read_buffer_size]; // of all connections; see tcp_limits.h
};

// RETURNS 0, or an error of libuv; then there is nothing to close. The first loop
// finds out whether the port is free. BORROWS both.
int server_loop_open(struct server_loop *l, const struct tcp_protocol *protocol,
                     const struct server_options *options, int port,
                     bool is_first);

// Serves until it is stopped and the last connection is closed.
void server_loop_run(struct server_loop *l);
void server_loop_close(struct server_loop *l);

// ---- For the other parts ----

void server_loop_on_signal(uv_signal_t *signal, int number);
// RETURNS 0 or an error of libuv.
int server_loop_watch_signals(uv_loop_t *loop, uv_signal_t signals[2],
                              uv_signal_cb on_signal);
void server_loop_watch_door(struct server_loop *l);
void server_loop_one_left(struct server_loop *l); // a connection is gone
// Calls f for each connection.
void server_loop_for_each(struct server_loop *l,
                          void (*f)(struct tcp_connection *c));
// Functions for the events of a connection that p leaves out.
struct tcp_protocol tcp_protocol_complete(struct tcp_protocol p);

#endif
