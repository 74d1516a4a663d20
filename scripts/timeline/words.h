// The picture in sentences: for screen readers, for logs, and as the
// description of the SVG.
#ifndef WORDS_H
#define WORDS_H

#include "trace.h"

#include <stdio.h>

void words_tell(FILE *out, const struct trace *traces, size_t count);

// One span, in the same words: "worker slept inside task 1 from 0.00 s to 2.00 s".
// The times are as exact as a run of total microseconds asks for.
void words_tell_span(FILE *out, const struct lane *lane, const struct span *s,
                     double total);
void words_tell_moment(FILE *out, const struct lane *lane,
                       const struct moment *m, double total);

#endif
