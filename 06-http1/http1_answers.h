// Answers, gathered in a buffer until one write sends them all. A write costs
// more than everything else that a request needs, so a client that asks sixteen
// times in a row gets its sixteen answers with one.
#ifndef HTTP1_ANSWERS_H
#define HTTP1_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>

enum {
    // One gathering of answers. A hundred greetings fit, and then it is written
    // and used again, so nothing depends on how many come in a row.
    http1_answers_size = 16 * 1024,
    // A longer body goes to the client by itself, uncopied.
    http1_longest_text = 256,
    // What one request can add: a 100, a head, and a body that is not longer.
    http1_longest_answer = 512 + http1_longest_text,
};

struct http1_answers {
    size_t size;
    char bytes[http1_answers_size];
};

struct http1_answer {
    int status;
    size_t length;          // of the body
    const char *connection; // what the Connection field says; NULL: no field
};

// Is there room for one more?
bool http1_has_room(const struct http1_answers *out);

void http1_add_head(struct http1_answers *out,
                    const struct http1_answer *answer);
void http1_add_text(struct http1_answers *out, const char *text, size_t size);

// The word that a client waits for before it sends a long body.
void http1_add_continue(struct http1_answers *out);

// RETURNS such as "400 Bad Request", for the statuses that this server has.
const char *http1_status_text(int status);

#endif
