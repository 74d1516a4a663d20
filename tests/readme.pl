#!/usr/bin/perl
# readme.pl README: does what a README says and compares what comes out.
#
# The README's directory is copied to an empty place and built there, so this
# also shows that a chapter stands alone. In each ```console block a line with
# "$ " is a command, run by bash; the lines below it are what it must print, in
# any order, because orders are for the suites. Nothing below it: only its exit
# status counts.
#
# What differs from run to run is masked: times, decimals, long numbers, dates,
# the version of curl and the order of its header fields, what a lane of a
# picture shows, and how far its axis goes (its suites know). In a line "..."
# stands for any text, alone on a line for any lines.
#
# A ```c block is an excerpt: at most 12 lines, cut from one of the directory's
# sources as they are.
#
# Blocks run at the same time, since most of them sleep. A block whose output
# begins with "Listening on:" is a server. It gets a free port, the blocks below
# it are its clients, and then Ctrl-C ends it; only then is its output compared.
use strict;
use warnings;
use POSIX ();

my ($readme) = @ARGV;
my ($directory) = $readme =~ m{^(.*)/};
# Lines that start what is running right now, or that need a whole machine.
my %elsewhere = map { $_ => 1 }
  ('scripts/setup && make run', 'scripts/setup && make check');

sub slurp {
    open my $file, '<', $_[0] or die "readme: $_[0]: $!\n";
    local $/;
    return scalar <$file> // '';
}

# RETURNS the blocks, each a list of [command, expected lines...].
sub blocks {
    my @blocks;
    for my $text (slurp($readme) =~ /^```console\n(.*?)^```/gms) {
        my @commands;
        for (split /\n/, $text) {
            if (/^\$ (.*)/) { push @commands, [$1] }
            else            { push @{ $commands[-1] }, $_ }
        }
        push @blocks, \@commands;
    }
    return @blocks;
}

# RETURNS what is wrong with the excerpts.
sub excerpts {
    my @sources = map { slurp($_) } glob "$directory/*.[ch]";
    my @wrong;
    for my $text (slurp($readme) =~ /^```c\n(.*?)^```/gms) {
        my ($first) = split /\n/, $text;
        push @wrong, "  an excerpt of more than 12 lines: $first\n" if ($text =~ tr/\n//) > 12;
        push @wrong, "  no source has the excerpt: $first\n" if !grep { index($_, $text) >= 0 } @sources;
    }
    return @wrong;
}

sub is_server { return ($_[0][0][1] // '') =~ /^Listening on:/ }

# RETURNS groups: a block by itself, or a server with its clients.
sub groups {
    my (@groups, $serving);
    for my $block (@_) {
        $serving = is_server($block) if $block->[0][0] =~ m{^\./};
        if ($serving && !is_server($block)) { push @{ $groups[-1] }, $block }
        else                                { push @groups, [$block] }
    }
    return @groups;
}

sub mask {
    my ($line) = @_;
    $line =~ s/\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/DATE/g;
    $line =~ s{curl/[\d.]+}{curl/VERSION}g;
    $line =~ s/^Headers: \{\K(.*)(?=\}$)/join ', ', sort split m{, (?=")}, $1/e;
    $line =~ s/\d[\d,.]* [mu]?s\b/TIME/g;
    $line =~ s/\d[\d,]* polls\b/N polls/g;
    $line =~ s/\d[\d,]*\.\d+/N.N/g;
    $line =~ s/\b\d[\d,]{4,}\b/NNNNN/g;
    $line =~ s/^(.{1,12}\|).+\|$/$1/;
    $line =~ s/^ +TIME( +TIME)+$/TICKS/;
    $line =~ s/\s+$//;
    return $line =~ s/  +/ /gr =~ s/^ [-+ ]+$/AXIS/r;
}

# RETURNS what is wrong, or nothing.
sub compare {
    my ($command, $wanted, $got) = @_;
    my @got  = map { mask($_) } split /\r?\n/, $got;
    my $open = grep { $_ eq '...' } @$wanted;
    my @missing;
    for my $line (grep { $_ ne '...' && $_ ne '^C' } @$wanted) {
        my $pattern = join '.*', map { quotemeta } split /\.\.\./, mask($line), -1;
        my ($at) = grep { $got[$_] =~ /^$pattern$/ } 0 .. $#got;
        if (defined $at) { splice @got, $at, 1 }
        else             { push @missing, $line }
    }
    return if !@missing && ($open || !@got);
    return "\$ $command\n"
      . join('', map { "  not printed: $_\n" } @missing)
      . join('', map { "  not in the README: $_\n" } $open ? () : @got);
}

sub run_command {
    my ($command, @wanted) = @_;
    return if $elsewhere{$command};
    # An exercise makes files of the reader's, so it is tried in a copy.
    $command = "copy=\$(mktemp -d) && cp -r [0-9]* scripts Makefile README.md \$copy && "
      . "rm -f \$copy/*/exercises/[0-9]*.c* && cd \$copy && $command; rm -rf \$copy"
      if $command =~ /^make -s try-/;
    open my $pipe, '-|', 'timeout', '60', 'bash', '-c', "{ $command\n} 2>&1"
      or die "readme: bash: $!\n";
    my $got = do { local $/; <$pipe> // '' };
    close $pipe;
    return "\$ $command\n  took longer than a minute\n" if $? >> 8 == 124;
    return compare($command, \@wanted, $got) if @wanted;
    return $? == 0 ? () : "\$ $command\n  exit status " . ($? >> 8) . "\n$got";
}

# RETURNS process id, port and log of a server; port 0 if it does not listen.
sub start_server {
    my ($command) = @_;
    my $log = "log.$$";
    $command .= ' 127.0.0.1:0' unless $command =~ s/127\.0\.0\.1:\d+/127.0.0.1:0/;
    my $pid = fork // die "readme: fork: $!\n";
    if ($pid == 0) {
        open STDOUT, '>', $log and open STDERR, '>&', \*STDOUT or die $!;
        exec split ' ', $command or POSIX::_exit(127);
    }
    for (1 .. 1000) {
        return ($pid, $1, $log)
          if -e $log && slurp($log) =~ /^Listening on: .*:(\d+)$/m;
        select undef, undef, undef, 0.01;
    }
    return ($pid, 0, $log);
}

sub stop_server {
    my ($pid) = @_;
    select undef, undef, undef, 0.2;    # for its last lines
    kill INT => $pid;
    local $SIG{ALRM} = sub { kill KILL => $pid };
    alarm 15;
    waitpid $pid, 0;
    alarm 0;
    # 2: it knows nothing of signals, and Ctrl-C was its end.
    return $? == 0 || $? == 2 ? () : "  the server ended with $?\n";
}

sub run_server {
    my ($server, @clients) = @_;
    my ($command, @wanted) = @{ $server->[0] };
    my ($pid, $port, $log) = start_server($command);
    my @wrong;
    for my $line (map { @$_ } @clients) {
        push @wrong, run_command(map { s/\b(?:3000|8080)\b/$port/gr } @$line);
    }
    push @wrong, stop_server($pid);
    push @wrong,
      compare($command, [map { s/\b(?:3000|8080)\b/$port/gr } @wanted],
        slurp($log));
    return @wrong;
}

sub run_group {
    my @group = @_;
    return run_server(@group) if is_server($group[0]);
    return map { run_command(@$_) } map { @$_ } @group;
}

# ---- From here on in the copy ----

sub enter_copy {
    chomp(my $copy = `mktemp -d`);
    die "readme: no place for a copy\n" if $? != 0;
    my $chapter = $directory =~ m{(^|/)\d\d-[^/]+$};
    if ($chapter) {
        system('sh', '-c', 'cp "$1"/*.[ch] "$1/Makefile" "$2"', 'sh',
            $directory, $copy) == 0
          or die "readme: cannot copy $directory\n";
    }
    chdir($chapter ? $copy : $directory) or die "readme: $!\n";
    if ($chapter) {
        my $log = `make 2>&1`;
        die "$directory does not build alone:\n$log" if $? != 0;
    }
    return $copy;
}

my @blocks = blocks();
my @cut    = excerpts();
my $copy   = enter_copy();
my $failed = @blocks == 0 || @cut;
print STDERR @cut;
my %children;
for my $group (groups(@blocks)) {
    my $pid = fork // die "readme: fork: $!\n";
    if ($pid == 0) {
        my @wrong = run_group(@$group);
        print STDERR @wrong;
        POSIX::_exit(@wrong ? 1 : 0);
    }
}
while (wait != -1) { $failed ||= $? != 0 }
system 'rm', '-rf', $copy;
print @blocks . " blocks of $readme " . ($failed ? "differ\n" : "hold\n");
exit($failed ? 1 : 0);
