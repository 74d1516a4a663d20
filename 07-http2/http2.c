#define _POSIX_C_SOURCE 200809L
// Chapter 07: the greeting of chapter 06 over HTTP/2. Here the two halves of
// the workbook meet: a future answers each request, and an executor on the
// libuv loop runs the futures, thousands of them on one thread.
//
//     ./http2                serves on 127.0.0.1:3000 until Ctrl-C
//     ./http2 sleeping       each answer awaits a second, and nobody waits
//     ./http2 blocking       each answer takes a second, and everybody waits
//     ./http2 pooled         the same work, done by other threads
//     ./http2 --help         more
#include "clock.h"
#include "http2_session.h"
#include "loop_sleep.h"
#include "pool_work.h"
#include "printout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_request(const struct http2_request *r) {
    struct printout out;
    const char *name, *value, *between = "";
    size_t at = 0;
    printout_begin(&out);
    print(&out, "Received a request\nHeaders: {");
    while (http2_next_header(r, &at, &name, &value)) {
        print(&out, between);
        print_quoted(&out, name, strlen(name));
        print(&out, ": ");
        print_quoted(&out, value, strlen(value));
        between = ", ";
    }
    print(&out, "}\nBody: ");
    print_quoted(&out, r->body, http2_body_shown(r));
    if (r->body_size > http2_body_shown(r)) {
        print(&out, "... (");
        print_number(&out, r->body_size);
        print(&out, " bytes)");
    }
    print(&out, "\n");
    printout_end(&out);
}

// ---- async fn handle(request) ----

// The request's headers are here when its future is made; the body may take a
// while. Awaiting it holds nobody up, and neither does awaiting the work.
struct handle {
    struct future base;
    enum { AWAIT_REQUEST, BEGIN_WORK, AWAIT_WORK, ANSWER, FINISHED } at;
    struct http2_request *request; // BORROWED; it drops us before it goes
    struct future *work;           // what AWAIT_WORK awaits; NULL: nothing
    struct loop_sleep sleep;       // in the act sleeping
    struct pool_work job;          // in the act pooled
};

// The acts differ in this alone.
static enum { HELLO, SLEEPING, POOLED, BLOCKING } act;

// Stands for a computation that holds its thread for a second.
static void one_second_of_work(void) {
    sleep_seconds(1);
}

// RETURNS the future that must be ready before the answer; NULL: there is none.
// It lies inside us. We may point to it, because we have been polled and move no
// more.
static struct future *begin_work(struct handle *me) {
    uv_loop_t *loop = http2_loop(me->request);
    switch (act) {
    case HELLO:
        break;
    case SLEEPING:
        me->sleep = loop_sleep(loop, 1.0);
        return &me->sleep.base;
    case POOLED:
        me->job = pool_work(loop, one_second_of_work);
        return &me->job.base;
    case BLOCKING: // the mistake: this is the loop's thread
        one_second_of_work();
        break;
    }
    return NULL;
}

static enum poll_result handle_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    static const char greeting[] = "Hello, World!";
    struct handle *me = (struct handle *)self;
    (void)out;
    for (;;) {
        switch (me->at) {
        case AWAIT_REQUEST: // .await
            if (http2_request_poll(me->request, waker) == FUTURE_PENDING) {
                return FUTURE_PENDING;
            }
            me->at = BEGIN_WORK;
            break;
        case BEGIN_WORK:
            if (!http2_is_quiet(me->request)) {
                print_request(me->request);
            }
            me->work = begin_work(me);
            me->at = me->work != NULL ? AWAIT_WORK : ANSWER;
            break;
        case AWAIT_WORK: // .await
            if (future_poll(me->work, waker, NULL) == FUTURE_PENDING) {
                return FUTURE_PENDING;
            }
            me->at = ANSWER;
            break;
        case ANSWER:
            http2_respond(me->request, "200", greeting, sizeof greeting - 1);
            me->at = FINISHED;
            return FUTURE_READY;
        case FINISHED: // nobody polls a future that was ready
            abort();
        }
    }
}

// Also half way: when the client resets its request, or leaves.
static void handle_drop(struct future *self) {
    struct handle *me = (struct handle *)self;
    if (me->work != NULL) {
        future_drop(me->work);
    }
}

static const struct future_ops handle_ops = {sizeof(struct handle), 0,
                                             handle_poll, handle_drop};

static struct uv_task *handle(struct http2_request *request,
                              struct uv_executor *executor) {
    struct handle me = {
        .base = {&handle_ops}, .at = AWAIT_REQUEST, .request = request};
    return uv_execute(executor, &me.base);
}

int main(int argc, char **argv) {
    static const struct server_act acts[] = {
        [HELLO] = {"hello", "greets every request"},
        [SLEEPING] = {"sleeping", "awaits a second first; nobody else waits"},
        [POOLED] = {"pooled", "a second of work first, in the thread pool"},
        [BLOCKING] = {"blocking", "a second of work first; everybody waits"},
    };
    struct server_options options;
    int status = server_options_parse(&options, argc, argv, "http2", 3000, acts,
                                      sizeof acts / sizeof acts[0]);
    if (status >= 0) {
        return status;
    }
    act = options.act;
    return http2_run(handle, &options);
}
