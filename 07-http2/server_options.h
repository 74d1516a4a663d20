// The command line of the servers: [ACT] [HOST:PORT] [OPTIONS]. Nothing in here
// is about async; skip it.
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct server_act {
    const char *name;
    const char *what; // one line for --list
};

struct server_options {
    const char *program;
    size_t act; // index into the acts; the first is the default
    char host[64];
    int port;
    bool quiet;           // no line for each request
    long threads;         // loops, one thread each
    long max_connections; // for each loop
    long idle_ms;         // a client that does nothing for so long is closed
    long request_ms;      // a request must be here whole after so long
    long grace_ms;        // what is in flight may take so long at the end
};

// Fills in *options. RETURNS -1 to go on, else the exit status: 0 after --help
// or --list, 2 for a command line that makes no sense.
int server_options_parse(struct server_options *options, int argc, char **argv,
                         const char *program, int default_port,
                         const struct server_act *acts, size_t count);

#endif
