#define _POSIX_C_SOURCE 200809L
// A reader that walks over the line once. Each function takes the place where
// to read on and moves it; false means that the text is not JSON, or is cut.
#include "json.h"

#include <stdlib.h>
#include <string.h>

// Deeper than this no trace goes, and our stack need not either.
static const int deepest = 16;

static void skip_space(char **at) {
    *at += strspn(*at, " \t\r\n");
}

static bool take(char **at, char c) {
    skip_space(at);
    if (**at != c) {
        return false;
    }
    ++*at;
    return true;
}

// ---- Texts ----

// The pictures are plain ASCII, so a text is too, from here on: each other
// character becomes one question mark.
static char printable(unsigned long c) {
    return c >= ' ' && c < 127 ? (char)c : '?';
}

// The four digits after \u. RETURNS false if they are not hexadecimal.
static bool read_hex(const char *at, unsigned long *c) {
    if (strspn(at, "0123456789abcdefABCDEF") < 4) {
        return false;
    }
    char digits[5] = {at[0], at[1], at[2], at[3], '\0'};
    *c = strtoul(digits, NULL, 16);
    return true;
}

// What follows a backslash. A line break or a tab is a space in a picture.
static bool read_escape(char **at, char *c) {
    unsigned long code = 0;
    char kind = *(*at)++;
    if (kind == 'u') {
        bool whole = read_hex(*at, &code);
        *at += whole ? 4 : 0;
        *c = printable(code);
        return whole;
    }
    *c = kind != '\0' && strchr("nrtbf", kind) != NULL ? ' ' : kind;
    return kind != '\0' && strchr("nrtbf\"\\/", kind) != NULL;
}

// Of the bytes of a character in UTF-8, all but the first begin with 10.
static bool continues_character(char byte) {
    return ((unsigned char)byte & 0xc0) == 0x80;
}

// A decoded text is never longer than it was, so it fits where it stands. Its
// end takes the place of the closing quote, or one before.
static bool read_text(char **at, const char **text) {
    if (!take(at, '"')) {
        return false;
    }
    char *end = *at;
    *text = end;
    while (**at != '"') {
        char c = *(*at)++;
        if (c == '\0') {
            return false;
        }
        if (c == '\\' && !read_escape(at, &c)) {
            return false;
        }
        if (!continues_character(c) && end - *text < json_longest_text) {
            *end++ = printable((unsigned char)c);
        }
    }
    ++*at;
    *end = '\0';
    return true;
}

// ---- Values ----

static bool read_number(char **at, double *number) {
    if (strchr("-0123456789", **at) == NULL) {
        return false;
    }
    char *end;
    *number = strtod(*at, &end);
    bool found = end != *at;
    *at = end;
    return found;
}

static bool read_word(char **at) {
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t length = strlen(words[i]);
        if (strncmp(*at, words[i], length) == 0) {
            *at += length;
            return true;
        }
    }
    return false;
}

static bool read_scalar(char **at, struct json_field *f) {
    skip_space(at);
    if (**at == '\0') {
        return false;
    }
    if (**at == '"') {
        return read_text(at, &f->text);
    }
    return read_number(at, &f->number) || read_word(at);
}

static bool skip_value(char **at, int depth);

// What stands between brackets is stepped over, keys and values alike.
static bool skip_list(char **at, char close, int depth) {
    if (take(at, close)) {
        return true;
    }
    while (skip_value(at, depth)) {
        if (take(at, close)) {
            return true;
        }
        if (!take(at, ',') && !take(at, ':')) {
            return false;
        }
    }
    return false;
}

// The depth is counted, because a hostile file is nothing but brackets.
static bool skip_value(char **at, int depth) {
    struct json_field unused = {0};
    if (depth >= deepest) {
        return false;
    }
    if (take(at, '[')) {
        return skip_list(at, ']', depth + 1);
    }
    if (take(at, '{')) {
        return skip_list(at, '}', depth + 1);
    }
    return read_scalar(at, &unused);
}

// ---- Objects ----

static void keep(struct json_object *o, struct json_field f) {
    if (o->count < json_most_fields) {
        o->fields[o->count++] = f;
    }
}

static bool read_fields(struct json_object *o, char **at, const char *parent);

static bool read_field(struct json_object *o, char **at, const char *parent) {
    struct json_field f = {.parent = parent};
    if (!read_text(at, &f.key) || !take(at, ':')) {
        return false;
    }
    skip_space(at);
    if (**at == '{' && parent == NULL) {
        ++*at;
        return read_fields(o, at, f.key);
    }
    if (**at == '{' || **at == '[') {
        return skip_value(at, 0);
    }
    if (!read_scalar(at, &f)) {
        return false;
    }
    keep(o, f);
    return true;
}

// The fields up to the closing brace.
static bool read_fields(struct json_object *o, char **at, const char *parent) {
    if (take(at, '}')) {
        return true;
    }
    while (read_field(o, at, parent)) {
        if (take(at, '}')) {
            return true;
        }
        if (!take(at, ',')) {
            return false;
        }
    }
    return false;
}

bool json_read(struct json_object *o, char *line) {
    o->count = 0;
    return take(&line, '{') && read_fields(o, &line, NULL);
}

// ---- Questions ----

static const struct json_field *find(const struct json_object *o,
                                     const char *parent, const char *key) {
    for (int i = 0; i < o->count; i++) {
        const struct json_field *f = &o->fields[i];
        bool same_parent = parent == NULL || f->parent == NULL
                               ? parent == f->parent
                               : strcmp(parent, f->parent) == 0;
        if (same_parent && strcmp(f->key, key) == 0) {
            return f;
        }
    }
    return NULL;
}

const char *json_text(const struct json_object *o, const char *parent,
                      const char *key, const char *otherwise) {
    const struct json_field *f = find(o, parent, key);
    return f != NULL && f->text != NULL ? f->text : otherwise;
}

double json_number(const struct json_object *o, const char *parent,
                   const char *key, double otherwise) {
    const struct json_field *f = find(o, parent, key);
    return f != NULL && f->text == NULL ? f->number : otherwise;
}
