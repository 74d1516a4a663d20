#define _POSIX_C_SOURCE 200809L
// The scenes of 03c: a queue, a loop that polls what is on it, and a future that
// keeps clones of its waker for us. It holds a piece of memory too, so that nobody can
// forget to drop it.
#include "exercise.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern const struct waker_ops job_waker;

// ---- The queue and its loop ----

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct job *first, **last = &first;
static int twice;     // it was put there while it was there
static bool run_soon; // as if another thread were quicker

static int run(void);

static bool is_there(const struct job *job) {
    for (const struct job *j = first; j != NULL; j = j->next) {
        if (j == job) {
            return true;
        }
    }
    return false;
}

void put_on_queue(struct job *job) {
    pthread_mutex_lock(&mutex);
    if (is_there(job)) {
        twice++;
    } else {
        job->next = NULL;
        *last = job;
        last = &job->next;
    }
    pthread_mutex_unlock(&mutex);
    if (run_soon) {
        run();
    }
}

static struct job *take(void) {
    pthread_mutex_lock(&mutex);
    struct job *job = first;
    if (job != NULL) {
        first = job->next;
        last = first == NULL ? &first : last;
    }
    pthread_mutex_unlock(&mutex);
    return job;
}

// RETURNS how many polls it made.
static int run(void) {
    int polls = 0;
    struct job *job;
    while ((job = take()) != NULL) {
        const struct waker waker = {&job_waker, job};
        atomic_store(&job->queued, false);
        if (job->future != NULL) {
            polls++;
            if (future_poll(job->future, &waker, NULL) == FUTURE_READY) {
                future_drop(job->future);
                job->future = NULL;
            }
        }
        job_release(job); // the queue's
    }
    return polls;
}

// ---- A future that keeps its waker for us ----

struct keeper {
    struct future base;
    int polls_left;
    char *held;
};

enum { most_kept = 8 };
static struct waker kept[most_kept];
static int kept_count, clones_each, dropped, made;

static enum poll_result keeper_poll(struct future *self,
                                    const struct waker *waker, void *out) {
    struct keeper *me = (struct keeper *)self;
    (void)out;
    if (--me->polls_left <= 0) {
        return FUTURE_READY;
    }
    for (int i = 0; i < clones_each; i++) {
        kept[kept_count++] = waker_clone(waker);
    }
    return FUTURE_PENDING;
}

static void keeper_drop(struct future *self) {
    dropped++;
    free(((struct keeper *)self)->held);
}

static void *must_have(size_t size) {
    void *memory = calloc(1, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

struct job_of_keeper {
    struct job job;
    struct keeper keeper;
};

// A job whose future is ready at its poll number polls, and keeps so many clones at each
// poll before. CONSUMES the memory.
static struct job *make_in(struct job_of_keeper *both, int polls, int clones) {
    static const struct future_ops ops = {sizeof(struct keeper), 0, keeper_poll,
                                          keeper_drop};
    both->keeper = (struct keeper){{&ops}, polls, must_have(100)};
    both->job.future = &both->keeper.base;
    atomic_init(&both->job.refs, 2); // its maker's and the queue's
    atomic_init(&both->job.queued, true);
    kept_count = 0;
    clones_each = clones;
    made++;
    put_on_queue(&both->job);
    return &both->job;
}

static struct job *make(int polls, int clones) {
    return make_in(must_have(sizeof(struct job_of_keeper)), polls, clones);
}

static void drop_kept(void) {
    for (int i = 0; i < kept_count; i++) {
        waker_drop(&kept[i]);
    }
}

// ---- The scenes ----

static void count_the_holders(void) {
    struct job *job = make(3, 2);
    run();
    printf("its maker and two wakers hold it: %d\n", atomic_load(&job->refs));
    waker_wake(&kept[1]);
    printf("and the queue: %d\n", atomic_load(&job->refs));
    waker_wake(&kept[0]);
    waker_wake(&kept[1]);
    printf("and when it was woken twice more: %d\n", atomic_load(&job->refs));
    int polls = run();
    printf("woken three times before it ran: polled %d times, queued twice %d "
           "times\n",
           polls, twice);
    waker_wake(&kept[0]);
    polls = run();
    printf("woken again when it had run: polled %d times\n", polls);
    drop_kept();
    job_release(job);
}

// The queue is the last one who holds it.
static void its_maker_lets_go_first(void) {
    struct job *job = make(2, 1);
    run();
    job_release(job);
    waker_wake(&kept[0]);
    drop_kept();
    run();
    printf("its maker let go first: dropped %d of %d futures\n", dropped, made);
}

static void another_thread_is_quicker(void) {
    struct job *job = make(2, 1);
    run();
    job_release(job);
    run_soon = true;
    waker_wake(&kept[0]);
    run_soon = false;
    drop_kept();
    printf("it ran before the wake was over: dropped %d of %d futures\n",
           dropped, made);
}

static void nobody_can_wake_it(void) {
    struct job *job = make(2, 3);
    run();
    job_release(job);
    drop_kept();
    printf("nobody could wake it any more: dropped %d of %d futures\n", dropped,
           made);
}

// ---- Two wakes at the same moment ----
//
// Main wakes a job that can be read and not written. So it may look as it likes; at its
// first write it stops in on_fault, another thread wakes the job too, and then main goes
// on. Not with ThreadSanitizer, which would stop inside of its own functions.

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define WITH_THREAD_SANITIZER
#endif
#elif defined __SANITIZE_THREAD__
#define WITH_THREAD_SANITIZER
#endif

static struct job *guarded; // it has a page to itself
static size_t page;         // that page's size
static atomic_int may_go, has_gone;

// What is seen by the one is in no order with what the other did.
static bool has_come(atomic_int *flag) {
    return atomic_load_explicit(flag, memory_order_relaxed) != 0;
}

static void set(atomic_int *flag, int value) {
    atomic_store_explicit(flag, value, memory_order_relaxed);
}

static void start(pthread_t *thread, void *(*body)(void *)) {
    set(&may_go, 0);
    set(&has_gone, 0);
    if (pthread_create(thread, NULL, body, NULL) != 0) {
        abort();
    }
}

static void *wake_too(void *unused) {
    while (!has_come(&may_go)) {
        (void)sched_yield();
    }
    waker_wake(&kept[1]);
    set(&has_gone, 1);
    return unused;
}

#ifndef WITH_THREAD_SANITIZER
static struct sigaction before;

static void on_fault(int number, siginfo_t *info, void *context) {
    const struct timespec little = {.tv_nsec = 1000 * 1000};
    const char *at = info->si_addr;
    (void)context;
    if (at < (char *)guarded || at >= (char *)guarded + page ||
        mprotect(guarded, page, PROT_READ | PROT_WRITE) != 0) {
        (void)sigaction(number, &before, NULL); // it is no fault of ours
        return;
    }
    set(&may_go, 1);
    // The other may want a lock that main has.
    for (int i = 0; i < 200 && !has_come(&has_gone); i++) {
        (void)nanosleep(&little, NULL);
    }
}

static void wake_one_that_is_guarded(void) {
    struct sigaction action = {.sa_sigaction = on_fault,
                               .sa_flags = SA_SIGINFO};
    if (sigaction(SIGSEGV, &action, &before) != 0 ||
        mprotect(guarded, page, PROT_READ) != 0) {
        abort();
    }
    waker_wake(&kept[0]);
    (void)mprotect(guarded, page, PROT_READ | PROT_WRITE);
    (void)sigaction(SIGSEGV, &before, NULL);
}
#else
static void wake_one_that_is_guarded(void) {
    waker_wake(&kept[0]);
}
#endif

static void two_wakes_at_once(void) {
    pthread_t other;
    void *memory;
    page = (size_t)sysconf(_SC_PAGESIZE);
    if (posix_memalign(&memory, page, page) != 0) {
        abort();
    }
    guarded = make_in(memset(memory, 0, page), 2, 2);
    run();
    start(&other, wake_too);
    twice = 0;
    wake_one_that_is_guarded();
    set(&may_go, 1); // if there was no fault
    pthread_join(other, NULL);
    printf("two wakes at once: queued twice %d times\n", twice);
    run();
    drop_kept();
    job_release(guarded);
}

// ---- A wake while another thread runs the job ----

static void *run_it(void *unused) {
    while (!has_come(&may_go)) {
        (void)sched_yield();
    }
    run();
    set(&has_gone, 1);
    return unused;
}

static void a_wake_after_a_run(void) {
    struct job *job = make(2, 2);
    pthread_t other;
    run();
    start(&other, run_it);
    waker_wake(&kept[0]);
    set(&may_go, 1);
    while (!has_come(&has_gone)) {
        (void)sched_yield();
    }
    waker_wake(&kept[1]);
    pthread_join(other, NULL);
    run();
    drop_kept();
    job_release(job);
    printf("another thread ran it: dropped %d of %d futures\n", dropped, made);
}

// ---- Two threads let go of the last two wakers, many times ----

enum { rounds = 500 };
static struct waker last_two[2];
static pthread_barrier_t begin, end; // of a round: main and the two
static atomic_int ready;             // threads that have begun, in all rounds

// Out of the barrier one after the other; so each waits a moment for the other one. Not
// for long, since on a busy machine that may not run just now.
static void *let_go(void *waker) {
    for (int round = 1; round <= rounds; round++) {
        (void)pthread_barrier_wait(&begin);
        atomic_fetch_add(&ready, 1);
        for (int i = 0; i < 1000 && atomic_load(&ready) < 2 * round; i++) {
        }
        waker_drop(waker);
        (void)pthread_barrier_wait(&end);
    }
    return NULL;
}

static void two_threads_let_go(void) {
    pthread_t threads[2];
    if (pthread_barrier_init(&begin, NULL, 3) != 0 ||
        pthread_barrier_init(&end, NULL, 3) != 0) {
        abort();
    }
    for (int i = 0; i < 2; i++) {
        if (pthread_create(&threads[i], NULL, let_go, &last_two[i]) != 0) {
            abort();
        }
    }
    for (int round = 1; round <= rounds; round++) {
        struct job *job = make(2, 2);
        run();
        last_two[0] = kept[0];
        last_two[1] = kept[1];
        job_release(job);
        (void)pthread_barrier_wait(&begin);
        (void)pthread_barrier_wait(&end);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("two threads let go at once: dropped %d of %d futures\n", dropped,
           made);
}

int main(void) {
    count_the_holders();
    its_maker_lets_go_first();
    another_thread_is_quicker();
    nobody_can_wake_it();
    two_wakes_at_once();
    a_wake_after_a_run();
    two_threads_let_go();
    memset(kept, 0, sizeof kept); // what is only held here counts as lost
    memset(last_two, 0, sizeof last_two);
    first = NULL;
    return 0;
}
