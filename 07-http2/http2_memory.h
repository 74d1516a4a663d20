// Memory for nghttp2, and for our requests. For each request some ten small blocks
// are taken and given back. They are kept for the next request: that saves an
// eighth of all that a request costs.
#ifndef HTTP2_MEMORY_H
#define HTTP2_MEMORY_H

#include "http2_limits.h"

#include <nghttp2/nghttp2.h>

struct block;

// For the sessions of one loop, and so for one thread: no lock.
struct http2_memory {
    nghttp2_mem calls; // what nghttp2 is told
    struct {
        struct block *first;
        int count;
    } kept[kept_sizes];
};

void http2_memory_begin(struct http2_memory *m);
void http2_memory_end(struct http2_memory *m); // all sessions have ended

#endif
