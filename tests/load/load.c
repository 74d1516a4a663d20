#define _POSIX_C_SOURCE 200809L
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { patience_seconds = 60 };

void load_begin(int argc, int count, const char *usage) {
    if (argc <= count) {
        fprintf(stderr, "usage: %s\n", usage);
        exit(2);
    }
    signal(SIGPIPE, SIG_IGN);
    alarm(patience_seconds);
}

enum protocol load_protocol(const char *name) {
    if (strcmp(name, "echo") == 0) {
        return ECHO;
    }
    return strcmp(name, "http2") == 0 ? HTTP2 : HTTP1;
}

long load_number(const char *text) {
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || number < 0) {
        fprintf(stderr, "load: not a number: %s\n", text);
        exit(2);
    }
    return number;
}

void load_fail(const char *what) {
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

double load_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int load_connect(long port) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on)) {
        load_fail("connect");
    }
    return fd;
}

void load_do_not_block(int fd) {
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        load_fail("fcntl");
    }
}

void load_reset(int fd) {
    struct linger no = {.l_onoff = 1, .l_linger = 0};
    if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &no, sizeof no) != 0) {
        load_fail("setsockopt");
    }
    close(fd);
}

void load_send(int fd, const void *bytes, size_t size) {
    const char *at = bytes;
    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0) {
            load_fail("write");
        }
        at += n;
        size -= (size_t)n;
    }
}

void load_wait_for_script(void) {
    char c;
    while (read(STDIN_FILENO, &c, 1) > 0) {
    }
}

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define NO_SETTINGS "\0\0\0\4\0\0\0\0\0"
// GET, http, /, an authority that enters no table: 6 octets.
#define GET(stream) "\0\0\6\1\5\0\0\0" stream "\202\206\204\1\1h"

static const char hello[] = "Hello, World!";
static const char get[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
static const char get2[] = PREFACE NO_SETTINGS GET("\1");
static const char get3[] = GET("\3");
static const char ack[] = "\0\0\0\4\1\0\0\0\0";

const struct load_request *load_request(enum protocol protocol) {
    static const struct load_request requests[] = {
        [ECHO] = {hello, sizeof hello - 1, hello, NULL, 0, hello,
                  sizeof hello - 1},
        [HTTP1] = {get, sizeof get - 1, hello, NULL, 0, get, sizeof get - 1},
        [HTTP2] = {get2, sizeof get2 - 1, hello, ack, sizeof ack - 1, get3,
                   sizeof get3 - 1},
    };
    return &requests[protocol];
}

void load_look(struct load_search *s, const char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != s->text[s->matched]) {
            s->matched = bytes[i] == s->text[0] ? 1 : 0;
        } else if (s->text[++s->matched] == '\0') {
            s->matched = 0;
            s->found++;
        }
    }
}
