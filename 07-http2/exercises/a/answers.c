#define _POSIX_C_SOURCE 200809L
// Exercise 07a: nine bytes. A client of HTTP/2 begins with the preface, and then sends frames.
// Each begins with nine octets (RFC 9113, section 4.1). Of a number of several octets the
// most significant comes first, so 00 01 2c is 300:
//
//     length    3 octets, of the payload behind the nine
//     type      1 octet
//     flags     1 octet
//     stream    4 octets; the highest bit is reserved, and means nothing
//
// Say found for each frame when its last octet is here. Refuse whoever does not begin with
// the preface, with the first octet that is wrong, and a frame with a length of more than
// longest_payload, when its nine octets are here. Call nothing after that. See exercise.h.
//
//     make try-07a     builds it, runs it, and says what happened
//     make hint-07a    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-07a && ./my-07a
//
// exercise.h lies in exercises/a/; beside it are the answers, so look at nothing else.
#include "exercise.h"

#include <string.h>

// ---- your part ----

struct state {
    size_t of_preface, of_head; // octets that were seen
    uint8_t head[frame_head_size];
    uint32_t left; // octets of the payload, when the head is complete
};

static uint32_t number(const uint8_t *octets, size_t count) {
    uint32_t n = 0;
    for (size_t i = 0; i < count; i++) {
        n = n << 8 | octets[i];
    }
    return n;
}

static struct frame frame_of(const uint8_t head[frame_head_size]) {
    struct frame frame = {.type = head[3], .flags = head[4]};
#ifdef FOUR_BYTE_LENGTH
    frame.length = number(head, 4);
#else
    frame.length = number(head, 3);
#endif
#ifdef LOW_OCTET_FIRST
    frame.length = head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16;
#endif
#ifdef KEEPS_THE_RESERVED_BIT
    frame.stream = number(head + 5, 4);
#else
    frame.stream = number(head + 5, 4) & 0x7fffffff;
#endif
    return frame;
}

// RETURNS false: the client was refused.
static bool take(struct connection *c, struct state *s, uint8_t octet) {
    if (s->of_preface < preface_size) {
#ifdef TAKES_ANYONE
        s->of_preface++;
        return true;
#endif
        if (octet != (uint8_t)preface[s->of_preface++]) {
            refuse(c);
            return false;
        }
        return true;
    }
    if (s->of_head < frame_head_size) {
        s->head[s->of_head++] = octet;
        if (s->of_head < frame_head_size) {
            return true;
        }
        s->left = frame_of(s->head).length;
#ifndef TRUSTS_THE_LENGTH
        if (s->left > longest_payload) {
            refuse(c);
            return false;
        }
#endif
    } else {
        s->left--;
    }
    if (s->left == 0) {
        struct frame frame = frame_of(s->head);
        s->of_head = 0;
        found(c, &frame);
    }
    return true;
}

void on_bytes(struct connection *c, const uint8_t *bytes, size_t size) {
    struct state *s = state_of(c);
#ifdef ONE_READ_ONE_FRAME
    if (s->of_preface == 0 && size >= preface_size) {
        s->of_preface = preface_size;
        bytes += preface_size;
        size -= preface_size;
    }
    if (size >= frame_head_size) {
        struct frame frame = frame_of(bytes);
        found(c, &frame);
    }
    return;
#endif
    for (size_t i = 0; i < size; i++) {
        if (!take(c, s, bytes[i])) {
            return;
        }
    }
}

// ---- to here ----

const size_t state_size = sizeof(struct state);
