#define _POSIX_C_SOURCE 200809L
// The scene of 05b: a loop with one listener, and clients that leave in all ways. Both
// ends have little buffers, so that much is still on its way when a client leaves.
#include "exercise.h"

#include "../client.h"

enum { most_clients = 6, little = 8192, many = 200000 };
static uv_tcp_t listener;
static int clients;

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(malloc(16384), 16384);
}

static void on_connection(uv_stream_t *server, int error) {
    struct connection *c = calloc(1, sizeof *c);
    int size = little;
    if (error != 0 || c == NULL || uv_tcp_init(server->loop, &c->stream) != 0 ||
        uv_accept(server, (uv_stream_t *)&c->stream) != 0 ||
        uv_send_buffer_size((uv_handle_t *)&c->stream, &size) != 0 ||
        uv_read_start((uv_stream_t *)&c->stream, on_alloc, on_read) != 0) {
        abort();
    }
    if (++clients == most_clients) {
        uv_close((uv_handle_t *)server, NULL);
    }
}

// ---- The clients ----

static char bytes[many], back[many];

// Sends, says that it sends no more, and only then reads.
static void send_end_read(const char *what, size_t size) {
    int fd = client_connect(little, 500);
    char more;
    memset(back, 0, sizeof back);
    (void)client_send(fd, bytes, size);
    shutdown(fd, SHUT_WR);
    client_pause(20);
    size_t got = client_receive(fd, back, size);
    bool same = got == size && memcmp(back, bytes, size) == 0;
    printf("%s: %zu bytes came back, %s, and then %s\n", what, got,
           same ? "the same" : "not the same",
           recv(fd, &more, 1, 0) == 0 ? "the end" : "no end");
    close(fd);
}

static void two_messages(void) {
    char text[7] = "";
    int fd = client_connect(little, 500);
    (void)client_send(fd, "one", 3);
    size_t got = client_receive(fd, text, 3);
    (void)client_send(fd, "two", 3);
    got += client_receive(fd, text + 3, 3);
    printf("two messages: %s\n", got == 6 ? text : "not both came back");
    close(fd);
}

static void reset_with_much_on_its_way(void) {
    int fd = client_connect(little, 500);
    (void)client_send(fd, bytes, many / 2);
    client_pause(30);
    client_reset(fd);
    client_pause(30);
    printf("one has reset its connection\n");
}

static void reset_without_a_word(void) {
    int fd = client_connect(little, 500);
    client_pause(30);
    client_reset(fd);
    printf("and one that never spoke\n");
}

static void *run_clients(void *unused) {
    (void)unused;
    for (size_t i = 0; i < many; i++) {
        bytes[i] = (char)(i * 5 + i / 253);
    }
    two_messages();
    send_end_read("nothing", 0);
    send_end_read("a little", 7);
    send_end_read("much", many);
    reset_with_much_on_its_way();
    reset_without_a_word();
    return NULL;
}

// A connection that nobody closed stays with the loop.
static void count_open(uv_handle_t *handle, void *count) {
    ++*(int *)count;
    (void)handle;
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
