// HTTP/2 (RFC 9113) on a TCP connection. nghttp2 knows the frames, the packed
// headers and the flow control. We feed it what comes in, send what it wants
// sent, and begin a task for each request. Who calls whom:
//
//   http2_session.c    what the TCP server tells us about the connection
//   http2_start.c      what nghttp2 must be told before
//   http2_end.c        the last words on a connection
//   http2_events.c     what nghttp2 tells us about the frames
//   http2_check.c      what a request must be besides well formed
//   http2_request.c    a request, its answer and its task
//   http2_headers.c    the header fields that it keeps
//   http2_output.c     all that goes out leaves together
//   http2_guard.c      what a client may do to us
//   token_bucket.c     how much of it
//   http2_memory.c     small blocks, kept for the next request
//
// Each calls only those below it.
#ifndef HTTP2_SESSION_H
#define HTTP2_SESSION_H

#include "http2_guard.h"
#include "http2_memory.h"
#include "loop_executor.h"
#include "tcp_server.h"

#include <nghttp2/nghttp2.h>

// What all connections of a loop share.
struct http2_shared {
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *options;
    struct loop_executor *executor;
    struct http2_session *unsent; // those that have something to say
    struct http2_memory memory;
};

// Lives in the connection, as the protocol's state.
struct http2_session {
    nghttp2_session *nghttp2;
    struct tcp_connection *connection;
    struct http2_request *requests; // all that are under way
    struct http2_request *incoming; // whose header fields come in, or NULL
    struct http2_session *next_unsent;
    bool is_unsent;   // on that list
    bool input_ended; // the client half-closed
    struct http2_guard guard;
};

static inline struct http2_shared *http2_shared(const struct http2_session *s) {
    return tcp_loop(s->connection)->data;
}

// Serves until SIGINT or SIGTERM. BORROWS options. RETURNS the exit status.
int http2_run(const struct server_options *options);

#endif
