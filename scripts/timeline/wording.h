// Words and numbers as all forms of the picture write them.
#ifndef WORDING_H
#define WORDING_H

#include "trace.h"

#include <stdio.h>

// "2.00 s", "15 ms", "340 us"
void put_time(FILE *out, double microseconds);
// "31,000,000"
void put_number(FILE *out, double number);
// "1 poll", "9 polls"
void put_count(FILE *out, double count, const char *what);

// "futures two-blocking"; the file has no name of its own.
void put_title(FILE *out, const struct trace *t);
// "4.00 s by the clock, 0.01 s of CPU, 2 polls", and how it ended if not well.
void put_totals(FILE *out, const struct trace *t);

// What a state is called in the legend, and what a lane did then.
const char *state_meaning(enum state state);
const char *state_verb(enum state state);
const char *mark_meaning(enum mark mark);
char state_glyph(enum state state);
char mark_glyph(enum mark mark);

// Writes what put writes about the trace, in lines of at most width.
typedef void paragraph(FILE *out, const struct trace *t);
void put_paragraph(FILE *out, paragraph *put, const struct trace *t, int width,
                   int indent);

// RETURNS "inside", for "inside task 1", or "in a callback for": of a
// connection or request a thread is in a callback.
const char *where_inside(const char *name);

// In whose poll, for whom: "in task 1", "task 1", "for thread 2", or "".
void format_partner(char *text, size_t size, const struct span *s);

// Prints text so that no line is longer than width. Lines after the first
// begin with indent spaces.
void put_wrapped(FILE *out, const char *text, int width, int indent);

// Where the scale has its numbers: every 1, 2 or 5 times a power of ten, so
// that there are at most `most` of them.
double scale_step(double total, int most);
// "2 s", "0.5 s", "20 ms": as few digits as the step allows.
void format_tick(char *text, size_t size, double time, double step);

#endif
