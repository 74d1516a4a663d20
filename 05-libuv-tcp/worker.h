// Two servers that work for a second before they send a message back: on the
// loop, where everybody waits for it, and in libuv's thread pool, where nobody
// does. What one read brings is one message.
#ifndef WORKER_H
#define WORKER_H

#include "tcp_server.h"

extern const struct tcp_protocol blocking_worker;
extern const struct tcp_protocol pooled_worker;

#endif
