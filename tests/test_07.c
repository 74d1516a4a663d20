#define _POSIX_C_SOURCE 200809L
// Chapter 07 as its clients see it: the greeting, the acts, and the end.
#include "http2_client.h"

#include <signal.h>
#include <stdio.h>

// ---- What the reader sees ----

// In which order the fields come is for the client to say, and the versions of
// curl do not agree. So they are sorted.
START_TEST(greets_and_prints) {
    struct server s = server_start(PROGRAM, NULL);
    expect_text(
        shell(CURL "-A me -d 'a \"b\"\033' http://127.0.0.1:%d/any", s.port),
        "Hello, World!");
    char wanted[512];
    snprintf(wanted, sizeof wanted,
             "\"accept\": \"*/*\"\n"
             "\"content-length\": \"6\"\n"
             "\"content-type\": \"application/x-www-form-urlencoded\"\n"
             "\"user-agent\": \"me\"\n");
    expect_text(shell("sed -n 's/^Headers: {\\(.*\\)}$/\\1/p' %s |"
                      " sed 's/, /\\n/g' | LC_ALL=C sort",
                      s.log),
                wanted);
    snprintf(
        wanted, sizeof wanted,
        "Listening on: 127.0.0.1:%d\nReceived a request: POST /any\nHeaders: {",
        s.port);
    char *log = server_log(&s);
    ck_assert_msg(strncmp(log, wanted, strlen(wanted)) == 0, "%s", log);
    ck_assert_str_eq(strstr(log, "}\n"), "}\nBody: \"a \\\"b\\\"\\x1b\"\n");
    free(log);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(cuts_long_bodies) {
    struct server s = server_start(PROGRAM, NULL);
    char wanted[300];
    memset(wanted, 'x', sizeof wanted);
    strcpy(wanted + 200, "\"... (30000000 bytes)\n");
    expect_text(shell("head -c 30000000 /dev/zero | tr '\\0' x | " CURL
                      "--data-binary @- http://127.0.0.1:%d/",
                      s.port),
                "Hello, World!");
    expect_logged(&s, wanted);
    ck_assert_int_eq(server_stop(&s, SIGTERM), 0);
}
END_TEST

START_TEST(any_method_but_connect) {
    struct server s = server_start(PROGRAM, "--quiet", NULL);
    const char *const methods[] = {"GET", "PUT", "DELETE", "OPTIONS", "X-Y"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        expect_text(
            shell(CURL "-X %s 'http://127.0.0.1:%d/a?b'", methods[i], s.port),
            "Hello, World!");
    }
    char *head = shell(CURL "-I http://127.0.0.1:%d/", s.port);
    ck_assert(strstr(head, "HTTP/2 200") == head);
    ck_assert_ptr_nonnull(strstr(head, "content-length: 13"));
    ck_assert_ptr_nonnull(strstr(head, "date: "));
    ck_assert_ptr_null(strstr(head, "Hello"));
    free(head);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(tells_http1_clients) {
    struct server s = server_start(PROGRAM, NULL);
    char hint[80];
    snprintf(hint, sizeof hint,
             "    curl --http2-prior-knowledge http://127.0.0.1:%d/\n", s.port);
    expect_part(shell("curl -s http://127.0.0.1:%d/", s.port), hint);
    expect_part(shell("curl -si -d body http://127.0.0.1:%d/", s.port),
                "HTTP/1.1 505 HTTP Version Not Supported\r\n");
    expect_logged(&s, "Error serving connection: the client does not speak "
                      "HTTP/2\n");
    expect_text(shell(CURL "http://127.0.0.1:%d/", s.port), "Hello, World!");
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(real_clients) {
    struct server s = server_start(PROGRAM, "--quiet", "--threads", "2", NULL);
    expect_part(
        shell("h2load -n 20000 -c 8 -m 32 http://127.0.0.1:%d/ 2>&1", s.port),
        "20000 succeeded, 0 failed");
    expect_part(shell("h2load -n 5000 -c 1 -m 5000 -W 20 -w 10 "
                      "http://127.0.0.1:%d/ 2>&1",
                      s.port),
                "5000 succeeded, 0 failed");
    expect_part(shell("nghttp -v -H 'trailer: a' --trailer 'a: b' -d %s "
                      "http://127.0.0.1:%d/ 2>&1",
                      s.log, s.port),
                "Hello, World!");
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// ---- The acts ----

// Seconds that h2load takes for this many requests at once.
static double load(const struct server *s, int requests, int clients) {
    char wanted[40];
    snprintf(wanted, sizeof wanted, "%d succeeded, 0 failed", requests);
    double start = now();
    expect_part(shell("h2load -n %d -c %d -m 1000 http://127.0.0.1:%d/ 2>&1",
                      requests, clients, s->port),
                wanted);
    return now() - start;
}

START_TEST(sleeping_holds_nobody_up) {
    struct server s = server_start(PROGRAM, "sleeping", "--quiet",
                                   "--idle-timeout", "0.3", NULL);
    double seconds = load(&s, 100, 1); // not idle, for we owe an answer
    ck_assert_double_ge(seconds, 1.0);
    ck_assert_double_lt(seconds, 10.0); // and not a hundred
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(blocking_holds_everybody_up) {
    struct server s = server_start(PROGRAM, "blocking", "--quiet", NULL);
    ck_assert_double_ge(load(&s, 3, 3), 3.0);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(pooled_holds_nobody_up) {
    struct server s = server_start(PROGRAM, "pooled", "--quiet", NULL);
    double seconds = load(&s, 4, 4); // one for each thread of the pool
    ck_assert_double_ge(seconds, 1.0);
    ck_assert_double_lt(seconds, 3.9);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(pooled_survives_who_leaves) {
    struct server s = server_start(PROGRAM, "pooled", "--quiet", NULL);
    int fd = http2_connect(&s, NULL, 0);
    for (uint32_t stream = 1; stream < 20; stream += 2) {
        send_get(fd, stream); // more than the pool has threads
    }
    pause_ms(200);
    send_frame(fd, RST_STREAM, 0, 1, "\0\0\0\x08", 4);
    pause_ms(100);
    close(fd);
    expect_text(shell(CURL "http://127.0.0.1:%d/", s.port), "Hello, World!");
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// ---- The end ----

START_TEST(stopping_finishes_what_is_in_flight) {
    struct server s = server_start(PROGRAM, "sleeping", "--quiet", NULL);
    struct frame f;
    int silent = client_connect(&s);
    int fd = http2_connect(&s, NULL, 0);
    send_get(fd, 1);
    expect_frame(fd, &f, SETTINGS);
    pause_ms(200);
    kill(s.pid, SIGTERM);
    expect_frame(fd, &f, GOAWAY);
    ck_assert_uint_eq(number_at(&f, 0), 1); // the last that is answered
    ck_assert_uint_eq(number_at(&f, 4), 0); // NO_ERROR
    send_get(fd, 3);                        // too late
    expect_greeting(fd, 1);
    while (read_frame(fd, &f)) {
        ck_assert_uint_eq(f.stream, 0);
    }
    close(fd);
    close(silent);
    ck_assert_int_eq(server_stop(&s, 0), 0);
}
END_TEST

// Nothing but the future keeps the loop running then.
START_TEST(stopping_waits_for_a_half_closed_client) {
    struct server s = server_start(PROGRAM, "pooled", "--quiet", NULL);
    struct frame f;
    int fd = http2_connect(&s, NULL, 0);
    send_get(fd, 1);
    ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
    pause_ms(200);
    kill(s.pid, SIGTERM);
    expect_frame(fd, &f, GOAWAY);
    expect_greeting(fd, 1);
    ck_assert_int_eq(server_stop(&s, 0), 0);
    close(fd);
}
END_TEST

START_TEST(a_second_signal_ends_at_once) {
    struct server s = server_start(PROGRAM, "sleeping", "--quiet", NULL);
    int fd = http2_connect(&s, NULL, 0);
    struct frame f;
    send_get(fd, 1);
    expect_frame(fd, &f, SETTINGS);
    kill(s.pid, SIGINT);
    pause_ms(100);
    double start = now();
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
    ck_assert_double_lt(now() - start, 0.6);
    close(fd);
}
END_TEST

START_TEST(idle_clients_are_told) {
    struct server s =
        server_start(PROGRAM, "--quiet", "--idle-timeout", "0.3", NULL);
    int fd = http2_connect(&s, NULL, 0);
    int silent = client_connect(&s);
    char byte[2];
    expect_goaway(fd, 0);
    ck_assert_uint_eq(client_read(silent, byte, sizeof byte, 1), 0);
    close(fd);
    close(silent);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, greets_and_prints);
    tcase_add_test(tests, cuts_long_bodies);
    tcase_add_test(tests, any_method_but_connect);
    tcase_add_test(tests, tells_http1_clients);
    tcase_add_test(tests, real_clients);
    tcase_add_test(tests, sleeping_holds_nobody_up);
    tcase_add_test(tests, blocking_holds_everybody_up);
    tcase_add_test(tests, pooled_holds_nobody_up);
    tcase_add_test(tests, pooled_survives_who_leaves);
    tcase_add_test(tests, stopping_finishes_what_is_in_flight);
    tcase_add_test(tests, stopping_waits_for_a_half_closed_client);
    tcase_add_test(tests, a_second_signal_ends_at_once);
    tcase_add_test(tests, idle_clients_are_told);
}

int main(void) {
    return run_suite("07-http2", add_tests);
}
