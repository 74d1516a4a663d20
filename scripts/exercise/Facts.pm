# What is known of a run: from its lines, its trace, and a sanitizer's report.
# Trace facts are exact counters of the tracer where a rule depends on them; what is
# read from drawn spans is only for the words of a message.
package Facts;
use strict;
use warnings;
use POSIX ':sys_wait_h';
use Text;
use Exporter 'import';
our @EXPORT = qw(facts);

sub facts {
    my ($spec, $run, $source) = @_;
    my $status = $run->{status};
    my %f = (status => WIFEXITED($status) ? WEXITSTATUS($status) : -1,
        signal => WIFSIGNALED($status) ? WTERMSIG($status) : 0);
    my %ends = (81 => 'hung', 82 => 'spun', 83 => 'late');
    $f{ended} = $run->{flood} ? 'flood' : $f{signal} ? 'crashed' : $ends{ $f{status} } // 'exit';
    $f{stderr} = slurp("$run->{base}stderr");
    ($f{must}) = ($f{stderr} =~ /^(\d\d[a-z]: .+: .+)$/m, ''); # the line of a call that failed
    facts_of_lines($spec, $run->{lines}, \%f);
    facts_of_trace("$run->{base}trace.json", \%f);
    facts_of_report($run->{base}, \%f, $source);
    return \%f;
}

# ---- Lines ----

sub matches {
    my ($line, $pattern) = @_;
    $pattern = join '.*', map { quotemeta } split /\.\.\./, $pattern, -1;
    return $line =~ /^$pattern$/;
}

# Neighbours that may come in any order are a group.
sub groups {
    my @groups;
    for my $w (@_) {
        if ($w->[1] && @groups && $groups[-1][0][1]) { push @{ $groups[-1] }, $w }
        else                                         { push @groups, [$w] }
    }
    return @groups;
}

# A line that is not asked for, such as a reader's own printf, is shown and not
# judged; one that is asked for counts each time.
sub facts_of_lines {
    my ($spec, $lines, $f) = @_;
    my @wanted = @{ $spec->{prints} };
    my @got = grep { my $line = $_; grep { matches($line, $_->[0]) } @wanted } @$lines;
    my ($i, $wrong, @columns) = (0, 0);
    for my $group (groups(@wanted)) {
        my %left;
        $left{ $_->[0] }++ for @$group;
        for my $w (@$group) {
            my $line = $got[$i];
            my ($key) = grep { $left{$_} && defined $line && matches($line, $_) } keys %left;
            if (defined $key) { $left{$key}--; $i++ }
            else              { $wrong++ }
            push @columns, [$w->[0], defined $key ? $line : undef];
        }
    }
    push @columns, ['', $got[$_]] for $i .. $#got;
    $wrong += @got - $i;
    for my $pair (@{ $spec->{order} }) {
        my ($a, $b) = map { my $p = $_; (grep { matches($got[$_], $p) } 0 .. $#got)[0] } @$pair;
        $wrong++ if defined $a && defined $b && $a > $b;
    }
    @$f{qw(prints.wrong lines said)} = ($wrong, $lines, join("\n", @$lines));
    $f->{columns} = \@columns;
    for my $see (@{ $spec->{see} }) {
        my ($name, $pattern) = @$see;
        my @found = map { /$pattern/ ? ($1 // 1) : () } @$lines;
        $f->{$name} = @found ? $found[-1] : undef; # no rule holds of it, and no pass
    }
}

# ---- The trace ----

sub event {
    my ($line) = @_;
    return unless $line =~ /^\{.*\},?\s*$/;
    my %e;
    while ($line =~ /"(\w+)":(?:"([^"]*)"|(-?\d+))/g) {
        my ($key, $v) = ($1, $2 // $3);
        $key = 'what' if $key eq 'name' && !exists $e{what};
        $e{$key} = $v;
    }
    return \%e;
}

# The tracer's counters in its "end" record, and our names for them.
my %counters = (
    polls => 'polls', sleeps => 'sleeps', sleeps_inside => 'sleeps_inside', joins => 'joins',
    most_asleep => 'asleep.at_once', most_polls => 'polls.at_once', open_polls => 'polls.open',
    timeouts => 'timeouts', results_on_stack => 'results.on_stack',
    threads_made => 'threads', blocked_polls => 'polls.blocked', scene => 'scene');

# Time in which at least one was asleep, and the sum.
sub together {
    my @edges = sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] }
      map { ([$_->[0], 1], [$_->[1], -1]) } @_;
    my ($now, $sum, $taken) = (0, 0, 0);
    for my $i (0 .. $#edges - 1) {
        $now += $edges[$i][1];
        my $d = $edges[$i + 1][0] - $edges[$i][0];
        $sum   += $d * $now;
        $taken += $d if $now > 0;
    }
    return ($sum / 1e6, $taken / 1e6);
}

sub facts_of_span {
    my ($s, $on, $f, $asleep) = @_;
    my $d = ($s->{end} - $s->{ts}) / 1e6;
    push @$asleep, [$s->{ts}, $s->{end}] if $s->{pid} == 1 && $s->{cat} eq 'asleep';
    $f->{'main.asleep'} += $d if $on eq 'main' && $s->{cat} eq 'asleep';
    $f->{'polls.worker'} += $s->{polls} // 0 if $s->{pid} == 1 && $on =~ /^worker/;
    my $stood = $s->{pid} != 1 && $s->{cat} eq 'ready';
    $f->{'ready.longest'} = $d if $stood && $d > $f->{'ready.longest'};
}

sub facts_of_trace {
    my ($path, $f) = @_;
    $f->{$_} = 0 for values %counters, qw(cpu wall polls.longest main.asleep polls.worker ready.longest);
    my (%name, @spans, @asleep);
    my $last = 0;
    for my $e (map { event($_) // () } split /\n/, slurp($path)) {
        my $lane = ($e->{pid} // '') . '.' . ($e->{tid} // '');
        if ($e->{ph} eq 'M' && $e->{what} eq 'thread_name') { $name{$lane} = $e->{name} }
        elsif ($e->{ph} eq 'M' && $e->{what} eq 'end') {
            $f->{ $counters{$_} } = $e->{$_} // 0 for keys %counters;
            $f->{cpu}  = $e->{cpu_us} / 1e6;
            $f->{wall} = $e->{wall_us} / 1e6;
            $f->{'polls.longest'} = ($e->{longest_poll_us} // 0) / 1e6;
        } elsif ($e->{ph} eq 'X' || $e->{ph} eq 'B') {
            $e->{end} = $e->{ts} + $e->{dur} if $e->{ph} eq 'X';
            push @spans, [$lane, $e];
        }
        my $at = ($e->{ts} // 0) + ($e->{dur} // 0);
        $last = $at if $at > $last;
    }
    for (@spans) {
        my ($lane, $s) = @$_;
        $s->{end} //= $last;
        facts_of_span($s, $name{$lane} // '', $f, \@asleep);
    }
    @$f{qw(asleep.sum asleep.taken)} = together(grep { $_->[1] - $_->[0] > 2000 } @asleep);
}

# ---- A report ----

my %kinds = (
    'heap-use-after-free' => 'use after free', 'stack-use-after-return' => 'use after return',
    'stack-use-after-scope' => 'use after return', 'attempting double-free' => 'double free',
    'attempting' => 'a free of what malloc never gave',
    'heap-buffer-overflow' => 'out of bounds', 'stack-buffer-overflow' => 'out of bounds',
    'global-buffer-overflow' => 'out of bounds', 'SEGV' => 'bad pointer');

# The first frame of a stack that lies in the answer. RETURNS its function and line.
sub frame {
    my ($stack, $file) = @_;
    while ($stack =~ /^ *#\d+ +(?:0x[0-9a-f]+ in )?(\S+) .*?([^\/ (]+\.c):(\d+)/mg) {
        return ($1 eq 'scene_main' ? 'main' : $1, $3) if $2 eq $file; # see build.mk
    }
    return ('?', '?');
}

sub race {
    my ($text, $f, $file) = @_;
    my @stacks = $text =~ /^ +((?:Previous )?(?:atomic )?(?:write|read) of size.*?)\n\n/imsg;
    my @by = map { /by (main thread|thread T\d+)/ ? $1 =~ s/thread T/thread /r =~ s/main thread/main/r : '?' } @stacks;
    # The second is one that writes.
    my @order = ($stacks[1] // '') =~ /^ *(Previous )?(atomic )?read/i ? (1, 0) : (0, 1);
    @$f{qw(report.fn report.line)}   = frame($stacks[$order[0]] // '', $file);
    @$f{qw(report.fn2 report.line2)} = frame($stacks[$order[1]] // '', $file);
    @$f{qw(report.by report.by2)}    = map { $by[$_] // '?' } @order;
    @$f{qw(report.fn report.line)}   = frame($text, $file) if !@stacks; # such as a thread leak
}

sub facts_of_report {
    my ($base, $f, $source) = @_;
    my ($path) = glob "${base}report.*";
    my $text = $path ? slurp($path) : '';
    $text .= $f->{stderr} if $f->{stderr} =~ /runtime error:/; # UBSan beside ASan
    my ($file) = $source =~ m{([^/]+)$};
    $f->{$_} = '' for qw(report report.fn report.line report.by report.fn2 report.line2 report.by2 report.code report.code2);
    $f->{$_} = 0 for qw(leaked.bytes leaked.objects);
    # A race without a frame of the answer is not the reader's: ThreadSanitizer sees
    # the tracer's memcpy, but not its lock. What was freed too early, or never, may
    # be noticed far away from the answer.
    if ($text eq '' || ($text =~ /ThreadSanitizer/ && $text !~ /\Q$file\E:\d+/)) {
        $f->{status} = 0 if $f->{status} == 86;
        return;
    }
    if ($text =~ /ERROR: ThreadSanitizer: SEGV/) {
        $f->{report} = 'bad pointer';
        @$f{qw(report.fn report.line)} = frame($text, $file);
    } elsif ($text =~ /WARNING: ThreadSanitizer: (.+?) \(pid/) {
        my $kind = $1;
        $f->{report} = $kinds{ $kind =~ s/ .*//r } // $kind;
        race($text, $f, $file);
    } elsif ($text =~ /ERROR: AddressSanitizer: (attempting double-free|[-\w]+)/) {
        $f->{report} = $kinds{$1} // $1;
        my ($at, $then) = split /freed by thread .*? here:/, $text;
        @$f{qw(report.fn report.line)}   = frame($at, $file);
        @$f{qw(report.fn2 report.line2)} = frame($then, $file) if $then;
    } elsif ($text =~ /ERROR: LeakSanitizer/) {
        $f->{report} = 'leak';
        @$f{qw(leaked.bytes leaked.objects)} = ($1, $2)
          if $text =~ /SUMMARY: .*?: (\d+) byte\(s\) leaked in (\d+) alloc/;
        @$f{qw(report.fn report.line)} = frame($text, $file);
    } elsif ($text =~ /\Q$file\E:(\d+):\d+: runtime error: (.*)/) {
        @$f{qw(report report.fn report.line)} = ($2, '?', $1);
    } elsif ($text =~ /runtime error: (.*)/) { # in what the answer has called
        $f->{report} = $1;
        @$f{qw(report.fn report.line)} = frame($text, $file);
    } else { $f->{report} = 'something that the sanitizer does not like' }
    my @code = ('', split /\n/, slurp($source));
    for my $n ('', '2') {
        my $line = $f->{"report.line$n"};
        $f->{"report.code$n"} = $line =~ /^\d+$/ ? $code[$line] // '' : '';
    }
}

1;
