#define _POSIX_C_SOURCE 200809L
// libuv makes the threads of its pool when the first work comes, and if the system
// has none left it aborts the program without a word. So we try it at the start.
#include "must.h"
#include "pool_work.h"

#include <stdlib.h>
#include <uv.h>

enum { usual_threads = 4, most_threads = 1024 }; // as libuv has it

static int pool_size(void) {
    const char *text = getenv("UV_THREADPOOL_SIZE");
    int size = text != NULL ? atoi(text) : usual_threads;
    return size < 1 ? 1 : size > most_threads ? most_threads : size;
}

// Waits for the others, so that as many are there at once as the pool will have.
static void wait_for_all(void *barrier) {
    uv_barrier_wait(barrier);
}

// libuv's own calls, which are what its pool will make; their errors are negative.
void pool_prepare(void) {
    static uv_thread_t threads[most_threads];
    uv_barrier_t all_are_here;
    const int size = pool_size();
    must(-uv_barrier_init(&all_are_here, (unsigned)size + 1),
         "pool_work: barrier");
    for (int i = 0; i < size; i++) {
        must(-uv_thread_create(&threads[i], wait_for_all, &all_are_here),
             "pool_work: cannot start the threads of the pool");
    }
    uv_barrier_wait(&all_are_here);
    for (int i = 0; i < size; i++) {
        must(-uv_thread_join(&threads[i]), "pool_work: join");
    }
    uv_barrier_destroy(&all_are_here);
}
