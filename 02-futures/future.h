// A future: a computation whose value is not there yet, and that does nothing
// until somebody asks for it. Here asking is all there is; chapter 03 adds the
// other direction, a future that says when to ask again.
//
// A future is a value, a struct like any other. A constructor returns it, and
// it may be copied to another place until it is first polled; from then on it
// stays where it is. It owns no memory of its own: whoever holds it decides
// where it lies.
//
// Three words say who owns what.
//   BORROWS   the function looks at it; it stays yours.
//   CONSUMES  it is the function's from now on, even if the call fails.
//   RETURNS   it is yours now; the comment names what ends it.
#ifndef FUTURE_H
#define FUTURE_H

#include <stddef.h>

enum poll_result { FUTURE_PENDING, FUTURE_READY };

struct future;

// What every kind of future can do; each kind has one such table.
struct future_ops {
    size_t size;     // of the whole future, in bytes: for whoever moves it
    size_t out_size; // of its output; 0: it has none
    // Get as far as possible. FUTURE_READY: the output is in *out; never poll
    // this future again. FUTURE_PENDING: ask again later.
    enum poll_result (*poll)(struct future *self, void *out);
    // Let go of what it holds, in whatever state it is: fresh, half way or
    // finished. Its own memory is not its to free. NULL: it holds nothing.
    void (*drop)(struct future *self);
};

// The first member of every concrete future, so that a pointer to one is a
// pointer to the other.
struct future {
    const struct future_ops *ops;
};

enum poll_result future_poll(struct future *f, void *out); // BORROWS f
void future_drop(struct future *f); // CONSUMES what f holds

// Polls f on this thread until it is ready. The output goes to *out. CONSUMES
// what f holds; the bytes of f stay yours, and may well lie on your stack.
void block_on(struct future *f, void *out);

#endif
