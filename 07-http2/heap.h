// A heap of deadlines: whoever enters may leave at any time, and the earliest
// is always at hand. Built first in chapter 04.
#ifndef HEAP_H
#define HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Lies inside whatever waits for it.
struct deadline {
    int64_t at;   // on whatever clock its heap goes by
    size_t place; // in the heap; 0: not in it
};

struct heap {
    struct heap_entry *entries;
    size_t count, room;
};

// BORROWS d until it leaves. RETURNS false when memory is out.
bool heap_enter(struct heap *h, struct deadline *d);
void heap_leave(struct heap *h, struct deadline *d);

struct deadline *heap_earliest(const struct heap *h); // NULL: it is empty

// Gives back the heap's memory. It must be empty.
void heap_free(struct heap *h);

#endif
