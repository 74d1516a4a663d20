# What a reader's shell exports must not send our tools elsewhere. All that the
# top Makefile calls gets this environment; only scripts/setup is called by hand.
# `override` is for `make -e`, which prefers the reader's.

# In C, [a-z] means 26 letters and messages have one wording. Elsewhere "i" or
# "q" may be missing, and a locale that is not installed is complained of.
override LC_ALL := C
export LC_ALL

# Our servers listen on 127.0.0.1, and no proxy leads there.
override CURL_HOME := $(CURDIR)/scripts/curl-home
export CURL_HOME
unexport http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

# The reader's may be lost, full, or a place where nothing may be executed. TEMP
# is what Check asks for.
override TMPDIR := $(CURDIR)/build/tmp
override TEMP := $(TMPDIR)
export TMPDIR TEMP
unexport TMP
$(shell mkdir -p build/tmp)

# Shells: what they run first, where cd goes, which options hold, how long they
# wait for input, and functions that stand for commands.
unexport BASH_ENV ENV CDPATH GLOBIGNORE SHELLOPTS BASHOPTS TMOUT \
         $(filter BASH_FUNC_%,$(.VARIABLES))

# Tools: options and styles that change what they read or print.
unexport POSIXLY_CORRECT _POSIX2_VERSION GREP_OPTIONS GREP_COLOR GREP_COLORS \
         QUOTING_STYLE TIME_STYLE BLOCK_SIZE BLOCKSIZE COLUMNS

unexport PERL5OPT PERL5LIB PERLLIB PERLIO PERL_UNICODE
unexport MAKEFILES GNUMAKEFLAGS
unexport CK_VERBOSITY CK_FORK CK_RUN_SUITE CK_RUN_CASE
