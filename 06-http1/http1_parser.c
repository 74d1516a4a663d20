// The grammar of RFC 9112 as a state machine: one function for each state, in
// the order of the octets of a request. Each runs over as many octets as belong
// to its part, looks at the one that ends it, and names the next state.
#include "http1_parser.h"

#include "http1_octets.h"
#include "http1_rules.h"

#include <string.h>

// ---- Steps that all states are made of ----

static enum http1_event go(struct http1_parser *p, enum http1_state next) {
    p->state = next;
    return HTTP1_MORE;
}

// Skips octets of a set. RETURNS whether there is one after them to look at.
static bool skip(struct http1_parser *p, struct http1_span in,
                 enum http1_octet_set set) {
    uint32_t i = p->scanned;
    while (i < in.size && octet_is(in.at[i], set)) {
        i++;
    }
    p->scanned = i;
    return i < in.size;
}

static char look(const struct http1_parser *p, struct http1_span in) {
    return in.at[p->scanned];
}

// One octet that must be this one.
static enum http1_event take(struct http1_parser *p, struct http1_span in,
                             char wanted, enum http1_state next) {
    if (look(p, in) != wanted) {
        return http1_refuse(p, 400,
                            wanted == '\n' ? "a CR without its LF"
                                           : "a line without its CR");
    }
    p->scanned++;
    return go(p, next);
}

// ---- The request line, section 3 ----

// Section 2.2: one empty line before a request is skipped, since old clients
// send one after a body.
static enum http1_event at_start(struct http1_parser *p, struct http1_span in) {
    return look(p, in) == '\r' ? take(p, in, '\r', HTTP1_AT_EMPTY_LINE_LF)
                               : go(p, HTTP1_AT_METHOD);
}

// Nothing of the request before may colour this one.
static enum http1_event at_method(struct http1_parser *p) {
    memset(p, 0, sizeof *p);
    return go(p, HTTP1_IN_METHOD);
}

static enum http1_event in_method(struct http1_parser *p,
                                  struct http1_span in) {
    if (!skip(p, in, OCTET_TOKEN)) {
        return HTTP1_MORE;
    }
    if (look(p, in) != ' ' || p->scanned == 0) {
        return http1_refuse(p, 400, "a bad method");
    }
    p->method_end = (uint16_t)p->scanned++;
    return go(p, HTTP1_IN_TARGET);
}

static enum http1_event in_target(struct http1_parser *p,
                                  struct http1_span in) {
    if (!skip(p, in, OCTET_TARGET)) {
        return HTTP1_MORE;
    }
    if (look(p, in) != ' ' || p->scanned == p->method_end + 1u) {
        return http1_refuse(p, 400, "a bad target");
    }
    p->target_end = (uint16_t)p->scanned++;
    return go(p, HTTP1_IN_VERSION);
}

// HTTP/1.1, octet by octet: a digit where the pattern has one.
static enum http1_event in_version(struct http1_parser *p,
                                   struct http1_span in) {
    static const char pattern[] = "HTTP/0.0\r";
    size_t at = p->scanned - p->target_end - 1u;
    char octet = look(p, in);
    if (pattern[at] == '0' ? !octet_is(octet, OCTET_DIGIT)
                           : octet != pattern[at]) {
        return http1_refuse(p, 400, "a bad version");
    }
    if (at == 5) {
        p->major = (uint8_t)(octet - '0');
    } else if (at == 7) {
        p->minor = octet != '0'; // 1.2 would be read as 1.1
    }
    p->scanned++;
    return go(p, octet == '\r' ? HTTP1_AT_LINE_LF : HTTP1_IN_VERSION);
}

static struct http1_span part_of(struct http1_span in, size_t from, size_t to) {
    return (struct http1_span){in.at + from, to - from};
}

static enum http1_event at_line_lf(struct http1_parser *p,
                                   struct http1_span in) {
    if (take(p, in, '\n', HTTP1_AT_FIELD) == HTTP1_REFUSED) {
        return HTTP1_REFUSED;
    }
    p->line_end = (uint16_t)p->scanned;
    return http1_check_line(p, part_of(in, 0, p->method_end),
                            part_of(in, p->method_end + 1u, p->target_end));
}

// ---- Fields, section 5, and trailers, section 7.1.2 ----

static enum http1_event at_field(struct http1_parser *p, struct http1_span in) {
    char octet = look(p, in);
    if (octet == '\r') {
        return take(p, in, '\r', HTTP1_AT_FIELDS_LF);
    }
    if (octet_is(octet, OCTET_BLANK)) {
        return http1_refuse(p, 400, "a folded line");
    }
    if (!octet_is(octet, OCTET_TOKEN)) {
        return http1_refuse(p, 400, "a bad field name");
    }
    if (p->field_count++ == http1_max_fields) {
        return http1_refuse(p, 431, "too many fields");
    }
    p->name_at = (uint16_t)p->scanned;
    return go(p, HTTP1_IN_NAME);
}

// No blank before the colon: some would take it for a part of the name.
static enum http1_event in_name(struct http1_parser *p, struct http1_span in) {
    if (!skip(p, in, OCTET_TOKEN)) {
        return HTTP1_MORE;
    }
    if (look(p, in) != ':') {
        return http1_refuse(p, 400, "a bad field name");
    }
    p->name_end = (uint16_t)p->scanned++;
    return go(p, HTTP1_BEFORE_VALUE);
}

static enum http1_event before_value(struct http1_parser *p,
                                     struct http1_span in) {
    if (!skip(p, in, OCTET_BLANK)) {
        return HTTP1_MORE;
    }
    p->value_at = (uint16_t)p->scanned;
    return go(p, HTTP1_IN_VALUE);
}

static enum http1_event in_value(struct http1_parser *p, struct http1_span in) {
    if (!skip(p, in, OCTET_VALUE)) {
        return HTTP1_MORE;
    }
    if (look(p, in) != '\r') {
        return http1_refuse(p, 400, "a control character in a field");
    }
    p->value_end = (uint16_t)p->scanned++;
    return go(p, HTTP1_AT_FIELD_LF);
}

// Trailers are read and forgotten: too late to change how we read.
static enum http1_event at_field_lf(struct http1_parser *p,
                                    struct http1_span in) {
    enum http1_event event = take(p, in, '\n', HTTP1_AT_FIELD);
    if (event == HTTP1_REFUSED || p->in_body) {
        return event;
    }
    size_t end = p->value_end;
    while (end > p->value_at && octet_is(in.at[end - 1], OCTET_BLANK)) {
        end--;
    }
    return http1_check_field(p, part_of(in, p->name_at, p->name_end),
                             part_of(in, p->value_at, end));
}

static enum http1_event end_head(struct http1_parser *p, struct http1_span in,
                                 struct http1_part *part) {
    if (http1_check_head(p) == HTTP1_REFUSED) {
        return HTTP1_REFUSED;
    }
    part->method = part_of(in, 0, p->method_end);
    part->target = part_of(in, p->method_end + 1u, p->target_end);
    part->fields = part_of(in, p->line_end, p->scanned - 2);
    p->in_body = true;
    p->state = p->chunked    ? HTTP1_AT_CHUNK_SIZE
               : p->has_body ? HTTP1_IN_BODY
                             : HTTP1_AT_END;
    return HTTP1_HEAD;
}

static enum http1_event at_fields_lf(struct http1_parser *p,
                                     struct http1_span in,
                                     struct http1_part *part) {
    if (take(p, in, '\n', HTTP1_AT_END) == HTTP1_REFUSED) {
        return HTTP1_REFUSED;
    }
    return p->in_body ? HTTP1_MORE : end_head(p, in, part);
}

// ---- The body, sections 6 and 7.1 ----

static enum http1_event in_data(struct http1_parser *p, struct http1_span in,
                                struct http1_part *part,
                                enum http1_state next) {
    size_t size = p->left < in.size ? (size_t)p->left : in.size;
    part->body = part_of(in, 0, size);
    p->scanned = (uint32_t)size;
    p->left -= size;
    if (p->left == 0) {
        p->state = next;
    }
    return HTTP1_BODY;
}

static enum http1_event at_chunk_size(struct http1_parser *p,
                                      struct http1_span in) {
    if (octet_hex(look(p, in)) < 0) {
        return http1_refuse(p, 400, "a bad chunk size");
    }
    p->left = 0;
    p->size_digits = 0;
    return go(p, HTTP1_IN_CHUNK_SIZE);
}

static enum http1_event add_digit(struct http1_parser *p, int digit) {
    p->left = p->left * 16 + (uint64_t)digit;
    p->scanned++;
    if (p->body_size + p->left > http1_max_body) {
        return http1_refuse(p, 413, "a body that is too long");
    }
    if (++p->size_digits > 16) { // zeros without end
        return http1_refuse(p, 400, "a bad chunk size");
    }
    return HTTP1_MORE;
}

static enum http1_event in_chunk_size(struct http1_parser *p,
                                      struct http1_span in) {
    char octet = look(p, in);
    if (octet_hex(octet) >= 0) {
        return add_digit(p, octet_hex(octet));
    }
    p->body_size += p->left;
    if (octet_is(octet, OCTET_BLANK) || octet == ';') {
        return go(p, HTTP1_BEFORE_EXTENSION);
    }
    return octet == '\r' ? take(p, in, '\r', HTTP1_AT_CHUNK_SIZE_LF)
                         : http1_refuse(p, 400, "a bad chunk size");
}

static enum http1_event before_extension(struct http1_parser *p,
                                         struct http1_span in) {
    if (!skip(p, in, OCTET_BLANK)) {
        return HTTP1_MORE;
    }
    return look(p, in) == ';' ? go(p, HTTP1_IN_EXTENSION)
                              : http1_refuse(p, 400, "a bad chunk size");
}

// We know no extension, so they are only checked for what may not be there.
static enum http1_event in_extension(struct http1_parser *p,
                                     struct http1_span in) {
    if (!skip(p, in, OCTET_VALUE)) {
        return HTTP1_MORE;
    }
    return take(p, in, '\r', HTTP1_AT_CHUNK_SIZE_LF);
}

static enum http1_event at_end(struct http1_parser *p) {
    p->state = HTTP1_AT_START;
    return HTTP1_END;
}

// ---- The machine ----

// One step of the machine: the state says whose turn it is. There is at least
// one octet to look at.
static enum http1_event step(struct http1_parser *p, struct http1_span in,
                             struct http1_part *part) {
    switch (p->state) {
    case HTTP1_AT_START:
        return at_start(p, in);
    case HTTP1_AT_EMPTY_LINE_LF:
        return take(p, in, '\n', HTTP1_AT_METHOD);
    case HTTP1_AT_METHOD:
        return at_method(p);
    case HTTP1_IN_METHOD:
        return in_method(p, in);
    case HTTP1_IN_TARGET:
        return in_target(p, in);
    case HTTP1_IN_VERSION:
        return in_version(p, in);
    case HTTP1_AT_LINE_LF:
        return at_line_lf(p, in);
    case HTTP1_AT_FIELD:
        return at_field(p, in);
    case HTTP1_IN_NAME:
        return in_name(p, in);
    case HTTP1_BEFORE_VALUE:
        return before_value(p, in);
    case HTTP1_IN_VALUE:
        return in_value(p, in);
    case HTTP1_AT_FIELD_LF:
        return at_field_lf(p, in);
    case HTTP1_AT_FIELDS_LF:
        return at_fields_lf(p, in, part);
    case HTTP1_BEFORE_EXTENSION:
        return before_extension(p, in);
    case HTTP1_IN_EXTENSION:
        return in_extension(p, in);
    case HTTP1_AT_CHUNK_SIZE:
        return at_chunk_size(p, in);
    case HTTP1_IN_CHUNK_SIZE:
        return in_chunk_size(p, in);
    case HTTP1_AT_CHUNK_SIZE_LF:
        // The last chunk is the empty one; trailers look like fields.
        return take(p, in, '\n', p->left > 0 ? HTTP1_IN_CHUNK : HTTP1_AT_FIELD);
    case HTTP1_IN_CHUNK:
        return in_data(p, in, part, HTTP1_AT_CHUNK_CR);
    case HTTP1_AT_CHUNK_CR:
        return take(p, in, '\r', HTTP1_AT_CHUNK_LF);
    case HTTP1_AT_CHUNK_LF:
        return take(p, in, '\n', HTTP1_AT_CHUNK_SIZE);
    case HTTP1_IN_BODY:
        return in_data(p, in, part, HTTP1_AT_END);
    case HTTP1_AT_END:
        return at_end(p);
    case HTTP1_IS_REFUSED:
        return HTTP1_REFUSED;
    }
    return HTTP1_REFUSED; // not reached
}

// The states from the method to the extensions are those whose length the
// client chooses, so these have limits.
static bool is_limited(const struct http1_parser *p) {
    return p->state >= HTTP1_IN_METHOD && p->state <= HTTP1_IN_EXTENSION;
}

// RETURNS how far into the input this part may reach.
static size_t limit_of(const struct http1_parser *p) {
    if (!is_limited(p)) {
        return SIZE_MAX;
    }
    if (p->in_body) {
        return (size_t)(http1_max_extra - p->extra);
    }
    return p->state <= HTTP1_AT_LINE_LF ? http1_max_line : http1_max_head;
}

static enum http1_event refuse_too_long(struct http1_parser *p) {
    if (p->state == HTTP1_IN_METHOD) { // section 3 asks for this status
        return http1_refuse(p, 501, "a method that is too long");
    }
    if (p->state <= HTTP1_AT_LINE_LF) {
        return http1_refuse(p, 414, "a target that is too long");
    }
    return p->state <= HTTP1_AT_FIELDS_LF
               ? http1_refuse(p, 431, "fields that are too long")
               : http1_refuse(p, 400, "a chunk extension that is too long");
}

// One step, in view of the limits, and what it is done with leaves the input.
// The head stays until it is complete: its parts are found by their offsets.
static enum http1_event advance(struct http1_parser *p,
                                struct http1_span *input,
                                struct http1_part *part) {
    struct http1_span in = *input;
    size_t limit = limit_of(p);
    if (limit < in.size) {
        in.size = limit;
    }
    if (p->scanned == in.size) {
        return refuse_too_long(p);
    }
    bool limited = is_limited(p), in_body = p->in_body;
    enum http1_event event = step(p, in, part);
    if (limited && in_body) {
        p->extra = (uint16_t)(p->extra + p->scanned);
    }
    if (!limited || in_body || event == HTTP1_HEAD) {
        *input = part_of(*input, p->scanned, input->size);
        p->scanned = 0;
    }
    return event;
}

enum http1_event http1_next(struct http1_parser *p, struct http1_span *input,
                            struct http1_part *part) {
    for (;;) {
        if (p->state == HTTP1_AT_END) { // needs no octet to be one
            return at_end(p);
        }
        if (p->scanned == input->size) {
            return HTTP1_MORE;
        }
        enum http1_event event = advance(p, input, part);
        if (event != HTTP1_MORE) {
            return event;
        }
    }
}

bool http1_is_busy(const struct http1_parser *p) {
    return p->state != HTTP1_AT_START && p->state != HTTP1_IS_REFUSED;
}

// ---- The fields of a complete head ----

// The grammar is checked: there is a colon in each line, and no CR but the one
// at its end.
bool http1_next_field(struct http1_span *fields, struct http1_span *name,
                      struct http1_span *value) {
    if (fields->size == 0) {
        return false;
    }
    const char *colon = memchr(fields->at, ':', fields->size);
    const char *end = memchr(fields->at, '\r', fields->size);
    const char *from = colon + 1, *to = end;
    while (from < to && octet_is(*from, OCTET_BLANK)) {
        from++;
    }
    while (to > from && octet_is(to[-1], OCTET_BLANK)) {
        to--;
    }
    *name = (struct http1_span){fields->at, (size_t)(colon - fields->at)};
    *value = (struct http1_span){from, (size_t)(to - from)};
    *fields = part_of(*fields, (size_t)(end + 2 - fields->at), fields->size);
    return true;
}
