# Read after a chapter's Makefile, when that runs elsewhere: where its sources are.
# (The option --eval would say it in a line, but make 3.81, that of macOS, has no
# such option; and VPATH would also find object files there.)
vpath %.c $(SOURCES)
