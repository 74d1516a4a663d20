// RFC 3986 section 3.2: a host, and perhaps its port.
#include "http_host.h"

static bool is_hex(char octet) {
    return octet_hex(octet) >= 0;
}

// A name or an IPv4 address, perhaps with escaped octets, perhaps nothing.
static bool cut_name(struct span *s) {
    for (;;) {
        span_cut_set(s, OCTET_HOST);
        if (s->size == 0 || s->at[0] != '%') {
            return true;
        }
        if (s->size < 3 || !is_hex(s->at[1]) || !is_hex(s->at[2])) {
            return false;
        }
        span_cut(s, 3);
    }
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
