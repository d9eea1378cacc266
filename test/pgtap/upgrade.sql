-- Whether a workspace is as it was shipped, and how it becomes so. Damage, age
-- and what a person changed are told apart.
\ir setup/begin.sql
SET LOCAL search_path = public;
SELECT * FROM no_plan();

SELECT crm.create_workspace('crm_twin', 'UTC') \g /dev/null
CREATE TABLE public.bought (who text COLLATE "ucs_basic", day date, amount numeric, cost numeric);
INSERT INTO public.bought SELECT 'buyer ' || g % 50, date '2025-01-01' + g % 90, g, 1
	FROM generate_series(1, 300) g;
CREATE INDEX ON public.bought (who);
SELECT crm.attach('crm_twin_shop', 'public.bought', 'who', 'day', 'amount', cost => 'cost',
	filter => 'amount > 0') \g /dev/null
CREATE ROLE crm_twin_reader;
CREATE ROLE crm_twin_superuser SUPERUSER;

-- Reports of a check, but for histories that wait for a refresh.
CREATE FUNCTION pg_temp.found(workspace text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT problem || ': ' || object FROM crm.check_workspace(workspace)
	 WHERE problem <> 'histories out of date' $$;

-- What a check reports after a statement, and after an upgrade that may overwrite.
-- Nothing of it stays.
CREATE FUNCTION pg_temp.after(workspace text, statement text, OUT report text, OUT mended text)
	LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		EXECUTE format('SET LOCAL search_path = %I, %I, public', workspace || '_internal',
					   workspace);
		EXECUTE statement;
		SELECT string_agg(f, '; ' ORDER BY f) INTO report FROM pg_temp.found(workspace) f;
		IF report IS NOT NULL THEN
			PERFORM crm.upgrade_workspace(workspace, overwrite => true);
			SELECT string_agg(f, '; ' ORDER BY f) INTO mended FROM pg_temp.found(workspace) f;
		END IF;
		RAISE EXCEPTION USING ERRCODE = 'CRM99';
	EXCEPTION WHEN SQLSTATE 'CRM99' THEN
		NULL;
	END;
END
$$;

SELECT is_empty($$SELECT pg_temp.found('crm_twin')$$, 'a new workspace has no problem');
SELECT is_empty($$SELECT pg_temp.found('crm_twin_shop')$$, 'a new attached workspace has none');
SELECT is(crm.upgrade_workspace('crm_twin'), 0::bigint, 'a new workspace needs no upgrade');
SELECT is(crm.upgrade_workspace('crm_twin_shop'), 0::bigint,
	'a new attached workspace needs no upgrade');

-- Damage
SELECT unnest(ARRAY[
		is(a.report, d.report, 'a check finds: ' || d.what),
		is(a.mended, d.remains, 'an upgrade that overwrites mends: ' || d.what)])
  FROM (VALUES
	('a view with another query', 'view changed: customer_stage', NULL,
	 $$DO 'BEGIN EXECUTE ''CREATE OR REPLACE VIEW crm_twin.customer_stage ''
		|| ''WITH (security_invoker) AS ''
		|| replace(pg_get_viewdef(''customer_stage''::regclass), '';'', '' LIMIT 3;''); END'$$),
	('a view without security_invoker', 'options changed: shown_day', NULL,
	 $$ALTER VIEW shown_day SET (security_invoker = false)$$),
	('a view with a security barrier', 'options changed: shown_day', NULL,
	 $$ALTER VIEW shown_day SET (security_barrier = true)$$),
	('a view that was dropped', 'view missing: growth_daily', NULL, $$DROP VIEW growth_daily$$),
	('a function with another volatility', 'function changed: lifecycle_rules()', NULL,
	 $$ALTER FUNCTION lifecycle_rules() VOLATILE$$),
	('a function with other rights', 'function changed: lifecycle_rules()', NULL,
	 $$ALTER FUNCTION lifecycle_rules() SECURITY DEFINER$$),
	('a function with a search path', 'path changed: lifecycle_rules()', NULL,
	 $$ALTER FUNCTION lifecycle_rules() SET search_path = public$$),
	('a function with another body',
	 'function changed: timeout_text(integer,interval,text,text)', NULL,
	 $$CREATE OR REPLACE FUNCTION timeout_text(idle_days integer, after_idle interval, stage text,
		next_stage text) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE RETURN 'none'$$),
	('a column of another type', 'column changed: campaign.kind', 'column changed: campaign.kind',
	 $$ALTER TABLE campaign ALTER COLUMN kind TYPE varchar(10)$$),
	('a column that was dropped', 'column missing: contact.title', NULL,
	 $$ALTER TABLE contact DROP COLUMN title CASCADE$$),
	('a default', 'default changed: customer.kind', NULL,
	 $$ALTER TABLE customer ALTER COLUMN kind SET DEFAULT 'person'$$),
	('a default that was dropped', 'default changed: tier_log.decided_at', NULL,
	 $$ALTER TABLE tier_log ALTER COLUMN decided_at DROP DEFAULT$$),
	('a column that may be NULL', 'null changed: customer.name', NULL,
	 $$ALTER TABLE customer ALTER COLUMN name DROP NOT NULL$$),
	('a comment', 'comment changed: customer.name', NULL,
	 $$COMMENT ON COLUMN customer.name IS 'Something else.'$$),
	('an index that was dropped', 'index missing: contact', NULL,
	 $$DROP INDEX contact_customer_id_idx$$),
	('a check that was dropped', 'constraint missing: customer', NULL,
	 $$ALTER TABLE customer DROP CONSTRAINT customer_kind_check$$),
	('a foreign key with another action', 'constraint missing: contact', NULL,
	 $$ALTER TABLE contact DROP CONSTRAINT contact_customer_id_fkey,
		ADD CONSTRAINT contact_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES customer
			ON DELETE CASCADE$$),
	('a trigger that was disabled', 'trigger disabled: refund.crm_note_insert', NULL,
	 $$ALTER TABLE refund DISABLE TRIGGER crm_note_insert$$),
	('a trigger that was dropped', 'trigger missing: refund.crm_note_insert', NULL,
	 $$DROP TRIGGER crm_note_insert ON refund$$),
	('foreign keys that are switched off',
		'constraint changed: contact; constraint changed: interaction; '
		'constraint changed: opportunity; constraint changed: service_case; '
		'constraint changed: survey_answer', NULL,
	 $$ALTER TABLE contact DISABLE TRIGGER ALL$$),
	('a replica identity', 'table changed: customer_change', NULL,
	 $$ALTER TABLE customer_change REPLICA IDENTITY DEFAULT$$),
	('a metric that was deleted', 'row missing: metric.tenure', NULL,
	 $$DELETE FROM metric WHERE metric = 'tenure'$$),
	('a right of the owner', 'right changed: product.owner', NULL,
	 $$DO 'BEGIN EXECUTE format(''REVOKE DELETE ON product FROM %I'', current_user); END'$$),
	('a right for everybody', 'right changed: product.everybody', NULL,
	 $$GRANT SELECT ON product TO PUBLIC$$),
	('another owner', 'owner changed: product', NULL,
	 $$ALTER TABLE product OWNER TO crm_twin_superuser$$)
	) AS d (what, report, remains, statement)
 CROSS JOIN LATERAL pg_temp.after('crm_twin', d.statement) a;

SELECT unnest(ARRAY[
		is(a.report, d.report, 'a check of an attached workspace finds: ' || d.what),
		is(a.mended, NULL, 'an upgrade of an attached workspace mends: ' || d.what)])
  FROM (VALUES
	('a view over the source', 'view changed: source_row',
	 $$DO 'BEGIN EXECUTE ''CREATE OR REPLACE VIEW source_row WITH (security_invoker) AS ''
		|| replace(pg_get_viewdef(''source_row''::regclass), '';'', '' AND true;''); END'$$),
	('a trigger on the source', 'trigger missing: public.bought',
	 $$DROP TRIGGER crm_crm_twin_shop_insert ON public.bought$$)
	) AS d (what, report, statement)
 CROSS JOIN LATERAL pg_temp.after('crm_twin_shop', d.statement) a;

-- What a person adds is no damage.
SELECT is(a.report, NULL, 'a check is silent about ' || d.what)
  FROM (VALUES
	('a column', $$ALTER TABLE customer ADD COLUMN shoe_size numeric DEFAULT 42$$),
	('an index', $$CREATE INDEX ON customer (region)$$),
	('an index under another name', $$DROP INDEX contact_customer_id_idx;
		CREATE INDEX mine ON contact (customer_id)$$),
	('a view', $$CREATE VIEW mine AS SELECT * FROM customer_metric$$),
	('a function', $$CREATE FUNCTION mine() RETURNS int LANGUAGE sql RETURN 1$$),
	('a check', $$ALTER TABLE customer ADD CHECK (name <> '')$$),
	('a trigger', $$CREATE FUNCTION mine() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN RETURN NEW; END'; CREATE TRIGGER mine BEFORE INSERT ON customer FOR EACH ROW
		EXECUTE FUNCTION mine()$$),
	('grants', $$GRANT SELECT ON ALL TABLES IN SCHEMA crm_twin TO crm_twin_reader$$),
	('policies', $$SELECT crm.restrict_customers('crm_twin', 'crm_twin_reader', 'true')$$),
	('storage', $$ALTER TABLE customer ALTER COLUMN traits SET STORAGE EXTERNAL;
		ALTER TABLE customer SET (fillfactor = 80)$$),
	('edited rules', $$UPDATE tier_rule SET enter_at = 9000, keep_at = 8000 WHERE tier_no = 2;
		DELETE FROM lifecycle_rule WHERE stage = 'advocacy'$$),
	('rules of their own',
	 $$INSERT INTO tier (program, tier_no, name) VALUES ('standard', 3, 'top');
		INSERT INTO tier_rule (program, tier_no, metric, enter_at)
		VALUES ('standard', 3, 'revenue_12m', 90000)$$)
	) AS d (what, statement)
 CROSS JOIN LATERAL pg_temp.after('crm_twin', d.statement) a;

-- An upgrade leaves what somebody changed, names it, and makes what is missing.
SAVEPOINT changed;
DROP VIEW crm_twin.growth_daily;
DROP TABLE crm_twin.consent CASCADE;
ALTER TABLE crm_twin.customer ALTER COLUMN kind SET DEFAULT 'person';
DELETE FROM crm_twin.lifecycle_rule WHERE stage = 'advocacy';
SELECT cmp_ok(crm.upgrade_workspace('crm_twin'), '>', 1::bigint,
	'an upgrade makes a table and a view that are missing');
SELECT results_eq($$SELECT pg_temp.found('crm_twin')$$,
	$$VALUES ('default changed: customer.kind')$$,
	'an upgrade leaves a default that somebody changed');
SELECT is(crm.upgrade_workspace('crm_twin'), 0::bigint, 'a second upgrade has nothing to do');
SELECT cmp_ok(crm.upgrade_workspace('crm_twin', overwrite => true), '=', 1::bigint,
	'an upgrade that overwrites puts the default back');
SELECT is_empty($$SELECT FROM crm_twin.lifecycle_rule WHERE stage = 'advocacy'$$,
	'rules that the owner deleted stay away');
ROLLBACK TO changed;

-- Scores that come with a version: those of a model that has rows are the owner's.
SAVEPOINT scored;
DELETE FROM crm_twin.score_item;
DELETE FROM crm_twin.score_band;
INSERT INTO crm_twin.score_item (model, metric, weight, breaks, points)
VALUES ('value', 'revenue', 1, '{100}', '{0,1}');
UPDATE crm_twin_internal.shipped s
   SET definition = regexp_replace(s.definition, 'INSERT INTO score_(item|band) [^;]*;', '', 'g');
UPDATE crm_twin.workspace SET crm_version = '0.0';
SELECT cmp_ok(crm.upgrade_workspace('crm_twin'), '>', 20::bigint,
	'an upgrade makes the scores of this version');
SELECT results_eq($$SELECT metric FROM crm_twin.score_item WHERE model = 'value'$$,
	$$VALUES ('revenue')$$, 'an upgrade leaves a score that has rows as it is');
SELECT is((SELECT count(DISTINCT model) FROM crm_twin.score_item), 7::bigint,
	'an upgrade makes the other scores');
SELECT is((SELECT count(*) FROM crm_twin.score_band), 3::bigint,
	'an upgrade makes the bands of health');
SELECT is_empty($$SELECT pg_temp.found('crm_twin')$$,
	'a check is silent about a score of their own');
ROLLBACK TO scored;

-- Age: the workspace and the definitions that it keeps are of an earlier version.
CREATE FUNCTION pg_temp.age(part text, earlier text, later text) RETURNS void LANGUAGE sql AS $$
	UPDATE crm_twin_internal.shipped s SET definition = replace(s.definition, later, earlier)
	 WHERE s.part = age.part AND strpos(s.definition, later) > 0 $$;
SAVEPOINT age;
ALTER TABLE crm_twin.contact DROP COLUMN phone;
ALTER TABLE crm_twin.customer DROP CONSTRAINT customer_kind_check;
DROP INDEX crm_twin.contact_customer_id_idx;
ALTER TABLE crm_twin.customer ALTER COLUMN kind SET DEFAULT 'firm';
DELETE FROM crm_twin.metric WHERE metric = 'tenure';
CREATE OR REPLACE VIEW crm_twin.shown_day WITH (security_invoker) AS
SELECT current_date AS day;
SELECT pg_temp.age('tables', E'\temail text\n);', E'\temail text,\n\tphone text\n);') \g /dev/null
SELECT pg_temp.age('tables', '',
	E'COMMENT ON COLUMN contact.phone IS ''Telephone number.'';\n') \g /dev/null
SELECT pg_temp.age('tables', 'DEFAULT ''firm''',
	'DEFAULT ''organization'' CHECK (kind IN (''organization'', ''person''))') \g /dev/null
SELECT pg_temp.age('tables', '', E'CREATE INDEX ON contact (customer_id);\n') \g /dev/null
SELECT pg_temp.age('rules', '',
	E'\t(''tenure'', ''days'', true, ''Days since the first purchase.''),\n') \g /dev/null
SELECT pg_temp.age('workspace', 'SELECT current_date',
	E'SELECT coalesce(crm_internal.as_of_setting(),\n'
	'\t\t\t\t(SELECT crm_internal.today(w.time_zone) FROM workspace w))') \g /dev/null
UPDATE crm_twin.workspace SET crm_version = '0.0';
INSERT INTO crm_twin.customer (customer_id, name, kind) VALUES (1, 'Ada', 'firm');
ALTER TABLE crm_twin.product ALTER COLUMN name SET DEFAULT 'unnamed';
SELECT set_eq($$
	SELECT d.kind, d.object, d.verdict FROM crm_internal.reported(
	ARRAY(SELECT f FROM crm_internal.workspace_differences('crm_twin') f)) d$$,
	$$VALUES ('column', 'contact', 'old'), ('constraint', 'customer', 'old'),
			 ('index', 'contact', 'old'), ('default', 'customer', 'old'), ('row', 'metric', 'old'),
			 ('view', 'shown_day', 'old'), ('default', 'product', 'changed')$$,
	'what is of an earlier version is told apart from what somebody changed');
SELECT xmin AS before FROM pg_class WHERE oid = 'crm_twin.growth'::regclass \gset
SELECT cmp_ok(crm.upgrade_workspace('crm_twin'), '>=', 6::bigint,
	'an upgrade brings up what is of an earlier version');
SELECT results_eq($$SELECT pg_temp.found('crm_twin') ORDER BY 1$$,
	$$VALUES ('constraint changed: customer'), ('default changed: product.name')$$,
	'a new check on rows waits for its validation, and what somebody changed is left');
SELECT is((SELECT xmin FROM pg_class WHERE oid = 'crm_twin.growth'::regclass)::text, :'before',
	'an upgrade does not touch a view that is as it was shipped');
SELECT is((SELECT crm_version FROM crm_twin.workspace), crm.version(),
	'an upgrade notes the version');
ROLLBACK TO age;

-- A setting that an attached workspace of an earlier version lacks
SAVEPOINT setting;
ALTER TABLE crm_twin_shop.workspace DROP COLUMN fit_every;
UPDATE crm_twin_shop_internal.shipped s
   SET definition = regexp_replace(s.definition, '\n[^\n]*fit_every[^\n]*', '', 'g')
 WHERE s.part = 'workspace';
SELECT cmp_ok(crm.upgrade_workspace('crm_twin_shop'), '>', 0::bigint,
	'an upgrade adds a setting to an attached workspace');
SELECT is((SELECT fit_every FROM crm_twin_shop.workspace), interval '1 month',
	'a new setting has its default');
SELECT is_empty($$SELECT pg_temp.found('crm_twin_shop')$$,
	'the check on a new setting is not left for later');
ROLLBACK TO setting;

-- What somebody built upon a view with fewer columns goes on.
SAVEPOINT aside;
DROP VIEW crm_twin.points_lot CASCADE;
CREATE VIEW crm_twin.points_lot WITH (security_invoker) AS SELECT text 'one' AS customer_id;
GRANT SELECT ON crm_twin.points_lot TO crm_twin_reader;
CREATE VIEW public.mine AS SELECT customer_id FROM crm_twin.points_lot;
SELECT crm.upgrade_workspace('crm_twin', overwrite => true) \g /dev/null
SELECT is_empty($$SELECT pg_temp.found('crm_twin')$$,
	'a view whose columns changed is replaced');
SELECT is((SELECT customer_id FROM public.mine), 'one',
	'what somebody built upon the former view goes on');
SELECT ok(has_table_privilege('crm_twin_reader', 'crm_twin.points_lot', 'SELECT'),
	'the new view may be read by whoever could read the former one');
ALTER VIEW crm_twin.points_lot RENAME TO lot_of_before;
CREATE VIEW crm_twin.points_lot WITH (security_invoker) AS SELECT text 'two' AS customer_id;
CREATE VIEW public.mine_too AS SELECT customer_id FROM crm_twin.points_lot;
SELECT lives_ok($$SELECT crm.upgrade_workspace('crm_twin', overwrite => true)$$,
	'a second view is set aside beside the first');
SELECT is((SELECT customer_id FROM public.mine_too), 'two',
	'what somebody built upon the second one goes on');
CREATE VIEW public.shop_value AS SELECT revenue FROM crm_twin_shop.customer_value;
SELECT throws_ok($$SELECT crm.drop_workspace('crm_twin_shop')$$, '2BP01',
	'objects of other schemas stand on workspace "crm_twin_shop"',
	'a workspace on which a view stands is not dropped');
DROP VIEW public.shop_value;
CREATE TABLE public.run (run_id bigint REFERENCES crm_twin_shop.refresh_run);
SELECT throws_ok($$SELECT crm.drop_workspace('crm_twin_shop')$$, '2BP01',
	'objects of other schemas stand on workspace "crm_twin_shop"',
	'a workspace to which a table refers is not dropped');
DROP TABLE public.run;
SELECT lives_ok($$SELECT crm.drop_workspace('crm_twin_shop')$$,
	'a workspace on which nothing stands is dropped');
ROLLBACK TO aside;

-- A schema or a source that has another name
SAVEPOINT renamed;
ALTER SCHEMA crm_twin_shop RENAME TO "crm twin's shop";
SELECT crm.upgrade_workspace('crm twin''s shop') \g /dev/null
SELECT is_empty($$SELECT pg_temp.found('crm twin''s shop')$$,
	'an upgrade of a renamed workspace leaves no problem');
ALTER TABLE public.bought RENAME COLUMN amount TO total;
SELECT is_empty($$SELECT f FROM pg_temp.found('crm twin''s shop') f WHERE f !~ 'source'$$,
	'a renamed column of the source is no damage of the workspace');
ROLLBACK TO renamed;

-- Keys whose type has a schema of its own, and the second schema is lost.
SAVEPOINT keyed;
CREATE SCHEMA crm_types;
CREATE DOMAIN crm_types.short AS text;
CREATE TABLE public.visited (who crm_types.short, day date, amount numeric);
SELECT crm.attach('crm_twin_keys', 'public.visited', 'who', 'day', 'amount') \g /dev/null
DROP SCHEMA crm_twin_keys_internal CASCADE;
SELECT crm.upgrade_workspace('crm_twin_keys') \g /dev/null
SELECT is_empty($$SELECT f FROM pg_temp.found('crm_twin_keys') f WHERE f !~ 'index missing'$$,
	'an upgrade makes the second schema anew, whatever the schema of the type of the keys');
ROLLBACK TO keyed;

-- A foreign key that is switched off, in a workspace whose owner is no superuser
SAVEPOINT plain;
CREATE ROLE crm_twin_plain;
DO $$
BEGIN
	EXECUTE format('GRANT CREATE ON DATABASE %I TO crm_twin_plain', current_database());
END
$$;
SET LOCAL ROLE crm_twin_plain;
SELECT crm.create_workspace('crm_twin_plain', 'UTC') \g /dev/null
INSERT INTO crm_twin_plain.customer (customer_id, name) VALUES (1, 'Ada');
INSERT INTO crm_twin_plain.contact (customer_id, name) VALUES (1, 'Bob');
RESET ROLE;
ALTER TABLE crm_twin_plain.contact RENAME CONSTRAINT contact_customer_id_fkey TO mine;
ALTER TABLE crm_twin_plain.contact DISABLE TRIGGER ALL;
SELECT crm.upgrade_workspace('crm_twin_plain', overwrite => true) \g /dev/null
SELECT throws_ok($$INSERT INTO crm_twin_plain.contact (customer_id, name) VALUES (7, 'Eve')$$,
	'23503', NULL, 'an upgrade puts a foreign key in force, whoever owns the workspace');
SELECT results_eq($$SELECT detail, hint FROM crm.check_workspace('crm_twin_plain')
	WHERE problem LIKE 'constraint%'$$,
	$$VALUES ('FOREIGN KEY (customer_id) REFERENCES customer(customer_id) is not valid',
		'ALTER TABLE crm_twin_plain.contact VALIDATE CONSTRAINT contact_customer_id_fkey;')$$,
	'its rows are checked by the statement of the hint');
ROLLBACK TO plain;

SELECT results_eq($$SELECT workspace::text, bytes FROM crm.workspaces
	WHERE workspace LIKE 'crm\_twin%' ORDER BY 1$$,
	$$SELECT replace(n.nspname, '_internal', ''), sum(pg_total_relation_size(c.oid))::bigint
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	   WHERE n.nspname ~ '^crm_twin(_shop)?(_internal)?$' AND c.relkind = 'r'
	   GROUP BY 1 ORDER BY 1$$,
	'the size of a workspace counts both schemas');

-- Objects of a twin never stay.
SELECT is_empty($$SELECT nspname FROM pg_namespace WHERE nspname ~ '^crm_twin_[0-9]'$$,
	'no twin is left behind');

SELECT * FROM finish();
ROLLBACK;
