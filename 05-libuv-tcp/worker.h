// Three servers that take a second before they send a message back; what one read
// brings is one message. The first works on the loop, where everybody waits for
// it. In the others each connection has a task, as in the text, and nobody else
// waits: one awaits a sleep, the other work that the pool does.
#ifndef WORKER_H
#define WORKER_H

#include "tcp_server.h"

extern const struct tcp_protocol blocking_worker; // worker.c
extern const struct tcp_protocol sleeping_worker; // serve.c
extern const struct tcp_protocol pooled_worker;

// Stands for a computation that holds its thread for a second. BORROWS options.
void one_second_of_work(const void *options);

#endif
