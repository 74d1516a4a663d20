// Reads one JSON object that stands on one line: what a trace is made of. Not a
// JSON library: it keeps text and numbers, of the object itself and of objects
// directly in it ("args"), and steps over all else.
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>

// A trace event has about ten. What is more is left out.
enum { json_most_fields = 32 };

// A longer text is cut: it is a name, and two of them must fit into a line.
enum { json_longest_text = 36 };

struct json_field {
    const char *parent; // "args" for what stands in args, else NULL
    const char *key;
    const char *text; // NULL: not a text
    double number;    // 0: not a number
};

struct json_object {
    struct json_field fields[json_most_fields];
    int count;
};

// Reads the object at the start of line. Its texts are decoded in place, where
// they stand, so BORROWS line for as long as the object is used. RETURNS false
// if no whole object is there; then line is spoiled.
bool json_read(struct json_object *o, char *line);

// RETURNS the text or the number, or the given value if there is none.
const char *json_text(const struct json_object *o, const char *parent,
                      const char *key, const char *otherwise);
double json_number(const struct json_object *o, const char *parent,
                   const char *key, double otherwise);

#endif
