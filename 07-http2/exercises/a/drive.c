#define _POSIX_C_SOURCE 200809L
// The scenes of 07a: the network is here, so the pieces are exactly those that we want.
#include "exercise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { most_frames = 12, room = 60000 };

struct connection {
    struct state *state;
    const uint8_t *bytes; // all that it will say
    size_t size, said;
    struct frame frames[most_frames];
    size_t ends[most_frames]; // after how many bytes each was found
    int count, refusals, after;
    size_t refused_at;
};

struct state *state_of(struct connection *c) {
    return c->state;
}

void found(struct connection *c, const struct frame *frame) {
    c->after += c->refusals > 0;
    if (c->count < most_frames) {
        c->frames[c->count] = *frame;
        c->ends[c->count] = c->said;
    }
    c->count++;
}

void refuse(struct connection *c) {
    c->after += c->refusals > 0;
    c->refusals++;
    c->refused_at = c->said;
}

// ---- What a client says ----

static uint8_t text[room];
static size_t text_size;
static struct frame wanted[most_frames];
static size_t wanted_ends[most_frames];
static int wanted_count;

static void begin_text(void) {
    memcpy(text, preface, preface_size);
    text_size = preface_size;
    wanted_count = 0;
}

static void add_octets(uint32_t n, int count) {
    while (count-- > 0) {
        text[text_size++] = (uint8_t)(n >> 8 * count);
    }
}

static void add_frame(struct frame f, bool reserved) {
    add_octets(f.length, 3);
    add_octets(f.type, 1);
    add_octets(f.flags, 1);
    add_octets(f.stream | (reserved ? 0x80000000U : 0), 4);
    memset(text + text_size, f.type,
           f.length <= longest_payload ? f.length : 1);
    text_size += f.length <= longest_payload ? f.length : 1;
    wanted[wanted_count] = f;
    wanted_ends[wanted_count++] = text_size;
}

// A payload that looks like frames, none at all, and numbers that fill their octets.
static void add_frames(void) {
    add_frame((struct frame){0, 4, 0, 0}, false);
    add_frame((struct frame){300, 1, 5, 0x123}, false);
    add_frame((struct frame){4, 8, 0, 0x7fffffff}, false);
    add_frame((struct frame){8, 6, 0xff, 0}, false);
}

// ---- Clients ----

static struct connection begin(void) {
    struct connection c = {
        .bytes = text, .size = text_size, .state = calloc(1, state_size)};
    if (c.state == NULL) {
        abort();
    }
    return c;
}

// A piece has memory of its own, so that a step too far is noticed.
static void say(struct connection *c, size_t n) {
    n = n < c->size - c->said ? n : c->size - c->said;
    uint8_t *piece = malloc(n + (n == 0));
    if (piece == NULL) {
        abort();
    }
    memcpy(piece, c->bytes + c->said, n);
    c->said += n;
    if (n > 0 && c->refusals == 0) {
        on_bytes(c, piece, n);
    }
    free(piece);
}

static bool is_same(const struct frame *a, const struct frame *b) {
    return a->length == b->length && a->type == b->type &&
           a->flags == b->flags && a->stream == b->stream;
}

// RETURNS how many frames are as they were sent.
static int right_of(const struct connection *c) {
    int right = 0;
    for (int i = 0; i < c->count && i < wanted_count; i++) {
        right += is_same(&c->frames[i], &wanted[i]);
    }
    return c->count == wanted_count ? right : -1;
}

static struct connection play(size_t piece) {
    struct connection c = begin();
    while (c.said < c.size) {
        say(&c, piece);
    }
    free(c.state);
    return c;
}

static void in_pieces(const char *what, size_t piece) {
    struct connection c = play(piece);
    printf("%s in pieces of %zu: found %d of %d%s\n", what, piece, c.count,
           wanted_count, right_of(&c) == wanted_count ? "" : ", not as sent");
}

static void print_frame(const char *what, const struct connection *c, int i) {
    const struct frame *f = &c->frames[i];
    printf("%s: length %u, type %u, flags %u, stream %u\n", what,
           (unsigned)f->length, (unsigned)f->type, (unsigned)f->flags,
           (unsigned)f->stream);
}

static void each_split(void) {
    int right = 0;
    for (size_t at = 1; at < text_size; at++) {
        struct connection c = begin();
        say(&c, at);
        int before = 0;
        while (before < wanted_count && wanted_ends[before] <= at) {
            before++;
        }
        bool good = c.count == before;
        say(&c, c.size);
        right += good && right_of(&c) == wanted_count;
        free(c.state);
    }
    printf("cut at each byte: right %d of %zu\n", right, text_size - 1);
}

static void any_frames(void) {
    int right = 0;
    srand((unsigned)time(NULL) ^ (unsigned)clock());
    for (int round = 0; round < 30; round++) {
        begin_text();
        for (int i = 0; i < 8; i++) {
            add_frame((struct frame){(uint32_t)rand() % 900, (uint8_t)rand(),
                                     (uint8_t)rand(),
                                     (uint32_t)rand() & 0x7fffffff},
                      rand() % 2);
        }
        struct connection c = play(1 + (size_t)rand() % 400);
        right += right_of(&c) == wanted_count;
    }
    printf("any frames in any pieces: right %d of 30\n", right);
}

static void two_connections(void) {
    struct connection a = begin(), b = begin();
    while (a.said < a.size || b.said < b.size) {
        say(&a, 5);
        say(&b, 11);
    }
    printf("two connections in turn: found %d and %d\n", a.count, b.count);
    free(a.state);
    free(b.state);
}

// ---- Who is refused ----

// With all of its payload, and a good frame behind it. RETURNS what was called after the
// refusal.
static int too_long(uint32_t length) {
    begin_text();
    add_frame((struct frame){length, 0, 0, 1}, false);
    text_size += longest_payload; // of zeros, which are frames if one likes
    add_frame((struct frame){5, 3, 2, 7}, false);
    struct connection d = play(1), e = play(room);
    printf("a payload of %u: %s\n", (unsigned)length,
           d.refused_at == preface_size + 9 && e.refusals == 1
               ? "refused at its ninth octet"
           : d.refusals > 0 ? "refused at another"
                            : "taken");
    return d.after + e.after;
}

static void strangers(void) {
    int right = 0, after = 0;
    for (size_t at = 0; at < preface_size; at++) {
        begin_text();
        add_frames();
        text[at] ^= 1;
        struct connection c = play(1), d = play(room);
        right += c.refusals == 1 && c.refused_at == at + 1 && d.refusals == 1 &&
                 c.count + d.count == 0;
        after += c.after + d.after;
    }
    printf("another beginning: refused at its first wrong octet %d of 24\n",
           right);
    begin_text();
    memcpy(text, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
    struct connection c = play(room);
    printf("HTTP/1.1: %s\n", c.refusals > 0 ? "refused" : "taken");
    begin_text();
    add_frame((struct frame){longest_payload, 0, 0, 1}, false);
    c = play(1000);
    printf("a payload of 16384: %s\n", c.refusals > 0      ? "refused"
                                       : right_of(&c) == 1 ? "found"
                                                           : "neither");
    begin_text();
    after += too_long(longest_payload + 1);
    after += too_long(0x10005);
    printf("called after a refusal: %d\n", after);
}

int main(void) {
    begin_text();
    add_frames();
    in_pieces("four frames", room);
    in_pieces("from another client,", room);
    in_pieces("four frames", 1);
    struct connection c = play(room);
    print_frame("the first", &c, 0);
    print_frame("the second", &c, 1);
    begin_text();
    add_frame((struct frame){5, 3, 2, 7}, true);
    c = play(room);
    print_frame("with the reserved bit", &c, 0);
    begin_text();
    add_frames();
    each_split();
    two_connections();
    any_frames();
    strangers();
    return 0;
}
