#define _POSIX_C_SOURCE 200809L
// Chapter 05 as its users see it: the command line, the echo, the acts, and
// the end. What hostile clients see is in test_05_limits.c.
#include "harness.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM "05-libuv-tcp/echo"

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void expect_answer(int fd, const char *text) {
    char answer[256];
    client_read(fd, answer, sizeof answer, strlen(text));
    ck_assert_str_eq(answer, text);
}

static void expect_end_of_stream(int fd) {
    char answer[8];
    ck_assert_uint_eq(client_read(fd, answer, sizeof answer, 1), 0);
    close(fd);
}

// ---- The command line ----

// Each is one line on stderr and a status, and no server.
static const struct {
    const char *arg, *value;
    int status;
    const char *line;
} refusals[] = {
    {"nonsense", NULL, 2,
     "echo: neither an act nor HOST:PORT: 'nonsense' (try --help)"},
    {"127.0.0.1:", NULL, 2,
     "echo: neither an act nor HOST:PORT: '127.0.0.1:' (try --help)"},
    {":80", NULL, 2, "echo: neither an act nor HOST:PORT: ':80' (try --help)"},
    {"[]:80", NULL, 2,
     "echo: neither an act nor HOST:PORT: '[]:80' (try --help)"},
    {"127.0.0.1:65536", NULL, 2,
     "echo: neither an act nor HOST:PORT: '127.0.0.1:65536' (try --help)"},
    {"127.0.0.1:80x", NULL, 2,
     "echo: neither an act nor HOST:PORT: '127.0.0.1:80x' (try --help)"},
    {"--nonsense", NULL, 2, "echo: no such option '--nonsense' (try --help)"},
    {"--grace", NULL, 2, "echo: no value for '--grace' (try --help)"},
    {"--grace", "-1", 2, "echo: cannot use '-1' (try --help)"},
    {"--threads", "0", 2, "echo: cannot use '0' (try --help)"},
    {"--threads", "1x", 2, "echo: cannot use '1x' (try --help)"},
    {"--threads", "1.5", 2, "echo: cannot use '1.5' (try --help)"},
    {"--idle-timeout", "nan", 2, "echo: cannot use 'nan' (try --help)"},
    {"localhost:0", NULL, 1, "echo: localhost:0: not an IP address"},
    {"256.0.0.1:0", NULL, 1, "echo: 256.0.0.1:0: not an IP address"},
    {"192.0.2.1:0", NULL, 1, "echo: 192.0.2.1:0: address not available"},
};
enum { refusal_count = sizeof refusals / sizeof refusals[0] };
static struct play *refused[refusal_count];
static struct play *list, *help;

START_TEST(refuses_what_makes_no_sense) {
    const char *const lines[] = {refusals[_i].line, NULL};
    expect_lines(refused[_i], lines);
    ck_assert(refused[_i]->lines[0].is_error);
    expect_status(refused[_i], refusals[_i].status);
}
END_TEST

START_TEST(lists_its_acts) {
    const char *const lines[] = {
        "echo       sends back what it gets",
        "blocking   a second of work for each message; everybody "
        "waits",
        "sleeping   a sleep of a second for each message; nobody "
        "waits",
        "pooled     the work in the thread pool; nobody waits", NULL};
    expect_lines(list, lines);
    expect_status(list, 0);
    expect_line(help, "usage: echo [ACT] [HOST:PORT] [OPTIONS]");
    expect_line(help, lines[3]);
    expect_status(help, 0);
}
END_TEST

// ---- Listening ----

START_TEST(prints_where_it_listens) {
    struct server s = server_start(PROGRAM, NULL);
    char line[64];
    snprintf(line, sizeof line, "Listening on: 127.0.0.1:%d\n", s.port);
    char *log = server_log(&s);
    ck_assert_str_eq(log, line);
    free(log);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// Several loops share a port with each other, but not with another program.
START_TEST(says_that_the_port_is_busy) {
    struct server s = server_start(PROGRAM, "--threads", "2", NULL);
    const char *const threads[] = {"1", "3"};
    char wanted[100];
    snprintf(wanted, sizeof wanted,
             "echo: 127.0.0.1:%d: address already in use\n1\n", s.port);
    for (int i = 0; i < 2; i++) {
        char *text = shell("timeout 5 \"$BUILD\"/" PROGRAM
                           " --threads %s 127.0.0.1:%d 2>&1; echo $?",
                           threads[i], s.port);
        ck_assert_str_eq(text, wanted);
        free(text);
    }
    ck_assert_int_eq(server_stop(&s, SIGTERM), 0);
}
END_TEST

START_TEST(says_that_nobody_hears_it) {
    char *text =
        shell("timeout 5 \"$BUILD\"/" PROGRAM " 0 2>&1 >/dev/full; echo $?");
    ck_assert_str_eq(text, "echo: cannot print the address: No space left on "
                           "device\n1\n");
    free(text);
}
END_TEST

// The harness gives 127.0.0.1:0 as the last argument; here the shell drops it.
static struct server start_in_shell(const char *command) {
    char path[512];
    snprintf(path, sizeof path, "%s/" PROGRAM, getenv("BUILD"));
    return server_start("/bin/bash", "-c", command, path, NULL);
}

START_TEST(speaks_ipv6_where_there_is_one) {
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return;
    }
    struct server s = start_in_shell("exec \"$0\" '[::1]:0'");
    address.sin6_port = htons((uint16_t)s.port);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof address),
                     0);
    client_say(fd, "hello");
    expect_answer(fd, "hello");
    close(fd);
    char *log = server_log(&s);
    ck_assert_ptr_nonnull(strstr(log, "Listening on: [::1]:"));
    free(log);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// ---- Echo ----

START_TEST(sends_back_every_byte) {
    struct server s = server_start(PROGRAM, NULL);
    int one = client_connect(&s), two = client_connect(&s);
    for (int i = 0; i < 256; i++) { // in pieces of one byte, to and fro
        unsigned char byte = (unsigned char)i, answer[2];
        client_send(one, &byte, 1);
        client_read(one, (char *)answer, sizeof answer, 1);
        ck_assert_uint_eq(answer[0], byte);
    }
    client_say(one, "Hel");
    client_say(two, "someone else");
    client_say(one, "lo");
    expect_answer(one, "Hello");
    expect_answer(two, "someone else");
    close(two);
    client_say(one, "still here");
    expect_answer(one, "still here");
    close(one);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// The client says that it has said all. The answer still arrives whole.
START_TEST(answers_a_half_closed_client) {
    struct server s = server_start(PROGRAM, NULL);
    enum { size = 300 * 1000 };
    static char sent[size], answer[size + 2];
    for (int i = 0; i < size; i++) {
        sent[i] = (char)(i * 31 >> 3);
    }
    int fd = client_connect(&s), silent = client_connect(&s);
    client_send(fd, sent, size);
    shutdown(fd, SHUT_WR);
    ck_assert_uint_eq(client_read(fd, answer, sizeof answer, size + 1), size);
    ck_assert_int_eq(memcmp(sent, answer, size), 0);
    close(fd);
    shutdown(silent, SHUT_WR);
    expect_end_of_stream(silent);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// The loops' threads: each of them has had something to do.
START_TEST(spreads_clients_over_its_loops) {
    struct server s = server_start(PROGRAM, "--threads", "4", NULL);
    int fds[100];
    for (int i = 0; i < 100; i++) {
        fds[i] = client_connect(&s);
    }
    for (int i = 0; i < 100; i++) {
        client_say(fds[i], "hello");
        expect_answer(fds[i], "hello");
        close(fds[i]);
    }
    char *woken = shell("cat /proc/%d/task/*/status | grep -c "
                        "'^voluntary_ctxt_switches:.[0-9]*[0-9][0-9]$'",
                        (int)s.pid);
    ck_assert_int_ge(atoi(woken), 4);
    free(woken);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// ---- The acts ----

enum { client_count = 3 };

static void say_hello(const struct server *s, int fds[client_count]) {
    for (int i = 0; i < client_count; i++) {
        char text[32];
        fds[i] = client_connect(s);
        snprintf(text, sizeof text, "hello %d", i);
        client_say(fds[i], text);
    }
}

static void expect_hello(int fds[client_count]) {
    for (int i = 0; i < client_count; i++) {
        char text[32];
        snprintf(text, sizeof text, "hello %d", i);
        expect_answer(fds[i], text);
        close(fds[i]);
    }
}

static int count(const char *text, const char *part) {
    int n = 0;
    while ((text = strstr(text, part)) != NULL) {
        text++;
        n++;
    }
    return n;
}

// Three clients: on the loop one after another, in the pool at once, where who
// waits for work is not idle. The third server would close clients that it has not heard for 2 s; but they have
// spoken, and it is the server that did not listen.
START_TEST(works_on_the_loop_and_in_the_pool) {
    struct server blocking = server_start(PROGRAM, "blocking", NULL),
                  sleeping = server_start(PROGRAM, "sleeping", NULL),
                  pooled = server_start(PROGRAM, "pooled", "--idle-timeout",
                                        "0.5", NULL),
                  impatient = server_start(PROGRAM, "blocking", "--quiet",
                                           "--idle-timeout", "2", NULL);
    int slow[client_count], quick[client_count], kept[client_count],
        asleep[client_count];
    double start = seconds();
    say_hello(&blocking, slow);
    say_hello(&pooled, quick);
    say_hello(&sleeping, asleep);
    say_hello(&impatient, kept);
    expect_hello(quick);
    expect_hello(asleep);
    double after_pooled = seconds() - start;
    expect_hello(slow);
    double after_blocking = seconds() - start;
    expect_hello(kept);
    ck_assert(after_pooled >= 1 && after_blocking >= 3);
    ck_assert(after_pooled < 2.5 && after_blocking < 8);

    char *log = server_log(&blocking);
    ck_assert_str_eq(strchr(log, '\n') + 1,
                     "message 1: work begins\nmessage 1: work is done\n"
                     "message 2: work begins\nmessage 2: work is done\n"
                     "message 3: work begins\nmessage 3: work is done\n");
    free(log);
    log = server_log(&pooled);
    ck_assert_int_eq(count(log, "work is done\n"), 3);
    *strstr(log, "work is done") = '\0';
    ck_assert_int_eq(count(log, "work begins\n"), 3);
    free(log);
    log = server_log(&impatient);
    ck_assert_str_eq(strchr(log, '\n'), "\n");
    free(log);
    ck_assert_int_eq(server_stop(&blocking, SIGINT), 0);
    ck_assert_int_eq(server_stop(&pooled, SIGINT), 0);
    ck_assert_int_eq(server_stop(&sleeping, SIGINT), 0);
    ck_assert_int_eq(server_stop(&impatient, SIGINT), 0);
}
END_TEST

// A signal does not end work half way, and nobody hears of it before.
START_TEST(blocked_it_does_not_hear_the_signal) {
    struct server s = server_start(PROGRAM, "blocking", NULL);
    int fd = client_connect(&s);
    double start = seconds();
    client_say(fd, "hello");
    expect_logged(&s, "message 1: work begins\n");
    kill(s.pid, SIGINT);
    expect_answer(fd, "hello");
    ck_assert(seconds() - start >= 1);
    expect_end_of_stream(fd);
    ck_assert_int_eq(server_stop(&s, 0), 0);
}
END_TEST

// One leaves with a reset while its work is under way, one says two things, one
// half-closes, and the server is stopped: who is still there gets the answer.
START_TEST(pooled_clients_come_and_go) {
    struct server s = server_start(PROGRAM, "pooled", NULL);
    int leaver = client_connect(&s), patient = client_connect(&s),
        brief = client_connect(&s);
    client_say(leaver, "are you");
    expect_logged(&s, "message 1: work begins\n");
    struct linger reset = {.l_onoff = 1};
    setsockopt(leaver, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(leaver);
    client_say(patient, "one, ");
    client_say(brief, "short");
    shutdown(brief, SHUT_WR);
    expect_logged(&s, "message 2: work begins\n");
    client_say(patient, "two");
    expect_answer(brief, "short");
    expect_end_of_stream(brief);
    expect_answer(patient, "one, ");
    expect_logged(&s, "message 4: work begins\n");
    double start = seconds();
    kill(s.pid, SIGTERM);
    expect_answer(patient, "two");
    expect_end_of_stream(patient);
    ck_assert_int_eq(server_stop(&s, 0), 0);
    ck_assert(seconds() - start < 4);
}
END_TEST

// Ten messages for four threads: a second signal does not wait for those that
// still stand in line.
START_TEST(pooled_work_is_taken_back) {
    struct server s = server_start(PROGRAM, "pooled", "--grace", "60", NULL);
    int fds[20];
    for (int i = 0; i < 20; i++) {
        fds[i] = client_connect(&s);
        client_say(fds[i], "hello");
    }
    expect_logged(&s, "message 4: work begins\n");
    double start = seconds();
    kill(s.pid, SIGINT);
    nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
    ck_assert(seconds() - start < 3.5);
}
END_TEST

// Who reads the printout may leave; who reads the answers is still served.
START_TEST(survives_a_closed_printout) {
    char path[512];
    snprintf(path, sizeof path, "%s/" PROGRAM, getenv("BUILD"));
    struct server s =
        server_start("/bin/bash", "-c",
                     "exec \"$0\" pooled \"$@\" > >(head -n 1)", path, NULL);
    int fd = client_connect(&s);
    client_say(fd, "hello");
    expect_answer(fd, "hello");
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// Some who start servers close their streams before.
START_TEST(lives_without_stdin_and_stderr) {
    struct server s = start_in_shell("exec \"$0\" \"$@\" <&- 2>&-");
    int fd = client_connect(&s);
    client_say(fd, "hello");
    expect_answer(fd, "hello");
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
    char *text = shell("\"$BUILD\"/" PROGRAM " 0 2>&1 >&- <&-; echo $?");
    ck_assert_str_eq(
        text, "echo: cannot print the address: Bad file descriptor\n1\n");
    free(text);
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_loop_test(tests, refuses_what_makes_no_sense, 0, refusal_count);
    tcase_add_test(tests, lists_its_acts);
    tcase_add_test(tests, prints_where_it_listens);
    tcase_add_test(tests, says_that_the_port_is_busy);
    tcase_add_test(tests, says_that_nobody_hears_it);
    tcase_add_test(tests, speaks_ipv6_where_there_is_one);
    tcase_add_test(tests, sends_back_every_byte);
    tcase_add_test(tests, answers_a_half_closed_client);
    tcase_add_test(tests, spreads_clients_over_its_loops);
    tcase_add_test(tests, works_on_the_loop_and_in_the_pool);
    tcase_add_test(tests, blocked_it_does_not_hear_the_signal);
    tcase_add_test(tests, pooled_clients_come_and_go);
    tcase_add_test(tests, pooled_work_is_taken_back);
    tcase_add_test(tests, survives_a_closed_printout);
    tcase_add_test(tests, lives_without_stdin_and_stderr);
}

int main(void) {
    for (int i = 0; i < refusal_count; i++) {
        refused[i] =
            play_start(PROGRAM, refusals[i].arg, refusals[i].value, NULL);
    }
    list = play_start(PROGRAM, "--list", NULL);
    help = play_start(PROGRAM, "--help", NULL);
    plays_wait();
    return run_suite("05 echo", add_tests);
}
