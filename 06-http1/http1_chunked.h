// The sizes in a body that comes in chunks (RFC 9112 section 7.1). Its trailers are
// fields, see on_field in http1_parser.c. Called by the parser alone.
#ifndef HTTP1_CHUNKED_H
#define HTTP1_CHUNKED_H

#include "http1_parser.h"

// A size, perhaps with extensions. Each RETURNS HTTP1_CARRY_ON or
// HTTP1_REFUSED, and notes in the parser what comes next.
enum http1_event http1_on_chunk_size(struct http1_parser *p, struct span line);

// Counts what is neither data nor its size, and goes to the next state: who sends
// much of it keeps us busy with nothing.
enum http1_event http1_count_extra(struct http1_parser *p, size_t size,
                                   enum http1_state next);

#endif
