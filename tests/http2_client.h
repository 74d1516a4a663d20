// For the suites of chapter 07: a client that speaks HTTP/2 frame by frame, as
// badly as a test wants.
#ifndef HTTP2_CLIENT_H
#define HTTP2_CLIENT_H

#include "harness.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// ---- What all suites of this chapter use ----

#define PROGRAM "07-http2/http2"
#define CURL "curl -s --max-time 30 --http2-prior-knowledge "

static inline double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline void pause_ms(long ms) {
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static inline void expect_text(char *text, const char *wanted) {
    ck_assert_str_eq(text, wanted);
    free(text);
}

static inline void expect_part(char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "no '%s' in:\n%s", part, text);
    free(text);
}

static inline long resident_kb(const struct server *s) {
    char *text = shell("awk '/VmRSS/ { print $2 }' /proc/%d/status", s->pid);
    long kb = atol(text);
    free(text);
    ck_assert_int_gt(kb, 0);
    return kb;
}

// Sanitizers keep freed memory, so bounds say nothing about them.
static inline bool is_sanitized(void) {
    const char *sanitize = getenv("SANITIZE");
    return sanitize != NULL && sanitize[0] != '\0';
}

// ---- Frames ----

enum frame_type {
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION
};

enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8 };

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Packed: GET, http, /, and an authority that enters no table.
static const char get_headers[] = "\x82\x86\x84\x01\x01h";

struct frame {
    int type, flags;
    uint32_t stream, size;
    uint8_t payload[16384 + 1];
};

// Bytes to send, gathered.
struct bytes {
    char *at;
    size_t size, room;
};

static inline void add(struct bytes *b, const void *bytes, size_t size) {
    if (b->size + size > b->room) {
        b->room = 2 * (b->size + size);
        b->at = realloc(b->at, b->room);
        ck_assert_ptr_nonnull(b->at);
    }
    if (size > 0) {
        memcpy(b->at + b->size, bytes, size);
    }
    b->size += size;
}

static inline void add_frame(struct bytes *b, int type, int flags,
                             uint32_t stream, const void *payload,
                             size_t size) {
    const uint8_t head[9] = {(uint8_t)(size >> 16),   (uint8_t)(size >> 8),
                             (uint8_t)size,           (uint8_t)type,
                             (uint8_t)flags,          (uint8_t)(stream >> 24),
                             (uint8_t)(stream >> 16), (uint8_t)(stream >> 8),
                             (uint8_t)stream};
    add(b, head, sizeof head);
    add(b, payload, size);
}

static inline void add_get(struct bytes *b, uint32_t stream) {
    add_frame(b, HEADERS, END_STREAM | END_HEADERS, stream, get_headers,
              sizeof get_headers - 1);
}

static inline void send_bytes(int fd, struct bytes *b) {
    client_send(fd, b->at, b->size);
    free(b->at);
    *b = (struct bytes){0};
}

static inline void send_frame(int fd, int type, int flags, uint32_t stream,
                              const void *payload, size_t size) {
    struct bytes b = {0};
    add_frame(&b, type, flags, stream, payload, size);
    send_bytes(fd, &b);
}

static inline void send_get(int fd, uint32_t stream) {
    struct bytes b = {0};
    add_get(&b, stream);
    send_bytes(fd, &b);
}

// RETURNS a connection that has introduced itself, with these settings.
static inline int http2_connect(const struct server *s, const void *settings,
                                size_t size) {
    int fd = client_connect(s);
    client_say(fd, preface);
    send_frame(fd, SETTINGS, 0, 0, settings, size);
    return fd;
}

static inline bool read_exactly(int fd, uint8_t *buffer, size_t size) {
    while (size > 0) {
        ssize_t n = recv(fd, buffer, size, 0);
        if (n == 0) {
            return false;
        }
        ck_assert_msg(n > 0, "no frame within five seconds, or a reset");
        buffer += n;
        size -= (size_t)n;
    }
    return true;
}

// False: the server has closed.
static inline bool read_frame(int fd, struct frame *f) {
    uint8_t head[9];
    if (!read_exactly(fd, head, sizeof head)) {
        return false;
    }
    f->size = (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
    f->type = head[3];
    f->flags = head[4];
    f->stream = (uint32_t)head[5] << 24 | (uint32_t)head[6] << 16 |
                (uint32_t)head[7] << 8 | head[8];
    ck_assert_uint_le(f->size, 16384);
    ck_assert(read_exactly(fd, f->payload, f->size));
    return true;
}

// Skips frames until one of this type comes.
static inline void expect_frame(int fd, struct frame *f, int type) {
    do {
        ck_assert_msg(read_frame(fd, f), "closed instead of frame %d", type);
        ck_assert_msg(f->type != GOAWAY || type == GOAWAY,
                      "GOAWAY instead of frame %d", type);
    } while (f->type != type);
}

static inline uint32_t number_at(const struct frame *f, size_t at) {
    return (uint32_t)f->payload[at] << 24 | (uint32_t)f->payload[at + 1] << 16 |
           (uint32_t)f->payload[at + 2] << 8 | f->payload[at + 3];
}

// The stream is answered with the greeting.
static inline void expect_greeting(int fd, uint32_t stream) {
    struct frame f;
    expect_frame(fd, &f, HEADERS);
    ck_assert_uint_eq(f.stream, stream);
    size_t at = f.payload[0] == 0x20;       // a table of size 0
    ck_assert_uint_eq(f.payload[at], 0x88); // :status 200
    expect_frame(fd, &f, DATA);
    ck_assert_uint_eq(f.stream, stream);
    ck_assert_uint_eq(f.size, 13);
    ck_assert_mem_eq(f.payload, "Hello, World!", 13);
    ck_assert_int_eq(f.flags & END_STREAM, END_STREAM);
}

// The server says goodbye with this error, and closes.
static inline void expect_goaway(int fd, uint32_t error) {
    struct frame f;
    expect_frame(fd, &f, GOAWAY);
    ck_assert_uint_eq(number_at(&f, 4), error);
    while (read_frame(fd, &f)) {
        ck_assert_int_ne(f.type, GOAWAY);
    }
}

#endif
