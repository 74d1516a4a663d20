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

#ifdef WRONG_SHARES_ITS_STATE
static struct state *shared_state(struct connection *c);
#define STATE(c) shared_state(c)
#else
#define STATE(c) state_of(c)
#endif

struct state {
    uint8_t kept[preface_size]; // of the preface or of a head, not whole yet
    size_t size;
    bool has_begun, in_payload;
    struct frame frame;
    size_t left;
};

#ifdef WRONG_SHARES_ITS_STATE
static struct state *shared_state(struct connection *c) {
    static struct state shared;
    (void)c;
    return &shared;
}
#endif

// Takes what is wanted of the bytes. RETURNS whether it is whole now.
static bool collect(struct state *s, size_t wanted, const uint8_t **bytes,
                    size_t *size) {
    size_t n = wanted - s->size < *size ? wanted - s->size : *size;
    memcpy(s->kept + s->size, *bytes, n);
    s->size += n;
    *bytes += n;
    *size -= n;
    return s->size == wanted;
}

static struct frame read_head(const uint8_t *h) {
    struct frame f;
#ifdef WRONG_LENGTH_OF_TWO_OCTETS
    f.length = (uint32_t)h[1] << 8 | h[2];
#else
    f.length = (uint32_t)h[0] << 16 | (uint32_t)h[1] << 8 | h[2];
#endif
    f.type = h[3];
    f.flags = h[4];
#ifdef WRONG_STREAM_OF_ONE_OCTET
    f.stream = h[8];
#else
    f.stream = ((uint32_t)h[5] << 24 | (uint32_t)h[6] << 16 |
                (uint32_t)h[7] << 8 | h[8]) &
               0x7fffffff;
#endif
#ifdef WRONG_SWAPS_TYPE_AND_FLAGS
    f.type = h[4];
    f.flags = h[3];
#endif
    return f;
}

#ifdef WRONG_LIMIT_IS_ONE_LESS
enum { limit = longest_payload - 1 };
#else
enum { limit = longest_payload };
#endif

// RETURNS whether there is more to do with what is left.
static bool step(struct connection *c, struct state *s, const uint8_t **bytes,
                 size_t *size) {
    if (!s->has_begun) {
        bool whole = collect(s, preface_size, bytes, size);
#ifdef WRONG_COMPARES_WHEN_IT_IS_WHOLE
        if (whole && memcmp(s->kept, preface, preface_size) != 0) {
#else
        if (memcmp(s->kept, preface, s->size) != 0) {
#endif
            refuse(c);
            return false;
        }
        s->has_begun = whole;
        s->size = whole ? 0 : s->size;
        return whole;
    }
    if (!s->in_payload) {
        if (!collect(s, frame_head_size, bytes, size)) {
            return false;
        }
        s->frame = read_head(s->kept);
        s->left = s->frame.length;
        s->in_payload = true;
        s->size = 0;
        if (s->left > limit) {
            refuse(c);
#ifdef WRONG_TAKES_THE_PAYLOAD_AFTER_THE_REFUSAL
            s->in_payload = true;
            return *size > 0;
#endif
#ifdef WRONG_GOES_ON_AFTER_THE_REFUSAL
            s->in_payload = false;
            return *size > 0;
#endif
            return false;
        }
#ifdef WRONG_FOUND_TOO_EARLY
        found(c, &s->frame);
#endif
    }
    size_t n = s->left < *size ? s->left : *size;
    *bytes += n;
    *size -= n;
    s->left -= n;
    if (s->left > 0) {
        return false;
    }
#ifdef WRONG_LOSES_AN_EMPTY_FRAME
    if (s->frame.length == 0) {
        s->in_payload = false;
        return *size > 0;
    }
#elif defined WRONG_WAITS_FOR_THE_NEXT
    if (*size == 0) {
        return false;
    }
#endif
    s->in_payload = false;
#ifdef RIGHT_COPIES_THE_FRAME
    struct frame copy = s->frame;
    found(c, &copy);
#elif !defined WRONG_FOUND_TOO_EARLY
    found(c, &s->frame);
#endif
    return *size > 0;
}

void on_bytes(struct connection *c, const uint8_t *bytes, size_t size) {
    struct state *s = STATE(c);
#ifdef RIGHT_ONE_OCTET_AT_A_TIME
    for (size_t i = 0; i < size; i++) {
        const uint8_t *one = bytes + i;
        size_t left = 1;
        bool was_refused = false;
        (void)step(c, s, &one, &left);
        was_refused = s->in_payload && s->frame.length > limit;
        was_refused |= !s->has_begun && memcmp(s->kept, preface, s->size) != 0;
        if (was_refused) {
            return;
        }
    }
#else
    while (step(c, s, &bytes, &size)) {
    }
#endif
}

// ---- to here ----

const size_t state_size = sizeof(struct state);
