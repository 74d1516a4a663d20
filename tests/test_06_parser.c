#define _POSIX_C_SOURCE 200809L
// Chapter 06, the parser by itself. Whatever is fed to it is fed whole, in two
// pieces cut at every octet, and octet by octet: what it says must be the same.
#include "harness.h"

#include "http1_limits.h"
#include "http1_parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Feeding ----

// What the parser has said, as text.
struct feeder {
    struct http1_parser parser;
    char *rest; // what it left in the input
    size_t rest_size;
    uint64_t body_size;
    char body[64];
    char log[32768];
};

static void note(struct feeder *f, const char *text, size_t size) {
    size_t used = strlen(f->log);
    ck_assert_uint_lt(used + size, sizeof f->log);
    memcpy(f->log + used, text, size);
}

static void say(struct feeder *f, const char *text) {
    note(f, text, strlen(text));
}

static void note_head(struct feeder *f, const struct http1_head *head) {
    struct span fields = head->fields, name, value;
    const struct http1_parser *p = &f->parser;
    note(f, head->method.at, head->method.size);
    say(f, " ");
    note(f, head->target.at, head->target.size);
    say(f, p->minor > 0 ? " 1.1" : " 1.0");
    say(f, p->keep_alive ? " stays" : " leaves");
    say(f, p->expects_continue ? " expects" : "");
    say(f, p->has_body ? " body" : "");
    say(f, p->is_head ? " head" : "");
    while (http1_next_field(&fields, &name, &value)) {
        say(f, " (");
        note(f, name.at, name.size);
        say(f, "=");
        note(f, value.at, value.size);
        say(f, ")");
    }
    f->body_size = 0;
}

static void note_body(struct feeder *f, struct span piece) {
    ck_assert_uint_gt(piece.size, 0);
    for (size_t i = 0; i < piece.size; i++) {
        if (f->body_size + i < sizeof f->body) {
            f->body[f->body_size + i] = piece.at[i];
        }
    }
    f->body_size += piece.size;
}

static void note_end(struct feeder *f) {
    char text[32];
    size_t shown =
        f->body_size < sizeof f->body ? (size_t)f->body_size : sizeof f->body;
    if (f->body_size > 0) {
        snprintf(text, sizeof text, " %llu:", (unsigned long long)f->body_size);
        say(f, text);
        note(f, f->body, shown);
    }
    say(f, " END\n");
}

static void note_refused(struct feeder *f) {
    char text[128];
    snprintf(text, sizeof text, "REFUSED %d %s\n", f->parser.status,
             f->parser.why);
    say(f, text);
}

static enum http1_event next(struct feeder *f, struct span *input,
                             struct http1_part *part) {
    enum http1_event event = http1_next(&f->parser, input, part);
    switch (event) {
    case HTTP1_MORE:
        break;
    case HTTP1_CARRY_ON:
        ck_abort_msg("the parser told what is for itself alone");
    case HTTP1_HEAD:
        note_head(f, &part->head);
        break;
    case HTTP1_BODY:
        note_body(f, part->body);
        break;
    case HTTP1_COMPLETE:
        note_end(f);
        break;
    case HTTP1_REFUSED:
        note_refused(f);
        break;
    }
    return event;
}

// The bytes lie at the end of a block of their own, so that AddressSanitizer
// sees a look behind them; and that block is new each time, so that it sees a
// pointer into the last one.
static enum http1_event feed(struct feeder *f, const char *bytes, size_t size) {
    char *block = malloc(f->rest_size + size + 1);
    ck_assert_ptr_nonnull(block);
    if (f->rest_size > 0) {
        memcpy(block + 1, f->rest, f->rest_size);
    }
    memcpy(block + 1 + f->rest_size, bytes, size);
    struct span input = {block + 1, f->rest_size + size};
    struct http1_part part;
    enum http1_event event;
    do {
        event = next(f, &input, &part);
    } while (event != HTTP1_MORE && event != HTTP1_REFUSED);
    free(f->rest);
    f->rest = malloc(input.size + 1);
    ck_assert_ptr_nonnull(f->rest);
    memcpy(f->rest, input.at, input.size);
    f->rest_size = input.size;
    free(block);
    return event;
}

static struct feeder *feeder_new(void) {
    struct feeder *f = calloc(1, sizeof *f);
    ck_assert_ptr_nonnull(f);
    return f;
}

static void feeder_free(struct feeder *f) {
    free(f->rest);
    free(f);
}

// Feeds pieces of one size, the first one shorter. RETURNS the log; free it.
static char *log_of(const char *bytes, size_t size, size_t first,
                    size_t piece) {
    struct feeder *f = feeder_new();
    enum http1_event event = HTTP1_MORE;
    size_t at = 0, n = first;
    while (at < size && event == HTTP1_MORE) {
        n = n < size - at ? n : size - at;
        event = feed(f, bytes + at, n);
        at += n;
        n = piece;
    }
    char *log = strdup(f->log);
    feeder_free(f);
    return log;
}

static void expect_log(const char *bytes, size_t size, size_t first,
                       size_t piece, const char *expected) {
    char *log = log_of(bytes, size, first, piece);
    if (strcmp(log, expected) != 0) {
        ck_abort_msg("'%.*s' cut at %zu, then %zu:\n%s---- and not\n%s",
                     (int)(size < 400 ? size : 400), bytes, first, piece, log,
                     expected);
    }
    free(log);
}

static void expect_same_in_pieces(const char *bytes, size_t size,
                                  const char *expected) {
    expect_log(bytes, size, size, size, expected);
    expect_log(bytes, size, 1, 1, expected);
    for (size_t cut = 1; cut < size; cut++) {
        expect_log(bytes, size, cut, size, expected);
    }
}

// ---- What is accepted ----

struct sample {
    const char *bytes;
    const char *log;
};

static const struct sample samples[] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 stays (Host=a) END\n"},
    {"GET /a?b=c&d HTTP/1.1\r\nhOST:a:80\r\nAccept: */*\r\n\r\n",
     "GET /a?b=c&d 1.1 stays (hOST=a:80) (Accept=*/*) END\n"},
    {"BREW /pot HTTP/1.1\r\nHost:\r\n\r\n",
     "BREW /pot 1.1 stays (Host=) END\n"},
    {"!#$%&'*+-.^_`|~09 / HTTP/1.1\r\nHost: a\r\n\r\n",
     "!#$%&'*+-.^_`|~09 / 1.1 stays (Host=a) END\n"},
    {"HEAD / HTTP/1.1\r\nHost: [::1]:3000\r\n\r\n",
     "HEAD / 1.1 stays head (Host=[::1]:3000) END\n"},
    {"head / HTTP/1.1\r\nHost: a\r\n\r\n", "head / 1.1 stays (Host=a) END\n"},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
     "OPTIONS * 1.1 stays (Host=a) END\n"},
    {"GET http://a:80/b HTTP/1.1\r\nHost: a:80\r\n\r\n",
     "GET http://a:80/b 1.1 stays (Host=a:80) END\n"},
    {"GET HTTP://a%20b?c HTTP/1.1\r\nHost: a%20b\r\n\r\n",
     "GET HTTP://a%20b?c 1.1 stays (Host=a%20b) END\n"},
    // A search typed into a browser, and what only some escape.
    {"GET /?q={|}^`\\[] HTTP/1.1\r\nHost: a\r\n\r\n",
     "GET /?q={|}^`\\[] 1.1 stays (Host=a) END\n"},
    // Blanks around a value are not part of it; those inside are.
    {"GET / HTTP/1.1\r\nHost: \t a\t \r\nX:\r\nY: b \t c\r\nZ: \t\r\n\r\n",
     "GET / 1.1 stays (Host=a) (X=) (Y=b \t c) (Z=) END\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nX: \x80\xff!\"(),/:;<=>?@[]{}\r\n\r\n",
     "GET / 1.1 stays (Host=a) (X=\x80\xff!\"(),/:;<=>?@[]{}) END\n"},
    // Empty lines in front.
    {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 stays (Host=a) END\n"},
    {"\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
     "GET / 1.1 stays (Host=a) END\n"},

    // Who stays and who leaves.
    {"GET / HTTP/1.0\r\n\r\n", "GET / 1.0 leaves END\n"},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
     "GET / 1.0 stays (Connection=keep-alive) END\n"},
    {"GET / HTTP/1.0\r\nConnection: close, Keep-Alive\r\n\r\n",
     "GET / 1.0 leaves (Connection=close, Keep-Alive) END\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade ,\tCLOSE\r\n\r\n",
     "GET / 1.1 leaves (Host=a) (Connection=Upgrade ,\tCLOSE) END\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed, keep\r\n\r\n",
     "GET / 1.1 stays (Host=a) (Connection=closed, keep) END\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n",
     "GET / 1.1 leaves (Host=a) (Connection=x) (Connection=close) END\n"},
    {"GET / HTTP/1.9\r\nHost: a\r\n\r\n", "GET / 1.1 stays (Host=a) END\n"},

    // Bodies of a length.
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
     "POST / 1.1 stays body (Host=a) (Content-Length=5) 5:hello END\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
     "GET / 1.1 stays (Host=a) (Content-Length=0) END\n"},
    {"PUT / HTTP/1.0\r\nContent-Length: 0003\r\n\r\n\r\n\r",
     "PUT / 1.0 leaves body (Content-Length=0003) 3:\r\n\r END\n"},
    {"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n"
     "Content-Length: 1\r\n\r\n!",
     "PUT / 1.1 stays expects body (Host=a) (Expect=100-Continue) "
     "(Content-Length=1) 1:! END\n"},
    // A list may have empty members.
    {"PUT / HTTP/1.1\r\nHost: a\r\nExpect: , 100-continue,\r\n"
     "Content-Length: 1\r\n\r\n!",
     "PUT / 1.1 stays expects body (Host=a) (Expect=, 100-continue,) "
     "(Content-Length=1) 1:! END\n"},
    {"PUT / HTTP/1.1\r\nHost: a\r\nExpect:\r\nContent-Length: 1\r\n\r\n!",
     "PUT / 1.1 stays body (Host=a) (Expect=) (Content-Length=1) 1:! END\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nConnection: ,, close ,\r\n\r\n",
     "GET / 1.1 leaves (Host=a) (Connection=,, close ,) END\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: , chunked ,,\r\n\r\n"
     "0\r\n\r\n",
     "POST / 1.1 stays body (Host=a) (Transfer-Encoding=, chunked ,,) END\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n"
     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "POST / 1.1 stays body (Host=a) (Transfer-Encoding=) "
     "(Transfer-Encoding=chunked) END\n"},
    // Nothing to wait for, and too old to know it.
    {"PUT / HTTP/1.0\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n!",
     "PUT / 1.0 leaves body (Expect=tea) (Content-Length=1) 1:! END\n"},
    {"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
     "PUT / 1.1 stays (Host=a) (Expect=100-continue) END\n"},
    {"PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n!",
     "PUT / 1.0 leaves body (Expect=100-continue) (Content-Length=1) 1:! "
     "END\n"},

    // Bodies in chunks.
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
     "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
     "POST / 1.1 stays body (Host=a) (Transfer-Encoding=Chunked) "
     "11:hello world END\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0\r\n\r\n",
     "POST / 1.1 stays body (Host=a) (Transfer-Encoding=chunked) END\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "0000000000000001 \t; a=b;c\t= \"d \\\"; e\" ;f\r\n\n\r\n00;x\r\n"
     "Trailer: yes\r\nContent-Length: 7\r\n\r\n",
     "POST / 1.1 stays body (Host=a) (Transfer-Encoding=chunked) 1:\n END\n"},
    {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
     "POST / 1.1 stays body (Host=a) (Transfer-Encoding=chunked) "
     "26:abcdefghijklmnopqrstuvwxyz END\n"},
};

enum { sample_count = sizeof samples / sizeof samples[0] };

START_TEST(a_request_in_any_pieces_gives_the_same_events) {
    for (const struct sample *s = samples; s < samples + sample_count; s++) {
        expect_same_in_pieces(s->bytes, strlen(s->bytes), s->log);
    }
}
END_TEST

// A prefix says nothing that the whole does not say, and is never refused.
static void expect_prefixes_to_wait(const struct sample *s) {
    size_t size = strlen(s->bytes);
    size_t front = strspn(s->bytes, "\r\n");
    for (size_t n = 0; n <= size; n++) {
        struct feeder *f = feeder_new();
        ck_assert_int_eq(feed(f, s->bytes, n), HTTP1_MORE);
        ck_assert_int_eq(strncmp(f->log, s->log, strlen(f->log)), 0);
        ck_assert(http1_is_busy(&f->parser) == (n > front && n < size));
        ck_assert((strstr(f->log, "END") != NULL) == (n == size));
        feeder_free(f);
    }
}

START_TEST(every_prefix_waits_for_more) {
    for (size_t i = 0; i < sample_count; i++) {
        expect_prefixes_to_wait(&samples[i]);
    }
}
END_TEST

START_TEST(requests_in_a_row_do_not_colour_each_other) {
    char *bytes = calloc(1, 65536), *log = calloc(1, 65536);
    for (int i = 0; i < 3 * sample_count; i++) {
        const struct sample *s = &samples[(i * 7) % sample_count];
        strcat(bytes, s->bytes);
        strcat(log, s->log);
    }
    size_t size = strlen(bytes);
    expect_log(bytes, size, size, size, log);
    for (size_t piece = 1; piece < 200; piece++) {
        expect_log(bytes, size, piece, piece, log);
    }
    free(bytes);
    free(log);
}
END_TEST

// What an empty line or its half leaves behind is no request.
START_TEST(an_empty_line_is_no_beginning) {
    struct feeder *f = feeder_new();
    ck_assert(!http1_is_busy(&f->parser));
    feed(f, "\r", 1);
    ck_assert(!http1_is_busy(&f->parser));
    feed(f, "\n", 1);
    ck_assert(!http1_is_busy(&f->parser));
    feed(f, "G", 1);
    ck_assert(http1_is_busy(&f->parser));
    feeder_free(f);
}
END_TEST

// ---- What is refused ----

struct refusal {
    int status;
    const char *why;
    const char *bytes;
};

#define GET "GET / HTTP/1.1\r\n"
#define HOST GET "Host: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

static const struct refusal refusals[] = {
    // The line.
    {400, "a bad method", " GET / HTTP/1.1\r\n"},
    {400, "a bad method", "G(T / HTTP/1.1\r\n"},
    {400, "a bad method", "GET\t/ HTTP/1.1\r\n"},
    {400, "a bad method", "GET\r\n"},
    {400, "a bad method",
     "\r\n\r\n /"
     "\r\n"},
    {400, "a bad method", "Ge\xc3\xa9 / HTTP/1.1\r\n"},
    {400, "a bad target", "GET  / HTTP/1.1\r\n"},
    {400, "a bad target", "GET /\r\n"}, // HTTP/0.9
    {400, "a bad target", "GET \r\n"},
    {400, "a bad target", "GET /a#b HTTP/1.1\r\n"},
    {400, "a bad target", "GET /\"a\" HTTP/1.1\r\n"},
    {400, "a bad target", "GET /<a> HTTP/1.1\r\n"},
    {400, "a bad target", "GET /\xc3\xa9 HTTP/1.1\r\n"},
    {400, "a bad target", "GET /\tHTTP/1.1\r\n"},
    {400, "a bad version", "GET /  HTTP/1.1\r\n"},
    {400, "a bad version", "GET / HTTP/1.1 \r\n"},
    {400, "a bad version", "GET /a b HTTP/1.1\r\n"},
    {400, "a bad version", "GET / http/1.1\r\n"},
    {400, "a bad version", "GET / HTTP/11\r\n"},
    {400, "a bad version", "GET / HTTP/1.10\r\n"},
    {400, "a bad version", "GET / HTTP/1,1\r\n"},
    {400, "a bad version", "GET / HTTP/x.1\r\n"},
    {400, "a bad version", "GET / ICAP/1.1\r\n"},
    {505, "a version that is not HTTP/1", "GET / HTTP/2.0\r\n"},
    {505, "a version that is not HTTP/1", "GET / HTTP/0.9\r\n"},
    {505, "a version that is not HTTP/1", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    {400, "a target that is no path", "GET a HTTP/1.1\r\n"},
    {400, "a target that is no path", "GET a:80 HTTP/1.1\r\n"},
    {400, "a target that is no path", "GET ftp://a/ HTTP/1.1\r\n"},
    {400, "a target that is no path", "GET http:/a HTTP/1.1\r\n"},
    {421, "an https target without TLS", "GET https://a/ HTTP/1.1\r\n"},
    {400, "a target with a bad host", "GET http:///a HTTP/1.1\r\n"},
    {400, "a target with a bad host", "GET http://:80/ HTTP/1.1\r\n"},
    {400, "a target with a bad host", "GET http://b@a/ HTTP/1.1\r\n"},
    {400, "a target with a bad host", "GET http://a:x/ HTTP/1.1\r\n"},
    {400, "the target * without OPTIONS", "GET * HTTP/1.1\r\n"},
    {501, "CONNECT, but this is no proxy", "CONNECT a:443 HTTP/1.1\r\n"},
    {501, "CONNECT, but this is no proxy", "CONNECT / HTTP/1.1\r\n"},

    // Line ends and control characters.
    {400, "a line without its CR", "GET / HTTP/1.1\nHost: a\n\n"},
    {400, "a line without its CR", "\nGET / HTTP/1.1\r\n"},
    {400, "a line without its CR", HOST "\n"},
    {400, "a line without its CR", GET "Host: a\n\r\n"},
    {400, "a CR without its LF", "GET / HTTP/1.1\rHost: a\r\n"},
    {400, "a CR without its LF", "\rGET / HTTP/1.1\r\n"},
    {400, "a CR without its LF", GET "Host: a\r\r\n"},
    {400, "a CR without its LF", HOST "X: a\rb\r\n"},
    {400, "a CR without its LF", HOST "\rX: a\r\n"},
    {400, "a CR without its LF", CHUNKED "1\rx"},
    {400, "a control character", "\x16\x03\x01"}, // TLS says hello
    {400, "a control character", HOST "X: \x7f\r\n"},
    {400, "a control character", HOST "X\x01: b\r\n"},
    {400, "a control character", HOST "X: \x1b[2J\r\n"},

    // Fields.
    {400, "a folded line", HOST " b\r\n"},
    {400, "a folded line", HOST "\tb: c\r\n"},
    {400, "a folded line", GET " Host: a\r\n"},
    {400, "a bad field name", HOST "X : a\r\n"},
    {400, "a bad field name", HOST "X\t: a\r\n"},
    {400, "a bad field name", HOST "X\r\n"},
    {400, "a bad field name", HOST ": a\r\n"},
    {400, "a bad field name", HOST "X Y: a\r\n"},
    {400, "a bad field name", HOST "X(: a\r\n"},
    {400, "a bad field name", HOST "\xc3\xa9: a\r\n"},

    // Host.
    {400, "no Host", GET "\r\n"},
    {400, "no Host", "GET http://a/ HTTP/1.1\r\n\r\n"},
    {400, "two Host fields", HOST "Host: a\r\n"},
    {400, "two Host fields", "GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n"},
    {400, "a bad Host", GET "Host: a b\r\n"},
    {400, "a bad Host", GET "Host: a, b\r\n"},
    {400, "a bad Host", GET "Host: a/\r\n"},
    {400, "a bad Host", GET "Host: b@a\r\n"},
    {400, "a bad Host", GET "Host: a:b\r\n"},
    {400, "a bad Host", GET "Host: a:1:2\r\n"},
    {400, "a bad Host", GET "Host: %\r\n"},
    {400, "a bad Host", GET "Host: %4\r\n"},
    {400, "a bad Host", GET "Host: %4g\r\n"},
    {400, "a bad Host", GET "Host: []\r\n"},
    {400, "a bad Host", GET "Host: [\r\n"},
    {400, "a bad Host", GET "Host: [::1\r\n"},
    {400, "a bad Host", GET "Host: [::1]x\r\n"},
    {400, "a bad Host", GET "Host: ::1\r\n"},
    {400, "a bad Host", GET "Host: \xc3\xa9\r\n"},

    // Framing: who reads it another way reads another request.
    {400, "two Content-Length fields",
     POST "Content-Length: 1\r\nContent-Length: 1\r\n"},
    {400, "a Content-Length that is no number", POST "Content-Length:\r\n"},
    {400, "a Content-Length that is no number", POST "Content-Length: +1\r\n"},
    {400, "a Content-Length that is no number", POST "Content-Length: -1\r\n"},
    {400, "a Content-Length that is no number", POST "Content-Length: 1,1\r\n"},
    {400, "a Content-Length that is no number", POST "Content-Length: 1 1\r\n"},
    {400, "a Content-Length that is no number", POST "Content-Length: 0x1\r\n"},
    {400, "a Content-Length that is no number", POST "Content-Length: 1.0\r\n"},
    {413, "a body that is too long",
     POST "Content-Length: 18446744073709551617\r\n\r\n"},
    {413, "a body that is too long",
     POST "Content-Length: 99999999999999999999999999999999999999\r\n\r\n"},
    {400, "Transfer-Encoding and Content-Length",
     POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {400, "Transfer-Encoding and Content-Length",
     POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"},
    {400, "Transfer-Encoding in HTTP/1.0",
     "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {400, "a coding after chunked",
     POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"},
    {400, "a coding after chunked",
     POST "Transfer-Encoding: chunked, chunked\r\n"},
    {400, "a coding after chunked",
     POST "Transfer-Encoding: chunked, identity\r\n"},
    {400, "a coding after chunked",
     POST "Transfer-Encoding: gzip, chunked, gzip, chunked\r\n"},
    {400, "a body that is not chunked at the end",
     POST "Transfer-Encoding: gzip\r\n\r\n"},
    {400, "a body that is not chunked at the end",
     POST "Transfer-Encoding: xchunked\r\n\r\n"},
    {400, "a body that is not chunked at the end",
     POST "Transfer-Encoding: \"chunked\"\r\n\r\n"},
    {400, "a body that is not chunked at the end",
     POST "Transfer-Encoding: chunked;q=1\r\n\r\n"},
    {400, "a body that is not chunked at the end",
     POST "Transfer-Encoding:\r\n\r\n"},
    {501, "a transfer coding we do not know",
     POST "Transfer-Encoding: gzip, chunked\r\n\r\n"},
    {501, "a transfer coding we do not know",
     POST "Transfer-Encoding: gzip,,chunked\r\n\r\n"},
    {501, "a transfer coding we do not know",
     POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {405, "TRACE, which gives away secrets", "TRACE / HTTP/1.1\r\n"},
    {405, "TRACE, which gives away secrets", "TRACE * HTTP/1.1\r\n"},
    {417, "an expectation that we cannot meet", POST "Expect: tea\r\n"},
    {417, "an expectation that we cannot meet",
     POST "Expect: 100-continue, tea\r\n"},

    // Chunks.
    {400, "a bad chunk size", CHUNKED "\r\n"},
    {400, "a bad chunk size", CHUNKED "x\r\n"},
    {400, "a bad chunk size", CHUNKED " 1\r\n"},
    {400, "a bad chunk size", CHUNKED "-1\r\n"},
    {400, "a bad chunk size", CHUNKED "0x1\r\n"},
    {400, "a bad chunk size", CHUNKED "1 \r\n"},
    {400, "a bad chunk size", CHUNKED "1 1\r\n"},
    {400, "a bad chunk size", CHUNKED "1,a\r\n"},
    {400, "a bad chunk size", CHUNKED ";a\r\n"},
    {400, "a bad chunk size", CHUNKED "00000000000000001\r\n"},
    {400, "a bad chunk extension", CHUNKED "1;\r\n"},
    {400, "a bad chunk extension", CHUNKED "1;;a\r\n"},
    {400, "a bad chunk extension", CHUNKED "1;a=\r\n"},
    {400, "a bad chunk extension", CHUNKED "1;a=;b\r\n"},
    {400, "a bad chunk extension", CHUNKED "1;\"a\"\r\n"},
    {400, "a bad chunk extension", CHUNKED "1;a=\"b\r\n"},
    {400, "a bad chunk extension", CHUNKED "1;a=\"b\\\"\r\n"},
    {400, "a bad chunk extension", CHUNKED "1;a=\"b\\\r\n"},
    {400, "a bad chunk size", CHUNKED "1;a=\"b\"c\r\n"},
    {400, "a bad chunk size", CHUNKED "1;a \r\n"},
    {400, "a bad chunk size", CHUNKED "1;a b\r\n"},
    {413, "a body that is too long", CHUNKED "4000001\r\n"},
    {413, "a body that is too long", CHUNKED "ffffffffffffffff\r\n"},
    {413, "a body that is too long", CHUNKED "10000000000000001\r\n"},
    {400, "a line without its CR", CHUNKED "1\nx"},
    {400, "a line without its CR", CHUNKED "1;a\nx"},
    {400, "a line without its CR", CHUNKED "1\r\nx\n"},
    {400, "a chunk that is longer than its size", CHUNKED "1\r\nxy\r\n"},
    {400, "a control character", CHUNKED "1;\x01\r\n"},
    {400, "a bad field name", CHUNKED "0\r\nX : a\r\n"},
    {400, "a folded line", CHUNKED "0\r\n X: a\r\n"},
    {400, "a line without its CR", CHUNKED "0\r\n\n"},
};

enum { refusal_count = sizeof refusals / sizeof refusals[0] };

// What comes before the refusal: a head, if it is complete.
static bool is_only_refusal(const char *log, const struct refusal *r) {
    char expected[128];
    snprintf(expected, sizeof expected, "REFUSED %d %s\n", r->status, r->why);
    const char *at = strstr(log, "REFUSED");
    return at != NULL && strcmp(at, expected) == 0;
}

static void expect_refusal(const struct refusal *r) {
    size_t size = strlen(r->bytes);
    char *log = log_of(r->bytes, size, size, size);
    ck_assert_msg(is_only_refusal(log, r), "'%s' is not '%d %s' but %s",
                  r->bytes, r->status, r->why, log);
    expect_same_in_pieces(r->bytes, size, log);
    free(log);
}

START_TEST(what_the_rfc_forbids_is_refused_in_any_pieces) {
    for (size_t i = 0; i < refusal_count; i++) {
        expect_refusal(&refusals[i]);
    }
}
END_TEST

// Its refusal must have no body, whenever it comes.
START_TEST(a_refused_head_is_known_as_one) {
    static const char *const lines[] = {"HEAD ", "HEAD /\n", "HEAD /\x01",
                                        "HEAD / HTTP/1.1\r\n \r\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        for (size_t piece = 1; piece < 40; piece += 38) {
            struct feeder *f = feeder_new();
            const char *at = lines[i];
            while (*at != '\0' &&
                   feed(f, at, strnlen(at, piece)) == HTTP1_MORE) {
                at += strnlen(at, piece);
            }
            ck_assert(f->parser.is_head);
            feeder_free(f);
        }
    }
    struct feeder *f = feeder_new();
    feed(f, "HEADS /\n", 8);
    ck_assert(!f->parser.is_head);
    feeder_free(f);
}
END_TEST

// A string literal ends at a NUL, so these rows stand alone.
START_TEST(a_nul_is_refused_anywhere) {
    static const char head[] = CHUNKED "1;a=b\r\nx\r\n0\r\nTrailer: c\r\n";
    const size_t size = sizeof head - 1;
    const char *data = strstr(head, "x\r\n0");
    for (size_t at = 0; at < size; at++) {
        char bytes[sizeof head];
        memcpy(bytes, head, sizeof head);
        bytes[at] = '\0';
        char *log = log_of(bytes, size, size, size);
        ck_assert((strstr(log, "REFUSED 400") != NULL) == (head + at != data));
        expect_log(bytes, size, 1, 1, log);
        free(log);
    }
}
END_TEST

START_TEST(a_refusal_is_final) {
    struct feeder *f = feeder_new();
    ck_assert_int_eq(feed(f, "\n", 1), HTTP1_REFUSED);
    ck_assert_int_eq(feed(f, HOST "\r\n", strlen(HOST "\r\n")), HTTP1_REFUSED);
    ck_assert(!http1_is_busy(&f->parser));
    feeder_free(f);
}
END_TEST

// ---- Each octet, in each place ----

static const char alphanumerics[] =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static bool is_among(int octet, const char *others) {
    return octet != 0 && (strchr(alphanumerics, octet) != NULL ||
                          strchr(others, octet) != NULL);
}

static void expect_accepted(const char *before, int octet, const char *after,
                            bool expected) {
    char bytes[256];
    int size = snprintf(bytes, sizeof bytes, "%s%c%s", before, octet, after);
    char *log = log_of(bytes, (size_t)size, (size_t)size, 1);
    ck_assert_msg((strstr(log, "REFUSED") == NULL) == expected,
                  "octet %d after '%s': %s", octet, before, log);
    free(log);
}

static void expect_octet_where_it_may_stand(int octet) {
    static const char token[] = "!#$%&'*+-.^_`|~";
    bool visible = octet > ' ' && octet < 127;
    expect_accepted("A", octet, "B / HTTP/1.1\r\nHost: a\r\n\r\n",
                    is_among(octet, token));
    expect_accepted("A /", octet, "b HTTP/1.1\r\nHost: a\r\n\r\n",
                    visible && strchr("\"#<>", octet) == NULL);
    expect_accepted(HOST "X", octet, ":b\r\n\r\n",
                    is_among(octet, token) || octet == ':');
    expect_accepted(HOST "X:a", octet, "b\r\n\r\n",
                    visible || octet == ' ' || octet == '\t' || octet > 127);
    expect_accepted(GET "Host: a", octet, "b\r\n\r\n",
                    is_among(octet, "-._~!$&'()*+,;="));
    expect_accepted(GET "Host: [a", octet, "b]\r\n\r\n",
                    is_among(octet, "-._~!$&'()*+,;=:"));
    expect_accepted(CHUNKED "", octet, "\r\n",
                    octet != 0 &&
                        strchr("0123456789abcdefABCDEF", octet) != NULL);
}

START_TEST(each_octet_may_stand_where_the_rfc_says) {
    for (int octet = 0; octet < 256; octet++) {
        expect_octet_where_it_may_stand(octet);
    }
}
END_TEST

// ---- Limits: at the boundary, and one over ----

// Feeds a text, then n octets of filling, then a text, whole and in pieces.
static char *log_filled(const char *before, size_t n, char filling,
                        const char *after) {
    size_t size = strlen(before) + n + strlen(after);
    char *bytes = malloc(size + 1);
    ck_assert_ptr_nonnull(bytes);
    strcpy(bytes, before);
    memset(bytes + strlen(before), filling, n);
    strcpy(bytes + strlen(before) + n, after);
    char *log = log_of(bytes, size, size, size);
    expect_log(bytes, size, size - 1, 1, log);
    expect_log(bytes, size, size - 3, 1, log);
    expect_log(bytes, size, 1000, 997, log);
    free(bytes);
    return log;
}

static void expect_at_most(size_t limit, const char *before, const char *after,
                           const char *refusal) {
    const char *fixed = strstr(before, "\r\n\r\n");
    fixed = fixed != NULL ? fixed + 4 : before;
    size_t room = limit - strlen(fixed) - strlen(after);
    char *log = log_filled(before, room, 'a', after);
    ck_assert_msg(strstr(log, "REFUSED") == NULL, "%s", log);
    free(log);
    log = log_filled(before, room + 1, 'a', after);
    const char *at = strstr(log, "REFUSED");
    ck_assert_ptr_nonnull(at);
    ck_assert_str_eq(at, refusal);
    free(log);
}

START_TEST(a_line_may_be_so_long) {
    expect_at_most(http1_max_line, "GET /", " HTTP/1.1\r\n",
                   "REFUSED 414 a target that is too long\n");
    expect_at_most(http1_max_line, "", " / HTTP/1.1\r\n",
                   "REFUSED 414 a target that is too long\n");
    char *log = log_filled("", http1_max_line, 'a', "");
    ck_assert_str_eq(log, "REFUSED 501 a method that is too long\n");
    free(log);
}
END_TEST

START_TEST(a_head_may_be_so_long) {
    expect_at_most(http1_max_head, HOST "X: ", "\r\n\r\n",
                   "REFUSED 431 fields that are too long\n");
    expect_at_most(http1_max_head, HOST, ":\r\n\r\n",
                   "REFUSED 431 fields that are too long\n");
}
END_TEST

START_TEST(a_head_may_have_so_many_fields) {
    char bytes[4096] = "GET / HTTP/1.0\r\n";
    for (int i = 0; i < http1_max_fields; i++) {
        strcat(bytes, "A:b\r\n");
    }
    size_t size = strlen(bytes);
    strcpy(bytes + size, "\r\n");
    char *log = log_of(bytes, size + 2, size + 2, 1);
    ck_assert_ptr_null(strstr(log, "REFUSED"));
    free(log);
    strcpy(bytes + size, "A:b\r\n\r\n");
    expect_log(bytes, size + 7, size + 7, 1, "REFUSED 431 too many fields\n");
    expect_log(bytes, size + 7, 1, 1, "REFUSED 431 too many fields\n");
    strcpy(bytes + size, "Content-Length: 0\r\n\r\n"); // counts, too
    expect_log(bytes, strlen(bytes), strlen(bytes), 1,
               "REFUSED 431 too many fields\n");
}
END_TEST

START_TEST(a_body_may_be_so_long) {
    static const char length[] = POST "Content-Length: %d\r\n\r\n";
    char bytes[256];
    for (int over = 0; over <= 1; over++) {
        int size = snprintf(bytes, sizeof bytes, length, http1_max_body + over);
        char *log = log_of(bytes, (size_t)size, (size_t)size, 1);
        ck_assert((strstr(log, "REFUSED 413") != NULL) == (over == 1));
        free(log);
        size = snprintf(bytes, sizeof bytes, CHUNKED "%x\r\n",
                        (unsigned)http1_max_body + (unsigned)over);
        log = log_of(bytes, (size_t)size, (size_t)size, 1);
        ck_assert((strstr(log, "REFUSED 413") != NULL) == (over == 1));
        free(log);
    }
}
END_TEST

START_TEST(the_limit_is_for_all_chunks_together) {
    struct feeder *f = feeder_new();
    char *chunk = calloc(1, 1 << 20);
    feed(f, CHUNKED, strlen(CHUNKED));
    for (int i = 0; i < http1_max_body / (1 << 20); i++) {
        feed(f, "100000\r\n", 8);
        feed(f, chunk, 1 << 20);
        ck_assert_int_eq(feed(f, "\r\n", 2), HTTP1_MORE);
    }
    ck_assert_uint_eq(f->body_size, http1_max_body);
    ck_assert_int_eq(feed(f, "1\r\n", 3), HTTP1_REFUSED);
    ck_assert_int_eq(f->parser.status, 413);
    feeder_free(f);
    free(chunk);
}
END_TEST

START_TEST(extensions_may_be_so_long) {
    static const char refusal[] =
        "REFUSED 400 a chunk extension that is too long\n";
    // In one line, and in many.
    expect_at_most(http1_max_extra, CHUNKED "1;", "\r\n", refusal);
    struct feeder *f = feeder_new();
    feed(f, CHUNKED, strlen(CHUNKED));
    for (int i = 0; i < http1_max_extra / 8; i++) {
        ck_assert_int_eq(feed(f, "1;8octets\r\nx\r\n", 14), HTTP1_MORE);
    }
    ck_assert_int_eq(feed(f, "1;a\r\n", 5), HTTP1_REFUSED);
    ck_assert_ptr_nonnull(strstr(f->log, refusal));
    feeder_free(f);
}
END_TEST

START_TEST(trailers_may_be_so_long) {
    static const char refusal[] = "REFUSED 431 trailers that are too long\n";
    char *log =
        log_filled(CHUNKED "0\r\nX:", http1_max_extra - 4, 'a', "\r\n\r\n");
    ck_assert_ptr_null(strstr(log, "REFUSED"));
    free(log);
    log = log_filled(CHUNKED "0\r\nX:", http1_max_extra - 3, 'a', "\r\n\r\n");
    ck_assert_ptr_nonnull(strstr(log, refusal));
    free(log);
    // Two lines together.
    log = log_filled(CHUNKED "0\r\nX:y\r\nX:", http1_max_extra - 8, 'a',
                     "\r\n\r\n");
    ck_assert_ptr_nonnull(strstr(log, refusal));
    free(log);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, a_request_in_any_pieces_gives_the_same_events);
    tcase_add_test(tests, every_prefix_waits_for_more);
    tcase_add_test(tests, requests_in_a_row_do_not_colour_each_other);
    tcase_add_test(tests, an_empty_line_is_no_beginning);
    tcase_add_test(tests, what_the_rfc_forbids_is_refused_in_any_pieces);
    tcase_add_test(tests, a_refused_head_is_known_as_one);
    tcase_add_test(tests, a_nul_is_refused_anywhere);
    tcase_add_test(tests, a_refusal_is_final);
    tcase_add_test(tests, each_octet_may_stand_where_the_rfc_says);
    tcase_add_test(tests, a_line_may_be_so_long);
    tcase_add_test(tests, a_head_may_be_so_long);
    tcase_add_test(tests, a_head_may_have_so_many_fields);
    tcase_add_test(tests, a_body_may_be_so_long);
    tcase_add_test(tests, the_limit_is_for_all_chunks_together);
    tcase_add_test(tests, extensions_may_be_so_long);
    tcase_add_test(tests, trailers_may_be_so_long);
}

int main(void) {
    return run_suite("06-http1 parser", add_tests);
}
