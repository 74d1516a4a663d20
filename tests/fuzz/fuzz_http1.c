// Fuzzer for chapter 06's parser: whatever the octets are, and in whatever
// pieces they come, its events are the same, it holds on to no more than a head,
// and it looks at nothing that is not there.
// modules: 06-http1 http1_parser http1_chunked http1_strict octets http_host
#include "http1_limits.h"
#include "http1_parser.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// What was said, as a number: equal numbers, equal words.
struct words {
    uint64_t hash;
    uint64_t body_size;
};

static void check(bool good) {
    if (!good) {
        abort();
    }
}

static void add(struct words *w, const void *bytes, size_t size) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++) {
        w->hash = (w->hash ^ at[i]) * 0x100000001b3;
    }
}

static void add_number(struct words *w, uint64_t number) {
    add(w, &number, sizeof number);
}

static void add_span(struct words *w, struct span s) {
    add_number(w, s.size);
    add(w, s.at, s.size);
}

static void add_head(struct words *w, const struct http1_parser *p,
                     const struct http1_head *head) {
    struct span fields = head->fields, name, value;
    add_span(w, head->method);
    add_span(w, head->target);
    add_number(w, p->keep_alive + 2u * p->expects_continue + 4u * p->has_body +
                      8u * p->is_head + 16u * p->minor);
    while (http1_next_field(&fields, &name, &value)) {
        check(name.size > 0);
        check(memchr(value.at, '\r', value.size) == NULL);
        check(memchr(value.at, '\n', value.size) == NULL);
        check(memchr(value.at, '\0', value.size) == NULL);
        add_span(w, name);
        add_span(w, value);
    }
    w->body_size = 0;
}

static void add_event(struct words *w, const struct http1_parser *p,
                      enum http1_event event, const struct http1_part *part) {
    switch (event) {
    case HTTP1_MORE:
        break;
    case HTTP1_CARRY_ON: // for the parser alone
        check(false);
        break;
    case HTTP1_HEAD:
        add_head(w, p, &part->head);
        break;
    case HTTP1_BODY: // its pieces may differ
        check(part->body.size > 0);
        add(w, part->body.at, part->body.size);
        w->body_size += part->body.size;
        check(w->body_size <= http1_max_body);
        break;
    case HTTP1_COMPLETE:
        add_number(w, w->body_size);
        break;
    case HTTP1_REFUSED:
        check(p->status >= 400 && p->status < 600);
        add_number(w, (uint64_t)p->status);
        add(w, p->why, strlen(p->why));
        break;
    }
}

// A piece of memory just as large as what is in it, so that AddressSanitizer
// sees each look behind its end. The parser's rest comes first.
static struct span join(struct span rest, const uint8_t *bytes, size_t size) {
    char *block = malloc(rest.size + size + 1);
    check(block != NULL);
    if (rest.size > 0) {
        memcpy(block + 1, rest.at, rest.size);
    }
    memcpy(block + 1 + rest.size, bytes, size);
    return (struct span){block + 1, rest.size + size};
}

// cuts: sizes of the pieces, used in a circle; none: one piece.
static uint64_t say(const uint8_t *bytes, size_t size, const uint8_t *cuts,
                    size_t cut_count) {
    struct http1_parser parser = {0};
    struct words w = {0xcbf29ce484222325, 0};
    struct span rest = {NULL, 0};
    enum http1_event event = HTTP1_MORE;
    size_t at = 0;
    char *old = NULL;
    for (size_t i = 0; at < size && event == HTTP1_MORE; i++) {
        size_t n = cut_count > 0 ? cuts[i % cut_count] + 1u : size;
        n = n < size - at ? n : size - at;
        struct span input = join(rest, bytes + at, n);
        char *block = (char *)input.at - 1;
        free(old);
        old = block;
        struct http1_part part;
        do {
            event = http1_next(&parser, &input, &part);
            add_event(&w, &parser, event, &part);
        } while (event != HTTP1_MORE && event != HTTP1_REFUSED);
        check(event == HTTP1_REFUSED || input.size < http1_max_head);
        rest = input;
        at += n;
    }
    free(old);
    add_number(&w, http1_is_busy(&parser));
    return w.hash;
}

// The first octet tells how many of those behind it are sizes of pieces.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const uint8_t one_by_one[] = {0};
    if (size == 0 || size <= 1u + bytes[0] % 8u) {
        return 0;
    }
    const uint8_t *cuts = bytes + 1;
    size_t cut_count = bytes[0] % 8u;
    bytes = cuts + cut_count;
    size -= 1 + cut_count;
    uint64_t whole = say(bytes, size, NULL, 0);
    check(say(bytes, size, cuts, cut_count) == whole);
    check(say(bytes, size, one_by_one, 1) == whole);
    return 0;
}
