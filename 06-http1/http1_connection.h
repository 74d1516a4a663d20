// What HTTP/1.1 does with a TCP connection: bytes in, requests to the handler,
// its answers out, in the order of the requests. It is a protocol for
// tcp_server, as the echo of chapter 05 was.
#ifndef HTTP1_CONNECTION_H
#define HTTP1_CONNECTION_H

#include "http1_parser.h"
#include "http1_request.h"
#include "server_options.h"

// The protocol's own data for one connection: all that is kept between two events.
struct http1_connection {
    struct http1_parser parser;
    struct http1_request *request; // the one under way, or NULL
    char *rest;                    // input that is not parsed yet, or NULL
    size_t rest_size;
    bool timed; // the client must come to an end in time
    bool last;  // no request may follow the answer that is going out
};

// Serves until SIGINT or SIGTERM. BORROWS options. RETURNS the exit status.
int http1_run(const struct server_options *options);

// For http1_guard.c: ends the connection. In the middle of a request that is
// refused, and why is the last word. BORROWS why.
void http1_end(struct tcp_connection *c, int status, const char *why);

#endif
