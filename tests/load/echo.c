#define _POSIX_C_SOURCE 200809L
// echo PORT CONNECTIONS SECONDS: each connection sends 64 bytes, waits
// until they are back, compares them, and goes on. It prints how many came
// back and after how many microseconds the slowest percent did.
#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { message_size = 64, max_clients = 1000, max_samples = 8 * 1000 * 1000 };

struct client {
    double sent_at;
    size_t received;
    uint64_t number; // of the message; it stands in it eight times
};

static struct client clients[max_clients];
static struct pollfd polls[max_clients];
static float samples[max_samples]; // microseconds
static size_t sample_count;
static uint64_t messages;

static void make_message(const struct client *c, char *bytes) {
    for (size_t i = 0; i < message_size; i += sizeof c->number) {
        memcpy(bytes + i, &c->number, sizeof c->number);
    }
}

static void send_message(struct client *c, int fd) {
    char bytes[message_size];
    c->number++;
    c->received = 0;
    make_message(c, bytes);
    c->sent_at = load_now();
    load_send(fd, bytes, sizeof bytes);
}

static void on_message(const struct client *c) {
    messages++;
    if (sample_count < max_samples) {
        samples[sample_count++] = (float)((load_now() - c->sent_at) * 1e6);
    }
}

static void on_readable(struct client *c, int fd) {
    char bytes[message_size], expected[message_size];
    make_message(c, expected);
    ssize_t n = read(fd, bytes, message_size - c->received);
    if (n <= 0) {
        load_fail("a connection was lost");
    }
    if (memcmp(bytes, expected + c->received, (size_t)n) != 0) {
        fprintf(stderr, "echo: other bytes came back than were sent\n");
        exit(1);
    }
    c->received += (size_t)n;
    if (c->received == message_size) {
        on_message(c);
        send_message(c, fd);
    }
}

static int compare(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void run(long count, double seconds) {
    double start = load_now();
    while (load_now() < start + seconds) {
        if (poll(polls, (nfds_t)count, 100) < 0) {
            load_fail("poll");
        }
        for (long i = 0; i < count; i++) {
            if (polls[i].revents != 0) {
                on_readable(&clients[i], polls[i].fd);
            }
        }
    }
    seconds = load_now() - start;
    qsort(samples, sample_count, sizeof *samples, compare);
    printf("messages %llu per_second %.0f p99_us %.0f\n",
           (unsigned long long)messages, (double)messages / seconds,
           sample_count > 0 ? samples[sample_count * 99 / 100] : 0);
}

int main(int argc, char **argv) {
    load_begin(argc, 3, "echo PORT CONNECTIONS SECONDS");
    long count = load_number(argv[2]);
    if (count > max_clients) {
        fprintf(stderr, "echo: at most %d connections\n", max_clients);
        return 2;
    }
    for (long i = 0; i < count; i++) {
        polls[i] =
            (struct pollfd){load_connect(load_number(argv[1])), POLLIN, 0};
        send_message(&clients[i], polls[i].fd);
    }
    run(count, (double)load_number(argv[3]));
    return 0;
}
