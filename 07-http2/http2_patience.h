// How much trouble a client may make. Without this, a client that sends cheap
// frames for ever makes the server work for ever.
#ifndef HTTP2_PATIENCE_H
#define HTTP2_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

struct http2_patience {
    int left;
    uint64_t counted; // the time up to which it has come back, milliseconds
};

// Full patience. Times are of uv_now.
void http2_patience_begin(struct http2_patience *p, uint64_t now);

// RETURNS false if there was not that much left.
bool http2_patience_lose(struct http2_patience *p, uint64_t now, int cost);

void http2_patience_regain(struct http2_patience *p, int more);

#endif
