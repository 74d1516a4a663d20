#define _POSIX_C_SOURCE 200809L
// Chapters 06 and 07 judge alike: one table of requests, each said to both servers in
// their own language, and one status that both must give.
#include "http2_client.h"
#include "http2_status.h"

#include <signal.h>
#include <stdio.h>

static struct server http1, http2;

static const struct request {
    int status;
    const char *method, *scheme, *host, *target;
    const char *name, *value; // one field more, or NULL
} requests[] = {
    {200, "GET", "http", "a", "/", NULL, NULL},
    {200, "HEAD", "http", "a", "/", NULL, NULL},
    {200, "BREW", "http", "a", "/pot?milk=1", NULL, NULL},
    {200, "OPTIONS", "http", "a", "*", NULL, NULL},
    {200, "GET", "http", "a:80", "/?q={|}^`\\[]", NULL, NULL},
    {200, "GET", "http", "[::1]:3000", "/", NULL, NULL},
    {200, "GET", "http", "a%20b", "/", NULL, NULL},
    {200, "POST", "http", "a", "/", "expect", "100-Continue,"},
    {200, "POST", "http", "a", "/", "expect", ""},
    {421, "GET", "https", "a", "/", NULL, NULL},
    {400, "GET", "ftp", "a", "/", NULL, NULL},
    {400, "GET", "http", "u@h", "/", NULL, NULL},
    {400, "GET", "http", "a b", "/", NULL, NULL},
    {400, "GET", "http", "a/b", "/", NULL, NULL},
    {400, "GET", "http", "a:x", "/", NULL, NULL},
    {400, "GET", "http", "a:1:2", "/", NULL, NULL},
    {400, "GET", "http", "[::1", "/", NULL, NULL},
    {400, "GET", "http", "%4g", "/", NULL, NULL},
    {400, "GET", "http", "h\xc3\xa9", "/", NULL, NULL},
    {400, "GET", "http", "a", "/", "host", "b"},
    {400, "GET", "http", "a", "/a#b", NULL, NULL},
    {400, "GET", "http", "a", "/\xc3\xa9", NULL, NULL},
    {400, "GET", "http", "a", "/\"a\"", NULL, NULL},
    {400, "GET", "http", "a", "/<a>", NULL, NULL},
    {400, "GET", "http", "a", "/a b", NULL, NULL},
    {400, "GET", "http", "a", "x", NULL, NULL},
    {400, "GET", "http", "a", "*", NULL, NULL},
    {400, "G T", "http", "a", "/", NULL, NULL},
    {417, "POST", "http", "a", "/", "expect", "tea"},
    {417, "POST", "http", "a", "/", "expect", "100-continue, tea"},
    {405, "TRACE", "http", "a", "/", NULL, NULL},
    {501, "CONNECT", NULL, "a:443", NULL, NULL, NULL},
};

// ---- In HTTP/1.1 ----

static int ask_http1(const struct request *r) {
    char text[512], reply[1024], target[128];
    bool is_plain = r->scheme == NULL || strcmp(r->scheme, "http") == 0;
    snprintf(target, sizeof target, "%s%s%s%s", is_plain ? "" : r->scheme,
             is_plain ? "" : "://", is_plain ? "" : r->host,
             r->target != NULL ? r->target : r->host);
    snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: %s\r\n%s%s%s%s\r\n",
             r->method, target, r->host, r->name != NULL ? r->name : "",
             r->name != NULL ? ": " : "", r->name != NULL ? r->value : "",
             r->name != NULL ? "\r\n" : "");
    int fd = client_connect(&http1);
    client_say(fd, text);
    client_read(fd, reply, sizeof reply, 12);
    close(fd);
    return atoi(reply + strlen("HTTP/1.1 "));
}

// ---- In HTTP/2 ----

// Packed the plain way: a literal, not Huffman coded, that enters no table.
static void add_field(struct bytes *b, const char *name, const char *value) {
    if (value != NULL) {
        const uint8_t head[] = {0, (uint8_t)strlen(name)};
        const uint8_t size = (uint8_t)strlen(value);
        add(b, head, sizeof head);
        add(b, name, strlen(name));
        add(b, &size, 1);
        add(b, value, strlen(value));
    }
}

// A stream that is reset for a mistake of the protocol is as good as a 400.
static int ask_http2(const struct request *r) {
    struct bytes list = {0};
    struct frame f;
    int fd = http2_connect(&http2, no_table, sizeof no_table - 1);
    add_field(&list, ":method", r->method);
    add_field(&list, ":scheme", r->scheme);
    add_field(&list, ":path", r->target);
    add_field(&list, ":authority", r->host);
    add_field(&list, r->name, r->value);
    send_frame(fd, HEADERS, END_HEADERS | END_STREAM, 1, list.at, list.size);
    free(list.at);
    do {
        ck_assert_msg(read_frame(fd, &f), "no answer");
    } while (f.type != HEADERS && f.type != RST_STREAM);
    close(fd);
    if (f.type == HEADERS) {
        return status_of(&f);
    }
    return number_at(&f, 0) == NGHTTP2_PROTOCOL_ERROR ? 400 : -1;
}

START_TEST(both_servers_give_the_same_verdict) {
    const struct request *r = &requests[_i];
    int in_http1 = ask_http1(r), in_http2 = ask_http2(r);
    ck_assert_msg(in_http1 == r->status && in_http2 == r->status,
                  "%s %s of %s, %s: %s: %d and %d, not %d", r->method,
                  r->target != NULL ? r->target : "", r->host,
                  r->name != NULL ? r->name : "",
                  r->name != NULL ? r->value : "", in_http1, in_http2,
                  r->status);
}
END_TEST

// ---- The suite ----

static void start_servers(void) {
    http1 = server_start("06-http1/http1", "--quiet", NULL);
    http2 = server_start(PROGRAM, "--quiet", NULL);
}

static void stop_servers(void) {
    ck_assert_int_eq(server_stop(&http1, SIGINT), 0);
    ck_assert_int_eq(server_stop(&http2, SIGINT), 0);
}

static void add_tests(TCase *tests) {
    tcase_add_unchecked_fixture(tests, start_servers, stop_servers);
    tcase_add_loop_test(tests, both_servers_give_the_same_verdict, 0,
                        sizeof requests / sizeof requests[0]);
}

int main(void) {
    return run_suite("07 verdicts", add_tests);
}
