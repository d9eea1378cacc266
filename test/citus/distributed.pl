# Everything that works over distributed tables of Citus, on a coordinator and two
# workers: functions, aggregates, the setting crm.as_of, workspaces, and the chapter
# of docs/scale.md. Whatever is asked, the answer is that of one server, byte for byte.
use strict;
use warnings;

use File::Basename qw(dirname);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/../t/lib";
use Reader qw(sql_blocks);
use Session qw($database run_file login runs refused answers);

$database = $ENV{PGDATABASE};
my $customers = 2000;

# No warning may come, so all messages count.
sub quiet_runs
{
	my ($sql, $name) = @_;
	my ($ok, $output) = run_file($sql, '-d', $database);
	ok($ok && $output !~ /WARNING|could not/, $name) or diag($output);
	return $output;
}

sub answer
{
	my (undef, $output) = login(undef, shift);
	return $output;
}

# The local tables are called one_..., their distributed copies far_...
quiet_runs('CREATE EXTENSION crm', 'the extension is made on the coordinator');
answers(undef, q{SELECT DISTINCT result FROM run_command_on_workers('SELECT crm.version()')},
	answer('SELECT crm.version()'), 'Citus makes it on the workers too');
runs(undef, qq{SELECT setseed(0.3) \\g /dev/null
CREATE TABLE one_orders AS
SELECT row_number() OVER () AS order_id, 'c' || c AS code, c AS customer,
	   date '2022-01-01' + least(start + n * gap, 1400) AS day,
	   timestamptz '2022-01-01 23:30+00' + least(start + n * gap, 1400) * interval '1 day' AS at,
	   round((random() * 100 - 4)::numeric, 2) AS amount, round((random() * 50)::numeric, 2) AS cost,
	   'p' || n % 7 AS product, timestamptz '2025-11-01' + c * interval '1 minute' AS written
  FROM (SELECT c, (random() * 700)::int AS start, 3 + (random() ^ 2 * 90)::int AS gap,
			   (random() ^ 3 * 20)::int AS last FROM generate_series(1, $customers) c) customer,
	   LATERAL generate_series(0, last) n;
CREATE TABLE far_orders (LIKE one_orders);
SELECT create_distributed_table('far_orders', 'customer') \\g /dev/null
INSERT INTO far_orders TABLE one_orders;
CREATE TABLE one_history AS
SELECT customer, crm.history_agg(day, amount) AS history, customer % 3 || '' AS was, customer % 4 || '' AS "is"
  FROM one_orders GROUP BY 1;
CREATE TABLE far_history (LIKE one_history);
SELECT create_distributed_table('far_history', 'customer') \\g /dev/null
INSERT INTO far_history
SELECT customer, crm.history_agg(day, amount), customer % 3 || '', customer % 4 || '' FROM far_orders GROUP BY 1;
CREATE TABLE one_entry AS SELECT n, n::numeric AS points, timestamptz '2024-01-01' + n * interval '1 day' AS at
  FROM generate_series(1, 3000) n;
CREATE TABLE far_entry (LIKE one_entry);
SELECT create_distributed_table('far_entry', 'n') \\g /dev/null
INSERT INTO far_entry TABLE one_entry;}, 'orders are distributed, and histories are built beside them');
answers(undef, 'SELECT count(*) FROM (TABLE one_history EXCEPT ALL TABLE far_history) d', '0',
	'histories that the workers build are those of one server');

# Aggregates. The limits are bytes a customer, or bytes a shard. A validation counts
# twice for each day, which is much beside so few customers.
my $shards = 4;
my $counts = 2 * 2 * 1461;
my $model = q{crm.make_model('bg_nbd', 'week', '{0.24,4.4,0.8,2.4}')};
my @questions = (
	[ history => 'crm.rollup(history)' ],
	[ orders => 'crm.history_agg(day, amount)' ],
	[ history => q{crm.fit_purchases('mbg_nbd', 'week', history, '2024-12-31')}, 10 * $customers ],
	[ history => q{crm.fit_purchases('best', 'month', history, '2024-12-31')}, 10 * $customers ],
	[ history => q{crm.fit_spend(history, '2024-12-31')}, 10 * $customers ],
	[ history => qq{crm.validate($model, history, '2024-05-31', '2024-12-31')}, 13 * $customers + $counts * $shards ],
	[ history => q{crm.rfm_thresholds_agg(history, '2024-12-31', 5)}, 7 * $customers ],
	[ history => q{crm.abc_thresholds_agg(history, '2024-12-31')}, 7 * $customers ],
	[ history => q{crm.check_spend_independence(history, '2024-12-31')}, 10 * $customers ],
	[ history => q{crm.growth_agg(history, '2022-01-01', '2024-12-31', 'week')}, 25000 * $shards ],
	[ history => q{crm.stickiness_agg(history, '2022-01-01', '2024-12-31', 'month')}, 25000 * $shards ],
	[ history => q{crm.retention_agg(history, '2024-12-31', '2022-01-01', 36, 'month')}, 25000 * $shards ],
	[ history => q{crm.repeat_rate(history, '2022-01-01', '2024-12-31')}, 25000 * $shards ],
	[ history => q{crm.came_back_rate(history, '2022-01-01', '2022-12-31', '2023-01-01', '2024-12-31')}, 25000 * $shards ],
	[ history => q{crm.repeat_within(history, '2024-12-31', '2022-01-01', '2024-01-01', 90)}, 25000 * $shards ],
	[ history => q{crm.transition_matrix_agg(was, "is")}, 25000 * $shards ],
	[ entry => q{crm.fit_renewals('sbg', (n % 7 * (n % 3) + 1)::int, n % 3 = 0 OR n % 11 = 0)} ],
	[ entry => q{crm.fit_occasions(CASE WHEN n % 2 = 0 THEN n % 3 ELSE n % 8 + 1 END,
		CASE WHEN n % 2 = 0 THEN n % 3 ELSE 8 END, 8)} ],
	[ entry => q{crm.nps_agg(points % 11)} ],
	[ entry => q{crm.csat_agg(points % 5 + 1)} ],
	[ entry => q{crm.ces_agg(points % 7 + 1)} ],
	[ entry => q{crm.points_balance_agg(points, at, at + interval '1 year', NULL, '2024-06-30')} ],
	[ entry => q{crm.points_lots_agg(points, at, at + interval '1 year', NULL, '2024-06-30')} ],
	[ entry => q{crm.affinity_agg(n / 3, (n % 10)::text, 1)} ]);
my $combines = answer(q{SELECT count(*) FROM pg_settings
	WHERE name = 'citus.allow_aggregate_worker_combine_on_internal_types'});
my %bytes = (bytes => 1, kB => 1024, MB => 1048576);
for (@questions)
{
	my ($table, $call, $limit) = @$_;
	my ($name) = $call =~ /^crm\.(\w+)/;
	answers(undef, "SELECT ($call)::text FROM far_$table", answer("SELECT ($call)::text FROM one_$table"),
		"$name is the same over shards");
	next unless defined $limit;
  SKIP:
	{
		skip 'before version 15 Citus sends all histories to the coordinator', 1 unless $combines;
		my $plan = answer("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT $call FROM far_$table");
		my ($number, $unit) = $plan =~ /data received from nodes: (\d+) (\w+)/;
		cmp_ok($number * $bytes{$unit}, '<=', $limit, "$name sends at most $limit bytes") or diag($plan);
	}
}

# The setting crm.as_of never means another day than the user has set.
my $many = 'SELECT sum(crm.amount(history, crm.as_of())) FROM far_history';
my $single = 'SELECT crm.amount(history, crm.as_of()) FROM far_history WHERE customer = 77';
my $pass_on = "SET citus.propagate_set_commands = 'local'; BEGIN; SET LOCAL crm.as_of = '2023-06-30'";
my %settings = (
	'is the current date' => '',
	'was SET' => "SET crm.as_of = '2023-06-30'",
	'was RESET' => "SET crm.as_of = '2023-06-30'; RESET crm.as_of",
	'was passed on' => $pass_on,
	'was passed on and RESET' => "$pass_on; RESET crm.as_of",
	'was passed on and SET again' => "$pass_on; SET crm.as_of = '2024-06-30'",
	'was passed on and SET by a function' => "$pass_on; SELECT set_config('crm.as_of', '2024-06-30', true)",
	'was passed on and rolled back' => "SET crm.as_of = '2024-06-30'; $pass_on; ROLLBACK");
for ([ 'many shards', $many ], [ 'one shard', $single ])
{
	my ($where, $query) = @$_;
	(my $local = $query) =~ s/far_/one_/;
	(my $prepared = $query) =~ s/crm\.as_of\(\)/\$1/;
	refused(undef, "$settings{$_}; $query", qr/a worker of Citus does not know the day of crm\.as_of.*literal/s,
		"a day that $_ is refused over $where") for sort keys %settings;
	answers(undef, "PREPARE given (date) AS $prepared; SET crm.as_of = '2023-06-30'; EXECUTE given (crm.as_of())",
		answer("SET crm.as_of = '2023-06-30'; $local"), "a day as a parameter holds over $where");
}
runs(undef, "ALTER DATABASE $database SET crm.as_of = '2020-01-01'", 'a database has a day of its own');
refused(undef, $_, qr/does not know the day/, 'nor does the day of a database count on a worker') for $many, $single;
runs(undef, "ALTER DATABASE $database RESET crm.as_of", 'the day of the database is taken away');

# Workspaces
refused(undef, q{SELECT crm.attach('by_day', 'far_orders', customer => 'code', at => 'day', amount => 'amount')},
	qr/far_orders is distributed by "customer" and not by the customer.*alter_distributed_table/s,
	'a source with another distribution column is refused');
answers(undef, q{SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'by\_day%'}, '0', 'a refused source leaves nothing behind');
for my $kind ('one', 'far')
{
	quiet_runs(qq{SELECT crm.attach('${kind}_plain', '${kind}_orders', customer => 'customer', at => 'day',
		amount => 'amount');
	SELECT crm.attach('${kind}_full', '${kind}_orders', customer => 'customer', at => 'at', amount => 'amount',
		cost => 'cost', order_id => 'order_id', product => 'product', filter => 'amount < 90',
		time_zone => 'Europe/Berlin');
	CALL crm.refresh('${kind}_plain');
	CALL crm.refresh('${kind}_full');
	SELECT crm.freeze_thresholds('${kind}_full', '2024-06-30');
	SET crm.as_of = '2024-12-31';
	SELECT crm.fit('${kind}_plain'), crm.fit('${kind}_full');}, "workspaces over the table ${kind}_orders are filled");
}
my ($refresh) = grep { /Tuple data/ } split /\n/, answer(q{SET search_path = far_plain, far_plain_internal;
	SELECT crm_internal.usable_row_query(true, false) AS query \gset
	EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT customer_id,
		crm_internal.bounded_history_agg(purchased_on, amount) FROM (:query) u GROUP BY customer_id});
like($refresh, qr/nodes: \d+ (bytes|\d\d kB|kB)/, 'a refresh receives histories and not orders') or diag($refresh);
for my $workspace ('plain', 'full')
{
	my @views = split /\n/, answer(qq{SELECT relname FROM pg_class
		WHERE relnamespace = 'far_$workspace'::regnamespace AND relkind = 'v' AND relname <> 'refresh_progress' ORDER BY 1});
	cmp_ok(scalar @views, '>', 30, "the workspace $workspace has views");
	my $compare = "SET crm.as_of = '2024-12-31';\n";
	$compare .= "SELECT '$_', (SELECT count(*) FROM one_$workspace.$_), (SELECT count(*) FROM (
		(TABLE one_$workspace.$_ EXCEPT ALL TABLE far_$workspace.$_) UNION ALL
		(TABLE far_$workspace.$_ EXCEPT ALL TABLE one_$workspace.$_)) d);\n" for @views;
	my %found = map { /^(\w+)\|(\d+\|\d+)$/ ? ($1 => $2) : () } split /\n/, answer($compare);
	like($found{$_} // 'an error', qr/^\d+\|0$/, "$workspace.$_ over shards is that of one server") for @views;
	cmp_ok((grep { $found{$_} !~ /^0/ } keys %found), '>=', 25, "views of the workspace $workspace have rows");
	my $problems = quiet_runs("SELECT problem, object FROM crm.check_workspace('far_$workspace')",
		"the workspace $workspace is checked");
	is($problems =~ s/^rows left out.*\n//mr, '', "nothing is wrong with the workspace $workspace");
}

# A column that says when a row was written last
for my $kind ('one', 'far')
{
	quiet_runs(qq{SELECT crm.attach('${kind}_told', '${kind}_orders', customer => 'customer', at => 'day',
		amount => 'amount', cost => 'cost', order_id => 'order_id', changed_at => 'written');
	CALL crm.refresh('${kind}_told');
	INSERT INTO ${kind}_orders (order_id, customer, day, amount, written)
	VALUES (-1, 5, '2025-12-01', 5, '2025-12-01'), (-2, 5000, '2025-12-01', 1, '2025-12-01'),
		(-3, 6, '2025-12-01', 1e14, '2025-12-01'), (-4, 6, '2025-12-01', 0.00000001, '2025-12-01');
	UPDATE ${kind}_orders SET amount = 7, written = '2025-12-01' WHERE customer = 8;
	CALL crm.refresh('${kind}_told', batch => 50);}, "the table ${kind}_orders says what changed");
}
answers(undef, 'SELECT is_full, customers FROM far_told.refresh_run ORDER BY run_id DESC LIMIT 1', 'f|65',
	'a refresh takes the changed customers of a distributed table, and the last hour before them');
answers(undef, "SELECT count(*) FROM (TABLE one_told.$_ EXCEPT ALL TABLE far_told.$_) d", '0',
	"$_ is that of one server") for 'purchase_history', 'rejected_customer';
answers(undef, q{SELECT reason FROM far_told.rejected_customer}, 'amounts of the customer are out of range',
	'workers tell which customer is out of range');
answers(undef, q{SELECT count(*) FROM crm.check_workspace('far_told') WHERE problem <> 'rows left out'}, '0',
	'nothing is wrong with such a workspace');
runs(undef, 'DELETE FROM one_orders WHERE order_id < 0; DELETE FROM far_orders WHERE order_id < 0',
	'the orders are taken away');

# Writers
for my $triggers ('off', 'on')
{
	quiet_runs(qq{SET citus.enable_unsafe_triggers = $triggers;
		SELECT crm.attach('written_$triggers', 'far_orders', customer => 'customer', at => 'day', amount => 'amount');
		INSERT INTO far_orders (order_id, customer, day, amount) VALUES (0, 5, '2024-12-30', 5);
		UPDATE far_orders SET amount = 6 WHERE order_id = 0;
		COPY far_orders (order_id, customer, day, amount) FROM STDIN;
0	6	2024-12-30	7
\\.
		DELETE FROM far_orders WHERE order_id = 0;}, "writers are not disturbed where triggers are $triggers");
}
runs(undef, q{CREATE TABLE late_orders AS TABLE one_orders;
	SELECT crm.attach('late', 'late_orders', customer => 'customer', at => 'day', amount => 'amount');
	CALL crm.refresh('late')}, 'a workspace over a local table has triggers');
refused(undef, "SET citus.enable_unsafe_triggers = $_; SELECT create_distributed_table('late_orders', 'customer')",
	qr/ERROR/, "Citus does not distribute the table afterwards where triggers are $_") for 'off', 'on';
quiet_runs(q{INSERT INTO late_orders (order_id, customer, day, amount) VALUES (0, 5, '2024-12-30', 5);
	UPDATE late_orders SET amount = 6 WHERE customer = 7}, 'writers of that table go on');
answers(undef, 'SELECT count(DISTINCT customer_id) FROM late.customer_change', '2', 'triggers note its customers as before');
answers(undef, q{SELECT count(*) FROM pg_trigger WHERE tgrelid = 'far_orders'::regclass
	AND tgfoid = 'crm_internal.note_changes()'::regprocedure}, '0', 'a distributed table has no trigger of a workspace');
runs(undef, q{INSERT INTO far_orders (order_id, customer, day, amount) VALUES (0, 5, '2024-12-31', 500)}, 'an order comes');
quiet_runs(q{CALL crm.refresh('far_plain')}, 'a refresh runs again');
answers(undef, q{SELECT crm.last_day(history) FROM far_plain.purchase_history WHERE customer_id = 5}, '2024-12-31', 'the refresh has seen the order');
quiet_runs(q{SELECT crm.create_workspace('own')}, 'a workspace with tables of its own is made without a warning');
quiet_runs(qq{SELECT crm.drop_workspace(w, force => true)
	FROM unnest('{own,late,far_plain,far_full,far_told,one_plain,one_full,one_told,written_on,written_off}'::text[]) w}, 'workspaces are dropped');

# The chapter
runs(undef, q{CREATE TABLE all_orders AS SELECT customer AS customer_id, day AS ordered_on, amount FROM one_orders}, 'the orders of the chapter');
my @blocks = sql_blocks(dirname(__FILE__) . '/../../docs/scale.md', 'Citus');
cmp_ok(scalar @blocks, '>', 3, 'the chapter on Citus has SQL');
for my $block (@blocks)
{
	my ($begin) = $block =~ /^(.{0,60})/;
	quiet_runs($block, "a block runs: $begin");
}
done_testing();
