#define _POSIX_C_SOURCE 200809L
// crowd http1|http2 PORT COUNT SECONDS: COUNT clients, each of whom sends one
// octet a second of a request that never ends. It prints how many of them the
// server has ended within SECONDS, when the first and the last, and how many
// were told why (408).
#include "load.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum { max_clients = 10000 };

static struct pollfd polls[max_clients]; // fd -1: ended
static struct load_search told[max_clients];
static long count, ended;
static double start, first, last;

// The beginning of a request, then a header that goes on for ever.
static char octet(enum protocol protocol, long i) {
    const struct load_request *request = load_request(protocol);
    long head = (long)request->size - (protocol == HTTP1 ? 2 : 7);
    return i < head ? request->bytes[i] : 'x';
}

static void on_end(long i) {
    close(polls[i].fd);
    polls[i].fd = -1;
    last = load_now() - start;
    first = ended++ == 0 ? last : first;
}

static void send_octets(enum protocol protocol, long round) {
    char c = octet(protocol, round);
    for (long i = 0; i < count; i++) {
        if (polls[i].fd >= 0 && write(polls[i].fd, &c, 1) < 0) {
            on_end(i);
        }
    }
}

static void read_from(long i) {
    char bytes[512];
    ssize_t n = read(polls[i].fd, bytes, sizeof bytes);
    if (n <= 0) {
        on_end(i);
    } else {
        load_look(&told[i], bytes, (size_t)n);
    }
}

static void read_until(double until) {
    for (double now; ended < count && (now = load_now()) < until;) {
        int n = poll(polls, (nfds_t)count, (int)((until - now) * 1000) + 1);
        for (long i = 0; n > 0 && i < count; i++) {
            if (polls[i].fd >= 0 && polls[i].revents != 0) {
                read_from(i);
            }
        }
    }
}

int main(int argc, char **argv) {
    load_begin(argc, 4, "crowd http1|http2 PORT COUNT SECONDS");
    enum protocol protocol = load_protocol(argv[1]);
    long clients = load_number(argv[3]), answered = 0;
    for (; count < clients && count < max_clients; count++) {
        polls[count].fd = load_connect(load_number(argv[2]));
        polls[count].events = POLLIN;
        told[count].text = "HTTP/1.1 408";
    }
    start = load_now();
    for (long i = 0; i < load_number(argv[4]) && ended < count; i++) {
        send_octets(protocol, i);
        read_until(start + (double)i + 1);
    }
    for (long i = 0; i < count; i++) {
        answered += told[i].found > 0;
    }
    printf("ended %ld first %.1f last %.1f told %ld\n", ended, first, last,
           answered);
    return 0;
}
