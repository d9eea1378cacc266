# The SQL of the README runs as it stands, on a table of orders as its reader
# may have one.
use strict;
use warnings;

use File::Basename qw(dirname);
use File::Temp qw(tempfile);
use Test::More;

my $database = "crm_readme_$$";
system("createdb $database") == 0 or die;

sub psql
{
	my ($sql) = @_;
	my ($file, $name) = tempfile(UNLINK => 1);
	print $file $sql;
	close $file;
	my $output = qx(psql -XqAt -v ON_ERROR_STOP=1 -d $database -f $name 2>&1);
	return ($? == 0, $output);
}

my ($ok, $output) = psql(q{
SELECT setseed(0.3);
CREATE TABLE orders AS
SELECT customer AS customer_id, timestamptz '2022-01-03 12:00' + 7 * (start + week) * interval '1 day' AS ordered_at,
	   round((mean * (0.5 + random()))::numeric, 2) AS amount
  FROM (SELECT customer, random() ^ 3 * 0.5 AS rate, -60 * ln(random()) AS weeks, 5 - 20 * ln(random()) AS mean, (random() * 50)::int AS start
		  FROM generate_series(1, 3000) customer) c, generate_series(0, 100) week
 WHERE week = 0 OR (week < weeks AND random() < rate);
});
ok($ok, 'a table of orders') or diag($output);

open(my $readme, '<', dirname(__FILE__) . '/../../README.md') or die;
my @blocks = do { local $/; <$readme> } =~ /^```sql\n(.*?)^```/msg;
cmp_ok(scalar @blocks, '>', 2, 'the README has SQL');
for my $i (0 .. $#blocks)
{
	($ok, $output) = psql($blocks[$i]);
	ok($ok, 'block ' . ($i + 1) . ' runs') or diag($output);
}
my ($answers) = (psql('SELECT count(*) FROM customer_history'))[1];
is($answers, "3000\n", 'and has made a history for each customer');

system("dropdb $database");
done_testing();
