#define _POSIX_C_SOURCE 200809L
// Chapter 07 against a client that speaks HTTP/2 frame by frame: as it may, as
// it may not, and as often as it can.
#include "http2_client.h"
#include "http2_status.h"

#include <nghttp2/nghttp2.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

// ---- Frames ----

START_TEST(in_any_pieces) {
    struct server s = server_start(PROGRAM, "--quiet", NULL);
    struct bytes b = {0};
    add(&b, preface, sizeof preface - 1);
    add_frame(&b, SETTINGS, 0, 0, NULL, 0);
    add_get(&b, 1);
    int fd = client_connect(&s);
    for (size_t i = 0; i < b.size; i++) {
        client_send(fd, b.at + i, 1);
        pause_ms(1);
    }
    expect_greeting(fd, 1);
    close(fd);
    free(b.at);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(body_and_trailers) {
    struct server s = server_start(PROGRAM, NULL);
    int fd = http2_connect(&s, NULL, 0);
    send_frame(fd, HEADERS, END_HEADERS, 1, get_headers,
               sizeof get_headers - 1);
    send_frame(fd, DATA, 0, 1, "one ", 4);
    send_frame(fd, DATA, PADDED, 1, "\x02two\0\0", 6);
    send_frame(fd, HEADERS, END_HEADERS | END_STREAM, 1, "\x00\x01t\x01u", 5);
    expect_greeting(fd, 1);
    expect_logged(&s, "Received a request: GET /\nHeaders: {}\n"
                      "Body: \"one two\"\n");
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// The interim answer is there before the body is sent.
START_TEST(who_expects_a_100_gets_it) {
    static const char expect[] = "\x00\x06"
                                 "expect\x0c"
                                 "100-Continue";
    struct server s = server_start(PROGRAM, "--quiet", NULL);
    int fd = http2_connect(&s, NULL, 0);
    struct bytes headers = {0};
    add(&headers, get_headers, sizeof get_headers - 1);
    add(&headers, expect, sizeof expect - 1);
    send_frame(fd, HEADERS, END_HEADERS, 1, headers.at, headers.size);
    free(headers.at);
    struct frame f;
    expect_frame(fd, &f, HEADERS);
    ck_assert_uint_eq(f.stream, 1);
    ck_assert_int_eq(f.flags, END_HEADERS);
    send_frame(fd, DATA, END_STREAM, 1, "body", 4);
    expect_greeting(fd, 1);
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(half_closed_client_gets_its_answer) {
    struct server s = server_start(PROGRAM, "sleeping", "--quiet", NULL);
    int fd = http2_connect(&s, NULL, 0);
    struct frame f;
    send_get(fd, 1);
    send_frame(fd, HEADERS, END_HEADERS, 3, get_headers,
               sizeof get_headers - 1); // never to be completed
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    expect_greeting(fd, 1);
    while (read_frame(fd, &f)) {
    }
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(answers_at_the_clients_pace) {
    struct server s = server_start(PROGRAM, "--quiet", NULL);
    int fd = http2_connect(&s, "\0\x04\0\0\0\0", 6); // a window of nothing
    struct frame f;
    send_get(fd, 1);
    expect_frame(fd, &f, HEADERS);
    for (int i = 0; i < 13; i++) {
        send_frame(fd, WINDOW_UPDATE, 0, 1, "\0\0\0\1", 4);
        expect_frame(fd, &f, DATA);
        ck_assert_uint_eq(f.size, 1);
        ck_assert_int_eq(f.payload[0], "Hello, World!"[i]);
        ck_assert_int_eq(f.flags, i == 12 ? END_STREAM : 0);
    }
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(connect_is_refused) {
    static const char connect[] = "\x02\x07"
                                  "CONNECT\x01\x04h:80";
    struct server s = server_start(PROGRAM, "--quiet", NULL);
    struct frame f;
    int fd = http2_connect(&s, no_table, sizeof no_table - 1);
    send_frame(fd, HEADERS, END_HEADERS, 1, connect, sizeof connect - 1);
    expect_frame(fd, &f, HEADERS);
    ck_assert_int_eq(status_of(&f), 501);
    send_get(fd, 3);
    expect_frame(fd, &f, HEADERS);
    ck_assert_int_eq(status_of(&f), 200);
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// ---- Clients that do not speak HTTP/2 ----

// What comes back before the server closes.
static void expect_text_for(const struct server *s, const char *said,
                            const char *begins, const char *ends) {
    char got[1024];
    int fd = client_connect(s);
    client_say(fd, said);
    size_t size = client_read(fd, got, sizeof got, sizeof got);
    close(fd);
    ck_assert_msg(strncmp(got, begins, strlen(begins)) == 0, "%s", got);
    ck_assert_msg(size >= strlen(ends) &&
                      strcmp(got + size - strlen(ends), ends) == 0,
                  "%s", got);
    if (*begins == '\0') {
        ck_assert_uint_eq(size, 0);
    }
}

START_TEST(http1_is_answered_and_garbage_is_not) {
    struct server s = server_start(PROGRAM, "--quiet", NULL);
    expect_text_for(&s, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 505 ",
                    "/\n");
    expect_text_for(&s, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 505 ",
                    "close\r\n\r\n");
    expect_text_for(&s, "\x16\x03\x01 HTTP/", "", ""); // as TLS says hello
    expect_text_for(&s, "GET /\r\n HTTP/1.1\r\n", "", "");
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// ---- Hostile clients ----

// With a content-length of 0.
static const char get_headers_no_body[] = "\x82\x86\x84\x01\x01h"
                                          "\x0f\x0d\x01\x30";

// What a client repeats; stream 0 in it stands for a new stream each time.
static const struct flood {
    const char *name;
    struct {
        int type, flags;
        uint32_t stream;
        const char *payload;
        size_t size;
    } frames[2];
} floods[] = {
#define GET get_headers, sizeof get_headers - 1
    {"ping", {{PING, 0, 0, "12345678", 8}}},
    {"settings", {{SETTINGS, 0, 0, "\0\3\0\0\0\x64", 6}}},
    {"window", {{WINDOW_UPDATE, 0, 0, "\0\0\0\1", 4}}},
    {"dribble", {{HEADERS, 5, 1, GET}, {WINDOW_UPDATE, 0, 1, "\0\0\0\1", 4}}},
    {"priority", {{PRIORITY, 0, 7, "\0\0\0\0\1", 5}}},
    {"reset", {{HEADERS, 5, 0, GET}, {RST_STREAM, 0, 0, "\0\0\0\x08", 4}}},
    {"reset by mistake",
     {{HEADERS, 4, 0, get_headers_no_body, sizeof get_headers_no_body - 1},
      {DATA, 0, 0, "x", 1}}},
    {"refused", {{HEADERS, 4, 0, GET}}},
    {"empty data", {{HEADERS, 4, 1, GET}, {DATA, 0, 1, "", 0}}},
    {"padding", {{HEADERS, 4, 1, GET}, {DATA, PADDED, 1, "\2\0\0", 3}}},
    {"continuation",
     {{HEADERS, 0, 1, GET}, {CONTINUATION, 0, 1, "\0\1a\1b", 5}}},
    {"empty continuation", {{HEADERS, 0, 1, GET}, {CONTINUATION, 0, 1, "", 0}}},
#undef GET
};

// Both frames, then the second again and again, or both if their stream is new
// each time.
static void add_flood(struct bytes *b, const struct flood *flood) {
    for (uint32_t i = 0; i < 4000; i++) {
        for (int k = 0; k < 2; k++) {
            uint32_t stream = flood->frames[k].stream;
            int type = flood->frames[k].type;
            bool is_new = stream == 0 && (type == HEADERS || k == 1);
            if (flood->frames[k].payload == NULL ||
                (k == 0 && i > 0 && type == HEADERS && !is_new)) {
                continue;
            }
            add_frame(b, type, flood->frames[k].flags,
                      is_new ? 2 * i + 1 : stream, flood->frames[k].payload,
                      flood->frames[k].size);
        }
    }
}

START_TEST(floods_end_in_goaway) {
    struct server s = server_start(PROGRAM, "--quiet", NULL);
    long before = resident_kb(&s);
    struct bytes b = {0};
    int fd = http2_connect(&s, NULL, 0);
    add_flood(&b, &floods[_i]);
    send_bytes(fd, &b);
    expect_goaway(fd, 11); // ENHANCE_YOUR_CALM
    close(fd);
    expect_logged(&s, "Error serving connection: ENHANCE_YOUR_CALM\n");
    if (!is_sanitized()) {
        ck_assert_int_lt(resident_kb(&s) - before, 2048);
    }
    expect_text(shell(CURL "http://127.0.0.1:%d/", s.port), "Hello, World!");
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// A body that comes after we have reset its stream was on its way, perhaps. So it
// is thrown away, but not for ever: nghttp2 says nothing of it, and it costs.
START_TEST(what_comes_after_our_reset_is_borne_for_a_while) {
    static const char connect[] = "\x02\x07"
                                  "CONNECT\x01\x04h:80";
    struct server s = server_start(PROGRAM, "--quiet", NULL);
    int fd = http2_connect(&s, NULL, 0);
    struct bytes flood = {0};
    struct frame f;
    send_frame(fd, HEADERS, END_HEADERS, 1, connect, sizeof connect - 1);
    expect_frame(fd, &f, RST_STREAM);
    for (int i = 0; i < 50; i++) {
        send_frame(fd, DATA, 0, 1, "x", 1);
    }
    send_frame(fd, WINDOW_UPDATE, 0, 1, "\0\0\0\1", 4);
    send_get(fd, 3);
    expect_greeting(fd, 3);
    for (int i = 0; i < 7000; i++) {
        add_frame(&flood, DATA, 0, 1, "", 0);
    }
    struct pollfd answer = {fd, POLLIN, 0};
    for (int i = 0; i < 4000 && poll(&answer, 1, 0) == 0; i++) {
        client_send(fd, flood.at, flood.size);
    }
    free(flood.at);
    expect_goaway(fd, NGHTTP2_ENHANCE_YOUR_CALM);
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// Patience comes back with answers and with time. nghttp2 has a bucket of its
// own for resets, which knows of no answers: it must not be the smaller one.
START_TEST(the_patient_client_is_not_punished) {
    struct server s = server_start(PROGRAM, "--quiet", NULL);
    int fd = http2_connect(&s, NULL, 0);
    struct frame f;
    for (uint32_t i = 0; i < 1500; i++) {
        struct bytes b = {0};
        if (i > 0) { // who has read the answer may still reset its stream
            add_frame(&b, RST_STREAM, 0, 4 * i - 1, "\0\0\0\x08", 4);
        }
        add_frame(&b, HEADERS, END_HEADERS, 4 * i + 1, get_headers,
                  sizeof get_headers - 1);
        add_frame(&b, RST_STREAM, 0, 4 * i + 1, "\0\0\0\x08", 4);
        add_get(&b, 4 * i + 3);
        send_bytes(fd, &b);
        expect_frame(fd, &f, DATA);
    }
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// Section 6.9.1: a window that is too large ends the stream or the connection,
// and the versions of nghttp2 do not agree on which.
START_TEST(a_window_has_a_largest_size) {
    struct server s = server_start(PROGRAM, "--quiet", NULL);
    int fd = http2_connect(&s, NULL, 0);
    struct frame f;
    send_frame(fd, HEADERS, END_HEADERS, 1, get_headers,
               sizeof get_headers - 1);
    send_frame(fd, WINDOW_UPDATE, 0, 1, "\x7f\xff\xff\xff", 4);
    do {
        ck_assert(read_frame(fd, &f));
    } while (f.type != RST_STREAM && f.type != GOAWAY);
    ck_assert_uint_eq(number_at(&f, f.type == GOAWAY ? 4 : 0),
                      NGHTTP2_FLOW_CONTROL_ERROR);
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// The error codes that RFC 9113 wants.
static const struct mistake {
    uint32_t error;
    int type, flags;
    uint32_t stream;
    const char *payload;
    size_t size;
} mistakes[] = {
    {6, PING, 0, 0, "1234567", 7},                     // section 6.7
    {1, PING, 0, 1, "12345678", 8},                    // section 6.7
    {6, SETTINGS, 0, 0, "12345", 5},                   // section 6.5
    {6, SETTINGS, ACK, 0, "\0\4\0\0\0\0", 6},          // section 6.5
    {1, SETTINGS, 0, 1, "", 0},                        // section 6.5
    {3, SETTINGS, 0, 0, "\0\4\x80\0\0\0", 6},          // section 6.5.2
    {3, WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff", 4},   // section 6.9.1
    {1, WINDOW_UPDATE, 0, 0, "\0\0\0\0", 4},           // section 6.9
    {1, HEADERS, 5, 0, "\x82", 1},                     // section 6.2
    {1, HEADERS, 5, 2, "\x82", 1},                     // section 5.1.1
    {9, HEADERS, 5, 1, "\xff\xff\xff\xff\xff\xff", 6}, // section 4.3
    {1, DATA, 0, 0, "x", 1},                           // section 6.1
    {1, DATA, 0, 5, "x", 1},                           // section 5.1
    {1, RST_STREAM, 0, 5, "\0\0\0\1", 4},              // section 6.4
    {1, CONTINUATION, 4, 1, "\x82", 1},                // section 6.10
    {1, PUSH_PROMISE, 4, 1, "\0\0\0\2", 4},            // section 8.4
    {1, PRIORITY, 0, 0, "\0\0\0\0\1", 5},              // section 6.3
};

START_TEST(mistakes_get_their_error) {
    struct server s = server_start(PROGRAM, "--quiet", NULL);
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        const struct mistake *m = &mistakes[i];
        int fd = http2_connect(&s, NULL, 0);
        send_frame(fd, m->type, m->flags, m->stream, m->payload, m->size);
        expect_goaway(fd, m->error);
        close(fd);
    }
    expect_text(shell(CURL "http://127.0.0.1:%d/", s.port), "Hello, World!");
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// Section 5.1: what may come on a stream that has ended, in `end`.
static void expect_error_after(const struct server *s, int end, int type,
                               uint32_t error) {
    int fd = http2_connect(s, NULL, 0);
    struct frame f;
    send_get(fd, 5);
    expect_greeting(fd, 5);
    if (end == RST_STREAM) {
        send_frame(fd, HEADERS, END_HEADERS, 7, get_headers,
                   sizeof get_headers - 1);
        send_frame(fd, RST_STREAM, 0, 7, "\0\0\0\x08", 4);
    }
    send_frame(fd, type, END_HEADERS | END_STREAM, end == RST_STREAM ? 7 : 5,
               get_headers, sizeof get_headers - 1);
    do {
        ck_assert_msg(read_frame(fd, &f), "no error");
    } while (f.type != GOAWAY && f.type != RST_STREAM);
    ck_assert_uint_eq(number_at(&f, f.type == GOAWAY ? 4 : 0), error);
    close(fd);
}

START_TEST(a_stream_that_has_ended_is_closed) {
    struct server s = server_start(PROGRAM, "--quiet", NULL);
    expect_error_after(&s, END_STREAM, DATA, 5); // STREAM_CLOSED
    expect_error_after(&s, END_STREAM, HEADERS, 5);
    expect_error_after(&s, RST_STREAM, DATA, 5);
    expect_error_after(&s, RST_STREAM, HEADERS, 5);
    int fd = http2_connect(&s, NULL, 0);
    send_get(fd, 5);
    expect_greeting(fd, 5);
    send_get(fd, 3); // section 5.1.1
    expect_goaway(fd, 1);
    close(fd);
    fd = http2_connect(&s, NULL, 0);
    send_frame(fd, PRIORITY, 0, 7, "\0\0\0\7\1", 5); // on itself, section 5.3.1
    expect_goaway(fd, 1);
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// Requests that are malformed (section 8.1.1): that stream is reset, and no
// other. Each is a list of packed fields, and what is wrong with it; then
// perhaps a frame that follows. GET is the usual three and authority. What one
// version of nghttp2 refuses by itself, the next may let through: so there is a
// row for each demand.
#define GET "\x82\x86\x84\x01\x01h"
#define ALONE(fields) fields, sizeof fields - 1, NULL, 0, 0, 0
#define THEN(fields, type, flags, payload)                                     \
    fields, sizeof fields - 1, payload, sizeof payload - 1, type, flags
static const struct {
    const char *wrong, *fields;
    size_t size;
    const char *payload; // NULL: no frame follows
    size_t payload_size;
    int type, flags;
} malformed[] = {
    // Section 8.3.1, what a request has.
    {"no method", ALONE("\x86\x84\x01\x01h")},
    {"no scheme", ALONE("\x82\x84\x01\x01h")},
    {"no path", ALONE("\x82\x86\x01\x01h")},
    {"an empty path", ALONE("\x82\x86\x04\x00\x01\x01h")},
    {"a path without a slash", ALONE("\x82\x86\x04\x01x\x01\x01h")},
    {"a space in the path", ALONE("\x82\x86\x04\x03/ x\x01\x01h")},
    {"two methods", ALONE(GET "\x82")},
    {"two paths", ALONE(GET "\x84")},
    {"two authorities", ALONE(GET "\x01\x01h")},
    {"a method that is no word", ALONE("\x02\x03G T\x86\x84\x01\x01h")},
    // Section 8.3.
    {"a status", ALONE(GET "\x88")},
    {"an unknown one with a colon", ALONE(GET "\x00\x02:x\x01y")},
    {"the path too late", ALONE("\x82\x86\x00\x01x\x01y\x84\x01\x01h")},
    {"a protocol, not offered", ALONE(GET "\x00\x09:protocol\x01x")},
    // Section 8.5.
    {"CONNECT without authority", ALONE("\x02\x07"
                                        "CONNECT")},
    {"CONNECT with a path", ALONE("\x02\x07"
                                  "CONNECT\x84\x01\x04h:80")},
    // Section 8.2.1, names and values.
    {"upper case", ALONE(GET "\x00\x01X\x01y")},
    {"a space in a name", ALONE(GET "\x00\x01 \x01y")},
    {"a DEL in a name", ALONE(GET "\x00\x01\x7f\x01y")},
    {"a colon in a name", ALONE(GET "\x00\x03x:z\x01y")},
    {"an empty name", ALONE(GET "\x00\x00\x01y")},
    {"a CR", ALONE(GET "\x00\x01x\x03y\rz")},
    {"an LF", ALONE(GET "\x00\x01x\x03y\nz")},
    {"a NUL", ALONE(GET "\x00\x01x\x03y\0z")},
    {"a space before a value", ALONE(GET "\x00\x01x\x02 y")},
    {"a tab behind a value", ALONE(GET "\x00\x01x\x02y\t")},
    // Section 8.2.2, what is for one connection only.
    {"connection", ALONE(GET "\x00\x0a"
                             "connection\x05"
                             "close")},
    {"proxy-connection", ALONE(GET "\x00\x10proxy-connection\x01x")},
    {"keep-alive", ALONE(GET "\x00\x0akeep-alive\x01x")},
    {"transfer-encoding", ALONE(GET "\x00\x11transfer-encoding\x07"
                                    "chunked")},
    {"upgrade", ALONE(GET "\x00\x07upgrade\x03h2c")},
    {"te", ALONE(GET "\x00\x02te\x04gzip")},
    // Section 8.1.1, the length; 0f 0d is its name.
    {"5 bytes, and none come", ALONE(GET "\x0f\x0d\x01\x35")},
    {"5 bytes, and 4 come",
     THEN(GET "\x0f\x0d\x01\x35", DATA, END_STREAM, "four")},
    {"5 bytes, and 6 come", THEN(GET "\x0f\x0d\x01\x35", DATA, 0, "sixsix")},
    {"so many bytes", ALONE(GET "\x0f\x0d\x02\x35x")},
    {"more than there are", ALONE(GET "\x0f\x0d\x14\x39"
                                      "9999999999999999999")},
    {"two lengths", ALONE(GET "\x0f\x0d\x01\x30\x0f\x0d\x01\x30")},
    // Section 8.1, the fields after a body.
    {"a path in them", THEN(GET, HEADERS, END_HEADERS | END_STREAM, "\x84")},
    {"they do not end it", THEN(GET, HEADERS, END_HEADERS, "\x00\x01x\x01y")},
    {"upper case in them",
     THEN(GET, HEADERS, END_HEADERS | END_STREAM, "\x00\x01X\x01y")},
    {"a space in a name of them",
     THEN(GET, HEADERS, END_HEADERS | END_STREAM, "\x00\x01 \x01y")},
};
#undef THEN
#undef ALONE
#undef GET

START_TEST(malformed_requests_are_reset) {
    struct server s = server_start(PROGRAM, "--quiet", NULL);
    int fd = http2_connect(&s, NULL, 0);
    struct frame f;
    uint32_t stream = 1;
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        bool is_all = malformed[i].payload == NULL;
        send_frame(fd, HEADERS, END_HEADERS | (is_all ? END_STREAM : 0), stream,
                   malformed[i].fields, malformed[i].size);
        if (!is_all) {
            send_frame(fd, malformed[i].type, malformed[i].flags, stream,
                       malformed[i].payload, malformed[i].payload_size);
        }
        do {
            ck_assert(read_frame(fd, &f));
            ck_assert_msg(f.type != HEADERS && f.type != GOAWAY, "%s: frame %d",
                          malformed[i].wrong, f.type);
        } while (f.type != RST_STREAM);
        ck_assert_uint_eq(f.stream, stream);
        ck_assert_msg(number_at(&f, 0) == 1, "%s: not PROTOCOL_ERROR",
                      malformed[i].wrong);
        stream += 2;
    }
    send_get(fd, stream);
    expect_greeting(fd, stream);
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// A request with a header of so many bytes, which enters the table, and then
// that header so many times again, packed in a byte each.
static void send_bomb(int fd, uint32_t stream, size_t size, size_t again) {
    struct bytes b = {0}, frame = {0};
    uint8_t head[] = {0x40, 1, 'x', 0x7f, 0, (uint8_t)((size - 127) / 128)};
    head[4] = (uint8_t)(0x80 | ((size - 127) % 128));
    add(&b, get_headers, sizeof get_headers - 1);
    add(&b, head, sizeof head);
    for (size_t i = 0; i < size + again; i++) {
        add(&b, i < size ? "a" : "\xbe", 1);
    }
    add_frame(&frame, HEADERS, END_HEADERS | END_STREAM, stream, b.at, b.size);
    send_bytes(fd, &frame);
    free(b.at);
}

START_TEST(header_lists_are_bounded) {
    struct server s = server_start(PROGRAM, NULL);
    int fd = http2_connect(&s, no_table, sizeof no_table - 1);
    struct frame f;
    send_bomb(fd, 1, 4000, 3); // just under 16 KiB
    expect_greeting(fd, 1);
    send_bomb(fd, 3, 4000, 4); // just above
    expect_frame(fd, &f, HEADERS);
    ck_assert_int_eq(status_of(&f), 431);
    expect_frame(fd, &f, DATA);
    send_bomb(fd, 5, 4000, 12000); // 48 MB, if anybody unpacked it
    expect_frame(fd, &f, RST_STREAM);
    ck_assert_uint_eq(f.stream, 5);
    send_get(fd, 7);
    expect_greeting(fd, 7);
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// What comes after the body counts as well: 48 MB again.
START_TEST(trailers_are_bounded) {
    struct server s = server_start(PROGRAM, NULL);
    int fd = http2_connect(&s, NULL, 0);
    char bomb[12000];
    struct frame f;
    send_bomb(fd, 1, 4000, 0);
    expect_greeting(fd, 1);
    memset(bomb, '\xbe', sizeof bomb);
    send_frame(fd, HEADERS, END_HEADERS, 3, get_headers,
               sizeof get_headers - 1);
    send_frame(fd, HEADERS, END_HEADERS | END_STREAM, 3, bomb, sizeof bomb);
    expect_frame(fd, &f, RST_STREAM);
    ck_assert_uint_eq(f.stream, 3);
    ck_assert_uint_eq(number_at(&f, 0), 11); // ENHANCE_YOUR_CALM
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(bombs_end_in_goaway) {
    struct server s = server_start(PROGRAM, "--quiet", NULL);
    int fd = http2_connect(&s, NULL, 0);
    send_bomb(fd, 1, 4000, 0);
    for (uint32_t stream = 3; stream < 203; stream += 2) {
        struct bytes b = {0}, frame = {0};
        add(&b, get_headers, sizeof get_headers - 1);
        add(&b, "\xbe\xbe\xbe\xbe\xbe", 5); // 20000 bytes
        add_frame(&frame, HEADERS, END_HEADERS | END_STREAM, stream, b.at,
                  b.size);
        send_bytes(fd, &frame);
        free(b.at);
    }
    expect_goaway(fd, 11);
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// It holds 1000 answers that nobody takes and 512 KB of headers, and no more.
START_TEST(a_window_that_never_opens) {
    struct server s = server_start(PROGRAM, NULL);
    long before = resident_kb(&s);
    struct bytes b = {0};
    struct frame f;
    int fd = http2_connect(&s, "\0\x04\0\0\0\0", 6);
    for (uint32_t i = 0; i < 100; i++) {
        add_get(&b, 2 * i + 1);
    }
    send_bytes(fd, &b);
    for (int i = 0; i < 100; i++) {
        expect_frame(fd, &f, HEADERS);
    }
    send_bomb(fd, 201, 4000, 2); // one too many
    expect_frame(fd, &f, RST_STREAM);
    ck_assert_uint_eq(number_at(&f, 0), 7); // REFUSED_STREAM
    if (!is_sanitized()) {
        ck_assert_int_lt(resident_kb(&s) - before, 3072);
    }
    expect_text(shell(CURL "http://127.0.0.1:%d/", s.port), "Hello, World!");
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(header_text_is_bounded) {
    struct server s = server_start(PROGRAM, NULL);
    int fd = http2_connect(&s, NULL, 0);
    struct bytes b = {0};
    struct frame f;
    char long_header[12006] = "\x00\x01x\x7f\xe1\x5c"; // of 12000 bytes
    memset(long_header + 6, 'a', 12000);
    for (uint32_t i = 0; i < 100; i++) { // none of them complete
        add_frame(&b, HEADERS, 0, 2 * i + 1, get_headers,
                  sizeof get_headers - 1);
        add_frame(&b, CONTINUATION, END_HEADERS, 2 * i + 1, long_header,
                  sizeof long_header);
    }
    send_bytes(fd, &b);
    // Each has five fields and some 12,020 octets: 41 fit into half a megabyte.
    for (uint32_t i = 41; i < 100; i++) {
        expect_frame(fd, &f, RST_STREAM);
        ck_assert_uint_eq(f.stream, 2 * i + 1);
        ck_assert_uint_eq(number_at(&f, 0), 7); // REFUSED_STREAM
    }
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// Busy with pings and with the crumbs of a body: a request that never ends. It gets
// a word, and the connection lives on. Who never introduces itself does not.
START_TEST(slow_requests_are_ended) {
    struct server s =
        server_start(PROGRAM, "--quiet", "--request-timeout", "0.3", NULL);
    int fd = http2_connect(&s, no_table, sizeof no_table - 1);
    int slow = client_connect(&s);
    const char *introduction = preface;
    struct frame f;
    double start = now();
    send_frame(fd, HEADERS, END_HEADERS, 1, get_headers,
               sizeof get_headers - 1);
    do {
        send_frame(fd, DATA, 0, 1, "x", 1);
        send_frame(fd, PING, 0, 0, "12345678", 8);
        if (*introduction != '\0') {
            client_send(slow, introduction++, 1);
        }
        pause_ms(20);
        ck_assert(read_frame(fd, &f));
    } while (f.type != HEADERS && now() - start < 5);
    ck_assert_double_ge(now() - start, 0.3);
    ck_assert_uint_eq(f.stream, 1);
    ck_assert_int_eq(status_of(&f), 408);
    expect_frame(fd, &f, RST_STREAM);
    ck_assert_uint_eq(number_at(&f, 0), 0); // the rest is not wanted
    expect_logged(&s, "Error serving connection: too long for one request\n");
    send_get(fd, 3);
    expect_frame(fd, &f, HEADERS);
    ck_assert_int_eq(status_of(&f), 200);
    close(fd);
    char byte[2];
    ck_assert_uint_eq(client_read(slow, byte, sizeof byte, 1), 0);
    close(slow);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(answers_must_be_taken) {
    struct server s =
        server_start(PROGRAM, "--quiet", "--request-timeout", "0.3", NULL);
    int fd = http2_connect(&s, "\0\x04\0\0\0\0", 6); // a window of nothing
    double start = now();
    send_get(fd, 1);
    expect_goaway(fd, 0);
    ck_assert_double_ge(now() - start, 0.3);
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// Slow, but it gets on: each body takes longer than the time for a request.
START_TEST(steady_clients_are_not) {
    struct server s =
        server_start(PROGRAM, "--quiet", "--request-timeout", "0.3", NULL);
    int fd = http2_connect(&s, NULL, 0);
    char piece[16384] = {0};
    send_frame(fd, HEADERS, END_HEADERS, 1, get_headers,
               sizeof get_headers - 1);
    for (int i = 0; i < 36; i++) {
        send_frame(fd, DATA, i == 35 ? END_STREAM : 0, 1, piece, sizeof piece);
        pause_ms(20);
    }
    expect_greeting(fd, 1);
    pause_ms(400);
    send_get(fd, 3); // idle in between is something else
    expect_greeting(fd, 3);
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(idle_connections_are_small) {
    enum { warm = 100, count = 400 };
    struct server s = server_start(PROGRAM, "--quiet", NULL);
    long before = 0;
    for (int i = 0; i < warm + count; i++) {
        if (i == warm) {
            before = resident_kb(&s);
        }
        int fd = http2_connect(&s, NULL, 0); // stays open until we exit
        send_get(fd, 1);
        expect_greeting(fd, 1);
    }
    if (!is_sanitized()) {
        long each = (resident_kb(&s) - before) * 1024 / count;
        ck_assert_int_le(each, 15000);
    }
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, in_any_pieces);
    tcase_add_test(tests, body_and_trailers);
    tcase_add_test(tests, half_closed_client_gets_its_answer);
    tcase_add_test(tests, answers_at_the_clients_pace);
    tcase_add_test(tests, connect_is_refused);
    tcase_add_test(tests, who_expects_a_100_gets_it);
    tcase_add_test(tests, http1_is_answered_and_garbage_is_not);
    tcase_add_test(tests, what_comes_after_our_reset_is_borne_for_a_while);
    tcase_add_loop_test(tests, floods_end_in_goaway, 0,
                        sizeof floods / sizeof floods[0]);
    tcase_add_test(tests, the_patient_client_is_not_punished);
    tcase_add_test(tests, a_window_has_a_largest_size);
    tcase_add_test(tests, mistakes_get_their_error);
    tcase_add_test(tests, a_stream_that_has_ended_is_closed);
    tcase_add_test(tests, malformed_requests_are_reset);
    tcase_add_test(tests, header_lists_are_bounded);
    tcase_add_test(tests, trailers_are_bounded);
    tcase_add_test(tests, bombs_end_in_goaway);
    tcase_add_test(tests, slow_requests_are_ended);
    tcase_add_test(tests, answers_must_be_taken);
    tcase_add_test(tests, steady_clients_are_not);
    tcase_add_test(tests, a_window_that_never_opens);
    tcase_add_test(tests, header_text_is_bounded);
    tcase_add_test(tests, idle_connections_are_small);
}

int main(void) {
    return run_suite("07-http2 frames", add_tests);
}
