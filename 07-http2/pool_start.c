#define _POSIX_C_SOURCE 200809L
// libuv makes the threads of its pool when the first work comes, and if the system
// has none left it aborts the program without a word. So we try it at the start.
#include "must.h"
#include "pool_work.h"

#include <stdlib.h>
#include <uv.h>

enum { usual_threads = 4, most_threads = 1024 }; // as libuv has it

static uv_mutex_t all_are_here;

static int pool_size(void) {
    const char *text = getenv("UV_THREADPOOL_SIZE");
    int size = text != NULL ? atoi(text) : usual_threads;
    return size < 1 ? 1 : size > most_threads ? most_threads : size;
}

// Waits for the others, so that as many are there at once as the pool will have.
static void wait_for_all(void *unused) {
    (void)unused;
    uv_mutex_lock(&all_are_here);
    uv_mutex_unlock(&all_are_here);
}

// libuv's own calls, which are what its pool will make; their errors are negative.
void pool_prepare(void) {
    static uv_thread_t threads[most_threads];
    const int size = pool_size();
    must(-uv_mutex_init(&all_are_here), "pool_work: mutex");
    uv_mutex_lock(&all_are_here);
    for (int i = 0; i < size; i++) {
        must(-uv_thread_create(&threads[i], wait_for_all, NULL),
             "pool_work: cannot start the threads of the pool");
    }
    uv_mutex_unlock(&all_are_here);
    for (int i = 0; i < size; i++) {
        must(-uv_thread_join(&threads[i]), "pool_work: join");
    }
    uv_mutex_destroy(&all_are_here);
}
