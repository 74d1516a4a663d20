// The life of a task, small enough that every order of events can be tried.
//
// 03-task-queue/task.c and task_handle.c say that no wake is lost, that a task is
// never polled by two workers at once, that its memory is freed once, and that
// a join always returns. A test tries some orders of events. Here is the same
// protocol in Promela, and `make check-model` has spin try every one.
//
// How to read it. A proctype is a thread. Between any two steps of a thread
// all the others may take steps of theirs. What stands in `atomic` is one step,
// as an atomic operation is in C: the lines
//
//     if
//     :: atomic { state == IDLE -> state = WOKEN }; one thing
//     :: atomic { state != IDLE -> state = WOKEN }; another thing
//     fi
//
// say what C says with `if (atomic_exchange(&t->state, WOKEN) == IDLE)`. A
// condition that stands alone waits until it holds. Where several :: branches
// can be taken, spin tries each. An inline is a function; "in task.c: finish"
// before it says which C function it mirrors, and the script looks whether
// that file still has it. What C calls t->state is state[t] here.
//
// What C does not have are the variables under "What spin watches" and the
// asserts about them. Under #ifdef stand classic mistakes, each beside the
// right lines; with any of them in, spin must find something wrong.
//
// There are two scenes. In the first, one task waits for two friends, and a
// thread may wait for the task (TASKS is 1). In the second, two tasks await
// each other (TASKS is 2).
//
// Variables that are not used any more are set back, so that there are fewer
// states.
//
// Left out: the inside of the queue, which is channel.pml; and the order in
// which memory becomes visible, but for one place (see carried).

#ifndef WORKERS
#define WORKERS 1
#endif
#ifndef TASKS
#define TASKS 1
#endif

// Two workers and two friends make so many states that two things are left to
// the other scenes: a panic, and a wake that was meant for another thread.
#if WORKERS == 1 || TASKS == 2
#define FULL
#endif

// ---- The task ----

mtype = { IDLE, WOKEN, RUNNING };
mtype = { ALONE, AWAITED, FINISHED };
mtype = { NOBODY, A_THREAD, THE_OTHER_TASK };

// struct task
mtype state[TASKS] = WOKEN;
mtype awaiting[TASKS] = ALONE;
mtype awaiter[TASKS] = NOBODY; // whose waker is in it
byte refs[TASKS] = 2;          // the handle's and the queue's
bool cancelled[TASKS];
bool outcome[TASKS]; // true: it is set

// The queue. In C the task is linked into it by a node of its own, so that
// being there twice would destroy the list.
byte queued[TASKS];
bool closed, running = true;

// How often block_on's waker was called. Nothing about that waker is counted,
// and it is never freed.
byte wakes;

// ---- The future of the first scene ----

// Two friends each put down a parcel, one bit of written, and then wake the
// task. The future is ready when it sees both.
//
// A poll need not see what is in memory, only what was carried to it: every
// exchange of the state adds what its thread has written to what the state
// word carries, and shows its thread all that is carried. More may be seen.
#define BOTH 3
byte written, carried;
bool handed_out; // the friends have their clones of the waker
bool yielded;    // it has once woken itself
bool forgetful;  // it keeps no waker, which no future should do

// ---- The futures of the second scene ----

// Each holds the other task's handle and polls that. Task 1 does not wait for
// ever: at the first poll or at the second it gives up, drops the handle, and is
// ready. Task 0 may do so, too. Whoever gives up may cancel the other before.
bool has_handle[TASKS] = true;

// ---- What spin watches ----

bool freed[TASKS], future_dropped[TASKS];
bool in_hand[TASKS];   // a worker runs the task
bool placing[TASKS];   // an awaiter is being written
bool owed[TASKS];      // a wake has promised a poll that has not begun
bool completed[TASKS]; // the future was ready
bool cut_short[TASKS]; // it may end before that
bool owner_is_done;    // the join has returned

// ---- Calls that come back to where they began ----

// A task that ends wakes another one, and if the executor has closed, that one
// ends too, in the same call. An inline cannot call itself. So such a call is
// made by a process of its own, and its caller does nothing but wait for it.
#define other(t) (1 - (t))
#define WAKE 0
#define UNREF 1
#define CANCEL 2
inline call(what, task) {
    run called(what, task, back);
    back?_
}

// ---- future.c ----

// in future.c: wake_all
// It counts under the mutex that block_on looks under.
inline wake_all() {
    wakes++
}

// in future.c: waker_wake
inline wake_awaiter(t) {
    if
    :: awaiter[t] == A_THREAD -> wake_all()
#if TASKS == 2
    :: awaiter[t] == THE_OTHER_TASK -> call(WAKE, other(t))
#endif
    fi
}

// in future.c: waker_drop
inline drop_awaiter(t) {
#if TASKS == 2
    if
    :: awaiter[t] == THE_OTHER_TASK -> awaiter[t] = NOBODY; call(UNREF, other(t))
    :: awaiter[t] == NOBODY
    fi
#else
    awaiter[t] = NOBODY
#endif
}

// in future.c: future_drop
// in task_handle.c: handle_drop
inline future_drop(t) {
    atomic {
        assert(!freed[t]);
        assert(!future_dropped[t]);
        future_dropped[t] = true
    };
#if TASKS == 2
    if
    :: has_handle[t] -> has_handle[t] = false; call(UNREF, other(t))
    :: else
    fi
#endif
}

// ---- task.c, in its order ----

// in task.c: task_ref
inline task_ref(t) {
    atomic { assert(!freed[t]); refs[t]++ }
}

inline free_task(t) {
#ifndef KEEP_SLEEPING_FUTURE
    if
    :: awaiting[t] != FINISHED -> future_drop(t)
    :: else
    fi;
#endif
    drop_awaiter(t);
    atomic { assert(!freed[t]); freed[t] = true }
}

// in task.c: task_unref
inline task_unref(t) {
    if
    :: atomic { refs[t] == 1 -> assert(!freed[t]); refs[t]-- };
        free_task(t)
    :: atomic { refs[t] != 1 -> assert(!freed[t]); refs[t]-- }
    fi
}

// in task.c: finish
inline finish(t) {
    future_drop(t);
#ifdef UNREF_TOO_EARLY
    task_unref(t);
#endif
#ifndef OUTCOME_TOO_LATE
    atomic { assert(!freed[t]); outcome[t] = true };
#endif
    if
#ifdef FINISH_IN_TWO_STEPS
    :: awaiting[t] != AWAITED -> awaiting[t] = FINISHED
    :: awaiting[t] == AWAITED -> awaiting[t] = FINISHED;
#else
    :: atomic {
        awaiting[t] != AWAITED -> assert(!freed[t]); awaiting[t] = FINISHED
    }
    :: atomic {
        awaiting[t] == AWAITED -> assert(!freed[t]); awaiting[t] = FINISHED
    };
#endif
        assert(!freed[t]);
        assert(awaiter[t] != NOBODY && !placing[t]);
        wake_awaiter(t);
#ifndef KEEP_AWAITER
        drop_awaiter(t)
#endif
    fi;
#ifdef OUTCOME_TOO_LATE
    atomic { assert(!freed[t]); outcome[t] = true };
#endif
#ifndef UNREF_TOO_EARLY
    task_unref(t)
#endif
}

// A closed queue refuses everybody, the worker too.
// in task.c: schedule
// in executor.c: put_on_queue
// in stealing.c: put_on_queue
inline schedule(t) {
    if
    :: atomic {
        !closed -> assert(!freed[t]); assert(queued[t] == 0); queued[t]++
    }
    :: atomic { closed -> assert(!freed[t]) };
#ifndef FORGET_THE_REFUSED
        finish(t)
#endif
    fi
}

// The writing half of atomic_exchange(&t->state, ...) in a wake. mine is what
// the thread has written.
inline set_woken(t) {
    assert(!freed[t]);
    state[t] = WOKEN;
    carried = carried | mine;
    owed[t] = true
}

// in task.c: task_wake
inline task_wake(t) {
    if
#ifdef FORGET_WAKE_WHILE_RUNNING
    :: atomic { state[t] == RUNNING -> assert(!freed[t]); owed[t] = true }
    :: atomic { state[t] == WOKEN -> set_woken(t) }
    :: atomic { state[t] == IDLE -> set_woken(t) };
#elif defined(WAKE_ONLY_LOOKS)
    :: atomic { state[t] == WOKEN -> assert(!freed[t]); owed[t] = true }
    :: atomic { state[t] == RUNNING -> set_woken(t) }
    :: atomic { state[t] == IDLE -> set_woken(t) };
#elif defined(WAKE_IN_TWO_STEPS)
    :: state[t] != IDLE -> atomic { set_woken(t) }
    :: state[t] == IDLE -> atomic { set_woken(t) };
#elif defined(QUEUE_WHILE_RUNNING)
    :: atomic { state[t] == WOKEN -> set_woken(t) }
    :: atomic { state[t] != WOKEN -> set_woken(t) };
#else
    :: atomic { state[t] != IDLE -> set_woken(t) }
    :: atomic { state[t] == IDLE -> set_woken(t) };
#endif
#ifndef QUEUE_WITHOUT_REF
        task_ref(t);
#endif
        schedule(t)
    fi
}

// ---- task_handle.c, what a poll needs ----

// in task_handle.c: leave_waker
// It answers in ended: true, if the task has finished. The waker that is left is
// counted if it is a task's.
inline leave_waker(h, whose) {
    if
#ifdef WRITE_OVER_THE_AWAITER
    :: atomic { awaiting[h] == AWAITED -> assert(!freed[h]) }
#else
    :: atomic {
        awaiting[h] == AWAITED -> assert(!freed[h]); awaiting[h] = ALONE
    };
        drop_awaiter(h)
#endif
    :: atomic { awaiting[h] == ALONE -> assert(!freed[h]) }
    :: atomic { awaiting[h] == FINISHED -> assert(!freed[h]); ended = true }
    fi;
    if
    :: ended
    :: else ->
        atomic { assert(!freed[h]); placing[h] = true };
#if TASKS == 2
        task_ref(other(h));
#endif
        atomic { awaiter[h] = whose; placing[h] = false };
        if
#ifdef AWAIT_IN_TWO_STEPS
        :: awaiting[h] == ALONE -> awaiting[h] = AWAITED
#else
        :: atomic {
            awaiting[h] == ALONE -> assert(!freed[h]); awaiting[h] = AWAITED
        }
#endif
#ifdef WRITE_OVER_THE_AWAITER
        :: atomic { awaiting[h] == AWAITED -> assert(!freed[h]) }
#endif
        :: atomic { awaiting[h] == FINISHED -> assert(!freed[h]); ended = true }
        fi
    fi
}

// in task_handle.c: handle_poll
// It answers in ended, too.
inline handle_poll(h, whose) {
    leave_waker(h, whose);
    if
    :: ended -> atomic { assert(!freed[h]); assert(outcome[h]) }
    :: else
    fi
}

// ---- The polls ----

// The first poll gives each friend a clone of the waker. A poll may also wake
// the task itself, and say pending.
inline poll_parcels(t) {
    if
    :: sees = written
    :: true
    fi;
    if
    :: sees == BOTH -> ready = true
    :: else ->
        if
        :: !handed_out && !forgetful ->
            task_ref(t);
            task_ref(t);
            handed_out = true
        :: else
        fi;
        if
        :: !yielded -> yielded = true; task_wake(t)
        :: true
        fi
    fi;
    sees = 0
}

// What has become ready is dropped with the future.
inline poll_the_other(t) {
    handle_poll(other(t), THE_OTHER_TASK);
    if
    :: ended -> atomic { ended = false; ready = true }
    :: !ended && t == 0
    :: !ended && t == 1 && !yielded -> yielded = true; task_wake(t)
    :: !ended ->
        if
        :: call(CANCEL, other(t))
        :: true
        fi;
        has_handle[t] = false;
        call(UNREF, other(t));
        ready = true
    fi
}

// in panic.c: poll_catching
// It answers in ready: true, if that was the last poll. The future may panic, at
// whatever time; here it is at the end of a poll, when all else is done.
inline poll_catching(t) {
    atomic { assert(!freed[t]); assert(!future_dropped[t]) };
#if TASKS == 2
    poll_the_other(t);
#else
    poll_parcels(t);
#endif
    if
    :: ready -> completed[t] = true
#ifdef FULL
    :: !ready -> atomic { ready = true; cut_short[t] = true }
#endif
    :: !ready
    fi
}

// ---- task.c again ----

inline set_idle(t) {
    state[t] = IDLE;
    in_hand[t] = false
}

// in task.c: task_run
inline task_run(t) {
    atomic {
        assert(!freed[t]);
        assert(!in_hand[t]);
        state[t] = RUNNING;
        sees = carried;
        in_hand[t] = true;
        owed[t] = false
    };
    if
    :: cancelled[t] -> atomic { ready = true; sees = 0 }
    :: else -> poll_catching(t)
    fi;
    if
    :: ready -> atomic { ready = false; in_hand[t] = false };
        finish(t)
#ifdef IDLE_IN_TWO_STEPS
    :: !ready && state[t] == RUNNING -> atomic { set_idle(t) };
#else
    :: atomic {
        !ready && state[t] == RUNNING -> assert(!freed[t]); set_idle(t)
    };
#endif
        task_unref(t)
    :: atomic {
        !ready && state[t] == WOKEN -> assert(!freed[t]); in_hand[t] = false
    };
        schedule(t)
    fi
}

// ---- The rest of task_handle.c ----

// The waker is everybody's who is in block_on. So there may be one wake that
// was meant for another thread.
// in future.c: block_on
// in task_handle.c: task_join
inline task_join(t) {
#ifndef BLOCK_ON_FORGETS
    seen = wakes;
#endif
    do
    :: handle_poll(t, A_THREAD);
        if
        :: ended -> break
        :: else
        fi;
#ifdef BLOCK_ON_FORGETS
        seen = wakes;
#endif
        if
        :: atomic { wakes != seen -> seen = wakes }
#ifdef FULL
        :: atomic { !stirred -> stirred = true; wakes++; seen = wakes }
#endif
        fi
    od;
    atomic { stirred = false; ended = false; seen = 0; wakes = 0 };
    task_unref(t)
}

// The handle as a future that is polled once and then dropped.
// in task_handle.c: task_as_future
inline await_once(t) {
    handle_poll(t, A_THREAD);
    ended = false;
    task_unref(t)
}

// in task_handle.c: task_detach
inline task_detach(t) {
    task_unref(t)
}

// in task_handle.c: task_cancel
inline task_cancel(t) {
    atomic { assert(!freed[t]); cancelled[t] = true; cut_short[t] = true };
#ifndef CANCEL_WITHOUT_WAKE
    task_wake(t)
#endif
}

// ---- The threads ----

// One step of a worker: at the end, what is queued is cancelled first. Then, in
// executor.c the queue is closed last of all; in stealing.c it is the first.
// in executor.c: work
// in stealing.c: work
inline work(t) {
    if
    :: !running -> task_cancel(t)
    :: else
    fi;
    task_run(t)
}

#if WORKERS == 1
#define NO_MORE closed
#else
#define NO_MORE !running
#endif
#ifdef LEAVE_THE_QUEUE_FULL
#define NOTHING_QUEUED true
#elif TASKS == 2
#define NOTHING_QUEUED (queued[0] == 0 && queued[1] == 0)
#else
#define NOTHING_QUEUED (queued[0] == 0)
#endif

active [WORKERS] proctype worker() {
    bool ready = false, ended = false;
    byte mine = 0, sees = 0;
    chan back = [0] of { bit };
end:
    do
    :: atomic { queued[0] > 0 -> queued[0]-- }; work(0)
#if TASKS == 2
    :: atomic { queued[1] > 0 -> queued[1]-- }; work(1)
#endif
    :: NO_MORE && NOTHING_QUEUED -> break
    od
}

#if TASKS == 1

// Spawns the task and does with the handle all that one may do. A forgetful
// task may be joined only if it is cancelled.
// in task.c: task_new
active proctype owner() {
    bool ended = false, stirred = false;
    byte mine = 0, seen = 0;
    if
    :: forgetful = true
    :: true
    fi;
    schedule(0);
    if
    :: task_cancel(0)
    :: true
    fi;
    if
    :: task_detach(0)
    :: await_once(0)
    :: !forgetful || cancelled[0] -> task_join(0)
    fi;
    owner_is_done = true
}

// Has a clone of the waker. One of the two wakes twice.
active [2] proctype friend() {
    byte mine = 1 + _pid % 2, left = 1 + _pid % 2;
end:
    handed_out;
    written = written | mine;
    do
    :: left > 0 -> task_wake(0); left--
    :: left == 0 -> break
    od;
    task_unref(0)
}

#else

// Spawns both. How each comes to the other's handle is left out.
// in task.c: task_new
active proctype owner() {
    byte mine = 0;
    chan back = [0] of { bit };
    schedule(0);
    schedule(1);
    owner_is_done = true
}

// See call.
proctype called(byte what; byte me; chan answer) {
    byte mine = 0;
    chan back = [0] of { bit };
    if
    :: what == WAKE -> task_wake(me)
    :: what == UNREF -> task_unref(me)
    :: what == CANCEL -> task_cancel(me)
    fi;
    answer!0
}

#endif

inline may_cut_short(t) {
    cut_short[t] = cut_short[t] || !future_dropped[t]
}

inline the_end_begins() {
    may_cut_short(0);
#if TASKS == 2
    may_cut_short(1)
#endif
}

// The program may end at any time, even when all is done.
// in executor.c: stop
// in stealing.c: stealing_stop
active proctype stopper() {
#if WORKERS == 1
    atomic { running = false; the_end_begins() };
    closed = true
#else
    atomic { closed = true; the_end_begins() };
    running = false
#endif
}

// When nobody can take another step, all must be well. Everybody acts only so
// many times, so each run comes to this point, and what must happen sooner or
// later must have happened here.
inline all_is_well(t) {
    assert(!owed[t] || future_dropped[t]);
    assert(completed[t] || cut_short[t] || forgetful);
    assert(owner_is_done);
    assert(freed[t]);
    assert(future_dropped[t])
}

active proctype the_end() {
    timeout;
    all_is_well(0);
#if TASKS == 2
    all_is_well(1)
#endif
}
