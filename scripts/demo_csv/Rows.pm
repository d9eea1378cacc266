# Rows.pm: the rows of a CSV file, whatever program wrote it.
#
# The bytes of the file decide, not its name: gzip begins with 1f 8b, UTF-16
# with a mark or with a zero in every second byte. gzip and iconv turn the bytes
# into UTF-8. A row is a list of fields, still as bytes of UTF-8.
#
# Only modules of Debian's package perl-base are used, because a file is read
# before anything is installed.
package Rows;
use strict;
use warnings;
use utf8;

use Message qw(fail visible);

# A quote that is never closed would make one row of all that follows it.
use constant { LONGEST_ROW => 1 << 20, MOST_LINES => 1000 };

my %delimiter_named = (comma => ',', semicolon => ';', tab => "\t", pipe => '|');

# Options: delimiter and encoding, each empty where it is to be found.
sub new
{
	my ($class, $file, %option) = @_;
	my $rows = bless { file => $file, line => 0 }, $class;
	my $beginning = beginning($rows->plain_command);
	$rows->refuse_other_files($beginning);
	my @command = $rows->decoded_command($beginning, $option{encoding});
	$beginning = beginning(@command);
	$rows->{stream} = stream(@command);
	$rows->{line_end} = line_end($beginning);
	$rows->{delimiter} = delimiter($option{delimiter});
	return $rows;
}

# How files begin that only other programs unpack.
my %packed = (bzip2 => 'BZh', xz => "\xfd7zX", zstd => "\x28\xb5\x2f\xfd");

# The command that prints the file, unpacked if it is packed.
sub plain_command
{
	my ($rows) = @_;
	open my $file, '<:raw', $rows->{file} or fail("$rows->{file}: $!");
	read $file, my $magic, 4;
	fail("is empty") if $magic eq '';
	my ($packer) = grep { index($magic, $packed{$_}) == 0 } sort keys %packed;
	fail("is packed by $packer. Unpack it, then call again") if $packer;
	fail('is a spreadsheet or a zip file. Save it as CSV, then call again') if $magic eq "PK\3\4";
	return ($magic =~ /^\x1f\x8b/ ? ('gzip', '-dc') : ('cat'), '--', $rows->{file});
}

sub stream
{
	my (@command) = @_;
	my $text = join ' ', map { $_ eq '|' ? $_ : "'" . s/'/'\\''/gr . "'" } @command;
	open my $stream, '-|:raw', 'bash', '-c', "set -o pipefail; exec 2>/dev/null; $text" or fail($!);
	return $stream;
}

# The first 64 kB that a command prints.
sub beginning
{
	my (@command) = @_;
	my $stream = stream(@command);
	my $text = '';
	1 while length $text < 65536 && read $stream, $text, 65536 - length $text, length $text;
	close $stream;
	return $text;
}

sub refuse_other_files
{
	my ($rows, $beginning) = @_;
	fail('could not be unpacked: gzip finds no data in it') if $beginning eq '';
	fail('is a spreadsheet of an old version of Excel. Save it as CSV, then call again')
		if $beginning =~ /^\xd0\xcf\x11\xe0/;
	fail('is JSON or XML, not CSV') if $beginning =~ /^(?:\xef\xbb\xbf)?\s*(?:[\[{]\s*["{\[]|<)/;
	return;
}

sub decoded_command
{
	my ($rows, $beginning, $encoding) = @_;
	$encoding ||= utf16($beginning);
	$rows->{encoding} = $encoding || 'UTF-8';
	my @plain = $rows->plain_command;
	return @plain if !$encoding || $encoding =~ /^utf-?8$/i;
	my @command = (@plain, '|', 'iconv', '-f', $encoding, '-t', 'UTF-8');
	my $test = "iconv -f '$encoding' -t UTF-8 </dev/null >/dev/null 2>&1";
	return @command if $encoding =~ /^[\w.:-]+$/a && system($test) == 0;
	fail('--encoding ' . visible($encoding) . ': iconv knows no such encoding (see iconv -l)');
}

# UTF-16 by its mark, or by the zeros beside the ASCII characters of a CSV.
sub utf16
{
	my ($text) = @_;
	return 'UTF-16' if $text =~ /^(?:\xff\xfe|\xfe\xff)/;
	my ($even, $odd) = (0, 0);
	for my $position (0 .. (length $text < 2000 ? length $text : 2000) - 1)
	{
		next if substr($text, $position, 1) ne "\0";
		$position % 2 ? $odd++ : $even++;
	}
	return 'UTF-16LE' if $odd > 4 && $odd > 8 * $even;
	return 'UTF-16BE' if $even > 4 && $even > 8 * $odd;
	fail('is not a text: it has zero bytes') if $even + $odd > 0;
	return '';
}

# Old programs of the Macintosh end lines by a carriage return alone.
sub line_end
{
	my ($text) = @_;
	return $text =~ /\r(?!\n)/ && $text !~ /\n/ ? "\r" : "\n";
}

sub delimiter
{
	my ($given) = @_;
	return '' if ($given // '') eq '';
	my $delimiter = $delimiter_named{$given} // ($given eq '\t' ? "\t" : $given);
	fail('--delimiter ' . visible($given)
		. ': write one character, or one of comma, semicolon, tab, pipe')
		if length $delimiter != 1 || $delimiter =~ /["\r\n\x80-\xff]/;
	return $delimiter;
}

# The names of the columns. A line such as "sep=;" before them is for Excel.
sub header
{
	my ($rows) = @_;
	my $line = $rows->next_line;
	$line = $rows->next_line while defined $line && $line =~ /^\s*$/;
	fail('has no rows') if !defined $line;
	if ($line =~ /^"?sep=(.)"?$/i)
	{
		$rows->{delimiter} ||= $1;
		$line = $rows->next_line // fail('has no header after the line sep=');
	}
	$rows->{delimiter} ||= likeliest_delimiter($line);
	my $fields = $rows->complete($line);
	pop @$fields while @$fields > 1 && $fields->[-1] =~ /^\s*$/;
	$rows->{width} = @$fields;
	return map { my $name = $_; utf8::decode($name); $name =~ s/^\s+|\s+$//g; $name } @$fields;
}

# The header has the delimiter more often than the other candidates. Quoted names
# do not count.
sub likeliest_delimiter
{
	my ($line) = @_;
	$line =~ s/"[^"]*"//g;
	my ($best, $most) = (',', 0);
	for my $delimiter (',', ';', "\t", '|')
	{
		my $count = () = $line =~ /\Q$delimiter\E/g;
		($best, $most) = ($delimiter, $count) if $count > $most;
	}
	return $best;
}

# The next row that is not empty, as (number of its line, fields); at the end
# an empty list.
sub next_row
{
	my ($rows) = @_;
	while (defined(my $text = $rows->next_line))
	{
		next if $text eq '';
		my $line = $rows->{line};
		my $fields = $rows->complete($text);
		next if !grep { $_ ne '' } @$fields;
		$rows->check_width($line, $fields) if @$fields != $rows->{width};
		return ($line, $fields);
	}
	$rows->finish;
	return;
}

sub finish
{
	my ($rows) = @_;
	return if close $rows->{stream};
	fail("could not be read to its end after line $rows->{line}: "
		. 'it is damaged, or its encoding is not ' . visible($rows->{encoding}) . ' (--encoding)');
}

# Empty fields at the end come from spreadsheets and do no harm.
sub check_width
{
	my ($rows, $line, $fields) = @_;
	my $width = $rows->{width};
	return if @$fields > $width && !grep { /\S/ } @$fields[$width .. $#$fields];
	$rows->finish if eof $rows->{stream}; # the last row of a damaged file
	my $hint = @$fields > $width && $rows->{delimiter} eq ','
		? 'a decimal comma needs quotes or another delimiter:' : 'is the delimiter right?';
	fail(sprintf 'line %d has %d field%s, but the header has %d (%s --delimiter names it)',
		$line, scalar @$fields, @$fields == 1 ? '' : 's', $width, $hint);
}

sub next_line
{
	my ($rows) = @_;
	local $/ = $rows->{line_end};
	my $line = readline $rows->{stream};
	return if !defined $line;
	$rows->{line}++;
	chomp $line;
	$line =~ s/\r\z//;
	$line =~ s/^\xef\xbb\xbf// if $rows->{line} == 1;
	$rows->check_text($line) if $line =~ /[\x80-\xff]/;
	return $line;
}

sub check_text
{
	my ($rows, $line) = @_;
	my $copy = $line;
	return if utf8::decode($copy) && $line !~ /\xed[\xa0-\xbf]|\xf4[\x90-\xbf]|[\xf5-\xff]/;
	fail("line $rows->{line}: the text is not UTF-8. Name its encoding, for example "
		. '--encoding windows-1252 (Western Europe) or --encoding gb18030 (Chinese)');
}

# The fields of a row, with the lines that belong to it because a quote is open.
sub complete
{
	my ($rows, $text) = @_;
	my $start = $rows->{line};
	my $fields = fields($text, $rows->{delimiter});
	while (!$fields)
	{
		my $more = $rows->next_line;
		fail("line $start: a quote opens a field and is never closed")
			if !defined $more || length $text > LONGEST_ROW || $rows->{line} - $start > MOST_LINES;
		$text .= "\n$more";
		$fields = fields($text, $rows->{delimiter}) if $more =~ /"/;
	}
	return $fields;
}

# undef where a quote is open at the end. A quote inside a field is a character.
sub fields
{
	my ($text, $delimiter) = @_;
	return [ split /\Q$delimiter\E/, $text, -1 ] if index($text, '"') < 0;
	my @fields;
	pos($text) = 0;
	do
	{
		my $field = '';
		if ($text =~ /\G[ ]*"/gc)
		{
			$text =~ /\G([^"]*(?:""[^"]*)*)"/gc or return;
			$field = $1 =~ s/""/"/gr;
		}
		$text =~ /\G([^\Q$delimiter\E]*)/gc;
		push @fields, $field . $1;
	} while ($text =~ /\G\Q$delimiter\E/gc);
	return \@fields;
}

1;
