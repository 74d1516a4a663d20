#define _POSIX_C_SOURCE 200809L
// atexit, and a look at who is ending.
#include "at_end.h"

#include "must.h"

#include <errno.h>
#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; // guards the rest
static void (*stops[4])(void); // for an executor and a timer: two
static int count;

// The thread that had the mutex, if there was one, is not in the fork.
static void forget_all(void) {
    must(pthread_mutex_init(&mutex, NULL), "at_end: mutex");
    count = 0;
}

// Not under the mutex: while a stop waits for its thread, a future that runs on
// it may start a timer, which comes here too.
static void stop_all(void) {
    must(pthread_mutex_lock(&mutex), "at_end: lock");
    while (count > 0) {
        void (*stop)(void) = stops[--count];
        must(pthread_mutex_unlock(&mutex), "at_end: unlock");
        stop();
        must(pthread_mutex_lock(&mutex), "at_end: lock");
    }
    must(pthread_mutex_unlock(&mutex), "at_end: unlock");
}

void at_end(void (*stop)(void)) {
    must(pthread_mutex_lock(&mutex), "at_end: lock");
    if (count == 0) {
        must(atexit(stop_all) == 0 ? 0 : ENOMEM, "at_end: atexit");
        must(pthread_atfork(NULL, NULL, forget_all), "at_end: atfork");
    }
    must(count == 4 ? ENOMEM : 0, "at_end");
    stops[count++] = stop;
    must(pthread_mutex_unlock(&mutex), "at_end: unlock");
}

void end_thread(pthread_t thread, void *(*work)(void *)) {
    if (pthread_equal(thread, pthread_self())) {
        (void)work(NULL);
    } else {
        must(pthread_join(thread, NULL), "at_end: join");
    }
}
