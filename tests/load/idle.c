#define _POSIX_C_SOURCE 200809L
// idle echo|http1|http2 PORT COUNT: opens COUNT connections, gets one
// answer on each, prints how many answers there were, and holds them all open
// until its stdin ends.
#include "load.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

// A server that does not answer this one shall not hold up all others.
static void wait_two_seconds_at_most(int fd) {
    struct timeval two = {.tv_sec = 2};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &two, sizeof two) != 0) {
        load_fail("setsockopt");
    }
}

static bool is_answered(int fd, const struct load_request *request) {
    struct load_search answer = {.text = request->answer};
    char bytes[4096];
    ssize_t n;
    load_send(fd, request->bytes, request->size);
    while (answer.found == 0 && (n = read(fd, bytes, sizeof bytes)) > 0) {
        load_look(&answer, bytes, (size_t)n);
    }
    if (request->after != NULL) {
        load_send(fd, request->after, request->after_size);
    }
    return answer.found > 0;
}

int main(int argc, char **argv) {
    load_begin(argc, 3, "idle echo|http1|http2 PORT COUNT");
    const struct load_request *request = load_request(load_protocol(argv[1]));
    long count = load_number(argv[3]);
    long answered = 0;
    double start = load_now();
    for (long i = 0; i < count; i++) {
        int fd = load_connect(load_number(argv[2]));
        wait_two_seconds_at_most(fd);
        answered += is_answered(fd, request);
    }
    printf("answered %ld seconds %.2f\n", answered, load_now() - start);
    fflush(stdout);
    load_wait_for_script();
    return 0;
}
