// The header fields of one request. Nothing in here is about async.
#ifndef HTTP2_HEADERS_H
#define HTTP2_HEADERS_H

#include "http2_memory.h"
#include "span.h"

#include <stdbool.h>
#include <stdint.h>

// nghttp2 counts who holds on to a text: we keep the text itself, not a copy.
struct http2_field {
    nghttp2_rcbuf *name, *value;
};

struct http2_headers {
    struct http2_memory *memory; // where the list comes from
    struct http2_field *fields;
    size_t count, room;
    size_t size;       // of the list, as RFC 9113 section 6.5.2 counts
    size_t held;       // what it costs to keep them
    bool is_too_large; // none is kept
    bool in_trailers;  // what comes now is counted and forgotten
};

struct span http2_span(nghttp2_rcbuf *text);

// text: octets of name and value. *held: what all lists of the connection hold.
// RETURNS an error of HTTP/2: NO_ERROR, or what must end the stream.
uint32_t http2_headers_add(struct http2_headers *h, size_t *held,
                           struct http2_field field, size_t text);
void http2_headers_forget(struct http2_headers *h, size_t *held);

#endif
