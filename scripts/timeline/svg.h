// The picture for a page: an SVG file that needs nothing else, readable on a
// light and on a dark page.
#ifndef SVG_H
#define SVG_H

#include "trace.h"

#include <stdio.h>

void svg_draw(FILE *out, const struct trace *traces, size_t count);

#endif
