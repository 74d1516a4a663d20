// RFC 3986 section 3.2: a host, and perhaps its port.
#include "http_host.h"

// A name or an IPv4 address, perhaps with escaped octets, perhaps nothing.
static bool cut_name(struct span *s) {
    span_cut_set(s, OCTET_HOST);
    while (s->size >= 3 && s->at[0] == '%' && octet_hex(s->at[1]) >= 0 &&
           octet_hex(s->at[2]) >= 0) {
        span_cut(s, 3);
        span_cut_set(s, OCTET_HOST);
    }
    return s->size == 0 || s->at[0] != '%';
}

// An IPv6 address, whose digits nobody needs here.
static bool cut_brackets(struct span *s) {
    size_t before = s->size;
    do {
        span_cut_set(s, OCTET_HOST);
    } while (span_cut_octet(s, ':'));
    return s->size < before && span_cut_octet(s, ']');
}

bool http_is_host(struct span s) {
    if (s.size == 0) {
        return true; // none at all: there may be no octet to look at
    }
    bool good = span_cut_octet(&s, '[') ? cut_brackets(&s) : cut_name(&s);
    if (good && span_cut_octet(&s, ':')) {
        span_cut_set(&s, OCTET_DIGIT);
    }
    return good && s.size == 0;
}
