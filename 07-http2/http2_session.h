// HTTP/2 (RFC 9113) on a TCP connection. nghttp2 knows the frames, the packed
// headers and the flow control. We feed it what comes in, send what it wants
// sent, and begin a future for each request.
#ifndef HTTP2_SESSION_H
#define HTTP2_SESSION_H

#include "future.h"
#include "http2_request.h"
#include "tcp_server.h"

#include <nghttp2/nghttp2.h>

// Makes the future that answers r. It may use r until it is dropped; that
// happens early if the client resets the request or leaves. RETURNS NULL when
// memory is out.
typedef struct future *http2_handler(struct http2_request *r);

// Serves until SIGINT or SIGTERM. BORROWS options. RETURNS the exit status.
int http2_run(http2_handler *handler, const struct server_options *options);

// ---- For http2_request.c ----

// Lives in the connection, as the protocol's state.
struct http2_session {
    nghttp2_session *nghttp2;
    struct tcp_connection *connection;
    struct http2_request *requests; // all that are under way
    size_t header_text;             // bytes that they hold
    struct http2_session *next_unsent;
    bool is_unsent;   // on the list of those that have output
    bool input_ended; // the client half-closed
    bool deaf;        // nothing that the client says counts any more
    uint8_t received; // bytes, but not counted above preface_size
    int patience;     // see http2_limits.h
    uint64_t patience_time;
};

// There is output: it leaves at the end of this round.
void http2_send_soon(struct http2_session *s);

#endif
