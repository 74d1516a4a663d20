// The second reading: what a client may do to us that means ill. A request of
// HTTP/2 is cheap to send, so a client could make the server work for nothing,
// for ever. http2_limits.h says what it may cost.
#ifndef HTTP2_GUARD_H
#define HTTP2_GUARD_H

#include "octets.h"
#include "token_bucket.h"

#include <nghttp2/nghttp2.h>
#include <stddef.h>

struct http2_session;

struct http2_guard {
    struct token_bucket trouble; // that the client may make
    size_t header_text;          // bytes that its requests hold
    uint64_t received;           // all bytes that it has sent
    int32_t last_stream;         // the highest number of a request
    bool is_timed;               // it has to get on with its requests
    bool got_on;                 // and it has, with one of them
    bool noticed; // of what was read last, nghttp2 has told us something
    bool deaf;    // nothing that the client says counts any more
};

void http2_guard_begin(struct http2_session *s);

// All clients of HTTP/2 say the same 24 bytes first. Before that we say nothing.
bool http2_guard_is_introduced(const struct http2_session *s);

// nghttp2 has read size bytes, or found an error.
void http2_guard_read(struct http2_session *s, ssize_t result, size_t size);

// The client makes trouble. RETURNS what a callback of nghttp2 returns: 0, or a
// failure, at which it stops at once.
int http2_guard_charge(struct http2_session *s, int cost);
// A frame has come as a whole. RETURNS the same.
int http2_guard_frame(struct http2_session *s, const nghttp2_frame *frame);
void http2_guard_register(nghttp2_session_callbacks *all);

void http2_guard_sent(struct http2_session *s, const nghttp2_frame *frame);

// A client with requests under way must get on with one of them from time to
// time, however busy it is with pings.
void http2_guard_progress(struct http2_guard *g, uint64_t less, uint64_t more);
void http2_guard_watch(struct http2_session *s);

// bytes are no HTTP/2. If they are HTTP/1, from a browser perhaps, it gets an
// answer that it can show. Then the connection ends.
void http2_guard_answer_in_http1(struct http2_session *s, struct span bytes);

#endif
