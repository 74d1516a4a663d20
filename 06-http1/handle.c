#define _POSIX_C_SOURCE 200809L
// An async function as in chapter 04: at each .await it may stop, and nobody
// waits meanwhile but its own client.
#include "handle.h"

#include "clock.h"
#include "printout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static enum handle_act act;

const struct server_act handle_acts[] = {
    [HELLO] = {"hello", "greets every request"},
    [SLEEPING] = {"sleeping", "awaits a second first; nobody else waits"},
    [POOLED] = {"pooled", "a second of work first, in the thread pool"},
    [BLOCKING] = {"blocking", "a second of work first; everybody waits"},
};

void handle_choose(enum handle_act chosen) {
    act = chosen;
    if (act == POOLED) {
        pool_prepare();
    }
}

// ---- The printout ----

static void print_fields(const struct http_request *r) {
    struct span name, value;
    size_t at = 0;
    const char *before = "\"";
    printf("Headers: {");
    while (http_next_field(r, &at, &name, &value)) {
        print_safe(before, name, "\": ");
        print_safe("\"", value, "\"");
        before = ", \"";
    }
    printf("}\n");
}

// The lines of one request leave together: other threads, who print, too, wait.
static void print_request(const struct http_request *r) {
    flockfile(stdout);
    print_safe("Received a request: ", r->method, " ");
    print_safe("", r->target, "\n");
    print_fields(r);
    print_safe("Body: \"", r->body, "\"");
    if (r->body_size > r->body.size) {
        printf("... (%" PRIu64 " bytes)", r->body_size);
    }
    printf("\n");
    fflush(stdout);
    funlockfile(stdout);
}

// ---- async fn handle(request) ----

// Stands for a computation that holds its thread for a second.
static void one_second_of_work(const void *unused) {
    (void)unused;
    sleep_seconds(1);
}

// The acts differ in this alone. RETURNS the future that must be ready before
// the answer; NULL: there is none. It lies inside us, and we may point to it:
// we have been polled, so we move no more.
static struct future *begin_second(struct handle *me) {
    struct loop_executor *e = me->request->executor;
    switch (act) {
    case HELLO:
        break;
    case SLEEPING:
        me->sleep = loop_sleep(e, 1.0);
        return &me->sleep.base;
    case POOLED:
        me->work = pool_work(e, one_second_of_work, NULL);
        return &me->work.base;
    case BLOCKING: // the mistake: this is the loop's thread
        one_second_of_work(NULL);
        break;
    }
    return NULL;
}

static enum poll_result handle_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    static const struct span greeting = {"Hello, World!", 13};
    struct handle *me = (struct handle *)self;
    (void)out;
    for (;;) {
        switch (me->at) {
        case AWAIT_REQUEST: // .await
            if (http_request_poll(me->request, waker) == FUTURE_PENDING) {
                return FUTURE_PENDING;
            }
            me->at = BEGIN_SECOND;
            break;
        case BEGIN_SECOND:
            if (!me->request->is_quiet) {
                print_request(me->request);
            }
            me->second = begin_second(me);
            me->at = me->second != NULL ? AWAIT_SECOND : ANSWER;
            break;
        case AWAIT_SECOND: // .await
            if (future_poll(me->second, waker, NULL) == FUTURE_PENDING) {
                return FUTURE_PENDING;
            }
            me->at = ANSWER;
            break;
        case ANSWER:
            http_respond(me->request, 200, greeting);
            me->at = ANSWERED;
            return FUTURE_READY;
        case ANSWERED: // nobody polls a future that was ready
            abort();
        }
    }
}

// Also half way: when the client resets its request, or leaves.
static void handle_drop(struct future *self) {
    struct handle *me = (struct handle *)self;
    if (me->second != NULL) {
        future_drop(me->second);
    }
}

struct handle handle(struct http_request *request) {
    static const struct future_ops ops = {sizeof(struct handle), 0, handle_poll,
                                          handle_drop};
    return (struct handle){.base = {&ops}, .request = request};
}
