// The channel of 03-task-queue/channel.c: senders push, one receiver takes all,
// turns it round, and sleeps when there is nothing. task.pml says how to read a
// model.
//
// What must be true: what was sent arrives once, and in the order of sending;
// the receiver does not sleep for ever while something is inside or after the
// close; and it is told of the close only when nothing is left.
//
// Left out: a wait on the condition that ends for no reason. It only makes the
// receiver look once more.

// ---- The channel ----

// A node is a number. There are two of them, and MARK, which is struct
// channel's last.
#define NOTHING 0
#define MARK 3

mtype = { AWAKE, ASLEEP, NOTIFIED };

byte next[4];
byte newest, round;
mtype receiver = AWAKE;
bool locked;  // the mutex
bool waiting; // the receiver waits on the condition

// ---- What spin watches ----

byte number[4];      // as which the node was sent
byte sent, received; // how many were
bool is_back[3];     // it was received, and may be sent again
bool closed;         // the mark is in
bool told;           // the receiver knows that
bool sleeps_for_ever; // it does, though something is left to do

// ---- Where the receiver sleeps ----

inline lock() {
    atomic { !locked -> locked = true }
}

inline unlock() {
    locked = false
}

// A signal that nobody waits for is lost.
inline signal() {
    waiting = false
}

inline wait() {
    atomic { locked = false; waiting = true };
end_of_work:
    atomic { !waiting && !locked -> locked = true }
}

// in channel.c: notify
inline notify() {
    if
    :: atomic { receiver != ASLEEP -> receiver = NOTIFIED }
    :: atomic { receiver == ASLEEP -> receiver = NOTIFIED };
#ifdef SIGNAL_WITHOUT_LOCK
        signal()
#else
        lock();
        signal();
        unlock()
#endif
    fi
}

// in channel.c: sleep_until_notified
inline sleep_until_notified() {
    lock();
#ifdef SLEEP_WITHOUT_MARK
    wait();
#else
    if
#ifdef STORE_INSTEAD_OF_EXCHANGE
    :: receiver = ASLEEP;
#else
    :: receiver != AWAKE
    :: atomic { receiver == AWAKE -> receiver = ASLEEP };
#endif
        do
        :: receiver == ASLEEP -> wait()
        :: receiver != ASLEEP -> break
        od
    fi;
#endif
    receiver = AWAKE;
    unlock()
}

// ---- Sending ----

// The step that puts the node in front.
inline push(node) {
    newest = node;
    accepted = true;
    if
    :: node == MARK -> closed = true
    :: else -> assert(!closed); sent++; number[node] = sent
    fi
}

// in channel.c: channel_send
// It answers in accepted. A weak exchange may fail for no reason.
inline channel_send(node) {
    accepted = false;
    top = newest;
#ifdef NOTIFY_BEFORE_PUSH
    if
    :: top == NOTHING -> notify()
    :: else
    fi;
#endif
    do
    :: top == MARK || accepted -> break
    :: top != MARK && !accepted ->
#ifdef CLOSE_FORGETS_WHAT_IS_INSIDE
        next[node] = (node == MARK -> NOTHING : top);
#else
        next[node] = top;
#endif
        if
#ifdef PUSH_IN_TWO_STEPS
        :: newest == top -> atomic { push(node) }
#else
        :: atomic { newest == top -> push(node) }
#endif
        :: top = newest
        fi
    od;
#ifndef NOTIFY_BEFORE_PUSH
    if
#ifdef CLOSE_WITHOUT_NOTIFY
    :: accepted && top == NOTHING && node != MARK -> notify()
#else
    :: accepted && top == NOTHING -> notify()
#endif
    :: else
    fi;
#endif
    top = NOTHING
}

// in channel.c: channel_close
inline channel_close() {
    channel_send(MARK)
}

// ---- Receiving ----

// Nobody else looks at these nodes, so this is one step.
// in channel.c: turned_round
inline turned_round() {
    d_step {
        do
        :: all != NOTHING ->
            top = next[all];
            next[all] = round;
            round = all;
            all = top
        :: else -> break
        od;
        top = NOTHING
    }
}

// in channel.c: take_all
inline take_all() {
    all = newest;
    do
    :: all == NOTHING || all == MARK -> break
#ifdef TAKE_IN_TWO_STEPS
    :: all != NOTHING && all != MARK && newest == all ->
        newest = NOTHING;
        break
#else
    :: atomic {
        all != NOTHING && all != MARK && newest == all -> newest = NOTHING
    };
        break
#endif
    :: all != NOTHING && all != MARK -> all = newest
    od;
    if
    :: all == MARK ->
        all = next[MARK];
        next[MARK] = NOTHING
#ifdef TAKE_THE_MARK
        ;
        newest = NOTHING
#endif
    :: else
    fi
}

// in channel.c: channel_receive
// It answers in node: NOTHING, if the channel is closed and empty.
inline channel_receive() {
    do
    :: round != NOTHING -> node = round; round = next[node]; break
    :: round == NOTHING ->
#ifndef LOOK_AFTER_TAKING
        is_closed = (newest == MARK);
#endif
        take_all();
#ifdef LOOK_AFTER_TAKING
        is_closed = (newest == MARK);
#endif
#ifdef FORGET_TO_TURN
        atomic { round = all; all = NOTHING };
#else
        turned_round();
#endif
        if
        :: round == NOTHING && is_closed -> node = NOTHING; break
        :: round == NOTHING && !is_closed -> sleep_until_notified()
        :: round != NOTHING
        fi
    od;
    is_closed = false
}

// ---- The threads ----

// One of the two sends its node once more when it has been received. So the
// other may find in front a node that it has seen there, and that has been away
// meanwhile.
active [2] proctype sender() {
    bool accepted = false;
    byte top = NOTHING;
    channel_send(1 + _pid);
    if
    :: _pid == 0 ->
end:
        is_back[1];
        channel_send(1)
    :: else
    fi
}

// One node it sends back at once, as a worker does with a task.
active proctype worker() {
    bool accepted = false, is_closed = false, sent_back = false;
    byte top = NOTHING, all = NOTHING, node = NOTHING;
    do
    :: channel_receive();
        if
        :: node == NOTHING -> break
        :: node != NOTHING ->
            atomic { received++; assert(number[node] == received) };
            if
            :: !sent_back -> sent_back = true; channel_send(node)
            :: is_back[node] = true
            fi
        fi
    od;
    atomic { assert(closed); assert(received == sent); told = true }
}

// Perhaps it closes, some time. Two must not do so at once: there is one mark,
// and the slower would write into it when it is in the channel already.
#ifndef CLOSE_TWICE
#define CLOSERS 1
#else
#define CLOSERS 2
#endif
active [CLOSERS] proctype closer() {
    bool accepted = false;
    byte top = NOTHING;
    if
    :: channel_close()
    :: true
    fi
}

// When nobody can take another step, all must be well.
active proctype the_end() {
    timeout;
    sleeps_for_ever = !told && (closed || received < sent);
    assert(!sleeps_for_ever)
}
