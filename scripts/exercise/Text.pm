# Small things that all parts of the judge need.
package Text;
use strict;
use warnings;
use Exporter 'import';
our @EXPORT = qw(slurp show wrapped);

# RETURNS the text of a file; of one that is not there, nothing.
sub slurp {
    open my $file, '<', $_[0] or return '';
    local $/;
    return scalar <$file> // '';
}

# A number as one reads it: 0.20, 1,234.
sub show {
    my ($v) = @_;
    return sprintf '%.2f', $v if $v =~ /^\d+\.\d+$/;
    return $v if $v !~ /^\d+$/;
    1 while $v =~ s/^(\d+)(\d{3})/$1,$2/;
    return $v;
}

# Lines of at most 76 columns.
sub wrapped {
    my ($text, $indent) = @_;
    my ($out, $line) = ('', '');
    for (split ' ', $text) {
        if (length($line) + length > 75 - $indent) {
            $out .= ' ' x $indent . "$line\n";
            $line = '';
        }
        $line .= ($line eq '' ? '' : ' ') . $_;
    }
    return $out . ' ' x $indent . "$line\n";
}

1;
