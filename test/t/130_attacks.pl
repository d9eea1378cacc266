# Maintenance of a workspace whose owner wants the rights of whoever maintains
# it. Each attack plants code in the workspace that tries to make its owner a
# superuser. A superuser then maintains the workspace, as a DBA would, by real
# logins.
use strict;
use warnings;

use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use Session;

$database = "crm_attacks_$$";
my ($attacker, $stranger, $keeper) = ("crm_attacker_$$", "crm_stranger_$$", "crm_keeper_$$");
my $superuser = $ENV{PGUSER} || getpwuid($<);

my $is_superuser = "SELECT rolsuper FROM pg_roles WHERE rolname = '$attacker'";

system("createdb $database") == 0 or die;
login($superuser, qq{CREATE EXTENSION crm;
CREATE ROLE $attacker LOGIN; CREATE ROLE $stranger LOGIN; CREATE ROLE $keeper LOGIN;
GRANT CREATE ON DATABASE $database TO $attacker;
CREATE FUNCTION public.on_behalf(call text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
	SET search_path = pg_catalog, pg_temp AS \$\$BEGIN EXECUTE call; END\$\$;
REVOKE ALL ON FUNCTION public.on_behalf(text) FROM PUBLIC});

# The payload notes how often it ran, and with whose rights.
runs($attacker, qq{
SELECT crm.create_workspace('evil', 'UTC');
INSERT INTO evil.customer (customer_id, name) SELECT g, 'customer ' || g FROM generate_series(1, 60) g;
INSERT INTO evil.sales_order (order_id, customer_id, ordered_at)
SELECT g, 1 + g * g % 60, timestamptz '2024-01-01 12:00+00' + g * 7 % 400 * interval '1 day' FROM generate_series(1, 400) g;
INSERT INTO evil.sales_order_line (order_id, line_no, unit_price) SELECT g, 1, 10 + g % 37 FROM generate_series(1, 400) g;
CREATE TABLE evil.attempt (who text, what text);
GRANT INSERT ON evil.attempt TO PUBLIC;
CREATE FUNCTION evil.payload() RETURNS boolean LANGUAGE plpgsql AS \$\$
DECLARE
	attempt text;
	outcome text;
BEGIN
	FOREACH attempt IN ARRAY ARRAY['ALTER ROLE $attacker SUPERUSER', 'RESET ROLE', 'SET ROLE $superuser',
		'RESET SESSION AUTHORIZATION', 'ALTER ROLE $attacker SUPERUSER',
		'CREATE TEMP TABLE customer_change (customer_id bigint)',
		'DECLARE kept CURSOR WITH HOLD FOR SELECT evil.payload()'] LOOP
		BEGIN
			EXECUTE attempt;
			outcome := 'done';
		EXCEPTION WHEN OTHERS THEN
			outcome := SQLERRM;
		END;
		INSERT INTO evil.attempt VALUES (current_user, attempt || ': ' || outcome);
	END LOOP;
	RETURN true;
END\$\$;
CREATE FUNCTION evil.pass(crm.history) RETURNS crm.history LANGUAGE plpgsql AS
	\$\$BEGIN PERFORM evil.payload(); RETURN \$1; END\$\$;
CREATE FUNCTION evil.boom() RETURNS trigger LANGUAGE plpgsql AS \$\$BEGIN PERFORM evil.payload(); RETURN NULL; END\$\$;
CALL crm.refresh('evil');
}, 'an attacker makes a workspace and prepares it');

# The control: with the rights of a superuser the payload does what it wants.
login($superuser, 'SELECT evil.payload()');
answers($superuser, $is_superuser, 't', 'a superuser who runs the payload makes the attacker a superuser');
login($superuser, "ALTER ROLE $attacker NOSUPERUSER; TRUNCATE evil.attempt");

# What the attacker plants, what takes it away, and what the superuser calls.
# "refused" where the call must fail.
my $lookup = q{CREATE FUNCTION evil.equal(oid, regnamespace) RETURNS boolean LANGUAGE plpgsql AS
	$$BEGIN PERFORM evil.payload(); RETURN $1 OPERATOR(pg_catalog.=) $2::oid; END$$;
CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = regnamespace, FUNCTION = evil.equal)};
my $append = q{CREATE FUNCTION evil.append(regprocedure[], regprocedure) RETURNS regprocedure[] LANGUAGE plpgsql AS
	$$BEGIN PERFORM evil.payload(); RETURN array_append($1, $2); END$$;
CREATE OPERATOR evil.|| (LEFTARG = regprocedure[], RIGHTARG = regprocedure, FUNCTION = evil.append)};
my $shipped = q{SELECT 'DROP VIEW IF EXISTS evil.kept', 'CREATE VIEW evil.kept WITH (security_invoker) AS ' || pg_get_viewdef('evil.purchase_history'::regclass) \gexec
CREATE OR REPLACE VIEW evil.purchase_history WITH (security_invoker) AS
SELECT k.customer_id, evil.pass(k.history) AS history, k.profit_history FROM evil.kept k};
my $restore = q{SELECT 'CREATE OR REPLACE VIEW evil.purchase_history WITH (security_invoker) AS ' || pg_get_viewdef('evil.kept'::regclass) \gexec};
my $trigger = q{CREATE TRIGGER boom AFTER INSERT OR UPDATE OR DELETE ON evil.%s FOR EACH STATEMENT EXECUTE FUNCTION evil.boom()};
my $no_trigger = q{DROP TRIGGER boom ON evil.%s};

my @attacks = (
	[ 'an operator of the catalog', $lookup, 'DROP OPERATOR evil.= (oid, regnamespace); DROP FUNCTION evil.equal',
		'SELECT count(*) FROM crm.check_workspace(\'evil\')', 'planted operators do not run' ],
	[ 'an operator of arrays', $append, 'DROP OPERATOR evil.|| (regprocedure[], regprocedure); DROP FUNCTION evil.append',
		'SELECT crm.upgrade_workspace(\'evil\')', 'planted operators do not run' ],
	[ 'a redefined view', $shipped, $restore, 'SELECT * FROM crm.freeze_thresholds(\'evil\', \'2025-01-01\')' ],
	[ 'a redefined view', $shipped, $restore, 'SELECT * FROM crm.backtest(\'evil\', \'2024-09-01\', \'2025-01-01\', \'nbd\')' ],
	[ 'a redefined view', $shipped, $restore, 'SELECT * FROM crm.fit(\'evil\', \'2025-01-01\', \'nbd\')', 'the fit may fail' ],
	[ 'a trigger on histories', sprintf($trigger, 'customer_history'), sprintf($no_trigger, 'customer_history'),
		'CALL crm.refresh(\'evil\', full => true)' ],
	[ 'a trigger on the log of tiers', sprintf($trigger, 'tier_log'), sprintf($no_trigger, 'tier_log'),
		'SELECT * FROM crm.review_tiers(\'evil\', \'standard\', \'2024-12-31\')' ],
	[ 'a trigger on the log of tiers', sprintf($trigger, 'tier_log'), sprintf($no_trigger, 'tier_log'),
		'SELECT crm.tier_grant(\'evil\', \'standard\', 7, \'gold\', \'2026-01-01\', \'2024-12-31\')' ],
	[ 'a trigger on points', sprintf($trigger, 'points_entry'), sprintf($no_trigger, 'points_entry'),
		'SELECT * FROM crm.settle_points(\'evil\', \'2024-12-31\')' ],
	[ 'a trigger on the log of stages', sprintf($trigger, 'lifecycle_log'), sprintf($no_trigger, 'lifecycle_log'),
		'SELECT * FROM crm.review_stages(\'evil\', \'2024-12-31\')' ]);
my %way = (
	'a superuser' => sub { $_[0] },
	'a superuser after SET ROLE' => sub { "SET ROLE $attacker; $_[0]" },
	'a superuser after SET SESSION AUTHORIZATION' => sub { "SET SESSION AUTHORIZATION $attacker; $_[0]" });
for my $attack (@attacks)
{
	my ($what, $plant, $remove, $call, $note) = @$attack;
	for my $who (sort keys %way)
	{
		login($superuser, 'TRUNCATE evil.attempt');
		runs($attacker, $plant, "the attacker plants $what");
		my ($went_well, $output) = login($superuser, $way{$who}->($call));
		ok($went_well || ($note // '') eq 'the fit may fail', "$call works for $who over $what") or diag($output);
		answers($superuser, $is_superuser, 'f', "$call by $who over $what makes nobody a superuser");
		answers($superuser, "SELECT count(*) FROM evil.attempt WHERE who <> '$attacker'", '0',
			"$call by $who over $what runs nothing with the rights of another role");
		is((login($superuser, 'SELECT count(*) > 0 FROM evil.attempt'))[1], 't', "$what did run in $call by $who")
			unless $note;
		runs($attacker, $remove, "the attacker removes $what");
	}
}
refused($superuser, "SELECT public.on_behalf('SELECT crm.freeze_thresholds(''missing'')')", qr/there is no workspace "missing"/,
	'a function with other rights may call maintenance');

# What waits for the end of the transaction would run as the session.
runs($attacker, q{CREATE CONSTRAINT TRIGGER later AFTER INSERT OR UPDATE OR DELETE ON evil.customer_history
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil.boom();
INSERT INTO evil.customer_change (customer_id) VALUES (5);
DELETE FROM evil.customer_history WHERE customer_id = 5;}, 'the attacker makes a trigger that waits for the end');
login($superuser, "ALTER ROLE $attacker NOSUPERUSER");
refused($superuser, "CALL crm.refresh('evil')", qr/cannot fire deferred trigger within security-restricted operation/,
	'a refresh by a superuser refuses triggers that wait for the end');
answers($superuser, $is_superuser, 'f', 'a trigger that waits for the end makes nobody a superuser');
runs($attacker, q{CALL crm.refresh('evil'); DROP TRIGGER later ON evil.customer_history},
	'the owner who logged in may have such a trigger');

# A cursor that is left open would run as whoever fetches from it.
runs($attacker, $shipped . q{;
CREATE OR REPLACE FUNCTION evil.pass(crm.history) RETURNS crm.history LANGUAGE plpgsql AS $$
DECLARE
	left_open refcursor := 'left_open';
BEGIN
	IF NOT EXISTS (SELECT FROM pg_cursors WHERE name = 'left_open') THEN
		OPEN left_open FOR SELECT evil.payload();
	END IF;
	RETURN $1;
END$$}, 'the attacker leaves a cursor open');
refused($superuser, q{BEGIN; SELECT count(*) FROM crm.freeze_thresholds('evil', '2025-01-01'); FETCH ALL FROM left_open; COMMIT},
	qr/code in workspace "evil" opened or closed a cursor of the session/, 'a cursor that is left open is an error');
answers($superuser, $is_superuser, 'f', 'a cursor that is left open makes nobody a superuser');
runs($attacker, $restore, 'the attacker puts the view back');

# Rights of others
refused($stranger, "SELECT * FROM crm.$_", qr/42501.*must be owner of workspace "evil"/, "a stranger may not call crm.$_")
	for "check_workspace('evil')", "upgrade_workspace('evil')", "freeze_thresholds('evil')", "fit('evil')",
	"review_tiers('evil')", "review_stages('evil')", "settle_points('evil')", "tier_grant('evil', 'standard', 1, 'gold', '2027-01-01')", "drop_workspace('evil', force => true)";
refused($stranger, "SELECT * FROM crm.$_", qr/42501.*permission denied for workspace "evil"/, "a stranger may not read by crm.$_")
	for "backtest('evil', '2024-06-01')", "program_policy('evil', 'standard')";
refused($stranger, q{CALL crm.refresh('evil')}, qr/42501.*must be owner of workspace "evil"/, 'a stranger may not refresh');
refused($stranger, q{SELECT crm_internal.drop_workspace_as_owner('evil', true)}, qr/42501.*permission denied for function/,
	'nobody calls the inner function of maintenance');
refused($stranger, q{BEGIN; LOCK TABLE evil.workspace IN SHARE UPDATE EXCLUSIVE MODE}, qr/42501/, 'a stranger cannot lock maintenance out');
runs($attacker, "GRANT INSERT ON evil.maintenance_run TO $keeper", 'the owner lets a keeper maintain');
runs($keeper, q{CALL crm.refresh('evil'); SELECT * FROM crm.freeze_thresholds('evil', '2025-01-01');
SELECT * FROM crm.review_stages('evil', '2025-01-31')}, 'a keeper does the work of every day');
refused($keeper, "SELECT crm.$_", qr/42501.*must be owner of workspace "evil"/, "a keeper may not call crm.$_")
	for "upgrade_workspace('evil')", "drop_workspace('evil', force => true)";
refused($keeper, q{SELECT * FROM evil.customer}, qr/42501/, 'a keeper reads no table by that right');

# Others who may create
runs($attacker, "GRANT CREATE ON SCHEMA evil TO $stranger", 'the owner lets a stranger create objects');
refused($attacker, q{SELECT * FROM crm.freeze_thresholds('evil', '2025-01-01')},
	qr/42501.*may create objects in workspace "evil".*HINT:.*REVOKE CREATE ON SCHEMA evil FROM/s,
	'maintenance refuses a workspace in which others may create');
runs($stranger, q{CREATE TABLE evil.planted (i int);
CREATE FUNCTION evil.planted() RETURNS int LANGUAGE sql RETURN 1;
CREATE OPERATOR evil.+ (LEFTARG = crm.history, RIGHTARG = crm.history, FUNCTION = crm.merge)}, 'the stranger creates objects');
runs($attacker, "REVOKE CREATE ON SCHEMA evil FROM $stranger", 'the owner takes that right back');
for my $planted ('function evil.planted()', 'operator evil.+(crm.history,crm.history)', 'table evil.planted') {
	refused($attacker, q{SELECT * FROM crm.freeze_thresholds('evil', '2025-01-01')},
		qr/42501.*\Q$planted\E in workspace "evil" belongs to role $stranger.*HINT:.*OWNER TO $attacker/s,
		"maintenance refuses a workspace with $planted of a stranger");
	runs($superuser, "DROP $planted", "a superuser drops $planted");
}
runs($attacker, q{SELECT * FROM crm.freeze_thresholds('evil', '2025-01-01')}, 'maintenance accepts a workspace without such objects');

# A schema of a superuser in which others once created
runs($superuser, "CREATE SCHEMA shared; GRANT USAGE, CREATE ON SCHEMA shared TO $stranger", 'a superuser lets a stranger create objects');
runs($stranger, q{CREATE TABLE shared.workspace (time_zone text, earliest_day date, source regclass);
CREATE TABLE shared.customer_history (customer_id bigint);
CREATE TABLE shared.attempt (who text);
CREATE TABLE shared.maintenance_run (run_id bigint GENERATED ALWAYS AS IDENTITY, step text);
CREATE FUNCTION shared.payload() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN INSERT INTO shared.attempt VALUES (current_user); RETURN NEW; END';
CREATE TRIGGER payload BEFORE INSERT ON shared.maintenance_run FOR EACH ROW EXECUTE FUNCTION shared.payload()},
	'the stranger makes what looks like a workspace');
runs($superuser, "REVOKE CREATE ON SCHEMA shared FROM $stranger", 'the superuser takes that right back');
refused($stranger, q{SELECT crm_internal.maintain_begin('shared', 'refresh')}, qr/42501.*workspace "shared" belongs to role $stranger/s,
	'a stranger does not maintain the schema of a superuser');
answers($superuser, 'SELECT count(*) FROM shared.attempt', '0', 'code of the stranger did not run as superuser');
runs($superuser, 'DROP SCHEMA shared CASCADE', 'the superuser drops the schema');

# New objects belong to the owner
runs($attacker, q{DROP VIEW evil.growth_daily; DROP TABLE evil.survey_answer CASCADE}, 'the owner loses a view and a table');
runs($superuser, q{SELECT crm.upgrade_workspace('evil')}, 'a superuser upgrades the workspace');
answers($superuser, qq{SELECT count(*), count(*) FILTER (WHERE c.relowner = '$attacker'::regrole) = count(*)
  FROM pg_class c WHERE c.relnamespace IN ('evil'::regnamespace, 'evil_internal'::regnamespace) AND c.relname IN ('growth_daily', 'survey_answer')},
	'2|t', 'what an upgrade makes belongs to the owner');
answers($superuser, qq{SELECT count(*) FROM pg_proc p WHERE p.pronamespace IN ('evil'::regnamespace, 'evil_internal'::regnamespace) AND p.proowner <> '$attacker'::regrole},
	'0', 'all functions of the workspace belong to its owner');

# A table under forced row security may hold rows that its owner does not see.
runs($attacker, q{ALTER TABLE evil.customer ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY hidden ON evil.customer USING (evil.payload() AND false)}, 'the owner forces row security on customers');
refused($attacker, q{SELECT crm.drop_workspace('evil')}, qr/42501.*row-level security|workspace "evil" holds data/,
	'a workspace under forced row security is not dropped');
refused($superuser, q{SELECT crm.drop_workspace('evil')}, qr/42501.*row-level security|workspace "evil" holds data/,
	'a superuser does not drop a workspace under forced row security');
runs($superuser, q{SELECT crm.drop_workspace('evil', force => true)}, 'a superuser drops a workspace by force');
answers($superuser, "$is_superuser UNION ALL SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname LIKE 'evil%')", "f\nf",
	'a dropped workspace leaves nothing and made nobody a superuser');

system("dropdb $database") == 0 or die;
login_drop($_) for $attacker, $stranger, $keeper;
done_testing();

sub login_drop
{
	my ($role) = @_;
	system("dropuser $role") == 0 or die;
}
