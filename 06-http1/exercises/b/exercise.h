// 06b, for the answer and its scene.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <strings.h>

// A field of a request's head: "Content-Length: 5". Space around the value is gone.
struct field {
    const char *name; // in any case: content-length is the same
    const char *value;
};

// What body_length RETURNS besides a length.
enum { CHUNKED = -1, BAD = -2 };

// Yours: how long is the body of a request with these fields?
int64_t body_length(const struct field *fields, size_t count);

static inline bool is_word(const char *a, const char *b) {
    return strcasecmp(a, b) == 0; // in any case
}
