// What HTTP/1.1 does with a TCP connection: bytes in, requests to the handler,
// its answers out, in the order of the requests. It is a protocol for
// tcp_server, as the echo of chapter 05 was.
#ifndef HTTP1_CONNECTION_H
#define HTTP1_CONNECTION_H

#include "server_options.h"

// Serves until SIGINT or SIGTERM. BORROWS options. RETURNS the exit status.
int http1_run(const struct server_options *options);

#endif
