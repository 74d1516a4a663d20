# The workbook: `make` prints the map, `make run` plays it, `make check` tests.
#
# Each chapter builds with its own small Makefile. From here they are built into
# build/<configuration>/, so that a change of compiler or sanitizer never mixes
# old objects with new ones, and the chapters' directories stay clean.

include scripts/environment.mk

# Scripts are called through their shell, since a copy may have lost the
# permission to execute them.
BASH = $(if $(shell command -v bash 2>/dev/null),bash,$(error this needs bash: apt install bash, or apk add bash))

CHAPTERS := 01-threads 02-futures 03-task-queue 04-async-sleep \
            05-libuv-tcp 06-http1 07-http2

# SANITIZE=address, undefined, thread, or a list such as address,undefined.
SANITIZE ?=
CC ?= cc
CFLAGS ?= -O2 -g
comma := ,
empty :=
BUILD := build/$(subst $(empty) ,,$(notdir $(CC)))$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))$(if $(filter -flto%,$(CFLAGS)),-lto)
ifneq ($(SANITIZE),)
FLAGS := $(CFLAGS) -O1 -g -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
else
FLAGS := $(CFLAGS)
endif

ACT ?=
ARGS ?=
ROWS ?=

.PHONY: map
map: ## print the map of chapters; so does plain `make`
	@$(BASH) scripts/map

.PHONY: help
help: ## list every target
	@sed -n 's/^\([a-z$$][-a-zA-Z0-9_%]*\):.*## /\1: /p' Makefile | \
	    sed 's/^chapter-%/chapter-NN/; s/^run-%/run-NN/; s/^svg-%/svg-NN/; s/^demo-%/demo-NN/; s/^diff-%/diff-NN/; s/^\([a-z]*\)-%/\1-NNx/' | \
	    awk -F': ' '{ printf "  make %-16s %s\n", $$1, $$2 }'
	@echo "  variables: ACT=name ARGS='...' PLAIN=1 WORDS=1"
	@echo "             CC=clang CFLAGS=... SANITIZE=address|undefined|thread"

.PHONY: build
build: $(CHAPTERS:%=build-%) ## build all chapters into build/

# The way from $(BUILD)/<chapter>/ back to here. It is relative, because make
# cannot follow a full path with a space in it.
TOP := $(if $(filter /%,$(BUILD)),$(CURDIR),$(subst $(empty) ,/,$(patsubst %,..,$(subst /, ,$(BUILD)) .)))
# And $(BUILD), seen from the place that $1 leads back from.
build_from = $(if $(filter /%,$(BUILD)),,$1)$(BUILD)

# Two makes may be asked for the same thing at once; the second waits until the
# first has it. Where there is no flock, they get in each other's way.
alone = mkdir -p $(BUILD)/$1 && { flock 9 2>/dev/null; $2 9>&-; } 9>>$(BUILD)/$1.lock

# A second Makefile tells the first, which runs in the build directory, where its
# sources are. The chapter itself knows nothing of this.
.PHONY: $(CHAPTERS:%=build-%)
$(CHAPTERS:%=build-%): build-%:
	@+$(call alone,$*,$(MAKE) --no-print-directory -s -C $(BUILD)/$* -f $(TOP)/$*/Makefile \
	    -f $(TOP)/scripts/sources.mk SOURCES=$(TOP)/$* CC='$(CC)' CFLAGS='$(FLAGS)')

.PHONY: timeline
timeline: ## build the renderer of traces into build/
	@+$(call alone,timeline,$(MAKE) --no-print-directory -s -C $(BUILD)/timeline \
	    -f $(TOP)/scripts/timeline/Makefile \
	    -f $(TOP)/scripts/sources.mk SOURCES=$(TOP)/scripts/timeline CC='$(CC)' CFLAGS='$(FLAGS)')

# The same object files, linked a second time with the tracer. See
# scripts/trace/twin.mk.
.PHONY: $(CHAPTERS:%=twin-%)
$(CHAPTERS:%=twin-%): twin-%: build-%
	@+$(call alone,$*,$(MAKE) --no-print-directory -s -C $(BUILD)/$* -f $(TOP)/scripts/trace/twin.mk \
	    ROOT=$(TOP) CHAPTER=$* CC='$(CC)' CFLAGS='$(FLAGS)')

.PHONY: twins
twins: $(CHAPTERS:%=twin-%) ## link every program a second time, to be traced

.PHONY: run
run: build twins timeline ## play the whole workbook, chapter by chapter
	@BUILD=$(BUILD) $(BASH) scripts/play

# PLAIN=1: the plain program, and no picture. WORDS=1: sentences instead.
export PLAIN WORDS
run-%: ## play one chapter and draw it; ACT=name plays one act
	@chapter=$$(ls -d $*-*/ 2>/dev/null | head -n 1); chapter=$${chapter%/}; \
	if [ -z "$$chapter" ]; then echo "make: there is no chapter $*" >&2; exit 2; fi; \
	$(MAKE) --no-print-directory twin-$$chapter timeline && \
	BUILD=$(BUILD) $(BASH) scripts/play-chapter $$chapter $(ACT) $(ARGS)

demo-%: ## send a server three clients at once, and draw it
	@chapter=$$(ls -d $*-*/ 2>/dev/null | head -n 1); chapter=$${chapter%/}; \
	if [ -z "$$chapter" ]; then echo "make: there is no chapter $*" >&2; exit 2; fi; \
	$(MAKE) --no-print-directory twin-$$chapter timeline && \
	BUILD=$(BUILD) $(BASH) scripts/demo $$chapter $(ACT)

svg-%: ## play one chapter and write the pictures to build/svg/
	@case $* in 0[567]) what=demo ;; *) what=run ;; esac; \
	SVG=build/svg $(MAKE) --no-print-directory $$what-$*

.PHONY: pictures
pictures: twins timeline ## play and draw every act anew; CHAPTER=02-futures
	@BUILD=$(BUILD) $(BASH) scripts/pictures $(CHAPTER)

.PHONY: diagrams
diagrams: ## draw the diagrams anew, from their .dot files
	@$(BASH) scripts/book/diagrams

.PHONY: book
book: ## the whole workbook as pages to read, in build/book/
	@$(BASH) scripts/book/build

.PHONY: check-book
check-book: ## the book in Chromium, two minutes; ALL=1: all pages
	@$(BASH) scripts/check-book $(if $(ALL),--all)

# Exercises. An answer is judged by what its run did; see scripts/exercise.
EXERCISE = BUILD=$(BUILD) CC='$(CC)' MAKE='$(MAKE)' perl scripts/exercise/try
try-%: timeline ## run and judge your answer to an exercise, such as 01a
	@$(EXERCISE) try $*

hint-%: ## the next of its three hints
	@$(EXERCISE) hint $*

answer-%: ## the workbook's answer beside yours, once yours passes
	@$(EXERCISE) answer $*

reset-%: ## put your answer aside and begin again
	@$(EXERCISE) reset $*

play-%: ## run your answer without a judge
	@$(EXERCISE) play $*

.PHONY: grade
grade: ## how many exercises are done, and results.json
	@$(EXERCISE) grade

.PHONY: next
next: timeline ## try the first exercise that is not done
	@$(EXERCISE) next

.PHONY: prove
prove: timeline ## authors: each answer gets its own verdict; EXERCISES=01a
	@+$(EXERCISE) prove $(EXERCISES)

diff-%: ## show what is new in a chapter against the one before
	@$(BASH) scripts/diff-chapter $*

.PHONY: check
check: build timeline twins ## run all tests; SUITES=test_03 runs one
	@+$(call alone,tests,$(MAKE) --no-print-directory -s -C tests BUILD=$(call build_from,../) CC='$(CC)' CFLAGS='$(FLAGS)')
	@BUILD="$(call build_from,$$PWD/)" CC='$(CC)' SANITIZE='$(SANITIZE)' $(BASH) scripts/check $(SUITES)

.PHONY: check-environment
check-environment: build timeline twins ## as readers with hostile environments, two minutes
	@BUILD="$(call build_from,$$PWD/)" CC='$(CC)' SANITIZE='$(SANITIZE)' $(BASH) tests/environment.sh $(KINDS)

.PHONY: check-mutants
check-mutants: ## 03 and 04 with one wake taken out, and then the next
	@CC='$(CC)' $(BASH) tests/mutants.sh

.PHONY: check-valgrind
check-valgrind: build ## run every act once under valgrind's memcheck
	@BUILD=$(BUILD) $(BASH) scripts/check-valgrind

# The clients are for load, so they are never sanitized.
.PHONY: build-load
build-load: build ## build the load clients into build/
	@+$(MAKE) --no-print-directory -s -C tests/load BUILD=$(call build_from,../../) CC='$(CC)' CFLAGS='-O2 -g'

.PHONY: check-load
check-load: build-load ## servers under load, two minutes; SERVERS=07
	@BUILD=$(BUILD) SANITIZE='$(SANITIZE)' $(BASH) scripts/check-load $(SERVERS)

.PHONY: check-browser
check-browser: build ## 06 and 07 in Chromium, pictures in build/browser/
	@BUILD=$(BUILD) $(BASH) scripts/check-browser

.PHONY: bench-servers
bench-servers: build-load ## our servers against nginx, h2o, nghttpd, node; QUICK=1
	@BUILD=$(BUILD) $(BASH) scripts/bench-servers $(ROWS)

.PHONY: check-musl
check-musl: ## chapters 01 to 04 with musl, the C library of Alpine
	@for chapter in 01 02 03 04; do \
	    $(MAKE) --no-print-directory run-$$chapter CC=musl-gcc || exit 1; \
	done

.PHONY: check-systems
check-systems: ## the two commands on bare Debian 12, 13, sid; ROOTS=dir
	@ROOTS='$(ROOTS)' SYSTEMS='$(SYSTEMS)' MIRROR='$(MIRROR)' $(BASH) scripts/check-systems

.PHONY: fuzz
fuzz: ## run the fuzzers at once, SECONDS=60 each; needs clang
	@$(BASH) scripts/fuzz $(or $(SECONDS),60)

.PHONY: check-model
check-model: ## spin tries every order of events in task and channel
	@CC='$(CC)' $(BASH) scripts/check-model

.PHONY: bench-runtime
bench-runtime: build-04-async-sleep ## tasks beside tokio and threads; ROWS='spawn-1 wake-1'
	@+$(MAKE) --no-print-directory -s -C tests/bench BUILD=$(call build_from,../../) CC='$(CC)' CFLAGS='$(FLAGS)'
	@$(BUILD)/bench/bench_runtime $(BUILD)/bench/peers/target/release/peers $(ROWS)

.PHONY: lint
lint: ## clang-format, cppcheck, clang-tidy, shellcheck
	@$(BASH) scripts/lint

.PHONY: format
format: ## put all C sources into the house format
	git ls-files '*.[ch]' | xargs clang-format -i

.PHONY: carry
carry: ## copy the carried files forward to later chapters
	@$(BASH) scripts/carry

.PHONY: clean
clean: ## remove all that was built
	rm -rf build
	@for chapter in $(CHAPTERS); do $(MAKE) -s -C $$chapter clean; done
