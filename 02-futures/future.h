// A future: a computation whose value is not there yet, and that does nothing
// until somebody asks for it. Here asking is all there is; chapter 03 adds the
// other direction, a future that says when to ask again.
//
// Three words say who owns what.
//   BORROWS   the function looks at it; it stays yours.
//   CONSUMES  it is the function's from now on, even if the call fails.
//   RETURNS   it is yours now; the comment names what ends it.
#ifndef FUTURE_H
#define FUTURE_H

enum poll { FUTURE_PENDING, FUTURE_READY };

struct future;

// What every kind of future can do; each kind has one such table.
struct future_ops {
    // Get as far as possible. FUTURE_READY: the output is in *out; never poll
    // this future again. FUTURE_PENDING: ask again later.
    enum poll (*poll)(struct future *self, int *out);
    // Free self in whatever state it is: fresh, half way, finished.
    void (*drop)(struct future *self);
};

// The first member of every concrete future, so that a pointer to one is a
// pointer to the other.
struct future {
    const struct future_ops *ops;
};

enum poll future_poll(struct future *f, int *out); // BORROWS f
void future_drop(struct future *f);                // CONSUMES f

// Polls f on this thread until it is ready. CONSUMES f. RETURNS its output.
int future_await(struct future *f);

#endif
