#define _POSIX_C_SOURCE 200809L
// The scene of 07b: the chapter's server, and a client on a thread of its own. It asks for
// two slow ones and a quick one at once, and notes in which order the answers come. Then it
// asks for slow ones once more, resets one, and leaves in the middle of another.
#include "exercise.h"

#include "../client.h"
#include "http2_session.h"

#include <stdatomic.h>

static atomic_size_t asleep; // when the last request came

double seconds_to_wait(const struct http_request *request) {
    atomic_store(&asleep, request->executor->timer.heap.count);
    static const char slow[] = "/slow/";
    struct span target = request->target;
    double ms = 0;
    if (target.size < 6 || memcmp(target.at, slow, 6) != 0) {
        return 0;
    }
    for (size_t i = 6; i < target.size; i++) {
        ms = ms * 10 + (target.at[i] - '0');
    }
    return ms / 1000;
}

// ---- Frames ----

static void send_frame(int fd, int type, int flags, unsigned stream,
                       const char *payload, size_t size) {
    char bytes[64] = {0, 0, (char)size, (char)type,  (char)flags,
                      0, 0, 0,          (char)stream};
    memcpy(bytes + 9, payload, size);
    (void)client_send(fd, bytes, 9 + size);
}

// HEADERS: GET, http, this path, and an authority; and it ends the request or not.
static void ask(int fd, unsigned stream, const char *path, bool ends) {
    char packed[32] = "\x82\x86\x01\x01h\x04";
    size_t size = strlen(path);
    packed[6] = (char)size;
    memcpy(packed + 7, path, size);
    send_frame(fd, 1, ends ? 5 : 4, stream, packed, 7 + size);
}

// RETURNS the stream whose answer is complete; 0: none comes.
static unsigned next_answer(int fd) {
    unsigned char head[9];
    static char payload[16384];
    while (client_receive(fd, head, 9) == 9) {
        size_t size = (size_t)head[1] << 8 | head[2];
        if (size > sizeof payload ||
            client_receive(fd, payload, size) != size) {
            return 0;
        }
        if (head[3] == 0 && (head[4] & 1)) {
            return head[8];
        }
    }
    return 0;
}

// ---- The client ----

static void order_of_three(int fd) {
    double start = client_now(), took[8] = {0};
    unsigned order[3] = {0};
    ask(fd, 1, "/slow/300", true);
    ask(fd, 3, "/slow/100", true);
    ask(fd, 5, "/hello", true);
    for (int i = 0; i < 3 && (i == 0 || order[i - 1] != 0); i++) {
        order[i] = next_answer(fd);
        took[order[i] % 8] = client_now() - start;
    }
    printf("/slow/300 on stream 1, /slow/100 on 3, /hello on 5: answered %u %u "
           "%u\n",
           order[0], order[1], order[2]);
    printf("too early: %s\n",
           (took[1] > 0 && took[1] < 0.299) || (took[3] > 0 && took[3] < 0.099)
               ? "yes"
               : "no");
    printf("/hello after %.2f s, the last after %.2f s\n", took[5],
           took[order[2] % 8]);
}

// The request is whole only with its last frame.
static void in_two_parts(int fd) {
    ask(fd, 7, "/hello", false);
    client_pause(30);
    ask(fd, 9, "/hello", true);
    unsigned first = next_answer(fd);
    send_frame(fd, 0, 1, 7, "body", 4);
    unsigned second = next_answer(fd);
    printf("stream 7 ends later than 9: answered %u %u\n", first, second);
}

static void taken_back(int fd) {
    ask(fd, 11, "/slow/150", true);
    client_pause(30);
    send_frame(fd, 3, 0, 11, "\0\0\0\x08", 4);
    ask(fd, 13, "/slow/250", true);
    unsigned stream = next_answer(fd);
    printf("11 is taken back, answered: %u; asleep when it came: %zu\n", stream,
           atomic_load(&asleep));
}

static int connect_and_begin(void) {
    int fd = client_connect(0, 700);
    (void)client_send(fd, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    send_frame(fd, 4, 0, 0, "", 0);
    return fd;
}

static void *run_client(void *unused) {
    (void)unused;
    int fd = connect_and_begin();
    order_of_three(fd);
    in_two_parts(fd);
    taken_back(fd);
    close(fd);
    int other = connect_and_begin(), third = connect_and_begin();
    ask(other, 1, "/slow/150", true);
    ask(third, 1, "/slow/200", true);
    client_pause(30);
    client_reset(other);
    printf("one left while it waited, the other is answered: %u\n",
           next_answer(third));
    close(third);
    kill(getpid(), SIGINT);
    return NULL;
}

int main(void) {
    pthread_t thread;
    struct server_options options = {.program = "07b",
                                     .host = "127.0.0.1",
                                     .quiet = true,
                                     .threads = 1,
                                     .max_connections = 100,
                                     .idle_ms = 60000,
                                     .request_ms = 30000,
                                     .grace_ms = 1000};
    if (pthread_create(&thread, NULL, run_client, NULL) != 0) {
        return EXIT_FAILURE;
    }
    int status = http2_run(&options);
    pthread_join(thread, NULL);
    return status;
}
