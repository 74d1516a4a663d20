// How many clients may be inside, and what happens when nobody can come in.
#ifndef ADMISSION_H
#define ADMISSION_H

#include <uv.h>

struct server_loop;

struct admission {
    long most;        // connections that there may be
    long crowd_seen;  // the most since there was none
    uv_timer_t retry; // to look at the door again
};

void admission_start(struct server_loop *l);
void admission_after_accept(struct server_loop *l, int error);
void admission_after_leave(struct server_loop *l);

#endif
