#define _POSIX_C_SOURCE 200809L
// atexit, and a look at who is ending.
#include "at_end.h"

#include "must.h"

#include <errno.h>
#include <pthread.h>

static void (*stops[4])(void); // for an executor and a timer: two
static int count;

static void forget_all(void) {
    count = 0;
}

static void stop_all(void) {
    while (count > 0) {
        stops[--count]();
    }
}

void at_end(void (*stop)(void)) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
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
