// A request under way, its handler, and the task that the handler runs in.
#ifndef HTTP1_REQUEST_H
#define HTTP1_REQUEST_H

#include "handle.h"
#include "http1_parser.h"
#include "loop_executor.h"
#include "tcp_server.h"

// So much of a body is shown to the handler.
enum { body_kept = 200 };

struct http1_request {
    struct http_request base;
    struct tcp_connection *connection; // NULL: it is spare
    struct task *task;                 // owned; polls the handler
    struct handle handle;              // owned, once asked
    bool asked, answered;
    bool broken; // the task has ended: the handler panicked
    bool inside; // a call of http1_request_ask

    // Like the method and the target it lies in the input, or in head_copy.
    struct span fields;
    char *head_copy; // owned, or NULL
    char body[body_kept];

    int status;         // of the answer
    struct span answer; // what of it the client has not taken; borrowed
};

// What the connections of a loop share.
struct http1_loop {
    struct loop_executor *executor;
    struct http1_request *spare; // ready to be used, or NULL
};

// RETURNS a request, ended by http1_request_end; NULL: no memory.
struct http1_request *http1_request_new(struct tcp_connection *c,
                                        const struct http1_head *head);
void http1_request_end(struct http1_request *r);

// The bytes of the head will not stay where they are: copies them, unless that is
// done. RETURNS false: no memory.
bool http1_request_keep_head(struct http1_request *r);
void http1_request_body(struct http1_request *r, struct span piece);

// All of the request is here: calls the handler. RETURNS whether the answer is
// ready. If not, http1_go_on is called when it is.
bool http1_request_ask(struct http1_request *r);

void http1_go_on(struct tcp_connection *c); // in http1_connection.c

bool http1_loop_start(uv_loop_t *uv);
void http1_loop_stop(uv_loop_t *uv);

#endif
