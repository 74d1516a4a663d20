#define _POSIX_C_SOURCE 200809L
// libuv makes the threads of its pool when the first work comes, and if the system
// has none left it aborts the program without a word. So we try it at the start.
#include "must.h"
#include "pool_work.h"

#include <pthread.h>
#include <stdlib.h>

enum { usual_threads = 4, most_threads = 1024 }; // as libuv has it

static pthread_mutex_t all_are_here = PTHREAD_MUTEX_INITIALIZER;

static int pool_size(void) {
    const char *text = getenv("UV_THREADPOOL_SIZE");
    int size = text != NULL ? atoi(text) : usual_threads;
    return size < 1 ? 1 : size > most_threads ? most_threads : size;
}

// Waits for the others, so that as many are there at once as the pool will have.
static void *wait_for_all(void *unused) {
    (void)unused;
    must(pthread_mutex_lock(&all_are_here), "pool_work: lock");
    must(pthread_mutex_unlock(&all_are_here), "pool_work: unlock");
    return NULL;
}

void pool_prepare(void) {
    static pthread_t threads[most_threads];
    const int size = pool_size();
    must(pthread_mutex_lock(&all_are_here), "pool_work: lock");
    for (int i = 0; i < size; i++) {
        must(pthread_create(&threads[i], NULL, wait_for_all, NULL),
             "pool_work: cannot start the threads of the pool");
    }
    must(pthread_mutex_unlock(&all_are_here), "pool_work: unlock");
    for (int i = 0; i < size; i++) {
        must(pthread_join(threads[i], NULL), "pool_work: join");
    }
}
