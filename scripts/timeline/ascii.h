// The picture for a terminal: 78 columns of ASCII.
#ifndef ASCII_H
#define ASCII_H

#include "trace.h"

#include <stdio.h>

// Draws the traces one below the other on the same axis, then the legend.
// Colour is an extra: without it nothing is lost.
void ascii_draw(FILE *out, const struct trace *traces, size_t count,
                bool in_colour);

#endif
