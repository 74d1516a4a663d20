// The last digit comes first, so we write from the end.
#include "decimal.h"

const char *decimal(char text[24], uint64_t number) {
    char *at = text + 23;
    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    return at;
}
