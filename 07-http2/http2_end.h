// The last words on a connection.
#ifndef HTTP2_END_H
#define HTTP2_END_H

#include "tcp_server.h"

// The client does nothing, or has not got on with its requests in time.
void http2_end_idle(struct tcp_connection *c);

// The server stops.
void http2_end_stopping(struct tcp_connection *c);

#endif
