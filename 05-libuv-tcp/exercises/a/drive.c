#define _POSIX_C_SOURCE 200809L
// The scene of 05a: a loop with one listener, and its clients on a thread of their own.
// The buffers of both ends are little, so that many bytes do not leave at once.
#include "exercise.h"

#include "../client.h"

enum { most_clients = 4, little = 8192, many = 300000 };
static uv_tcp_t listener;
static int clients;

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(malloc(65536), 65536);
}

// A read of nothing comes rarely by itself, so it comes here.
static void read_nothing(uv_stream_t *stream) {
    uv_buf_t buffer;
    on_alloc((uv_handle_t *)stream, 0, &buffer);
    on_read(stream, 0, &buffer);
}

static void on_connection(uv_stream_t *server, int error) {
    uv_tcp_t *client = malloc(sizeof *client);
    int size = little;
    if (error != 0 || client == NULL ||
        uv_tcp_init(server->loop, client) != 0 ||
        uv_accept(server, (uv_stream_t *)client) != 0 ||
        uv_send_buffer_size((uv_handle_t *)client, &size) != 0 ||
        uv_read_start((uv_stream_t *)client, on_alloc, on_read) != 0) {
        abort();
    }
    if (++clients == 1) {
        read_nothing((uv_stream_t *)client);
    }
    if (clients == most_clients) {
        uv_close((uv_handle_t *)server, NULL);
    }
}

// ---- The clients ----

static char sent[many], back[many];

// Sends so many of the bytes and takes what comes, and a moment longer.
static void say(int fd, const char *what, const char *bytes, size_t size) {
    memset(back, 'x', size);
    size_t in = client_send(fd, bytes, size);
    size_t out = client_receive(fd, back, size);
    static char more[65536];
    ssize_t n = 0;
    for (int tries = 0; size < 100 && tries < 50 && n >= 0; tries++) {
        client_pause(2);
        n = recv(fd, more, sizeof more, MSG_DONTWAIT);
        out += n > 0 ? (size_t)n : 0;
        if (n == 0) {
            break;
        }
        n = n < 0 && tries < 20 ? 0 : n;
    }
    bool same = out == size && memcmp(back, bytes, size) == 0;
    printf("%s: %zu bytes in, %zu out, %s\n", what, in, out,
           same ? "the same" : "not the same");
}

static void one_alone(void) {
    int fd = client_connect(little, 500);
    say(fd, "hello", "hello", 5);
    say(fd, "a zero in it", "a\0b\n", 4);
    say(fd, "many", sent, many);
    close(fd);
}

static void two_in_turn(void) {
    int one = client_connect(little, 500), two = client_connect(little, 500);
    char a[6] = "", b[7] = "";
    (void)client_send(one, "first", 5);
    (void)client_send(two, "second", 6);
    (void)client_receive(two, b, 6);
    (void)client_receive(one, a, 5);
    printf("two clients: %s, %s\n", a, b);
    close(two);
    close(one);
}

// It takes nothing, and leaves with a reset while much is on its way to it.
static void one_that_resets(void) {
    int fd = client_connect(little, 300);
    (void)client_send(fd, sent, 100000);
    client_pause(50);
    client_reset(fd);
    printf("one has reset its connection\n");
}

static void *run_clients(void *unused) {
    (void)unused;
    for (size_t i = 0; i < many; i++) {
        sent[i] = (char)(i * 7 + i / 251);
    }
    one_alone();
    two_in_turn();
    one_that_resets();
    return NULL;
}

int main(void) {
    uv_loop_t loop;
    struct sockaddr_in at;
    pthread_t thread;
    signal(SIGPIPE,
           SIG_IGN); // to write to a client that has gone is an error, no end
    if (uv_loop_init(&loop) != 0 || uv_tcp_init(&loop, &listener) != 0 ||
        uv_ip4_addr("127.0.0.1", 0, &at) != 0 ||
        uv_tcp_bind(&listener, (struct sockaddr *)&at, 0) != 0 ||
        uv_listen((uv_stream_t *)&listener, 8, on_connection) != 0 ||
        pthread_create(&thread, NULL, run_clients, NULL) != 0) {
        abort();
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    pthread_join(thread, NULL);
    printf("the loop is empty: %s\n", uv_loop_close(&loop) == 0 ? "yes" : "no");
    return 0;
}
