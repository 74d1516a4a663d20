#define _POSIX_C_SOURCE 200809L
// Bytes from a client may hold anything, also what a terminal obeys. So only
// printable ASCII is printed as it is, and the quotes are always the ends.
#include "printout.h"

#include <stdio.h>

void printout_begin(void) {
    flockfile(stdout);
}

void printout_end(void) {
    fflush(stdout);
    funlockfile(stdout);
}

static void print_octet(char c) {
    if (c < ' ' || c > '~') {
        printf("\\x%02x", (unsigned char)c);
        return;
    }
    if (c == '"' || c == '\\') {
        putc_unlocked('\\', stdout);
    }
    putc_unlocked(c, stdout);
}

void print_safe(struct span text) {
    for (size_t i = 0; i < text.size; i++) {
        print_octet(text.at[i]);
    }
}

void print_quoted(struct span text) {
    putc_unlocked('"', stdout);
    print_safe(text);
    putc_unlocked('"', stdout);
}
