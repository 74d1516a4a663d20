#define _POSIX_C_SOURCE 200809L
// One thread and one heap of deadlines. While nobody is due, the thread sleeps,
// and so does the worker: nobody asks.
#include "timer.h"

#include "async_sleep.h"
#include "clock_wait.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

// Guards the heap, running, and the timer's part of every sleeper. No waker is
// woken or dropped under it: that may end a task, and the task's sleep would
// want the lock to leave the heap.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed; // a new earliest deadline, or the end
static pthread_t thread;
static bool running;
static pid_t process; // which has the thread

// These calls fail only when the program is wrong.
static void must(int error, const char *what) {
    if (error != 0) {
        fprintf(stderr, "timer: %s: %s\n", what, strerror(error));
        abort();
    }
}

static void lock(void) {
    must(pthread_mutex_lock(&mutex), "lock");
}

static void unlock(void) {
    must(pthread_mutex_unlock(&mutex), "unlock");
}

// ---- The heap of deadlines ----

// A heap: an array in which nobody is due before the one at half its place. So
// the earliest stands at place 1, and to enter or to leave moves about as many
// sleepers as their number has binary digits: twenty in a million.
struct entry {
    int64_t deadline; // a copy: the sleepers lie far apart in memory, and a
                      // visit to each one costs more than all the rest
    struct timer_sleep *sleep;
};

static struct entry *heap;
static size_t count; // heap[1] to heap[count] are taken
static size_t room;

static void put(size_t place, struct entry e) {
    heap[place] = e;
    e.sleep->place = place;
}

// Puts e at place or above it, until the one above is due before it.
static void rise(size_t place, struct entry e) {
    while (place > 1 && e.deadline < heap[place / 2].deadline) {
        put(place, heap[place / 2]);
        place /= 2;
    }
    put(place, e);
}

// Puts e at place or below it, until the two below are due after it.
static void sink(size_t place, struct entry e) {
    for (;;) {
        size_t below = 2 * place;
        if (below < count && heap[below + 1].deadline < heap[below].deadline) {
            below++;
        }
        if (below > count || heap[below].deadline >= e.deadline) {
            break;
        }
        put(place, heap[below]);
        place = below;
    }
    put(place, e);
}

// False: no memory. The heap doubles, so that growing is rare, and is freed by
// stop.
static bool make_room(void) {
    if (count + 1 < room) {
        return true;
    }
    size_t more = room == 0 ? 64 : 2 * room;
    struct entry *larger = realloc(heap, more * sizeof *heap);
    if (larger == NULL) {
        return false;
    }
    heap = larger;
    room = more;
    return true;
}

static bool enter(struct timer_sleep *s) {
    if (!make_room()) {
        return false;
    }
    count++;
    rise(count, (struct entry){s->deadline, s});
    return true;
}

// The last one takes the free place, and goes up or down from there.
static void leave(struct timer_sleep *s) {
    size_t place = s->place;
    struct entry last = heap[count--];
    s->place = 0;
    if (last.sleep == s) {
        return;
    }
    if (place > 1 && last.deadline < heap[place / 2].deadline) {
        rise(place, last);
    } else {
        sink(place, last);
    }
}

// ---- The thread ----

static struct waker take_waker(struct timer_sleep *s) {
    struct waker waker = s->waker;
    s->waker = (struct waker){0};
    return waker;
}

// Wakes some of those who are due; called and left with the lock. Without the
// lock it may take no pointer to a sleeper along, because a sleeper may be
// gone by then; a waker is its own. Sixty-four at a time, so that a crowd that
// is due together costs few turns of the lock and little stack.
static void wake_due(int64_t now) {
    struct waker due[64];
    int woken = 0;
    while (woken < 64 && count > 0 && (heap[1].deadline <= now || !running)) {
        struct timer_sleep *s = heap[1].sleep;
        leave(s);
        due[woken++] = take_waker(s);
    }
    unlock();
    for (int i = 0; i < woken; i++) {
        waker_wake(&due[i]);
        waker_drop(&due[i]);
    }
    lock();
}

static void wait_until(int64_t deadline) {
    int error = clock_wait_until(&changed, &mutex, deadline);
    must(error == ETIMEDOUT ? 0 : error, "wait");
}

static void *keep_time(void *unused) {
    (void)unused;
    lock();
    while (running || count > 0) {
        int64_t now = monotonic_now();
        if (count == 0) {
            must(pthread_cond_wait(&changed, &mutex), "wait");
        } else if (heap[1].deadline > now && running) {
            wait_until(heap[1].deadline);
        } else {
            wake_due(now);
        }
    }
    unlock();
    return NULL;
}

// The program ends: everybody is woken, whether due or not, so that the timer
// keeps hold of no task.
static void stop(void) {
    if (process != getpid()) {
        return; // a fork has no copy of the thread, and perhaps a held lock
    }
    lock();
    bool was_running = running;
    running = false;
    unlock();
    if (was_running) {
        must(pthread_cond_signal(&changed), "signal");
        must(pthread_join(thread, NULL), "join");
        free(heap); // nobody is in it, and nobody can enter any more
    }
}

// Deadlines are on the monotonic clock, so the condition must wait by it too.
static void start(void) {
    process = getpid();
    if (clock_wait_init(&changed) != 0 || atexit(stop) != 0) {
        return;
    }
    lock();
    running = pthread_create(&thread, NULL, keep_time, NULL) == 0;
    unlock();
}

// ---- The future ----

// Keeps the waker until the deadline. False: there is no thread to wait for, or
// no memory.
static bool keep_waker(struct timer_sleep *me, const struct waker *waker) {
    if (!running || !enter(me)) {
        return false;
    }
    me->waker = waker_clone(waker);
    if (me->place == 1) {
        must(pthread_cond_signal(&changed), "signal");
    }
    return true;
}

static struct waker take_back(struct timer_sleep *me) {
    if (me->place != 0) {
        leave(me);
    }
    return take_waker(me);
}

// Each poll leaves the timer and, if it is still too early, enters it again:
// it may have come with a new waker. If the timer cannot help, the task must
// ask again at once, like an async_sleep.
static enum poll sleep_poll(struct future *self, const struct waker *waker,
                            void *out) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)out;
    struct timer_sleep *me = (struct timer_sleep *)self;
    must(pthread_once(&once, start), "start");
    bool due = monotonic_now() >= me->deadline;
    lock();
    struct waker old = take_back(me);
    bool kept = !due && keep_waker(me, waker);
    unlock();
    waker_drop(&old);
    if (due) {
        return FUTURE_READY;
    }
    if (!kept) {
        waker_wake(waker);
    }
    return FUTURE_PENDING;
}

// A cancelled sleeper leaves the timer, or it would be woken after its end.
static void sleep_drop(struct future *self) {
    lock();
    struct waker old = take_back((struct timer_sleep *)self);
    unlock();
    waker_drop(&old);
}

static const struct future_ops sleep_ops = {sleep_poll, sleep_drop};

struct timer_sleep timer_sleep(double seconds) {
    return (struct timer_sleep){.base = {&sleep_ops},
                                .deadline =
                                    monotonic_now() + nanoseconds(seconds)};
}
