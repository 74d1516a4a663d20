#define _POSIX_C_SOURCE 200809L
// Collects text, and hands it over in few and large pieces.
#include "printout.h"

#include "decimal.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void flush(struct printout *out) {
    fwrite(out->bytes, 1, out->size, stdout);
    out->size = 0;
}

void printout_begin(struct printout *out) {
    flockfile(stdout);
    out->size = 0;
}

void printout_end(struct printout *out) {
    flush(out);
    fflush(stdout);
    funlockfile(stdout);
}

static void print_run(struct printout *out, const char *at, size_t size) {
    while (size > 0) {
        size_t room = sizeof out->bytes - out->size;
        size_t n = size < room ? size : room;
        memcpy(out->bytes + out->size, at, n);
        out->size += n;
        at += n;
        size -= n;
        if (out->size == sizeof out->bytes) {
            flush(out);
        }
    }
}

void print(struct printout *out, const char *text) {
    print_run(out, text, strlen(text));
}

void print_number(struct printout *out, uint64_t number) {
    char digits[24];
    print(out, decimal(digits, number));
}

static bool is_plain(char c) {
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

static void print_escaped(struct printout *out, char c) {
    static const char digits[] = "0123456789abcdef";
    const unsigned char byte = (unsigned char)c;
    if (c == '"' || c == '\\') {
        print_run(out, "\\", 1);
        print_run(out, &c, 1);
    } else {
        print_run(out, "\\x", 2);
        print_run(out, &digits[byte / 16], 1);
        print_run(out, &digits[byte % 16], 1);
    }
}

// Bytes from a client may hold anything, also what a terminal obeys. So only
// printable ASCII is printed as it is, and the quotes are always the ends.
void print_safe(struct printout *out, struct span text) {
    size_t run = 0; // where what is plain begins
    for (size_t i = 0; i < text.size; i++) {
        if (!is_plain(text.at[i])) {
            print_run(out, text.at + run, i - run);
            print_escaped(out, text.at[i]);
            run = i + 1;
        }
    }
    print_run(out, text.at + run, text.size - run);
}

void print_quoted(struct printout *out, struct span text) {
    print_run(out, "\"", 1);
    print_safe(out, text);
    print_run(out, "\"", 1);
}
