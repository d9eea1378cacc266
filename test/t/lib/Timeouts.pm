# How soon a statement must end after its statement_timeout. The time allowed is
# 0.3 s, and longer on a machine that is slow or busy: it grows with the time that a
# plain query of the server takes at that moment.
package Timeouts;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT_OK = qw($allowed slowness);

our $allowed = 300; # milliseconds after the timeout
my $usual = 150; # milliseconds of the plain query, at most, on a fast machine

# How much slower than a fast machine this one is at this moment, at least 1. The
# function runs a statement without a timeout and returns its milliseconds.
sub slowness
{
	my ($run) = @_;
	my $time = $run->('SELECT sum(i) FROM generate_series(1, 1000000) i');
	return $time > $usual ? $time / $usual : 1;
}

1;
