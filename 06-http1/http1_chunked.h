// The lines of a body that comes in chunks (RFC 9112 section 7.1): sizes before
// the data, trailers behind it. Called by the parser alone.
#ifndef HTTP1_CHUNKED_H
#define HTTP1_CHUNKED_H

#include "http1_parser.h"

// A size, perhaps with extensions. Each RETURNS HTTP1_CARRY_ON or
// HTTP1_REFUSED, and notes in the parser what comes next.
enum http1_event http1_on_chunk_size(struct http1_parser *p, struct span line);

// A field behind the last chunk. It is checked and forgotten: it comes too late
// to change how we read.
enum http1_event http1_on_trailer(struct http1_parser *p, struct span line);

#endif
