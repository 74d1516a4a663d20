// Numbers as text. printf would do it, at ten times the cost.
#ifndef DECIMAL_H
#define DECIMAL_H

#include <stdint.h>

// Writes the number to the end of text. RETURNS where it begins.
const char *decimal(char text[24], uint64_t number);

#endif
