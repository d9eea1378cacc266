# Workspaces in a database that lives: refreshes that are cancelled or run two
# at a time, and a filled, altered workspace that is dumped and restored.
use strict;
use warnings;

use File::Temp qw(tempfile);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session qw(run_file);

sub psql
{
	my ($database, $sql) = @_;
	return run_file($sql, '-d', $database);
}

sub answer
{
	my ($database, $sql) = @_;
	my (undef, $output) = psql($database, "SET client_min_messages = warning;\n$sql");
	chomp $output;
	return $output;
}

my ($from, $to) = ("crm_workspace_$$", "crm_workspace_restored_$$");
system("createdb $_") == 0 or die for $from, $to;
answer($from, "ALTER DATABASE $from SET timezone = 'UTC'; CREATE EXTENSION crm");
answer($to, "ALTER DATABASE $to SET timezone = 'UTC'");

# A shop with tables of its own, and one of crm's.
my ($ok, $output) = psql($from, q{
CREATE TABLE orders (id bigint PRIMARY KEY, user_id text, created_at timestamptz, total numeric(12,2)) PARTITION BY RANGE (id);
CREATE TABLE orders_low PARTITION OF orders FOR VALUES FROM (0) TO (30000);
CREATE TABLE orders_high PARTITION OF orders DEFAULT;
CREATE INDEX ON orders (user_id);
INSERT INTO orders
SELECT g, 'user ' || hashint4(g) % 3000, timestamptz '2024-01-01 00:00+00' + (hashint4(g + 1) % 500 + 500) * interval '12 hours',
	   (hashint4(g + 2) % 10000 + 10000) / 100.0
  FROM generate_series(1, 60000) g;
SELECT crm.attach('shop', 'orders', customer => 'user_id', at => 'created_at', amount => 'total');
SELECT crm.create_workspace('Sales 2025');
INSERT INTO "Sales 2025".customer (customer_id, name) SELECT g, 'customer ' || g FROM generate_series(1, 300) g;
INSERT INTO "Sales 2025".sales_order (order_id, customer_id, ordered_at)
SELECT g, 1 + g % 300, timestamptz '2025-01-01 12:00+00' + g % 97 * interval '1 day' FROM generate_series(1, 3000) g;
INSERT INTO "Sales 2025".sales_order_line (order_id, line_no, unit_price, unit_cost) SELECT g, 1, 10 + g % 50, 5 FROM generate_series(1, 3000) g;
INSERT INTO "Sales 2025".refund (order_id, refunded_at, amount) SELECT g, '2025-05-01', 3 FROM generate_series(10, 3000, 100) g;
});
ok($ok, 'two workspaces are made and filled') or diag($output);

# The procedure, which commits
is(answer($from, q{CALL crm.refresh('shop')}) =~ s/\|[^|]*$//r, '5999|60000', 'the first refresh stores everybody')
	or diag(answer($from, 'SELECT count(DISTINCT user_id) FROM orders'));
my $facts = q{SELECT count(*) FROM (SELECT user_id, (created_at AT TIME ZONE 'UTC')::date, count(*), sum(total) FROM orders GROUP BY 1, 2) f (customer_id, day, purchases, amount)
	FULL JOIN (SELECT h.customer_id, e.* FROM %s h, crm.entries(h.history) e) h USING (customer_id, day)
	WHERE (f.purchases, f.amount) IS DISTINCT FROM (h.purchases, h.amount)};
is(answer($from, sprintf($facts, 'shop.customer_history')), '0', 'the refreshed histories equal the facts');
answer($from, q{UPDATE orders SET total = total + 1; DELETE FROM orders WHERE user_id = (SELECT min(user_id) FROM orders)});
is(answer($from, sprintf($facts, 'shop.purchase_history')), '0', 'after a change of everybody the view is right');
# However fast the machine, one of these timeouts ends it after some batches.
for my $milliseconds (map { 50 * 2 ** $_ } 0 .. 9)
{
	($ok, $output) = psql($from, "SET statement_timeout = '${milliseconds}ms'; CALL crm.refresh('shop', batch => 50);");
	last if answer($from, q{SELECT customers > 0 FROM shop.refresh_run ORDER BY run_id DESC LIMIT 1}) eq 't';
}
ok(!$ok && $output =~ /canceling statement due to statement timeout/, 'a refresh is cancelled') or diag($output);
like(answer($from, q{SELECT finished_at IS NULL, customers > 0, customers < 5998 FROM shop.refresh_run ORDER BY run_id DESC LIMIT 1}), qr/^t\|t\|t$/, 'the refresh was cancelled after some of its batches');
is(answer($from, q{UPDATE shop.refresh_run SET updated_at = updated_at - interval '1 minute' WHERE finished_at IS NULL;
	SELECT state FROM shop.refresh_progress LIMIT 1}), 'interrupted', 'the view tells that it was interrupted');
is(answer($from, sprintf($facts, 'shop.purchase_history')), '0', 'after a cancelled refresh the view is still right');
my @others = map { my $pid = fork; if ($pid == 0) { exec 'psql', '-Xqc', "SET client_min_messages = warning; ", '-c', "CALL crm.refresh('shop', batch => 100)", '-o', '/dev/null', $from } $pid } 1 .. 3;
my $failed = 0;
for (@others) { waitpid $_, 0; $failed++ if $? }
is($failed, 0, 'three refreshes at once go well');
is(answer($from, 'SELECT count(*) FROM shop.customer_change'), '0', 'three refreshes at once do all that was left');
is(answer($from, sprintf($facts, 'shop.customer_history')), '0', 'the refreshed histories equal the facts');
($ok, $output) = psql($from, q{BEGIN; CALL crm.refresh('shop');});
ok(!$ok && $output =~ /cannot run inside a transaction block/, 'a refresh is refused in a transaction block');
($ok, $output) = psql($from, q{BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT crm.archive('shop', '2024-02-01');});
ok(!$ok && $output =~ /cannot be archived in a transaction of the level REPEATABLE READ/, 'an archive is refused where it would not see what was written');
($ok, $output) = psql($from, q{CREATE TABLE wide (who text, day date, amount numeric);
	INSERT INTO wide VALUES ('zoe', '2024-01-01', 7e14), ('zoe', '2024-01-02', 0.0001), ('ann', '2024-01-01', 5);
	SELECT crm.attach('wide_shop', 'wide', 'who', 'day', 'amount'); CALL crm.refresh('wide_shop');
	SELECT crm.archive('wide_shop', '2024-02-01')});
ok($ok && $output =~ /NOTICE:  1 customers are not archived, among them customer zoe/, 'an archive tells of customers without a history') or diag($output);
like($output, qr/The customers are: zoe\.$/m, 'an archive names the customers without a history');
($ok, $output) = psql($from, q{INSERT INTO wide SELECT 'cay ' || g, day + 35, amount FROM generate_series(10, 22) g, wide WHERE who = 'zoe';
	CALL crm.refresh('wide_shop'); SELECT crm.archive('wide_shop', '2024-03-01'); SELECT crm.drop_workspace('wide_shop', force => true); DROP TABLE wide});
like($output, qr/NOTICE:  14 customers are not archived, among them customer cay 10\nDETAIL:  .* The customers are: cay 10, .*, cay 19, \.\.\.\.$/m,
	'an archive names the first ten customers without a history');
($ok, $output) = psql($from, q{CALL crm.refresh('shop', batch => 0)});
ok(!$ok && $output =~ /batch is 0/, 'a refresh with an empty batch is refused');
($ok, $output) = psql($from, q{SET statement_timeout = '20s'; CALL crm.refresh('shop', batch => NULL)});
ok(!$ok && $output =~ /batch is NULL/, 'a refresh with a batch of unknown size is refused');
($ok, $output) = psql($from, q{CALL crm.refresh('shop', "full" => NULL)});
ok($ok, 'full => NULL is that of the default') or diag($output);
($ok, $output) = psql($from, q{SET default_transaction_isolation = 'serializable'; UPDATE orders SET total = 5 WHERE id = 77; CALL crm.refresh('shop')});
ok($ok && $output =~ /^1\|/m, 'any default isolation will do') or diag($output);

# Eight writers of the same few customers, seen every few milliseconds: nobody
# waits for a transaction or a row. Files that grow are locked for a moment, as
# they are without a workspace.
my ($script, $script_name) = tempfile(UNLINK => 1);
print $script q{
\set customer random(1, 20)
BEGIN;
INSERT INTO orders VALUES (nextval('order_number'), 'user ' || :customer, now(), 10);
INSERT INTO "Sales 2025".sales_order (customer_id, ordered_at) VALUES (:customer, now()) RETURNING order_id \gset
INSERT INTO "Sales 2025".sales_order_line (order_id, line_no, unit_price) VALUES (:order_id, 1, 5), (:order_id, 2, 5);
COMMIT;
};
close $script;
answer($from, q{CREATE SEQUENCE order_number START 1000000; ALTER TABLE "Sales 2025".sales_order ALTER order_id RESTART 1000000});
my $writers = fork;
if ($writers == 0) { exec "pgbench -n -c 8 -j 2 -T 4 -f $script_name $from >/dev/null 2>&1" }
is(answer($from, q{
CREATE TEMP TABLE seen (locktype text, active bigint);
DO $$
BEGIN
	FOR sample IN 1 .. 600 LOOP
		INSERT INTO seen SELECT l.locktype, NULL FROM pg_locks l WHERE NOT l.granted AND l.locktype <> 'extend'
			AND l.pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pgbench');
		INSERT INTO seen SELECT NULL, count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'pgbench';
		PERFORM pg_stat_clear_snapshot(), pg_sleep(0.005);
	END LOOP;
END $$;
SELECT max(active), string_agg(DISTINCT locktype, ' ') FROM seen}), '8|', 'eight writers do not wait for each other');
waitpid $writers, 0;
is($?, 0, 'all transactions of the writers go well');
is(answer($from, q{SELECT (SELECT count(*) FROM "Sales 2025".sales_order WHERE order_id >= 1000000) > 100,
	(SELECT sum(crm.purchases(history)) FROM "Sales 2025".purchase_history) = (SELECT count(*) FROM "Sales 2025".sales_order),
	(SELECT sum(crm.purchases(history)) FROM shop.purchase_history) = (SELECT count(*) FROM orders)}), 't|t|t', 'the views have it all');
answer($from, q{DELETE FROM orders WHERE id >= 1000000; DELETE FROM "Sales 2025".sales_order WHERE order_id >= 1000000; CALL crm.refresh('shop')});

# Dump and restore of what a DBA did with it
($ok, $output) = psql($from, q{
CALL crm.refresh('Sales 2025');
SET crm.as_of = '2025-06-30';
SELECT crm.freeze_thresholds('Sales 2025'), crm.freeze_thresholds('shop');
INSERT INTO "Sales 2025".model (role, kind, as_of, customers, model)
SELECT 'purchases', 'mbg_nbd', '2025-06-30', 300, crm.make_model('mbg_nbd', 'week', '{0.5,4,0.8,2.5}');
INSERT INTO "Sales 2025".model (role, kind, as_of, customers, model)
SELECT 'spend', 'gamma_gamma', '2025-06-30', 300, crm.make_model('gamma_gamma', NULL, '{6,4,15}');
ALTER TABLE "Sales 2025".customer ADD COLUMN vat_number text CHECK (length(vat_number) < 20);
UPDATE "Sales 2025".customer SET vat_number = 'DE' || customer_id;
CREATE INDEX customer_vat ON "Sales 2025".customer (vat_number);
CREATE STATISTICS "Sales 2025".customer_places ON country, city FROM "Sales 2025".customer;
ALTER TABLE "Sales 2025".customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY few ON "Sales 2025".customer USING (customer_id < 100);
CREATE TABLE "Sales 2025".visit (visit_id bigint GENERATED ALWAYS AS IDENTITY, customer_id bigint REFERENCES "Sales 2025".customer, at date) PARTITION BY RANGE (at);
CREATE TABLE "Sales 2025".visit_2025 PARTITION OF "Sales 2025".visit FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
INSERT INTO "Sales 2025".visit (customer_id, at) SELECT g, '2025-02-02' FROM generate_series(1, 9) g;
CREATE VIEW public.best AS SELECT name, clv FROM "Sales 2025".customer_360 ORDER BY clv DESC LIMIT 10;
INSERT INTO "Sales 2025".segment_rule VALUES (18, 'Lost', NULL, NULL, NULL);
UPDATE "Sales 2025".tier_rule SET enter_at = 100 * tier_no, keep_at = 80 * tier_no;
INSERT INTO "Sales 2025".score_item (model, metric, weight, breaks, points) VALUES ('value', 'revenue', 1, '{100}', '{0, 1}');
INSERT INTO "Sales 2025".points_entry (customer_id, occurred_at, kind, points, expires_at)
SELECT customer_id, '2025-02-01', 'earn', 100 + customer_id, '2026-02-01' FROM "Sales 2025".customer;
SELECT crm.review_tiers('Sales 2025', 'standard', day::date), crm.review_stages('Sales 2025', day::date)
  FROM generate_series('2025-02-28'::timestamp, '2025-06-30', '1 month') day;
SELECT crm.tier_grant('Sales 2025', 'standard', 7, 'gold', '2025-12-31', '2025-06-30', 'a friend');
INSERT INTO "Sales 2025".sales_order_line (order_id, line_no, unit_price) VALUES (7, 2, 1);
});
ok($ok, 'workspaces are altered') or diag($output);
like(answer($from, q{SELECT count(*), count(DISTINCT tier_no) FROM "Sales 2025".tier_log}), qr/^[3-9]\d\d\|3$/, 'the altered workspace has members in all tiers');

# Sums of estimates may differ in their last digits with the order of rows.
my $everything = q{
SET crm.as_of = '2025-06-30';
SET extra_float_digits = -2;
SELECT c.oid::regclass, c.relkind, md5(query_to_xml(format('SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) AS h FROM %s t', c.oid::regclass), false, false, '')::text)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v') AND n.nspname IN ('Sales 2025', 'Sales 2025_internal', 'shop', 'shop_internal', 'public') ORDER BY 1;
SELECT oid::regprocedure, proconfig, obj_description(oid) FROM pg_proc WHERE pronamespace::regnamespace::text ~ 'Sales|shop' ORDER BY 1;
SELECT nspname, obj_description(oid) FROM pg_namespace WHERE nspname ~ 'Sales|shop' ORDER BY 1;
SELECT indexrelid::regclass FROM pg_index WHERE indrelid::regclass::text ~ 'Sales|shop' ORDER BY 1;
SELECT tgrelid::regclass, tgname, tgenabled, tgfoid::regproc FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2;
SELECT polrelid::regclass, polname, pg_get_expr(polqual, polrelid) FROM pg_policy;
SELECT objoid::regclass, objsubid, description FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid::regclass::text ~ 'Sales|shop' ORDER BY 1, 2;
SELECT stxname FROM pg_statistic_ext;
SELECT * FROM crm.check_workspace('Sales 2025');
SELECT workspace, owner, attached FROM crm.workspaces ORDER BY 1;
};
my $before = answer($from, $everything);
like($before, qr/histories out of date/, 'the check of a workspace is among what is compared');
unlike($before, qr/ERROR/, 'what is compared is read without an error');
is(system("pg_dump $from 2>/dev/null | psql -XqAt -v ON_ERROR_STOP=1 -d $to >/dev/null"), 0, 'a dump of workspaces is restored without an error');
my $after = answer($to, $everything);
s/the first .* ago/the first long ago/ for $before, $after;
my @lost = grep { index($after, $_) < 0 } split /\n/, $before;
my @more = grep { index($before, $_) < 0 } split /\n/, $after;
is_deeply([ \@lost, \@more ], [ [], [] ], 'a restored workspace has lost nothing');
is(answer($to, q{SELECT enrolled, upgraded, renewed, given_grace, downgraded FROM crm.review_tiers('Sales 2025', 'standard', '2025-06-30')}), '0|0|0|0|0', 'a review there finds nothing left to do');
is(answer($to, q{SELECT moves FROM crm.review_stages('Sales 2025', '2025-06-30')}), '0', 'a review of stages after a restore moves nobody');
answer($to, q{INSERT INTO orders VALUES (100000, 'user 1', '2025-01-01', 5); INSERT INTO orders_high VALUES (100001, 'user 2', '2025-01-01', 5);
	UPDATE "Sales 2025".refund SET amount = 4 WHERE order_id = 110});
is(answer($to, q{SELECT string_agg(DISTINCT customer_id, ',') FROM shop.customer_change}), 'user 1,user 2', 'the triggers work there');
is(answer($to, q{CALL crm.refresh('Sales 2025')}) =~ s/\|.*//r, '2', 'a refresh after a restore folds in two customers');
($ok, $output) = psql($to, 'DROP EXTENSION crm');
ok(!$ok && $output =~ /cannot drop extension crm because other objects depend on it/, 'DROP EXTENSION is refused');
($ok, $output) = psql($to, 'DROP EXTENSION crm CASCADE');
is(answer($to, q{SELECT count(*) FROM "Sales 2025".customer c JOIN "Sales 2025".sales_order USING (customer_id) WHERE vat_number IS NOT NULL}), '3000', 'with CASCADE the facts stay');
is(answer($to, q{INSERT INTO orders VALUES (100002, 'user 3', '2025-01-01', 5) RETURNING id}), '100002', 'after DROP EXTENSION the source can be written');

system("dropdb --force $_") for $from, $to;
done_testing();
