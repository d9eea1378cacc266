# Message.pm: messages, and texts of a file on a terminal.
package Message;
use strict;
use warnings;
use utf8;

use Exporter qw(import);

our @EXPORT_OK = qw(fail visible quoted);

# Ends the program. The caller, scripts/demo, puts the name of the file in front.
sub fail
{
	my ($message) = @_;
	die "$message\n";
}

# A control character could make a terminal write, move or hide text. It is shown
# by its number. So is a character that turns the direction of writing.
sub visible
{
	my ($text) = @_;
	return $text if $text !~ /[^\x20-\x7e]/;
	my $is_decoded = utf8::is_utf8($text);
	utf8::decode($text) if !$is_decoded;
	$text =~ s/([\x00-\x1f\x7f-\x9f])/sprintf '\\x%02X', ord $1/ge;
	$text =~ s/([\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}\x{feff}])/sprintf '\\u%04X', ord $1/ge;
	utf8::encode($text);
	return $text;
}

# The first 40 characters of a value, in quotes, for a message.
sub quoted
{
	my ($value) = @_;
	utf8::decode($value);
	$value = substr($value, 0, 40) . '...' if length $value > 43;
	return '"' . visible($value) . '"';
}

1;
