# Values.pm: dates and amounts as people and programs write them.
#
# "03/04/2024" and "1,234" have two meanings each. So all values of the file are
# seen first: a value that has one meaning only votes for it. The majority says
# how the rest is read, and a value that contradicts it is an error. Where no
# value votes, the user has to say what holds.
package Values;
use strict;
use warnings;
use utf8;

use Exporter qw(import);

our @EXPORT_OK = qw(date_parts date_vote day bare_number number_vote number majority);

my $clock = qr/(?:[上下]午\s?)?(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?:\s?[AaPp]\.?[Mm]\.?)?/;
my $zone = qr{Z|[A-Za-z_]+(?:/[\w+-]+)*|(?:UTC|GMT)?[+-]\d{1,2}(?::?\d{2})?};
my $time = qr/(?:T|,?\s+)$clock(?:\s*$zone)?(?:\s*\[$zone\])?/;

# How the names of months begin, in English, German, French and Spanish.
my @months = ([qw(jan ene jän)], [qw(feb fév fev)], [qw(mar mär mrz)], [qw(apr avr abr)], [qw(may mai)],
	[qw(jun juin)], [qw(jul juil)], [qw(aug aoû aou ago)], [qw(sep)], [qw(oct okt)], [qw(nov)],
	[qw(dec déc dez dic)]);
my %month_named = map { my $number = $_; map { $_ => $number } @{ $months[ $number - 1 ] } } 1 .. 12;
my $month_names = join '|', map { @$_ } @months;
my $month = qr/(?i:($month_names)\p{L}*)/;
my $of = qr{\.?[ /-](?:del? )?}; # a Spanish date says "de" between its parts

# Spreadsheets count days from 1899-12-30.
use constant DAYS_UNTIL_1970 => 25569;

# A currency stands before or after the number, as a sign or as letters.
my $currency = qr/(?:[A-Z]{0,3}\p{Sc}|[A-Z]{3}|kr\.?|Kr\.?|zł|Kč|Ft|Fr\.?|Rs\.?|元|円)/;

# The three numbers of a date, and their order as far as the form tells it: "ymd", "dots"
# (the day is first by custom), "unknown"; or a day since 1970 as "count".
# Nothing where the text is no date. A zone does not move the day.
sub date_parts
{
	my ($value) = @_;
	utf8::decode($value);
	return ('count', int($1 / 86400)) if $value =~ /^(\d{9,10})(?:\.\d*)?$/;
	return ('count', int($1 / 86400000)) if $value =~ /^(\d{13})$/;
	return ('count', int($1 - DAYS_UNTIL_1970)) if $value =~ /^(\d{5})(?:\.\d*)?$/;
	return ('ymd', $1, $2, $3) if $value =~ /^(\d{4})(\d\d)(\d\d)(?:T?\d{4}(?:\d\d)?Z?)?$/;
	return ('ymd', $1, $3, $4) if $value =~ m{^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})$time?$};
	return ('ymd', $1, $2, $3) if $value =~ /^(\d{4})年(\d{1,2})月(\d{1,2})日\s*(?:$clock)?$/;
	return ('dots', $1, $2, $3) if $value =~ /^(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4}|\d\d)$time?$/;
	return ('ymd', $3, $month_named{ lc $2 }, $1) if $value =~ /^(?:\p{L}+\.?,?\s+)?(\d{1,2})(?:er)?$of$month,?$of(\d{4}|\d\d)$time?$/;
	return ('ymd', $3, $month_named{ lc $1 }, $2) if $value =~ /^$month\.?\s+(\d{1,2}),?\s+(\d{4})$time?$/;
	return ('unknown', $1, $3, $4) if $value =~ m{^(\d{1,2})([-/])(\d{1,2})\2(\d{4}|\d\d)$time?$};
	return;
}

# "dmy" or "mdy", if the parts allow one order only.
sub date_vote
{
	my ($form, @part) = @_;
	return '' if ($form // '') ne 'unknown' || ($part[0] > 12) == ($part[1] > 12);
	return $part[0] > 12 ? 'dmy' : 'mdy';
}

# YYYY-MM-DD by the order; undef where there is no such day.
sub day
{
	my ($order, $form, @part) = @_;
	return civil($part[0]) if $form eq 'count';
	$order = 'ymd' if $form eq 'ymd';
	$order ||= 'dmy' if $form eq 'dots';
	my %at;
	@at{ split //, $order } = @part;
	$at{y} += $at{y} < 70 ? 2000 : 1900 if length $at{y} == 2;
	my $leap = $at{y} % 4 == 0 && ($at{y} % 100 != 0 || $at{y} % 400 == 0);
	my @days = (31, $leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);
	return if $at{y} < 1 || $at{m} < 1 || $at{m} > 12 || $at{d} < 1 || $at{d} > $days[ $at{m} - 1 ];
	return sprintf '%04d-%02d-%02d', @at{qw(y m d)};
}

# The day with this number, counted from 1970-01-01, in UTC.
sub civil
{
	my ($count) = @_;
	my (undef, undef, undef, $day, $month, $year) = gmtime 86400 * $count;
	return sprintf '%04d-%02d-%02d', $year + 1900, $month + 1, $day;
}

# The number without currency and spaces, with its sign in front; undef where
# the text is none. Parentheses and a minus at the end mean less than zero.
sub bare_number
{
	my ($value) = @_;
	return $value if $value =~ /^-?\d+(?:[.,]\d+)?$/;
	utf8::decode($value);
	$value =~ s/[\x{2212}\x{2013}\x{fe63}\x{ff0d}]/-/;
	$value =~ s/[\x{a0}\x{2007}\x{2009}\x{202f}]/ /g;
	my $negative = $value =~ s/^\((.*)\)$/$1/;
	$value =~ s/^([+-]?)\s*$currency\s*([+-]?)\s*(?=[\d.,])/$1$2/;
	$value =~ s/(?<=\d)\s*$currency$//;
	$negative ^= 1 if $value =~ s/^-\s*// || $value =~ s/(?<=\d)\s*-$//;
	$value =~ s/^\+//;
	$value =~ s/(?<=\d)[ '’](?=\d{3}(?!\d))//g;
	return if $value !~ /^[\d.,]{1,72}(?:[eE][+-]?\d{1,2})?$/a || $value !~ /\d/a;
	return $negative ? "-$value" : $value;
}

# "point" or "comma", if the number allows one decimal mark only; "either" where
# it needs to be known; else nothing.
sub number_vote
{
	my ($bare) = @_;
	my $commas = $bare =~ tr/,//;
	my $points = $bare =~ tr/.//;
	return '' if $commas + $points == 0;
	return rindex($bare, '.') > rindex($bare, ',') ? 'point' : 'comma' if $commas && $points;
	return $commas ? 'point' : 'comma' if $commas + $points > 1;
	return 'either' if $bare =~ /^-?[1-9]\d{0,2}[.,]\d{3}$/;
	return $commas ? 'comma' : 'point';
}

# As PostgreSQL reads it, by the decimal mark; undef where the number is not
# written with it. Groups have three digits, in India also two.
sub number
{
	my ($decimal, $bare) = @_;
	return $bare if $decimal ne 'comma' && $bare =~ /^-?\d{1,30}(?:\.\d{1,40})?$/a;
	$bare =~ tr/.,/,./ if $decimal eq 'comma';
	return if $bare !~ /^-?(?:\d{0,30}|\d{1,3}(?:,\d{2,3})*,\d{3})(?:\.\d{0,40})?(?:[eE][+-]?\d{1,2})?$/a;
	$bare =~ tr/,//d;
	$bare =~ s/\.(?=$|e)//i;
	return $bare =~ /^-?[.\d]*\d/ ? $bare : undef;
}

# The choice with most votes. The user's own comes first.
sub majority
{
	my ($given, $votes, @choices) = @_;
	return $given if $given ne '';
	my ($best) = sort { ($votes->{$b} // 0) <=> ($votes->{$a} // 0) } @choices;
	return $votes->{$best} ? $best : '';
}

1;
