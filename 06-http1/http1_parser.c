// The grammar of RFC 9112. The functions stand in the order of a request: its
// line, its fields, its body. First comes what they share: the lines.
#include "http1_parser.h"

#include "http1_chunked.h"
#include "http1_limits.h"
#include "http1_strict.h"

#include <string.h>

// ---- Lines, section 2.2 ----

// A line ends with CR LF, and neither stands anywhere else: who takes a single
// one for an end sees other lines than we do. RETURNS HTTP1_CARRY_ON with the
// line, or HTTP1_MORE, or HTTP1_REFUSED.
static enum http1_event find_line(struct http1_parser *p, struct span in,
                                  struct span *line) {
    size_t limit = http1_longest_line(p->state);
    size_t size = in.size < limit ? in.size : limit;
    size_t end = p->scanned;
    end += octets_of_text(in.at + end, size - end);
    p->scanned = (uint32_t)end;
    if (end < size && in.at[end] != '\r') {
        return http1_refuse(p, 400,
                            in.at[end] == '\n' ? "a line without its CR"
                                               : "a control character");
    }
    if (end + 1 >= size) { // the CR or the LF is not here
        return size < limit ? HTTP1_MORE : http1_refuse_long_line(p, in);
    }
    if (in.at[end + 1] != '\n') {
        return http1_refuse(p, 400, "a CR without its LF");
    }
    *line = (struct span){in.at + p->line_at, end - p->line_at};
    p->scanned = p->line_at = (uint32_t)end + 2;
    return HTTP1_CARRY_ON;
}

static enum http1_event go(struct http1_parser *p, enum http1_state next) {
    p->state = next;
    return HTTP1_CARRY_ON;
}

// ---- The request line, section 3 ----

static enum http1_event on_request_line(struct http1_parser *p,
                                        struct span line) {
    struct span method = span_cut_set(&line, OCTET_TOKEN);
    if (method.size == 0 || !span_cut_octet(&line, ' ')) {
        return http1_refuse(p, 400, "a bad method");
    }
    struct span target = span_cut_set(&line, OCTET_TARGET);
    if (target.size == 0 || !span_cut_octet(&line, ' ')) {
        return http1_refuse(p, 400, "a bad target");
    }
    p->method_size = (uint16_t)method.size;
    p->target_size = (uint16_t)target.size;
    p->fields_at = p->line_at; // the next line's
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
    *value = span_trim(line);
    return true;
}

bool http1_next_field(struct span *fields, struct span *name,
                      struct span *value) {
    if (fields->size == 0) {
        return false;
    }
    struct span line =
        span_cut(fields, octets_of_text(fields->at, fields->size));
    span_cut_octet(fields, '\r');
    span_cut_octet(fields, '\n');
    return split_field(line, name, value);
}

// Section 6.2: one number. No sign, no list, no second field, even if it says
// the same.
static enum http1_event on_content_length(struct http1_parser *p,
                                          struct span value) {
    if (p->has_length) {
        return http1_refuse(p, 400, "two Content-Length fields");
    }
    p->has_length = true;
    struct span digits = span_cut_set(&value, OCTET_DIGIT);
    if (digits.size == 0 || value.size > 0) {
        return http1_refuse(p, 400, "a Content-Length that is no number");
    }
    // Past the limit more digits cannot make it fit, and must not overflow.
    for (size_t i = 0; i < digits.size && p->left <= http1_max_body; i++) {
        p->left = p->left * 10 + (uint64_t)(digits.at[i] - '0');
    }
    return HTTP1_CARRY_ON;
}

// Before a body or behind its last chunk, where it comes too late to change how
// we read.
static enum http1_event on_field(struct http1_parser *p, struct span line) {
    struct span name, value;
    return !split_field(line, &name, &value)
               ? http1_refuse(p, 400,
                              octet_is(line.at[0], OCTET_BLANK)
                                  ? "a folded line"
                                  : "a bad field name")
           : p->field_count++ == http1_max_fields
               ? http1_refuse(p, 431, "too many fields")
           : p->state == HTTP1_AT_TRAILER
               ? http1_count_extra(p, p->scanned, p->state)
           : span_is_word(name, "Content-Length")
               ? on_content_length(p, value)
               : http1_check_field(p, name, value);
}

// head: from the method up to the empty line, which ends it.
static enum http1_event end_head(struct http1_parser *p, struct span head,
                                 struct http1_head *parts) {
    if (http1_check_head(p) == HTTP1_REFUSED) {
        return HTTP1_REFUSED;
    }
    *parts = (struct http1_head){
        .method = {head.at, p->method_size},
        .target = {head.at + p->method_size + 1, p->target_size},
        .fields = {head.at + p->fields_at, head.size - p->fields_at},
    };
    p->state = p->chunked    ? HTTP1_AT_CHUNK_SIZE
               : p->has_body ? HTTP1_IN_BODY
                             : HTTP1_AT_END;
    return HTTP1_HEAD;
}

// ---- The body, section 6 ----

static enum http1_event next_data(struct http1_parser *p, struct span *input,
                                  struct http1_part *part) {
    size_t size = p->left < input->size ? (size_t)p->left : input->size;
    part->body = span_cut(input, size);
    p->left -= size;
    if (p->left == 0) {
        p->state =
            p->state == HTTP1_IN_CHUNK ? HTTP1_AT_CHUNK_END : HTTP1_AT_END;
    }
    return HTTP1_BODY;
}

// ---- The machine ----

// head: all that was read of it before this line.
static enum http1_event on_line(struct http1_parser *p, struct span head,
                                struct span line, struct http1_part *part) {
    switch (p->state) {
    case HTTP1_AT_LINE:
        // Old clients send an empty line after a body (section 2.2).
        return line.size > 0 ? on_request_line(p, line) : HTTP1_CARRY_ON;
    case HTTP1_AT_FIELD:
    case HTTP1_AT_TRAILER:
        return line.size > 0                ? on_field(p, line)
               : p->state == HTTP1_AT_FIELD ? end_head(p, head, &part->head)
                                            : go(p, HTTP1_AT_END);
    case HTTP1_AT_CHUNK_SIZE:
        return http1_on_chunk_size(p, line);
    case HTTP1_AT_CHUNK_END:
        return go(p, HTTP1_AT_CHUNK_SIZE);
    case HTTP1_IN_BODY:
    case HTTP1_IN_CHUNK:
    case HTTP1_AT_END:
    case HTTP1_IS_REFUSED:
        break; // no line is waited for
    }
    return HTTP1_REFUSED;
}

// The lines of a head stay in the input until it is complete: its parts are
// found by their places. All else leaves the input at once.
static enum http1_event next_line(struct http1_parser *p, struct span *input,
                                  struct http1_part *part) {
    struct span head = {input->at, p->line_at}, line = {0};
    enum http1_event event = find_line(p, *input, &line);
    if (event == HTTP1_CARRY_ON) {
        event = on_line(p, head, line, part);
        if (p->state != HTTP1_AT_FIELD) {
            span_cut(input, p->scanned);
            p->scanned = p->line_at = 0;
        }
    }
    return event;
}

static enum http1_event step(struct http1_parser *p, struct span *input,
                             struct http1_part *part) {
    if (input->size == 0 && p->state != HTTP1_AT_END &&
        p->state != HTTP1_IS_REFUSED) {
        return HTTP1_MORE;
    }
    switch (p->state) {
    case HTTP1_AT_LINE:
        if (p->scanned == 0) {
            // Nothing of the request before may colour this one.
            *p = (struct http1_parser){0};
        }
        // Known early, since a refusal may come before the end of the line.
        p->is_head = span_begins(*input, "HEAD ");
        return next_line(p, input, part);
    case HTTP1_AT_FIELD:
    case HTTP1_AT_CHUNK_SIZE:
    case HTTP1_AT_CHUNK_END:
    case HTTP1_AT_TRAILER:
        return next_line(p, input, part);
    case HTTP1_IN_BODY:
    case HTTP1_IN_CHUNK:
        return next_data(p, input, part);
    case HTTP1_AT_END:
        p->state = HTTP1_AT_LINE;
        return HTTP1_COMPLETE;
    case HTTP1_IS_REFUSED:
        break;
    }
    return HTTP1_REFUSED;
}

enum http1_event http1_next(struct http1_parser *p, struct span *input,
                            struct http1_part *part) {
    enum http1_event event;
    do {
        event = step(p, input, part);
    } while (event == HTTP1_CARRY_ON);
    return event;
}

bool http1_is_busy(const struct http1_parser *p) {
    return p->state == HTTP1_AT_LINE
               ? p->scanned > 0 // the CR of an empty line is no beginning
               : p->state != HTTP1_IS_REFUSED;
}
