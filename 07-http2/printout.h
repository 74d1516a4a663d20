// Printing what a stranger sent, on stdout. Nothing in here is about async.
#ifndef PRINTOUT_H
#define PRINTOUT_H

#include "span.h"

#include <stddef.h>
#include <stdint.h>

// The lines of one request leave together, because other threads print, too.
struct printout {
    size_t size;
    char bytes[4096];
};

void printout_begin(struct printout *out); // others wait until the end
void printout_end(struct printout *out);

void print(struct printout *out, const char *text);
void print_number(struct printout *out, uint64_t number);

// What a stranger sent, so that a terminal can show it; the second puts quotes
// around.
void print_safe(struct printout *out, struct span text);
void print_quoted(struct printout *out, struct span text);

#endif
