#define _DEFAULT_SOURCE // for MAP_ANONYMOUS
// What chapter 05's server does when the system lets it down: no memory, no
// more files, no thread. And what it does for a protocol that is less patient
// than echo. The failing calls are caught by the linker (--wrap): they are our
// own, so it does not matter which version of libuv is below.
#include "harness.h"
#include "pool_work.h"
#include "tcp_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg);
int __real_accept(int fd, struct sockaddr *address, socklen_t *length);
int __wrap_accept(int fd, struct sockaddr *address, socklen_t *length);

// ---- What fails, in the server alone ----

static struct {
    atomic_bool no_memory, no_threads;
    atomic_int accept_error, accept_calls;
    atomic_bool fails_once;
} * world; // shared with the server, a child

static bool is_server;

void *__wrap_malloc(size_t size) {
    return is_server && world->no_memory ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return is_server && world->no_memory ? NULL : __real_calloc(count, size);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *arg) {
    return is_server && world->no_threads
               ? EAGAIN
               : __real_pthread_create(thread, attributes, start, arg);
}

int __real_uv_thread_create(uv_thread_t *thread, uv_thread_cb start, void *arg);
int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb start, void *arg);
int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb start,
                            void *arg) {
    return is_server && world->no_threads
               ? UV_EAGAIN
               : __real_uv_thread_create(thread, start, arg);
}

int __wrap_accept(int fd, struct sockaddr *address, socklen_t *length) {
    world->accept_calls++;
    if (world->accept_error != 0) {
        errno = world->accept_error;
        world->accept_error = world->fails_once ? 0 : errno;
        return -1;
    }
    return __real_accept(fd, address, length);
}

// ---- The server, a child of the test ----

static void on_bytes(struct tcp_connection *c, const char *bytes, size_t size) {
    (void)tcp_write(c, bytes, size);
}

static bool open_failing(struct tcp_connection *c) {
    (void)c;
    return false;
}

static const struct tcp_protocol echo = {.on_bytes = on_bytes};
static const struct tcp_protocol not_opening = {.on_bytes = on_bytes,
                                                .on_open = open_failing};

// A protocol that wants something whole within half a second.
static bool open_strict(struct tcp_connection *c) {
    tcp_set_deadline(c, 500);
    return true;
}

static void on_bytes_strict(struct tcp_connection *c, const char *bytes,
                            size_t size) {
    if (bytes[size - 1] == '.') { // it is whole, and there may be another
        tcp_set_deadline(c, 0);
        (void)tcp_write(c, "good", 4);
    }
}

static void on_idle_strict(struct tcp_connection *c) {
    (void)tcp_write(c, "late", 4);
    tcp_end(c);
}

static const struct tcp_protocol strict = {.on_open = open_strict,
                                           .on_bytes = on_bytes_strict,
                                           .on_idle = on_idle_strict};

// A protocol that tells how its socket is set.
static void on_bytes_telling(struct tcp_connection *c, const char *bytes,
                             size_t size) {
    int fd = -1, on = 0;
    socklen_t length = sizeof on;
    char text[64];
    (void)bytes;
    (void)size;
    uv_fileno((uv_handle_t *)c, &fd); // its first member is libuv's handle
    getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &length);
    int n = snprintf(text, sizeof text, "%s %s %s", on ? "prompt" : "slow",
                     fcntl(fd, F_GETFL) & O_NONBLOCK ? "ready" : "blocking",
                     fcntl(fd, F_GETFD) & FD_CLOEXEC ? "ours" : "anybody's");
    (void)tcp_write(c, text, (size_t)n);
}

static const struct tcp_protocol telling = {.on_bytes = on_bytes_telling};

static struct server start(const struct tcp_protocol *protocol, long threads) {
    struct server s = {.log = "/tmp/workbook-test-XXXXXX"};
    struct server_options options = {.program = "echo",
                                     .host = "127.0.0.1",
                                     .threads = threads,
                                     .max_connections = 100,
                                     .idle_ms = 30000,
                                     .grace_ms = 1000};
    int fd = mkstemp(s.log);
    ck_assert_int_ge(fd, 0);
    s.pid = fork();
    if (s.pid == 0) {
        is_server = true;
        dup2(fd, 1);
        dup2(fd, 2);
        exit(tcp_server_run(protocol, &options));
    }
    close(fd);
    expect_logged(&s, "\n");
    char *log = server_log(&s);
    (void)sscanf(log, "Listening on: 127.0.0.1:%d", &s.port);
    free(log);
    return s;
}

static void pause_ms(long ms) {
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void expect_echo(int fd, const char *text) {
    char answer[64];
    client_say(fd, text);
    client_read(fd, answer, sizeof answer, strlen(text));
    ck_assert_str_eq(answer, text);
}

static int count_in_log(const struct server *s, const char *text) {
    char *log = server_log(s);
    int n = 0;
    for (char *at = log; (at = strstr(at, text)) != NULL; at++) {
        n++;
    }
    free(log);
    return n;
}

// ---- Tests ----

START_TEST(no_memory_for_a_connection) {
    struct server s = start(&echo, 1);
    int first = client_connect(&s);
    expect_echo(first, "before");
    world->no_memory = true;
    int second = client_connect(&s), third = client_connect(&s);
    client_say(second, "wait");
    expect_logged(&s, "Error accepting connection: not enough memory\n");
    double cpu = server_cpu(&s);
    pause_ms(700);
    ck_assert(server_cpu(&s) - cpu < 0.1);
    ck_assert_int_le(count_in_log(&s, "not enough memory"), 20);
    expect_echo(first, "meanwhile");
    world->no_memory = false;
    char answer[8];
    ck_assert_uint_eq(client_read(second, answer, sizeof answer, 4), 4);
    expect_echo(third, "after");
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(no_memory_for_output_ends_that_connection) {
    struct server s = start(&echo, 1);
    int greedy = client_connect(&s), other = client_connect(&s);
    expect_echo(greedy, "hello");
    expect_echo(other, "hello");
    world->no_memory = true;
    static char much[1 << 20];
    for (int i = 0; i < 64; i++) { // and reads nothing
        if (send(greedy, much, sizeof much, MSG_NOSIGNAL) <= 0) {
            break;
        }
    }
    expect_logged(&s, "Error serving connection: out of memory\n");
    expect_echo(other, "I am served");
    world->no_memory = false;
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(no_memory_in_the_protocol) {
    struct server s = start(&not_opening, 1);
    char answer[8];
    int fd = client_connect(&s);
    ck_assert_uint_eq(client_read(fd, answer, sizeof answer, 1), 0);
    expect_logged(&s, "Error serving connection: out of memory\n");
    ck_assert_int_eq(server_stop(&s, SIGTERM), 0);
}
END_TEST

static const int accept_errors[] = {ENFILE, EMFILE, ENOMEM, EPERM};

// The connected are served, the CPU is idle, the log is short, and who waits
// gets in when the trouble is over.
START_TEST(a_system_without_files) {
    struct server s = start(&echo, 1);
    int first = client_connect(&s);
    expect_echo(first, "before");
    world->accept_error = accept_errors[_i];
    int calls = world->accept_calls;
    int second = client_connect(&s);
    client_say(second, "wait");
    double cpu = server_cpu(&s);
    expect_logged(&s, "Error accepting connection: ");
    pause_ms(700);
    expect_echo(first, "meanwhile");
    ck_assert(server_cpu(&s) - cpu < 0.1);
    ck_assert_int_ge(world->accept_calls - calls, 2);
    ck_assert_int_le(world->accept_calls - calls, 40);
    ck_assert_int_le(count_in_log(&s, "Error accepting"), 20);
    world->accept_error = 0;
    char answer[8];
    ck_assert_uint_eq(client_read(second, answer, sizeof answer, 4), 4);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

static const int passing_errors[] = {EAGAIN, EINTR, ECONNABORTED};

// A client that left before it was let in is no trouble to rest for.
START_TEST(an_accept_for_nobody) {
    struct server s = start(&echo, 1);
    world->fails_once = true;
    world->accept_error = passing_errors[_i];
    int fd = client_connect(&s);
    expect_echo(fd, "hello");
    ck_assert_int_eq(world->accept_error, 0);
    ck_assert_int_eq(count_in_log(&s, "Error"), 0);
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(stops_while_it_cannot_accept) {
    struct server s = start(&echo, 1);
    world->accept_error = ENFILE;
    int waiting = client_connect(&s);
    expect_logged(&s, "Error accepting connection: ");
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
    close(waiting);
}
END_TEST

// A loop that no thread runs would leave its clients alone.
START_TEST(no_thread_for_a_loop) {
    world->no_threads = true;
    struct server s = start(&echo, 3);
    expect_logged(&s, "echo: cannot start a thread: ");
    ck_assert_int_eq(server_stop(&s, 0), 1);
}
END_TEST

static bool stop_us(uv_loop_t *unused) {
    static bool stopped;
    (void)unused;
    if (!stopped) {
        stopped = true;
        raise(SIGTERM);
    }
    return true;
}

// The first loop hears the signals already, the others do not yet.
START_TEST(a_signal_during_the_start_stops_all_loops) {
    static const struct tcp_protocol protocol = {.on_loop_start = stop_us,
                                                 .on_bytes = on_bytes_telling};
    struct server s = start(&protocol, 3);
    ck_assert_int_eq(server_stop(&s, 0), 0);
}
END_TEST

static void prepare_pool(void) {
    is_server = true;
    pool_prepare();
    exit(EXIT_SUCCESS);
}

// libuv would abort without a word, at the first request.
START_TEST(no_threads_for_the_pool) {
    expect_end(prepare_pool, EXIT_SUCCESS, NULL);
    world->no_threads = true;
    expect_end(prepare_pool, EXIT_FAILURE,
               "pool_work: cannot start the threads of the pool: "
               "Resource temporarily unavailable");
}
END_TEST

// We accept by ourselves, so we set what libuv would have set.
START_TEST(a_client_is_set_up_as_libuv_wants_it) {
    struct server s = start(&telling, 2);
    char answer[64];
    int fd = client_connect(&s);
    client_say(fd, "?");
    client_read(fd, answer, sizeof answer, strlen("prompt ready ours"));
    ck_assert_str_eq(answer, "prompt ready ours");
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// A byte now and then is not idle, but it is late all the same.
START_TEST(a_trickle_is_not_a_request) {
    struct server s = start(&strict, 1);
    int trickle = client_connect(&s), quick = client_connect(&s);
    char answer[16];
    double waited = 0;
    client_say(quick, "all.");
    for (; waited < 3; waited += 0.1) {
        struct pollfd p = {.fd = trickle, .events = POLLIN};
        client_say(trickle, "x");
        if (poll(&p, 1, 100) == 1) {
            break;
        }
    }
    ck_assert(waited >= 0.4 && waited < 3);
    ck_assert_uint_eq(client_read(trickle, answer, sizeof answer, 5), 4);
    ck_assert_str_eq(answer, "late");
    client_say(quick, "and more.");
    client_read(quick, answer, sizeof answer, 8);
    ck_assert_str_eq(answer, "goodgood");
    close(trickle);
    close(quick);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

static void reset_world(void) {
    memset(world, 0, sizeof *world);
}

static void add_tests(TCase *tests) {
    tcase_add_checked_fixture(tests, reset_world, NULL);
    tcase_add_test(tests, no_memory_for_a_connection);
    tcase_add_test(tests, no_memory_for_output_ends_that_connection);
    tcase_add_test(tests, no_memory_in_the_protocol);
    tcase_add_loop_test(tests, a_system_without_files, 0,
                        sizeof accept_errors / sizeof accept_errors[0]);
    tcase_add_loop_test(tests, an_accept_for_nobody, 0,
                        sizeof passing_errors / sizeof passing_errors[0]);
    tcase_add_test(tests, stops_while_it_cannot_accept);
    tcase_add_test(tests, no_thread_for_a_loop);
    tcase_add_test(tests, a_signal_during_the_start_stops_all_loops);
    tcase_add_test(tests, no_threads_for_the_pool);
    tcase_add_test(tests, a_client_is_set_up_as_libuv_wants_it);
    tcase_add_test(tests, a_trickle_is_not_a_request);
}

int main(void) {
    world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return world == MAP_FAILED ? 2 : run_suite("05 failures", add_tests);
}
