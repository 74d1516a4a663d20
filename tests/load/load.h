// What the load clients have in common. They are small, talk to 127.0.0.1, end
// by themselves within a minute, and print one line of "name value" pairs.
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum protocol { ECHO, HTTP1, HTTP2 };

// Prints the usage and ends the program if there are less than count arguments.
// After a minute it ends in any case.
void load_begin(int argc, int count, const char *usage);
enum protocol load_protocol(const char *name);
long load_number(const char *text);

// Complains about the last system call, and ends the program.
_Noreturn void load_fail(const char *what);

double load_now(void); // seconds

int load_connect(long port); // RETURNS a descriptor
void load_do_not_block(int fd);

// A close that the server sees as a reset.
void load_reset(int fd);

// Writes it all; the descriptor blocks.
void load_send(int fd, const void *bytes, size_t size);

// Waits for the end of stdin: the script's word to go on.
void load_wait_for_script(void);

// A whole request for the greeting, and how to find the answers.
struct load_request {
    const char *bytes;
    size_t size;
    const char *answer; // the last octets of each answer
    const char *after;  // what the protocol wants us to say then, or NULL
    size_t after_size;
    const char *again; // a second request on the same connection
    size_t again_size;
};
const struct load_request *load_request(enum protocol protocol);

// Finds a text in a stream that arrives in pieces. No proper prefix of the text
// may occur a second time within it.
struct load_search {
    const char *text;
    size_t matched;
    uint64_t found;
};
void load_look(struct load_search *search, const char *bytes, size_t size);

#endif
