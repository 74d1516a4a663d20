#define _POSIX_C_SOURCE 200809L
// Exercise 06a: bytes in pieces. A request ends with an empty line, but a read knows nothing
// of that: it may bring half a request, or two and a half. Greet each request once, when its
// last byte is here, with its whole head. Refuse a head of more than head_room bytes, which
// is 256, and call nothing after that. See exercise.h.
//
//     make try-06a     builds it, runs it, and says what happened
//     make hint-06a    a hint, and after that a stronger one
//
// By hand, in the chapter's directory: make my-06a && ./my-06a
//
// exercise.h lies in exercises/a/; beside it are the answers, so look at nothing else.
#include "exercise.h"

#include <stdlib.h>
#include <string.h>

// ---- your part ----

#if defined RIGHT_GROWS_ON_THE_HEAP || defined WRONG_LEAKS_HALF_A_HEAD
struct state {
    size_t size;
    char *bytes;
};

void on_bytes(struct connection *c, const char *bytes, size_t size) {
    struct state *s = state_of(c);
    while (size > 0) {
        char *more = realloc(s->bytes, s->size + 1);
        if (more == NULL) {
            abort();
        }
        s->bytes = more;
        s->bytes[s->size++] = *bytes++;
        size--;
        if (s->size >= 4 &&
            memcmp(s->bytes + s->size - 4, "\r\n\r\n", 4) == 0) {
            greet(c, s->bytes, s->size);
            free(s->bytes);
            *s = (struct state){0};
        } else if (s->size == head_room && size > 0) {
            refuse(c);
            return;
        } else if (s->size > head_room) {
            refuse(c);
            return;
        }
    }
}

void on_close(struct connection *c) {
#ifdef WRONG_LEAKS_HALF_A_HEAD
    (void)c;
#else
    free(state_of(c)->bytes);
#endif
}
#else
struct state {
    size_t size, matched;
    char bytes[head_room + 1];
};

#ifdef WRONG_SHARES_ITS_STATE
static struct state shared;
#define STATE &shared
#else
#define STATE state_of(c)
#endif

#ifdef WRONG_ROOM_FOR_ONE_LESS
enum { room = head_room - 1 };
#elif defined WRONG_ROOM_FOR_ONE_MORE
enum { room = head_room + 1 };
#else
enum { room = head_room };
#endif

// RIGHT_COUNTS_WHAT_MATCHES: how much of CR LF CR LF stands at the end.
void on_bytes(struct connection *c, const char *bytes, size_t size) {
    static const char end[] = "\r\n\r\n";
    struct state *s = STATE;
#ifdef WRONG_LIMITS_THE_READ
    if (size > room) {
        refuse(c);
        return;
    }
#endif
    for (size_t i = 0; i < size; i++) {
        if (s->size == room) {
            refuse(c);
#ifdef WRONG_GOES_ON_AFTER_THE_REFUSAL
            s->size = 0;
            continue;
#endif
            return;
        }
        s->bytes[s->size++] = bytes[i];
#ifdef WRONG_COUNTS_A_BROKEN_MATCH
        s->matched += bytes[i] == end[s->matched];
#elif defined RIGHT_COUNTS_WHAT_MATCHES
        s->matched = bytes[i] == end[s->matched] ? s->matched + 1
                     : bytes[i] == '\r'          ? 1
                                                 : 0;
#elif defined WRONG_ENDS_AT_TWO_NEWLINES
        s->matched = s->size >= 2 && bytes[i] == '\n' &&
                             (s->bytes[s->size - 2] == '\n' ||
                              (s->size >= 3 && s->bytes[s->size - 3] == '\n'))
                         ? 4
                         : 0;
#else
        s->matched =
            s->size >= 4 && memcmp(s->bytes + s->size - 4, end, 4) == 0 ? 4 : 0;
#endif
#ifdef WRONG_GREETS_AT_THE_LINE_END
        if (bytes[i] == '\n') {
#else
        if (s->matched == 4) {
#endif
            greet(c, s->bytes, s->size);
            s->size = s->matched = 0;
        }
    }
#ifdef WRONG_LOSES_A_HALF
    s->size = 0;
#endif
}

void on_close(struct connection *c) {
    (void)c;
}
#endif

// ---- to here ----

const size_t state_size = sizeof(struct state);
