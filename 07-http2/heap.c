#define _POSIX_C_SOURCE 200809L
// An array in which nobody is due before the one above it. Place 1 is on top,
// and below each place there are four:
//
//     place              1
//     below it         2 to 5
//     below those   6 to 9, 10 to 13, 14 to 17, 18 to 21
//
// So the earliest stands at place 1, and to enter or to leave moves few others:
// ten in a million. Four below each instead of two makes it half as deep, and
// four neighbours cost the processor hardly more than two.
#include "heap.h"

#include <stdlib.h>

struct heap_entry {
    int64_t at; // a copy: the deadlines lie far apart in memory, and a visit to
                // each one costs more than all the rest
    struct deadline *deadline;
};

static size_t above(size_t place) {
    return (place + 2) / 4;
}

static size_t first_below(size_t place) {
    return 4 * place - 2;
}

static void put(struct heap *h, size_t place, struct heap_entry e) {
    h->entries[place] = e;
    e.deadline->place = place;
}

// Puts e at place or above it, until the one above is due before it.
static void rise(struct heap *h, size_t place, struct heap_entry e) {
    while (place > 1 && e.at < h->entries[above(place)].at) {
        put(h, place, h->entries[above(place)]);
        place = above(place);
    }
    put(h, place, e);
}

// RETURNS the place of the earliest below place; 0: there is none.
static size_t earliest_below(const struct heap *h, size_t place) {
    size_t first = first_below(place), earliest = 0;
    for (size_t i = first; i < first + 4 && i <= h->count; i++) {
        if (earliest == 0 || h->entries[i].at < h->entries[earliest].at) {
            earliest = i;
        }
    }
    return earliest;
}

// Puts e at place or below it, until those below are due after it.
static void sink(struct heap *h, size_t place, struct heap_entry e) {
    size_t below;
    while ((below = earliest_below(h, place)) != 0 &&
           h->entries[below].at < e.at) {
        put(h, place, h->entries[below]);
        place = below;
    }
    put(h, place, e);
}

// It doubles, so that growing is rare. Entry 0 is never used.
static bool make_room(struct heap *h) {
    if (h->count + 1 < h->room) {
        return true;
    }
    size_t more = h->room == 0 ? 64 : 2 * h->room;
    struct heap_entry *larger = realloc(h->entries, more * sizeof *larger);
    if (larger == NULL) {
        return false;
    }
    h->entries = larger;
    h->room = more;
    return true;
}

bool heap_enter(struct heap *h, struct deadline *d) {
    if (!make_room(h)) {
        return false;
    }
    h->count++;
    rise(h, h->count, (struct heap_entry){d->at, d});
    return true;
}

// The last one takes the free place, and goes up or down from there.
void heap_leave(struct heap *h, struct deadline *d) {
    size_t place = d->place;
    struct heap_entry last = h->entries[h->count--];
    d->place = 0;
    if (last.deadline == d) {
        return;
    }
    if (place > 1 && last.at < h->entries[above(place)].at) {
        rise(h, place, last);
    } else {
        sink(h, place, last);
    }
}

struct deadline *heap_earliest(const struct heap *h) {
    return h->count > 0 ? h->entries[1].deadline : NULL;
}

void heap_free(struct heap *h) {
    free(h->entries);
    *h = (struct heap){0};
}
