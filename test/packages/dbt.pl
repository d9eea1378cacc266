# The dbt package, with a project of its own (test/packages/dbt) in the folder of
# this run. Histories that runs add to are the same bytes as histories of all
# rows. The day reaches a model by its hook and ends with it. The tests of the
# sources pass, and each kind of them fails where it should.
# CRM_DBT is the program dbt; scripts/test installs it.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use FindBin;
use Test::More;

my $dbt = $ENV{CRM_DBT} or plan skip_all => 'CRM_DBT does not name a dbt';
my $package = abs_path("$FindBin::Bin/../../integrations/dbt");
my $database = "crm_dbt_$$";
my $project = tempdir(CLEANUP => 1) . '/project';
my $printed; # what dbt printed last

sub psql
{
	my ($sql) = @_;
	my $output = qx(psql -XqAt -v ON_ERROR_STOP=1 -d $database -c "SET client_min_messages = warning" -c "$sql" 2>&1);
	chomp $output;
	return $output;
}

sub dbt
{
	my ($command) = @_;
	local $ENV{CRM_DBT_DATABASE} = $database;
	local $ENV{CRM_DBT_PACKAGE} = $package;
	$printed = qx(cd $project && $dbt --no-use-colors $command --profiles-dir . 2>&1);
	return $? == 0;
}

sub dbt_succeeds
{
	my ($command, $name) = @_;
	ok(dbt($command), $name) or diag($printed =~ s/^.*(?:START|PASS) .*\n//mgr);
	return;
}

sub dbt_fails
{
	my ($command, $error, $name) = @_;
	ok(!dbt($command) && $printed =~ $error, $name) or diag($printed =~ s/^.*(?:START|PASS) .*\n//mgr);
	return;
}

# The names of the tests that failed, without the numbers that dbt appends.
sub failed_tests
{
	return sort $printed =~ /\d+ of \d+ (?:FAIL \d+|ERROR) (\w+)/g;
}

sub new_project
{
	my ($workspace) = @_;
	system("rm -rf $project && cp -r $FindBin::Bin/dbt $project") == 0 or die;
	system("$package/sources 'dbname=$database' '$workspace' > $project/models/crm.yml") == 0 or die;
	return;
}

# The bytes of histories, by customer, one row each. Models of a key of two
# columns have two histories.
my $bytes = 'encode(crm_internal.history_send(%s), \'hex\')';
sub bytes { return sprintf $bytes, $_[0] }
my %stored = (
	purchase_histories => 'SELECT customer_id, ' . bytes('history') . ', loaded_until FROM built.purchase_histories',
	settled_histories => 'SELECT customer_id, ' . bytes('history') . ', loaded_until FROM built.settled_histories',
	store_histories => q{SELECT \"Store\", customer_id, } . bytes('history') . ', ' . bytes(q{\"profit history\"}) . ', loaded_until FROM built.store_histories');
my %computed = (
	purchase_histories => 'SELECT customer_id, ' . bytes('crm.history_agg(ordered_at::date, amount)') . ', max(loaded_at) FROM orders GROUP BY customer_id',
	settled_histories => 'SELECT customer_id, ' . bytes('crm.history_agg(ordered_at::date, amount)') . q{, max(loaded_at) FROM orders
		WHERE loaded_at <= now() - interval '10 minutes' GROUP BY customer_id},
	store_histories => 'SELECT store, customer_id, ' . bytes('crm.history_agg(ordered_at::date, amount)') . ', ' . bytes('crm.history_agg(ordered_at::date, profit)')
		. ', max(order_id) FROM orders GROUP BY store, customer_id');

sub histories_are_whole
{
	my ($when) = @_;
	for (sort keys %stored)
	{
		is(psql("(TABLE stored EXCEPT TABLE computed) UNION ALL (TABLE computed EXCEPT TABLE stored)" =~ s/TABLE stored/$stored{$_}/gr =~ s/TABLE computed/$computed{$_}/gr),
			'', "$_ has the bytes of all rows $when");
	}
	return;
}

my $orders = q{INSERT INTO orders (store, customer_id, ordered_at, amount, profit, loaded_at)
	SELECT CASE WHEN random() < 0.3 THEN 'east' ELSE 'west' END, 1 + (%s * random() ^ 2)::int,
		   timestamptz '%s' + random() * %s * interval '1 day', (100 * random() - 9)::numeric(12, 2),
		   CASE WHEN random() < 0.9 THEN (50 * random())::numeric(12, 2) END, %s FROM generate_series(1, %s) AS g};
system("createdb $database") == 0 or die;
is(psql(q{CREATE EXTENSION crm;
	CREATE TABLE orders (order_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, store text NOT NULL, customer_id bigint NOT NULL,
		ordered_at timestamptz NOT NULL, amount numeric(12, 2), profit numeric(12, 2), loaded_at timestamptz);
	CREATE INDEX ON orders (customer_id); } . sprintf($orders, 200, '2024-01-01', 500, q{now() - interval '1 day' + g * interval '1 second'}, 3000)), '', 'orders are there');
is(psql(q{SELECT crm.attach('shop', 'orders', customer => 'customer_id', at => 'ordered_at', amount => 'amount', time_zone => 'UTC')}), 'shop', 'a workspace is attached');
new_project('shop');
dbt_succeeds('deps', 'the package is installed');
dbt_succeeds('run-operation crm_refresh', 'crm_refresh runs');
is(psql('SELECT count(*) > 100 FROM shop.customer_history'), 't', 'crm_refresh stores histories');
dbt_succeeds(q{run --vars '{crm_as_of: 2025-03-31}'}, 'all models are built');

# The day
is(psql('SELECT DISTINCT day FROM built.day_by_hook'), '2025-03-31', 'a model with the hook sees the day of the run');
is(psql(q{SELECT count(*) FROM (SELECT customer_id, recency, revenue FROM built.day_by_hook
	EXCEPT SELECT customer_id, recency, revenue FROM shop.customer_metric_at('2025-03-31')) AS other}), 0, 'a model with the hook has the values of the day');
is(psql('SELECT day = current_date FROM built.day_left'), 't', 'the model after it in the same session does not see that day');
is(psql(q{SELECT count(*) FROM (TABLE built.day_by_function EXCEPT SELECT customer_id, recency, revenue FROM shop.customer_metric_at('2025-06-30')) AS other}),
	0, 'crm_at reads a view as of the day that it names');
dbt_fails(q{run --select day_by_hook --vars '{crm_as_of: "31.3.2025"}'}, qr/"31\.3\.2025" is no day; write it as/, 'a day that is none is refused');
dbt_fails(q{run --select day_by_hook --vars '{crm_as_of: "2025-03-31''; DROP TABLE orders; --"}'}, qr/is no day/, 'SQL in the place of a day is refused');

# Histories
histories_are_whole('after the first run');
is(psql(sprintf($orders, 250, '2025-05-15', 100, 'now()', 900)), '', 'new orders come');
is(psql(sprintf($orders, 250, '2023-06-01', 700, q{now() - interval '12 minutes'}, 300)), '', 'late orders come');
my $runs = 'run --select config.materialized:crm_histories';
dbt_succeeds($runs, 'a run adds the new orders');
is(psql(q{SELECT count(*) > 10 FROM built.purchase_histories WHERE crm.recency(history, '2025-09-01') < 100}), 't', 'new orders are in histories');
histories_are_whole('after new and late orders');
my $before = psql("SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM built.store_histories t");
dbt_succeeds($runs, 'a run is repeated');
is(psql("SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM built.store_histories t"), $before, 'a repeated run changes nothing');
histories_are_whole('after a repeated run');
is(psql(sprintf($orders, 300, '2022-01-01', 1500, 'clock_timestamp()', 500) . q{; UPDATE orders SET amount = NULL WHERE order_id IN (SELECT order_id FROM orders ORDER BY order_id DESC LIMIT 3)}), '',
	'late orders come, and orders without an amount');
dbt_succeeds($runs, 'a run adds the late orders');
histories_are_whole('after late orders');
dbt_succeeds("$runs --full-refresh", 'all histories are built anew');
histories_are_whole('after a full build');
is(psql(q{INSERT INTO orders (store, customer_id, ordered_at, amount, loaded_at) VALUES ('west', 1, now(), 1, NULL)}), '', 'an order without loaded_at comes');
dbt_fails("$runs --exclude store_histories", qr/null value in column "loaded_until"/, 'an order without loaded_at is refused');
is(psql('DELETE FROM orders WHERE loaded_at IS NULL'), '', 'the order without loaded_at goes');
histories_are_whole('after a refused run');

# Tests of the sources. dbt gets the day from the session.
$ENV{PGOPTIONS} = '-c crm.as_of=2025-03-31 -c jit=off';
dbt_succeeds('test', 'the tests of the sources pass');
cmp_ok(($printed =~ /PASS=(\d+)/)[0], '>', 80, 'there are tests of the sources');
is(psql(q{ALTER VIEW shop.customer_value RENAME TO customer_value_once;
	CREATE VIEW shop.customer_value AS SELECT * FROM shop.customer_value_once UNION ALL (SELECT * FROM shop.customer_value_once LIMIT 3);
	ALTER VIEW shop.cohort RENAME TO cohort_once; CREATE VIEW shop.cohort AS SELECT * FROM shop.cohort_once UNION ALL (SELECT * FROM shop.cohort_once LIMIT 3);
	ALTER TABLE shop.churn_rule DROP CONSTRAINT churn_rule_band_check; INSERT INTO shop.churn_rule (position, band) VALUES (77, 'extreme');
	ALTER TABLE shop.segment_rule DROP CONSTRAINT segment_rule_segment_fkey; INSERT INTO shop.segment_rule (position, segment) VALUES (77, 'nobody');
	ALTER TABLE shop.segment ALTER segment_no DROP NOT NULL; UPDATE shop.segment SET segment_no = NULL WHERE segment_no = 1}), '', 'what the tests look for is spoiled');
dbt_fails('test', qr/Completed with \d+ errors?/, 'the tests of the sources fail');
my @failed = map { s/_[0-9a-f]{10}$//r } failed_tests();
my @expected = ('crm_source_unique_together_crm_cohort_cohort__period_no', 'source_accepted_values_crm_churn_rule_band__high__low__medium',
	'source_not_null_crm_segment_segment_no', 'source_relationships_crm_segment_rule_segment__segment__source_crm_segment_', 'source_unique_crm_customer_value_customer_id');
is_deeply(\@failed, \@expected, 'one test of each kind fails, and no other') or diag($printed =~ s/^.*(?:START|PASS) .*\n//mgr);
delete $ENV{PGOPTIONS};

# Operations
dbt_fails('run-operation crm_check', qr/"problem": "/, 'crm_check fails where something is wrong');
is(psql(q{DROP VIEW shop.cohort, shop.customer_value; ALTER VIEW shop.cohort_once RENAME TO cohort; ALTER VIEW shop.customer_value_once RENAME TO customer_value;
	DELETE FROM shop.churn_rule WHERE position = 77; DELETE FROM shop.segment_rule WHERE position = 77; UPDATE shop.segment SET segment_no = 1 WHERE segment_no IS NULL;
	DELETE FROM orders WHERE amount IS NULL;
	ALTER TABLE shop.churn_rule ADD CONSTRAINT churn_rule_band_check CHECK (band IN ('low', 'medium', 'high'));
	ALTER TABLE shop.segment_rule ADD CONSTRAINT segment_rule_segment_fkey FOREIGN KEY (segment) REFERENCES shop.segment; SET client_min_messages = error; SELECT crm.upgrade_workspace('shop', overwrite => true) > 0}), 't', 'what was spoiled is mended');
dbt_succeeds(q{run-operation crm_fit --args '{as_of: 2025-03-31, kind: bg_nbd}'}, 'crm_fit runs');
like($printed, qr/crm\.fit: \{"role": "purchases", "fitted": "bg_nbd"/, 'crm_fit says what it fitted');
is(psql('SELECT count(*) FROM shop.model'), 2, 'crm_fit keeps its models');
dbt_succeeds(q{run-operation crm_freeze_thresholds --args '{workspace: shop, as_of: 2025-03-31}'}, 'crm_freeze_thresholds runs');
is(psql(q{SELECT count(*) FROM shop.threshold WHERE as_of = '2025-03-31'}), 1, 'crm_freeze_thresholds keeps its thresholds');
dbt_succeeds('run-operation crm_maintain', 'crm_maintain runs');
is(psql('SELECT count(*) > 0 FROM shop.maintenance_run'), 't', 'crm_maintain keeps its steps');
dbt_succeeds('run-operation crm_check', 'crm_check passes where nothing is wrong');
is(psql(q{SELECT problem FROM crm.check_workspace('shop')}), '', 'crm_check says what check_workspace says');

# The files of sources
is(system("$package/sources $database shop --check $project/models/crm.yml > /dev/null 2>&1"), 0, 'the file of sources is current');
is(psql(q{COMMENT ON VIEW shop.cohort IS 'Changed.'}), '', 'a comment changes');
isnt(system("$package/sources $database shop --check $project/models/crm.yml > /dev/null 2>&1"), 0, 'a file of sources with an old comment is refused');
system("dropdb $database") == 0 or die;

# A workspace with tables, all of which have rows
$database .= '_tables';
system("createdb $database") == 0 or die;
psql('CREATE ROLE crm_kept_reader');
is(scalar qx(psql -Xq -v ON_ERROR_STOP=1 -d $database -f $FindBin::Bin/../dumps/filled.sql 2>&1 >/dev/null), '', 'a workspace with tables is filled');
new_project('kept sales');
system("rm $project/models/*.sql") == 0 or die;
$ENV{PGOPTIONS} = '-c crm.as_of=2024-11-30 -c jit=off';
dbt_succeeds('deps', 'the package is installed again');
dbt_succeeds('test', 'the tests of a workspace with tables pass');
cmp_ok(($printed =~ /PASS=(\d+)/)[0], '>', 400, 'there are tests of a workspace with tables');
dbt_succeeds(q{run-operation crm_review_tiers --args '{workspace: kept sales, as_of: 2024-11-30}'}, 'crm_review_tiers runs');
like($printed, qr/crm\.review_tiers: \{"members": \d+/, 'crm_review_tiers says what it did');
dbt_succeeds(q{run-operation crm_review_stages --args '{workspace: kept sales, as_of: 2024-11-30}'}, 'crm_review_stages runs');
like($printed, qr/crm\.review_stages: \{"moves": \d+/, 'crm_review_stages says what it did');
delete $ENV{PGOPTIONS};
system("dropdb $database && psql -Xqd postgres -c 'DROP ROLE crm_kept_reader'") == 0 or die;
done_testing();
