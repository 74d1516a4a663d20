// A future that tells us when to ask again: poll with a waker, and block_on.
// Built first in chapter 03, out of chapter 02's future, whose poll had no
// waker.
//
// Three words say who owns what.
//   BORROWS   the function looks at it; it stays yours.
//   CONSUMES  it is the function's from now on, even if the call fails.
//   RETURNS   it is yours now; the comment names what ends it.
#ifndef FUTURE_H
#define FUTURE_H

// ---- Waker: "poll that one again" ----

// Whoever runs futures makes the wakers: a task's waker puts the task back
// on its queue, block_on's waker unblocks its thread.
struct waker_ops {
    struct waker (*clone)(void *data); // one more reference
    void (*wake)(void *data);          // callable from any thread
    void (*drop)(void *data);          // one reference less
};

struct waker {
    const struct waker_ops *ops; // NULL: no waker, and fine to drop
    void *data;
};

struct waker waker_clone(const struct waker *w); // RETURNS: waker_drop
void waker_drop(struct waker *w);                // CONSUMES *w, empties it

// BORROWS w. When the program ends this may drop the woken task's future, here
// and now: so hold no lock that the drop wants.
void waker_wake(const struct waker *w);

// ---- Future: a computation that can be polled ----

enum poll { FUTURE_PENDING, FUTURE_READY };

struct future;

struct future_ops {
    // Get as far as possible without blocking. FUTURE_READY: the output is
    // in *out; never poll this future again. FUTURE_PENDING is a promise:
    // this waker was woken, or a clone of it was kept and will be woken.
    // The waker itself is BORROWED and gone after the call.
    enum poll (*poll)(struct future *self, const struct waker *waker,
                      void *out);
    // Free self in whatever state it is: fresh, half way, finished.
    void (*drop)(struct future *self);
};

// The first member of every concrete future, so that a pointer to one is a
// pointer to the other. Once polled, a future stays at its address: others
// may hold pointers into it. Rust has the type Pin for this; C has the rule.
struct future {
    const struct future_ops *ops;
};

enum poll future_poll(struct future *f, const struct waker *waker, void *out);
void future_drop(struct future *f); // CONSUMES f

// Polls f on this thread until it is ready and sleeps while it is not: the
// smallest executor there is. CONSUMES f. The output goes to *out. It blocks,
// so it must not be called inside a poll.
void block_on(struct future *f, void *out);

#endif
