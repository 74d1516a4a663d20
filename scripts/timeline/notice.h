// The one sentence under a picture that says what to notice. It is found in
// the events: no act has a sentence of its own.
#ifndef NOTICE_H
#define NOTICE_H

#include "trace.h"

#include <stdio.h>

// The sentence alone, without a line break: "task 2 waited 2.00 s for ..."
void notice_sentence(FILE *out, const struct trace *t);
// The same as "Notice: ...", in lines of at most width.
void notice_put(FILE *out, const struct trace *t, int width);
// What differs most between the traces, then an empty line. Says nothing about
// a single one, or if nothing much differs.
void notice_compare(FILE *out, const struct trace *traces, size_t count,
                    int width);

#endif
