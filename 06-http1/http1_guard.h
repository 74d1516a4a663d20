// The second reading of http1_connection.c: a client that takes its time. The
// connection calls this at four named events.
#ifndef HTTP1_GUARD_H
#define HTTP1_GUARD_H

#include "http1_connection.h"

// A piece of a body comes, of so many octets. RETURNS whether that is progress.
bool http1_guard_body(const struct http1_request *r, size_t size);

// The connection has done what it could with what is here. progress: the client
// has come to the end of a head or a body, or brought a good piece of one.
void http1_guard_heard(struct tcp_connection *c, bool progress);

// It does nothing, or the time for what is under way is over.
void http1_guard_idle(struct tcp_connection *c);

// The server stops.
void http1_guard_stopping(struct tcp_connection *c);

#endif
