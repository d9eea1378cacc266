# Maintenance that commits: the steps of a night, what is noted of them, and
# upgrades under readers.
use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin;
use IO::Handle;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session qw($database run_file);

# Statements without notices, with options of psql.
sub psql
{
	my ($sql, @options) = @_;
	my ($ok, $output) = run_file("SET client_min_messages = warning;\n$sql", @options, '-d', $database);
	chomp $output;
	return ($ok, $output);
}

$database = "crm_maintain_$$";
my $keeper = "crm_keeper_$$";

sub answers
{
	my ($sql, $expected, $name) = @_;
	is((psql($sql))[1], $expected, $name);
}

system("createdb $database") == 0 or die;
my ($ok, $output) = psql(qq{CREATE EXTENSION crm;
CREATE ROLE $keeper LOGIN;
SELECT crm.create_workspace('sales', 'UTC');
INSERT INTO sales.customer (customer_id, name) SELECT g, 'customer ' || g FROM generate_series(1, 400) g;
INSERT INTO sales.sales_order (order_id, customer_id, ordered_at)
SELECT row_number() OVER (), customer, moment
  FROM (SELECT g AS customer, now() - (abs(hashint4(g)) % 300 + 40) * interval '1 day'
			   + n * (3 + abs(hashint4(g + 7)) % 60) * interval '1 day' AS moment, n, g
		  FROM generate_series(1, 400) g, generate_series(0, 25) n) o
 WHERE moment < now() AND n <= abs(hashint4(g + 3)) % 26;
INSERT INTO sales.sales_order_line (order_id, line_no, unit_price)
SELECT order_id, 1, 10 + abs(hashint4(customer_id::int)) % 90 + abs(hashint4(order_id::int)) % 30 FROM sales.sales_order;
UPDATE sales.workspace SET purchase_model = 'nbd';
UPDATE sales.tier SET benefits = '{"amount_per_point": 10}';
GRANT INSERT ON sales.maintenance_run TO $keeper});
ok($ok, 'a workspace is made and filled') or diag($output);

# One night
($ok, $output) = psql(q{BEGIN; CALL crm.maintain('sales'); COMMIT});
ok(!$ok && $output =~ /crm.maintain cannot run inside a transaction block.*HINT:/s, 'maintenance refuses a transaction block') or diag($output);
($ok, $output) = psql(q{SET default_transaction_isolation = 'serializable'; CALL crm.maintain('sales')}, "-U $keeper");
ok($ok, 'a keeper maintains the workspace') or diag($output);
answers(q{SELECT string_agg(step, ' ' ORDER BY run_id), bool_and(finished_at >= started_at AND error IS NULL), min(started_by) FROM sales.maintenance_run},
	"refresh freeze_thresholds fit settle_points review_tiers review_stages notify check delete_logs|t|$keeper", 'each step is noted with its time and the role');
answers(q{SELECT count(*) = 2 AND bool_and(as_of = date_trunc('month', (now() AT TIME ZONE 'UTC'))::date - 1) FROM sales.model}, 't',
	'models are fitted as of the last day of the month before');
answers(q{SELECT count(*) > 300 FROM sales.tier_log}, 't', 'maintenance reviews tiers');
answers(q{SELECT count(*) > 300 AND bool_and(points = credited) FROM sales.order_points}, 't', 'maintenance settles the points of orders');
answers(q{SELECT count(*) = 400 FROM sales.lifecycle_log}, 't', 'maintenance reviews stages');
($ok, $output) = psql(q{UPDATE sales.workspace SET notify_channel = 'crm_news'; LISTEN crm_news; CALL crm.maintain('sales')});
ok($ok, 'maintenance runs a second time') or diag($output);
like($output, qr/"crm_news" with payload "\{"kind": "stage", "since": "\d{4}-\d\d-\d\d", "customers": 400, "workspace": "sales"\}"/,
	'maintenance tells a channel how many customers changed their stage');
answers(q{SELECT count(*) FROM sales.model}, '2', 'a second night fits no model again');

# A step whose session is ended has no end. The check tells it from one that runs.
my $log_lock = q{SELECT count(*) FROM pg_locks WHERE relation = 'sales.lifecycle_log'::regclass AND mode = 'AccessExclusiveLock' AND granted};
my $waiting = q{SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'CALL crm.maintain%' AND datname = current_database()};
my $interrupted = q{SELECT detail FROM crm.check_workspace('sales') WHERE problem = 'maintenance interrupted'};

sub soon
{
	my ($sql) = @_;
	for (1 .. 600) { return 1 if (psql($sql))[1] eq '1'; select(undef, undef, undef, 0.1) }
	return 0;
}

open(my $holder, '|-', 'psql', '-Xq', '-d', $database) or die;
$holder->autoflush(1);
print $holder "BEGIN; LOCK TABLE sales.lifecycle_log;\n";
ok(soon($log_lock), 'a session holds what maintenance needs');
my $night = fork // die;
if ($night == 0)
{
	open(STDERR, '>', '/dev/null') or die;
	exec('psql', '-XqAt', '-d', $database, '-U', $keeper, '-c', q{CALL crm.maintain('sales')}) or die;
}
ok(soon($waiting), 'a step of maintenance waits for it');
psql(q{UPDATE sales.maintenance_run SET started_at = started_at - interval '1 hour' WHERE finished_at IS NULL});
answers(q{SELECT count(*) FROM sales.maintenance_run WHERE finished_at IS NULL; SET search_path = sales; SELECT count(*) FROM crm_internal.interrupted_steps()}, "1\n0",
	'a step that runs is not interrupted');
psql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CALL crm.maintain%' AND datname = current_database() AND pid <> pg_backend_pid()});
waitpid $night, 0;
print $holder "ROLLBACK;\n";
close $holder;
my $cut = (psql('SELECT step FROM sales.maintenance_run WHERE finished_at IS NULL'))[1];
like((psql($interrupted))[1], qr/^The step $cut, which began at .*, has no end/, 'the check names the step that was interrupted');
($ok, $output) = psql(q{CALL crm.maintain('sales')});
ok($ok, 'maintenance runs after one that was interrupted') or diag($output);
answers(q{SELECT step, error FROM sales.maintenance_run WHERE finished_at IS NULL}, "$cut|the step was interrupted", 'the next call notes the step that was interrupted');
answers($interrupted, '', 'the check is content after the next call');

# A failing step stops no other one.
psql(q{DELETE FROM sales.lifecycle_rule; ALTER TABLE sales.product ALTER COLUMN name SET DEFAULT 'unnamed';
UPDATE sales.workspace SET keep_logs = '1 year'; UPDATE sales.maintenance_run SET started_at = started_at - interval '2 years'});
($ok, $output) = psql(q{CALL crm.maintain('sales')});
ok(!$ok && $output =~ /maintenance of workspace "sales" failed in 1 steps.*review_stages: workspace "sales" has no rules for stages/s,
	'a step that fails makes the call fail, with its reason') or diag($output);
answers(q{SELECT string_agg(step || CASE WHEN error IS NOT NULL THEN ' failed' ELSE '' END, ', ' ORDER BY run_id) FROM sales.maintenance_run},
	'refresh, freeze_thresholds, fit, settle_points, review_tiers, review_stages failed, notify, check, delete_logs', 'the steps after a failed one run, and old rows of logs go');
answers(q{SELECT problem, object FROM sales.workspace_problem}, 'default changed|product.name', 'what the check found is kept for readers');

# What a refresh failed at is told with the customer.
psql(q{CREATE TABLE divided (c text, d date, a numeric, parts int);
CREATE INDEX ON divided (c);
INSERT INTO divided SELECT 'c' || g, '2024-01-01', g, nullif(g, 33) FROM generate_series(1, 50) g;
SELECT crm.attach('divided_shop', 'divided', 'c', 'd', 'a', filter => '100 / coalesce(parts, 0) > -1')});
($ok, $output) = psql(q{CALL crm.maintain('divided_shop')});
my $fault = 'division by zero: The history of customer c33 cannot be computed.';
ok(!$ok && $output =~ /refresh: \Q$fault\E; /, 'the error of maintenance names the customer') or diag($output);
answers(q{SELECT error FROM divided_shop.maintenance_run WHERE step = 'refresh'}, $fault, 'the row of the step names the customer');

# Readers of views do not notice an upgrade. Their queries are short: an upgrade
# waits for half a second at most, and then lets them pass.
my $folder = tempdir(CLEANUP => 1);
my @readers;
psql('CREATE TABLE public.stop AS SELECT 1 WHERE false');
for my $n (1 .. 3)
{
	my $child = fork // die;
	if ($child == 0)
	{
		open(STDOUT, '>', "$folder/$n") or die;
		open(STDERR, '>&', \*STDOUT) or die;
		exec('psql', '-XqAt', '-d', $database, '-c', q{DO $$
DECLARE
	total numeric;
	rounds bigint := 0;
BEGIN
	WHILE NOT EXISTS (SELECT FROM public.stop) LOOP
		SELECT sum(a.revenue) INTO total FROM sales.customer_value a JOIN sales.customer_rfm b USING (customer_id)
		 WHERE customer_id < 40;
		SELECT sum(b.revenue) INTO total FROM sales.customer_rfm a JOIN sales.customer_value b USING (customer_id)
		 WHERE customer_id < 40;
		COMMIT;
		rounds := rounds + 1;
	END LOOP;
	RAISE NOTICE '% rounds', rounds;
END$$}) or die;
	}
	push @readers, $child;
}
my $upgrades = 0;
for (1 .. 6)
{
	psql(q{COMMENT ON VIEW sales.customer_rfm IS 'changed'; COMMENT ON VIEW sales.customer_value IS 'changed';
ALTER VIEW sales.customer_rfm SET (security_invoker = false); ALTER VIEW sales.customer_value SET (security_invoker = false)});
	my ($went_well, $message) = psql(q{SELECT crm.upgrade_workspace('sales', overwrite => true)});
	$upgrades++ if $went_well && $message =~ /^[4-9]$/;
	diag($message) unless $went_well;
}
is($upgrades, 6, 'six upgrades beside readers change their views');
psql('INSERT INTO public.stop VALUES (1)');
waitpid $_, 0 for @readers;
for (1 .. 3)
{
	open(my $log, '<', "$folder/$_") or die;
	like(do { local $/; <$log> // '' }, qr/\ANOTICE:  [1-9]\d+ rounds\n\z/, "reader $_ reads on while views are upgraded");
}

system("dropdb $database") == 0 or die;
system("dropuser $keeper") == 0 or die;
done_testing();
