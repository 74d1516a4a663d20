// HTTP/2 (RFC 9113) on a TCP connection. nghttp2 knows the frames, the packed
// headers and the flow control. We feed it what comes in, send what it wants
// sent, and begin a future for each request.
#ifndef HTTP2_SESSION_H
#define HTTP2_SESSION_H

#include "http2_memory.h"
#include "http2_output.h"
#include "http2_patience.h"
#include "http2_request.h"
#include "tcp_server.h"
#include "uv_executor.h"

#include <nghttp2/nghttp2.h>

// Makes the future that answers r, and RETURNS what uv_execute makes of it. The
// future may use r until it is dropped; that happens early if the client resets
// the request or leaves.
typedef struct uv_task *http2_handler(struct http2_request *r,
                                      struct uv_executor *executor);

// Serves until SIGINT or SIGTERM. BORROWS options. RETURNS the exit status.
int http2_run(http2_handler *handler, const struct server_options *options);

// ---- For the files that share the work ----

// What all connections of a loop share.
struct http2_loop {
    http2_handler *handler;
    struct uv_executor *executor;
    struct http2_outbox outbox;
    struct http2_memory memory;
};

// Lives in the connection, as the protocol's state.
struct http2_session {
    nghttp2_session *nghttp2;
    struct tcp_connection *connection;
    struct http2_request *requests; // all that are under way
    struct http2_request *incoming; // whose header fields come in, or NULL
    size_t header_text;             // bytes that they hold
    struct http2_patience patience;
    struct http2_session *next_unsent;
    bool is_unsent;   // in the outbox
    bool is_timed;    // the client has to get on, see http2_output.c
    bool got_on;      // and it has
    bool input_ended; // the client half-closed
    bool noticed;     // of what was read last, nghttp2 has told us something
    bool deaf;        // nothing that the client says counts any more
    uint8_t received; // bytes, but not counted above preface_size
};

struct http2_loop *http2_loop_of(const struct http2_session *s);

// Does the server owe an answer that is not made yet?
bool http2_is_working(const struct http2_session *s);

#endif
