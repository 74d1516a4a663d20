# Builds an answer with its scene, and runs it where it can do no harm.
package Program;
use strict;
use warnings;
use POSIX ':sys_wait_h';
use Text;
use Exporter 'import';
our @EXPORT = qw(needs_of build_answer run_program compile_words stop_running);

my $build = $ENV{BUILD} // 'build/cc';
my $make  = $ENV{MAKE}  // 'make';
my $cc    = $ENV{CC}    // 'cc';

use constant { most_printed => 200_000, most_seconds => 30 };

# ---- Build ----

sub flags_for {
    my ($sanitize) = @_;
    my $flags = '-O1 -g -D_POSIX_C_SOURCE=200809L -Werror=implicit-function-declaration';
    return $flags if $sanitize eq 'none';
    return "$flags -fsanitize=$sanitize -fno-sanitize-recover=all -fno-omit-frame-pointer";
}

# Dies, with the chapter's own words, if a library must be installed first.
sub refuse_without_library {
    my ($status, $said) = @_;
    die $1 =~ s/\.? +Stop\.$//r, "\n" if $status != 0 && $said =~ /(This chapter needs .*)/;
}

# Dies so before anything is built.
sub needs_of {
    my ($spec) = @_;
    my $said = `'$make' --no-print-directory -s -n -C $spec->{chapter} 2>&1`;
    refuse_without_library($?, $said);
}

# RETURNS the program's path, or undef, and what the compiler said. Dies as needs_of.
sub build_answer {
    my ($spec, $source, $out, $sanitize, $define) = @_;
    my $config = $build . ($sanitize eq 'none' ? '' : '-' . $sanitize =~ s/,/-/gr);
    my $place  = "$config/$spec->{chapter}";
    my $log    = "$place/$out.log";
    my $scene  = -e "$spec->{dir}/drive.c" ? "../../../$spec->{dir}/drive.c" : '';
    system("mkdir -p $place/$out");
    unlink "$place/$out/program";
    my @words = (
        $make, '--no-print-directory', '-s', '-C', $place,
        '-f', '../../../scripts/exercise/build.mk', "--eval=vpath %.c ../../../$spec->{chapter}",
        'ROOT=../../..', "CHAPTER=$spec->{chapter}", "CC=$cc", 'CFLAGS=' . flags_for($sanitize),
        "SOURCE=../../../$source", "SCENE=$scene", "STAGE=stages/$spec->{id}.o", "OUT=$out",
        'REPLACES=' . ($spec->{replaces} // ''),
        'DEFINE=' . ($define // ''));
    my $command = join ' ', map { "'" . s/'/'\\''/gr . "'" } @words;
    my $status = system "$command >$log 2>&1";
    my $said = slurp($log);
    refuse_without_library($status, $said);
    return ($status == 0 ? "$place/$out/program" : undef, $said);
}

# The first error, in the reader's file and line, without the ways of the build.
sub compile_words {
    my ($log) = @_;
    my ($first) = grep { /(error|undefined reference|multiple definition)/ } split /\n/, $log;
    return '  ' . ($first // $log) =~ s{^\S*\.\./}{}r;
}

# ---- Run ----

my $running;

# It is a group of processes by itself, so that nothing of it stays behind.
sub stop_running {
    kill KILL => -$running if $running;
}

sub enter {
    my ($spec, $program, $base, $in) = @_;
    setpgrp 0, 0;
    open STDOUT, '>&', $in;
    open STDERR, '>', "${base}stderr";
    open STDIN, '<', '/dev/null';
    # A library sees nothing of a sanitizer: what was freed is filled, so that it stumbles.
    my %options = (
        TRACE_FILE => "${base}trace.json", TRACE_PROGRAM => $spec->{id}, TRACE_ACT => 'yours',
        TRACE_COUNTS => 1, TRY_SEED => 1 + int rand 1_000_000,
        ASAN_OPTIONS => "detect_leaks=1:exitcode=86:detect_stack_use_after_return=0:max_free_fill_size=4096:free_fill_byte=219:log_path=${base}report",
        LSAN_OPTIONS => 'exitcode=86',
        TSAN_OPTIONS => "halt_on_error=0:exitcode=86:suppressions=scripts/exercise/thread.supp:log_path=${base}report",
        UBSAN_OPTIONS => "print_stacktrace=1:exitcode=86:log_path=${base}report");
    $ENV{$_} = $options{$_} for keys %options;
    $ENV{TRY_CPU} = $spec->{cpu}  if $spec->{cpu};
    exec { "./$program" } $program or POSIX::_exit(127);
}

# RETURNS {base, lines, status, flood}: what it printed, and how it ended.
sub run_program {
    my ($spec, $program) = @_;
    my $base = $program =~ s/program$//r;
    unlink "${base}trace.json", "${base}stderr", glob("${base}report.*");
    pipe my $out, my $in or die "pipe: $!\n";
    $running = fork // die "fork: $!\n";
    if ($running == 0) { close $out; enter($spec, $program, $base, $in) }
    close $in;
    local $SIG{ALRM} = \&stop_running;
    alarm most_seconds;
    my ($text, $flood) = ('', 0);
    while (sysread $out, $text, 4096, length $text) {
        if (length $text > most_printed) { $flood = 1; stop_running(); last }
    }
    waitpid $running, 0;
    my $status = $?;
    alarm 0;
    stop_running(); # what it has started itself
    undef $running;
    return { base => $base, lines => [split /\n/, $text], status => $status, flood => $flood };
}

1;
