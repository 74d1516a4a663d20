#define _POSIX_C_SOURCE 200809L
// Chapter 05: a TCP server on a real event loop. It sends back what it gets.
//
//     ./echo                 serves on 127.0.0.1:8080 until Ctrl-C
//     ./echo blocking        a second of work for each message: everybody waits
//     ./echo sleeping        a second's sleep for each message: nobody waits
//     ./echo pooled          the work in the thread pool: nobody waits
//     ./echo 127.0.0.1:0     on any free port
//     ./echo --help          more
#include "server_options.h"
#include "tcp_server.h"
#include "worker.h"

// All that echo does. What the client does not take waits in tcp_server, which
// reads nothing more from this client until it is gone: backpressure.
static void on_bytes(struct tcp_connection *c, const char *bytes, size_t size) {
    (void)tcp_write(c, bytes, size);
}

int main(int argc, char **argv) {
    static const struct server_act acts[] = {
        {"echo", "sends back what it gets"},
        {"blocking", "a second of work for each message; everybody waits"},
        {"sleeping", "a sleep of a second for each message; nobody waits"},
        {"pooled", "the work in the thread pool; nobody waits"},
    };
    static const struct tcp_protocol echo = {.on_bytes = on_bytes};
    const struct tcp_protocol *protocols[] = {&echo, &blocking_worker,
                                              &sleeping_worker, &pooled_worker};
    struct server_options options;
    int status = server_options_parse(&options, argc, argv, "echo", 8080, acts,
                                      sizeof acts / sizeof acts[0]);
    return status >= 0 ? status
                       : tcp_server_run(protocols[options.act], &options);
}
