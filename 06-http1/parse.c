// Each octet is a piece by itself, the worst that a network can do. A row of the
// printout is what the parser took in one state: a line, or an octet of a body.
#include "parse.h"

#include "http1_limits.h"
#include "http1_parser.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const names[] = {
    [HTTP1_AT_START] = "start",
    [HTTP1_AT_LINE] = "request line",
    [HTTP1_AT_FIELD] = "field",
    [HTTP1_IN_BODY] = "body",
    [HTTP1_AT_CHUNK_SIZE] = "chunk size",
    [HTTP1_IN_CHUNK] = "chunk",
    [HTTP1_AT_CHUNK_END] = "chunk end",
    [HTTP1_AT_TRAILER] = "trailer",
    [HTTP1_AT_END] = "end",
    [HTTP1_IS_REFUSED] = "refused",
};

// ---- A row ----

enum { shown = 32 }; // columns for octets

struct row {
    const char *state;
    char text[shown + 1];
    size_t width; // of what should stand there; more than fits is cut
};

static void row_begin(struct row *r, enum http1_state state) {
    r->state = names[state == HTTP1_AT_START ? HTTP1_AT_LINE : state];
    r->text[0] = '\0';
    r->width = 0;
}

static void row_add(struct row *r, unsigned char octet) {
    char text[8] = {(char)octet};
    if (octet == '\r' || octet == '\n') {
        snprintf(text, sizeof text, "\\%c", octet == '\r' ? 'r' : 'n');
    } else if (octet < ' ' || octet > '~') {
        snprintf(text, sizeof text, "\\x%02x", octet);
    }
    for (const char *t = text; *t != '\0'; t++, r->width++) {
        if (r->width < shown) {
            r->text[r->width] = *t;
            r->text[r->width + 1] = '\0';
        }
    }
}

static void row_print(const struct row *r, const char *event) {
    const char *cut = r->width > shown ? " ..." : "";
    const int width = *event != '\0' ? shown : 0;
    printf("%-13s %-*s%s%s%s\n", r->state, width, r->text, cut,
           *event != '\0' ? " " : "", event);
}

// ---- What the parser tells ----

struct feed {
    struct http1_parser parser;
    char bytes[http1_max_head + 1]; // what it has not taken yet
    size_t size;
    struct row row;
};

static void describe(const struct feed *f, enum http1_event event,
                     const struct http1_part *part, char *text, size_t size) {
    switch (event) {
    case HTTP1_MORE:
    case HTTP1_CARRY_ON:
        text[0] = '\0';
        break;
    case HTTP1_HEAD:
        snprintf(text, size, "HEAD: %.*s, %s", (int)part->head.method.size,
                 part->head.method.at,
                 f->parser.has_body ? "a body follows" : "no body");
        break;
    case HTTP1_BODY:
        snprintf(text, size, "BODY: %zu octet", part->body.size);
        break;
    case HTTP1_COMPLETE:
        snprintf(text, size, "COMPLETE, %s",
                 f->parser.keep_alive ? "another may follow" : "the last one");
        break;
    case HTTP1_REFUSED:
        snprintf(text, size, "REFUSED: %d", f->parser.status);
        break;
    }
}

// One call of the parser. RETURNS false when there is nothing more to be had
// from what is here.
static bool call(struct feed *f, struct span *input) {
    const size_t size = input->size;
    const uint32_t line = f->parser.line_at;
    struct http1_part part;
    enum http1_event event = http1_next(&f->parser, input, &part);
    char text[64];
    describe(f, event, &part, text, sizeof text);
    if (event != HTTP1_MORE || line != f->parser.line_at ||
        size != input->size) {
        row_print(&f->row, text);
        row_begin(&f->row, f->parser.state);
    }
    return event != HTTP1_MORE && event != HTTP1_REFUSED;
}

// The parser gets what it left the last time, with this octet behind it.
static void feed(struct feed *f, int octet) {
    f->bytes[f->size++] = (char)octet;
    row_add(&f->row, (unsigned char)octet);
    struct span input = {f->bytes, f->size};
    while (call(f, &input)) {
    }
    for (size_t i = 0; i < input.size; i++) {
        f->bytes[i] = input.at[i];
    }
    f->size = input.size;
}

static int result(const struct feed *f) {
    if (ferror(stdin) || fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "http1: cannot read the input or write the output\n");
        return EXIT_FAILURE;
    }
    if (f->parser.state == HTTP1_IS_REFUSED) {
        fprintf(stderr, "http1: refused: %s\n", f->parser.why);
        return EXIT_FAILURE;
    }
    if (f->size > 0 || http1_is_busy(&f->parser)) {
        fprintf(stderr, "http1: the end in the middle of a request\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int parse_stdin(void) {
    struct feed f = {0};
    int octet;
    row_begin(&f.row, HTTP1_AT_START);
    while (f.parser.state != HTTP1_IS_REFUSED && (octet = getchar()) != EOF) {
        feed(&f, octet);
    }
    return result(&f);
}
