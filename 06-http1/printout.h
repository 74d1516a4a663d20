// Printing what a stranger sent, on stdout. Nothing in here is about async.
#ifndef PRINTOUT_H
#define PRINTOUT_H

#include "span.h"

// So that a terminal can show it. What stands before and after is printed as it is.
void print_safe(const char *before, struct span text, const char *after);

#endif
