#define _POSIX_C_SOURCE 200809L
// Chapter 05, the loop by hand.
#include "harness.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char program[] = "05-libuv-tcp/loop";
static struct server shared;

static void expect_echo(int fd, const char *text) {
    char got[256];
    client_say(fd, text);
    client_read(fd, got, sizeof got, strlen(text));
    ck_assert_str_eq(got, text);
}

START_TEST(each_client_gets_its_own_bytes_back) {
    int fds[5];
    for (int i = 0; i < 5; i++) {
        fds[i] = client_connect(&shared);
    }
    for (int i = 0; i < 5; i++) {
        char text[32];
        snprintf(text, sizeof text, "I am number %d\n", i);
        expect_echo(fds[i], text);
    }
    close(fds[1]); // the last one takes its place
    close(fds[3]);
    expect_echo(fds[4], "still here\n");
    expect_echo(fds[0], "and so am I\n");
    close(fds[0]);
    close(fds[2]);
    close(fds[4]);
}
END_TEST

// ---- Backpressure ----

enum { much = 8 << 20 };

static void *send_much(void *fd) {
    char *bytes = malloc(much);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < much; i++) {
        bytes[i] = (char)(i * 7 / 3);
    }
    client_send(*(int *)fd, bytes, much);
    shutdown(*(int *)fd, SHUT_WR);
    free(bytes);
    return NULL;
}

// It reads late, when every buffer on the way is full, and misses nothing.
START_TEST(who_reads_late_misses_nothing_and_costs_nothing) {
    int other = client_connect(&shared), fd = client_connect(&shared);
    char *got = malloc(much + 1);
    pthread_t sender;
    ck_assert_ptr_nonnull(got);
    ck_assert_int_eq(pthread_create(&sender, NULL, send_much, &fd), 0);
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    double cpu = server_cpu(&shared);
    nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
    ck_assert_double_lt(server_cpu(&shared) - cpu, 0.1); // it sleeps
    const char *sanitize = getenv("SANITIZE"); // they take what they want
    if (sanitize == NULL || *sanitize == '\0') {
        ck_assert_int_lt(server_memory(&shared), 4096);
    }
    close(other); // whose place it then takes, with what is owed to it
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    ck_assert_uint_eq(client_read(fd, got, much + 1, much + 1), much);
    // For Check each assertion is a system call, so there is one, not eight million.
    size_t same = 0;
    while (same < much && got[same] == (char)(same * 7 / 3)) {
        same++;
    }
    ck_assert_uint_eq(same, much);
    ck_assert_int_eq(pthread_join(sender, NULL), 0);
    free(got);
    close(fd);
}
END_TEST

START_TEST(who_leaves_with_a_reset_takes_nobody_along) {
    static char bytes[1 << 20];
    int stays = client_connect(&shared), goes = client_connect(&shared);
    struct linger at_once = {.l_onoff = 1};
    ck_assert_int_eq(
        setsockopt(goes, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    (void)send(goes, bytes, sizeof bytes, MSG_DONTWAIT); // and reads nothing
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    close(goes);
    expect_echo(stays, "here\n");
    close(stays);
}
END_TEST

// ---- No room ----

static bool is_answered(int fd, int milliseconds) {
    char byte;
    for (int i = 0; i < milliseconds / 10; i++) {
        if (recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1) {
            return true;
        }
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return false;
}

// How many find a place depends on what the server was started with.
START_TEST(without_a_descriptor_a_client_waits_for_another_to_leave) {
    enum { clients = 12 };
    char path[256];
    int fds[clients];
    snprintf(path, sizeof path, "%s/%s", getenv("BUILD"), program);
    struct server s = server_start(
        "/bin/sh", "-c", "ulimit -n 12; exec \"$0\" \"$@\"", path, NULL);
    for (int i = 0; i < clients; i++) {
        fds[i] = client_connect(&s); // as far as the kernel
        client_say(fds[i], "!");
    }
    ck_assert(is_answered(fds[0], 5000));
    double cpu = server_cpu(&s);
    ck_assert(!is_answered(fds[clients - 1], 300));
    ck_assert_double_lt(server_cpu(&s) - cpu, 0.1); // it sleeps
    for (int i = 0; i < clients - 1; i++) {
        close(fds[i]);
    }
    ck_assert(is_answered(fds[clients - 1], 5000));
    close(fds[clients - 1]);
    server_stop(&s, SIGTERM);
}
END_TEST

START_TEST(a_command_line_without_sense_is_refused) {
    char *out = shell("for port in x 70000 -1 '' 127.0.0.1: 1.2.3.4:5; do "
                      "\"$BUILD/%s\" \"$port\" 2>&1; echo $?; done; "
                      "\"$BUILD/%s\" %d 2>&1; echo $?",
                      program, program, shared.port);
    for (int i = 0; i < 6; i++) {
        static const char usage[] = "usage: ./loop [[127.0.0.1:]PORT]\n2\n";
        ck_assert_int_eq(strncmp(out + (sizeof usage - 1) * (size_t)i, usage,
                                 sizeof usage - 1),
                         0);
    }
    ck_assert_ptr_nonnull(strstr(out, "loop: bind: Address already in use\n1"));
    free(out);
}
END_TEST

static void start_server(void) {
    shared = server_start(program, NULL);
}

static void stop_server(void) {
    server_stop(&shared, SIGTERM);
}

static void add_tests(TCase *tests) {
    tcase_add_unchecked_fixture(tests, start_server, stop_server);
    tcase_add_test(tests, each_client_gets_its_own_bytes_back);
    tcase_add_test(tests, who_reads_late_misses_nothing_and_costs_nothing);
    tcase_add_test(tests, who_leaves_with_a_reset_takes_nobody_along);
    tcase_add_test(tests,
                   without_a_descriptor_a_client_waits_for_another_to_leave);
    tcase_add_test(tests, a_command_line_without_sense_is_refused);
}

int main(void) {
    return run_suite("05 loop", add_tests);
}
