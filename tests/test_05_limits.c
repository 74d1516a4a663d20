#define _POSIX_C_SOURCE 200809L
// Chapter 05 before clients that mean no good, or that are too many: what they
// can cost is bounded, and nobody else notices them.
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM "05-libuv-tcp/echo"

// KiB that a server may grow by in a test: far less than a flood, and room for
// what the sanitizers keep.
enum { slack = 8 * 1024 };

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void expect_echo(int fd, const char *text) {
    char answer[256];
    client_say(fd, text);
    client_read(fd, answer, sizeof answer, strlen(text));
    ck_assert_str_eq(answer, text);
}

static void expect_end_of_stream(int fd) {
    char answer[8];
    ck_assert_uint_eq(client_read(fd, answer, sizeof answer, 1), 0);
}

static bool is_readable(int fd, int ms) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, ms) == 1;
}

// An echo at once, by now.
static void expect_service(const struct server *s) {
    int fd = client_connect(s);
    expect_echo(fd, "and me?");
    close(fd);
}

static void reset(int fd) {
    struct linger at_once = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
}

// ---- Backpressure ----

enum { piece = 64 * 1024, total = 64 * 1024 * 1024 };

// The byte that stands there in the 64 MB.
static char byte_at(size_t at) {
    return (char)(at * 7 + at / 4096);
}

// Sends what goes without waiting. RETURNS how far.
static size_t send_some(int fd, size_t from) {
    char bytes[piece];
    while (from < total) {
        size_t size = total - from < piece ? total - from : piece;
        for (size_t i = 0; i < size; i++) {
            bytes[i] = byte_at(from + i);
        }
        ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            ck_assert(errno == EAGAIN || errno == EWOULDBLOCK);
            break;
        }
        from += (size_t)n;
    }
    return from;
}

static size_t wrong_bytes(const char *bytes, size_t size, size_t from) {
    size_t wrong = 0;
    for (size_t i = 0; i < size; i++) {
        wrong += bytes[i] != byte_at(from + i);
    }
    return wrong;
}

static size_t read_some(int fd, size_t from) {
    char bytes[piece];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    ck_assert(n > 0 || (n < 0 && errno == EAGAIN));
    if (n < 0) {
        return from;
    }
    ck_assert_uint_eq(wrong_bytes(bytes, (size_t)n, from), 0);
    return from + (size_t)n;
}

// Sends until nothing has gone for 200 ms.
static size_t send_until_stuck(int fd) {
    size_t sent = 0;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    while (sent < total && poll(&p, 1, 200) == 1) {
        sent = send_some(fd, sent);
    }
    return sent;
}

// Three clients with 64 MB each, who do not read. Each costs what the kernel
// keeps, and 64 KiB of ours. One of them reads after all, and gets everything.
START_TEST(who_does_not_read_is_not_read) {
    struct server s = server_start(PROGRAM, NULL);
    int fds[3];
    size_t sent = 0, received = 0;
    expect_service(&s);
    long before = server_memory(&s);
    for (int i = 0; i < 3; i++) {
        fds[i] = client_connect(&s);
        sent = send_until_stuck(fds[i]);
        ck_assert_uint_lt(sent, total);
    }
    double cpu = server_cpu(&s);
    pause_ms(300);
    ck_assert(server_cpu(&s) - cpu < 0.1);
    ck_assert_int_lt(server_memory(&s) - before, slack);
    expect_service(&s);
    double start = seconds();
    while (received < total && seconds() - start < 30) {
        struct pollfd p = {.fd = fds[2],
                           .events = POLLIN | (sent < total ? POLLOUT : 0)};
        ck_assert_int_eq(poll(&p, 1, 5000), 1);
        sent = p.revents & POLLOUT ? send_some(fds[2], sent) : sent;
        received = p.revents & POLLIN ? read_some(fds[2], received) : received;
    }
    ck_assert_uint_eq(received, total);
    for (int i = 0; i < 3; i++) {
        close(fds[i]);
    }
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// The same while a second of work is under way for what was sent first.
START_TEST(who_waits_for_work_is_not_read) {
    struct server s = server_start(PROGRAM, "pooled", "--quiet", NULL);
    int fd = client_connect(&s);
    long before = server_memory(&s);
    size_t sent = send_until_stuck(fd);
    ck_assert_uint_lt(sent, total);
    ck_assert_int_lt(server_memory(&s) - before, slack);
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// ---- Clients that leave, or say nothing ----

START_TEST(a_reset_ends_one_connection) {
    struct server s = server_start(PROGRAM, NULL);
    int other = client_connect(&s), fd = client_connect(&s);
    expect_echo(other, "hello");
    expect_echo(fd, "hello");
    reset(fd);
    expect_logged(&s, "Error serving connection: connection reset by peer\n");
    fd = client_connect(&s); // and one that leaves while it does not read
    send_until_stuck(fd);
    reset(fd);
    expect_echo(other, "still here");
    reset(other);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// Each reset is an error. Of a thousand the first are told, and their number.
START_TEST(a_storm_of_resets_is_no_storm_of_lines) {
    struct server s = server_start(PROGRAM, NULL);
    for (int i = 0; i < 1000; i++) {
        int fd = client_connect(&s);
        expect_echo(fd, "x");
        reset(fd);
    }
    expect_logged(&s, " more like these\n"); // a second later, by itself
    char *log = server_log(&s);
    int lines = 0;
    for (const char *at = log; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    ck_assert_int_ge(lines, 20);
    ck_assert_int_le(lines, 200);
    free(log);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// Those of the last second are told at the end. Together they are all.
START_TEST(each_error_is_told_or_counted) {
    struct server s = server_start(PROGRAM, NULL);
    char log[64];
    int told = 0, more = 0, number;
    strcpy(log, s.log);
    for (int i = 0; i < 300; i++) {
        int fd = client_connect(&s);
        expect_echo(fd, "x");
        reset(fd);
    }
    int last = client_connect(&s);
    expect_echo(last, "x"); // so the resets before have been heard
    close(last);
    FILE *f = fopen(log, "r"); // stays open when the harness deletes it
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
    char line[256];
    while (fgets(line, sizeof line, f) != NULL) {
        told += strncmp(line, "Error serving", 13) == 0;
        more += sscanf(line, "Error: %d more", &number) == 1 ? number : 0;
    }
    fclose(f);
    ck_assert_int_gt(more, 0);
    ck_assert_int_eq(told + more, 300);
}
END_TEST

// Silence ends a connection, and so does not to take the answers. A byte now
// and then keeps it.
START_TEST(who_is_silent_too_long_is_closed) {
    struct server s = server_start(PROGRAM, "--idle-timeout", "1", NULL);
    int greedy = client_connect(&s);
    send_until_stuck(greedy);
    double start = seconds();
    int silent = client_connect(&s), slow = client_connect(&s);
    for (int i = 0; i < 2; i++) {
        pause_ms(250);
        expect_echo(slow, "x");
    }
    expect_end_of_stream(silent);
    double end = seconds() - start;
    ck_assert(end >= 1 && end < 4);
    expect_logged(
        &s, "Error serving connection: the client does not take its answers\n");
    expect_end_of_stream(slow);
    ck_assert(seconds() - start >= 0.5 + 1);
    close(silent);
    close(slow);
    close(greedy);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// ---- Too many ----

START_TEST(more_than_the_most_wait_outside) {
    struct server s = server_start(PROGRAM, "--max-connections", "2", NULL);
    int fds[4];
    for (int i = 0; i < 4; i++) {
        fds[i] = client_connect(&s);
    }
    expect_echo(fds[0], "hello");
    expect_echo(fds[1], "hello");
    client_say(fds[2], "me too");
    client_say(fds[3], "me too");
    ck_assert(!is_readable(fds[2], 200) && !is_readable(fds[3], 0));
    for (int i = 0; i < 2; i++) { // one leaves, one comes in
        char answer[16];
        close(fds[i]);
        ck_assert_uint_eq(client_read(fds[i + 2], answer, sizeof answer, 6), 6);
    }
    close(fds[2]);
    close(fds[3]);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// `ulimit -n 64` and 200 clients. Some are served, the others wait outside,
// and the CPU is idle. Whoever is served leaves, until all have been.
START_TEST(out_of_descriptors) {
    char path[512];
    snprintf(path, sizeof path, "%s/" PROGRAM, getenv("BUILD"));
    struct server s =
        server_start("/bin/bash", "-c", "ulimit -n 64; exec \"$0\" \"$@\"",
                     path, "--threads", _i == 0 ? "1" : "3", NULL);
    enum { count = 200 };
    struct pollfd fds[count];
    for (int i = 0; i < count; i++) {
        fds[i] = (struct pollfd){client_connect(&s), POLLIN, 0};
        client_say(fds[i].fd, "hello");
    }
    int served = 0;
    pause_ms(200);
    ck_assert_int_ge(poll(fds, count, 0), _i == 0 ? 30 : 9);
    ck_assert_int_lt(poll(fds, count, 0), 64);
    double cpu = server_cpu(&s);
    pause_ms(500);
    ck_assert(server_cpu(&s) - cpu < 0.1);
    while (served < count && poll(fds, count, 5000) > 0) {
        for (int i = 0; i < count; i++) {
            char answer[8];
            if (fds[i].revents != 0) {
                client_read(fds[i].fd, answer, sizeof answer, 5);
                ck_assert_str_eq(answer, "hello");
                close(fds[i].fd);
                fds[i].fd = -1;
                served++;
            }
        }
    }
    ck_assert_int_eq(served, count);
    char *log = server_log(&s);
    ck_assert_ptr_null(strstr(log, "Error"));
    free(log);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// Those of connections that are over are closed, all within three seconds.
static void expect_few_descriptors(const struct server *s) {
    int count = 1000;
    for (int i = 0; i < 30 && count >= 30; i++) {
        char *text = shell("ls /proc/%d/fd | wc -l", (int)s->pid);
        count = atoi(text);
        free(text);
        pause_ms(i > 0 ? 100 : 0);
    }
    ck_assert_int_lt(count, 30);
}

// Who does not wait for its work gives its place back, also if a hundred stand
// in line before it.
START_TEST(who_leaves_while_it_waits_for_work_is_noticed) {
    struct server s = server_start(PROGRAM, "pooled", "--quiet", NULL);
    int fds[100];
    for (int i = 0; i < 100; i++) {
        fds[i] = client_connect(&s);
        client_say(fds[i], "work");
    }
    pause_ms(100);
    for (int i = 0; i < 100; i++) {
        reset(fds[i]);
    }
    expect_few_descriptors(&s);
    int fd = client_connect(&s);
    expect_echo(fd, "and I am not the hundredth");
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// Many who come and go, with a reset or without: nothing stays behind.
START_TEST(a_thousand_come_and_go) {
    struct server s = server_start(PROGRAM, "--threads", "2", NULL);
    long before = 0;
    for (int round = 0; round < 40; round++) {
        int fds[50];
        for (int i = 0; i < 50; i++) {
            fds[i] = client_connect(&s);
            client_say(fds[i], "hello");
        }
        for (int i = 0; i < 50; i++) {
            if (i % 3 == 0) {
                expect_echo(fds[i], "");
            }
            if (i % 2 == 0) {
                reset(fds[i]);
            } else {
                close(fds[i]);
            }
        }
        before = round == 10 ? server_memory(&s) : before;
    }
    expect_service(&s);
    ck_assert_int_lt(server_memory(&s) - before, slack);
    expect_few_descriptors(&s);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// ---- The end ----

// What is in flight still arrives, then the end; new clients are refused.
START_TEST(stops_when_the_answers_are_out) {
    struct server s = server_start(PROGRAM, "--threads", "2", NULL);
    int fd = client_connect(&s), idle = client_connect(&s);
    size_t sent = send_until_stuck(fd), received = 0;
    expect_echo(idle, "hello");
    kill(s.pid, SIGTERM);
    expect_end_of_stream(idle);
    close(idle);
    char *text = shell("for i in $(seq 50); do bash -c "
                       "'exec 3<>/dev/tcp/127.0.0.1/%d' 2>/dev/null || "
                       "{ echo refused; break; }; sleep 0.05; done",
                       s.port);
    ck_assert_str_eq(text, "refused\n");
    free(text);
    char *bytes = malloc(sent + 1);
    ck_assert_ptr_nonnull(bytes);
    received = client_read(fd, bytes, sent + 1, sent);
    // Not all that the client has sent, but all that the server had read.
    ck_assert_uint_gt(received, piece);
    ck_assert_uint_eq(wrong_bytes(bytes, received, 0), 0);
    free(bytes);
    close(fd);
    ck_assert_int_eq(server_stop(&s, 0), 0);
}
END_TEST

static double seconds_to_stop(struct server *s, int signal) {
    double start = seconds();
    ck_assert_int_eq(server_stop(s, signal), 0);
    return seconds() - start;
}

// A client that never reads is waited for: the grace time, or until the user
// says it again.
START_TEST(stops_after_the_grace_time_or_a_second_signal) {
    struct server s = server_start(PROGRAM, "--grace", "1", NULL);
    struct server t =
        server_start(PROGRAM, "--grace", "60", "--threads", "2", NULL);
    int one = client_connect(&s), two = client_connect(&t);
    send_until_stuck(one);
    send_until_stuck(two);
    kill(t.pid, SIGINT);
    double took = seconds_to_stop(&s, SIGINT);
    ck_assert(took >= 1 && took < 4);
    ck_assert(seconds_to_stop(&t, SIGINT) < 2);
    close(one);
    close(two);
}
END_TEST

// A client that says nothing and does not leave has two seconds to do so.
START_TEST(does_not_wait_for_idle_clients) {
    struct server s = server_start(PROGRAM, NULL);
    int fd = client_connect(&s);
    expect_echo(fd, "hello");
    double took = seconds_to_stop(&s, SIGINT);
    ck_assert(took < 4);
    close(fd);
}
END_TEST

// Whoever says it over and over: it ends, and all the same with status 0.
START_TEST(any_number_of_signals) {
    for (int i = 0; i < 20; i++) {
        struct server s = server_start(PROGRAM, "--threads", "2", NULL);
        kill(s.pid, SIGINT);
        pid_t again = fork();
        if (again == 0) {
            while (kill(s.pid, i % 2 == 0 ? SIGINT : SIGTERM) == 0) {
                nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
            }
            _exit(0);
        }
        ck_assert_int_eq(server_stop(&s, SIGINT), 0);
        kill(again, SIGKILL);
        waitpid(again, NULL, 0);
    }
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, who_does_not_read_is_not_read);
    tcase_add_test(tests, who_waits_for_work_is_not_read);
    tcase_add_test(tests, a_reset_ends_one_connection);
    tcase_add_test(tests, each_error_is_told_or_counted);
    tcase_add_test(tests, a_storm_of_resets_is_no_storm_of_lines);
    tcase_add_test(tests, who_is_silent_too_long_is_closed);
    tcase_add_test(tests, more_than_the_most_wait_outside);
    tcase_add_loop_test(tests, out_of_descriptors, 0, 2);
    tcase_add_test(tests, who_leaves_while_it_waits_for_work_is_noticed);
    tcase_add_test(tests, a_thousand_come_and_go);
    tcase_add_test(tests, stops_when_the_answers_are_out);
    tcase_add_test(tests, stops_after_the_grace_time_or_a_second_signal);
    tcase_add_test(tests, does_not_wait_for_idle_clients);
    tcase_add_test(tests, any_number_of_signals);
}

int main(void) {
    return run_suite("05 limits", add_tests);
}
