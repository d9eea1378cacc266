-- The terms of contracts: trials, renewals late and early, free times, notice,
-- fixed terms, and what recurring, renewal, metrics and stages make of them. At
-- random, against a walk in PL/pgSQL that asks for each day.
\ir setup/workspace.sql

SELECT crm.create_workspace('crm_terms', 'UTC') \g /dev/null
INSERT INTO crm_terms.customer (customer_id, name, created_at) SELECT g, 'customer ' || g,
	'2024-01-01' FROM generate_series(1, 40) g;
CREATE FUNCTION pg_temp.stage(customer bigint, day date DEFAULT '2025-03-31') RETURNS text
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('crm.as_of', day::text, true);
	RETURN (SELECT stage FROM crm_terms.customer_stage WHERE customer_id = customer);
END $$;
-- The months in which something moved for one customer: the others are set aside, and put back.
CREATE FUNCTION pg_temp.moves(customer bigint, day date DEFAULT '2025-03-31') RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	BEGIN
		UPDATE crm_terms.contract SET starts_on = '2200-01-01', ends_on = NULL, cancelled_on = NULL
		 WHERE customer_id <> customer;
		SELECT string_agg(to_char(period, 'YY-MM') || concat(
				' new ' || nullif(new, 0), ' expansion ' || nullif(expansion, 0),
				' contraction ' || nullif(contraction, 0), ' churn ' || nullif(churn, 0),
				' completed ' || nullif(completed, 0), ' reactivation ' || nullif(reactivation, 0),
				' left ' || nullif(customers_churned, 0)), ', ' ORDER BY period) INTO answer
		  FROM crm_terms.recurring_at(day)
		 WHERE (new, expansion, contraction, churn, completed, reactivation, customers_churned)
			<> (0, 0, 0, 0, 0, 0, 0);
		RAISE assert_failure;
	EXCEPTION WHEN assert_failure THEN
		RETURN answer;
	END;
END $$;

INSERT INTO crm_terms.contract (contract_id, customer_id, starts_on, ends_on, monthly_amount,
	cancelled_on, renews_id, is_fixed_term) VALUES
	-- 1: a trial, 2: withdrawn, 3: a trial that was converted, 4: a trial that runs
	(1, 1, '2025-01-01', '2025-02-01', 0, NULL, NULL, false),
	(2, 2, '2025-01-10', '2026-01-10', 50, '2025-01-10', NULL, false),
	(3, 3, '2025-01-01', '2025-02-01', 0, NULL, NULL, false),
	(4, 3, '2025-02-01', NULL, 60, NULL, 3, false),
	(5, 4, '2025-03-15', '2025-04-15', 0, NULL, NULL, false),
	-- 5: upgraded after two weeks of a month, 6: renewed 4 days late, 7: before the end
	(6, 5, '2025-03-01', '2025-04-01', 50, NULL, NULL, false),
	(7, 5, '2025-03-15', NULL, 80, NULL, 6, false),
	(8, 6, '2024-03-01', '2025-03-01', 50, NULL, NULL, false),
	(9, 6, '2025-03-05', NULL, 50, NULL, 8, false),
	(10, 7, '2024-01-01', '2025-01-01', 50, NULL, NULL, false),
	(11, 7, '2024-12-01', NULL, 60, NULL, 10, false),
	-- 8: a course, 9: a free month, 10: notice, 11: in and out within a month
	(12, 8, '2025-01-01', '2025-03-01', 50, NULL, NULL, true),
	(13, 9, '2024-12-01', '2025-01-01', 50, NULL, NULL, false),
	(14, 9, '2025-01-01', '2025-02-01', 0, NULL, 13, false),
	(15, 9, '2025-02-01', NULL, 50, NULL, 14, false),
	(16, 10, '2024-06-01', '2024-12-23', 50, '2024-11-03', NULL, false),
	(17, 11, '2024-11-05', '2024-11-20', 50, NULL, NULL, false),
	(18, 11, '2025-01-20', NULL, 50, NULL, NULL, false);
SELECT is(pg_temp.stage(1), 'awareness', 'a trial that was not converted makes no customer');
SELECT is(pg_temp.moves(1), NULL, 'a trial that was not converted moves no revenue');
SELECT is(pg_temp.stage(1, '2025-01-15'), 'consideration',
	'a trial is consideration while it runs');
SELECT is(pg_temp.stage(2), 'awareness', 'a contract that was withdrawn at once leaves no trace');
SELECT is(pg_temp.moves(2), NULL, 'a contract that was withdrawn at once moves no revenue');
SELECT is_empty('SELECT FROM crm_terms.contract_term_at(''2025-03-31'') WHERE customer_id = 2',
	'a contract that was withdrawn at once is no term');
SELECT is(pg_temp.stage(3), 'purchase', 'the end of a trial is no renewal');
SELECT is(pg_temp.moves(3), '25-02 new 60', 'a converted trial is new when it is paid');
SELECT is(pg_temp.stage(4), 'consideration', 'a trial that runs is consideration');
SELECT is(pg_temp.stage(5), 'purchase', 'an upgrade is no renewal');
SELECT is(pg_temp.stage(5, '2025-04-02'), 'purchase',
	'an upgrade is no renewal after the end that was planned either');
SELECT is(pg_temp.moves(5), '25-03 new 80', 'an upgrade within the first month is new as a whole');
SELECT is(pg_temp.stage(6), 'loyalty', 'a renewal four days late is a renewal');
SELECT is(pg_temp.moves(6), '24-03 new 50', 'a renewal four days late is no churn');
DELETE FROM crm_terms.contract WHERE contract_id = 9;
SELECT is(pg_temp.stage(6, '2025-03-03'), 'purchase', 'two days after its end a contract is due');
SELECT is(pg_temp.stage(6, '2025-03-30'), 'purchase', 'a contract is due for 30 days');
SELECT is(pg_temp.stage(6, '2025-03-31'), 'churned', 'after 30 days a contract has lapsed');
SELECT is(pg_temp.moves(6, '2025-03-03'), '24-03 new 50, 25-03 churn 50 left 1',
	'money ends on the day of the end');
UPDATE crm_terms.workspace SET renewal_days = 3;
SELECT is(pg_temp.stage(6, '2025-03-03'), 'purchase', 'with renewal_days 3, two days later is due');
SELECT is(pg_temp.stage(6, '2025-03-04'), 'churned',
	'with renewal_days 3, the third day is too late');
INSERT INTO crm_terms.contract (contract_id, customer_id, starts_on, monthly_amount, renews_id)
	VALUES (9, 6, '2025-03-05', 50, 8);
SELECT is(pg_temp.stage(6), 'purchase', 'with renewal_days 3, four days late is a new contract');
UPDATE crm_terms.contract SET starts_on = '2025-03-04' WHERE contract_id = 9;
SELECT is(pg_temp.stage(6), 'loyalty', 'with renewal_days 3, three days late is a renewal');
UPDATE crm_terms.workspace SET renewal_days = 0;
SELECT is(pg_temp.stage(6), 'purchase',
	'with renewal_days 0 a renewal begins on the day of the end');
UPDATE crm_terms.workspace SET renewal_days = 30;
SELECT is(pg_temp.moves(7), '24-01 new 50, 24-12 expansion 10',
	'a renewed contract ends where its successor begins');
SELECT results_eq('SELECT period, closing, nrr FROM crm_terms.recurring_at(''2025-03-31'')
	WHERE period IN (''2024-12-01'', ''2025-01-01'')', $$VALUES
	(date '2024-12-01', 160::numeric, 110 / 150::float8), ('2025-01-01', 210, 110 / 160::float8)$$,
	'an overlap is not counted twice');
SELECT is(pg_temp.stage(8), 'purchase', 'the end of a course is no churn');
SELECT is(pg_temp.moves(8), '25-01 new 50, 25-03 completed 50', 'the end of a course is completed');
SELECT is_empty('SELECT FROM crm_terms.contract_term_at(''2025-03-31'') WHERE customer_id = 8
	AND status <> ''completed''', 'a course that is over is completed');
SELECT is(pg_temp.moves(9), '24-12 new 50, 25-01 contraction 50, 25-02 expansion 50',
	'a free month is contraction and expansion');
SELECT results_eq('SELECT running_contracts, monthly_contract_amount, lapsed_contracts
	FROM crm_terms.customer_metric_at(''2025-01-31'') WHERE customer_id = 9',
	'VALUES (1::bigint, 0::numeric, 0::bigint)', 'in a free month the contract runs');
SELECT is(pg_temp.moves(10), '24-06 new 50, 24-12 churn 50 left 1',
	'churn counts on the end, not on the day of the notice');
SELECT is(pg_temp.stage(10, '2024-12-22'), 'purchase', 'after notice a contract runs to its end');
SELECT is(pg_temp.stage(10, '2024-12-23'), 'churned', 'after notice no renewal is waited for');
SELECT is(pg_temp.moves(11), '24-11 new 50 churn 50 left 1, 25-01 reactivation 50',
	'who comes and leaves within a month is new and has left in that month');
SELECT results_eq('SELECT customers_new, customers_churned, customers_in_and_out, in_and_out,
	customer_churn, quick_ratio FROM crm_terms.recurring_at(''2025-03-31'')
	WHERE period = ''2024-11-01''',
	'VALUES (1::bigint, 1::bigint, 1::bigint, 50::numeric, 0::float8, 1::float8)',
	'who comes and leaves within a month is not in the rate of those who were there');
SELECT results_eq('SELECT period, due, renewed, due_amount, renewed_amount, renewed_to_amount
	FROM crm_terms.renewal_at(''2025-03-31'')', $$VALUES
	(date '2024-11-01', 1::bigint, 0::bigint, 50::numeric, 0::numeric, 0::numeric),
	('2024-12-01', 1, 0, 50, 0, 0), ('2025-01-01', 2, 2, 100, 100, 110),
	('2025-03-01', 1, 1, 50, 50, 50)$$,
	'neither trials nor courses nor free months nor changed contracts are due');

-- Their like
INSERT INTO crm_terms.contract (contract_id, customer_id, starts_on, ends_on, monthly_amount,
	cancelled_on, renews_id, is_fixed_term) VALUES
	-- 21: a trial prolonged and converted, 22: a trial of who paid before, 23: notice in a trial
	(30, 21, '2024-11-01', '2024-12-01', 0, NULL, NULL, false),
	(31, 21, '2024-12-01', '2025-01-01', 0, NULL, 30, false),
	(32, 21, '2025-01-01', NULL, 40, NULL, 31, false),
	(33, 22, '2024-01-01', '2024-06-01', 40, NULL, NULL, false),
	(34, 22, '2025-03-01', '2025-06-01', 0, NULL, NULL, false),
	(35, 23, '2025-03-01', '2025-06-01', 0, '2025-03-02', NULL, false),
	-- 24: renewed, and the renewal withdrawn; 25: withdrawn, and the next one renews it
	(36, 24, '2024-01-01', '2025-01-01', 40, NULL, NULL, false),
	(37, 24, '2025-01-01', NULL, 40, '2025-01-01', 36, false),
	(38, 25, '2024-01-01', '2025-01-01', 40, NULL, NULL, false),
	(39, 25, '2025-01-01', NULL, 40, '2025-01-01', 38, false),
	(40, 25, '2025-01-03', NULL, 45, NULL, 39, false),
	-- 26: corrected on the first day, 27: left to a free plan, 28: and back
	(41, 26, '2025-01-01', NULL, 40, NULL, NULL, false),
	(42, 26, '2025-01-01', NULL, 70, NULL, 41, false),
	(43, 27, '2024-01-01', NULL, 40, NULL, NULL, false),
	(44, 27, '2025-01-01', NULL, 0, NULL, 43, false),
	(45, 28, '2024-01-01', NULL, 40, NULL, NULL, false),
	(46, 28, '2025-01-01', NULL, 0, NULL, 45, false),
	(47, 28, '2025-03-01', NULL, 55, NULL, 46, false),
	-- 29: a course broken off, 30: a course within a month, 31: a course and a contract
	(48, 29, '2025-01-01', '2025-02-10', 40, '2025-02-01', NULL, true),
	(49, 30, '2025-02-03', '2025-02-20', 40, NULL, NULL, true),
	(50, 31, '2024-01-01', '2025-02-01', 30, NULL, NULL, true),
	(51, 31, '2024-01-01', NULL, 20, NULL, NULL, false),
	-- 32: a season ticket again, 33: notice without an end, 34: two free months, and gone
	(52, 32, '2024-01-01', '2025-01-01', 40, NULL, NULL, true),
	(53, 32, '2025-01-01', '2026-01-01', 44, NULL, 52, true),
	(54, 33, '2024-01-01', NULL, 40, '2025-02-10', NULL, false),
	(55, 34, '2024-01-01', '2024-11-01', 40, NULL, NULL, false),
	(56, 34, '2024-11-01', '2024-12-01', 0, NULL, 55, false),
	(57, 34, '2024-12-01', '2025-01-01', 0, NULL, 56, false),
	-- 35: back and gone within a month, 36: taken over from customer 35
	(58, 35, '2024-01-01', '2024-03-01', 40, NULL, NULL, false),
	(59, 35, '2024-08-03', '2024-08-20', 60, NULL, NULL, false),
	(60, 36, '2024-09-01', NULL, 60, NULL, 59, false),
	-- 37: the successor begins before, 38: renewed within itself, 39: renewed far too late
	(61, 37, '2024-06-01', NULL, 10, NULL, NULL, false),
	(62, 37, '2024-01-01', NULL, 20, NULL, 61, false),
	(63, 38, '2024-01-01', '2025-01-01', 40, NULL, NULL, false),
	(64, 39, '2024-01-01', '2024-06-01', 40, NULL, NULL, false),
	(65, 39, '2024-11-01', NULL, 40, NULL, 64, false);
UPDATE crm_terms.contract SET renews_id = 63 WHERE contract_id = 63;
SELECT is(pg_temp.stage(id), stage, what) FROM (VALUES
	(21, 'purchase', 'a prolonged trial is still a trial'),
	(22, 'churned', 'who left and tries again has left until something is paid'),
	(23, 'consideration', 'a trial runs to its end after notice'),
	(24, 'churned', 'a renewal that was withdrawn is none'),
	(25, 'loyalty', 'a renewal may follow one that was withdrawn'),
	(26, 'purchase', 'a contract that was corrected on its first day is not renewed'),
	(27, 'churned', 'a free plan without an end is no contract'),
	(28, 'purchase', 'who comes back from a free plan is a customer'),
	(29, 'churned', 'a course that was broken off is churn'),
	(30, 'purchase', 'a course within a month is no churn'),
	(31, 'purchase', 'a course beside a contract ends alone'),
	(32, 'loyalty', 'a season ticket that was bought again is a renewal'),
	(33, 'churned', 'without an end the day of the notice is the end'),
	(34, 'churned', 'who leaves after free months has left'),
	(36, 'purchase', 'a contract of another customer is not renewed'),
	(37, 'purchase', 'a contract cannot renew a later one'),
	(38, 'churned', 'a contract cannot renew itself'),
	(39, 'purchase', 'a renewal five months late is a new contract')) v (id, stage, what);
SELECT is(pg_temp.moves(id), moves, what) FROM (VALUES
	(21, '25-01 new 40', 'a prolonged trial moves nothing'),
	(22, '24-01 new 40, 24-06 churn 40 left 1', 'a later trial moves nothing'),
	(24, '24-01 new 40, 25-01 churn 40 left 1', 'a renewal that was withdrawn moves nothing'),
	(25, '24-01 new 40, 25-01 expansion 5', 'a renewal after one that was withdrawn is no churn'),
	(26, '25-01 new 70', 'only the corrected contract counts'),
	(27, '24-01 new 40, 25-01 churn 40 left 1', 'who goes to a free plan has left'),
	(28, '24-01 new 40, 25-01 churn 40 left 1, 25-03 reactivation 55',
		'who comes back from a free plan is back'),
	(29, '25-01 new 40, 25-02 churn 40 left 1', 'a course that was broken off is lost'),
	(30, '25-02 new 40 completed 40', 'a course within a month is new and completed'),
	(31, '24-01 new 50, 25-02 completed 30', 'the end of a course beside a contract is completed'),
	(32, '24-01 new 40, 25-01 expansion 4', 'a dearer season ticket is expansion'),
	(33, '24-01 new 40, 25-02 churn 40 left 1', 'without an end the notice ends the contract'),
	(34, '24-01 new 40, 24-11 contraction 40, 25-01 left 1',
		'after free months a customer leaves without money'),
	(35, '24-01 new 40, 24-03 churn 40 left 1, 24-08 churn 60 reactivation 60 left 1',
		'who comes back and leaves within a month is back and has left'),
	(36, '24-09 new 60', 'a contract that was taken over is new'),
	(37, '24-01 new 20, 24-06 expansion 10', 'a link into the future ties nothing'),
	(39, '24-01 new 40, 24-06 churn 40 left 1, 24-11 reactivation 40',
		'a renewal five months late is a return')) v (id, moves, what);

-- At random: chains, gaps, trials, notice and odd links, against a walk for each contract
SELECT crm.create_workspace('crm_walk', 'UTC') \g /dev/null
INSERT INTO crm_walk.customer (customer_id, name) SELECT g, 'customer ' || g
	FROM generate_series(1, 80) g;
CREATE FUNCTION pg_temp.pick(n bigint, seed bigint, choices bigint) RETURNS integer LANGUAGE sql AS
	$$ SELECT (abs(hashint8extended(n, seed)) % choices)::integer $$;
INSERT INTO crm_walk.contract (contract_id, customer_id, starts_on, ends_on, monthly_amount,
	is_fixed_term)
SELECT n, 1 + pg_temp.pick(n, 1, 80), start,
	   CASE WHEN pg_temp.pick(n, 3, 4) > 0 THEN start + 5 + pg_temp.pick(n, 4, 200) END,
	   CASE WHEN pg_temp.pick(n, 5, 3) > 0 THEN 1 + pg_temp.pick(n, 6, 90) ELSE 0 END,
	   pg_temp.pick(n, 7, 5) = 0
  FROM generate_series(1, 420) n,
	   LATERAL (SELECT date '2023-01-10' + pg_temp.pick(n, 2, 700)) s (start);
UPDATE crm_walk.contract c SET renews_id = p.previous
  FROM (SELECT contract_id, lag(contract_id) OVER (PARTITION BY customer_id
			ORDER BY starts_on, contract_id) AS previous FROM crm_walk.contract) p
 WHERE p.contract_id = c.contract_id AND pg_temp.pick(c.contract_id, 8, 4) > 0;
-- Many successors begin about the end of their predecessor, some on its first day.
UPDATE crm_walk.contract c
   SET starts_on = CASE WHEN pg_temp.pick(c.contract_id, 9, 8) = 0 THEN p.starts_on
						ELSE p.ends_on - 20 + pg_temp.pick(c.contract_id, 10, 60) END,
	   ends_on = CASE WHEN c.ends_on IS NOT NULL
				THEN p.ends_on + 50 + pg_temp.pick(c.contract_id, 4, 200) END
  FROM crm_walk.contract p
 WHERE p.contract_id = c.renews_id AND p.ends_on > p.starts_on + 25
   AND pg_temp.pick(c.contract_id, 11, 3) > 0;
UPDATE crm_walk.contract SET cancelled_on = starts_on
	+ CASE WHEN contract_id % 14 = 0 THEN 0 ELSE pg_temp.pick(contract_id, 12, 150) END
 WHERE contract_id % 7 = 0;
UPDATE crm_walk.contract SET renews_id = contract_id WHERE contract_id IN (
	SELECT a.contract_id FROM crm_walk.contract a WHERE a.renews_id IS NULL AND NOT EXISTS (
		SELECT FROM crm_walk.contract b WHERE b.renews_id = a.contract_id) ORDER BY 1 LIMIT 3);

-- Whether contract b renews a, if contracts between them that count for nothing are passed.
CREATE FUNCTION pg_temp.renewed_by(a crm_walk.contract, day date) RETURNS crm_walk.contract
	LANGUAGE plpgsql AS $$
DECLARE
	step crm_walk.contract := a;
	found crm_walk.contract;
BEGIN
	LOOP
		SELECT * INTO found FROM crm_walk.contract b
		 WHERE b.renews_id = step.contract_id AND b.customer_id = step.customer_id
		   AND b.starts_on <= day
		   AND (b.starts_on > step.starts_on
				OR b.starts_on = step.starts_on AND b.contract_id > step.contract_id);
		IF found.contract_id IS NULL OR found.cancelled_on IS DISTINCT FROM found.starts_on THEN
			RETURN found;
		END IF;
		step := found;
	END LOOP;
END $$;
-- One row for each contract that counts, in the order of time, so that predecessors come first.
CREATE FUNCTION pg_temp.walk(day date, days_late integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	c crm_walk.contract;
	n crm_walk.contract;
	pays_before boolean;
	ends date;
	follows boolean;
	quarter date;
BEGIN
	DELETE FROM walked;
	FOR c IN SELECT * FROM crm_walk.contract WHERE starts_on <= day
			AND (cancelled_on IS NULL OR cancelled_on <> starts_on)
			ORDER BY starts_on, contract_id LOOP
		n := pg_temp.renewed_by(c, day);
		ends := CASE WHEN c.ends_on IS NULL THEN c.cancelled_on ELSE c.ends_on END;
		follows := n.contract_id IS NOT NULL
			AND (ends IS NULL OR n.starts_on - ends <= days_late);
		SELECT bool_or(w.pays) INTO pays_before FROM walked w WHERE w.next_id = c.contract_id;
		IF n.starts_on = c.starts_on THEN -- it counts for nothing, and its predecessor goes on to n
			UPDATE walked SET next_id = n.contract_id WHERE next_id = c.contract_id;
			CONTINUE;
		END IF;
		quarter := c.ends_on - (c.ends_on - c.starts_on) / 4;
		INSERT INTO walked VALUES (c.customer_id, c.contract_id, c.starts_on,
			CASE WHEN follows THEN n.starts_on ELSE ends END, c.monthly_amount,
			(c.monthly_amount > 0 OR coalesce(pays_before, false))
				AND NOT (c.monthly_amount = 0 AND c.ends_on IS NULL),
			CASE WHEN follows AND NOT (c.monthly_amount = 0 AND c.ends_on IS NULL)
				AND NOT (n.monthly_amount = 0 AND n.ends_on IS NULL) THEN n.contract_id END,
			follows,
			CASE WHEN c.monthly_amount > 0 AND c.ends_on <= day
				AND NOT (follows AND n.starts_on < quarter
					AND NOT (n.monthly_amount = 0 AND n.ends_on IS NULL)) THEN c.ends_on END,
			coalesce(c.cancelled_on <= day, false), c.is_fixed_term);
	END LOOP;
END $$;
CREATE TEMP TABLE walked (customer_id bigint, contract_id bigint, starts_on date, until date,
	amount numeric, pays boolean, next_id bigint, follows boolean, due_on date, cancelled boolean,
	fixed boolean, paid numeric, status text);
CREATE TEMP TABLE by_day (customer_id bigint, at date, amount numeric, done numeric,
	UNIQUE (customer_id, at));
CREATE FUNCTION pg_temp.next_paid(contract bigint) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	w walked;
BEGIN
	SELECT * INTO w FROM walked WHERE contract_id = contract;
	LOOP
		SELECT n.* INTO w FROM walked n WHERE n.contract_id = w.next_id;
		IF w.contract_id IS NULL OR w.amount > 0 THEN
			RETURN w.amount;
		END IF;
	END LOOP;
END $$;
-- What each contract is on the day, and what each customer paid on each day
CREATE FUNCTION pg_temp.know(day date, days_late integer) RETURNS void LANGUAGE sql AS $$
	UPDATE walked w SET paid = pg_temp.next_paid(w.contract_id),
		status = CASE WHEN w.until IS NULL OR day < w.until THEN 'running'
			WHEN w.next_id IS NOT NULL OR w.follows AND NOT w.pays THEN 'replaced'
			WHEN NOT w.pays THEN 'expired' WHEN w.cancelled OR w.follows THEN 'lapsed'
			WHEN w.fixed THEN 'completed' WHEN day - w.until < days_late THEN 'due'
			ELSE 'lapsed' END;
	DELETE FROM by_day;
	INSERT INTO by_day
	SELECT w.customer_id, d::date, sum(w.amount),
		   coalesce(sum(w.amount) FILTER (WHERE w.status = 'completed'
			AND w.until < (date_trunc('month', d + interval '1 day')
				+ interval '1 month')::date), 0)
	  FROM walked w, generate_series(w.starts_on::timestamp, least(w.until - 1, day)::timestamp,
			'1 day') d
	 WHERE w.pays GROUP BY 1, 2 $$;

CREATE FUNCTION pg_temp.compare(day date, days_late integer) RETURNS SETOF text
	LANGUAGE plpgsql AS $$
BEGIN
	UPDATE crm_walk.workspace SET renewal_days = days_late;
	PERFORM pg_temp.walk(day, days_late), pg_temp.know(day, days_late);
	RETURN NEXT set_eq(format('SELECT customer_id, contract_id, starts_on, until, monthly_amount,
		NOT is_trial, status, due_on, renewed_to_amount FROM crm_walk.contract_term_at(%L)', day),
		'SELECT customer_id, contract_id, starts_on, until, amount, pays, status, due_on,
			CASE WHEN due_on IS NOT NULL THEN paid END AS paid FROM walked',
		format('terms on %s with %s days are those of a walk', day, days_late));
	RETURN NEXT set_eq(format('SELECT period, due, renewed, due_amount, renewed_amount,
		renewed_to_amount FROM crm_walk.renewal_at(%L)', day),
		'SELECT date_trunc(''month'', due_on)::date AS a, count(*) AS b, count(paid) AS c,
			sum(amount) AS d, coalesce(sum(amount) FILTER (WHERE paid IS NOT NULL), 0) AS e,
			coalesce(sum(paid), 0) AS f
			FROM walked WHERE due_on IS NOT NULL AND NOT fixed GROUP BY 1',
		format('renewals on %s with %s days are those of a walk', day, days_late));
	RETURN NEXT set_eq(format('SELECT customer_id, running_contracts, monthly_contract_amount,
		renewed_contracts, lapsed_contracts, running_trials, completed_contracts
		FROM crm_walk.customer_metric_at(%L) WHERE customer_id IN (SELECT customer_id FROM walked)',
		day),
		'SELECT customer_id, count(*) FILTER (WHERE pays AND status IN (''running'', ''due'')) AS a,
			coalesce(sum(amount) FILTER (WHERE status = ''running''), 0) AS b,
			count(*) FILTER (WHERE due_on IS NOT NULL AND paid IS NOT NULL) AS c,
			count(*) FILTER (WHERE pays AND status = ''lapsed'') AS d,
			count(*) FILTER (WHERE NOT pays AND status = ''running'') AS e,
			count(*) FILTER (WHERE status = ''completed'') AS f FROM walked GROUP BY 1',
		format('metrics on %s with %s days are those of a walk', day, days_late));
	RETURN NEXT set_eq(format('SELECT period, opening, new, expansion, contraction, churn,
		completed, reactivation, closing, in_and_out, customers_opening, customers_new,
		customers_churned, customers_completed, customers_reactivated, customers_closing,
		customers_in_and_out FROM crm_walk.recurring_at(%L)', day),
		format('SELECT * FROM pg_temp.movements(%L)', day),
		format('movements on %s with %s days are those of each customer', day, days_late));
	RETURN NEXT is((SELECT sum(monthly_contract_amount) FROM crm_walk.customer_metric_at(day)),
		(SELECT closing FROM crm_walk.recurring_at(day) ORDER BY period DESC LIMIT 1),
		format('recurring on %s ends with what the metrics say', day));
	RETURN NEXT is_empty(format('SELECT period FROM crm_walk.recurring_at(%L) WHERE
		closing <> opening + new + expansion - contraction - churn - completed + reactivation
		OR customers_closing <> customers_opening + customers_new - customers_churned
			- customers_completed + customers_reactivated
		OR opening + expansion - contraction - churn + in_and_out <> retained OR grr > nrr
		OR grr NOT BETWEEN 0 AND 1 OR customer_churn NOT BETWEEN 0 AND 1
		OR abs(nrr - retained / nullif(opening, 0)) > 1e-12
		OR abs(customer_churn - (customers_churned - customers_in_and_out)
			/ nullif(customers_opening, 0)::float8) > 1e-12', day),
		format('recurring on %s adds up', day));
END $$;
-- What each customer did in each month, by the days on which a paid term ran
CREATE FUNCTION pg_temp.movements(day date) RETURNS TABLE (period date,
	opening numeric, new numeric, expansion numeric, contraction numeric, churn numeric,
	completed numeric, reactivation numeric, closing numeric, in_and_out numeric, c_opening bigint,
	c_new bigint, c_churned bigint, c_completed bigint, c_reactivated bigint, c_closing bigint,
	c_brief bigint) LANGUAGE sql AS $$
	WITH state AS (
		SELECT m::date AS period, c.customer_id, a.amount AS a, b.amount AS b, l.amount AS brief,
			   c.first_on >= m::date AS first, CASE WHEN a.done > 0 THEN a.done ELSE 0 END AS done,
			   EXISTS (SELECT FROM walked x WHERE x.customer_id = c.customer_id AND x.pays
				AND x.until BETWEEN m::date AND e.last
				AND x.status NOT IN ('completed', 'replaced')) AS lapsed
		  FROM generate_series(timestamp '2023-01-01', day::timestamp, '1 month') m
		 CROSS JOIN LATERAL (SELECT least((m + interval '1 month')::date - 1, day)) e (last)
		  JOIN (SELECT customer_id, min(at) AS first_on FROM by_day GROUP BY 1) c ON true
		  LEFT JOIN by_day a ON a.customer_id = c.customer_id AND a.at = m::date - 1
		  LEFT JOIN by_day b ON b.customer_id = c.customer_id AND b.at = e.last
		  LEFT JOIN LATERAL (SELECT y.amount FROM by_day y WHERE y.customer_id = c.customer_id
			AND y.at BETWEEN m::date AND e.last ORDER BY y.at DESC LIMIT 1) l ON true
	)
	SELECT s.period, coalesce(sum(a), 0), coalesce(sum(coalesce(b, brief)) FILTER (WHERE a IS NULL
			AND first), 0),
		   coalesce(sum(b - a) FILTER (WHERE b > a), 0),
		   coalesce(sum(a - b - least(done, a - b)) FILTER (WHERE b < a), 0),
		   coalesce(sum(a - done) FILTER (WHERE b IS NULL), 0)
			+ coalesce(sum(brief) FILTER (WHERE a IS NULL AND b IS NULL AND lapsed), 0),
		   coalesce(sum(least(done, a - b)) FILTER (WHERE b < a), 0)
			+ coalesce(sum(done) FILTER (WHERE a IS NOT NULL AND b IS NULL), 0)
			+ coalesce(sum(brief) FILTER (WHERE a IS NULL AND b IS NULL AND NOT lapsed), 0),
		   coalesce(sum(coalesce(b, brief)) FILTER (WHERE a IS NULL AND NOT first), 0),
		   coalesce(sum(b), 0),
		   coalesce(sum(brief) FILTER (WHERE a IS NULL AND b IS NULL AND lapsed), 0),
		   count(a), count(*) FILTER (WHERE a IS NULL AND first),
		   count(*) FILTER (WHERE b IS NULL AND lapsed),
		   count(*) FILTER (WHERE b IS NULL AND NOT lapsed),
		   count(*) FILTER (WHERE a IS NULL AND NOT first), count(b),
		   count(*) FILTER (WHERE a IS NULL AND b IS NULL AND lapsed)
	  FROM state s WHERE num_nonnulls(a, b, brief) > 0 GROUP BY s.period $$;
SELECT pg_temp.compare('2025-03-31', 0);
SELECT pg_temp.compare('2024-02-10', 7);
SELECT pg_temp.compare('2024-09-30', 30);
SELECT cmp_ok((SELECT min(n) FROM (SELECT count(w.status) AS n
		FROM unnest('{running,replaced,expired,lapsed,completed,due}'::text[]) s (status)
		LEFT JOIN walked w ON w.status = s.status GROUP BY s.status) q), '>=', 1::bigint,
	'the random contracts have each status');
SELECT cmp_ok((SELECT count(*) FROM walked WHERE due_on IS NOT NULL AND paid IS NOT NULL), '>=',
	10::bigint, 'the random contracts have renewals');

-- Who exists when, what is a sign of life, and who has bought
SELECT crm.create_workspace('crm_life', 'UTC') \g /dev/null
INSERT INTO crm_life.customer (customer_id, name, created_at) SELECT g, 'customer ' || g,
	CASE WHEN g < 20 THEN timestamptz '2024-01-01' ELSE '2026-01-01' END
	FROM generate_series(1, 40) g;
CREATE FUNCTION pg_temp.order_of(id bigint, customer bigint, day date, amount numeric,
	back numeric DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	INSERT INTO crm_life.sales_order (order_id, customer_id, ordered_at)
		VALUES (id, customer, day + time '12:00' AT TIME ZONE 'UTC');
	INSERT INTO crm_life.sales_order_line (order_id, line_no, unit_price) VALUES (id, 1, amount);
	INSERT INTO crm_life.refund (order_id, refunded_at, amount)
		SELECT id, day + 1 + time '12:00' AT TIME ZONE 'UTC', back WHERE back IS NOT NULL $$;
SELECT pg_temp.order_of(1, 1, '2024-02-01', 10), pg_temp.order_of(2, 2, '2025-05-01', 80, 80),
	pg_temp.order_of(3, 3, '2025-05-01', 0), pg_temp.order_of(5, 20, '2024-02-01', 10) \g /dev/null
INSERT INTO crm_life.interaction (customer_id, occurred_at, kind, channel, direction)
	SELECT 1, timestamptz '2024-02-08' + n * interval '7 days', 'mail', 'email', 'out'
	FROM generate_series(0, 72) n;
INSERT INTO crm_life.interaction (customer_id, occurred_at, kind, channel, direction) VALUES
	(4, '2025-06-01', 'mail', 'email', 'in'), (21, '2024-03-01', 'mail', 'email', 'out'),
	(5, '2025-06-01', 'visit', 'web', NULL);
INSERT INTO crm_life.service_case (customer_id, kind, opened_at) VALUES
	(6, 'complaint', '2025-06-05'), (22, 'question', '2024-03-01');
INSERT INTO crm_life.survey_answer (customer_id, survey, measure, sent_at, answered_at, score)
	VALUES (7, 's', 'nps', '2025-06-01', '2025-06-10', 3),
	(8, 's', 'nps', '2025-06-01', NULL, NULL);
INSERT INTO crm_life.referral (referrer_id, invited_at) VALUES (9, '2025-06-20'),
	(23, '2024-03-01');
INSERT INTO crm_life.contract (contract_id, customer_id, starts_on, ends_on, monthly_amount,
	cancelled_on) VALUES (1, 24, '2024-03-01', NULL, 5, NULL), (2, 25, '2024-03-01', NULL, 5,
	'2024-03-01');
INSERT INTO crm_life.opportunity (customer_id, name, created_at) VALUES (28, 'deal', '2024-03-01');
-- Points, a tier, consent and a survey that we sent; no facts are orders without lines, unpaid or
-- rejected.
INSERT INTO crm_life.points_entry (customer_id, occurred_at, kind, points)
	VALUES (30, '2024-03-01', 'adjust', 5);
INSERT INTO crm_life.tier_log (program, customer_id, valid_from, tier_no, reason)
	VALUES ('standard', 31, '2024-03-01', 1, 'manual');
INSERT INTO crm_life.consent (customer_id, purpose, channel, given_at, status)
	VALUES (32, 'offers', 'email', '2024-03-01', 'granted');
INSERT INTO crm_life.survey_answer (customer_id, survey, measure, sent_at)
	VALUES (33, 's', 'nps', '2024-03-01');
INSERT INTO crm_life.sales_order (order_id, customer_id, ordered_at, status)
	VALUES (34, 34, '2024-03-01', 'cancelled'), (35, 35, '2024-03-01', 'paid'),
	(36, 36, '1969-12-31', 'paid');
INSERT INTO crm_life.sales_order_line (order_id, line_no, unit_price)
	VALUES (34, 1, 10), (36, 1, 10);
SET LOCAL crm.as_of = '2025-06-25';
SELECT results_eq('SELECT customer_id, idle_days FROM crm_life.customer_metric
	WHERE customer_id < 10 ORDER BY 1', 'VALUES (1::bigint, 510), (2, 55), (3, 55), (4, 24),
	(5, NULL), (6, 20), (7, 15), (8, NULL), (9, 5)',
	'only what the customer does is a sign of life, mail to the customer is none');
SAVEPOINT silent;
INSERT INTO crm_life.lifecycle_rule (position, stage, metric, at_least)
	VALUES (0, 'dormant', 'idle_days', 365);
INSERT INTO crm_life.score_item (model, metric, weight, breaks, points, half_life)
	VALUES ('warmth', 'purchases', 1, '{}', '{1}', '30 days');
SELECT results_eq($$SELECT t.customer_id, t.stage, s.score FROM crm_life.customer_stage t
	JOIN crm_life.customer_score s USING (customer_id)
	WHERE s.model = 'warmth' AND customer_id IN (1, 9) ORDER BY 1$$,
	$$VALUES (1::bigint, 'dormant', 0.0008), (9, 'awareness', 89.0899)$$,
	'a customer whom we mailed each week for 510 days is dormant, and their score is gone');
ROLLBACK TO silent;
SELECT results_eq('SELECT customer_id, days_known FROM crm_life.customer_metric
	WHERE customer_id >= 20 ORDER BY 1', 'VALUES (20::bigint, 510), (21, 481), (22, 481),
	(23, 481), (24, 481), (28, 481), (30, 481), (31, 0), (32, 0), (33, 0)',
	'who was entered later is known from the first fact, and without a fact is not there');
SELECT is((SELECT count(*) FROM crm_life.customer_metric_at('2024-02-29') WHERE customer_id > 20),
	0::bigint, 'before the first fact nobody is known');
CREATE TEMP TABLE known_by_facts AS SELECT customer_id, days_known
	FROM crm_life.customer_metric_at('2024-06-30');
SELECT crm_internal.refresh_everyone('crm_life') \g /dev/null
SELECT set_eq($$SELECT customer_id, days_known FROM crm_life.customer_metric_at('2024-06-30')$$,
	'SELECT * FROM known_by_facts', 'stored histories tell the same of who is known as orders do');
SAVEPOINT taken_back;
UPDATE crm_life.sales_order SET status = 'cancelled' WHERE customer_id = 20;
SELECT is_empty($$SELECT FROM crm_life.customer_metric_at('2024-06-30') WHERE customer_id = 20$$,
	'a customer whose only order was cancelled is known by the stored history no more');
ROLLBACK TO taken_back;
SELECT set_eq('SELECT customer_id FROM crm_life.customer_tier
	UNION SELECT customer_id FROM crm_life.points_balance', 'SELECT customer_id
	FROM crm_life.customer_360 WHERE customer_id IN (30, 31)',
	'who has points or a tier is in customer_360');
SELECT results_eq('SELECT days_known FROM crm_life.customer_metric_at(''2026-01-31'')
	WHERE customer_id IN (21, 30, 36) ORDER BY customer_id', 'VALUES (701), (701), (30)',
	'who is entered stays known from the first contact or points');
SELECT is((SELECT count(*) FROM crm_life.customer_metric_at('2026-01-01')), 40::bigint,
	'from the day of entry on everybody is there');
SELECT is_empty('SELECT FROM crm_life.customer_metric_at(''2024-03-01'') WHERE days_known < 0',
	'nobody is known for less than no day');
SELECT crm_internal.refresh_everyone('crm_life') \g /dev/null
SELECT crm.freeze_thresholds('crm_life', '2025-06-25') \g /dev/null
SELECT results_eq('SELECT m.customer_id, m.purchases, m.frequency, s.stage, m.segment IS NOT NULL
	FROM crm_life.customer_metric m JOIN crm_life.customer_stage s USING (customer_id)
	WHERE m.customer_id IN (2, 3) ORDER BY 1',
	$$VALUES (2::bigint, 1::bigint, 1::bigint, 'purchase', true), (3, 1, 1, 'purchase', true)$$,
	'an order that was given back and one of nothing are purchases for stages and segments');
SELECT is((SELECT new_customers FROM crm_life.growth WHERE period = '2025-05-01'), 2::bigint,
	'growth has the same buyers as stages and segments');

-- Calendar periods that reviews see in part are named.
INSERT INTO crm_life.program (program, window_kind, window_length, round_up, period_start_on) VALUES
	('partly', 'calendar', '1 year', NULL, '2000-01-01'),
	('monthly', 'calendar', '1 year', 'month', '2000-01-01'),
	('fiscal', 'calendar', '1 year', 'year', '2000-04-01'),
	('late', 'calendar', '1 month', 'month', '2000-01-02'),
	('whole', 'calendar', '1 year', 'year', '2000-01-01'),
	('halves', 'calendar', '6 months', 'year', '2000-07-01'),
	('usual', 'calendar', '3 months', 'quarter', NULL),
	('rolls', 'rolling', '1 year', NULL, '2000-01-01');
SELECT results_eq($$SELECT object FROM crm.check_workspace('crm_life')
	WHERE problem = 'reviews look at parts of a period'$$,
	'{program fiscal,program late,program monthly,program partly}'::text[],
	'crm.check_workspace names programs whose reviews look at parts of a period');
UPDATE crm_life.workspace SET fiscal_year_start = 'april';
SELECT results_eq($$SELECT object FROM crm.check_workspace('crm_life')
	WHERE problem = 'reviews look at parts of a period'$$,
	'{program halves,program late,program monthly,program partly,program whole}'::text[],
	'periods of a year are seen whole where they begin with the fiscal year');

SELECT * FROM finish();
ROLLBACK;
