#define _POSIX_C_SOURCE 200809L
// Chapter 06: an HTTP/1.1 server. It prints each request and greets whoever
// asks, whatever the method and the path. New against chapter 05: the bytes
// mean something, so they go through a parser before anybody answers.
//
//     ./http1                serves on 127.0.0.1:3000 until Ctrl-C
//     ./http1 sleeping       each answer awaits a second, and nobody else waits
//     ./http1 blocking       each answer takes a second, and everybody waits
//     ./http1 pooled         the same work, done by other threads
//     ./http1 parse          no server: what the parser makes of stdin
//     ./http1 127.0.0.1:0    on any free port
//     ./http1 --help         more
#include "handle.h"
#include "http1_connection.h"
#include "parse.h"

#include <string.h>

enum { PARSE = BLOCKING + 1 };

int main(int argc, char **argv) {
    struct server_act acts[PARSE + 1] = {
        [PARSE] = {"parse", "no server: what the parser makes of stdin"},
    };
    struct server_options options;
    memcpy(acts, handle_acts, sizeof handle_acts);
    int status = server_options_parse(&options, argc, argv, "http1", 3000, acts,
                                      PARSE + 1);
    if (status >= 0) {
        return status;
    }
    if (options.act == PARSE) {
        return parse_stdin();
    }
    handle_choose((enum handle_act)options.act);
    return http1_run(&options);
}
