# Values that the first release and later ones stored are read for ever.
# test/stored/values.tsv has what each looked like, as text and as bytes, and how
# a question about it was answered. test/stored/add adds values, and nobody
# changes a line. Both forms are stored in a table and read from it: they are the
# same value, and the answer is the same.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session qw($database answers runs);

my $folder = tempdir(CLEANUP => 1);
my (%values, %count);
open my $lines, '<', "$FindBin::Bin/../stored/values.tsv" or die;
while (my $line = <$lines>)
{
	chomp $line;
	my ($version, $type, $bytes, $text, $question, $answer) = split /\t/, $line, -1;
	push @{ $values{$type} }, { line => $., bytes => $bytes, text => $text, question => $question, answer => $answer };
	$count{$version}++;
}
cmp_ok($count{'0.2.0'} // 0, '>=', 50, 'the values of the first release are all there');

sub quoted
{
	my ($text) = @_;
	$text =~ s/'/''/g;
	return "'$text'";
}

# The values of a type that have a binary form, as a file for COPY.
sub binary_file
{
	my ($name, @of) = @_;
	open my $file, '>:raw', "$folder/$name" or die;
	print $file "PGCOPY\n\xff\r\n\0", pack('N2', 0, 0);
	for my $value (@of)
	{
		my $bytes = pack 'H*', $value->{bytes};
		print $file pack('n N N N', 2, 4, $value->{line}, length $bytes), $bytes;
	}
	print $file pack 'n', 0xffff;
	close $file;
	return "$folder/$name";
}

$database = "crm_stored_values_$$";
system("createdb $database") == 0 or die;
runs(undef, 'CREATE EXTENSION crm', 'the extension is there');
my $n = 0;
for my $type (sort keys %values)
{
	my @all = @{ $values{$type} };
	my $table = 'of_' . $n++;
	my $file = binary_file($table, grep { $_->{bytes} ne '-' } @all);
	runs(undef, join("\n", "CREATE TABLE $table (line int PRIMARY KEY, v $type);", "CREATE TABLE ${table}_text (LIKE $table);",
		"\\copy $table FROM '$file' BINARY",
		map { "INSERT INTO ${table}_text VALUES ($_->{line}, " . quoted($_->{text}) . ');' } @all), "$type reads its old values");
	answers(undef, "SET search_path = crm, public; SELECT line FROM $table b JOIN ${table}_text t USING (line) WHERE b.v IS DISTINCT FROM t.v", '',
		"bytes of $type mean what the text means");
	# Where there are no lasting bytes, those of today stand in.
	runs(undef, "INSERT INTO $table SELECT * FROM ${table}_text ON CONFLICT DO NOTHING", "$type is stored");
	for my $value (@all)
	{
		answers(undef, "SELECT ($value->{question})::text FROM $table WHERE line = $value->{line}", $value->{answer},
			"line $value->{line}: $type answers as before");
	}
}
answers(undef, q{SELECT format_type(oid, NULL) FROM pg_type t
	WHERE typnamespace = 'crm'::regnamespace AND typelem = 0 AND typtype IN ('b', 'c', 'd')
	  AND (typtype <> 'c' OR (SELECT relkind = 'c' FROM pg_class WHERE oid = t.typrelid))
	  AND oid <> ALL (ARRAY[} . join(', ', map { quoted($_) . '::regtype' } sort keys %values) . '])', '',
	'each type has values');
system("dropdb $database") == 0 or die;
done_testing();
