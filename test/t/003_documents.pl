# The SQL of the README and of the pages in docs runs as it stands, block
# after block, on the tables that their reader is supposed to have.
use strict;
use warnings;

use File::Basename qw(dirname);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session qw($database run_file);

my $top = dirname(__FILE__) . '/../..';
$database = "crm_documents_$$";

# 3000 customers with rates, times of leaving and mean amounts of their own.
my $orders = q{
SELECT setseed(0.3);
CREATE TABLE orders AS
SELECT row_number() OVER () AS order_id, customer AS customer_id,
	   timestamptz '2022-01-03 12:00' + 7 * (start + week) * interval '1 day' AS ordered_at,
	   round((mean * (0.5 + random()))::numeric, 2) AS amount
  FROM (SELECT customer, random() ^ 3 * 0.5 AS rate, -60 * ln(random()) AS weeks, 5 - 20 * ln(random()) AS mean, (random() * 50)::int AS start
		  FROM generate_series(1, 3000) customer) c, generate_series(0, 100) week
 WHERE week = 0 OR (week < weeks AND random() < rate);
};
my $histories = $orders . q{
CREATE EXTENSION crm;
CREATE TABLE customer_history AS
SELECT customer_id, crm.history_agg((ordered_at - interval '25 years')::date, amount) AS history FROM orders GROUP BY 1;
};

for ([ 'README.md', $orders ], [ 'docs/functions.md', $orders ], [ 'docs/models.md', $histories ])
{
	my ($document, $setup) = @$_;
	system("createdb $database") == 0 or die;
	my ($ok, $output) = run_file($setup, '-d', $database);
	ok($ok, "$document: the reader's tables") or diag($output);
	open(my $text, '<', "$top/$document") or die "$document: $!";
	my @blocks = do { local $/; <$text> } =~ /^```sql\n(.*?)^```/msg;
	cmp_ok(scalar @blocks, '>', 2, "$document has SQL");
	# One session, as the reader has; the number of a block that ran is printed.
	($ok, $output) = run_file(join('', map { "$blocks[$_]\n\\echo block $_ ran\n" } 0 .. $#blocks), '-d', $database);
	like($output, qr/^block $_ ran$/m, "$document: block $_ runs") or diag($output) for 0 .. $#blocks;
	system("dropdb $database") == 0 or die;
}
done_testing();
