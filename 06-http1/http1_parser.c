// The grammar of RFC 9112. The functions stand in the order of a request: its
// line, its fields, its body. First comes what they share: the lines.
#include "http1_parser.h"

#include "http1_rules.h"

#include <string.h>

// ---- Lines, section 2.2 ----

// How far into the input a line may reach, and what to say if it goes further.
static const struct {
    uint16_t size;
    int status;
    const char *why;
} limits[] = {
    [HTTP1_AT_EMPTY_LINE] = {2, 400, "a CR without its LF"},
    [HTTP1_AT_LINE] = {http1_max_line, 414, "a target that is too long"},
    [HTTP1_AT_FIELD] = {http1_max_head, 431, "fields that are too long"},
    [HTTP1_AT_CHUNK_SIZE] = {http1_max_extra, 400,
                             "a chunk extension that is too long"},
    [HTTP1_AT_CHUNK_END] = {2, 400, "a chunk that is longer than its size"},
    [HTTP1_AT_TRAILER] = {http1_max_extra, 431, "trailers that are too long"},
};

static enum http1_event refuse_too_long(struct http1_parser *p,
                                        struct span in) {
    if (p->state == HTTP1_AT_LINE && memchr(in.at, ' ', in.size) == NULL) {
        // Section 3 asks for this status.
        return http1_refuse(p, 501, "a method that is too long");
    }
    return http1_refuse(p, limits[p->state].status, limits[p->state].why);
}

// A line ends with CR LF, and neither stands anywhere else: who takes a single
// one for an end sees other lines than we do. RETURNS whether a line is
// complete; if not, more is needed, or the state is now HTTP1_IS_REFUSED.
static bool find_line(struct http1_parser *p, struct span in,
                      struct span *line) {
    size_t limit = limits[p->state].size;
    size_t size = in.size < limit ? in.size : limit;
    size_t end = p->scanned;
    while (end < size && octet_is(in.at[end], OCTET_TEXT)) {
        end++;
    }
    p->scanned = (uint32_t)end;
    if (end < size && in.at[end] != '\r') {
        http1_refuse(p, 400,
                     in.at[end] == '\n' ? "a line without its CR"
                                        : "a control character");
        return false;
    }
    if (end + 1 >= size) { // the CR or the LF is not here
        if (size == limit) {
            refuse_too_long(p, (struct span){in.at, size});
        }
        return false;
    }
    if (in.at[end + 1] != '\n') {
        http1_refuse(p, 400, "a CR without its LF");
        return false;
    }
    *line = (struct span){in.at + p->line_at, end - p->line_at};
    p->scanned = p->line_at = (uint32_t)end + 2;
    return true;
}

static enum http1_event go(struct http1_parser *p, enum http1_state next) {
    p->state = next;
    return HTTP1_MORE;
}

// ---- The request line, section 3 ----

// Nothing of the request before may colour this one. One empty line before it
// is skipped, since old clients send one after a body (section 2.2).
static void begin(struct http1_parser *p, char octet) {
    memset(p, 0, sizeof *p);
    p->state = octet == '\r' ? HTTP1_AT_EMPTY_LINE : HTTP1_AT_LINE;
}

// HTTP/1.1, a digit on each side of the dot.
static bool is_version(struct span s) {
    return s.size == 8 && memcmp(s.at, "HTTP/", 5) == 0 &&
           octet_is(s.at[5], OCTET_DIGIT) && s.at[6] == '.' &&
           octet_is(s.at[7], OCTET_DIGIT);
}

static enum http1_event on_request_line(struct http1_parser *p,
                                        struct span line) {
    struct span method = span_cut_set(&line, OCTET_TOKEN);
    if (method.size == 0 || !span_cut_octet(&line, ' ')) {
        return http1_refuse(p, 400, "a bad method");
    }
    p->is_head = span_is(method, "HEAD"); // so that no refusal has a body
    struct span target = span_cut_set(&line, OCTET_TARGET);
    if (target.size == 0 || !span_cut_octet(&line, ' ')) {
        return http1_refuse(p, 400, "a bad target");
    }
    if (!is_version(line)) {
        return http1_refuse(p, 400, "a bad version");
    }
    p->method_size = (uint16_t)method.size;
    p->target_size = (uint16_t)target.size;
    p->state = HTTP1_AT_FIELD;
    return http1_check_line(p, method, target, line);
}

// ---- Fields, section 5 ----

// No blank before the colon: some would take it for a part of the name. And
// none at the front, where it once meant that the line before goes on.
static bool split_field(struct span line, struct span *name,
                        struct span *value) {
    *name = span_cut_set(&line, OCTET_TOKEN);
    if (name->size == 0 || !span_cut_octet(&line, ':')) {
        return false;
    }
    span_cut_set(&line, OCTET_BLANK);
    while (line.size > 0 && octet_is(line.at[line.size - 1], OCTET_BLANK)) {
        line.size--;
    }
    *value = line;
    return true;
}

static enum http1_event on_field(struct http1_parser *p, struct span line) {
    struct span name, value;
    if (p->field_count++ == http1_max_fields) {
        return http1_refuse(p, 431, "too many fields");
    }
    if (!split_field(line, &name, &value)) {
        return http1_refuse(p, 400,
                            octet_is(line.at[0], OCTET_BLANK)
                                ? "a folded line"
                                : "a bad field name");
    }
    // Trailers are only checked: too late to change how we read.
    return p->state == HTTP1_AT_FIELD ? http1_check_field(p, name, value)
                                      : HTTP1_MORE;
}

// head: all of it, with its empty line.
static enum http1_event end_head(struct http1_parser *p, struct span head,
                                 struct http1_head *parts) {
    if (http1_check_head(p) == HTTP1_REFUSED) {
        return HTTP1_REFUSED;
    }
    parts->method = span_cut(&head, p->method_size);
    span_cut(&head, 1);
    parts->target = span_cut(&head, p->target_size);
    span_cut(&head, sizeof " HTTP/1.1\r\n" - 1);
    parts->fields = span_cut(&head, head.size - 2);
    p->state = p->chunked    ? HTTP1_AT_CHUNK_SIZE
               : p->has_body ? HTTP1_IN_BODY
                             : HTTP1_AT_END;
    return HTTP1_HEAD;
}

// ---- The body, sections 6 and 7.1 ----

static enum http1_event next_data(struct http1_parser *p, struct span *input,
                                  struct http1_part *part) {
    if (input->size == 0) {
        return HTTP1_MORE;
    }
    size_t size = p->left < input->size ? (size_t)p->left : input->size;
    part->body = span_cut(input, size);
    p->left -= size;
    if (p->left == 0) {
        p->state =
            p->state == HTTP1_IN_CHUNK ? HTTP1_AT_CHUNK_END : HTTP1_AT_END;
    }
    return HTTP1_BODY;
}

// Counts octets that are neither data nor its size.
static enum http1_event count_extra(struct http1_parser *p, size_t size,
                                    enum http1_state next) {
    if (p->extra + size > http1_max_extra) {
        return http1_refuse(p, limits[p->state].status, limits[p->state].why);
    }
    p->extra = (uint16_t)(p->extra + size);
    return go(p, next);
}

// The last chunk is the empty one; trailers look like fields.
static enum http1_event on_chunk_size(struct http1_parser *p,
                                      struct span line) {
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
    if (http1_check_extensions(p, line) == HTTP1_REFUSED) {
        return HTTP1_REFUSED;
    }
    return count_extra(p, line.size,
                       p->left > 0 ? HTTP1_IN_CHUNK : HTTP1_AT_TRAILER);
}

static enum http1_event on_trailer(struct http1_parser *p, struct span line) {
    if (on_field(p, line) == HTTP1_REFUSED) {
        return HTTP1_REFUSED;
    }
    return count_extra(p, line.size + 2, HTTP1_AT_TRAILER);
}

// ---- The machine ----

// in: what the line is the end of; before the head's end, all of the head.
static enum http1_event on_line(struct http1_parser *p, struct span in,
                                struct span line, struct http1_part *part) {
    switch (p->state) {
    case HTTP1_AT_EMPTY_LINE:
        return go(p, HTTP1_AT_LINE);
    case HTTP1_AT_LINE:
        return on_request_line(p, line);
    case HTTP1_AT_FIELD:
        return line.size > 0 ? on_field(p, line) : end_head(p, in, &part->head);
    case HTTP1_AT_CHUNK_SIZE:
        return on_chunk_size(p, line);
    case HTTP1_AT_CHUNK_END:
        return go(p, HTTP1_AT_CHUNK_SIZE);
    case HTTP1_AT_TRAILER:
        return line.size > 0 ? on_trailer(p, line) : go(p, HTTP1_AT_END);
    case HTTP1_AT_START:
    case HTTP1_IN_BODY:
    case HTTP1_IN_CHUNK:
    case HTTP1_AT_END:
    case HTTP1_IS_REFUSED:
        break; // no line is waited for
    }
    return HTTP1_REFUSED;
}

// The lines of a head stay in the input until it is complete: its parts are
// found by their sizes. All else leaves the input at once.
static enum http1_event next_line(struct http1_parser *p, struct span *input,
                                  struct span line, struct http1_part *part) {
    struct span in = {input->at, p->scanned};
    enum http1_event event = on_line(p, in, line, part);
    if (p->state != HTTP1_AT_FIELD) {
        span_cut(input, p->scanned);
        p->scanned = p->line_at = 0;
    }
    return event;
}

enum http1_event http1_next(struct http1_parser *p, struct span *input,
                            struct http1_part *part) {
    enum http1_event event = HTTP1_MORE;
    struct span line;
    while (event == HTTP1_MORE) {
        switch (p->state) {
        case HTTP1_AT_START:
            if (input->size == 0) {
                return HTTP1_MORE;
            }
            begin(p, input->at[0]);
            break;
        case HTTP1_AT_EMPTY_LINE:
        case HTTP1_AT_LINE:
        case HTTP1_AT_FIELD:
        case HTTP1_AT_CHUNK_SIZE:
        case HTTP1_AT_CHUNK_END:
        case HTTP1_AT_TRAILER:
            if (find_line(p, *input, &line)) {
                event = next_line(p, input, line, part);
            } else if (p->state != HTTP1_IS_REFUSED) {
                return HTTP1_MORE;
            }
            break;
        case HTTP1_IN_BODY:
        case HTTP1_IN_CHUNK:
            return next_data(p, input, part);
        case HTTP1_AT_END:
            p->state = HTTP1_AT_START;
            return HTTP1_COMPLETE;
        case HTTP1_IS_REFUSED:
            return HTTP1_REFUSED;
        }
    }
    return event;
}

bool http1_is_busy(const struct http1_parser *p) {
    if (p->state == HTTP1_AT_LINE) {
        return p->scanned > 0; // an empty line is no beginning
    }
    return p->state > HTTP1_AT_LINE && p->state != HTTP1_IS_REFUSED;
}

bool http1_next_field(struct span *fields, struct span *name,
                      struct span *value) {
    if (fields->size == 0) {
        return false;
    }
    struct span line = span_cut_set(fields, OCTET_TEXT);
    span_cut(fields, 2); // its CR and LF
    return split_field(line, name, value);
}
