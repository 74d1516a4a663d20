// A piece of somebody's bytes. BORROWED, always.
#ifndef SPAN_H
#define SPAN_H

#include <stddef.h>

struct span {
    const char *at;
    size_t size;
};

#endif
