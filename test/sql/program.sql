-- Programs in a workspace: what is refused, and how it is said.
\set SHOW_CONTEXT never
SET TimeZone = 'UTC';
SET DateStyle = ISO;
SET client_min_messages = warning;
SET crm.as_of = '2025-06-30';
SELECT crm.create_workspace('club', 'UTC');
INSERT INTO club.customer (customer_id, name) VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Cyd');
INSERT INTO club.sales_order (order_id, customer_id, ordered_at) VALUES (1, 1, '2025-01-10'),
	(2, 2, '2025-02-10');
INSERT INTO club.sales_order_line (order_id, line_no, unit_price) VALUES (1, 1, 3000), (2, 1, 100);

-- What does not exist
SELECT * FROM crm.review_tiers('clbu', 'standard');
SELECT * FROM crm.review_tiers('club', 'gold');
SELECT crm.program_policy('club', 'gold');
SELECT crm.tier_grant('club', 'gold', 1, 'gold', '2026-01-01');
SELECT crm.tier_grant('club', 'standard', 1, 'platinum', '2026-01-01');
SELECT crm.tier_grant('club', 'standard', 1, NULL, '2026-01-01');
SELECT crm.tier_grant('club', 'standard', 4, 'gold', '2026-01-01');
SELECT crm.tier_grant('club', 'standard', NULL, 'gold', '2026-01-01');
CREATE TABLE orders (who int, day date, amount numeric);
SELECT crm.attach('attached', 'orders', customer => 'who', at => 'day', amount => 'amount');
SELECT * FROM crm.review_tiers('attached', 'standard');
SELECT crm.tier_grant('attached', 'standard', 1, 'gold', '2026-01-01');
SELECT crm.drop_workspace('attached');

-- No program means all of them, and no day the day shown: here and in all functions of a workspace.
BEGIN;
INSERT INTO club.program (program) VALUES ('card');
INSERT INTO club.tier (program, tier_no, name) VALUES ('card', 0, 'member');
SELECT * FROM crm.review_tiers('club');
SELECT * FROM crm.review_tiers('club', program => NULL, as_of => NULL, replay => false);
SELECT program, as_of, members FROM club.tier_review ORDER BY 1, 2;
SELECT * FROM crm.review_tiers('club', as_of => '2025-05-31', replay => true);
SELECT * FROM crm.review_tiers('club', as_of => '2025-05-30');
ROLLBACK;
BEGIN;
DELETE FROM club.tier_rule;
DELETE FROM club.tier;
DELETE FROM club.program;
SELECT * FROM crm.review_tiers('club');
ROLLBACK;
BEGIN;
SELECT * FROM crm.review_stages('club', as_of => NULL);
SELECT as_of FROM club.lifecycle_review;
SELECT customers FROM crm.freeze_thresholds('club', as_of => NULL);
SELECT as_of FROM club.threshold;
SELECT crm.tier_grant('club', 'standard', 2, 'gold', '2025-12-31', as_of => NULL, note => NULL);
SELECT customer_id, valid_from, reason FROM club.tier_log;
ROLLBACK;

-- Days of a review
SELECT * FROM crm.review_tiers('club', 'standard', 'infinity');
SELECT * FROM crm.review_tiers('club', 'standard', '0044-03-15 BC');
SELECT * FROM crm.review_tiers('club', 'standard', '10000-01-01');
SELECT * FROM crm.review_tiers('club', 'standard');
SELECT * FROM crm.review_tiers('club', 'standard');
SELECT * FROM crm.review_tiers('club', 'standard', '2025-05-31');
SELECT * FROM crm.review_tiers('club', 'standard', '2025-05-31', replay => true);
SELECT customer_id, valid_from, valid_to, tier_no, reason, review_at, metrics, thresholds,
	counted_since, counted_until, enrolled_on, changed_on FROM club.tier_log
	ORDER BY 1, 2;
SELECT as_of, members, changes FROM club.tier_review;
SELECT * FROM crm.review_tiers('club', 'standard', '0001-01-01', replay => true);
-- The message has the day of today, so it is not shown.
DO $$
BEGIN
	PERFORM crm.review_tiers('club', 'standard', '9999-12-31');
EXCEPTION WHEN invalid_parameter_value THEN
	RAISE WARNING '%', regexp_replace(SQLERRM, 'today is .{10}$', 'today is earlier');
END $$;
SELECT * FROM crm.review_tiers('club', 'standard', '2025-05-31', replay => true);

-- A tier given by hand is a floor until a day, and is not taken back by a replay.
SELECT crm.tier_grant('club', 'standard', 2, 'gold', '2025-06-30');
SELECT crm.tier_grant('club', 'standard', 2, 'gold', NULL);
SELECT crm.tier_grant('club', 'standard', 2, 'gold', 'infinity');
SELECT crm.tier_grant('club', 'standard', 2, 'gold', '2025-12-31', as_of => '-infinity');
SELECT crm.tier_grant('club', 'standard', 2, 'gold', '2025-12-31', as_of => '2025-05-30');
SELECT crm.tier_grant('club', 'standard', 2, 'gold', '2025-12-31');
SELECT customer_id, tier, why, review_on, floor_until FROM club.customer_tier ORDER BY 1;
SELECT * FROM crm.review_tiers('club', 'standard', '2025-06-01', replay => true);
DELETE FROM club.tier_log WHERE reason = 'manual';
SELECT problem, object, detail, hint FROM crm.check_workspace('club') WHERE object = 'tier_log';
SELECT * FROM crm.review_tiers('club', 'standard', '2025-06-01', replay => true);

-- What a review has not heard of is not given.
BEGIN;
INSERT INTO club.tier (program, tier_no, name) VALUES ('standard', 3, 'platinum');
INSERT INTO club.tier_rule (program, tier_no, metric, enter_at)
	VALUES ('standard', 3, 'revenue_12m', 9000);
SELECT crm.tier_grant('club', 'standard', 2, 'platinum', '2025-12-31');
ROLLBACK;

-- Rules that contradict themselves: what one row shows, the table refuses.
\set VERBOSITY terse
INSERT INTO club.tier_rule (program, tier_no, metric, enter_at, keep_at)
	VALUES ('standard', 2, 'revenue', 100, 101);
INSERT INTO club.tier_rule (program, tier_no, metric, enter_at)
	VALUES ('standard', 2, 'revenue', 'NaN');
INSERT INTO club.tier_rule (program, tier_no, metric, enter_at, keep_at)
	VALUES ('standard', 2, 'revenue', 1, '-Infinity');
INSERT INTO club.tier_rule (program, tier_no, metric, enter_at)
	VALUES ('standard', 0, 'revenue', 100);
INSERT INTO club.tier_rule (program, tier_no, metric, enter_at, enter_share)
	VALUES ('standard', 2, 'revenue', 100, 0.1);
INSERT INTO club.tier_rule (program, tier_no, metric) VALUES ('standard', 2, 'revenue');
INSERT INTO club.tier_rule (program, tier_no, metric, enter_share)
	VALUES ('standard', 2, 'revenue', 1);
INSERT INTO club.tier_rule (program, tier_no, metric, enter_at) VALUES ('standard', 2, 'moon', 1);
INSERT INTO club.tier_rule (program, tier_no, metric, enter_at)
	VALUES ('standard', 3, 'revenue', 1);
UPDATE club.program SET window_length = '0';
UPDATE club.program SET valid_for = '-1 day';
UPDATE club.program SET grace = '-1 day';
UPDATE club.program SET points_expire_after = '-1 day';
UPDATE club.program SET time_zone = 'Moon/Tycho';
UPDATE club.program SET window_kind = 'weekly';
UPDATE club.program SET downgrade_step = 'two';
\set VERBOSITY default
UPDATE club.program SET grace = '1 day 3 hours';
\set VERBOSITY terse
UPDATE club.program SET window_length = '1 hour';
UPDATE club.program SET valid_for = '24:00';
UPDATE club.program SET min_stay = '1 month -1 day';
UPDATE club.program SET points_available_after = '36 hours';
UPDATE club.program SET points_expire_after = '1 year 1 second';
UPDATE club.program SET points_expire_after = '1 month -1 day';
\set VERBOSITY default

-- What several rows show, the review refuses and crm.check_workspace names. Each change is taken
-- back.
CREATE FUNCTION pg_temp.try(change text, program text DEFAULT 'standard') RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	message text; detail text; hint text;
	named text;
BEGIN
	EXECUTE change;
	BEGIN
		PERFORM crm.review_tiers('club', program, '2025-06-30');
		message := 'accepted';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
			hint = PG_EXCEPTION_HINT;
	END;
	SELECT string_agg(p.problem || ': ' || p.detail, '; ') INTO named
		FROM crm.check_workspace('club') p WHERE p.object LIKE 'program%';
	RAISE EXCEPTION USING ERRCODE = 'ZZZZZ',
		MESSAGE = concat_ws(E'\n', message, 'DETAIL ' || nullif(left(detail, 60), ''),
		'HINT ' || nullif(hint, ''), 'CHECK ' || named);
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
	RETURN SQLERRM;
END $$;
\pset format unaligned
\pset tuples_only on
SELECT pg_temp.try($$UPDATE club.tier_rule SET enter_at = enter_at$$);
-- no tier for everybody, or no tier at all
SELECT pg_temp.try($$INSERT INTO club.program (program) VALUES ('new');
	INSERT INTO club.tier (program, tier_no, name) VALUES ('new', 1, 'first');
	INSERT INTO club.tier_rule (program, tier_no, metric, enter_at)
		VALUES ('new', 1, 'revenue', 1)$$, 'new');
SELECT pg_temp.try($$INSERT INTO club.program (program) VALUES ('new')$$, 'new');
-- a higher tier that is easier to enter
SELECT pg_temp.try($$UPDATE club.tier_rule SET enter_at = 1000, keep_at = 500
	WHERE program = 'standard' AND tier_no = 2$$);
-- a tier without rules
SELECT pg_temp.try($$DELETE FROM club.tier_rule WHERE program = 'standard' AND tier_no = 2$$);
-- shares above one
SELECT pg_temp.try($$UPDATE club.tier_rule SET enter_at = NULL, keep_at = NULL, enter_share = 0.6
	WHERE program = 'standard'$$);
-- windows and lengths. An upgrade does not check the rows that are there.
SELECT pg_temp.try($$ALTER TABLE club.program DROP CONSTRAINT program_window_length_check;
	UPDATE club.program SET window_length = '1 hour' WHERE program = 'standard'$$);
SELECT pg_temp.try($$UPDATE club.program SET window_kind = 'calendar', downgrade = 'at_once'
	WHERE program = 'standard'$$);
-- a metric that is in no view
SELECT pg_temp.try($$INSERT INTO club.metric (metric, definition)
	VALUES ('moon', 'How full it is.'); UPDATE club.tier_rule SET metric = 'moon'
	WHERE program = 'standard'$$);
-- one that cannot be replayed can be reviewed
SELECT pg_temp.try($$UPDATE club.tier_rule SET metric = 'referrals' WHERE program = 'standard'$$);
BEGIN;
UPDATE club.tier_rule SET metric = 'referrals' WHERE program = 'standard';
SELECT crm.tier_at(crm.program_policy('club', 'standard'), '[["2025-01-01",1,1]]', '2025-06-30');
ROLLBACK;

-- Rows of tier_log written by hand that overlap
INSERT INTO club.tier_log (program, customer_id, valid_from, valid_to, tier_no, reason) VALUES
	('standard', 1, '2025-03-01', '2025-04-01', 1, 'manual'),
		('standard', 1, '2025-03-15', '2025-05-01', 2, 'manual');
SELECT problem, object, detail, hint FROM crm.check_workspace('club')
	WHERE problem NOT LIKE 'histories%';
\set VERBOSITY terse
INSERT INTO club.tier_log (program, customer_id, valid_from, tier_no, reason)
	VALUES ('standard', 1, '2025-07-01', 1, 'manual');
INSERT INTO club.tier_log (program, customer_id, valid_from, valid_to, tier_no, reason)
	VALUES ('standard', 1, '2024-03-01', '2024-03-01', 1, 'manual');
SET client_min_messages = error;
SELECT crm.drop_workspace('club', force => true);
DROP TABLE orders;
