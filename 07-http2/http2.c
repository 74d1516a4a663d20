#define _POSIX_C_SOURCE 200809L
// Chapter 07: the handler of chapter 06 behind HTTP/2. One connection carries
// many requests at once, and each of them has a task.
//
//     ./http2                serves on 127.0.0.1:3000 until Ctrl-C
//     ./http2 sleeping       each answer awaits a second, and nobody else waits
//     ./http2 blocking       each answer takes a second, and everybody waits
//     ./http2 pooled         the same work, done by other threads
//     ./http2 --help         more
#include "handle.h"
#include "http2_session.h"

int main(int argc, char **argv) {
    struct server_options options;
    int status = server_options_parse(&options, argc, argv, "http2", 3000,
                                      handle_acts, BLOCKING + 1);
    if (status >= 0) {
        return status;
    }
    handle_choose(options.act);
    return http2_run(&options);
}
