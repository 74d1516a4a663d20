// HTTP/2 (RFC 9113) on a TCP connection. nghttp2 knows the frames, the header
// compression and the flow control; this file feeds it bytes, sends what it has
// to send, and starts one future for each request.
#ifndef HTTP2_SESSION_H
#define HTTP2_SESSION_H

#include "future.h"
#include "tcp_server.h"

#include <stdint.h>

// One request and its answer, on a connection that carries many at once.
struct http2_stream;

// Makes the future that answers stream. It may use the stream until it is
// dropped, which happens early if the client resets the stream or leaves.
// RETURNS NULL when memory is out.
typedef struct future *http2_handler(struct http2_stream *stream);

// RETURNS the protocol for tcp_server_run, ended by http2_protocol_free; NULL
// when memory is out. There is one in a program.
const struct tcp_protocol *http2_protocol(http2_handler *handler);
void http2_protocol_free(void);

// ---- For handlers ----

// Is the request complete, with all of its body? As a future's poll: pending
// keeps a clone of the waker.
enum poll http2_request_poll(struct http2_stream *stream,
                             const struct waker *waker);

// Only once the request is complete. All text is escaped and BORROWED.
struct http2_request {
    const char *headers; // "name": "value", ...; empty with --quiet
    const char *body;    // its beginning
    size_t shown;        // bytes of it that body stands for
    uint64_t body_size;  // bytes of all of it
    bool quiet;          // the user wants no line for each request
};
struct http2_request http2_request_of(const struct http2_stream *stream);

// Answers with status 200. BORROWS body, which must outlive the stream.
void http2_respond(struct http2_stream *stream, const char *body);

#endif
