#define _POSIX_C_SOURCE 200809L
// An event loop by hand: an echo server in one thread, with nothing but what every
// POSIX system has. The rest of this chapter does the same on libuv.
//
//     ./loop                 serves on 127.0.0.1:8080 until Ctrl-C
//     ./loop 127.0.0.1:0     on any free port
//
// In main stands the loop: poll(2) sleeps until something has happened, and then a
// function is called for each thing that has. None of them waits.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// A client has a buffer, and what is in it between `from` and `to` is owed to it.
struct client {
    size_t from, to;
    char bytes[16 * 1024];
};

// Number i in one array is number i in the other. Number 0 is the door, where new
// clients come in; it has no client.
enum { places = 1000 };
static struct pollfd watched[places];
static struct client clients[places];
static nfds_t count;

static void must(int result, const char *what) {
    if (result < 0) {
        fprintf(stderr, "loop: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
    }
}

static void watch(int fd) {
    must(fcntl(fd, F_SETFL, O_NONBLOCK), "fcntl");
    watched[count] = (struct pollfd){.fd = fd, .events = POLLIN};
    clients[count].from = clients[count].to = 0;
    count++;
}

// The last one takes the place of who leaves. And the door is open again.
static void leave(nfds_t i) {
    close(watched[i].fd);
    count--;
    watched[i] = watched[count];
    clients[i] = clients[count];
    watched[0].events = POLLIN;
}

// There is room in the kernel's buffer. Backpressure is the last line: while we
// owe this client something we wait for room, and do not read.
static void on_writable(nfds_t i) {
    struct client *c = &clients[i];
    ssize_t n =
        send(watched[i].fd, c->bytes + c->from, c->to - c->from, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        leave(i);
        return;
    }
    c->from += n > 0 ? (size_t)n : 0;
    watched[i].events = c->from < c->to ? POLLOUT : POLLIN;
}

// Bytes have come, or the end of them.
static void on_readable(nfds_t i) {
    struct client *c = &clients[i];
    ssize_t n = read(watched[i].fd, c->bytes, sizeof c->bytes);
    if (n > 0) {
        c->from = 0;
        c->to = (size_t)n;
        on_writable(i);
    } else if (n == 0 || errno != EAGAIN) {
        leave(i);
    }
}

// Somebody stands at the door. Without a place or a descriptor for the next one, we
// do not look there until somebody leaves: the kernel keeps those who wait.
static void on_connection(void) {
    int fd = accept(watched[0].fd, NULL, NULL);
    if (fd >= 0) {
        watch(fd);
        watched[0].events = count < places ? POLLIN : 0;
    } else if (errno != EAGAIN && errno != ECONNABORTED) {
        must(count > 1 ? 0 : fd, "accept"); // nobody is here who could leave
        watched[0].events = 0;
    }
}

static void open_door(int port) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    must(fd, "socket");
    must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "option");
    must(bind(fd, (struct sockaddr *)&a, sizeof a), "bind");
    must(listen(fd, SOMAXCONN), "listen");
    must(getsockname(fd, (struct sockaddr *)&a, &size), "getsockname");
    watch(fd);
    printf("Listening on: 127.0.0.1:%d\n", ntohs(a.sin_port));
    must(fflush(stdout), "stdout");
}

// RETURNS -1 for what is no port.
static int port_of(const char *text) {
    const char *port = strncmp(text, "127.0.0.1:", 10) == 0 ? text + 10 : text;
    size_t digits = strspn(port, "0123456789");
    bool good = digits > 0 && digits < 6 && port[digits] == '\0';
    return good && atoi(port) < 65536 ? atoi(port) : -1;
}

int main(int argc, char **argv) {
    int port = argc > 1 ? port_of(argv[1]) : 8080;
    if (argc > 2 || port < 0) {
        fprintf(stderr, "usage: ./loop [[127.0.0.1:]PORT]\n");
        return 2;
    }
    open_door(port);
    for (;;) {
        must(poll(watched, count, -1), "poll");
        // From the end, since who leaves is replaced by the last one.
        for (nfds_t i = count - 1; i > 0; i--) {
            if (watched[i].revents != 0 && watched[i].events == POLLIN) {
                on_readable(i);
            } else if (watched[i].revents != 0) {
                on_writable(i);
            }
        }
        if (watched[0].revents != 0) {
            on_connection();
        }
    }
}
