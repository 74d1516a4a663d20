#!/usr/bin/env bash
# environment.sh          plays and tests the workbook as readers of every kind
#                         below would: those whose shell exports what sends
#                         tools elsewhere, and those whose copy is a special one
# environment.sh KIND...  these kinds alone
#
# Called by the top Makefile with BUILD, CC and SANITIZE.
set -u
cd "$(dirname "$0")/.." || exit 1
kinds='turkish unknown_locale proxy shell tools make homeless no_tmp
    everything readmes no_execute_bits by_hand crlf lto build_elsewhere two_at_once'
built=${BUILD#"$PWD"/}
place=$PWD/build/environment # of files that a hostile variable names
reader=(env)                 # and the arguments of env

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# ---- What a reader does ----

# Builds nothing anew where all is built.
make_as_reader() {
    "${reader[@]}" make -s BUILD="$built" CC="${CC:-cc}" SANITIZE="${SANITIZE:-}" "$@"
}

expect() { # text, what must contain it
    case $2 in *"$1"*) ;; *) fail "no '$1' in: $2" ;; esac
}

# What one command prints, with no complaint, and nothing too wide for a
# terminal. Only a path, on a line of its own, may be as long as it is.
says() { # text... -- make's arguments
    local texts=() text printed
    while [ "$1" != -- ]; do
        texts+=("$1")
        shift
    done
    shift
    printed=$(make_as_reader "$@" 2>"$work/stderr") || fail "make $* fails: $printed $(cat "$work/stderr")"
    [ -s "$work/stderr" ] && fail "make $*: $(cat "$work/stderr")"
    for text in "${texts[@]}"; do expect "$text" "$printed"; done
    text=$(grep -E '.{79}' <<<"$printed" | grep -vE '^  [^ ]*$')
    [ -z "$text" ] || fail "wider than 78 columns: $text"
}

# A server in its own session, so that a signal to all of it ends all of it.
serves() {
    local port='' answer
    setsid "${reader[@]}" make -s BUILD="$built" CC="${CC:-cc}" \
        SANITIZE="${SANITIZE:-}" run-06 ARGS=127.0.0.1:0 >"$work/log" 2>&1 &
    for _ in $(seq 300); do
        port=$(sed -n 's/^Listening on: .*:\([0-9]*\)$/\1/p' "$work/log")
        [ -n "$port" ] && break
        sleep 0.1
    done
    [ -n "$port" ] || fail "make run-06 does not listen: $(cat "$work/log")"
    answer=$(curl -s --max-time 20 "http://127.0.0.1:$port/")
    kill -TERM -- "-$!"
    wait
    [ "$answer" = 'Hello, World!' ] || fail "make run-06 answers '$answer'"
    expect "Three clients at once" "$(head -n 3 "$work/log")"
}

plays() {
    says 'make run-07' -- map
    says 'make run-NN' -- help
    says 'number 2 failed' 'Notice: ' -- run-01 ACT=failing
    says 'client 3 got its answer' 'Notice: ' -- demo-06
}

checks() { # suite...
    local printed
    printed=$(make_as_reader check SUITES="$*" 2>&1) || fail "$printed"
    expect ' 0 failed' "$printed"
}

uses() {
    plays
    says '3 threads slept at the same time' -- run-01
    serves
    checks test_01 test_06
}

enter() { # directory
    cd "$1" || fail "no place for a copy"
}

# Some things show only where nothing is built yet. What is copied is what a
# clone would bring.
enter_copy() {
    mkdir "$work/copy"
    cp -r 0*/ tests scripts Makefile README.md "$work/copy"
    enter "$work/copy"
    make -s clean
    built=build/reader
}

builds() {
    (enter_copy && says 'number 2 failed' 'Notice: ' -- run-01 ACT=failing CFLAGS=-O0) || exit 1
}

# ---- Readers whose shell exports something ----

# [a-z] lacks letters here. The locale is made, as nobody else has it.
turkish_variables() {
    local locales=$place/locale
    mkdir -p "$locales"
    [ -e "$locales/tr_TR.UTF-8" ] ||
        localedef -i tr_TR -f UTF-8 "$locales/tr_TR.UTF-8" >/dev/null 2>&1
    [ -e "$locales/tr_TR.UTF-8" ] || return
    reader+=(LOCPATH="$locales" LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8)
}
turkish() {
    turkish_variables
    if [ ${#reader[@]} -eq 1 ]; then
        echo "left out: the locales are not installed (scripts/setup --dev)"
        return
    fi
    builds
    uses
}

unknown_locale_variables() {
    reader+=(LC_ALL=xx_YY.UTF-8 LANG=xx_YY.UTF-8 LANGUAGE=xx)
}

# Port 9 discards, if anybody listens there.
proxy_variables() {
    local name
    for name in http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY; do
        reader+=("$name=http://127.0.0.1:9")
    done
    mkdir -p "$place/home"
    printf '%s\n' 'proxy = "http://127.0.0.1:9"' 'output = "/dev/null"' >"$place/home/.curlrc"
    reader+=(HOME="$place/home" XDG_CONFIG_HOME="$place/home")
}

shell_variables() {
    mkdir -p "$place/scripts" "$place/tests"
    echo 'echo "BASH_ENV was read" >&2; cd /' >"$place/profile"
    reader+=(BASH_ENV="$place/profile" ENV="$place/profile" CDPATH="$place"
        SHELLOPTS=noclobber:noglob:posix GLOBIGNORE='*' TMOUT=1
        'BASH_FUNC_grep%%=() { echo lost; }' 'BASH_FUNC_printf%%=() { echo lost; }')
}

tools_variables() {
    reader+=(POSIXLY_CORRECT=1 GREP_OPTIONS=-v GREP_COLOR=1 QUOTING_STYLE=c
        LS_COLORS='*=1' BLOCK_SIZE=human-readable TIME_STYLE=+x TZ=Pacific/Apia
        COLUMNS=20 CK_VERBOSITY=silent CK_RUN_SUITE=none UV_THREADPOOL_SIZE=1)
}

perl_variables() {
    reader+=(PERL5OPT=-Mno::such::module PERL_UNICODE=SAD PERLIO=:crlf)
}

# Without the rules and variables that make has built in, on and on, at once.
make_variables() {
    echo 'lost: ; @echo lost' >"$place/lost.mk"
    reader+=(MAKEFLAGS=rRk MAKEFILES="$place/lost.mk" GNUMAKEFLAGS=-j3)
}
make_kind() {
    make_variables
    builds
    uses
    # `make -e` prefers these to what a Makefile says.
    reader=(env MAKEFLAGS=e LC_ALL=xx_YY.UTF-8 CURL_HOME=/nowhere TMPDIR=/nowhere)
    plays
}

homeless_variables() {
    reader=(env -u HOME -u TERM -u LANG -u USER -u SHELL "${reader[@]:1}")
}

no_tmp_variables() {
    reader+=(TMPDIR=/nowhere TMP=/nowhere TEMP=/nowhere)
}

all_variables() {
    local kind
    for kind in unknown_locale turkish proxy shell tools perl no_tmp homeless; do
        "${kind}_variables"
    done
}

# All of it at once.
everything() {
    all_variables
    plays
}
readmes() {
    all_variables
    checks test_07 test_trace test_workbook
}

# ---- Readers with a special copy ----

# What was built comes along, so this builds nothing.
no_execute_bits() {
    mkdir -p "$work/copy/$built"
    cp -rp 0*/ tests scripts Makefile README.md "$work/copy"
    cp -rp "$built/." "$work/copy/$built/"
    enter "$work/copy"
    find . -path ./build -prune -o -type f -exec chmod a-x {} +
    uses
}

# A chapter's directory alone: its exercises by hand, with an answer of ours.
by_hand() {
    local exercise chapter
    for exercise in 02d 05b 07b; do
        chapter=$(echo "${exercise%?}"-*)
        cp -r "$chapter" "$work/$chapter"
        cp "$chapter/exercises/${exercise#??}/answers.c" "$work/$chapter/exercises/$exercise.c"
        make -s -C "$work/$chapter" CC="${CC:-cc}" "my-$exercise" || fail "no my-$exercise"
        (cd "$work/$chapter" && timeout 20 "./my-$exercise" >"$work/printed") ||
            fail "my-$exercise ended with $?"
        [ -s "$work/printed" ] || fail "my-$exercise printed nothing"
    done
}

# As Git for Windows sets it up.
crlf() {
    local wrong
    if ! git rev-parse --git-dir >/dev/null 2>&1; then
        echo "left out: this is not a clone"
        return
    fi
    git -c core.autocrlf=true -c core.eol=crlf checkout-index -a --prefix="$work/copy/"
    enter "$work/copy"
    wrong=$(grep -rlI $'\r$' . | grep -v '^./tests/fuzz/seeds-')
    [ -z "$wrong" ] || fail "CRLF in: $wrong"
    built=build/reader
    says 'number 2 failed' 'Notice: ' -- run-01 ACT=failing CFLAGS=-O0
}

# The linker sees no calls between files, and a picture would lack the tasks.
lto() {
    local printed one flags
    enter_copy
    for one in '-O1 -flto' -O0; do
        rm -f build/*/02-futures/*-traced # neither is linked from the other's
        printed=$(make -s run-02 ACT=spawned CC="${CC:-cc}" CFLAGS="$one" 2>&1) ||
            fail "$printed"
        expect $'\ntask 1 |' "$printed"
    done
    flags=(CC="${CC:-cc}" CFLAGS='-O1 -flto')
    built=$(echo build/*-lto) # and a suite that catches calls is linked, too
    make -s build-05-libuv-tcp "${flags[@]}" || exit 1
    make -s -C tests BUILD="../$built" "${flags[@]}" "../$built/tests/test_05_deadlines" || exit 1
    printed=$("$built/tests/test_05_deadlines") || fail "$printed"
}

build_elsewhere() {
    case $PWD in *' '*)
        echo "left out: make cannot follow a full path with a space in it"
        return
        ;;
    esac
    built=$PWD/$built
    plays
    checks test_02
    enter_copy
    built=a/b/c/d # and one that is not two levels deep
    says 'number 2 failed' 'Notice: ' -- run-01 ACT=failing CFLAGS=-O0
}

# The compiler takes its time between opening a file and writing it. Who comes
# meanwhile must not take that file for one that is there.
two_at_once() {
    local pids=() pid number
    cat >"$work/slow" <<'SCRIPT'
out=
for word in "$@"; do
    [ "$out" = -o ] && : >"$word"
    out=$word
done
sleep 0.1
exec $SLOW_CC "$@"
SCRIPT
    export SLOW_CC=${CC:-cc}
    enter_copy
    CC="sh $work/slow"
    for number in 1 2 3; do
        make_as_reader run-01 ACT=failing CFLAGS=-O0 >"$work/$number" 2>&1 &
        pids+=($!)
        sleep 0.25
    done
    for pid in "${pids[@]}"; do wait "$pid" || fail "$(cat "$work"/[123])"; done
    for number in 1 2 3; do
        expect 'o start   * end   ! panic' "$(cat "$work/$number")"
    done
}

# ---- One kind, or all ----

check_kind() { # kind
    work=$(mktemp -d) || fail "no place"
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$place"
    unset MAKEFLAGS MAKELEVEL MFLAGS
    if [ "$1" = make ]; then
        make_kind
    elif declare -F "$1" >/dev/null; then
        "$1"
    else
        "$1_variables"
        uses
    fi
}

report() { # kind
    local said
    if said=$(check_kind "$1" 2>&1); then
        printf 'ok      %s%s\n' "$1" "${said:+, $said}"
    else
        printf 'FAILED  %s\n' "$1"
        awk '{ print "        " $0 }' <<<"$said"
        return 1
    fi
}

if [ $# -eq 1 ]; then
    report "$1"
    exit
fi
[ $# -gt 0 ] && kinds=$*
results=$(mktemp) || exit 1
trap 'rm -f "$results"' EXIT
# Word splitting is wanted: it is a list of kinds.
# shellcheck disable=SC2086
printf '%s\n' $kinds | xargs -n 1 -P 2 bash tests/environment.sh | tee "$results"
passed=$(grep -c '^ok ' "$results")
failed=$(grep -c '^FAILED ' "$results")
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
