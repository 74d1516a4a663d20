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
    // Every answer here is shorter, with its head.
    http1_longest_answer = 512,
};

struct http1_answers {
    size_t size;
    char bytes[http1_answers_size];
};

struct http1_answer {
    int status;
    const char *body;       // text, BORROWED
    const char *connection; // what the Connection field says; NULL: no field
    bool without_body;      // the answer to HEAD
};

// Is there room for one more?
bool http1_has_room(const struct http1_answers *out);

void http1_add_answer(struct http1_answers *out,
                      const struct http1_answer *answer);

// The word that a client waits for before it sends a long body.
void http1_add_continue(struct http1_answers *out);

// RETURNS such as "404 Not Found", for the statuses that this server has.
const char *http1_status_text(int status);

#endif
