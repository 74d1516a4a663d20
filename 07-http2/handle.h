// The handler of the text, async fn handle(request): it prints the request and
// greets whoever asks. It knows nothing of the protocol, so chapter 07 has the
// same one, to the letter.
#ifndef HANDLE_H
#define HANDLE_H

#include "http.h"
#include "loop_sleep.h"
#include "pool_work.h"
#include "server_options.h"

// What it does before it answers.
enum handle_act { HELLO, SLEEPING, POOLED, BLOCKING };
extern const struct server_act handle_acts[BLOCKING + 1];

void handle_choose(enum handle_act act); // before the first request

struct handle {
    struct future base;
    enum { AWAIT_REQUEST, BEGIN_SECOND, AWAIT_SECOND, ANSWER, ANSWERED } at;
    struct http_request *request; // borrowed
    struct future *second; // what AWAIT_SECOND awaits: one of the next two
    struct loop_sleep sleep;
    struct pool_work work;
};

// BORROWS the request for as long as the future lives. It has no output: when it
// is ready, it has answered.
struct handle handle(struct http_request *request);

#endif
