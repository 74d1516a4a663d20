# One answer, from its source to its verdict. Where threads meet there are two
# builds, since no sanitizer sees everything: the first that is not a pass counts.
package Verdict;
use strict;
use warnings;
use Program;
use Facts;
use Judge;
use Exporter 'import';
our @EXPORT = qw(verdict_of sanitizers);

sub sanitizers { return split / *\| */, $_[0]{sanitize} // 'address,undefined' }

# RETURNS {id, words, facts, base}, or {id => 'compile', log}.
sub verdict_of {
    my ($spec, $source, $out, $define) = @_;
    my $last;
    for my $sanitize (sanitizers($spec)) {
        my ($program, $log) = build_answer($spec, $source, $out, $sanitize, $define);
        return { id => 'compile', log => $log } if !$program;
        my $run = run_program($spec, $program);
        my $f   = facts($spec, $run, $source);
        my ($id, $words) = judge($spec, $f);
        $last = { id => $id, words => $words, facts => $f, base => $run->{base}, log => $log };
        last if $id ne 'pass';
    }
    return $last;
}

1;
