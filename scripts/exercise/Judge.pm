# From facts to a verdict: the first rule that holds has its say, and a pass is
# earned: everything that the spec needs must hold.
package Judge;
use strict;
use warnings;
use Text;
use Exporter 'import';
our @EXPORT = qw(judge);

# What holds for all exercises, and stands behind their own rules.
my @general = map { { kind => 'not', id => $_->[0], condition => $_->[1], text => $_->[2] } } (
    ['race', 'report == "data race"',
        'Two threads touched the same memory and at least one wrote: {report.by} in line {report.line}, {report.by2} in line {report.line2}. Nothing puts the one before the other.'],
    ['use-after-free', 'report == "use after free" and report.line == "?"',
        'Memory was used that had been freed before, and not by a line of yours: somebody still knew of something that your part should have let go of, or stopped. Who?'],
    ['use-after-free', 'report == "use after free"',
        'Line {report.line} uses memory that was freed before, in line {report.line2}. Who still needs it then?'],
    ['double-free', 'report == "double free"', 'Line {report.line} frees what was freed before, in line {report.line2}.'],
    ['leak', 'report == "leak" and report.fn != "?"',
        'Never freed: {leaked.objects} pieces of memory, {leaked.bytes} bytes, made in {report.fn}, line {report.line}. Who is the last to need what lies there?'],
    ['leak', 'report == "leak"',
        'Never freed: {leaked.objects} pieces of memory, {leaked.bytes} bytes, which the scene made and handed to your part. Who is the last to need what lies there?'],
    ['bad-memory', 'report != "" and report.line == "?"',
        'The sanitizer stopped it: {report}, but not in a line of yours. Something that you have handed on was gone, or never there. What did you give to whom, and how long is it needed?'],
    ['bad-memory', 'report != "" and report.fn == "?"', 'The sanitizer stopped it in line {report.line}: {report}.'],
    ['bad-memory', 'report != ""', 'The sanitizer stopped it: {report}, in {report.fn}, line {report.line}.'],
    ['hung-in-a-poll', 'ended == "hung" and polls.open > 0',
        'It hangs inside a poll: the worker waits there for something, and can poll nobody else. Can what it waits for happen without the worker?'],
    ['hung', 'ended == "hung"',
        'It hangs: for a second no thread did anything, and none ever will. Who waits, and who should have woken it?'],
    ['spun', 'ended == "spun"', 'It spins: {cpu} s of CPU time, {polls} polls, and no end.'],
    ['flood', 'ended == "flood"', 'It prints and prints: it was stopped after 200,000 bytes.'],
    ['late', 'ended == "late"', 'It did not come to an end.'],
    ['crashed', 'ended == "crashed"', 'It crashed, by signal {signal}.'],
    ['ended-early', 'scene == 0', 'It ended before its scene did, with status {status}: something in your part ended the program. Who else needed it?'],
    ['status', 'status != 0', 'It ended with status {status}.'],
    ['printout', 'prints.wrong > 0', 'It did not print what it should: see above.'],
);

# ---- Conditions: names, numbers, "texts", /patterns/, < <= == != >= > =~ + - *
# ---- ( ) and or not

# RETURNS a name's value; undef: it was to be seen in a line, and was not.
sub value {
    my ($name, $facts) = @_;
    exists $facts->{$name} or die "no fact is named '$name'\n";
    return $facts->{$name};
}

# RETURNS the value as a word of perl.
sub literal {
    my ($v) = @_;
    return $v =~ /^-?\d+(\.\d+)?$/ ? " $v " : ' "' . quotemeta($v) . '" ';
}

# RETURNS whether it holds. What speaks of a line that never came does not.
sub holds {
    my ($condition, $facts) = @_;
    my ($code, $unseen) = ('', 0);
    for ($condition) {
        while (1) {
            /\G\s+/gc and next;
            /\G$/gc   and last;
            if (/\G(and|or|not)\b/gc) { $code .= " $1 " }
            elsif (/\G([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*)/gc) {
                my $v = value($1, $facts);
                $unseen = 1 if !defined $v;
                $code .= literal($v // 0);
            }
            elsif (m{\G(\d+(?:\.\d+)?|<=|>=|=~|[()<>+*-])}gc) { $code .= " $1 " }
            elsif (m{\G(==|!=) *"([^"]*)"}gc) { $code .= ($1 eq '==' ? ' eq ' : ' ne ') . '"' . quotemeta($2) . '" ' }
            elsif (m{\G(==|!=)}gc)            { $code .= " $1 " }
            elsif (m{\G(/[^/]*/)}gc)          { $code .= " $1 " }
            else { die "cannot read the condition: $condition\n" }
        }
    }
    my $result = eval $code;
    die "$condition: $@" if $@;
    return $result && !$unseen;
}

sub fill {
    my ($text, $facts) = @_;
    $text =~ s/\{([a-z0-9_.]+)\}/show(value($1, $facts) \/\/ '?')/ge;
    return $text =~ s/\b1 (piece|buffer|time|answer|thread|message|connection|job|line|poll|wake|clone|sleep|call|turn)s\b/1 $1/gr;
}

# ---- The verdict ----

# Of a run that was cut off or that a sanitizer stopped, what is not there says
# nothing, unless the rule is about just that.
sub speaks_of {
    my ($rule, $f) = @_;
    my $is_clean = $f->{ended} eq 'exit' && $f->{report} eq '' && $f->{scene};
    return $is_clean || $rule->{condition} =~ /\b(ended|report|signal|status|scene)\b/;
}

# RETURNS the id of the verdict, 'pass' or a rule's, and its words.
sub judge {
    my ($spec, $f) = @_;
    for my $rule (grep({ $_->{kind} eq 'not' } @{ $spec->{rules} }), @general) {
        return ($rule->{id}, fill($rule->{text}, $f)) if speaks_of($rule, $f) && holds($rule->{condition}, $f);
    }
    for my $rule (grep { $_->{kind} eq 'need' } @{ $spec->{rules} }) {
        return ($rule->{id}, fill($rule->{text}, $f)) if !holds($rule->{condition}, $f);
    }
    my ($unseen) = grep { !defined $f->{ $_->[0] } } @{ $spec->{see} };
    return ('unseen', "No line told '$unseen->[0]', as one should.") if $unseen;
    return ('pass', fill($spec->{pass} // 'It does what it should.', $f));
}

1;
