// What HTTP/1.1 does with a TCP connection: bytes in, requests to a handler,
// its answers out, in the order of the requests. It is a protocol for
// tcp_server, as the echo of chapter 05 was.
#ifndef HTTP1_CONNECTION_H
#define HTTP1_CONNECTION_H

#include "http1_parser.h"
#include "tcp_server.h"

// A request that has arrived as a whole. BORROWED: gone after the handler.
struct http1_request {
    struct http1_head head;
    struct http1_span body; // its first octets
    uint64_t body_size;     // all of it
};

// RETURNS the text to answer with, which must outlive the call.
typedef const char *http1_handler(const struct http1_request *request);

// Serves until SIGINT or SIGTERM. BORROWS options. RETURNS the exit status.
int http1_run(http1_handler *handle, const struct server_options *options);

#endif
