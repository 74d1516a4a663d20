# How far the reader is: .progress, a line for each exercise.
package Progress;
use strict;
use warnings;
use Text;
use Exporter 'import';
our @EXPORT = qw(progress_read progress_write);

my $path = '.progress';

sub progress_read {
    my %all;
    for (split /\n/, slurp($path)) {
        next if /^#/;
        my ($id, @values) = split ' ';
        $all{$id} = {@values} if $id && @values % 2 == 0;
    }
    return \%all;
}

# A new file takes the place of the old one, so that no cut leaves half of it.
sub progress_write {
    my ($all) = @_;
    open my $file, '>', "$path.new" or die "$path.new: $!\n";
    print $file "# How far you are, a line for each exercise. You may delete any.\n";
    for my $id (sort keys %$all) {
        my $values = $all->{$id};
        print $file join(' ', $id, map { ($_, $values->{$_}) } sort keys %$values), "\n";
    }
    close $file or die "$path.new: $!\n";
    rename "$path.new", $path or die "$path: $!\n";
}

1;
