#!/usr/bin/env bash
# mutants.sh: takes one wake out of chapters 03 and 04, builds that, and plays
# the acts that need it; then the next wake. Such an act must not end with 0. To
# hang is a way not to, and then it is stopped after five seconds. As they are,
# the acts must end with 0, or all this would prove nothing.
#
# What is wrong with a line of sed is told, too: a mutant that is like the
# original, or that does not build.
set -u
cd "$(dirname "$0")/.." || exit 1
CC=${CC:-cc}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
ulimit -c 0 # who calls abort leaves no core

compile() {
    $CC -std=c11 -O0 -w -pthread "$@"
}

# Both chapters in one place: their modules of one name are the same. Chapter 04
# gets a clock that is ten times as fast, or each play would take five seconds.
prepare() {
    local file
    cp 03-task-queue/*.[ch] "$work"
    cp 04-async-sleep/*.[ch] "$work"
    cd "$work" || exit 1
    rm aside.c
    sed -i -E 's/sleep\(([23])\)/sleep(0.\1)/; s/sleep_seconds\(5\)/sleep_seconds(0.5)/' sleepers.c
    sed -i 's/return 1 + \(.*\) \/ 1000;/return 0.1 + \1 \/ 10000;/' crowd.c
    mkdir objects plays
    for file in *.c; do
        compile -c -o "objects/${file%.c}.o" "$file" || exit 1
    done
}

# Prints the objects of the program that has the acts, but for one.
objects() { # acts, the source that is left out
    local others='sleepers|crowd|async_sleep|timer|heap|clock_wait'
    case $1 in
    sleepers* | timer* | many*) others='task_queue|mailbox|makespan|stealing' ;;
    esac
    printf '%s\n' objects/*.o | grep -vE "/($others|${2%.c})\\.o$"
}

# Not every order of events shows what is missing. So an act that ends with 0 is
# played again; who never ends with anything else has survived.
play() { # mutant act
    local status=0
    for _ in 1 2 3 4 5 6 7 8; do
        # shellcheck disable=SC2086 # an act and its number
        timeout 5 "plays/$1" ${2/:/ } >/dev/null 2>&1
        status=$?
        [ "$status" -eq 0 ] || break
    done
    case $status in
    0) echo "FAILED  $1: $2 ends with 0" ;;
    124) echo "ok      $1: $2 hangs" ;;
    *) echo "ok      $1: $2 ends with $status" ;;
    esac
}

# Where the machine is busy, five seconds may once be too short.
play_healthy() { # act
    for _ in 1 2 3 4; do
        # shellcheck disable=SC2086
        timeout 5 "plays/$1" ${1/:/ } >/dev/null 2>&1 && break
    done && echo "ok      as it is, $1 ends with 0" && return
    echo "FAILED  as it is, $1 does not end with 0"
}

acts=
mutant() { # its name, a source, the acts that need what sed takes out, sed...
    local name=$1 file=$2 needing=$3 act
    shift 3
    mkdir "$name"
    sed -E "$@" "$file" >"$name/$file"
    # shellcheck disable=SC2046 # a list of files
    if cmp -s "$file" "$name/$file"; then
        echo "FAILED  $name: $file is as it was" >"plays/$name.said"
    elif ! compile -I. -o "plays/$name" "$name/$file" $(objects "$needing" "$file"); then
        echo "FAILED  $name: it does not build" >"plays/$name.said"
    else
        for act in $needing; do
            acts="$acts $act"
            play "$name" "$act" >"plays/$name-$act.said" 2>/dev/null &
        done
    fi
}

chapter_03() {
    mutant put_does_not_wake mailbox.c mailbox \
        '/^static void put\(/,/^}/s/waker_wake\(&taker\);//'
    mutant take_leaves_no_waker mailbox.c mailbox \
        's/box->taker = waker_clone\(waker\);//'
    mutant a_counter_does_not_wake_itself task_queue.c 'queue cancel' \
        '/counter_poll\(/,/^}/s/waker_wake\(waker\);//'
    mutant block_on_is_not_woken future.c 'mailbox first-spawn' \
        's/must\(pthread_cond_broadcast\(&woken\), "[^"]*"\);//'
    mutant block_on_counts_no_wake future.c 'mailbox first-spawn' 's/wakes\+\+;//'
    mutant a_wake_puts_nobody_on_the_queue task.c mailbox \
        '/^void task_wake\(/,/^}/s/schedule\(t\);//'
    mutant a_wake_in_running_is_ignored task.c 'queue cancel' \
        -e '/^void task_wake\(/,/^}/s/struct task \*t = task;/& enum task_state idle = TASK_IDLE;/' \
        -e '/^void task_wake\(/,/^}/s/atomic_exchange\(&t->state, TASK_WOKEN\) == TASK_IDLE/atomic_compare_exchange_strong(\&t->state, \&idle, TASK_WOKEN)/'
    mutant who_is_woken_in_running_is_not_put_back task.c 'queue cancel' \
        '/^void task_run\(/,/^}/s/schedule\(t\);//'
    mutant a_new_task_is_not_queued task.c 'first-spawn mailbox' \
        '/^struct task \*task_new\(/,/^}/s/schedule\(t\);//'
    mutant the_end_wakes_nobody task.c 'first-spawn mailbox' \
        '/^static void finish\(/,/^}/s/waker_wake\(&t->awaiter\);//'
    mutant who_joins_leaves_no_waker task_handle.c 'first-spawn mailbox' \
        's/t->awaiter = waker_clone\(waker\);//'
    mutant cancel_does_not_wake task_handle.c cancel \
        '/^void task_cancel\(/,/^}/s/task_wake\(t\);//'
    mutant send_notifies_nobody channel.c mailbox \
        '/^bool channel_send\(/,/^}/s/notify\(ch\);//'
    mutant a_notice_does_not_wake channel.c mailbox \
        '/^static void notify\(/,/^}/s/must\(pthread_cond_signal\(&ch->notified\), "[^"]*"\);//'
    # Somebody waits: a task's waker is cloned, and a task is put to rest.
    mutant a_waker_of_a_task_is_cloned task.c 'mailbox cancel' \
        -e 's/^(static const struct waker_ops task_waker = \{)task_ref,/static void no_clone(void *task) { abort(); }\n\1no_clone,/'
    mutant a_task_goes_to_idle task.c 'mailbox cancel' \
        '/TASK_IDLE\)\) \{$/s/$/ abort();/'
    mutant task_1_ends_before_its_fifth_turn task_queue.c cancel \
        's/spawn_counter\(1, 5, 0\)/spawn_counter(1, 5, 4)/; s/i < 1000/i < 50/'
    mutant task_2_ends_before_its_fifth_turn task_queue.c cancel \
        's/spawn_counter\(2, 5, 0\)/spawn_counter(2, 5, 4)/; s/i < 1000/i < 50/'
}

chapter_04() {
    mutant async_sleep_does_not_wake async_sleep.c sleepers \
        's/waker_wake\(waker\);//'
    mutant the_timer_calls_nobody timer.c 'timer many:100' \
        's/waker_wake\(&waker\);//'
    mutant a_sleeper_leaves_no_waker timer.c 'timer many:100' \
        's/me->waker = waker_clone\(waker\);//'
    mutant a_new_deadline_is_not_told timer.c many:100 \
        '/^static void leave_waker\(/,/^}/s/must\(pthread_cond_signal\(&changed\), "[^"]*"\);//'
}

prepare
chapter_03
chapter_04
# shellcheck disable=SC2086,SC2046 # lists of words
for act in $(printf '%s\n' $acts | sort -u); do
    compile -o "plays/$act" $(objects "$act" none) || exit 1
    play_healthy "$act" >"plays/$act.said" &
done
wait
cat plays/*.said
passed=$(cat plays/*.said | grep -c '^ok ')
failed=$(cat plays/*.said | grep -c '^FAILED')
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -ge 30 ]
