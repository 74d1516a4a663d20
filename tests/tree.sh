#!/usr/bin/env bash
# tree.sh CHECK: one check of the workbook as a whole: its Makefile, its scripts
# and its carried files. What changes something works on a copy of the tree.
set -u
cd "$(dirname "$0")/.." || exit 1

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

expect() { # text, what should contain it
    case $2 in *"$1"*) ;; *) fail "no '$1' in: $2" ;; esac
}

enter_copy() {
    copy=$(mktemp -d) || fail "no place for a copy"
    trap 'rm -rf "$copy"' EXIT
    cp -r 0*/ tests scripts Makefile README.md "$copy"
    cd "$copy" || exit 1
    make -s clean >/dev/null
}

map() {
    local text
    text=$(make -s) || fail "make fails"
    for chapter in 01 02 03 04 05 06 07; do
        expect "make run-$chapter" "$text"
    done
    [ "$(make -s map)" = "$text" ] || fail "make is not make map"
}

# Each line that make can be asked for stands in make help.
help() {
    local text target=
    text=$(make -s help)
    [[ $text =~ [^$'\n']{79} ]] && fail "wider than 78 columns: ${BASH_REMATCH[0]}"
    while read -r target; do
        expect "make $target " "$text"
    done < <(sed -nE 's/^\.PHONY: *([-a-z]+)$/\1/p' Makefile)
}

# Without a library: one line that names the packages, and no compiler error.
missing_library() {
    local chapter text
    for chapter in 05-libuv-tcp 06-http1 07-http2; do
        text=$(make -s -C "$chapter" PKG_CONFIG=false 2>&1) &&
            fail "$chapter builds without its library"
        expect 'Install them: apt install libuv1-dev' "$text"
        expect 'dnf install libuv-devel' "$text"
        expect 'pacman -S libuv' "$text"
        expect 'brew install libuv' "$text"
        [ "$(wc -l <<<"$text")" -le 2 ] || fail "more than a line: $text"
    done
}

# The first four need nothing but a compiler, libc and make.
without_libraries() {
    enter_copy
    for chapter in 01-threads 02-futures 03-task-queue 04-async-sleep; do
        make -s -C "$chapter" PKG_CONFIG=false CFLAGS=-O0 || fail "$chapter"
    done
}

# RETURNS what was built since the file `mark`.
built_since_mark() {
    find build -type f -newer mark
}

mark() {
    sleep 0.02
    touch mark
    sleep 0.02
}

rebuilds() {
    enter_copy
    local before after
    before=$(find . -type f | sort)
    make -s -j2 build CFLAGS=-O0 || fail "it does not build"
    mark
    make -s build CFLAGS=-O0
    [ -z "$(built_since_mark)" ] || fail "rebuilt: $(built_since_mark)"
    touch 03-task-queue/task.h
    make -s build CFLAGS=-O0
    expect 03-task-queue/executor.o "$(built_since_mark)"
    case $(built_since_mark) in *02-futures*) fail "02 has no task.h" ;; esac
    make -s clean >/dev/null
    rm mark
    after=$(find . -type f | sort)
    [ "$before" = "$after" ] || fail "clean leaves: $after"
}

carried() {
    bash scripts/carry --check || fail "a carried file has drifted"
    enter_copy
    echo '// drift' >>04-async-sleep/task.c
    cp 01-threads/threads.c 05-libuv-tcp/threads.c
    local text
    text=$(bash scripts/carry --check 2>&1) && fail "drift is not seen"
    expect '04-async-sleep/task.c is not 03-task-queue/task.c' "$text"
    expect '05-libuv-tcp/threads.c' "$text"
    rm 05-libuv-tcp/threads.c
    bash scripts/carry >/dev/null
    bash scripts/carry --check || fail "carry does not mend it"
}

# The lessons read well, no section stands in one twice, and a question has the same
# words everywhere.
prose() {
    local file twice question
    perl scripts/readability --check README.md 0*/README.md || fail "hard to read"
    for file in 0*/README.md; do
        twice=$(grep '^## ' "$file" | sort | uniq -d)
        [ -z "$twice" ] || fail "$file has twice: $twice"
        while read -r question; do
            grep -qF "$question" README.md || fail "$file asks otherwise: $question"
        done < <(sed -n 's/^\*\([A-Z].*?\)\*.*/\1/p' "$file")
    done
}

differences() {
    local text
    text=$(make -s diff-04) || fail "make diff-04 fails"
    expect '+++ 04-async-sleep/async_sleep.c' "$text"
    case $text in *'+++ 04-async-sleep/task.c'*) fail "task.c is the same" ;; esac
    make -s diff-01 2>/dev/null && fail "there is nothing before 01"
    return 0
}

no_such_chapter() {
    local text
    text=$(make -s run-09 2>&1) && fail "it plays chapter 09"
    expect 'there is no chapter 09' "$text"
}

# What a program was asked to print and cannot is an error, told in a line.
unwritable() { # program, its name, options...
    local program=$1 name=$2 text to
    shift 2
    for to in /dev/full '&-'; do
        text=$(bash -c '"$0" "$@" 2>&1 >'"$to" "$program" "$@") &&
            fail "$name $* >$to ends with 0"
        [ "$text" = "$name: cannot write the output" ] ||
            fail "$name $* >$to: $text"
    done
}

full_disk() {
    local directory program option
    while read -r directory program _; do
        [ "$directory" = '#' ] && continue
        for option in --help --list; do
            unwritable "$BUILD/$directory/$program" "$program" "$option"
        done
    done <scripts/chapters.txt
    unwritable "$BUILD/04-async-sleep/aside" aside
}

# A signal that ends the script which plays a server ends the server, too.
no_orphan() {
    local log script port=
    setpriv --pdeathsig TERM true 2>/dev/null || return 0
    log=$(mktemp) || fail "no place for a log"
    PLAIN=1 bash scripts/play-chapter 05-libuv-tcp 127.0.0.1:0 >"$log" 2>&1 &
    script=$!
    for _ in $(seq 200); do
        port=$(sed -n 's/^Listening on: .*:\([0-9]*\)$/\1/p' "$log")
        [ -n "$port" ] && break
        sleep 0.1
    done
    kill -TERM "$script"
    rm "$log"
    [ -n "$port" ] || fail "it does not listen"
    for _ in $(seq 100); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
        sleep 0.1
    done
    fail "the server on port $port goes on"
}

# A server that cannot start says why. There is no picture of it.
port_in_use() {
    local place text port=
    place=$(mktemp -d) || fail "no place for a log"
    "$BUILD/05-libuv-tcp/echo" 127.0.0.1:0 >"$place/log" 2>&1 &
    # shellcheck disable=SC2064 # now is when these are known
    trap "kill $!; rm -r $place" EXIT
    for _ in $(seq 200); do
        port=$(sed -n 's/^Listening on: .*:\([0-9]*\)$/\1/p' "$place/log")
        [ -n "$port" ] && break
        sleep 0.1
    done
    text=$(TRACES=$place bash scripts/play-chapter 05-libuv-tcp "127.0.0.1:$port" 2>&1)
    [ $? -eq 1 ] || fail "another server has the port: $text"
    expect "echo: 127.0.0.1:$port: address already in use" "$text"
    case $text in *'+-----'*) fail "a picture of nothing: $text" ;; esac
}

# A system that has these commands and no others.
enter_system() { # command...
    bin=$(mktemp -d) || fail "no place for a few links"
    trap 'rm -rf "$bin"' EXIT
    for tool in "$@"; do ln -s "$(command -v "$tool")" "$bin"; done
}

# On a system without apt-get it installs nothing and prints the list.
setup() {
    local text
    expect 'all that the workbook needs is here' "$(bash scripts/setup)"
    bash scripts/setup --nonsense 2>/dev/null
    [ $? -eq 2 ] || fail "setup takes any option"
    enter_system bash cat dirname
    text=$(PATH=$bin bash scripts/setup 2>&1) && fail "it has no apt-get"
    expect 'dnf install' "$text"
    expect 'pacman -S' "$text"
    expect 'brew install' "$text"
}

# One source of many is broken: whether what we need is there, the installation
# finds out.
broken_source() {
    local text
    enter_system bash sh
    printf '#!/bin/sh\nexit 1\n' >"$bin/dpkg-query"
    printf '#!/bin/sh\necho 0\n' >"$bin/id"
    cat >"$bin/apt-get" <<'SCRIPT'
#!/bin/sh
[ "$1" = install ] && exit "$INSTALLS"
echo "E: The repository has no Release file." >&2
exit 100
SCRIPT
    chmod +x "$bin/dpkg-query" "$bin/id" "$bin/apt-get"
    text=$(PATH=$bin INSTALLS=0 bash scripts/setup 2>&1) || fail "it gives up: $text"
    expect 'setup: done' "$text"
    text=$(PATH=$bin INSTALLS=100 bash scripts/setup 2>&1) && fail "nothing was installed"
    expect 'setup: apt-get cannot install gcc ' "$text"
}

# Without bash or perl one line says so.
no_shell() {
    local text
    enter_system make sh mkdir dirname
    text=$(PATH=$bin make -s map 2>&1) && fail "it has no bash"
    expect 'this needs bash: apt install bash' "$text"
    [ "$(wc -l <<<"$text")" -eq 1 ] || fail "more than a line: $text"
    ln -s "$(command -v bash)" "$bin"
    text=$(PATH=$bin bash scripts/check test_01 2>&1) && fail "it has no perl"
    expect 'this needs perl: apt install perl-base' "$text"
    [ "$(wc -l <<<"$text")" -eq 1 ] || fail "more than a line: $text"
}

# The README's table says how many lines of code are new in each chapter.
lines_of_code() {
    local chapter said_lesson said_more lesson more rows=0
    bash scripts/reading --check || fail "scripts/reading.txt"
    # shellcheck disable=SC2016 # the backquotes are the README's
    while read -r chapter said_lesson said_more; do
        rows=$((rows + 1))
        read -r _ lesson _ more < <(bash scripts/reading | grep "^$chapter ")
        [ "$said_lesson $said_more" = "$lesson $more" ] ||
            fail "README: $chapter has $lesson and $more lines of code, not $said_lesson and $said_more"
    done < <(sed -nE 's/^\| *`make run-([0-9]+)`.*\| *([0-9]+) *\| *([0-9]+) *\|$/\1 \2 \3/p' README.md)
    [ "$rows" -eq 7 ] || fail "README: $rows chapters in the table"
}

# ---- Exercises ----

# Runs a verb of the judge; its status and its text go to $status and $text.
judge() { # verb [id]
    text=$(make -s "$@" 2>&1)
    status=$?
}

# The reader's way through one exercise: start, a slip, hints, the answer, a pass.
exercise() {
    local yours=01-threads/exercises/01c.c
    enter_copy
    judge try-01c
    [ "$status" -ne 0 ] || fail "the start passes"
    expect 'This file is new, and yours' "$text"
    expect 'NOT YET  01c   (make hint-01c: 3 left)' "$text"
    cmp -s "$yours" 01-threads/exercises/c/start.c || fail "it is no copy"
    sed 's/sleep_ms(50L/slep_ms(50L/' "$yours" >slip && cp slip "$yours"
    judge try-01c
    expect "01-threads/exercises/01c.c:$(grep -n slep_ms "$yours" | head -n 1 | cut -d: -f1):" "$text"
    expect 'It does not compile' "$text"
    judge answer-01c
    expect 'First pass, or take the hints' "$text"
    for _ in 1 2 3; do judge hint-01c; done
    expect 'That was the last' "$text"
    judge answer-01c
    expect '+++ the answer of the workbook' "$text"
    judge reset-01c
    [ -e "$yours.1" ] || fail "reset loses the answer: $text"
    perl -e 'use lib "scripts/exercise"; use Prove; use Text; print stripped(slurp("01-threads/exercises/c/answers.c"))' >"$yours"
    sed 's|^// What joining gives.|// What joining gave.|' "$yours" >changed && cp changed "$yours"
    judge try-01c
    [ "$status" -eq 0 ] || fail "the right answer does not pass: $text"
    expect 'PASS  01c' "$text"
    expect 'changed outside of your part' "$text"
    expect 'a b C d' "$(make -s)"
    judge try-09z
    expect 'exercise: there is no exercise 09z yet' "$text"
    judge try-x
    expect "exercise: there is no exercise 'x'" "$text"
}

# The judge does not believe its authors either.
exercise_specs() {
    local spec=01-threads/exercises/c/spec
    enter_copy
    cp "$spec" kept
    wrong() { # what it must say, sed command
        sed "$2" kept >"$spec"
        cmp -s kept "$spec" && fail "nothing is changed: $2"
        text=$(make -s prove EXERCISES=01c 2>&1) && fail "prove accepts: $2"
        expect "$1" "$text"
    }
    wrong "no fact is named 'leeks'" 's/report == "leak"/leeks > 0/'
    wrong '01c: it needs three hints' '/^hint     give_up and join_call/,/reads it last/d'
    wrong '01c: a hint names what is not there: give_in in 01-threads/threads.c' 's/give_up and/give_in and/'
    wrong 'cannot read this line of its spec: knot' 's/^not never-frees/knot never-frees/'
    wrong 'no answer meets the rule swallows-the-error' 's|said =~ /number 2 delivered/ and status == 0|said =~ /no such line/|'
    # shellcheck disable=SC2016 # the dollars are sed's
    wrong '01c: it says nothing to a pass' '/^pass$/,$d'
}

"$1"
