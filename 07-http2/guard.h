// The second reading: what a client may do to us that means ill or has bad luck.
// tcp_connection.c tells the guard what happens to a connection; the guard
// answers by closing it when it is late.
#ifndef GUARD_H
#define GUARD_H

#include "deadlines.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct tcp_connection;
struct server_loop;

// The guard's part of a connection.
struct guarded {
    int64_t due;      // its deadline, on the clock of deadlines_now
    int64_t whole_by; // what tcp_set_deadline has set, or DEADLINE_NEVER
};

// The guard's part of a loop.
struct guard {
    struct deadlines deadlines;
    uv_timer_t grace;
    uv_timer_t second; // runs while errors are counted
    long errors;       // in it
};

// ---- What happens to a connection ----

void guard_renew(struct tcp_connection *c); // an event: a new deadline
// The last output is out. RETURNS whether to wait until the client leaves.
bool guard_ending(struct tcp_connection *c);

// ---- What happens to a loop ----

void guard_start(struct server_loop *l);
void guard_begin_grace(struct server_loop *l);  // it stops: so long it may take
void guard_end_grace(uv_timer_t *grace);        // nobody waits any longer
void guard_tell_the_others(uv_timer_t *second); // errors only counted so far

// "Error WHAT connection: WHY", but not thousands a second.
void guard_complain(struct server_loop *l, const char *what, const char *why);

#endif
