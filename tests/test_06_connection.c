#define _POSIX_C_SOURCE 200809L
// Chapter 06, the protocol by itself, on a TCP server that is played by this
// file: so the client takes as little as we like, and the memory ends when we
// like.
#include "harness.h"

#include "http1_connection.h"
#include "http1_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- The TCP server, played ----

struct tcp_connection {
    max_align_t state[64];
    size_t room;       // what the client takes before output is pending
    size_t room_later; // what it takes each time it has read
    char *sent;        // all that it was told
    size_t sent_size;
    size_t pending;      // of that, what it has not taken
    size_t most_pending; // ever
    bool ending, closing, paused;
    const char *why; // it was aborted or refused
    long deadline;   // set last; 0: none
    int deadlines;   // how often one was set
};

static const struct tcp_protocol *protocol;
static const struct server_options options = {.program = "test",
                                              .request_ms = 30000};

int tcp_server_run(const struct tcp_protocol *p,
                   const struct server_options *unused) {
    (void)unused;
    ck_assert_uint_le(p->state_size, sizeof(max_align_t[64]));
    protocol = p;
    return 0;
}

void *tcp_state(struct tcp_connection *c) {
    return c->state;
}

const struct server_options *tcp_options(const struct tcp_connection *c) {
    (void)c;
    return &options;
}

static uv_loop_t loop;
static bool is_stopping;

uv_loop_t *tcp_loop(const struct tcp_connection *c) {
    (void)c;
    return &loop;
}

bool tcp_is_ending(const struct tcp_connection *c) {
    return c->ending || c->closing;
}

bool tcp_is_stopping(const struct tcp_connection *c) {
    (void)c;
    return is_stopping;
}

void tcp_pause(struct tcp_connection *c) {
    c->paused = tcp_is_writable(c);
}

void tcp_resume(struct tcp_connection *c) {
    c->paused = false;
}

bool tcp_is_writable(const struct tcp_connection *c) {
    return c->pending == 0 && !c->ending && !c->closing;
}

void tcp_set_deadline(struct tcp_connection *c, long ms) {
    c->deadline = ms;
    c->deadlines += ms > 0;
}

static void take(struct tcp_connection *c, size_t room) {
    c->room = room < c->pending ? 0 : room - c->pending;
    c->pending -= room < c->pending ? room : c->pending;
}

bool tcp_write(struct tcp_connection *c, const void *bytes, size_t size) {
    if (!tcp_is_writable(c)) {
        return false;
    }
    memcpy(c->sent + c->sent_size, bytes, size);
    c->sent_size += size;
    c->pending += size;
    take(c, c->room);
    if (c->pending > c->most_pending) {
        c->most_pending = c->pending;
    }
    return c->pending == 0;
}

void tcp_end(struct tcp_connection *c) {
    c->ending = true;
}

void tcp_report(struct tcp_connection *c, const char *why) {
    c->why = why;
}

void tcp_abort(struct tcp_connection *c, const char *why) {
    c->closing = true;
    c->why = why;
}

// ---- Memory that ends ----

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static int until_failure = -1; // so many more succeed; -1: all
static bool inside;            // the protocol; Check needs memory, too

static bool fails(void) {
    return inside && until_failure >= 0 && until_failure-- == 0;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) {
    return fails() ? NULL : __real_realloc(old, size);
}

// ---- Clients ----

enum { sent_room = 4 << 20, everything = sent_room };

static const char *greeting = "Hello, World!";

// The last requests, as the handler saw them.
static char handled[4096];

// Set by the tests: so many polls of a handler are pending.
static int pending_polls;
static struct waker kept; // of the last of those

static void note(const struct http_request *r) {
    size_t used = strlen(handled);
    struct span method = r->method, target = r->target, body = r->body;
    if (used < sizeof handled / 2) {
        snprintf(handled + used, sizeof handled - used, "%.*s %.*s %llu:%.*s\n",
                 (int)method.size, method.at, (int)target.size, target.at,
                 (unsigned long long)r->body_size, (int)body.size, body.at);
    }
}

// In the chapter's own struct handle; `at` counts the polls.
static enum poll_result poll_handler(struct future *self,
                                     const struct waker *waker, void *out) {
    struct handle *me = (struct handle *)self;
    (void)out;
    if ((int)me->at++ < pending_polls) {
        waker_drop(&kept);
        kept = waker_clone(waker);
        return FUTURE_PENDING;
    }
    note(me->request);
    if (span_is(me->request->target, "/panic")) {
        task_panic("on purpose");
    }
    http_respond(me->request, 200, (struct span){greeting, strlen(greeting)});
    return FUTURE_READY;
}

struct handle handle(struct http_request *request) {
    static const struct future_ops ops = {sizeof(struct handle), 0,
                                          poll_handler, NULL};
    return (struct handle){.base = {&ops}, .request = request};
}

// The answer that a handler awaits is there.
static void wake_handler(void) {
    inside = true;
    waker_wake(&kept);
    uv_run(&loop, UV_RUN_NOWAIT);
    inside = false;
}

static struct tcp_connection *connect_client(size_t room, size_t room_later) {
    struct tcp_connection *c = calloc(1, sizeof *c);
    ck_assert_int_eq(http1_run(&options), 0);
    ck_assert_ptr_nonnull(c);
    if (loop.data == NULL) {
        ck_assert_int_eq(uv_loop_init(&loop), 0);
        ck_assert(protocol->on_loop_start(&loop));
    }
    c->sent = calloc(1, sent_room);
    ck_assert_ptr_nonnull(c->sent);
    c->room = room;
    c->room_later = room_later;
    handled[0] = '\0';
    return c;
}

// The client reads until nothing is pending.
static void read_all(struct tcp_connection *c) {
    while (c->pending > 0 && !c->closing) {
        take(c, c->room_later);
        if (tcp_is_writable(c)) {
            inside = true;
            protocol->on_drained(c);
            inside = false;
        }
    }
}

// The bytes are at the end of a block of their own, gone after the call.
static void say(struct tcp_connection *c, const char *bytes, size_t size) {
    read_all(c); // before that nothing is read
    if (c->ending || c->closing) {
        return;
    }
    char *block = __real_malloc(size);
    ck_assert_ptr_nonnull(block);
    memcpy(block, bytes, size);
    inside = true;
    protocol->on_bytes(c, block, size);
    inside = false;
    free(block);
}

static void say_in_pieces(struct tcp_connection *c, const char *text,
                          size_t piece) {
    for (size_t at = 0, size = strlen(text); at < size; at += piece) {
        say(c, text + at, piece < size - at ? piece : size - at);
    }
}

static void leave(struct tcp_connection *c) {
    protocol->on_close(c);
    free(c->sent);
    free(c);
}

static void mask_dates(char *text) {
    for (char *at = text; (at = strstr(at, "Date: ")) != NULL; at++) {
        size_t n = strcspn(at, "\r");
        memmove(at + 6, at + n, strlen(at + n) + 1);
    }
}

static int count(const char *text, const char *part) {
    int n = 0;
    for (; (text = strstr(text, part)) != NULL; text++) {
        n++;
    }
    return n;
}

// ---- Pieces, and clients that take little ----

static const char talk[] =
    "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
    "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world"
    "HEAD /3 HTTP/1.1\r\nHost: a\r\n\r\n"
    "PUT /4 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: t\r\n\r\n\r\n"
    "GET /5 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    "GET /6 HTTP/1.1\r\nHost: a\r\n\r\n"
    "GET /7 HTTP/1.0\r\n\r\n"
    "GET /8 HTTP/1.1\r\nHost: a\r\n\r\n"; // too late
static const char talk_handled[] =
    "GET /1 0:\nPOST /2 11:hello world\nHEAD /3 0:\nPUT /4 5:abcde\n"
    "GET /5 0:\nGET /6 0:\nGET /7 0:\n";

START_TEST(pieces_and_slow_clients_change_nothing) {
    char *expected = NULL;
    for (size_t piece = sizeof talk; piece > 0; piece--) {
        for (size_t room = 1; room < 2000; room = room * 3 + 1) {
            struct tcp_connection *c =
                connect_client(piece == sizeof talk ? everything : 0, room);
            say_in_pieces(c, talk, piece);
            read_all(c);
            ck_assert_str_eq(handled, talk_handled);
            ck_assert(c->ending && !c->closing);
            mask_dates(c->sent);
            if (expected == NULL) {
                expected = strdup(c->sent);
            }
            ck_assert_str_eq(c->sent, expected);
            leave(c);
        }
    }
    ck_assert_int_eq(count(expected, "200 OK"), 7);
    ck_assert_int_eq(count(expected, "Hello, World!"), 6);
    free(expected);
}
END_TEST

// As much as one read can bring, to a client that takes nothing, and then
// little by little.
START_TEST(what_is_kept_for_a_slow_client_has_a_bound) {
    static const char one[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    enum { read_size = 64 * 1024, size = read_size / (sizeof one - 1) };
    char *bytes = calloc(1, read_size + 1);
    for (int i = 0; i < size; i++) {
        memcpy(bytes + (size_t)i * (sizeof one - 1), one, sizeof one - 1);
    }
    struct tcp_connection *c = connect_client(0, 1000);
    say(c, bytes, strlen(bytes));
    ck_assert_uint_gt(c->pending, 0);
    ck_assert_uint_le(c->sent_size, 16 * 1024);
    read_all(c);
    ck_assert_int_eq(count(c->sent, "200 OK"), size);
    ck_assert_uint_le(c->most_pending, 16 * 1024);
    leave(c);
    free(bytes);
}
END_TEST

// One that does not fit into a gathering of answers.
START_TEST(an_answer_may_be_long) {
    char *text = calloc(1, 100001);
    memset(text, 'x', 100000);
    greeting = text;
    struct tcp_connection *c = connect_client(20, 5000);
    say_in_pieces(c, talk, 100);
    read_all(c);
    ck_assert_str_eq(handled, talk_handled);
    ck_assert_int_eq(count(c->sent, "Content-Length: 100000\r\n"), 7);
    ck_assert_int_eq(count(c->sent, "\r\n\r\nxx"), 6);
    ck_assert_uint_le(c->most_pending, 16 * 1024); // it goes out in pieces
    leave(c);
    free(text);
}
END_TEST

// ---- No memory ----

// Each allocation fails once. That connection ends, whatever it was doing, and
// nothing is lost: the sanitizers see to that.
static int fail_each_allocation(size_t piece, size_t room) {
    int n = 0;
    for (;; n++) {
        struct tcp_connection *c = connect_client(room, 10);
        until_failure = n;
        say_in_pieces(c, talk, piece);
        read_all(c);
        bool failed = until_failure < 0;
        until_failure = -1;
        ck_assert(c->closing == failed);
        if (failed) {
            ck_assert_str_eq(c->why, "out of memory");
            ck_assert(!c->ending);
        }
        leave(c);
        if (!failed) {
            return n;
        }
    }
}

START_TEST(without_memory_the_connection_ends) {
    ck_assert_int_ge(fail_each_allocation(sizeof talk, everything), 2);
    ck_assert_int_ge(fail_each_allocation(1, everything), 200);
    ck_assert_int_ge(fail_each_allocation(sizeof talk, 0), 2);
    ck_assert_int_ge(fail_each_allocation(7, 0), 50);
}
END_TEST

START_TEST(whole_requests_need_no_memory) {
    static const char pair[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
                               "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct tcp_connection *c = connect_client(everything, everything);
    until_failure = 0;
    for (int i = 0; i < 100; i++) {
        say(c, pair, strlen(pair));
    }
    ck_assert_int_eq(until_failure, 0);
    until_failure = -1;
    ck_assert_int_eq(count(c->sent, "200 OK"), 200);
    leave(c);
}
END_TEST

// ---- Handlers that await ----

// The bytes of the requests are gone while the handler waits; what it prints
// when it goes on shows that it has kept them.
START_TEST(answers_stay_in_order) {
    char *expected = NULL;
    for (pending_polls = 0; pending_polls < 3; pending_polls++) {
        struct tcp_connection *c = connect_client(everything, 0);
        say(c, talk, sizeof talk - 1);
        for (int i = 0; i < 100 && !c->ending; i++) {
            ck_assert(c->paused);
            wake_handler();
        }
        ck_assert_str_eq(handled, talk_handled);
        mask_dates(c->sent);
        if (expected == NULL) {
            expected = strdup(c->sent);
        }
        ck_assert_str_eq(c->sent, expected);
        leave(c);
    }
    waker_drop(&kept);
    free(expected);
}
END_TEST

static const char two[] = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
                          "GET /2 HTTP/1.1\r\nHost: a\r\n\r\n";

START_TEST(one_handler_at_a_time) {
    pending_polls = 1;
    struct tcp_connection *c = connect_client(everything, 0);
    say(c, two, sizeof two - 1);
    ck_assert(c->paused);
    ck_assert_int_eq(c->deadline, 0); // the client owes us nothing
    ck_assert_uint_eq(c->sent_size, 0);
    wake_handler();
    ck_assert_int_eq(count(c->sent, "200 OK"), 1);
    uv_run(&loop, UV_RUN_NOWAIT); // the second begins
    ck_assert(c->paused);
    wake_handler();
    ck_assert_int_eq(count(c->sent, "200 OK"), 2);
    ck_assert(!c->paused);
    leave(c);
    waker_drop(&kept);
}
END_TEST

// The answer comes while the client does not take the one before.
START_TEST(an_answer_waits_for_the_one_before) {
    struct tcp_connection *c = connect_client(20, 1000);
    say(c, two, sizeof two / 2);
    ck_assert_uint_gt(c->pending, 0);
    pending_polls = 1;
    inside = true;
    protocol->on_drained(c); // as if somebody called too early
    inside = false;
    read_all(c);
    say(c, two, sizeof two / 2);
    c->pending = 1; // and again it takes nothing
    wake_handler();
    ck_assert_int_eq(count(c->sent, "200 OK"), 1);
    read_all(c);
    ck_assert_int_eq(count(c->sent, "200 OK"), 2);
    leave(c);
    waker_drop(&kept);
}
END_TEST

START_TEST(a_client_may_leave_meanwhile) {
    pending_polls = 1;
    for (int i = 0; i < 3; i++) {
        struct tcp_connection *c = connect_client(everything, 0);
        say(c, two, sizeof two - 1);
        leave(c);
        wake_handler(); // nobody is there any more
    }
    waker_drop(&kept);
    ck_assert_str_eq(handled, "");
}
END_TEST

// Many at once, so more than the one request that the loop has in reserve.
START_TEST(many_connections_wait_at_once) {
    struct tcp_connection *all[20];
    struct waker wakers[20];
    pending_polls = 1;
    for (int i = 0; i < 20; i++) {
        all[i] = connect_client(everything, 0);
        say(all[i], two, sizeof two / 2);
        uv_run(&loop, UV_RUN_NOWAIT); // a new request is first polled here
        ck_assert(all[i]->paused);
        wakers[i] = waker_take(&kept);
        ck_assert_ptr_nonnull(wakers[i].ops);
    }
    for (int i = 0; i < 20; i++) {
        waker_wake(&wakers[i]);
        waker_drop(&wakers[i]);
        uv_run(&loop, UV_RUN_NOWAIT);
        ck_assert_int_eq(count(all[i]->sent, "200 OK"), 1);
    }
    for (int i = 0; i < 20; i++) {
        leave(all[i]);
    }
}
END_TEST

START_TEST(a_panic_ends_one_connection) {
    static const char bad[] = "GET /panic HTTP/1.1\r\nHost: a\r\n\r\n";
    for (pending_polls = 0; pending_polls < 2; pending_polls++) {
        struct tcp_connection *c = connect_client(everything, 0);
        say(c, bad, sizeof bad - 1);
        uv_run(&loop, UV_RUN_NOWAIT);
        if (pending_polls > 0) {
            ck_assert(!c->closing);
            wake_handler();
        }
        ck_assert(c->closing);
        ck_assert_str_eq(c->why, "the handler panicked");
        leave(c);
        waker_drop(&kept);
    }
    pending_polls = 0;
    struct tcp_connection *c = connect_client(everything, 0);
    say(c, two, sizeof two - 1);
    uv_run(&loop, UV_RUN_NOWAIT);
    uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert_int_eq(count(c->sent, "200 OK"), 2);
    leave(c);
}
END_TEST

// ---- Deadlines ----

static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\n"
                           "Content-Length: 200000\r\n\r\n";

START_TEST(a_request_under_way_has_a_deadline) {
    struct tcp_connection *c = connect_client(everything, everything);
    for (size_t i = 0; i < sizeof head - 1; i++) { // a trickle moves nothing
        say(c, head + i, 1);
        ck_assert_int_eq(c->deadline, 30000);
        ck_assert_int_eq(c->deadlines, 1 + (i == sizeof head - 2));
    }
    char *body = calloc(1, 200000);
    for (int i = 0; i < 64; i++) { // 64 KiB do, once
        say(c, body, 1024);
    }
    ck_assert_int_eq(c->deadlines, 3);
    say(c, body, 200000 - 64 * 1024 - 1);
    ck_assert_int_eq(c->deadlines, 4);
    say(c, body, 1);
    ck_assert_int_eq(c->deadlines, 4);
    ck_assert_int_eq(c->deadline, 0); // between two requests
    ck_assert_int_eq(count(c->sent, "200 OK"), 1);
    leave(c);
    free(body);
}
END_TEST

START_TEST(each_request_has_a_deadline_of_its_own) {
    static const char tail_and_head[] = "a\r\n\r\nGET / HTTP/1.1\r\nHost: ";
    struct tcp_connection *c = connect_client(everything, everything);
    say(c, "GET / HTTP/1.1\r\nHost: ", 22);
    for (int i = 1; i < 10; i++) {
        ck_assert_int_eq(c->deadlines, i);
        say(c, tail_and_head, sizeof tail_and_head - 1);
    }
    leave(c);
}
END_TEST

// While the client owes us a read, it is not the request that is late.
START_TEST(no_deadline_while_output_is_pending) {
    struct tcp_connection *c = connect_client(0, everything);
    say(c, talk, 40); // one request and a half
    ck_assert_uint_gt(c->pending, 0);
    ck_assert_int_eq(c->deadline, 0);
    read_all(c);
    ck_assert_int_eq(c->deadline, 30000);
    leave(c);
}
END_TEST

START_TEST(who_is_late_is_told_and_who_is_silent_is_not) {
    struct tcp_connection *c = connect_client(everything, everything);
    protocol->on_idle(c);
    ck_assert(c->ending);
    ck_assert_uint_eq(c->sent_size, 0);
    leave(c);
    c = connect_client(everything, everything);
    say(c, head, 10);
    protocol->on_idle(c);
    ck_assert(c->ending);
    ck_assert_int_eq(strncmp(c->sent, "HTTP/1.1 408 ", 13), 0);
    leave(c);
}
END_TEST

// ---- Ends ----

// A client stops to speak after so many octets, while the server stops.
static void expect_last_answer_after(size_t octets) {
    struct tcp_connection *c = connect_client(everything, everything);
    if (octets > 0) {
        say(c, talk, octets);
    }
    is_stopping = true;
    protocol->on_stopping(c);
    ck_assert(!c->ending);
    say(c, talk + octets, 100);
    is_stopping = false;
    ck_assert(c->ending);
    ck_assert_str_eq(handled, "GET /1 0:\n");
    ck_assert_int_eq(count(c->sent, "Connection: close"), 1);
    leave(c);
}

START_TEST(stopping_waits_for_what_is_under_way) {
    struct tcp_connection *c = connect_client(everything, everything);
    protocol->on_stopping(c); // what is on the wire may still come
    ck_assert(!c->ending);
    ck_assert_int_eq(c->deadline, 200);
    protocol->on_idle(c);
    ck_assert(c->ending);
    leave(c);
    expect_last_answer_after(0);
    expect_last_answer_after(10);
}
END_TEST

START_TEST(the_end_in_the_middle_of_a_request) {
    struct tcp_connection *c = connect_client(0, everything);
    say(c, talk, 40);
    read_all(c); // until then it is not read, so nobody sees the end
    protocol->on_eof(c);
    ck_assert(c->ending);
    ck_assert_int_eq(count(c->sent, "200 OK"), 1);
    ck_assert_int_eq(count(c->sent, "400 Bad Request\r\n"), 1);
    leave(c);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, pieces_and_slow_clients_change_nothing);
    tcase_add_test(tests, what_is_kept_for_a_slow_client_has_a_bound);
    tcase_add_test(tests, an_answer_may_be_long);
    tcase_add_test(tests, without_memory_the_connection_ends);
    tcase_add_test(tests, whole_requests_need_no_memory);
    tcase_add_test(tests, answers_stay_in_order);
    tcase_add_test(tests, one_handler_at_a_time);
    tcase_add_test(tests, an_answer_waits_for_the_one_before);
    tcase_add_test(tests, a_client_may_leave_meanwhile);
    tcase_add_test(tests, many_connections_wait_at_once);
    tcase_add_test(tests, a_panic_ends_one_connection);
    tcase_add_test(tests, a_request_under_way_has_a_deadline);
    tcase_add_test(tests, each_request_has_a_deadline_of_its_own);
    tcase_add_test(tests, no_deadline_while_output_is_pending);
    tcase_add_test(tests, who_is_late_is_told_and_who_is_silent_is_not);
    tcase_add_test(tests, stopping_waits_for_what_is_under_way);
    tcase_add_test(tests, the_end_in_the_middle_of_a_request);
}

int main(void) {
    return run_suite("06-http1 connection", add_tests);
}
