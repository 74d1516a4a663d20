// What nghttp2 wants to say leaves together, in one write for each connection:
// when the executor has polled whatever could go on.
#ifndef HTTP2_OUTPUT_H
#define HTTP2_OUTPUT_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct http2_session;

// There is output, or the connection may be over: s is looked at when the round
// ends. Asking twice is asking once.
void http2_send_soon(struct http2_session *s);

// The executor calls this when it has polled whatever could go on. shared is a
// struct http2_shared.
void http2_send_all(void *shared);

// For what cannot wait for the end of the round. Who has not introduced itself gets
// no word, but the end: it has left, or is late, or the server stops.
void http2_send_now(struct http2_session *s);

// The connection is gone: s is not on the list any more.
void http2_forget_output(struct http2_session *s);

// Ends a stream before its time, and says why. RETURNS 0 or an error of nghttp2.
int http2_reset(struct http2_session *s, int32_t stream, uint32_t why);

// A header field of an answer. BORROWS both. nghttp2 copies the value; the name is a
// literal, which stays, and whose length the compiler knows here.
static inline nghttp2_nv http2_field(const char *name, const char *value) {
    return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name),
                        strlen(value), NGHTTP2_NV_FLAG_NO_COPY_NAME};
}

// What RFC 9110 section 15.5.6 wants with a 405. In truth, any method but TRACE.
#define http2_allowed "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH"

// RFC 9110 section 10.1.1: the client waits for this before it sends the body.
// RETURNS 0 or an error of nghttp2.
int http2_send_continue(struct http2_session *s, int32_t stream);

// Does the server owe an answer that is not made yet?
bool http2_is_working(const struct http2_session *s);

#endif
