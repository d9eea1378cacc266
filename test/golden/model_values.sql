/*
 * model_values.sql: answers for single customers against golden values.
 *
 *	psql -X -v ON_ERROR_STOP=1 -v shared=/work/shared -f test/golden/model_values.sql
 *
 * Reads golden/ and data/ below :shared, described in README.md there, and
 * prints TAP. Every comparison counts its rows, so that a file that was not
 * read fails.
 *
 * Tolerances: 1e-9 relative for all rows, 1e-12 for ordinary ones. Ordinary
 * are customers with at most 400 purchases under models with shape parameters
 * from 0.01 to 20. Values below 1e-30 count as zero.
 */
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset pager off
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS crm;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT no_plan();

CREATE TEMP TABLE purchases (
	id int, r float8, alpha float8, a float8, b float8, x bigint, t_x float8, t float8, delta float8,
	loglik float8, p_alive float8, ex_10 float8, ex_52 float8, ex_t float8, ce_10 float8, ce_52 float8, ce_t float8,
	det_52 float8, dert float8, pmf_x float8, kind text);
\set load '\\copy purchases (id, r, alpha, a, b, x, t_x, t, delta, loglik, p_alive, ex_10, ex_52, ex_t, ce_10, ce_52, ce_t, det_52, dert, pmf_x) FROM ' :shared '/golden/bgnbd.csv CSV HEADER'
:load
UPDATE purchases SET kind = 'bg_nbd';
\set load '\\copy purchases (id, r, alpha, a, b, x, t_x, t, delta, loglik, p_alive, ex_10, ex_52, ex_t, ce_10, ce_52, ce_t, det_52, dert, pmf_x) FROM ' :shared '/golden/mbgnbd.csv CSV HEADER'
:load
UPDATE purchases SET kind = 'mbg_nbd' WHERE kind IS NULL;
\set load '\\copy purchases (id, r, alpha, a, b, x, t_x, t, delta, loglik, p_alive, ex_10, ex_52, ex_t, ce_10, ce_52, ce_t, det_52, dert, pmf_x) FROM ' :shared '/golden/paretonbd.csv CSV HEADER'
:load
UPDATE purchases SET kind = 'pareto_nbd' WHERE kind IS NULL;

CREATE TEMP TABLE occasions (
	id int, alpha float8, beta float8, gamma float8, delta float8, x bigint, t_x float8, n float8, d float8,
	loglik float8, p_alive_n float8, p_alive_n1 float8, ex_n float8, ex_52 float8, ce_1 float8, ce_10 float8, ce_52 float8, dert float8);
\set load '\\copy occasions FROM ' :shared '/golden/bgbb.csv CSV HEADER'
:load

CREATE TEMP TABLE renewals (
	id int, alpha float8, beta float8, c float8, t int, d float8, pmf float8, survival float8, retention float8,
	log_pmf float8, log_survival float8, del float8, derl float8, kind text DEFAULT 'bdw');
\set load '\\copy renewals (id, alpha, beta, c, t, d, pmf, survival, retention, log_pmf, log_survival, del, derl) FROM ' :shared '/golden/bdw.csv CSV HEADER'
:load
ALTER TABLE renewals ALTER kind SET DEFAULT 'sbg';
\set load '\\copy renewals (id, alpha, beta, t, d, pmf, survival, retention, log_pmf, log_survival, del, derl) FROM ' :shared '/golden/sbg.csv CSV HEADER'
:load

CREATE TEMP TABLE spend (
	id int, p float8, q float8, v float8, x bigint, m float8, loglik float8, mean_population float8, expected_spend float8);
\set load '\\copy spend FROM ' :shared '/golden/gammagamma.csv CSV HEADER'
:load

CREATE TEMP TABLE clv (
	id int, model text, p1 float8, p2 float8, p3 float8, p4 float8, gg_p float8, gg_q float8, gg_v float8,
	x bigint, t_x float8, t float8, m float8, delta float8, periods int, period_length float8, d float8,
	expected_spend float8, clv_periodic float8, clv_continuous float8, clv_infinite float8);
\set load '\\copy clv FROM ' :shared '/golden/clv.csv CSV HEADER'
:load

CREATE TEMP TABLE compared (name text, id text, ordinary boolean, want float8, got float8);

INSERT INTO compared
SELECT kind || ' ' || v.name, format('row %s: x %s, t_x %s, T %s', id, x, t_x, t),
	   least(r, a, b) >= 0.01 AND greatest(r, a, b) <= 20 AND x <= 400,
	   v.want, v.got
  FROM purchases,
	   LATERAL (SELECT crm.make_model(kind, 'day', ARRAY[r, alpha, a, b]) AS m OFFSET 0) AS made,
	   LATERAL (VALUES
		('log-likelihood', loglik, crm.log_likelihood(m, x, t_x, t)),
		('P(alive)', p_alive, crm.p_alive(m, x, t_x, t)),
		('expectation of a new customer', ex_10, crm.expected_purchases_new(m, 10)),
		('expectation of a new customer', ex_52, crm.expected_purchases_new(m, 52)),
		('expectation of a new customer', ex_t, crm.expected_purchases_new(m, t)),
		('conditional expectation', ce_10, crm.expected_purchases(m, x, t_x, t, 10)),
		('conditional expectation', ce_52, crm.expected_purchases(m, x, t_x, t, 52)),
		('conditional expectation', ce_t, crm.expected_purchases(m, x, t_x, t, t)),
		('discounted expectation', det_52, crm.residual_purchases(m, x, t_x, t, 52, delta)),
		('discounted residual', dert, crm.residual_purchases(m, x, t_x, t, discount => delta)),
		('probability of a count', pmf_x, CASE WHEN pmf_x IS NOT NULL THEN crm.purchase_probability_new(m, t, x) END))
		AS v (name, want, got)
 WHERE v.want IS NOT NULL;

INSERT INTO compared
SELECT 'bg_bb ' || v.name, format('row %s: x %s, t_x %s, n %s', id, x, t_x, n),
	   least(alpha, beta, gamma, delta) >= 0.01 AND greatest(alpha, beta, gamma, delta) <= 20 AND n <= 400, v.want, v.got
  FROM occasions,
	   LATERAL (SELECT crm.make_model('bg_bb', NULL, ARRAY[alpha, beta, gamma, delta]) AS m OFFSET 0) AS made,
	   LATERAL (VALUES
		('log-likelihood', loglik, crm.log_likelihood(m, x, t_x, n)),
		('P(alive) at the last occasion', p_alive_n, crm.p_alive(m, x, t_x, n, 0)),
		('P(alive)', p_alive_n1, crm.p_alive(m, x, t_x, n)),
		('P(alive) at the next occasion', p_alive_n1, crm.p_alive(m, x, t_x, n, 1)),
		('expectation of a new customer', ex_n, crm.expected_purchases_new(m, n)),
		('expectation of a new customer', ex_52, crm.expected_purchases_new(m, 52)),
		('conditional expectation', ce_1, crm.expected_purchases(m, x, t_x, n, 1)),
		('conditional expectation', ce_10, crm.expected_purchases(m, x, t_x, n, 10)),
		('conditional expectation', ce_52, crm.expected_purchases(m, x, t_x, n, 52)),
		('probability of a purchase next', ce_1, crm.purchase_probability(m, x, t_x, n, 1, 1)),
		('discounted residual', dert, crm.residual_purchases(m, x, t_x, n, discount => ln(1 + d)))) AS v (name, want, got)
 WHERE v.want IS NOT NULL;

INSERT INTO compared
SELECT kind || ' ' || v.name, format('row %s: t %s', id, t),
	   least(alpha, beta, coalesce(c, 1)) >= 0.01 AND greatest(alpha, beta, coalesce(c, 1)) <= 20 AND t <= 400 AND d >= 0.01, v.want, v.got
  FROM renewals,
	   LATERAL (SELECT crm.make_model(kind, NULL, CASE kind WHEN 'sbg' THEN ARRAY[alpha, beta] ELSE ARRAY[alpha, beta, c] END) AS m OFFSET 0) AS made,
	   LATERAL (VALUES
		('loss', pmf, CASE WHEN pmf > 1e-300 THEN exp(crm.log_likelihood(m, t, true)) ELSE pmf END),
		('log of loss', log_pmf, crm.log_likelihood(m, t, true)),
		('log of survival', log_survival, crm.log_likelihood(m, t, false)),
		('survival', survival, crm.survival(m, t)),
		('retention rate', retention, crm.retention_rate(m, t)),
		('value of a new customer', del, crm.residual_value_new(m, d)),
		('residual value', derl, crm.residual_value(m, t - 1, d))) AS v (name, want, got)
 WHERE v.want IS NOT NULL;

INSERT INTO compared
SELECT 'gamma_gamma ' || v.name, format('row %s: x %s, m %s', id, x, s.m),
	   least(p, q) >= 0.01 AND greatest(p, q) <= 20 AND x <= 400, v.want, v.got
  FROM spend AS s,
	   LATERAL (SELECT crm.make_model('gamma_gamma', NULL, ARRAY[p, q, s.v]) AS model OFFSET 0) AS made,
	   LATERAL (VALUES
		('log-likelihood', CASE WHEN x > 0 THEN loglik END, CASE WHEN x > 0 THEN crm.log_likelihood(model, x, s.m) END),
		('population mean', mean_population, crm.expected_spend(model, 0, 0)),
		('expected spend', expected_spend, crm.expected_spend(model, x, s.m))) AS v (name, want, got)
 WHERE v.want IS NOT NULL OR v.got IS NOT NULL;

INSERT INTO compared
SELECT kind || ' ' || v.name, format('row %s: x %s, t_x %s, T %s', id, x, t_x, t), x <= 400, v.want, v.got
  FROM clv,
	   LATERAL (SELECT CASE model WHEN 'bgnbd' THEN 'bg_nbd' WHEN 'mbgnbd' THEN 'mbg_nbd' WHEN 'paretonbd' THEN 'pareto_nbd' END AS kind) AS k,
	   LATERAL (SELECT crm.make_model(kind, 'week', ARRAY[p1, p2, p3, p4]) AS purchase_model,
					   crm.make_model('gamma_gamma', NULL, ARRAY[gg_p, gg_q, gg_v]) AS spend_model OFFSET 0) AS made,
	   LATERAL (SELECT exp(delta * 365.25 / 7) - 1 AS yearly_discount OFFSET 0) AS rate,
	   LATERAL (VALUES
		('CLV', clv_continuous, crm.clv(purchase_model, spend_model, x, t_x, t, m,
										periods * period_length, yearly_discount)),
		('infinite CLV', clv_infinite, crm.clv(purchase_model, spend_model, x, t_x, t, m,
											   yearly_discount => yearly_discount))) AS v (name, want, got)
 WHERE v.want IS NOT NULL;

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
	('bg_nbd discounted expectation', 187), ('bg_nbd discounted residual', 185),
	('bg_nbd expectation of a new customer', 561), ('bg_nbd infinite CLV', 24),
	('bg_nbd log-likelihood', 187), ('bg_nbd probability of a count', 132),
	('gamma_gamma expected spend', 48), ('gamma_gamma log-likelihood', 48),
	('gamma_gamma population mean', 45), ('mbg_nbd CLV', 24),
	('mbg_nbd P(alive)', 187), ('mbg_nbd conditional expectation', 561),
	('mbg_nbd discounted expectation', 187), ('mbg_nbd discounted residual', 185),
	('mbg_nbd expectation of a new customer', 561), ('mbg_nbd infinite CLV', 24),
	('mbg_nbd log-likelihood', 187), ('mbg_nbd probability of a count', 132),
	('pareto_nbd CLV', 24), ('pareto_nbd P(alive)', 204),
	('pareto_nbd conditional expectation', 612), ('pareto_nbd discounted expectation', 204),
	('pareto_nbd discounted residual', 204), ('pareto_nbd expectation of a new customer', 612),
	('pareto_nbd infinite CLV', 24), ('pareto_nbd log-likelihood', 204),
	('pareto_nbd probability of a count', 144), ('sbg log of loss', 49),
	('sbg log of survival', 49), ('sbg loss', 49),
	('sbg residual value', 49), ('sbg retention rate', 49),
	('sbg survival', 49), ('sbg value of a new customer', 49);

SELECT is((SELECT count(*)::int FROM (SELECT name FROM differences EXCEPT SELECT name FROM expected) AS unknown), 0,
		  'every compared value has a name in the list');

CREATE FUNCTION pg_temp.check_values(test text, rows int, tolerance float8, ordinary_only boolean) RETURNS SETOF text AS $$
	SELECT ok(count(*) >= rows AND count(*) > 0 AND coalesce(max(difference) <= tolerance, false),
			  format('%s: %s values within %s', test, count(*), tolerance)) ||
		   CASE WHEN count(*) < rows OR coalesce(max(difference) > tolerance, true) THEN E'\n' ||
			   diag(format('%s of %s values; worst %s: %s', count(*), rows, max(difference),
						   (array_agg(format('%s, want %s, got %s', id, want, got) ORDER BY difference DESC))[1])) ELSE '' END
	  FROM differences
	 WHERE name = test AND (ordinary OR NOT ordinary_only);
$$ LANGUAGE sql;

SELECT pg_temp.check_values(name, n, 1e-9, false) FROM expected ORDER BY name;
SELECT pg_temp.check_values(name, 1, 1e-12, true) FROM expected ORDER BY name;

SELECT * FROM finish();
