// A chunk's size says how many octets of data follow, and a size of zero ends
// the body. So a sender can begin before it knows how much there will be.
#include "http1_chunked.h"

#include "http1_limits.h"
#include "http1_strict.h"

enum http1_event http1_count_extra(struct http1_parser *p, size_t size,
                                   enum http1_state next) {
    if (p->extra + size > http1_max_extra) {
        return http1_refuse_long_line(p, (struct span){0});
    }
    p->extra = (uint16_t)(p->extra + size);
    p->state = next;
    return HTTP1_CARRY_ON;
}

enum http1_event http1_on_chunk_size(struct http1_parser *p, struct span line) {
    size_t digits = 0;
    p->left = 0;
    for (; digits < line.size && octet_hex(line.at[digits]) >= 0; digits++) {
        p->left = p->left * 16 + (uint64_t)octet_hex(line.at[digits]);
        if (p->body_size + p->left > http1_max_body) {
            return http1_refuse(p, 413, "a body that is too long");
        }
    }
    if (digits == 0 || digits > 16) { // 16 are 64 bits; more can only be zeros
        return http1_refuse(p, 400, "a bad chunk size");
    }
    p->body_size += p->left;
    span_cut(&line, digits);
    return http1_check_extensions(p, line) == HTTP1_REFUSED
               ? HTTP1_REFUSED
               : http1_count_extra(p, line.size,
                                   p->left > 0 ? HTTP1_IN_CHUNK
                                               : HTTP1_AT_TRAILER);
}
