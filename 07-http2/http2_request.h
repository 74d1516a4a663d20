// One request and its answer, on a connection that carries many at once. For
// HTTP/2 it is a stream with a number.
#ifndef HTTP2_REQUEST_H
#define HTTP2_REQUEST_H

#include "handle.h"
#include "http2_headers.h"
#include "http2_limits.h"
#include "task.h"

#include <stdbool.h>
#include <stdint.h>

struct http2_session;

struct http2_request {
    struct http_request base;
    struct http2_session *session;         // NULL: the stream has closed
    struct http2_request *next, *previous; // the session's list
    int owners;                            // the stream, and the task
    struct task *task;  // owned; polls the handler. NULL: it has none
    struct waker waker; // who awaits the rest of it, or empty
    int32_t stream;
    bool complete, answered;
    bool is_head;
    bool expects_continue; // it waits for a 100 before it sends the body
    struct http2_headers headers;
    // Like the method and the target they lie in headers: not to be read if those
    // are too large.
    struct span scheme, authority, host;
    bool refuses_expect; // an expectation that we cannot meet
    char body[body_kept];
    struct span answer; // what is left of it; borrowed
};

// RETURNS a request, on the session's list, ended by http2_request_end. NULL: no
// memory.
struct http2_request *http2_request_new(struct http2_session *s,
                                        int32_t stream);

// The stream has closed: answered, or reset, or the client has left. What the
// handler awaits is abandoned.
void http2_request_end(struct http2_request *r);

void http2_request_start(struct http2_request *r); // begins the task
void http2_request_body(struct http2_request *r, struct span piece);
void http2_request_complete(struct http2_request *r);

#endif
