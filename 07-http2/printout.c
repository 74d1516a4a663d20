// Bytes from a client may hold anything, also what a terminal obeys. So only
// printable ASCII is printed as it is, and the quotes are always the ends.
#include "printout.h"

#include <stdio.h>

void print_safe(const char *before, struct span text, const char *after) {
    fputs(before, stdout);
    for (size_t i = 0; i < text.size; i++) {
        const char c = text.at[i];
        if (c < ' ' || c > '~') {
            printf("\\x%02x", (unsigned char)c);
        } else if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else {
            putchar(c);
        }
    }
    fputs(after, stdout);
}
