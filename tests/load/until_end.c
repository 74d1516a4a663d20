#define _POSIX_C_SOURCE 200809L
// until_end echo|http1|http2 PORT COUNT: COUNT clients who ask, wait for the
// answer, and ask again, until the server ends their connections. Every second
// of them, and all with HTTP/2, ask several times without waiting. It prints
// what became of the last request of each:
//   answered    it was answered, and the server had said that it is the last
//   unanswered  the end came first, and not a piece of an answer
//   torn        the end came in the middle of an answer
//   reset       the connection was reset: an answer may have been destroyed
#include "frames.h"
#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { max_clients = 1000, streams_each = 16 };

struct client {
    struct load_search answer, goodbye;
    unsigned asked; // and not answered
    bool has_part;  // of an answer
    // HTTP/2 only.
    struct frame_reader in;
    struct frames out;
    uint32_t next;               // stream
    uint32_t last;               // that the server answers
    uint32_t open[streams_each]; // or 0
};

static struct client clients[max_clients];
static struct pollfd polls[max_clients];
static enum protocol protocol;
static unsigned long long answers;
static long count, answered, unanswered, torn, reset;

// ---- One answer after another: echo, HTTP/1 ----

static void ask(struct client *c, int fd) {
    const struct load_request *request = load_request(protocol);
    // A server that has just left us does not take it: see on_end.
    c->asked +=
        write(fd, request->bytes, request->size) == (ssize_t)request->size;
}

static ssize_t read_plain(struct client *c, int fd) {
    char bytes[4096];
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n > 0) {
        uint64_t before = c->answer.found;
        load_look(&c->answer, bytes, (size_t)n);
        load_look(&c->goodbye, bytes, (size_t)n);
        c->has_part = bytes[n - 1] != '!'; // the last octet of an answer
        for (uint64_t i = before; i < c->answer.found; i++) {
            answers++;
            c->asked--;
            if (c->goodbye.found == 0) {
                ask(c, fd);
            }
        }
    }
    return n;
}

// ---- Many at a time: HTTP/2 ----

static void ask_more(struct client *c, int fd) {
    for (int i = 0; i < streams_each && c->last == UINT32_MAX; i++) {
        if (c->open[i] == 0) {
            frames_add(&c->out, HEADERS, END_STREAM | END_HEADERS, c->next,
                       FRAMES_GET, sizeof FRAMES_GET - 1);
            c->open[i] = c->next;
            c->next += 2;
        }
    }
    frames_send(&c->out, fd);
}

static void on_frame(void *arg, const struct frame *f) {
    struct client *c = arg;
    if (f->type == GOAWAY && f->size >= 8) {
        c->last = frames_number(f->payload);
    } else if (f->type == SETTINGS && (f->flags & ACK) == 0) {
        frames_add(&c->out, SETTINGS, ACK, 0, NULL, 0);
    } else if (f->type == DATA && (f->flags & END_STREAM) != 0) {
        for (int i = 0; i < streams_each; i++) {
            c->open[i] = c->open[i] == f->stream ? 0 : c->open[i];
        }
        answers++;
    }
}

static ssize_t read_frames(struct client *c, int fd) {
    ssize_t n = frames_read(&c->in, fd, on_frame, c);
    if (n > 0) {
        ask_more(c, fd);
    }
    c->asked = 0;
    for (int i = 0; i < streams_each; i++) {
        c->asked += c->open[i] != 0 && c->open[i] <= c->last;
    }
    return n;
}

static void begin_frames(struct client *c, int fd) {
    static const uint8_t wide[4] = {0x7f, 0, 0, 0};
    c->next = 1;
    c->last = UINT32_MAX;
    frames_add_preface(&c->out);
    frames_add(&c->out, SETTINGS, 0, 0, NULL, 0);
    frames_add(&c->out, WINDOW_UPDATE, 0, 0, wide, sizeof wide);
    ask_more(c, fd);
}

// ---- All ----

static void on_end(const struct client *c, int fd, ssize_t n) {
    if (n < 0 && (c->asked > 0 || c->has_part)) {
        reset++;
    } else if (c->has_part) {
        torn++;
    } else if (c->asked == 0 || c->goodbye.found > 0) {
        answered++;
    } else {
        unanswered++;
    }
    close(fd);
}

static void run(void) {
    long open = count;
    while (open > 0 && poll(polls, (nfds_t)count, -1) > 0) {
        for (long i = 0; i < count; i++) {
            struct client *c = &clients[i];
            if (polls[i].fd < 0 || polls[i].revents == 0) {
                continue;
            }
            ssize_t n = protocol == HTTP2 ? read_frames(c, polls[i].fd)
                                          : read_plain(c, polls[i].fd);
            if (n <= 0) {
                on_end(c, polls[i].fd, n);
                polls[i].fd = -1;
                open--;
            }
        }
    }
}

int main(int argc, char **argv) {
    load_begin(argc, 3, "until_end echo|http1|http2 PORT COUNT");
    protocol = load_protocol(argv[1]);
    for (; count < load_number(argv[3]) && count < max_clients; count++) {
        struct client *c = &clients[count];
        int fd = load_connect(load_number(argv[2]));
        polls[count] = (struct pollfd){fd, POLLIN, 0};
        c->answer.text = load_request(protocol)->answer;
        c->goodbye.text = "Connection: close";
        if (protocol == HTTP2) {
            begin_frames(c, fd);
        } else {
            for (long i = 0; i < 1 + count % 2 * 3; i++) {
                ask(c, fd);
            }
        }
    }
    run();
    printf("answers %llu answered %ld unanswered %ld torn %ld reset %ld\n",
           answers, answered, unanswered, torn, reset);
    return 0;
}
