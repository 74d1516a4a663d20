# The spec of an exercise: what it must print, what must hold, and what to say to
# each classic mistake. CONTRIBUTING.md describes the language.
package Spec;
use strict;
use warnings;
use Text;
use Exporter 'import';
our @EXPORT = qw(spec all_ids frame_of);

# The keys that take one line.
my %keys = map { $_ => 1 }
  qw(title minutes replaces sanitize predict start cpu picture);

# A line without an indent begins something; the lines below it belong to it.
# RETURNS where they go, as a reference to a text, or 'prints'.
sub begin {
    my ($spec, $line) = @_;
    if ($line =~ /^prints$/) { return 'prints' }
    if ($line =~ /^(not|need) ([-a-z0-9]+): (.+)/) {
        push @{ $spec->{rules} }, { kind => $1, id => $2, condition => $3, text => '' };
        return \$spec->{rules}[-1]{text};
    }
    if ($line =~ /^hint\s+(.*)/) {
        push @{ $spec->{hints} }, $1;
        return \$spec->{hints}[-1];
    }
    if ($line =~ /^order\s+(.*?) < (.*)/) { push @{ $spec->{order} }, [$1, $2]; return }
    if ($line =~ /^see\s+(\S+)\s+(.*)/)   { push @{ $spec->{see} },   [$1, $2]; return }
    if ($line =~ /^pass$/) { $spec->{pass} = ''; return \$spec->{pass} }
    if ($line =~ /^([a-z]+)\s+(.*)/ && $keys{$1}) { $spec->{$1} = $2; return }
    die "$spec->{id}: cannot read this line of its spec: $line\n";
}

sub add {
    my ($spec, $to, $text) = @_;
    die "$spec->{id}: nothing takes this line: $text\n" if !defined $to;
    if (ref $to) { $$to .= ($$to eq '' ? '' : ' ') . $text; return }
    my ($line, $any) = $text =~ /^(.*?)( ~)?$/; # ~: in any order with its neighbours
    push @{ $spec->{prints} }, [$line, $any];
}

# RETURNS the spec, as a hash. Dies of an exercise that does not exist.
sub spec {
    my ($id) = @_;
    my ($number, $letter) = ($id // '') =~ /^(\d\d)([a-z])$/
      or die "there is no exercise '" . ($id // '') . "'; they are named as 01a\n";
    my ($chapter) = glob "$number-*";
    my $directory = ($chapter // '') . "/exercises/$letter";
    -e "$directory/spec" or die "there is no exercise $id yet\n";
    my %spec = (id => $id, chapter => $chapter, dir => $directory,
        yours => "$chapter/exercises/$id.c", map { $_ => [] } qw(hints prints rules see order));
    my $to;
    for (split /\n/, slurp("$directory/spec")) {
        next if /^#/ || /^\s*$/;
        if (/^\s+(.*)/) { add(\%spec, $to, $1) }
        else            { $to = begin(\%spec, $_) }
    }
    return \%spec;
}

sub all_ids {
    return sort map { m{^(\d\d)-.*/exercises/([a-z])/spec$} ? "$1$2" : () }
      glob '[0-9]*/exercises/*/spec';
}

# What is outside of the part that the reader writes.
sub frame_of {
    my ($text) = @_;
    $text =~ s{^// ---- your part ----\n.*?^// ---- to here ----\n}{}msg;
    return $text;
}

1;
