# Builds one program that is judged: somebody's answer, the exercise's scene,
# the modules of the chapter that the answer does not replace, and the tracer.
# Run in the chapter's build directory, by scripts/exercise/try, with ROOT,
# CHAPTER, CC, CFLAGS and
#   SOURCE    the answer
#   SCENE     drive.c of the exercise, or nothing
#   STAGE     its object file, which all answers of the exercise share
#   OUT       where the program goes
#   REPLACES  the module whose place the answer takes, or nothing
include $(ROOT)/scripts/trace/twin.mk
.DEFAULT_GOAL := $(OUT)/program

# The first object of a chapter is the one with main.
MODULES := $(filter-out $(firstword $(OBJECTS)) acts.o $(REPLACES:%=%.o),$(OBJECTS))
PARTS := $(OUT)/answer.o $(if $(SCENE),$(STAGE)) judged/leash.o
TRACER := $(WRAPPERS:%=judged/%.o)
PLAIN = $(filter-out -fsanitize=%,$(CFLAGS))

$(OUT)/program: $(PARTS) $(MODULES) $(TRACER)
	$(CC) $(CFLAGS) $(LDFLAGS) $(addprefix $(WRAP),$(WRAPPED)) -o $@ $(PARTS) $(MODULES) $(TRACER) $(LDLIBS)

# The main of the scene, or of the answer, is called by leash.c.
$(OUT)/answer.o: $(SOURCE)
	$(CC) $(CFLAGS) -Dmain=scene_main $(DEFINE:%=-D%) -I$(ROOT)/$(CHAPTER) $(if $(SCENE),-I$(dir $(SCENE))) -c -o $@ $<

$(STAGE): $(SCENE)
	@mkdir -p $(dir $(STAGE))
	$(CC) $(CFLAGS) -Dmain=scene_main -I$(ROOT)/$(CHAPTER) -c -o $@ $<

# The tracer of what is judged has no sanitizer (see trace_lock in trace.h), so it is
# not the one of the twins that the tests play.
judged/leash.o: $(ROOT)/scripts/exercise/leash.c
	@mkdir -p judged
	$(CC) $(PLAIN) -I$(TRACE) -c -o $@ $<

judged/%.o: $(TRACE)/%.c
	@mkdir -p judged
	$(CC) $(PLAIN) -I$(ROOT)/$(CHAPTER) -c -o $@ $<

# A changed header, such as exercise.h, builds both anew.
-include $(OUT)/answer.d $(STAGE:.o=.d) $(TRACER:.o=.d)
