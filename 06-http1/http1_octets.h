// The alphabet of HTTP/1.1: which octet may stand in which part of a request.
// The parser walks over octets by these sets and by nothing else.
#ifndef HTTP1_OCTETS_H
#define HTTP1_OCTETS_H

#include <stdbool.h>
#include <stdint.h>

// One bit for each set, so that one look into a table answers for all of them.
enum http1_octet_set {
    // What methods and field names are made of (RFC 9110 section 5.6.2).
    OCTET_TOKEN = 1,
    // What a target is made of: every visible character but " # < and >, which
    // no browser sends without escaping them (RFC 3986 allows fewer, but then
    // some searches typed into a browser would be refused).
    OCTET_TARGET = 2,
    // What a host name is made of, brackets, colon and % apart (RFC 3986
    // section 3.2.2).
    OCTET_HOST = 4,
    // What a field's value is made of: no control character but the tab. So no
    // CR, no LF and no NUL (RFC 9110 section 5.5).
    OCTET_VALUE = 8,
    // Space and tab.
    OCTET_BLANK = 16,
    OCTET_DIGIT = 32,
};

extern const uint8_t http1_octets[256];

static inline bool octet_is(char octet, enum http1_octet_set set) {
    return (http1_octets[(unsigned char)octet] & set) != 0;
}

// RETURNS 0 to 15, or -1 for an octet that is no hexadecimal digit.
int octet_hex(char octet);

#endif
