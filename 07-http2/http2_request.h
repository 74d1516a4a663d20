// One request and its answer, on a connection that carries many at once. For
// HTTP/2 it is a stream with a number.
#ifndef HTTP2_REQUEST_H
#define HTTP2_REQUEST_H

#include "future.h"
#include "http2_limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct http2_session;
struct uv_task;

struct http2_request {
    struct http2_session *session;
    struct http2_request *next, *previous; // the session's list
    struct uv_task *task;                  // the future that answers it
    struct waker waker;                    // who awaits its end, or empty
    int32_t stream;
    bool complete, answered;
    bool is_head, is_connect, is_too_large;
    bool expects_continue; // it waits for a 100 before it sends the body
    bool in_trailers;      // header fields from now on come after the body
    size_t header_size;
    char *headers; // "name\0value\0" for each; NULL: none kept
    size_t headers_used, headers_room;
    char *body; // how it begins; NULL: no body
    uint64_t body_size;
    const char *answer; // what is left of it
    size_t answer_size;
};

// ---- For handlers ----

// Is the request complete, with all of its body? As the poll of a future: if
// it is pending, a clone of the waker is kept.
enum poll_result http2_request_poll(struct http2_request *r,
                                    const struct waker *waker);

// Goes through the headers: *at is 0 at first. False: that was the last.
bool http2_next_header(const struct http2_request *r, size_t *at,
                       const char **name, const char **value);

size_t http2_body_shown(const struct http2_request *r); // bytes in r->body
uv_loop_t *http2_loop(const struct http2_request *r);
bool http2_is_quiet(const struct http2_request *r);

// Answers. BORROWS status, a text such as "200", and body, which must outlive
// the request.
void http2_respond(struct http2_request *r, const char *status,
                   const char *body, size_t size);

// ---- For the session ----

// RETURNS a request, on the session's list, ended by http2_request_free.
// NULL: no memory.
struct http2_request *http2_request_new(struct http2_session *s,
                                        int32_t stream);
void http2_request_free(struct http2_request *r);

// RETURNS NGHTTP2_NO_ERROR, or the error that must end the stream: no memory,
// or too much of it, or a field that makes no sense. With trailers they are
// counted and forgotten.
uint32_t http2_request_header(struct http2_request *r, const uint8_t *name,
                              size_t name_size, const uint8_t *value,
                              size_t value_size);
bool http2_request_body(struct http2_request *r, const uint8_t *bytes,
                        size_t size);
void http2_request_complete(struct http2_request *r);

#endif
