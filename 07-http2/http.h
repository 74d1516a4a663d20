// A request and its answer, as a handler sees them, whatever protocol brings
// them. Chapters 06 and 07 each put more behind a struct http_request, and define
// these functions for it.
#ifndef HTTP_H
#define HTTP_H

#include "future.h"
#include "span.h"

#include <stdbool.h>
#include <stdint.h>

struct loop_executor;

// What a span shows is BORROWED, and there until the answer.
struct http_request {
    struct span method, target;
    struct span body;               // how it begins
    uint64_t body_size;             // all of it
    struct loop_executor *executor; // for what the handler awaits
    bool is_quiet;                  // print no request
};

// Goes through the fields: *at is 0 at first. RETURNS false: that was the last.
bool http_next_field(const struct http_request *r, size_t *at,
                     struct span *name, struct span *value);

// Is all of the request here, with its body? As the poll of a future: if it is
// pending, a clone of the waker is kept.
enum poll_result http_request_poll(struct http_request *r,
                                   const struct waker *waker);

// The answer. BORROWS body, which must stay for as long as the program: it goes
// out piece by piece, as the client takes it.
void http_respond(struct http_request *r, int status, struct span body);

#endif
