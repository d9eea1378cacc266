# Whatever runs for long can be stopped at once, and the session goes on.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

my $database = "crm_interrupt_$$";
system("createdb $database") == 0 or die;

# The time that a statement took to be stopped, after what it needs.
sub seconds_until_stopped
{
	my ($prepare, $statement) = @_;
	my @commands = map { "-c \"$_\"" } ($prepare ? $prepare : (),
		'SET statement_timeout = 100', '\\timing on', $statement, 'SET statement_timeout = 0', 'SELECT 40 + 2');
	my $output = qx(psql -XAt -d $database @commands 2>&1);
	my ($milliseconds) = $output =~ /canceling statement due to statement timeout.*?Time: ([0-9.]+) ms/s;
	ok($output =~ /^42$/m, 'the session goes on') or diag($output);
	return defined $milliseconds ? $milliseconds / 1000 : undef;
}

system(qq(psql -Xq -d $database -c "CREATE EXTENSION crm" -c "
CREATE UNLOGGED TABLE summary AS
SELECT floor(random() ^ 4 * 60)::bigint AS x, random() AS share, 50 + random() * 1000 AS t FROM generate_series(1, 600000)" -c "
CREATE UNLOGGED TABLE customer_history AS
SELECT crm.history_agg(date '2020-01-01' + (random() * 900)::int, 9.99) AS history
  FROM generate_series(1, 100000) c, generate_series(1, 5) GROUP BY c")) == 0 or die;

my $fit = "SELECT crm.fit_purchases('bg_nbd', 'day', x, CASE WHEN x > 0 THEN share * t ELSE 0 END, t) FROM summary";
for ([ 'a fit of 600 000 distinct customers', $fit ],
	[ 'a history of 20 million purchases', q(SELECT crm.history_agg(date '2020-01-01' + i % 5000, 1.5) FROM generate_series(1, 20000000) i) ],
	[ 'the building of histories', q(SELECT count(*) FROM crm.build_histories('SELECT i % 900000, date ''2020-01-01'', 1.5 FROM generate_series(1, 9000000) i') AS (customer int, history crm.history)) ],
	[ 'a rollup of many histories', q(SELECT crm.rollup(history) FROM customer_history, generate_series(1, 100)) ],
	[ 'RFM thresholds', q(SELECT crm.rfm_thresholds_agg(history, '2023-01-01', 5) FROM customer_history, generate_series(1, 100)) ])
{
	my ($name, $statement) = @$_;
	my $seconds = seconds_until_stopped(undef, $statement);
	ok(defined $seconds && $seconds < 0.5, "$name stops within half a second of a timeout of 0.1 s")
	  or diag($seconds // 'it was not stopped');
}
system("dropdb $database");
done_testing();
