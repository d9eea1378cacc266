/*
 * model_values.sql: answers for single customers against golden values.
 *
 *	psql -X -v ON_ERROR_STOP=1 -f test/golden/model_values.sql
 *
 * Reads test/golden/values, described in test/golden/README.md, and prints
 * TAP. Every comparison counts its rows, so that a file that was not read
 * fails.
 *
 * Tolerances: 1e-9 relative for all rows, 1e-12 for ordinary ones. Ordinary
 * are customers with at most 400 purchases under models with shape parameters
 * from 0.01 to 20. Those of discounted.csv count as ordinary too. Values below
 * 1e-30 count as zero.
 */
\ir setup/start.sql
SELECT no_plan();

/* A kind of purchase model is a table, named like the kind, of this family. */
CREATE TEMP TABLE purchases (
	id int, r float8, alpha float8, a float8, b float8, x bigint, t_x float8, t float8,
	discount float8, log_likelihood float8, p_alive float8, expected_new_10 float8,
	expected_new_52 float8, expected_new_t float8, expected_10 float8, expected_52 float8,
	expected_t float8, residual_52 float8, residual float8, probability_new_x float8);
CREATE TEMP TABLE bg_nbd () INHERITS (purchases);
\copy bg_nbd FROM 'test/golden/values/bg_nbd.csv' CSV HEADER
CREATE TEMP TABLE mbg_nbd () INHERITS (purchases);
\copy mbg_nbd FROM 'test/golden/values/mbg_nbd.csv' CSV HEADER
CREATE TEMP TABLE pareto_nbd () INHERITS (purchases);
\copy pareto_nbd FROM 'test/golden/values/pareto_nbd.csv' CSV HEADER

CREATE TEMP TABLE occasions (
	id int, alpha float8, beta float8, gamma float8, delta float8, x bigint, t_x float8, n float8,
	rate float8, log_likelihood float8, p_alive float8, p_alive_next float8,
	expected_new_n float8, expected_new_52 float8, expected_1 float8, expected_10 float8,
	expected_52 float8, residual float8);
\copy occasions FROM 'test/golden/values/bg_bb.csv' CSV HEADER

CREATE TEMP TABLE sbg (
	id int, alpha float8, beta float8, period int, rate float8, loss float8, survival float8,
	retention float8, log_loss float8, log_survival float8, value_new float8,
	residual_value float8);
\copy sbg FROM 'test/golden/values/sbg.csv' CSV HEADER
CREATE TEMP TABLE bdw (
	id int, alpha float8, beta float8, c float8, period int, rate float8, loss float8,
	survival float8, retention float8, log_loss float8, log_survival float8, value_new float8,
	residual_value float8);
\copy bdw FROM 'test/golden/values/bdw.csv' CSV HEADER
CREATE TEMP VIEW renewals AS
SELECT 'sbg' AS kind, ARRAY[alpha, beta] AS parameters, id, period, rate, loss, survival,
	   retention, log_loss, log_survival, value_new, residual_value
  FROM sbg
UNION ALL
SELECT 'bdw', ARRAY[alpha, beta, c], id, period, rate, loss, survival,
	   retention, log_loss, log_survival, value_new, residual_value
  FROM bdw;

CREATE TEMP TABLE discounted (
	id int, kind text, k int, r float8, alpha float8, a float8, b float8, x bigint, t_x float8,
	t float8, horizon float8, discount float8, residual float8, p_alive_after float8);
\copy discounted FROM 'test/golden/values/discounted.csv' CSV HEADER

CREATE TEMP TABLE spend (
	id int, p float8, q float8, v float8, x bigint, mean float8, log_likelihood float8,
	population_mean float8, expected_spend float8);
\copy spend FROM 'test/golden/values/gamma_gamma.csv' CSV HEADER

CREATE TEMP TABLE clv (
	id int, kind text, p1 float8, p2 float8, p3 float8, p4 float8,
	spend_p float8, spend_q float8, spend_v float8, x bigint, t_x float8, t float8, mean float8,
	discount float8, periods int, period_length float8, rate float8,
	expected_spend float8, periodic float8, continuous float8, infinite float8);
\copy clv FROM 'test/golden/values/clv.csv' CSV HEADER

CREATE TEMP TABLE next_purchase (
	id int, kind text, p1 float8, p2 float8, p3 float8, p4 float8, x bigint, t_x float8, t float8,
	probability float8, time float8);
\copy next_purchase FROM 'test/golden/values/next_purchase.csv' CSV HEADER

CREATE TEMP TABLE compared (name text, id text, ordinary boolean, want float8, got float8);

INSERT INTO compared
SELECT kind || ' ' || v.name, format('row %s: x %s, t_x %s, T %s', id, x, t_x, t),
	   least(r, a, b) >= 0.01 AND greatest(r, a, b) <= 20 AND x <= 400, v.want, v.got
  FROM (SELECT *, tableoid::regclass::text AS kind FROM purchases) AS p,
	   LATERAL (SELECT crm.make_model(kind, 'day', ARRAY[r, alpha, a, b]) AS m OFFSET 0) AS made,
	   LATERAL (VALUES
		('log-likelihood', log_likelihood, crm.log_likelihood(m, x, t_x, t)),
		('P(alive)', p_alive, crm.p_alive(m, x, t_x, t)),
		('expectation of a new customer', expected_new_10, crm.expected_purchases_new(m, 10)),
		('expectation of a new customer', expected_new_52, crm.expected_purchases_new(m, 52)),
		('expectation of a new customer', expected_new_t, crm.expected_purchases_new(m, t)),
		('conditional expectation', expected_10, crm.expected_purchases(m, x, t_x, t, 10)),
		('conditional expectation', expected_52, crm.expected_purchases(m, x, t_x, t, 52)),
		('conditional expectation', expected_t, crm.expected_purchases(m, x, t_x, t, t)),
		('discounted expectation', residual_52, crm.residual_purchases(m, x, t_x, t, 52, discount)),
		('discounted residual', residual,
		 crm.residual_purchases(m, x, t_x, t, discount => discount)),
		('probability of a count', probability_new_x,
		 CASE WHEN probability_new_x IS NOT NULL THEN crm.purchase_probability_new(m, t, x) END))
		AS v (name, want, got)
 WHERE v.want IS NOT NULL;

INSERT INTO compared
SELECT 'bg_bb ' || v.name, format('row %s: x %s, t_x %s, n %s', id, x, t_x, n),
	   least(alpha, beta, gamma, delta) >= 0.01 AND greatest(alpha, beta, gamma, delta) <= 20
	   AND n <= 400, v.want, v.got
  FROM occasions,
	   LATERAL (SELECT crm.make_model('bg_bb', NULL, ARRAY[alpha, beta, gamma, delta]) AS m
				OFFSET 0) AS made,
	   LATERAL (VALUES
		('log-likelihood', log_likelihood, crm.log_likelihood(m, x, t_x, n)),
		('P(alive) at the last occasion', p_alive, crm.p_alive(m, x, t_x, n, 0)),
		('P(alive)', p_alive_next, crm.p_alive(m, x, t_x, n)),
		('P(alive) at the next occasion', p_alive_next, crm.p_alive(m, x, t_x, n, 1)),
		('expectation of a new customer', expected_new_n, crm.expected_purchases_new(m, n)),
		('expectation of a new customer', expected_new_52, crm.expected_purchases_new(m, 52)),
		('conditional expectation', expected_1, crm.expected_purchases(m, x, t_x, n, 1)),
		('conditional expectation', expected_10, crm.expected_purchases(m, x, t_x, n, 10)),
		('conditional expectation', expected_52, crm.expected_purchases(m, x, t_x, n, 52)),
		('probability of a purchase next', expected_1,
		 crm.purchase_probability(m, x, t_x, n, 1, 1)),
		('discounted residual', residual,
		 crm.residual_purchases(m, x, t_x, n, discount => ln(1 + rate)))) AS v (name, want, got)
 WHERE v.want IS NOT NULL;

INSERT INTO compared
SELECT kind || ' ' || v.name, format('row %s: t %s', id, period),
	   0.01 <= ALL (parameters) AND 20 >= ALL (parameters) AND period <= 400 AND rate >= 0.01,
	   v.want, v.got
  FROM renewals,
	   LATERAL (SELECT crm.make_model(kind, NULL, parameters) AS m OFFSET 0) AS made,
	   LATERAL (VALUES
		('loss', loss,
		 CASE WHEN loss > 1e-300 THEN exp(crm.log_likelihood(m, period, true)) ELSE loss END),
		('log of loss', log_loss, crm.log_likelihood(m, period, true)),
		('log of survival', log_survival, crm.log_likelihood(m, period, false)),
		('survival', survival, crm.survival(m, period)),
		('retention rate', retention, crm.retention_rate(m, period)),
		('value of a new customer', value_new, crm.residual_value_new(m, rate)),
		('residual value', residual_value, crm.residual_value(m, period - 1, rate)))
		AS v (name, want, got)
 WHERE v.want IS NOT NULL;

INSERT INTO compared
SELECT 'gamma_gamma ' || v.name, format('row %s: x %s, m %s', id, x, mean),
	   least(p, q) >= 0.01 AND greatest(p, q) <= 20 AND x <= 400, v.want, v.got
  FROM spend AS s,
	   LATERAL (SELECT crm.make_model('gamma_gamma', NULL, ARRAY[p, q, s.v]) AS m OFFSET 0) AS made,
	   LATERAL (VALUES
		('log-likelihood', log_likelihood, CASE WHEN x > 0 THEN crm.log_likelihood(m, x, mean) END),
		('population mean', population_mean, crm.expected_spend(m, 0, 0)),
		('expected spend', expected_spend, crm.expected_spend(m, x, mean))) AS v (name, want, got)
 WHERE v.want IS NOT NULL OR v.got IS NOT NULL;

INSERT INTO compared
SELECT kind || ' ' || v.name, format('row %s: x %s, t_x %s, T %s', id, x, t_x, t),
	   x <= 400, v.want, v.got
  FROM clv,
	   LATERAL (SELECT crm.make_model(kind, 'week', ARRAY[p1, p2, p3, p4]) AS purchase_model,
					   crm.make_model('gamma_gamma', NULL, ARRAY[spend_p, spend_q, spend_v])
					   AS spend_model OFFSET 0) AS made,
	   LATERAL (SELECT exp(discount * 365.25 / 7) - 1 AS yearly_discount OFFSET 0) AS yearly,
	   LATERAL (VALUES
		('CLV', continuous, crm.clv(purchase_model, spend_model, x, t_x, t, mean,
									periods * period_length, yearly_discount)),
		('infinite CLV', infinite, crm.clv(purchase_model, spend_model, x, t_x, t, mean,
										   yearly_discount => yearly_discount)))
		AS v (name, want, got)
 WHERE v.want IS NOT NULL;

INSERT INTO compared
SELECT kind || ' ' || v.name, format('row %s of discounted: x %s, t_x %s, T %s', id, x, t_x, t),
	   true, v.want, v.got
  FROM discounted,
	   LATERAL (SELECT crm.make_model(kind, 'week', ARRAY[r, alpha, a, b] ||
					   CASE WHEN kind LIKE '%cnbd_k' THEN ARRAY[k::float8] END) AS m
				OFFSET 0) AS made,
	   LATERAL (VALUES
		('extreme residual', residual, crm.residual_purchases(m, x, t_x, t, horizon, discount)),
		('P(alive) far ahead', p_alive_after,
		 CASE WHEN horizon < 'infinity' THEN crm.p_alive(m, x, t_x, t, horizon) END))
		AS v (name, want, got)
 WHERE v.want IS NOT NULL;

INSERT INTO compared
SELECT kind || ' next purchase', format('row %s: x %s, t_x %s, T %s', id, x, t_x, t), true, v.time,
	   v.got
  FROM (SELECT *, crm.next_purchase_time(crm.make_model(kind, 'week',
				array_remove(ARRAY[p1, p2, p3, p4], NULL)), x, t_x, t, probability) AS got
		  FROM next_purchase) AS v
 WHERE v.time IS NOT NULL OR v.got IS NOT NULL;

CREATE TEMP VIEW differences AS
SELECT name, id, ordinary, want, got,
	   CASE WHEN abs(want) < 1e-30 AND abs(got) < 1e-30 THEN 0
			WHEN got IS NULL OR want IS NULL THEN 'Infinity'
			ELSE abs(got - want) / greatest(abs(want), 1e-300) END AS difference
  FROM compared;

/* How many values of each name there are: a file read in part fails. */
CREATE TEMP TABLE expected (name text, n int);
INSERT INTO expected VALUES
	('bdw log of loss', 175), ('bdw log of survival', 175),
	('bdw loss', 175), ('bdw residual value', 175),
	('bdw retention rate', 175), ('bdw survival', 175),
	('bdw value of a new customer', 175), ('bg_bb P(alive)', 105),
	('bg_bb P(alive) at the last occasion', 105), ('bg_bb P(alive) at the next occasion', 105),
	('bg_bb conditional expectation', 315), ('bg_bb discounted residual', 105),
	('bg_bb expectation of a new customer', 210), ('bg_bb log-likelihood', 105),
	('bg_bb probability of a purchase next', 105), ('bg_nbd CLV', 24),
	('bg_nbd P(alive)', 187), ('bg_nbd conditional expectation', 561),
	('bg_nbd discounted expectation', 187), ('bg_nbd discounted residual', 187),
	('bg_nbd expectation of a new customer', 561), ('bg_nbd infinite CLV', 24),
	('bg_nbd log-likelihood', 187), ('bg_nbd next purchase', 24),
	('bg_nbd probability of a count', 132),
	('gamma_gamma expected spend', 48), ('gamma_gamma log-likelihood', 48),
	('gamma_gamma population mean', 45), ('mbg_nbd CLV', 24),
	('mbg_nbd P(alive)', 187), ('mbg_nbd conditional expectation', 561),
	('mbg_nbd discounted expectation', 187), ('mbg_nbd discounted residual', 187),
	('mbg_nbd expectation of a new customer', 561), ('mbg_nbd infinite CLV', 24),
	('mbg_nbd log-likelihood', 187), ('mbg_nbd next purchase', 22),
	('mbg_nbd probability of a count', 132),
	('pareto_nbd CLV', 24), ('pareto_nbd P(alive)', 204),
	('pareto_nbd conditional expectation', 612), ('pareto_nbd discounted expectation', 204),
	('pareto_nbd discounted residual', 204), ('pareto_nbd expectation of a new customer', 612),
	('pareto_nbd infinite CLV', 24), ('pareto_nbd log-likelihood', 204),
	('nbd next purchase', 14), ('pareto_nbd next purchase', 20),
	('pareto_nbd probability of a count', 144), ('sbg log of loss', 49),
	('sbg log of survival', 49), ('sbg loss', 49),
	('sbg residual value', 49), ('sbg retention rate', 49),
	('sbg survival', 49), ('sbg value of a new customer', 49),
	('bg_cnbd_k extreme residual', 3),
	('bg_nbd P(alive) far ahead', 8),
	('bg_nbd extreme residual', 8),
	('mbg_cnbd_k extreme residual', 1),
	('mbg_nbd P(alive) far ahead', 7),
	('mbg_nbd extreme residual', 7);

SELECT is(count(*)::int, 0, 'every compared value has a name in the list')
  FROM (SELECT name FROM differences EXCEPT SELECT name FROM expected) AS unknown;

CREATE FUNCTION pg_temp.check_values(
	test text, rows int, tolerance float8, ordinary_only boolean)
RETURNS SETOF text AS $$
	SELECT ok(count(*) >= rows AND count(*) > 0 AND coalesce(max(difference) <= tolerance, false),
			  format('%s: %s values within %s', test, count(*), tolerance)) ||
		   CASE WHEN count(*) < rows OR coalesce(max(difference) > tolerance, true) THEN
			   E'\n' || diag(format('%s of %s values; worst %s: %s',
				   count(*), rows, max(difference), (array_agg(
						format('%s, want %s, got %s', id, want, got) ORDER BY difference DESC))[1]))
		   ELSE '' END
	  FROM differences
	 WHERE name = test AND (ordinary OR NOT ordinary_only);
$$ LANGUAGE sql;

SELECT pg_temp.check_values(name, n, 1e-9, false) FROM expected ORDER BY name;
SELECT pg_temp.check_values(name, 1, 1e-12, true) FROM expected ORDER BY name;

SELECT * FROM finish();
