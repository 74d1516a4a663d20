// Each octet is a piece by itself, the worst that a network can do. A row of the
// printout is what the parser took in one state: a line, or an octet of a body.
#include "parse.h"

#include "http1_limits.h"
#include "http1_parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [HTTP1_AT_LINE] = "request line", [HTTP1_AT_FIELD] = "field",
    [HTTP1_IN_BODY] = "body",         [HTTP1_AT_CHUNK_SIZE] = "chunk size",
    [HTTP1_IN_CHUNK] = "chunk",       [HTTP1_AT_CHUNK_END] = "chunk end",
    [HTTP1_AT_TRAILER] = "trailer",   [HTTP1_AT_END] = "end",
    [HTTP1_IS_REFUSED] = "refused",
};

enum { event_column = 47 };

struct feed {
    struct http1_parser parser;
    char bytes[http1_max_head + 1]; // what it has not taken yet
    size_t size;
    int column; // how far the row under way reaches; 0: there is none
};

// ---- A row ----

static void begin_row(struct feed *f, enum http1_state state) {
    if (f->column == 0) {
        f->column = printf("%-13s ", names[state]);
    }
}

static void add_to_row(struct feed *f, unsigned char octet) {
    f->column += octet == '\r'                ? printf("\\r")
                 : octet == '\n'              ? printf("\\n")
                 : octet < ' ' || octet > '~' ? printf("\\x%02x", octet)
                                              : printf("%c", octet);
}

static void print_event(const struct http1_parser *p, enum http1_event event,
                        const struct http1_part *part) {
    switch (event) {
    case HTTP1_MORE:
    case HTTP1_CARRY_ON:
        break;
    case HTTP1_HEAD:
        printf("HEAD: %.*s, %s", (int)part->head.method.size,
               part->head.method.at,
               p->has_body ? "a body follows" : "no body");
        break;
    case HTTP1_BODY:
        printf("BODY: %zu octet", part->body.size);
        break;
    case HTTP1_COMPLETE:
        printf("COMPLETE, %s",
               p->keep_alive ? "another may follow" : "the last one");
        break;
    case HTTP1_REFUSED:
        printf("REFUSED: %d", p->status);
        break;
    }
}

static void end_row(struct feed *f, enum http1_event event,
                    const struct http1_part *part) {
    int space = event == HTTP1_MORE        ? 0
                : f->column < event_column ? event_column - f->column
                                           : 1;
    printf("%*s", space, "");
    print_event(&f->parser, event, part);
    printf("\n");
    f->column = 0;
}

// ---- What the parser tells ----

// One call of the parser. RETURNS false when there is nothing more to be had
// from what is here.
static bool call(struct feed *f, struct span *input) {
    const struct http1_parser before = f->parser;
    const size_t size = input->size;
    struct http1_part part;
    enum http1_event event = http1_next(&f->parser, input, &part);
    if (event != HTTP1_MORE || before.line_at != f->parser.line_at ||
        size != input->size) {
        begin_row(f, before.state);
        end_row(f, event, &part);
    }
    return event != HTTP1_MORE && event != HTTP1_REFUSED;
}

// The parser gets what it left the last time, with this octet behind it.
static void feed(struct feed *f, int octet) {
    f->bytes[f->size++] = (char)octet;
    begin_row(f, f->parser.state);
    add_to_row(f, (unsigned char)octet);
    struct span input = {f->bytes, f->size};
    while (call(f, &input)) {
    }
    memmove(f->bytes, input.at, input.size);
    f->size = input.size;
}

static int result(struct feed *f) {
    if (f->column > 0) { // in the middle of a line
        end_row(f, HTTP1_MORE, NULL);
    }
    bool is_lost = ferror(stdin) || fflush(stdout) != 0 || ferror(stdout);
    bool is_refused = !is_lost && f->parser.state == HTTP1_IS_REFUSED;
    const char *wrong = is_lost ? "cannot read the input or write the output"
                        : is_refused ? f->parser.why
                        : f->size > 0 || http1_is_busy(&f->parser)
                            ? "the end in the middle of a request"
                            : NULL;
    if (wrong != NULL) {
        fprintf(stderr, "http1: %s%s\n", is_refused ? "refused: " : "", wrong);
    }
    return wrong == NULL ? EXIT_SUCCESS : EXIT_FAILURE;
}

int parse_stdin(void) {
    struct feed f = {0};
    int octet;
    while (f.parser.state != HTTP1_IS_REFUSED && (octet = getchar()) != EOF) {
        feed(&f, octet);
    }
    return result(&f);
}
