// Leaves out the time in which nothing happened.
#ifndef CROP_H
#define CROP_H

#include "trace.h"

// A server waits for its first client, and after the last one for Ctrl-C. If
// that was four fifths of the run, the trace begins shortly before the first
// and ends shortly after the last; t->left_out says how much is gone.
void trace_crop(struct trace *t);

#endif
