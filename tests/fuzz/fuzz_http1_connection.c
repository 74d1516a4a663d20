#define _POSIX_C_SOURCE 200809L
// Fuzzer for chapter 06's protocol on a TCP server that is played by this file:
// whatever the octets are, in whatever pieces they come, and however little of
// the answers the client takes at a time, the answers are the same, and no more
// than one gathering of them is ever pending.
// The handler answers at once or a turn of the loop later, so the connection is
// paused now and then.
// modules: 06-http1 http1_connection http1_guard http1_request http1_output http1_parser http1_chunked http1_strict octets http_host decimal future task task_handle panic heap clock loop_executor loop_executor_start loop_run_now loop_sleep pool_work
// libraries: libuv
#include "http1_connection.h"
#include "http_date.h"

#include <stdlib.h>
#include <string.h>

enum { sent_room = 8 << 20, most_pending = 16 * 1024 };

struct tcp_connection {
    max_align_t state[64];
    char *sent; // all answers
    size_t sent_size, pending;
    size_t room; // so much the client takes at a time; 0: everything
    bool ending, closing, paused;
};

static const struct tcp_protocol *protocol;
static uint64_t handled; // a hash of all requests
static int long_answers; // a hundred of them fit into sent_room

static void check(bool good) {
    if (!good) {
        abort();
    }
}

// ---- The TCP server, played ----

int tcp_server_run(const struct tcp_protocol *p,
                   const struct server_options *unused) {
    (void)unused;
    check(p->state_size <= sizeof(max_align_t[64]));
    protocol = p;
    return 0;
}

void *tcp_state(struct tcp_connection *c) {
    return c->state;
}

const struct server_options *tcp_options(const struct tcp_connection *c) {
    static const struct server_options options = {.request_ms = 1000};
    (void)c;
    return &options;
}

static uv_loop_t loop;

uv_loop_t *tcp_loop(const struct tcp_connection *c) {
    (void)c;
    return &loop;
}

bool tcp_is_ending(const struct tcp_connection *c) {
    return c->ending || c->closing;
}

bool tcp_is_stopping(const struct tcp_connection *c) {
    (void)c;
    return false;
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
    (void)c;
    check(ms == 0 || ms == 1000);
}

void tcp_report(struct tcp_connection *c, const char *why) {
    (void)c;
    (void)why;
}

bool tcp_write(struct tcp_connection *c, const void *bytes, size_t size) {
    check(size > 0 && tcp_is_writable(c));
    check(c->sent_size + size < sent_room);
    memcpy(c->sent + c->sent_size, bytes, size);
    c->sent_size += size;
    c->pending = c->room == 0 || size < c->room ? 0 : size - c->room;
    check(c->pending <= most_pending);
    return c->pending == 0;
}

void tcp_end(struct tcp_connection *c) {
    c->ending = true;
}

void tcp_abort(struct tcp_connection *c, const char *why) {
    (void)why;
    c->closing = true;
}

const char *http_date(void) {
    return "Sun, 06 Nov 1994 08:49:37 GMT"; // the same in both runs
}

// ---- A client ----

static void add(const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        handled = (handled ^ (unsigned char)bytes[i]) * 0x100000001b3;
    }
}

static void add_span(struct span s) {
    add(s.at, s.size);
}

static void note_request(const struct http_request *r) {
    struct span name, value;
    size_t at = 0;
    uint64_t size = r->body_size;
    add_span(r->method);
    add_span(r->target);
    while (http_next_field(r, &at, &name, &value)) {
        add_span(name);
        add_span(value);
    }
    add_span(r->body);
    add((const char *)&size, sizeof size);
}

static enum poll_result answer_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    static const char text[40000] = {'x'};
    struct handle *me = (struct handle *)self;
    struct http_request *r = me->request;
    (void)out;
    if (me->at == AWAIT_REQUEST && r->method.size % 2 == 0) {
        me->at = AWAIT_SECOND;
        waker_wake(waker);
        return FUTURE_PENDING;
    }
    note_request(r);
    bool is_long = r->target.size % 8 == 7 && long_answers++ < 100;
    http_respond(r, 200, (struct span){text, is_long ? sizeof text : 13});
    return FUTURE_READY;
}

static void answer_drop(struct future *self) {
    (void)self;
}

struct handle handle(struct http_request *request) {
    static const struct future_ops ops = {sizeof(struct handle), 0, answer_poll,
                                          answer_drop};
    return (struct handle){
        .base = {&ops}, .at = AWAIT_REQUEST, .request = request};
}

static void read_answers(struct tcp_connection *c) {
    while (c->pending > 0 && !c->closing) {
        c->pending -= c->room < c->pending ? c->room : c->pending;
        if (tcp_is_writable(c)) {
            protocol->on_drained(c);
        }
    }
}

static void say(struct tcp_connection *c, const uint8_t *bytes, size_t size) {
    char *block = malloc(size); // AddressSanitizer sees a look behind its end
    check(block != NULL);
    memcpy(block, bytes, size);
    protocol->on_bytes(c, block, size);
    free(block);
    for (int i = 0; i < 1000000 && (c->paused || c->pending > 0); i++) {
        read_answers(c);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    check(!c->paused || !tcp_is_writable(c));
}

// Whether a client gets a 100 depends on when its body comes, so these do not
// count.
static void forget_interim(struct tcp_connection *c) {
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    const size_t size = sizeof go_on - 1;
    size_t kept = 0;
    for (size_t i = 0; i < c->sent_size;) {
        if (i + size <= c->sent_size && memcmp(c->sent + i, go_on, size) == 0) {
            i += size;
        } else {
            c->sent[kept++] = c->sent[i++];
        }
    }
    c->sent_size = kept;
}

static uint64_t talk(struct tcp_connection *c, const uint8_t *bytes,
                     size_t size, size_t room, size_t piece) {
    char *sent = c->sent;
    *c = (struct tcp_connection){.sent = sent, .room = room};
    handled = 0xcbf29ce484222325;
    long_answers = 0;
    for (size_t at = 0; at < size && tcp_is_writable(c); at += piece) {
        say(c, bytes + at, piece < size - at ? piece : size - at);
    }
    check(c->pending == 0);
    if (tcp_is_writable(c)) {
        protocol->on_eof(c);
        check(c->ending);
    }
    protocol->on_close(c);
    forget_interim(c);
    return handled;
}

// Three octets say how the second client speaks and reads, and how often both
// say the rest: it takes a hundred requests to fill a gathering of answers.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct tcp_connection quick, slow;
    static uint8_t all[64 * 1024];
    if (protocol == NULL) {
        quick.sent = malloc(sent_room);
        slow.sent = malloc(sent_room);
        check(quick.sent != NULL && slow.sent != NULL);
        check(uv_loop_init(&loop) == 0);
        http1_run(NULL);
        check(protocol->on_loop_start(&loop));
    }
    if (size < 4 || size > 4096) {
        return 0;
    }
    const size_t room = bytes[0] + 1u, piece = bytes[1] + 1u;
    size_t times = bytes[2] + 1u, all_size = 0;
    bytes += 3;
    size -= 3;
    for (; times > 0 && all_size + size <= sizeof all; times--) {
        memcpy(all + all_size, bytes, size);
        all_size += size;
    }
    uint64_t one = talk(&quick, all, all_size, 0, all_size);
    uint64_t other = talk(&slow, all, all_size, room * room, piece * piece);
    check(one == other);
    check(quick.sent_size == slow.sent_size);
    check(memcmp(quick.sent, slow.sent, quick.sent_size) == 0);
    return 0;
}
