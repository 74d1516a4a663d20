#define _POSIX_C_SOURCE 200809L
// unread echo|http1 PORT COUNT: sends COUNT messages of 64 bytes, or COUNT
// requests, and reads nothing. When the server takes no more it prints how many
// octets it got rid of, and waits for the end of its stdin. Then it sends the
// rest, reads all answers, compares or counts them, and prints how many.
#include "load.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { message_size = 64, pieces = 1000, room = pieces * 64 };

// What is sent, over and over: one piece many times.
static struct {
    char bytes[room];
    size_t size, piece;
} pattern;

static uint64_t total, sent;

static void make_pattern(enum protocol protocol) {
    char message[message_size];
    const struct load_request *request = load_request(protocol);
    for (size_t i = 0; i < sizeof message; i++) {
        message[i] = (char)('!' + i);
    }
    const char *piece = protocol == ECHO ? message : request->bytes;
    pattern.piece = protocol == ECHO ? sizeof message : request->size;
    while (pattern.size + pattern.piece <= sizeof pattern.bytes) {
        memcpy(pattern.bytes + pattern.size, piece, pattern.piece);
        pattern.size += pattern.piece;
    }
}

static void send_some(int fd) {
    size_t at = sent % pattern.size;
    uint64_t left = total - sent;
    size_t size = pattern.size - at < left ? pattern.size - at : (size_t)left;
    ssize_t n = write(fd, pattern.bytes + at, size);
    if (n < 0 && errno != EAGAIN) {
        load_fail("write");
    }
    sent += n > 0 ? (uint64_t)n : 0;
    if (sent == total && shutdown(fd, SHUT_WR) != 0) {
        load_fail("shutdown");
    }
}

// The server has stopped reading when it takes nothing for a second.
static void send_until_it_stands(int fd) {
    struct pollfd p = {fd, POLLOUT, 0};
    while (sent < total && poll(&p, 1, 1000) == 1) {
        send_some(fd);
    }
    printf("sent %llu of %llu\n", (unsigned long long)sent,
           (unsigned long long)total);
    fflush(stdout);
}

static uint64_t received;
static struct load_search answers;

static void look(enum protocol protocol, const char *bytes, size_t size) {
    for (size_t i = 0; protocol == ECHO && i < size; i++) {
        if (bytes[i] != pattern.bytes[(received + i) % pattern.size]) {
            fprintf(stderr, "unread: octet %llu came back as another\n",
                    (unsigned long long)received + i);
            exit(1);
        }
    }
    load_look(&answers, bytes, size);
    received += size;
}

static void read_all(enum protocol protocol, int fd) {
    static char bytes[64 * 1024];
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        p.events |= sent < total ? POLLOUT : 0;
        if (poll(&p, 1, 5000) != 1) {
            return; // what was received so far will not be enough
        }
        if ((p.revents & POLLOUT) != 0) {
            send_some(fd);
        }
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n == 0) {
            return;
        }
        if (n < 0 && errno != EAGAIN) {
            load_fail("read");
        }
        look(protocol, bytes, n > 0 ? (size_t)n : 0);
    }
}

int main(int argc, char **argv) {
    load_begin(argc, 3, "unread echo|http1 PORT COUNT");
    enum protocol protocol = load_protocol(argv[1]);
    int fd = load_connect(load_number(argv[2]));
    make_pattern(protocol);
    total = (uint64_t)load_number(argv[3]) * pattern.piece;
    answers.text = load_request(protocol)->answer;
    load_do_not_block(fd);
    send_until_it_stands(fd);
    load_wait_for_script();
    read_all(protocol, fd);
    printf("answers %llu\n",
           (unsigned long long)(protocol == ECHO ? received / message_size
                                                 : answers.found));
    return 0;
}
