#define _POSIX_C_SOURCE 200809L
// Collects text, and hands it over in few and large pieces.
#include "printout.h"

#include <inttypes.h>
#include <stdio.h>

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
    funlockfile(stdout);
}

static void print_char(struct printout *out, char c) {
    if (out->size == sizeof out->bytes) {
        flush(out);
    }
    out->bytes[out->size++] = c;
}

void print(struct printout *out, const char *text) {
    for (; *text != '\0'; text++) {
        print_char(out, *text);
    }
}

void print_number(struct printout *out, uint64_t number) {
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    print(out, digits);
}

// Bytes from a client may hold anything, also what a terminal obeys. So only
// printable ASCII is printed as it is, and the quotes are always the ends.
void print_safe(struct printout *out, struct span text) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (c == '"' || c == '\\') {
            print_char(out, '\\');
            print_char(out, text.at[i]);
        } else if (c >= ' ' && c < 127) {
            print_char(out, text.at[i]);
        } else {
            print(out, "\\x");
            print_char(out, digits[c / 16]);
            print_char(out, digits[c % 16]);
        }
    }
}

void print_quoted(struct printout *out, struct span text) {
    print_char(out, '"');
    print_safe(out, text);
    print_char(out, '"');
}
