# The chapter on scale: its SQL runs as it stands, on a server in front of two
# shards, which are other databases here. Then the histories, the model and every
# view are compared with those of one server, byte for byte.
use strict;
use warnings;

use File::Basename qw(dirname);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Reader qw(sql_blocks);
use Session qw($database run_file answers);

$database = "crm_scale_chapter_$$";
my @shards = map { "crm_shard_${_}_$$" } 0, 1;
my $socket = $ENV{PGHOST} // '/var/run/postgresql';
my $port = $ENV{PGPORT} // 5432;

sub block_runs
{
	my ($sql, $where, $name) = @_;
	my ($ok, $output) = run_file($sql, '-d', $where);
	ok($ok, $name) or diag($sql, $output);
	return $output;
}

sub explains
{
	my ($sql, $expected, $name) = @_;
	my (undef, $output) = run_file("SET enable_partitionwise_aggregate = on;
		EXPLAIN (VERBOSE, COSTS OFF) $sql", '-d', $database);
	like($output, $expected, $name);
}

my $document = dirname(__FILE__) . '/../../docs/scale.md';
# Those of Citus run in test/citus.
my %of_citus = map { $_ => 1 } sql_blocks($document, 'Citus');
my @blocks = grep { !$of_citus{$_} } sql_blocks($document);
cmp_ok(scalar @blocks, '>', 6, 'the chapter has SQL');

system("createdb $_") == 0 or die for $database, @shards;
# Refunds, days with two purchases, and customers with one purchase.
block_runs(q{SELECT setseed(0.6);
	CREATE TABLE all_orders AS
	SELECT (random() ^ 2 * 1500)::bigint AS customer_id,
		date '2023-01-01' + (random() * 900)::int AS ordered_on,
		(round((random() * 100 - 5)::numeric, 2)) AS amount FROM generate_series(1, 12000);
	CREATE INDEX ON all_orders (customer_id);}, $database, 'the orders of one server');
for my $block (@blocks)
{
	# The shards of the chapter are hosts. Here they are databases of this server.
	$block =~ s/host 'shard-\d\.example', dbname 'shard_(\d)'/host '$socket', port '$port',
		dbname '$shards[$1]'/g;
	my @where = $block =~ /^-- On each shard/ ? @shards : ($database);
	my ($begin) = $block =~ /^(?:--.*\n)?(.{0,60})/;
	my $output = '';
	$output .= block_runs($block, $_, "a block runs: $begin") for @where;
	unlike($output, qr/WARNING/, "no warning: $begin");
	like($output, qr/no triggers tell which customers change.*CALL crm\.refresh/s,
		'a NOTICE says what a workspace over shards needs')
		if $block =~ /attach\('shards'/;
}

explains('SELECT customer_id, crm.history_agg(ordered_on, amount) FROM far_orders GROUP BY 1',
	qr/Remote SQL: SELECT customer_id, crm\.history_agg.*GROUP BY 1.*Remote SQL: .*history_agg/s,
	'each shard builds its histories');
explains('SELECT customer_id, crm.history_agg(ordered_on, amount) FROM orders GROUP BY 1',
	qr/Append.*HashAggregate.*Scan on public\.orders_0.*HashAggregate.*Scan on public\.orders_1/s,
	'each partition is grouped alone');
for my $table ('histories', 'far_histories')
{
	answers(undef, "SELECT count(*) > 1000 FROM $table", 't', "$table has rows");
	answers(undef, "SELECT count(*) FROM (TABLE $table EXCEPT ALL SELECT customer_id,
		crm.history_agg(ordered_on, amount) FROM all_orders GROUP BY 1) d", '0',
		"$table are those of one server");
}
answers(undef, "SELECT (SELECT crm.fit_purchases('mbg_nbd', 'week', x, t_x, t, n)
	FROM (SELECT * FROM alike_0 UNION ALL SELECT * FROM alike_1) a)::text =
	(SELECT crm.fit_purchases('mbg_nbd', 'week', p.x, p.t_x, p.t) FROM histories,
		crm.repeat_purchases(history, '2024-12-31', 'week') p)::text", 't',
	'a fit to counts of the shards is the fit of one server');

block_runs(q{SELECT crm.attach('one', 'all_orders', customer => 'customer_id',
	at => 'ordered_on', amount => 'amount');
	CALL crm.refresh('one');
	SELECT crm.freeze_thresholds(w), crm.fit(w) FROM unnest('{one,parts,shards}'::text[]) w;},
	$database, 'a workspace over the same orders in one table');
my (undef, $views) = run_file(q{SELECT relname FROM pg_class
	WHERE relnamespace = 'one'::regnamespace AND relkind = 'v' ORDER BY 1}, '-d', $database);
my @views = grep { !/^(workspace_problem|refresh_progress)/ } split /\n/, $views;
cmp_ok(scalar @views, '>', 10, 'a workspace has views');
for my $view (@views)
{
	for my $other ('parts', 'shards')
	{
		answers(undef, "SET crm.as_of = '2024-12-31'; SELECT count(*) FROM (
			(TABLE one.$view EXCEPT ALL TABLE $other.$view) UNION ALL
			(TABLE $other.$view EXCEPT ALL TABLE one.$view)) d", '0',
			"$view over $other is that of one server");
	}
}
answers(undef, 'INSERT INTO orders VALUES (3, CURRENT_DATE, 5);
	SELECT count(*) FROM parts.customer_change', '1', 'a write to a partition is noted');
my ($ok, $problems) = run_file(q{INSERT INTO far_orders VALUES (3, CURRENT_DATE, 5);
	CALL crm.refresh('shards') \g /dev/null
	SELECT problem, object FROM crm.check_workspace('shards');}, '-d', $database);
ok($ok, 'orders are written to shards below a workspace') or diag($problems);
is($problems, '', 'a refresh over shards leaves nothing to report');

system("dropdb $_") == 0 or die for $database, @shards;
done_testing();
