// The header fields of one request, in one growing text. Nothing in here is
// about async.
#ifndef HTTP2_HEADERS_H
#define HTTP2_HEADERS_H

#include "http2_memory.h"
#include "octets.h"

#include <stdbool.h>
#include <stdint.h>

struct http2_headers {
    struct http2_memory *memory; // where the text comes from
    char *text;                  // each name and value, with its size in front
    size_t used, room;
    size_t size;       // of the list, as RFC 9113 section 6.5.2 counts
    bool is_too_large; // none is kept
    bool in_trailers;  // what comes now is counted and forgotten
};

// *held: the bytes that all lists of the connection hold. RETURNS an error of
// HTTP/2: NO_ERROR, or what must end the stream.
uint32_t http2_headers_add(struct http2_headers *h, size_t *held,
                           struct span name, struct span value);
void http2_headers_forget(struct http2_headers *h, size_t *held);

// *at is 0 at first. RETURNS false: that was the last.
bool http2_headers_next(const struct http2_headers *h, size_t *at,
                        struct span *name, struct span *value);
struct span http2_headers_find(const struct http2_headers *h, const char *name);

#endif
