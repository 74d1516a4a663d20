// What nghttp2 and a loop must have before the first connection, and what is
// given back after the last.
#ifndef HTTP2_START_H
#define HTTP2_START_H

#include "http2_session.h"

bool http2_start_loop(uv_loop_t *loop); // RETURNS false: no memory
void http2_stop_loop(uv_loop_t *loop);

// Makes s->nghttp2, and has it say what we allow. RETURNS false: no memory.
bool http2_start_session(struct http2_session *s);

#endif
