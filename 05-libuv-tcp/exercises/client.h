// For the scenes of chapters 05 to 07: clients, each on a thread of its own, in the
// process of the server that is judged. They are no part of the picture, and their
// waits are not counted.
//
// Of an error that only a broken machine makes, the program ends.
#ifndef CLIENT_H
#define CLIENT_H

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static inline double client_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// It is no call that the tracer counts: a scene's own pause is not the answer's.
static inline void client_pause(long ms) {
    struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    (void)select(0, NULL, NULL, NULL, &t);
}

// The server is this process, so its listener is one of our descriptors.
static inline int client_find_port(void) {
    for (int tries = 0; tries < 5000; tries++) {
        for (int fd = 3; fd < 64; fd++) {
            int listens = 0;
            struct sockaddr_in at;
            socklen_t size = sizeof listens, room = sizeof at;
            if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) ==
                    0 &&
                listens &&
                getsockname(fd, (struct sockaddr *)&at, &room) == 0) {
                return ntohs(at.sin_port);
            }
        }
        client_pause(1);
    }
    return 0;
}

// room: of the buffer for what comes, in bytes; 0: the system's own. No call waits
// longer than patience_ms. RETURNS the descriptor; the caller closes it.
static inline int client_connect(int room, long patience_ms) {
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)client_find_port()),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = patience_ms / 1000,
                               .tv_usec = patience_ms % 1000 * 1000};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (room > 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("client");
        exit(EXIT_FAILURE);
    }
    return fd;
}

// RETURNS how many of them it could send.
static inline size_t client_send(int fd, const void *bytes, size_t size) {
    size_t sent = 0;
    ssize_t n;
    while (sent < size && (n = send(fd, (const char *)bytes + sent, size - sent,
                                    MSG_NOSIGNAL)) > 0) {
        sent += (size_t)n;
    }
    return sent;
}

// Until so many are here, the server has ended, or patience has.
static inline size_t client_receive(int fd, void *bytes, size_t size) {
    size_t got = 0;
    ssize_t n;
    while (got < size &&
           (n = recv(fd, (char *)bytes + got, size - got, 0)) > 0) {
        got += (size_t)n;
    }
    return got;
}

// Leaves with a reset, not with an end.
static inline void client_reset(int fd) {
    const struct linger reset = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
}

#endif
