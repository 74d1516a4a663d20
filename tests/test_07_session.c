#define _DEFAULT_SOURCE // for MAP_ANONYMOUS
#define _POSIX_C_SOURCE 200809L
// Chapter 07's session with other handlers than the chapter's: futures that
// never end, that answer at length or at once, or that another thread wakes.
#include "http2_client.h"

#include "handle.h"
#include "http2_limits.h"
#include "http2_session.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>

// Shared with the server's process.
static atomic_int *alive;   // futures
static atomic_int *fail_in; // so many allocations of the server; 0: none
static bool is_server;

static enum {
    NEVER,
    BIG,
    EARLY,
    WOKEN_BY_ITSELF,
    WOKEN_FROM_ELSEWHERE,
    PANIC
} probe_kind;
static char big_body[4 << 20];

static void *wake_thrice(void *arg) {
    struct waker *waker = arg;
    for (int i = 0; i < 3; i++) {
        pause_ms(1);
        waker_wake(waker);
    }
    waker_drop(waker);
    free(waker);
    return NULL;
}

static void wake_from_elsewhere(const struct waker *waker) {
    struct waker *copy = malloc(sizeof *copy);
    pthread_t thread;
    *copy = waker_clone(waker);
    if (pthread_create(&thread, NULL, wake_thrice, copy) != 0 ||
        pthread_detach(thread) != 0) {
        abort();
    }
}

static const struct span hello = {"Hello, World!", 13};
static const struct span big = {big_body, sizeof big_body};

// In the chapter's own struct handle; `at` counts the polls.
static enum poll_result probe_poll(struct future *self,
                                   const struct waker *waker, void *out) {
    struct handle *me = (struct handle *)self;
    int polls = (int)++me->at;
    (void)out;
    switch (probe_kind) {
    case NEVER:
        return FUTURE_PENDING;
    case WOKEN_FROM_ELSEWHERE:
        if (polls == 1) {
            wake_from_elsewhere(waker);
            return FUTURE_PENDING;
        }
        break;
    case BIG:
        if (http_request_poll(me->request, waker) == FUTURE_PENDING) {
            return FUTURE_PENDING;
        }
        http_respond(me->request, 200, big);
        return FUTURE_READY;
    case WOKEN_BY_ITSELF:
        if (http_request_poll(me->request, waker) == FUTURE_PENDING) {
            return FUTURE_PENDING;
        }
        if (polls < 3) {
            waker_wake(waker);
            return FUTURE_PENDING;
        }
        break;
    case EARLY:
        break;
    case PANIC:
        probe_kind = EARLY; // once
        task_panic("on purpose");
    }
    http_respond(me->request, 200, hello);
    return FUTURE_READY;
}

static void probe_drop(struct future *self) {
    (void)self;
    atomic_fetch_sub(alive, 1);
}

// In place of handle.c's.
struct handle handle(struct http_request *request) {
    static const struct future_ops ops = {sizeof(struct handle), 0, probe_poll,
                                          probe_drop};
    atomic_fetch_add(alive, 1);
    return (struct handle){.base = {&ops}, .request = request};
}

// ---- Memory that runs out ----

// The linker puts these in place of the real ones.
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

static bool fails(void) {
    return is_server && atomic_load(fail_in) > 0 &&
           atomic_fetch_sub(fail_in, 1) == 1;
}

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size) {
    return fails() ? NULL : __real_realloc(p, size);
}

// A server of our own, in a process of its own.
static struct server serve(int kind) {
    struct server s = {.log = "/tmp/workbook-test-XXXXXX"};
    int fd = mkstemp(s.log);
    probe_kind = kind;
    alive = mmap(NULL, 2 * sizeof *alive, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fail_in = alive + 1;
    ck_assert(fd >= 0 && alive != MAP_FAILED);
    s.pid = fork();
    if (s.pid == 0) {
        is_server = true;
        char *args[] = {"test", "127.0.0.1:0", NULL};
        struct server_options options;
        dup2(fd, 1);
        dup2(fd, 2);
        server_options_parse(&options, 2, args, "test", 0, NULL, 0);
        int status = http2_run(&options);
        fflush(stdout);
        _exit(status);
    }
    close(fd);
    expect_logged(&s, "Listening on: 127.0.0.1:");
    char *log = server_log(&s);
    s.port = atoi(strrchr(log, ':') + 1);
    free(log);
    return s;
}

static void expect_alive(int count) {
    for (int i = 0; i < 500 && atomic_load(alive) != count; i++) {
        pause_ms(10);
    }
    ck_assert_int_eq(atomic_load(alive), count);
}

START_TEST(resets_and_leaving_drop_futures) {
    struct server s = serve(NEVER);
    int fd = http2_connect(&s, NULL, 0);
    send_get(fd, 1);
    send_get(fd, 3);
    send_get(fd, 5);
    expect_alive(3);
    send_frame(fd, RST_STREAM, 0, 3, "\0\0\0\x08", 4);
    expect_alive(2);
    close(fd);
    expect_alive(0);
    fd = http2_connect(&s, NULL, 0);
    send_get(fd, 1);
    expect_alive(1);
    kill(s.pid, SIGINT);
    pause_ms(50);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0); // will wait no longer
    ck_assert_int_eq(atomic_load(alive), 0);
    close(fd);
}
END_TEST

START_TEST(large_answers) {
    struct server s = serve(BIG);
    expect_text(shell(CURL "http://127.0.0.1:%d/ | wc -c", s.port),
                "4194304\n");
    expect_part(
        shell("h2load -n 100 -c 4 -m 10 http://127.0.0.1:%d/ 2>&1", s.port),
        "100 succeeded, 0 failed");
    // A client whose windows are open but that does not read.
    long before = resident_kb(&s);
    int fd = http2_connect(&s, "\0\x04\x7f\xff\xff\xff", 6);
    send_frame(fd, WINDOW_UPDATE, 0, 0, "\x7f\0\0\0", 4);
    for (uint32_t stream = 1; stream < 200; stream += 2) {
        send_get(fd, stream);
    }
    pause_ms(300);
    if (!is_sanitized()) {
        ck_assert_int_lt(resident_kb(&s) - before, 1024);
    }
    expect_text(shell(CURL "http://127.0.0.1:%d/ | wc -c", s.port),
                "4194304\n");
    close(fd);
    expect_alive(0);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

static void put_number(char *at, uint32_t n) {
    const char bytes[] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8),
                          (char)n};
    memcpy(at, bytes, sizeof bytes);
}

// It opens its windows 8000 times, but it gets something each time.
START_TEST(small_windows_are_no_trouble) {
    struct server s = serve(BIG);
    struct frame f;
    size_t received = 0;
    int fd = http2_connect(&s, "\0\x04\0\0\x04\0", 6); // 1024 bytes
    send_get(fd, 1);
    do {
        char more[4];
        expect_frame(fd, &f, DATA);
        received += f.size;
        put_number(more, f.size);
        if (f.size > 0) {
            struct bytes b = {0}; // in one piece, or TCP waits between them
            add_frame(&b, WINDOW_UPDATE, 0, 0, more, sizeof more);
            add_frame(&b, WINDOW_UPDATE, 0, 1, more, sizeof more);
            send_bytes(fd, &b);
        }
    } while ((f.flags & END_STREAM) == 0);
    ck_assert_uint_eq(received, sizeof big_body);
    close(fd);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(early_answers) {
    struct server s = serve(EARLY);
    struct frame f;
    int fd = http2_connect(&s, NULL, 0);
    send_frame(fd, HEADERS, END_HEADERS, 1, get_headers,
               sizeof get_headers - 1);
    expect_greeting(fd, 1);
    expect_frame(fd, &f, RST_STREAM); // do not send the rest
    ck_assert_uint_eq(number_at(&f, 0), 0);
    close(fd);
    expect_alive(0);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(wakes_from_other_threads) {
    struct server s = serve(WOKEN_FROM_ELSEWHERE);
    expect_part(
        shell("h2load -n 1000 -c 4 -m 10 http://127.0.0.1:%d/ 2>&1", s.port),
        "1000 succeeded, 0 failed");
    expect_alive(0);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// RETURNS true if the greeting comes before the end.
static bool is_greeted(const struct server *s) {
    struct bytes b = {0};
    char answer[4096];
    size_t size = 0;
    ssize_t n;
    int fd = client_connect(s);
    add(&b, preface, sizeof preface - 1);
    add_frame(&b, SETTINGS, 0, 0, NULL, 0);
    add_frame(&b, HEADERS, END_HEADERS, 1, get_headers, sizeof get_headers - 1);
    add_frame(&b, DATA, END_STREAM, 1, "body", 4);
    (void)!send(fd, b.at, b.size, MSG_NOSIGNAL); // or it has closed already
    (void)shutdown(fd, SHUT_WR);
    while ((n = recv(fd, answer + size, sizeof answer - size, 0)) > 0) {
        size += (size_t)n;
    }
    ck_assert_msg(n == 0 || errno == ECONNRESET, "the connection hangs");
    close(fd);
    free(b.at);
    for (size_t i = 0; i + 13 <= size; i++) {
        if (memcmp(answer + i, "Hello, World!", 13) == 0) {
            return true;
        }
    }
    return false;
}

// Each allocation of a connection's life fails once, in nghttp2 as well. That
// may end the connection, but nothing else.
START_TEST(a_lack_of_memory_ends_one_connection) {
    struct server s = serve(WOKEN_BY_ITSELF);
    int failed = 0, i = 0;
    do {
        atomic_store(fail_in, ++i);
        failed += !is_greeted(&s);
    } while (atomic_exchange(fail_in, 0) == 0);
    ck_assert(is_greeted(&s));
    ck_assert_int_ge(failed, 6); // what was kept is not asked for again
    ck_assert_int_lt(i, 500);
    expect_alive(0);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

START_TEST(a_panic_ends_one_stream) {
    struct server s = serve(PANIC);
    struct frame f;
    int fd = http2_connect(&s, NULL, 0);
    send_get(fd, 1);
    expect_frame(fd, &f, RST_STREAM);
    ck_assert_uint_eq(number_at(&f, 0), 2); // INTERNAL_ERROR
    send_get(fd, 3);
    expect_greeting(fd, 3);
    expect_logged(&s, "task panicked: on purpose\n");
    close(fd);
    expect_alive(0);
    ck_assert_int_eq(server_stop(&s, SIGINT), 0);
}
END_TEST

// ---- The token bucket ----

START_TEST(the_bucket_has_a_floor_and_a_rim) {
    struct token_bucket p = {max_tokens, 5};
    for (int i = 0; i < max_tokens; i++) {
        ck_assert(token_bucket_take(&p, 5, 1));
    }
    ck_assert(!token_bucket_take(&p, 5, 1));
    ck_assert(!token_bucket_take(&p, 14, 1));
    ck_assert(token_bucket_take(&p, 15, 1)); // 10 ms later
    ck_assert(!token_bucket_take(&p, 15, 1));
    token_bucket_give(&p, 2);
    ck_assert(!token_bucket_take(&p, 15, 3));
    ck_assert(token_bucket_take(&p, 15, 2));
    for (int i = 0; i < 3; i++) { // it never rises above the rim
        token_bucket_give(&p, max_tokens);
    }
    ck_assert(!token_bucket_take(&p, 15, max_tokens + 1));
    ck_assert(token_bucket_take(&p, UINT64_MAX, max_tokens));
}
END_TEST

static void add_tests(TCase *tests) {
    tcase_add_test(tests, resets_and_leaving_drop_futures);
    tcase_add_test(tests, large_answers);
    tcase_add_test(tests, small_windows_are_no_trouble);
    tcase_add_test(tests, early_answers);
    tcase_add_test(tests, a_lack_of_memory_ends_one_connection);
    tcase_add_test(tests, the_bucket_has_a_floor_and_a_rim);
    tcase_add_test(tests, wakes_from_other_threads);
    tcase_add_test(tests, a_panic_ends_one_stream);
}

int main(void) {
    return run_suite("07-http2 session", add_tests);
}
