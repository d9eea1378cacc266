-- Reviews check the references of all rows that they write to a log by one
-- query, and not row by row. The foreign keys hold all the same.
\ir setup/workspace.sql

SELECT crm.create_workspace('crm_refer', 'UTC') \g /dev/null
INSERT INTO crm_refer.customer (customer_id, name, created_at)
	SELECT g, 'customer ' || g, '2024-01-01' FROM generate_series(1, 9) g;
INSERT INTO crm_refer.sales_order (order_id, customer_id, ordered_at)
	SELECT g, g, timestamptz '2025-01-01 12:00+00' + g * interval '1 day'
	  FROM generate_series(1, 9) g;
INSERT INTO crm_refer.sales_order_line (order_id, line_no, unit_price)
	SELECT g, 1, 700 * g FROM generate_series(1, 9) g;
\set written 'INSERT INTO crm_refer.tier_log (program, customer_id, valid_from, tier_no, reason) '
\set stranger ' SELECT ''standard'', 99, ''2025-01-01'', 0, ''enroll'' '

-- By hand
SELECT throws_ok(:'written' || :'stranger', '23503', NULL,
	'a row of tier_log by hand is refused where its customer does not exist');
SELECT throws_ok(:'written' || $$ SELECT 'standard', 1, '2025-01-01', 77, 'enroll' $$, '23503',
	NULL, 'a row of tier_log by hand is refused where its tier does not exist');

-- Said to be checked
SAVEPOINT said;
SELECT lives_ok(:'written' || :'stranger'
	|| $$ FROM crm_internal.references_checked('crm_refer.tier_log') $$,
	'a statement that says so checks no reference of the rows that it writes');
SELECT throws_ok(:'written' || $$ SELECT 'standard', 98, '2025-01-01', 0, 'enroll' $$, '23503',
	NULL, 'the next statement checks the references of its rows');
ROLLBACK TO said;
SELECT throws_ok(:'written' || :'stranger'
	|| $$ FROM crm_internal.references_checked('crm_refer.lifecycle_log') $$, '23503', NULL,
	'the references of another table are checked all the same');
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'the trigger was fired';
END $$;
SAVEPOINT own;
CREATE TRIGGER own AFTER INSERT ON crm_refer.tier_log FOR EACH ROW
	EXECUTE FUNCTION pg_temp.refuse();
SELECT throws_ok(:'written' || :'stranger'
	|| $$ FROM crm_internal.references_checked('crm_refer.tier_log') $$, 'P0001',
	'the trigger was fired', 'a trigger of the owner is fired where references are not checked');
ROLLBACK TO own;
CREATE ROLE crm_refer_writer;
GRANT USAGE ON SCHEMA crm_refer TO crm_refer_writer;
GRANT INSERT ON crm_refer.tier_log TO crm_refer_writer;
SET LOCAL ROLE crm_refer_writer;
SELECT throws_ok(:'written' || :'stranger'
	|| $$ FROM crm_internal.references_checked('crm_refer.tier_log') $$, '42501', NULL,
	'a role that may only write to a log cannot leave out the checks of its references');
RESET ROLE;

-- By a review
SAVEPOINT gone;
INSERT INTO crm_refer.customer_history (customer_id, history)
	VALUES (99, '[["2025-01-03", 1, 800]]');
SELECT throws_like($$SELECT crm.review_tiers('crm_refer', 'standard', '2025-02-01')$$,
	'1 customers of the review are not in the table customer',
	'a review of tiers is refused where a customer with a history does not exist');
ROLLBACK TO gone;
SAVEPOINT added;
ALTER VIEW crm_refer.customer_metric RENAME TO metric_before;
CREATE VIEW crm_refer.customer_metric AS
	SELECT k.* FROM crm_refer.metric_before k
	UNION ALL
	SELECT (jsonb_populate_record(k, '{"customer_id": 99}')).* FROM crm_refer.metric_before k
	 WHERE k.customer_id = 1;
SELECT throws_like($$SELECT crm.review_stages('crm_refer', '2025-02-01')$$,
	'1 customers of the review are not in the table customer',
	'a review of stages is refused where a customer with metrics does not exist');
ROLLBACK TO added;
SAVEPOINT inside;
SET LOCAL search_path = crm_refer, public;
SELECT throws_like($$SELECT crm_internal.tiers_lock(crm.make_tier_policy(
	'[{"tier_no": 0, "name": "base"}, {"tier_no": 9, "name": "top",
	   "rules": [{"metric": "revenue", "enter_at": 5}]}]'), 'standard')$$,
	'program "standard" has no tier number 9',
	'a policy is refused where one of its tiers does not exist');
SELECT throws_like($$SELECT crm_internal.stages_lock('[{"label": "lost", "conditions": []}]')$$,
	'there is no stage "lost"', 'rules are refused where one of their stages does not exist');
ROLLBACK TO inside;

-- In parts
CREATE FUNCTION pg_temp.parts(customers bigint) RETURNS bigint[] LANGUAGE plpgsql
	SET search_path = crm_refer_internal, crm_refer, pg_catalog AS $$
BEGIN
	RETURN ARRAY(SELECT crm_internal.tier_parts(program_policy('standard'), customers));
END $$;
CREATE FUNCTION pg_temp.reviewed(customers bigint) RETURNS text LANGUAGE plpgsql
	SET search_path = crm_refer_internal, crm_refer, pg_catalog SET crm.as_of = '2025-02-01' AS $$
DECLARE
	rows text;
BEGIN
	PERFORM crm_internal.tier_write_part(program_policy('standard'), 'standard', '2025-02-01',
			coalesce(p.before + 1, -9223372036854775808), p.last_key)
	   FROM (SELECT k AS last_key, lag(k) OVER (ORDER BY k) AS before
			   FROM crm_internal.tier_parts(program_policy('standard'), customers) k) p;
	SELECT string_agg(l::text, E'\n' ORDER BY l.customer_id) INTO rows FROM tier_log l;
	DELETE FROM tier_log;
	RETURN rows;
END $$;
SELECT is(pg_temp.parts(4), '{4,8,9223372036854775807}',
	'a part of a review ends with the customer who completes its number');
SELECT is(pg_temp.reviewed(4), pg_temp.reviewed(100),
	'a review in parts decides as a review of all customers at once');
SELECT isnt(pg_temp.reviewed(4), NULL, 'a review in parts writes rows');

SELECT * FROM finish();
ROLLBACK;
