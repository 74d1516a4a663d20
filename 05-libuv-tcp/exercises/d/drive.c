#define _POSIX_C_SOURCE 200809L
// The scene of 05d: a loop with one listener. Two clients send much and read nothing for a
// while, another is served meanwhile, and one more leaves with a reset.
#include "exercise.h"

#include "../client.h"

enum { most_clients = 4, little = 65536, much = 4000000 };
static uv_tcp_t listener;
static int clients;

void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(malloc(16384), 16384);
}

static void on_connection(uv_stream_t *server, int error) {
    uv_tcp_t *client = malloc(sizeof *client);
    int out = little, in = little;
    if (error != 0 || client == NULL ||
        uv_tcp_init(server->loop, client) != 0 ||
        uv_accept(server, (uv_stream_t *)client) != 0 ||
        uv_send_buffer_size((uv_handle_t *)client, &out) != 0 ||
        uv_recv_buffer_size((uv_handle_t *)client, &in) != 0 ||
        uv_read_start((uv_stream_t *)client, on_alloc, on_read) != 0) {
        abort();
    }
    if (++clients == most_clients) {
        uv_close((uv_handle_t *)server, NULL);
    }
}

// ---- The clients ----

static char bytes[much], back[much];

static int connect_little(void) {
    int fd = client_connect(little, 450), size = little;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return fd;
}

static void is_served(int fd, const char *who) {
    char text[8] = "";
    (void)client_send(fd, "hello", 5);
    size_t got = client_receive(fd, text, 5);
    printf("%s: %s\n", who,
           got == 5 && strcmp(text, "hello") == 0 ? "hello" : "no answer");
}

static void fill(void) {
    for (size_t i = 0; i < much; i++) {
        bytes[i] = (char)(i * 11 + i / 241);
    }
}

// Of four megabytes the kernels' four buffers and 64 KiB of ours take less than one.
static size_t send_alone(int fd, const char *who) {
    size_t sent = client_send(fd, bytes, much);
    printf("%s sends and does not read: %s\n", who,
           sent < much / 4 ? "soon it cannot send" : "it can send on and on");
    return sent;
}

static void take_back(int fd, size_t sent, const char *who) {
    size_t got = client_receive(fd, back, sent);
    printf("%s: %s\n", who,
           got != sent                      ? "something is missing"
           : memcmp(back, bytes, sent) == 0 ? "all is there"
                                            : "not what it has sent");
}

static void *run_clients(void *unused) {
    (void)unused;
    fill();
    int slow = connect_little(), second = connect_little();
    size_t sent = send_alone(slow, "one");
    fill(); // two such waits in a row would look as if it hung
    size_t sent_too = send_alone(second, "a second one");
    int other = connect_little();
    is_served(other, "another one meanwhile");
    close(other);
    take_back(slow, sent, "then the first reads");
    is_served(slow, "and speaks again");
    take_back(second, sent_too, "and the second reads");
    close(slow);
    close(second);
    int last = connect_little();
    (void)client_send(last, bytes, much / 10);
    client_reset(last);
    printf("one leaves with a reset\n");
    return NULL;
}

static void count_open(uv_handle_t *handle, void *count) {
    (void)handle;
    ++*(int *)count;
}

int main(void) {
    uv_loop_t loop;
    struct sockaddr_in at;
    pthread_t thread;
    int open = 0;
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
    uv_walk(&loop, count_open, &open);
    printf("connections that are still open: %d\n", open);
    (void)uv_loop_close(&loop);
    return 0;
}
