// The picture in sentences: for screen readers, for logs, and as the
// description of the SVG.
#ifndef WORDS_H
#define WORDS_H

#include "trace.h"

#include <stdio.h>

void words_tell(FILE *out, const struct trace *traces, size_t count);

#endif
