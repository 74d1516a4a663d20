#define _POSIX_C_SOURCE 200809L
// See need.h.
#include "need.h"

#include <stdio.h>
#include <stdlib.h>

void *need(void *memory) {
    if (memory == NULL) {
        fprintf(stderr, "timeline: out of memory\n");
        exit(EXIT_FAILURE);
    }
    return memory;
}

void *grown(void *array, size_t count, size_t size) {
    if ((count & (count - 1)) != 0) {
        return array;
    }
    return need(realloc(array, (count == 0 ? 1 : 2 * count) * size));
}
