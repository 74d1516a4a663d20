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

// What must be kept from one read to the next.
struct state {
    size_t of_preface; // octets of it that were seen
};

void on_bytes(struct connection *c, const uint8_t *bytes, size_t size) {
    struct state *s = state_of(c);
    if (s->of_preface == 0) {
        s->of_preface = preface_size;
        bytes += preface_size;
        size -= preface_size;
    }
    if (size >= frame_head_size) {
        struct frame frame = {.type = bytes[3], .flags = bytes[4]};
        memcpy(&frame.length, bytes, 3);
        memcpy(&frame.stream, bytes + 5, 4);
        found(c, &frame);
    }
}

// ---- to here ----

const size_t state_size = sizeof(struct state);
