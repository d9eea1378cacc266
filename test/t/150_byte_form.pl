# The byte form of a history: the vectors in the manual, and the reader in
# Python against the text form, for thousands of random histories. Their days
# and amounts reach the limits of the type.
use strict;
use warnings;

use File::Temp qw(tempfile);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session qw($database answers runs);

plan skip_all => 'no python3 here' if system('command -v python3 >/dev/null') != 0;

my $top = "$FindBin::Bin/../..";
$database = "crm_byte_form_$$";
system("createdb $database") == 0 or die;
runs(undef, 'CREATE EXTENSION crm', 'the extension is there');

# What the reader makes of lines "bytes TAB text". It prints where they differ.
sub reads
{
	my ($lines) = @_;
	local $ENV{PYTHONPATH} = "$top/integrations/python";
	my ($file, $name) = tempfile(UNLINK => 1);
	print $file $lines;
	close $file;
	return scalar qx(python3 -B '$FindBin::Bin/lib/byte_form.py' <$name 2>&1);
}

my $manual = do { local (@ARGV, $/) = "$top/sql/10_history.sql"; <> };
my @vectors = $manual =~ /^--\| \| `([0-9a-f]+)` \| `(\[.*\])` \|$/mg;
cmp_ok(@vectors / 2, '>=', 7, 'the manual has vectors');
my $lines = '';
while (my ($bytes, $text) = splice @vectors, 0, 2)
{
	answers(undef, "SELECT encode('$text'::crm.history::bytea, 'hex')", $bytes, "$text has the bytes of the manual");
	$lines .= "$bytes\t$text\n";
}
is(reads($lines), 7 . " histories, 0 differ\n", 'the reader reads the vectors');
like(reads("20\t[]\n"), qr/ValueError: form 2 of crm.history: this reader knows form 1/, 'the reader refuses another form');
like(reads("12ae47\t[]\n"), qr/Error/, 'the reader refuses bytes that end inside an entry');

# A kind of history for each n % 8, with up to 40 entries. The days of one are
# different, as an aggregate needs them only for the purchases.
my $random = runs(undef, q{
SET seed = 0.14;
COPY (
	WITH drawn AS (
		SELECT n, n % 8 AS kind, n % 9 AS scale, random() AS a, random() AS b, random() AS c
		  FROM generate_series(1, 5000) AS n, generate_series(0, n * 7 % 41) AS m
	), entry AS (
		SELECT n,
			   CASE kind WHEN 0 THEN date '4714-11-24 BC' + (a * 40)::int
			   WHEN 1 THEN date '5874897-12-31' - (a * 40)::int
			   WHEN 2 THEN date '4714-11-24 BC' + (a * 2147483493)::int
			   WHEN 3 THEN date '1999-12-25' + (a * 14)::int
			   ELSE date '1990-01-01' + (a * 15000)::int END AS day,
			   round((CASE WHEN b < 0.2 THEN -1 WHEN b < 0.25 THEN 0 ELSE 1 END
					  * (10 ^ (c * CASE WHEN kind = 4 THEN 16 ELSE 5 END))::numeric) / 10::numeric ^ scale, scale) AS amount
		  FROM drawn
	), history AS (
		SELECT n, crm.history_agg(day, amount) AS history FROM entry GROUP BY n
		UNION ALL
		SELECT -1, crm.history_agg(date '2025-01-01' + n % 3, amount)
		  FROM generate_series(1, 100000) AS n, (VALUES (0.01), (-0.02)) AS v (amount)
		UNION ALL
		SELECT -2, crm.history_agg(day, sign * 500000000000000000)
		  FROM (VALUES (date '2025-01-01', 1), ('2025-01-01', 1)) AS v (day, sign)
	)
	SELECT encode(history::bytea, 'hex'), history FROM history
) TO STDOUT}, 'random histories are made');
is(($random =~ tr/\n//) + 1, 5002, 'all histories are there');
is(reads("$random\n"), "5002 histories, 0 differ\n", 'the reader reads all of them as their text says');
cmp_ok(scalar(() = $random =~ /\d\d [B]C/g), '>', 100, 'days before the year 1 are among them');
cmp_ok(scalar(() = $random =~ /,0,-/g), '>', 100, 'refunds are among them');
like($random, qr/5874897-12-31/, 'the last day of all is among them');

answers(undef, q{SELECT count(*) FROM (SELECT '[["2025-01-03",1,1000000000000000000]]'::crm.history AS h) AS t
	WHERE h::text::crm.history OPERATOR(crm.=) h}, 1, 'the largest amount of all can be read back');
answers(undef, q{SELECT to_jsonb(t), jsonb_agg(h), row_to_json(t) FROM (SELECT '[["2025-01-03",2,1.50]]'::crm.history AS h) AS t GROUP BY t.*},
	'{"h": [["2025-01-03", 2, 1.50]]}|[[["2025-01-03", 2, 1.50]]]|{"h":[["2025-01-03",2,1.50]]}',
	'a history within json is an array');
answers(undef, q{SELECT h::json, h::json::crm.history OPERATOR(crm.=) h FROM (SELECT '[["2025-01-03",2,1.50]]'::crm.history AS h) AS t},
	'[["2025-01-03",2,1.50]]|t', 'a history becomes json and comes back');
system("dropdb $database") == 0 or die;
done_testing();
