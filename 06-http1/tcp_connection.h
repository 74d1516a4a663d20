// A connection, for the parts of the TCP server. A protocol needs only
// tcp_server.h.
#ifndef TCP_CONNECTION_H
#define TCP_CONNECTION_H

#include "guard.h"
#include "tcp_server.h"

struct server_loop;

// Where a connection is; see the table in tcp_connection.c.
enum connection_at { READING, PAUSED, WRITING, ENDING, CLOSING };

struct tcp_connection {
    uv_tcp_t tcp; // first, so that libuv's handle is our connection
    struct server_loop *loop;
    enum connection_at at;
    bool stopping;          // and the protocol knows
    struct guarded guarded; // guard.c's
    max_align_t state[];    // the protocol's
};

// Accepts a client. RETURNS 0 or an error of libuv; then it still waits.
int tcp_connection_open(struct server_loop *l);

// tcp_abort without a report.
void tcp_close_silently(struct tcp_connection *c);

// The server stops: tells the protocol.
void tcp_connection_stop(struct tcp_connection *c);

#endif
