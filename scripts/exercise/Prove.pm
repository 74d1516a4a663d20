# For authors: each start, each right answer and each wrong one gets its own verdict.
#
# answers.c has the right answer, and each mistake that the spec names as an #ifdef.
# others.c, if there is one, has more of both, as nobody named them: RIGHT_... must
# pass and WRONG_... must not.
#
#   REPEAT=30   judges each so many times; all must agree
#   JOBS=8      so many at a time
#   SAY=1       with the words
package Prove;
use strict;
use warnings;
use POSIX ();
use Text;
use Spec;
use Program;
use Verdict;
use Exporter 'import';
our @EXPORT = qw(prove shown_of stripped);

# ---- Answers in one file ----

# Names of the answers in a text: what #ifdef and its like ask for.
sub names_in {
    my (%seen, @names);
    for ($_[0] =~ /^#(?:ifdef|ifndef|if|elif) (.*)$/mg) {
        push @names, grep { !/^__|_SOURCE$/ && !$seen{$_}++ } /\b([A-Z][A-Z0-9_]+)\b/g;
    }
    return @names;
}

# Is a condition true if none of our names is defined? RETURNS undef of one that is not
# about our names.
sub holds_bare {
    my ($kind, $rest) = @_;
    return if $rest =~ /__|\bdefined\b.*_SOURCE/;
    return $kind eq 'ndef' ? 1 : 0 if $kind ne '';
    (my $code = $rest) =~ s/!\s*defined\s+\w+/1/g;
    $code =~ s/\bdefined\s+\w+/0/g;
    return $code =~ /^[01()&|\s]+$/ ? eval($code) ? 1 : 0 : undef;
}

# The right answer alone: what stands there for the names of wrong ones is left out.
# For each #if that is open: [is this branch shown, was one before, is it ours].
sub stripped {
    my ($text) = @_;
    my ($out, @open) = ('');
    1 while $text =~ s/^(#(?:if|elif).*)\\\n\s*/$1 /m; # one that goes over several lines
    for (split /^/, $text) {
        my $top = $open[-1];
        if (/^#if(def|ndef)? (.*)/) {
            my $holds = holds_bare($1 // '', $2);
            $out .= $_ if !defined $holds && !grep { !$_->[0] } @open;
            push @open, defined $holds ? [$holds, $holds, 1] : [1, 1, 0];
        } elsif (/^#elif (.*)/ && $top && $top->[2]) {
            $top->[0] = !$top->[1] && holds_bare('', $1);
            $top->[1] ||= $top->[0];
        } elsif (/^#else/ && $top && $top->[2]) {
            $top->[0] = !$top->[1];
        } elsif (/^#endif/ && $top) {
            pop @open;
            $out .= $_ if !$top->[2] && !grep { !$_->[0] } @open;
        } elsif (!grep { !$_->[0] } @open) { $out .= $_ }
    }
    return $out;
}

# The file of the answer that a reader is shown.
sub shown_of {
    my ($spec) = @_;
    my $path = ($ENV{BUILD} // 'build/cc') . "/$spec->{id}-answer.c";
    open my $file, '>', $path or die "$path: $!\n";
    print $file stripped(slurp("$spec->{dir}/answers.c"));
    close $file or die "$path: $!\n";
    return $path;
}

# ---- What is wrong with an exercise's files ----

# A hint sends the reader to functions in a file: "a, b and c in 01-threads/threads.c".
# RETURNS those names that are not there, or the file, if that is not.
sub untrue_in {
    my ($hint) = @_;
    my @untrue;
    while ($hint =~ m{((?:\w+(?:, | and ))*\w+) in (\d\d-[-\w]+/\w+\.[ch])\b}g) {
        my ($names, $path) = ($1, $2);
        my $text = slurp($path);
        push @untrue, $text eq '' ? $path : map { "$_ in $path" } grep { $text !~ /\b$_\b/ } split /, | and /, $names;
    }
    return @untrue;
}

sub faults {
    my ($spec) = @_;
    my ($start, $answers, $others) = map { slurp("$spec->{dir}/$_.c") } qw(start answers others);
    my @faults;
    push @faults, 'it has no start.c' if $start eq '';
    push @faults, 'start.c and answers.c differ outside of your part'
      if frame_of($start) ne frame_of($answers);
    push @faults, 'start.c and others.c differ outside of your part'
      if $others ne '' && frame_of($start) ne frame_of($others);
    push @faults, 'it needs three hints' if @{ $spec->{hints} } != 3;
    push @faults, 'a hint is too short to be one' if grep { length $_ < 15 } @{ $spec->{hints} };
    push @faults, map { "a hint names what is not there: $_" } map { untrue_in($_) } @{ $spec->{hints} };
    push @faults, 'it has no title or no minutes' if !$spec->{title} || !$spec->{minutes};
    push @faults, 'it says nothing to a pass' if !$spec->{pass};
    my @shown = names_in(stripped($answers));
    push @faults, "the answer that a reader is shown has in it: @shown" if @shown;
    return map { "$spec->{id}: $_" } @faults;
}

# ---- All answers ----

# RETURNS [spec, source, name, macro, the verdict that it must get] for each;
# "!pass": any but pass.
sub work_of {
    my ($spec) = @_;
    my ($answers, $others) = map { "$spec->{dir}/$_.c" } qw(answers others);
    my @work = (
        [$spec, "$spec->{dir}/start.c", 'start', undef, $spec->{start} // '!pass'],
        [$spec, $answers, 'right', undef, 'pass'],
        [$spec, shown_of($spec), 'shown', undef, 'pass']);
    for my $name (names_in(slurp($answers))) {
        my $id = lc($name) =~ tr/_/-/r;
        push @work, [$spec, $answers, $id, $name, $id =~ s/-\d+$//r];
    }
    for my $name (names_in(slurp($others))) {
        push @work, [$spec, $others, lc($name) =~ tr/_/-/r, $name, $name =~ /^RIGHT/ ? 'pass' : '!pass'];
    }
    return @work;
}

# RETURNS the verdicts that it got, as {verdict => times}, and the last.
sub judge_often {
    my ($spec, $source, $name, $define) = @_;
    my (%got, $last);
    for (1 .. $ENV{REPEAT} // 1) {
        $last = eval { verdict_of($spec, $source, "prove/$spec->{id}-$name", $define) }
          // { id => "died: $@" };
        $got{ $last->{id} }++;
    }
    return (\%got, $last);
}

# RETURNS a line about it, which begins with "ok" or "FAILED".
sub prove_one {
    my ($spec, $source, $name, $define, $wanted) = @_;
    my ($got, $last) = judge_often($spec, $source, $name, $define);
    my @ids  = sort keys %$got;
    my $good = $wanted eq '!pass' ? !$got->{pass} && !grep({ /^(died|compile)/ } @ids) : "@ids" eq $wanted;
    my $line = sprintf "%-7s %s %-26s %s\n", $good ? 'ok' : 'FAILED', $spec->{id}, $name,
      join ', ', map { $got->{$_} > 1 ? "$got->{$_} x $_" : $_ } @ids;
    $line .= compile_words($last->{log}) . "\n" if $last->{id} eq 'compile';
    $line .= wrapped($last->{words}, 12) if $ENV{SAY} && $last->{words};
    return $line;
}

# Calls $do->(@$_) for each of the work, in a process of its own, so many at a time.
# RETURNS what they returned, as lines.
sub in_parallel {
    my ($do, @work) = @_;
    my $jobs = $ENV{JOBS} // 8; # on two processors, since hung answers only wait
    my (@lines, %from);
    while (@work || %from) {
        while (@work && keys %from < $jobs) {
            my $w = shift @work;
            pipe my $out, my $in or die "pipe: $!\n";
            my $pid = fork // die "fork: $!\n";
            if ($pid == 0) { close $out; print $in $do->(@$w); close $in; POSIX::_exit(0) }
            close $in;
            $from{$pid} = $out;
        }
        my $pid = wait;
        my $out = delete $from{$pid} or next;
        my $line = do { local $/; <$out> } // "FAILED  the judge itself died\n";
        print $line;
        push @lines, $line if $line ne '';
    }
    return @lines;
}

# What several answers share is built once, before two can build it at a time: the
# chapter's modules, and then each scene.
sub build_first {
    my ($spec, $sanitize) = @_;
    build_answer($spec, "$spec->{dir}/answers.c", "prove/$spec->{id}-right", $sanitize);
    return '';
}

sub build_what_is_shared {
    my (%first, @chapters, @scenes);
    for my $spec (@_) {
        for my $sanitize (sanitizers($spec)) {
            push @{ $first{"$spec->{chapter} $sanitize"}++ ? \@scenes : \@chapters }, [$spec, $sanitize];
        }
    }
    in_parallel(\&build_first, @$_) for \@chapters, \@scenes;
}

# A rule that no answer meets may be wrong, and nobody would know.
sub idle_rules {
    my ($spec, @lines) = @_;
    my %met = map { s/^\d+ x //r => 1 } map { /^\S+ +$spec->{id} \S+ +(.*)/ ? split /, /, $1 : () } @lines;
    return map { "$spec->{id}: no answer meets the rule $_->{id}" } grep { !$met{ $_->{id} } } @{ $spec->{rules} };
}

sub prove {
    my @specs  = map { spec($_) } @_ ? @_ : all_ids();
    my @faults = map { faults($_) } @specs; # before any time is spent on answers
    if (@faults) { print "FAILED  $_\n" for @faults; return 1 }
    build_what_is_shared(@specs);
    my @work = map { work_of($_) } @specs;
    my $count = @work;
    my @lines = in_parallel(\&prove_one, @work);
    push @faults, map { idle_rules($_, @lines) } @specs;
    print "FAILED  $_\n" for @faults;
    my $failed = @faults + grep { !/^ok/ } @lines;
    print "$count answers judged, $failed failed\n";
    return $failed ? 1 : 0;
}

1;
