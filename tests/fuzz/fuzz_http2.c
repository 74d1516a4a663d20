#define _POSIX_C_SOURCE 200809L
// The fuzzer takes the place of chapter 07's TCP server and says to a session
// whatever it has made up. The functions of tcp_server.h are defined in here.
//
// modules: 07-http2 http2_session http2_start http2_end http2_events http2_check http2_request http2_headers http2_output http2_guard token_bucket http2_memory http_date octets http_host decimal future task task_handle panic heap clock loop_executor loop_executor_start loop_run_now loop_sleep pool_work
// libraries: libuv libnghttp2
//
// The first byte of an input is a set of flags, the second the size of the
// pieces in which the rest arrives. With FRAMED the rest is a list of frames:
// type, flags, stream and size in a byte each, then the payload; so that a
// change of the input changes a frame and not only its length. With AGAIN too,
// the list is said again and again, each time with the next streams. A flag of
// 128 on a frame says its last byte 2000 times more.
#include "http2_request.h"
#include "http2_session.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Flags of an input, and one of a frame.
enum { FRAMED = 1, QUIET = 2, SLOW = 4, HALF_CLOSE = 8, STOP = 16, IDLE = 32 };
enum { AGAIN = 64, FILL = 128 };

struct tcp_connection {
    void *state;
    bool is_pending, is_ending, is_closed;
    size_t written;
};

static uv_loop_t loop;
static uv_async_t reason_to_run;
static struct server_options options = {.program = "fuzz", .host = "::1"};
static int flags;
static int alive; // futures
static const uint8_t *input;
static size_t input_size;

static void must(bool truth) {
    if (!truth) {
        abort();
    }
}

// ---- What the session calls ----

void *tcp_state(struct tcp_connection *c) {
    return c->state;
}

uv_loop_t *tcp_loop(const struct tcp_connection *c) {
    (void)c;
    return &loop;
}

const struct server_options *tcp_options(const struct tcp_connection *c) {
    (void)c;
    return &options;
}

int tcp_port(const struct tcp_connection *c) {
    (void)c;
    return 3000;
}

bool tcp_is_writable(const struct tcp_connection *c) {
    return !c->is_pending && !c->is_ending && !c->is_closed;
}

// Looks at every byte, so that the sanitizers do.
bool tcp_write(struct tcp_connection *c, const void *bytes, size_t size) {
    static volatile unsigned sum;
    if (c->is_ending || c->is_closed) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        sum += ((const uint8_t *)bytes)[i];
    }
    c->written += size;
    c->is_pending = (flags & SLOW) != 0;
    return !c->is_pending;
}

void tcp_end(struct tcp_connection *c) {
    c->is_ending = true;
}

void tcp_abort(struct tcp_connection *c, const char *why) {
    (void)why;
    c->is_closed = true;
}

void tcp_report(struct tcp_connection *c, const char *why) {
    (void)c;
    (void)why;
}

void tcp_set_deadline(struct tcp_connection *c, long ms) {
    must(!c->is_ending && !c->is_closed && ms >= 0);
}

// ---- The handler: it answers in one of many ways ----

static enum poll_result answer_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    static const char body[40000] = {'x'};
    struct handle *me = (struct handle *)self;
    struct http_request *r = me->request;
    const int32_t stream = ((struct http2_request *)r)->stream;
    (void)out;
    switch (stream % 16) {
    case 3: // never
        return FUTURE_PENDING;
    case 5: // at once
        break;
    default:
        if (http_request_poll(r, waker) == FUTURE_PENDING) {
            return FUTURE_PENDING;
        }
        break;
    }
    if (me->at == AWAIT_REQUEST && stream % 5 != 0) { // a turn later
        me->at = AWAIT_SECOND;
        waker_wake(waker);
        return FUTURE_PENDING;
    }
    struct span name, value;
    size_t at = 0, length = 0;
    while (http_next_field(r, &at, &name, &value)) {
        length += name.size + value.size + 2;
    }
    must(length <= max_headers && r->body.size <= r->body_size);
    http_respond(r, 200,
                 (struct span){body, stream % 16 == 7 ? sizeof body : 13});
    return FUTURE_READY;
}

static void answer_drop(struct future *self) {
    (void)self;
    alive--;
}

struct handle handle(struct http_request *request) {
    static const struct future_ops ops = {sizeof(struct handle), 0, answer_poll,
                                          answer_drop};
    alive++;
    return (struct handle){
        .base = {&ops}, .at = AWAIT_REQUEST, .request = request};
}

// ---- The life of one connection ----

static void run_rounds(const struct tcp_protocol *p, struct tcp_connection *c) {
    for (int i = 0; i < 2; i++) {
        uv_run(&loop, UV_RUN_NOWAIT);
        if (c->is_pending && !c->is_closed) {
            c->is_pending = false;
            if (!c->is_ending) {
                p->on_drained(c);
            }
        }
    }
}

// RETURNS false if the connection is over. The piece lies in memory of just its
// size, so that nobody reads on.
static bool say(const struct tcp_protocol *p, struct tcp_connection *c,
                const void *bytes, size_t size) {
    if (size > 0 && tcp_is_writable(c)) {
        char *piece = malloc(size);
        memcpy(piece, bytes, size);
        p->on_bytes(c, piece, size);
        free(piece);
    }
    run_rounds(p, c);
    return !c->is_ending && !c->is_closed;
}

// In pieces of this size, but not in more than 256 of them; 0: in one.
static void say_pieces(const struct tcp_protocol *p, struct tcp_connection *c,
                       const uint8_t *bytes, size_t size, size_t piece) {
    piece = piece == 0 ? size : piece < size / 256 ? size / 256 + 1 : piece;
    while (size > 0) {
        size_t n = piece < size ? piece : size;
        if (!say(p, c, bytes, n)) {
            return;
        }
        bytes += n;
        size -= n;
    }
}

// Appends the frame at in to out. RETURNS how much of in it was; 0: no more.
static size_t add_frame(FILE *out, unsigned first, const uint8_t *in,
                        size_t left) {
    if (left < 4) {
        return 0;
    }
    size_t size = in[3] < left - 4 ? in[3] : left - 4;
    size_t more = (in[1] & FILL) != 0 && size > 0 ? 2000 : 0;
    size_t length = size + more;
    unsigned stream = in[2] == 0 ? 0 : first + in[2];
    const uint8_t head[9] = {0,     (uint8_t)(length >> 8), (uint8_t)length,
                             in[0], in[1] & ~FILL,          0,
                             0,     (uint8_t)(stream >> 8), (uint8_t)stream};
    fwrite(head, 1, sizeof head, out);
    fwrite(in + 4, 1, size, out);
    for (; more > 0; more--) {
        putc(in[3 + size], out);
    }
    return 4 + size;
}

static void say_frames(const struct tcp_protocol *p, struct tcp_connection *c,
                       size_t piece) {
    unsigned times = (flags & AGAIN) != 0 ? 64 : 1;
    char *bytes = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&bytes, &size);
    must(out != NULL);
    fputs("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", out);
    fwrite("\0\0\0\4\0\0\0\0", 1, 9, out); // SETTINGS
    for (unsigned i = 0; i < times && ftell(out) < 1 << 17; i++) {
        size_t at = 0, n;
        while ((n = add_frame(out, 16 * i, input + at, input_size - at)) > 0) {
            at += n;
        }
    }
    fclose(out);
    say_pieces(p, c, (uint8_t *)bytes, size, piece);
    free(bytes);
}

static void say_goodbye(const struct tcp_protocol *p,
                        struct tcp_connection *c) {
    if ((flags & STOP) != 0 && tcp_is_writable(c)) {
        p->on_stopping(c);
    }
    if ((flags & IDLE) != 0 && tcp_is_writable(c)) {
        p->on_idle(c);
    }
    if ((flags & HALF_CLOSE) != 0 && tcp_is_writable(c)) {
        p->on_eof(c);
    }
    run_rounds(p, c);
}

int tcp_server_run(const struct tcp_protocol *p,
                   const struct server_options *o) {
    struct tcp_connection c = {.state = calloc(1, p->state_size)};
    const struct http2_session *s = c.state;
    size_t piece = input[1];
    (void)o;
    input += 2;
    input_size -= 2;
    must(p->on_loop_start(&loop));
    must(p->on_open(&c));
    if ((flags & FRAMED) != 0) {
        say_frames(p, &c, piece);
    } else {
        say_pieces(p, &c, input, input_size, piece);
    }
    say_goodbye(p, &c);
    c.is_closed = true;
    p->on_close(&c);
    must(s->guard.header_text == 0 && s->requests == NULL);
    must(http2_shared(s)->unsent == NULL);
    p->on_loop_stop(&loop);
    uv_run(&loop, UV_RUN_NOWAIT);
    must(alive == 0);
    free(c.state);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) {
        return 0;
    }
    if (reason_to_run.loop == NULL) {
        must(uv_loop_init(&loop) == 0);
        must(uv_async_init(&loop, &reason_to_run, NULL) == 0);
    }
    flags = data[0];
    options.quiet = (flags & QUIET) != 0;
    input = data;
    input_size = size;
    (void)http2_run(&options);
    return 0;
}
