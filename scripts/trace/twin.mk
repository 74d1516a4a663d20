# Links the traced twin of one chapter: its own object files, unchanged, and
# the tracer's wrappers. Run in the chapter's build directory, by the top
# Makefile, with ROOT, CHAPTER, CC and CFLAGS; the chapter's own Makefile says
# what its program and objects are.
.DEFAULT_GOAL := twin
TRACE := $(ROOT)/scripts/trace
include $(ROOT)/$(CHAPTER)/Makefile

wrappers_01-threads := wrap_threads
wrappers_02-futures := wrap_threads polls watch wrap_futures
wrappers_03-task-queue := wrap_threads polls watch wrap_polls wrap_tasks wrap_stealing
wrappers_04-async-sleep := wrap_threads polls watch wrap_polls wrap_tasks
wrappers_05-libuv-tcp := wrap_threads wrap_loop polls watch wrap_polls wrap_spawn
wrappers_06-http1 := wrap_threads wrap_loop polls watch wrap_polls wrap_requests
wrappers_07-http2 := wrap_threads wrap_loop polls watch wrap_polls wrap_requests
WRAPPERS := trace events lines $(wrappers_$(CHAPTER))
TRACER := $(WRAPPERS:%=traced/%.o)

# Every call that a wrapper stands before: what the linker is told.
WRAP ?= -Wl,--wrap=
WRAPPED = $(shell sed -n 's/.*[ *]__wrap_\([a-z0-9_]*\).*/\1/p' $(WRAPPERS:%=$(TRACE)/%.c) | sort -u)

# What the linker optimizes, calls nothing by a name that it could wrap. Then the
# twin has object files of its own.
ifneq ($(filter -flto%,$(CFLAGS)),)
override CFLAGS += -fno-lto
OBJECTS := $(OBJECTS:%=traced/%)
-include $(OBJECTS:.o=.d)
endif

# Not every linker can do it, and the names and clocks of threads are those of
# Linux. Elsewhere there is no twin.
PROBE = printf '\043include <sys/prctl.h>\nint main(void) { return 0; }\n' | \
        $(CC) $(CFLAGS) -x c - $(WRAP)nanosleep -o

.PHONY: twin
twin:
	@mkdir -p traced
	@probe=$$(mktemp traced/probe.XXXXXX); \
	if $(PROBE) "$$probe" 2>/dev/null; then \
	    $(MAKE) -s -f $(TRACE)/twin.mk $(PROGRAM)-traced; \
	else \
	    rm -f $(PROGRAM)-traced; \
	fi; \
	status=$$?; rm -f "$$probe" "$$probe.d"; exit $$status

$(PROGRAM)-traced: $(OBJECTS) $(TRACER) $(TRACE)/twin.mk
	$(CC) $(CFLAGS) $(LDFLAGS) $(addprefix $(WRAP),$(WRAPPED)) -o $@ $(OBJECTS) $(TRACER) $(LDLIBS)

traced/%.o: $(TRACE)/%.c
	$(CC) $(CFLAGS) -I$(ROOT)/$(CHAPTER) -c -o $@ $<

traced/%.o: $(ROOT)/$(CHAPTER)/%.c
	$(CC) $(CFLAGS) -c -o $@ $<

-include $(TRACER:.o=.d)
