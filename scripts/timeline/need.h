// Memory, or the end of the program: a picture is not worth more.
#ifndef NEED_H
#define NEED_H

#include <stddef.h>

// RETURNS what it was given, unless that is NULL.
void *need(void *memory);

// RETURNS the array with room for one more element: it doubles whenever count
// reaches a power of two. CONSUMES array.
void *grown(void *array, size_t count, size_t size);

#endif
