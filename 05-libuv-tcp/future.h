// A future that tells us when to ask again: chapter 02's future, and a waker in
// each poll.
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

// ---- Waker: a callback that says "ask again" ----

// Whoever runs futures makes the wakers. The waker of block_on lets its thread
// go on; the waker of a task puts the task back on its queue.
struct waker_ops {
    void (*clone)(void *data); // somebody has one more of these wakers
    void (*wake)(void *data);  // callable from any thread
    void (*drop)(void *data);  // one waker less
};

struct waker {
    const struct waker_ops
        *ops; // NULL: no waker; to call or drop it is nothing
    void *data;
};

struct waker waker_clone(const struct waker *w); // RETURNS: waker_drop
struct waker waker_take(struct waker *w); // RETURNS what was in *w, empties it
void waker_drop(struct waker *w);         // CONSUMES *w, empties it

// BORROWS w. Call no waker with a lock in your hand: it is somebody else's code.
// (At the end of the program it may even drop the future, here and now, and that
// may want your lock.)
void waker_wake(const struct waker *w);

// ---- Future: a computation that can be polled ----

enum poll_result { FUTURE_PENDING, FUTURE_READY };

struct future;

// What every kind of future can do; each kind has one such table.
struct future_ops {
    size_t size;     // of the whole future, in bytes: for whoever moves it
    size_t out_size; // of its output; 0: it has none
    // Get as far as possible without blocking. FUTURE_READY: the output is
    // in *out; never poll this future again. FUTURE_PENDING is a promise:
    // this waker was called, or a clone of it was kept and will be called.
    // The waker itself is BORROWED and gone after the poll.
    enum poll_result (*poll)(struct future *self, const struct waker *waker,
                             void *out);
    // Let go of what it holds, in whatever state it is: fresh, half way or
    // finished. Its own memory is not its to free. NULL: it holds nothing.
    void (*drop)(struct future *self);
};

// The first member of every concrete future, so that a pointer to one is a
// pointer to the other.
struct future {
    const struct future_ops *ops;
};

enum poll_result future_poll(struct future *f, const struct waker *waker,
                             void *out); // BORROWS f
void future_drop(struct future *f);      // CONSUMES what f holds

// Polls f on this thread, and sleeps until the waker is called while f is
// pending: the smallest executor there is. The output goes to *out. CONSUMES what
// f holds. It blocks, so it must not be called inside a poll.
void block_on(struct future *f, void *out);

#endif
