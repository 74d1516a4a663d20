// 03c, for the answer and its scene. A job is a future on its way through a small
// executor. Three kinds of holders point to it: whoever made it, the queue while the
// job stands on it, and each waker. The last one to let go frees it.
#include "future.h"

#include <stdatomic.h>
#include <stdbool.h>

struct job {
    struct future *future; // in the same block of memory; NULL: it was ready
    atomic_int refs;       // how many hold this job
    atomic_bool queued;    // it is on the queue, and was not taken yet
    struct job *next;      // the queue's
};

// The scene's, for any thread. From here on the queue holds the job. Another thread may
// take it from there, run it and let go of it before this function returns.
void put_on_queue(struct job *job);

// Yours. All three are given a struct job. Who takes a job from the queue sets queued to
// false, polls, and calls job_release for the queue. A waker that was called is still a
// holder, until it is dropped.
void job_clone(void *job); // there is one more holder
void job_wake(void *job);  // put it on the queue, but never twice
void job_release(
    void *job); // one holder lets go: a waker, the queue, the maker
