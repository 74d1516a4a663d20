// The alphabet of HTTP: which octet may stand in which part of a request,
// and how such parts are cut off a piece of text.
#ifndef OCTETS_H
#define OCTETS_H

#include "span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

// One bit for each set, so that one look into a table answers for all of them.
enum octet_set {
    // What methods and field names are made of (RFC 9110 section 5.6.2).
    OCTET_TOKEN = 1,
    // What a target is made of: every visible character but " # < and >, which
    // no browser sends without escaping them (RFC 3986 allows fewer, but then
    // some searches typed into a browser would be refused).
    OCTET_TARGET = 2,
    // What a host name is made of, brackets, colon and % apart (RFC 3986
    // section 3.2.2).
    OCTET_HOST = 4,
    // What a line is made of: no control character but the tab. So no CR, no LF
    // and no NUL (RFC 9110 section 5.5).
    OCTET_TEXT = 8,
    // Space and tab.
    OCTET_BLANK = 16,
    OCTET_DIGIT = 32,
};

extern const uint8_t octets[256];

static inline bool octet_is(char octet, enum octet_set set) {
    return (octets[(unsigned char)octet] & set) != 0;
}

// RETURNS 0 to 15, or -1 for an octet that is no hexadecimal digit.
int octet_hex(char octet);

// Cuts size octets off the front. RETURNS them.
static inline struct span span_cut(struct span *s, size_t size) {
    struct span front = {s->at, size};
    s->at += size;
    s->size -= size;
    return front;
}

// Cuts off the octets of a set that stand in front. RETURNS them.
static inline struct span span_cut_set(struct span *s, enum octet_set set) {
    size_t size = 0;
    while (size < s->size && octet_is(s->at[size], set)) {
        size++;
    }
    return span_cut(s, size);
}

// Cuts off one octet, if it is this one. RETURNS whether it was.
static inline bool span_cut_octet(struct span *s, char octet) {
    if (s->size == 0 || s->at[0] != octet) {
        return false;
    }
    span_cut(s, 1);
    return true;
}

// Cuts off the blanks on both sides.
struct span span_trim(struct span s);

// The next of a list of values, "a, b". Empty ones are skipped (RFC 9110 section
// 5.6.1.2). RETURNS false at the list's end.
bool span_next_member(struct span *list, struct span *member);

// How many octets of text stand in front.
size_t octets_of_text(const char *at, size_t size);

// These are here because the compiler then knows how long a literal is.
static inline bool span_begins(struct span s, const char *text) {
    return s.size >= strlen(text) && memcmp(s.at, text, strlen(text)) == 0;
}

static inline bool span_is(struct span s, const char *text) {
    return s.size == strlen(text) && memcmp(s.at, text, s.size) == 0;
}

// Methods are told apart by case (RFC 9110 section 9.1), most else is not.
static inline bool span_is_word(struct span s, const char *word) {
    return s.size == strlen(word) && strncasecmp(s.at, word, s.size) == 0;
}

#endif
