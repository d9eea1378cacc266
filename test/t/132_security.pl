# The page on rights: each of its recipes runs by a real login, each role may
# call what the table of functions says, and each warning of the page is shown
# to be true.
use strict;
use warnings;

use File::Basename qw(dirname);
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session;

$database = "crm_security_$$";
my $superuser = $ENV{PGUSER} || getpwuid($<);
my $document = dirname(__FILE__) . '/../../docs/security.md';

open(my $file, '<', $document) or die "$document: $!";
my $page = do { local $/; <$file> };

# The blocks of SQL in their order: heading, role, statements
my @blocks;
my $heading = '';
for my $part (split /^(?=#{2,3} |```sql$)/m, $page)
{
	$heading = $1 if $part =~ /^#{2,3} (.*)/;
	push @blocks, [ $heading, $1 eq 'superuser' ? $superuser : $1, $2 ] if $part =~ /^```sql\n-- as (\w+)\n(.*?)^```/ms;
}
my $all_blocks = () = $page =~ /^```sql$/mg;
is(scalar @blocks, $all_blocks, 'each block of the page begins with its role');

sub recipe
{
	my ($wanted) = @_;
	my $n = 0;
	for (grep { $_->[0] eq $wanted } @blocks)
	{
		my ($title, $role, $sql) = @$_;
		runs($role, $sql, "the recipe \"$title\" runs as $role, block " . ++$n);
	}
	cmp_ok($n, '>', 0, "the page has the recipe \"$wanted\"");
}

system("createdb $database") == 0 or die;
runs($superuser, "CREATE EXTENSION crm; CREATE ROLE sales_stranger LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC", 'the extension is installed');

# Owner
recipe('Owner');
runs('sales_admin', q{SET ROLE sales_owner;
INSERT INTO sales.customer (customer_id, name, region) SELECT g, 'customer ' || g, CASE WHEN g % 4 = 0 THEN 'north' ELSE 'south' END
  FROM generate_series(1, 60) g;
UPDATE sales.customer SET name = 'Zacharias' WHERE customer_id = 7;
INSERT INTO sales.contact (contact_id, customer_id, name, email) SELECT g, g, 'contact ' || g, 'person' || g || '@example.org' FROM generate_series(1, 60) g;
INSERT INTO sales.sales_order (order_id, customer_id, ordered_at)
SELECT g * 100 + n, g, timestamptz '2023-01-01 12:00+00' + (g + 23 * n) * interval '1 day'
  FROM generate_series(1, 60) g, generate_series(0, 14) n WHERE n <= abs(hashint4(g)) % 15;
INSERT INTO sales.sales_order (order_id, customer_id, ordered_at) VALUES (90001, 7, '2023-02-01 12:00+00'), (90002, 7, '2023-06-01 12:00+00');
INSERT INTO sales.sales_order_line (order_id, line_no, unit_price) SELECT o.order_id, 1, 10 + o.order_id % 37 FROM sales.sales_order o;
UPDATE sales.sales_order_line SET unit_price = 4321.5 WHERE order_id = 90001;
UPDATE sales.workspace SET purchase_model = 'nbd';
CALL crm.refresh('sales');
SELECT * FROM crm.freeze_thresholds('sales', '2024-01-31');
SELECT * FROM crm.fit('sales', '2024-01-31')}, 'the owner fills the workspace');
answers('sales_admin', q{SELECT count(*), bool_and(c.relowner = 'sales_owner'::regrole) FROM pg_class c
 WHERE c.relnamespace IN ('sales'::regnamespace, 'sales_internal'::regnamespace) AND c.relowner <> 'sales_owner'::regrole}, '0|',
	'everything in the workspace belongs to the role that owns it');

# The other roles
recipe($_) for 'Reader', 'Reader of some customers', 'Figures without people', 'Writer', 'Maintainer';

# The table of functions, as it stands on the page. What a call changes is rolled
# back where that can be.
my %call = (
	'crm.refresh' => q{CALL crm.refresh('sales')},
	'crm.maintain' => q{CALL crm.maintain('sales')},
	'crm.freeze_thresholds' => q{BEGIN; SELECT * FROM crm.freeze_thresholds('sales', '2024-02-29'); ROLLBACK},
	'crm.fit' => q{BEGIN; SELECT * FROM crm.fit('sales', '2024-02-29'); ROLLBACK},
	'crm.settle_points' => q{BEGIN; SELECT * FROM crm.settle_points('sales'); ROLLBACK},
	'crm.review_tiers' => q{BEGIN; SELECT * FROM crm.review_tiers('sales'); ROLLBACK},
	'crm.review_stages' => q{BEGIN; SELECT * FROM crm.review_stages('sales'); ROLLBACK},
	'crm.tier_grant' => q{BEGIN; SELECT crm.tier_grant('sales', 'standard', 9, 'gold', '2030-01-01'); ROLLBACK},
	'crm.check_workspace' => q{SELECT count(*) FROM crm.check_workspace('sales')},
	'crm.delete_logs' => q{BEGIN; SELECT * FROM crm.delete_logs('sales', '2000-01-01'); ROLLBACK},
	'crm.backtest' => q{SELECT count(*) FROM crm.backtest('sales', '2023-09-30', '2024-01-31', 'nbd')},
	'crm.program_policy' => q{SELECT crm.program_policy('sales', 'standard')},
	'crm.customer_data' => q{SELECT crm.customer_data('sales', 9), crm.customer_data('sales', '9')},
	'crm.erase_customer' => q{BEGIN; SELECT * FROM crm.erase_customer('sales', 9); SELECT * FROM crm.erase_customer('sales', '10'); ROLLBACK},
	'crm.merge_customers' => q{BEGIN; SELECT crm.merge_customers('sales', 9, 10); SELECT crm.merge_customers('sales', '11', '12'); ROLLBACK},
	'crm.restrict_customers' => q{BEGIN; SELECT crm.restrict_customers('sales', 'sales_board', 'false'); ROLLBACK},
	'crm.create_bi_views' => q{BEGIN; SELECT crm.create_bi_views('sales'); ROLLBACK},
	'crm.change_source' => q{BEGIN; SELECT crm.change_source('web', filter => 'total > 1'); ROLLBACK},
	'crm.archive' => q{BEGIN; SELECT crm.archive('web', '2024-01-10'); ROLLBACK},
	'crm.unarchive' => q{BEGIN; SELECT crm.unarchive('web'); ROLLBACK},
	'crm.upgrade_workspace' => q{BEGIN; SELECT crm.upgrade_workspace('sales'); ROLLBACK},
	'crm.drop_workspace' => q{BEGIN; SELECT crm.drop_workspace('sales', force => true); ROLLBACK});
runs($superuser, q{CREATE TABLE public.web_orders (buyer int, day date, total numeric);
ALTER TABLE public.web_orders OWNER TO sales_owner;
CREATE SCHEMA web AUTHORIZATION sales_owner;
CREATE SCHEMA web_internal AUTHORIZATION sales_owner;
CREATE SCHEMA sales_bi AUTHORIZATION sales_owner}, 'a superuser makes schemas for an attached workspace and for BI tools');
runs('sales_admin', q{SET ROLE sales_owner; INSERT INTO public.web_orders VALUES (1, '2024-01-01', 5);
SELECT crm.attach('web', 'public.web_orders', 'buyer', 'day', 'total')}, 'the owner attaches it');
my %who = (stranger => 'sales_stranger', reader => 'sales_reader', writer => 'sales_writer', maintainer => 'sales_maintainer',
	owner => 'sales_admin', superuser => $superuser);
my ($table) = $page =~ /^## Functions\n\n(.*?)\n\n/ms;
my ($titles, undef, @rows) = split /\n/, $table;
my (undef, undef, @roles) = split /\s*\|\s*/, $titles;
is_deeply([ sort @roles ], [ sort keys %who ], 'the table has a column for each role');
answers($superuser, q{SELECT DISTINCT 'crm.' || p.proname FROM pg_proc p WHERE p.pronamespace = 'crm'::regnamespace
 AND p.proargnames[1] = 'workspace' AND p.proname NOT IN ('create_workspace', 'attach') ORDER BY 1},
	join("\n", sort map { /`(.*?)`/; $1 } @rows), 'the table has a row for each function of a workspace');
answers($superuser, q{SELECT p.oid::regprocedure FROM pg_proc p
 WHERE p.pronamespace = 'crm'::regnamespace AND (p.prosecdef OR NOT has_function_privilege('sales_stranger', p.oid, 'EXECUTE'))},
	'', 'no function of the schema crm is refused by its rights or lends rights');
for (@rows)
{
	my (undef, $function, @cells) = split /\s*\|\s*/;
	$function =~ tr/`//d;
	for my $n (0 .. $#roles)
	{
		my $role = $who{ $roles[$n] };
		if ($cells[$n] eq 'yes')
		{
			runs($role, $call{$function}, "$function works for the role \"$roles[$n]\"");
		}
		else
		{
			is($cells[$n], 'no', "$function has yes or no for the role \"$roles[$n]\"");
			refused($role, $call{$function}, qr/42501.*(must be owner of workspace|permission denied for)/,
				"$function is refused for the role \"$roles[$n]\"");
		}
	}
}
runs('sales_admin', q{SET ROLE sales_owner; SELECT crm.drop_workspace('web', force => true); DROP TABLE public.web_orders},
	'the owner drops the attached workspace');
runs('sales_admin', 'SET ROLE sales_owner; GRANT USAGE ON SCHEMA sales_internal TO sales_reader', 'the owner opens the inner schema to a reader');
runs('sales_reader', $call{'crm.program_policy'}, 'a reader of the inner schema reads the policy of a program');
runs('sales_admin', 'SET ROLE sales_owner; REVOKE USAGE ON SCHEMA sales_internal FROM sales_reader', 'the owner closes the inner schema again');
refused($_, q{SELECT crm.create_workspace('other')}, qr/42501.*may not create the schema/, "$_ may not make a workspace")
	for 'sales_stranger', 'sales_reader', 'sales_writer', 'sales_maintainer', 'sales_admin';
runs($superuser, q{BEGIN; SELECT crm.create_workspace('other'); ROLLBACK}, 'a superuser makes a workspace');
answers('sales_stranger', q{SELECT workspace, owner FROM crm.workspaces}, 'sales|sales_owner', 'a stranger lists workspaces');

# What each role reads and writes
refused('sales_stranger', 'SELECT * FROM sales.customer', qr/42501.*permission denied for schema sales/, 'a stranger reads nothing');
refused('sales_maintainer', 'SELECT * FROM sales.customer', qr/42501.*permission denied for schema sales/, 'a maintainer reads nothing');
my $views = runs($superuser, q{SELECT format('SELECT count(*) FROM %s;', c.oid::regclass) FROM pg_class c
 WHERE c.relnamespace = 'sales'::regnamespace AND c.relkind IN ('r', 'v')}, 'the superuser lists what a reader may ask');
runs('sales_reader', $views, 'a reader reads each table and view of the workspace');
refused('sales_reader', $_, qr/42501.*permission denied for table/, "a reader may not: $_")
	for 'DELETE FROM sales.model', 'INSERT INTO sales.customer_change VALUES (1)', 'UPDATE sales.workspace SET horizon_days = 1',
	'INSERT INTO sales.maintenance_run (step) VALUES (1)';
runs('sales_admin', 'SET ROLE sales_owner; CREATE VIEW sales.added AS SELECT 1 AS one', 'the owner adds a view');
answers('sales_reader', 'SELECT one FROM sales.added', '1', 'a reader reads what is added later');
runs('sales_admin', 'SET ROLE sales_owner; DROP VIEW sales.added', 'the owner drops that view');
runs('sales_admin', 'SET ROLE sales_owner; DROP VIEW sales.refresh_progress', 'the owner loses a view');
runs($superuser, q{SELECT crm.upgrade_workspace('sales')}, 'a superuser makes the lost view again');
answers('sales_reader', 'SELECT count(*) > 0 FROM sales.refresh_progress', 't', 'a reader reads what an upgrade adds');
runs('sales_writer', q{INSERT INTO sales.sales_order (order_id, customer_id, ordered_at) VALUES (90003, 3, '2024-01-05 12:00+00');
INSERT INTO sales.sales_order_line (order_id, line_no, unit_price) VALUES (90003, 1, 77)}, 'a writer adds an order');
answers('sales_admin', 'SELECT DISTINCT customer_id FROM sales.customer_change', '3', 'the order of a writer is noted');
refused('sales_writer', $_, qr/42501.*permission denied for (table|view)/, "a writer may not: $_")
	for 'INSERT INTO sales.customer_change VALUES (1)', 'SELECT * FROM sales.customer_history', 'SELECT * FROM sales.customer_360',
	'DELETE FROM sales.threshold', 'UPDATE sales.workspace SET horizon_days = 1';
runs('sales_maintainer', q{CALL crm.refresh('sales')}, 'a maintainer refreshes what a writer changed');

# Logs name the role that logged in, not the owner whose rights the work had.
runs('sales_maintainer', q{SELECT * FROM crm.review_tiers('sales'); SELECT * FROM crm.review_stages('sales'); SELECT * FROM crm.fit('sales', '2024-01-30');
SELECT crm.tier_grant('sales', 'standard', 9, 'gold', '2030-01-01')}, 'a maintainer does what is logged');
for ([ 'started_by', 'refresh_run', 'run_id' ], [ 'started_by', 'maintenance_run', 'run_id' ], [ 'fitted_by', 'model', 'model_id' ],
	[ 'reviewed_by', 'tier_review', 'reviewed_at' ], [ 'reviewed_by', 'lifecycle_review', 'reviewed_at' ], [ 'decided_by', 'tier_log', 'decided_at' ])
{
	my ($column, $log, $order) = @$_;
	my $where = $log eq 'maintenance_run' ? "WHERE started_by <> '$superuser' AND started_by <> 'sales_admin'" : '';
	answers('sales_admin', "SELECT $column FROM sales.$log $where ORDER BY $order DESC LIMIT 1", 'sales_maintainer',
		"$log names the maintainer who logged in");
}

# Some customers
answers('sales_north', q{SELECT count(*), bool_and(customer_id % 4 = 0) FROM sales.customer_360}, '15|t', 'a restricted reader sees some customers');
answers('sales_north', q{SELECT count(*) FROM sales.customer_history WHERE customer_id % 4 <> 0}, '0', 'a restricted reader sees no stored history of others');
my $customers = q{SELECT actual FROM crm.backtest('sales', '2023-09-30', '2024-01-31', 'nbd') WHERE measure = 'customers'};
answers('sales_reader', $customers, '60', 'a reader backtests over all customers beside a restricted one');
answers('sales_north', $customers, '15', 'a restricted reader backtests over some customers');
answers('sales_maintainer', $customers, '60', 'a maintainer backtests with the rights of the owner');
answers('sales_north', q{SELECT customers > 15 FROM sales.threshold ORDER BY as_of LIMIT 1}, 't', 'a restricted reader sees thresholds of all customers');
answers('sales_admin', q{SELECT count(*) FROM sales.customer_360}, '60', 'a member of the owner sees all customers');
my $dump = "pg_dump -U sales_reader -d $database --data-only --table sales.customer_history --table sales.lifecycle_log";
my $dumped = qx($dump 2>&1);
like($dumped, qr/query would be affected by row-level security policy/, 'pg_dump by a reader stops at row security');
$dumped = qx($dump --enable-row-security 2>&1);
is($?, 0, 'pg_dump by a reader works with --enable-row-security') or diag($dumped);
answers('sales_board', q{SELECT sum(customers) FROM sales_report.segment}, '60', 'a reader of figures sees them');
refused('sales_board', 'SELECT * FROM sales.segment_profile', qr/42501.*permission denied for schema sales/, 'a reader of figures sees no view of the workspace');
runs('sales_admin', q{SET ROLE sales_owner; CREATE VIEW sales_report.through AS SELECT segment, customers FROM sales.segment_profile;
GRANT SELECT ON sales_report.through TO sales_board}, 'the owner makes a view over a view of the workspace');
refused('sales_board', 'SELECT * FROM sales_report.through', qr/42501.*permission denied for/, 'a view over a view of the workspace asks for the rights of its reader');
runs('sales_admin', 'SET ROLE sales_owner; DROP VIEW sales_report.through', 'the owner drops that view over a view');

# A day for a role
refused('sales_reader', q{ALTER ROLE sales_reader SET crm.as_of = '2024-12-31'}, qr/42501.*permission denied to set parameter "crm.as_of"/,
	'a role may not keep a day before the library is loaded');
answers('sales_reader', q{SET crm.as_of = '2024-12-31'; SELECT day FROM sales.shown_day}, '2024-12-31', 'every role sets the day of a session');
recipe('A day for a role');
answers('sales_reader', 'SELECT day FROM sales.shown_day', '2024-12-31', 'a day that a role keeps moves the views of its next session');
runs('sales_board', q{ALTER ROLE sales_board SET crm.as_of = '2024-12-31'}, 'a role with the right on the setting keeps a day, too');
answers('sales_board', 'SELECT crm.as_of()', '2024-12-31', 'a day that was kept by that right holds');

# Personal data
answers('sales_admin', q{SELECT a_threshold IN (SELECT crm.amount(h.history, t.as_of) FROM sales.purchase_history h) FROM sales.threshold t ORDER BY as_of LIMIT 1}, 't',
	'a threshold is the revenue of a real customer');
runs('sales_admin', q{SET ROLE sales_owner; ANALYZE sales.customer}, 'the statistics of customers are collected');
my $statistics = q{SELECT count(*) FROM pg_stats WHERE schemaname = 'sales' AND concat(most_common_vals, histogram_bounds) LIKE '%Zacharias%'};
answers($superuser, $statistics, '1', 'statistics of the planner hold a name');
runs('sales_admin', q{BEGIN; SELECT * FROM crm.erase_customer('sales', 7); COMMIT}, 'the owner erases a customer');
answers($superuser, $statistics, '1', 'statistics hold the name of an erased customer until they are collected again');
recipe('Personal data');
answers($superuser, $statistics, '0', 'statistics that are collected again do not hold the name');
answers('sales_admin', q{SELECT count(*) FROM sales.customer_360 WHERE customer_id = 7}, '0', 'an erased customer is in no view');
runs('sales_admin', q{SET ROLE sales_owner; SELECT crm.merge_customers('sales', 8, 20)}, 'the owner merges two customers');
answers('sales_admin', q{SELECT dropped_data -> 'customer' -> 0 ->> 'name' FROM sales.customer_merge}, 'customer 20', 'the log of merges keeps the rows of the second customer');
runs('sales_admin', q{SET ROLE sales_owner; SELECT * FROM crm.delete_logs('sales', 'tomorrow'::date + 1)}, 'the owner deletes logs');
answers('sales_admin', 'SELECT count(*) FROM sales.customer_merge', '0', 'deleted logs include that of merges');

# The owner of a workspace runs code as whoever reads or writes.
runs($superuser, q{CREATE SCHEMA app; CREATE ROLE app_owner LOGIN; CREATE ROLE app_writer LOGIN; CREATE ROLE shop_owner LOGIN; CREATE ROLE shop_reader LOGIN;
CREATE SCHEMA shop AUTHORIZATION shop_owner; CREATE SCHEMA shop_internal AUTHORIZATION shop_owner;
CREATE SCHEMA seen AUTHORIZATION shop_owner; CREATE SCHEMA seen_internal AUTHORIZATION shop_owner; CREATE SCHEMA own AUTHORIZATION shop_owner;
GRANT ALL ON SCHEMA app TO app_owner; GRANT USAGE ON SCHEMA app TO app_writer, shop_owner, shop_reader;
CREATE TABLE public.ran (who name, what text); GRANT INSERT, SELECT ON public.ran TO PUBLIC}, 'the roles of an attached workspace are made');
runs('app_owner', q{CREATE TABLE app.orders (order_id bigint PRIMARY KEY, customer_id bigint, ordered_at date, amount numeric);
CREATE INDEX ON app.orders (customer_id);
INSERT INTO app.orders SELECT g, g % 20, date '2023-01-01' + g, 10 + g % 7 FROM generate_series(1, 300) g;
GRANT SELECT, INSERT ON app.orders TO app_writer;
GRANT SELECT ON app.orders TO shop_reader;
GRANT SELECT, TRIGGER ON app.orders TO shop_owner}, 'the owner of a table gives the right TRIGGER');
runs('shop_owner', q{SELECT crm.attach('shop', 'app.orders', 'customer_id', 'ordered_at', 'amount'); CALL crm.refresh('shop');
CREATE FUNCTION own.spy() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.ran VALUES (current_user, 'trigger'); RETURN NULL; END$$;
GRANT USAGE ON SCHEMA own TO PUBLIC;
CREATE TRIGGER spy AFTER INSERT ON app.orders FOR EACH STATEMENT EXECUTE FUNCTION own.spy()}, 'a workspace with the right TRIGGER attaches and adds a trigger');
runs('app_writer', q{INSERT INTO app.orders VALUES (1001, 5, '2024-01-01', 5)}, 'a writer of an attached table adds an order');
answers($superuser, 'SELECT DISTINCT who, what FROM public.ran', 'app_writer|trigger', 'the right TRIGGER lets a role run code as a writer');
answers('shop_owner', 'SELECT DISTINCT customer_id FROM shop.customer_change', '5', 'the order of a writer of an attached table is noted');
runs('app_owner', 'DROP TRIGGER spy ON app.orders; REVOKE TRIGGER ON app.orders FROM shop_owner', 'the owner of the table takes the right back');
refused('shop_owner', q{CREATE OR REPLACE FUNCTION crm_internal.note_changes() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN RETURN NULL; END$$}, qr/42501/, 'the owner of a workspace cannot replace the function of its triggers');
runs('app_writer', q{INSERT INTO app.orders VALUES (1002, 6, '2024-01-01', 5)}, 'a writer adds an order after the right was taken back');
answers($superuser, 'SELECT count(*) FROM public.ran', '1', 'after the right was taken back no code runs as a writer');
answers('shop_owner', 'SELECT count(*) FROM shop.customer_change WHERE customer_id = 6', '1', 'the order is noted all the same');
runs('shop_owner', q{CALL crm.refresh('shop', "full" => true)}, 'the owner refreshes the workspace');

my $note = q{CREATE FUNCTION own.%s() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN
	EXECUTE 'RESET ROLE'; INSERT INTO public.ran VALUES (current_user, '%1$s'); RETURN true; EXCEPTION WHEN OTHERS THEN RETURN true; END$$};
runs('shop_owner', sprintf($note, 'read') . q{; CREATE OR REPLACE VIEW shop.refresh_progress AS
SELECT r.* FROM (} . runs('shop_owner', q{SELECT rtrim(pg_get_viewdef('shop.refresh_progress'::regclass), ';')}, 'the owner looks at a view') .
	q{) r WHERE own.read(); GRANT SELECT ON shop.refresh_progress TO PUBLIC}, 'the owner of a workspace puts a function into a view');
runs($superuser, "SET ROLE shop_reader; SET search_path = shop; SELECT set_config('role', 'shop_owner', false); SELECT * FROM shop.refresh_progress",
	'a superuser takes a role with few rights and reads');
answers($superuser, q{SELECT DISTINCT who FROM public.ran WHERE what = 'read'}, $superuser, 'SET ROLE does not protect the reader of a view');
runs($superuser, q{DELETE FROM public.ran; CALL crm.refresh('shop'); SELECT count(*) FROM crm.check_workspace('shop')}, 'a superuser maintains that workspace');
answers($superuser, q{SELECT DISTINCT who FROM public.ran WHERE what = 'read' AND who <> 'shop_owner'}, '', 'maintenance lends no rights to the owner of that view');
runs('shop_owner', q{SELECT crm.upgrade_workspace('shop', overwrite => true)}, 'an upgrade with overwrite restores the view');
runs('sales_admin', q{SET ROLE sales_owner;
CREATE FUNCTION sales.spy() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.ran VALUES (current_user, 'own_table'); RETURN NULL; END$$;
CREATE TRIGGER spy AFTER INSERT ON sales.customer FOR EACH STATEMENT EXECUTE FUNCTION sales.spy()}, 'the owner puts a trigger on a table of the workspace');
runs('sales_writer', q{INSERT INTO sales.customer (customer_id, name) VALUES (901, 'new')}, 'a writer adds a customer');
answers($superuser, q{SELECT who FROM public.ran WHERE what = 'own_table'}, 'sales_writer', 'a trigger of the owner runs as the writer');

# People in an attached workspace
my $told = runs('shop_owner', q{SET client_min_messages = notice; SELECT * FROM crm.erase_customer('shop', 3)}, 'the owner of an attached workspace erases a customer');
like($told, qr/15 rows of customer 3 are left in app.orders/, 'an erasure counts the rows that are left in the source');
$told = runs('shop_owner', q{SET client_min_messages = notice; SELECT crm.merge_customers('shop', 4, 5)}, 'the owner of an attached workspace merges customers');
like($told, qr/16 rows of customer 5 are left in app.orders/, 'a merge counts the rows of the source');
answers('shop_owner', q{SELECT jsonb_array_length(crm.customer_data('shop', 4) -> 'purchase')}, '15', 'the owner of an attached workspace hands out purchases');
runs('shop_owner', q{CALL crm.refresh('shop', "full" => true)}, 'the owner refreshes in full');

# A maintainer cannot put a temporary table in the place of one that is missing.
my $plant = q{SET search_path = public;
CREATE TEMP TABLE tier_log (valid_to timestamptz);
INSERT INTO tier_log VALUES ('2000-01-01');
GRANT ALL ON tier_log TO PUBLIC;
CREATE FUNCTION pg_temp.spy() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.ran VALUES (current_user, 'temporary'); RETURN OLD; END$$;
CREATE TRIGGER spy BEFORE DELETE ON tier_log FOR EACH ROW EXECUTE FUNCTION pg_temp.spy();};
runs('shop_owner', 'GRANT INSERT ON shop.maintenance_run TO sales_maintainer', 'the owner of the attached workspace lets a role maintain it');
refused('sales_maintainer', "$plant SELECT * FROM crm.delete_logs('shop', '2010-01-01')",
	qr/42501.*temporary relation "tier_log" would stand for one of workspace "shop"/, 'a temporary table of a maintainer is no log of the workspace');
answers($superuser, q{SELECT count(*) FROM public.ran WHERE what = 'temporary'}, '0', 'a maintainer runs no code of their own as the owner');
runs('sales_maintainer', q{CREATE TEMP TABLE customer_history (a int); CREATE TEMP TABLE mine (a int); SELECT * FROM crm.delete_logs('shop', '2010-01-01')},
	'other temporary tables do not stop a maintainer');

# The owner of a source runs code as whoever refreshes or reads.
my $spy = q{CREATE FUNCTION app.spy(what text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN
	INSERT INTO public.ran VALUES (current_user, what); RETURN true; EXCEPTION WHEN OTHERS THEN RETURN true; END$$};
runs('app_owner', qq{$spy; CREATE VIEW app.purchases AS SELECT customer_id, ordered_at, amount FROM app.orders;
GRANT SELECT ON app.purchases TO shop_owner, shop_reader}, 'the owner of a table makes a view');
runs('shop_owner', q{SELECT crm.attach('seen', 'app.purchases', 'customer_id', 'ordered_at', 'amount'); CALL crm.refresh('seen');
GRANT USAGE ON SCHEMA seen TO shop_reader; GRANT SELECT ON ALL TABLES IN SCHEMA seen, seen_internal TO shop_reader}, 'a workspace stands on that view');
runs('app_owner', q{CREATE OR REPLACE VIEW app.purchases AS SELECT customer_id, ordered_at, amount FROM app.orders WHERE app.spy('view')},
	'the owner of the view adds a function to it');
runs($superuser, q{CALL crm.refresh('seen')}, 'a superuser refreshes a workspace over that view');
answers($superuser, q{SELECT DISTINCT who FROM public.ran WHERE what = 'view'}, 'shop_owner', 'the function runs as the owner of the workspace, not as the superuser');
runs('shop_reader', q{SELECT count(*) FROM seen.purchase}, 'a reader reads from the source');
answers($superuser, q{SELECT DISTINCT who FROM public.ran WHERE what = 'view' ORDER BY 1}, "shop_owner\nshop_reader", 'the function runs as a reader');
runs('app_owner', q{CREATE OR REPLACE VIEW app.purchases AS SELECT customer_id, ordered_at, amount FROM app.orders;
ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY added ON app.orders USING (customer_id < 5 AND app.spy('policy'))},
	'the owner of the table adds a policy');
refused($_, q{CALL crm.refresh('shop', "full" => true)}, qr/42501.*query would be affected by row-level security policy for table "orders"/,
	"a refresh by $_ refuses a source that hides rows from the owner of the workspace") for 'shop_owner', $superuser;
answers('shop_owner', q{SELECT count(*) FROM shop.customer_history}, '20', 'a refused refresh leaves stored histories as they were');
runs('shop_owner', q{CALL crm.refresh('seen')}, 'a view of the owner of the table still reads all rows');
runs('shop_owner', q{SELECT count(*) FROM shop.rejected_purchase}, 'the owner of the workspace reads under the policy');
answers($superuser, q{SELECT DISTINCT who FROM public.ran WHERE what = 'policy'}, 'shop_owner', 'the function of a policy runs as the role that reads');

system("dropdb $database") == 0 or die;
my @made = qw(sales_admin sales_owner sales_stranger sales_reader sales_north sales_board sales_writer sales_maintainer app_owner app_writer shop_owner shop_reader);
$database = 'postgres';
runs($superuser, join('; ', 'REVOKE SET ON PARAMETER crm.as_of FROM sales_board', map { "DROP ROLE $_" } @made), 'the roles are dropped');
done_testing();
