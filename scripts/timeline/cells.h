// A lane, cut into cells of equal time: what each column of a picture shows.
#ifndef CELLS_H
#define CELLS_H

#include "trace.h"

struct cell {
    enum state state; // NO_STATE: the lane was not there
    enum mark mark;
    const struct span *span; // the longest of that state; NULL: none
};

// Fills width cells with what the lane did from 0 to total microseconds, and
// marks its polls.
void cells_fill(struct cell *cells, size_t width, const struct lane *lane,
                double total);

// Puts the lane's moments on top.
void cells_mark(struct cell *cells, size_t width, const struct lane *lane,
                double total);

// RETURNS the cell that the time falls into.
size_t cells_at(double time, double total, size_t width);

// How far the cells after first show the same state with the same partner, and
// no mark. RETURNS the index behind the last of them.
size_t cells_run(const struct cell *cells, size_t width, size_t first);

#endif
