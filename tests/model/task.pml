// The life of one task, small enough that every order of events can be tried.
//
// 03-task-queue/task.c says that no wake is lost, that a task is never polled
// by two workers at once, that its memory is freed once, and that a join always
// returns. A test tries some orders of events. Here is the same protocol in
// Promela, and `make check-model` has spin try every one.
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
// can be taken, spin tries each. An inline is a function; "in task.c: rest"
// before it says which C function it mirrors, and the script looks whether
// that function is still there.
//
// What C does not have are the variables under "What spin watches" and the
// asserts about them. Under #ifdef stand classic mistakes, each beside the
// right lines; with any of them in, spin must find something wrong.
//
// Left out: a panic, which ends a task as its completion does; and the order
// in which memory becomes visible, but for one place (see carried).

#ifndef WORKERS
#define WORKERS 1
#endif

// ---- The task ----

mtype = { IDLE, WOKEN, RUNNING };
mtype = { ALONE, AWAITED, FINISHED };

// struct task
mtype state = WOKEN;
mtype awaiting = ALONE;
byte refs = 2; // the handle's and the queue's
bool cancelled;
bool outcome; // true: it is set
bool awaiter; // true: there is a waker in it

// The queue. In C the task is linked into it by a node of its own, so that
// being there twice would destroy the list.
byte queued;
bool closed, running = true;

// Who waits for the end: block_on's parker, or another task.
byte parker_refs = 1;
bool parker_woken;

// ---- The future ----

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

// ---- What spin watches ----

bool freed, parker_freed, future_dropped;
bool in_hand;       // a worker runs the task
bool placing;       // the handle is writing the awaiter
bool owed;          // a wake has promised a poll that has not begun
bool completed;     // the future was ready
bool cut_short;     // the task may end before that
bool told;          // the worker has woken the awaiter
bool owner_is_done; // the join has returned

// ---- future.c ----

// in future.c: parker_wake
// Its last step is to unlock the parker's mutex.
inline parker_wake() {
    atomic { assert(!parker_freed); parker_woken = true };
    assert(!parker_freed)
}

// in future.c: parker_drop
inline parker_drop() {
    atomic {
        assert(!parker_freed);
        parker_refs--;
        parker_freed = (parker_refs == 0)
    }
}

// in future.c: future_drop
inline future_drop() {
    atomic {
        assert(!freed);
        assert(!future_dropped);
        future_dropped = true
    }
}

// ---- task.c, in its order ----

// in task.c: task_ref
inline task_ref() {
    atomic { assert(!freed); refs++ }
}

inline free_task() {
    assert(!(told && awaiter)); // who was told is let go at once
#ifndef KEEP_SLEEPING_FUTURE
    if
    :: !future_dropped -> future_drop()
    :: else
    fi;
#endif
    if
    :: awaiter -> parker_drop()
    :: else
    fi;
    atomic { assert(!freed); freed = true }
}

// in task.c: task_unref
// It looks first, because the owner of the only reference need not count.
inline task_unref() {
    if
    :: atomic { refs == 1 -> assert(!freed) };
        free_task()
    :: atomic { refs != 1 -> assert(!freed) };
        if
        :: atomic { refs == 1 -> assert(!freed); refs-- };
            free_task()
        :: atomic { refs != 1 -> assert(!freed); refs-- }
        fi
    fi
}

// in task.c: finish
inline finish() {
    future_drop();
#ifdef UNREF_TOO_EARLY
    task_unref();
#endif
#ifndef OUTCOME_TOO_LATE
    atomic { assert(!freed); outcome = true };
#endif
    if
#ifdef FINISH_IN_TWO_STEPS
    :: awaiting != AWAITED -> awaiting = FINISHED
    :: awaiting == AWAITED -> awaiting = FINISHED;
#else
    :: atomic { awaiting != AWAITED -> assert(!freed); awaiting = FINISHED }
    :: atomic { awaiting == AWAITED -> assert(!freed); awaiting = FINISHED };
#endif
        assert(!freed);
        assert(awaiter && !placing);
        parker_wake();
        told = true;
#ifndef KEEP_AWAITER
        awaiter = false;
        parker_drop()
#endif
    fi;
#ifdef OUTCOME_TOO_LATE
    atomic { assert(!freed); outcome = true };
#endif
#ifndef UNREF_TOO_EARLY
    task_unref()
#endif
}

// The worker of executor.c may put a task on its queue even when it is closed;
// the workers of stealing.c may not.
// in executor.c: put_on_queue
// in stealing.c: put_on_queue
#if WORKERS == 1
#define REFUSED (closed && !on_worker)
#else
#define REFUSED closed
#endif

// in task.c: schedule
inline schedule() {
    if
    :: atomic { !REFUSED -> assert(!freed); assert(queued == 0); queued++ }
    :: atomic { REFUSED -> assert(!freed) };
        finish()
    fi
}

// The writing half of atomic_exchange(&t->state, ...) in a wake. mine is what
// the thread has written.
inline set_woken() {
    assert(!freed);
    state = WOKEN;
    carried = carried | mine;
    owed = true
}

// in task.c: wake
inline wake() {
    if
#ifdef FORGET_WAKE_WHILE_RUNNING
    :: atomic { state == RUNNING -> assert(!freed); owed = true }
    :: atomic { state == WOKEN -> set_woken() }
    :: atomic { state == IDLE -> set_woken() };
#elif defined(WAKE_ONLY_LOOKS)
    :: atomic { state == WOKEN -> assert(!freed); owed = true }
    :: atomic { state == RUNNING -> set_woken() }
    :: atomic { state == IDLE -> set_woken() };
#elif defined(WAKE_IN_TWO_STEPS)
    :: state != IDLE -> atomic { set_woken() }
    :: state == IDLE -> atomic { set_woken() };
#elif defined(QUEUE_WHILE_RUNNING)
    :: atomic { state == WOKEN -> set_woken() }
    :: atomic { state != WOKEN -> set_woken() };
#else
    :: atomic { state != IDLE -> set_woken() }
    :: atomic { state == IDLE -> set_woken() };
#endif
#ifndef QUEUE_WITHOUT_REF
        task_ref();
#endif
        schedule()
    fi
}

// in task.c: poll_catching
// With the future's poll. The first one gives each friend a clone of the waker.
// A poll may also wake the task itself, and say pending.
inline poll_catching() {
    atomic { assert(!freed); assert(!future_dropped) };
    if
    :: sees = written
    :: true
    fi;
    if
    :: sees == BOTH -> completed = true
    :: else ->
        if
        :: !handed_out && !forgetful ->
            task_ref();
            task_ref();
            handed_out = true
        :: else
        fi;
        if
        :: !yielded -> yielded = true; wake()
        :: true
        fi
    fi;
    sees = 0
}

inline set_idle() {
    state = IDLE;
    in_hand = false
}

// in task.c: rest
// C looks at the state once more before, which only saves time.
inline rest() {
    if
#ifdef REST_IN_TWO_STEPS
    :: state == RUNNING -> atomic { set_idle() };
#else
    :: atomic { state == RUNNING -> assert(!freed); set_idle() };
#endif
        task_unref()
    :: atomic { state == WOKEN -> assert(!freed); in_hand = false };
        schedule()
    fi
}

// in task.c: task_run
inline task_run() {
    atomic {
        assert(!freed);
        assert(!in_hand);
        state = RUNNING;
        sees = carried;
        in_hand = true;
        owed = false
    };
    if
    :: cancelled ->
        atomic { sees = 0; in_hand = false };
        finish()
    :: else ->
        poll_catching();
        if
        :: completed -> in_hand = false; finish()
        :: else -> rest()
        fi
    fi
}

// in task.c: await_end
// It answers in ended: true, if the task is finished.
inline await_end() {
    if
    :: atomic { awaiting == AWAITED -> assert(!freed); awaiting = ALONE };
        awaiter = false;
        parker_drop()
    :: atomic { awaiting == ALONE -> assert(!freed) }
    :: atomic { awaiting == FINISHED -> assert(!freed); ended = true }
    fi;
    if
    :: ended
    :: else ->
        atomic { assert(!freed); placing = true; parker_refs++ };
        atomic { awaiter = true; placing = false };
        if
#ifdef AWAIT_IN_TWO_STEPS
        :: awaiting == ALONE -> awaiting = AWAITED
#else
        :: atomic { awaiting == ALONE -> assert(!freed); awaiting = AWAITED }
#endif
        :: atomic { awaiting == FINISHED -> assert(!freed); ended = true }
        fi
    fi
}

// With block_on, join_poll and join_drop inside it. Who waits may be woken once
// too often, so the handle may be polled once more than needed.
// in future.c: block_on
// in task.c: join_poll
// in task.c: join_drop
// in task.c: task_join
inline task_join() {
    await_end();
    do
    :: ended -> break
    :: atomic { !ended && parker_woken -> parker_woken = false };
        await_end()
    :: atomic { !ended && !polled_again -> polled_again = true };
        await_end()
    od;
    atomic { polled_again = false; ended = false };
    atomic { assert(!freed); assert(outcome) };
    task_unref()
}

// in task.c: task_await
// The handle as a future that is polled once and then dropped.
inline task_await() {
    await_end();
    ended = false;
    task_unref()
}

// in task.c: task_detach
inline task_detach() {
    task_unref()
}

// in task.c: task_cancel
inline task_cancel() {
    atomic { assert(!freed); cancelled = true; cut_short = true };
#ifndef CANCEL_WITHOUT_WAKE
    wake()
#endif
}

// ---- The threads ----

// in executor.c: work
// in stealing.c: work
active [WORKERS] proctype worker() {
    bool on_worker = true;
    byte mine = 0, sees = 0;
end:
    do
    :: atomic { queued > 0 -> queued-- };
        if
        :: !running -> task_cancel()
        :: else
        fi;
        task_run()
    :: closed && !running && queued == 0 -> break
    od
}

// Spawns the task and does with the handle all that one may do.
// in task.c: task_new
active proctype owner() {
    bool on_worker = false, ended = false, polled_again = false;
    byte mine = 0;
    if
    :: forgetful = true // then only a cancelled task may be joined
    :: true
    fi;
    schedule();
    if
    :: task_detach()
    :: task_await()
    :: task_cancel(); task_detach()
    :: !forgetful -> goto join
    :: task_cancel(); goto join
    fi;
    goto done;
join:
    task_join();
done:
    parker_drop();
    owner_is_done = true
}

// Has a clone of the waker. One of the two wakes twice.
active [2] proctype friend() {
    bool on_worker = false;
    byte mine = 1 + _pid % 2;
end:
    handed_out;
    written = written | mine;
    wake();
    if
    :: mine == 1 -> wake()
    :: else
    fi;
    task_unref()
}

// The program may end at any time, even when all is done.
// in executor.c: stop
// in stealing.c: stealing_stop
active proctype stopper() {
#if WORKERS == 1
    atomic { running = false; cut_short = cut_short || !future_dropped };
    closed = true
#else
    atomic { closed = true; cut_short = cut_short || !future_dropped };
    running = false
#endif
}

// When nobody can take another step, all must be well. Everybody acts only so
// many times, so each run comes to this point, and what must happen sooner or
// later must have happened here.
active proctype the_end() {
    timeout;
    assert(!owed || future_dropped);
    assert(completed || cut_short || forgetful);
    assert(owner_is_done);
    assert(freed);
    assert(future_dropped);
    assert(parker_freed)
}
