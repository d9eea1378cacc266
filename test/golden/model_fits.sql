/*
 * model_fits.sql: fits on real data against golden fits.
 *
 *	psql -X -v ON_ERROR_STOP=1 -f test/golden/model_fits.sql
 *
 * Reads test/golden/values and the data sets, described in
 * test/golden/README.md, and prints TAP. Every comparison counts its rows, so
 * that a file that was not read fails. The fits of a data set that is not here
 * are skipped.
 *
 * The log-likelihood to 1e-8, parameters to 1e-6 of their standard error,
 * standard errors and covariances to 1e-6 relative (what the golden values
 * are good to; the project asks for 1e-6, 1e-4 and 1e-3). Customers are given as numbers,
 * as counted rows and as histories, and the fit must not see a difference.
 */
\ir setup/start.sql
\ir setup/data_sets.sql
SELECT no_plan();

/* One row per customer and day, for each data set, up to its end. */
CREATE TEMP TABLE cdnow_part (part text, until date);
INSERT INTO cdnow_part VALUES ('cal', '1997-09-30'), ('all', '1998-06-30');
CREATE TEMP TABLE purchase AS
SELECT dataset, until, customer_id, day, sum(amount) AS amount
  FROM (SELECT 'cdnow_sample_' || part, until, customer_id, day, amount
		  FROM cdnow JOIN cdnow_sample USING (customer_id), cdnow_part
		UNION ALL
		SELECT 'cdnow_master_' || part, until, customer_id, day, amount FROM cdnow, cdnow_part
		UNION ALL
		SELECT 'online_retail', '2011-12-09', customer_id, day, amount FROM retail)
	   AS facts (dataset, until, customer_id, day, amount)
 GROUP BY dataset, until, customer_id, day;

CREATE TEMP TABLE summary AS
SELECT dataset, until, customer_id, count(*) - 1 AS x, (max(day) - min(day))::float8 AS t_x,
	   (until - min(day))::float8 AS t,
	   coalesce(avg(amount) FILTER (WHERE day > first_day), 0)::float8 AS mean_amount
  FROM (SELECT *, min(day) OVER (PARTITION BY dataset, customer_id) AS first_day
		  FROM purchase WHERE day <= until) AS p
 GROUP BY dataset, until, customer_id;

CREATE TEMP TABLE histories AS
SELECT dataset, until, customer_id, crm.history_agg(day, amount) AS history
  FROM purchase
 GROUP BY dataset, until, customer_id;

/* What to fit in time: the last pair has no maximum, and its limit is below. */
CREATE TEMP VIEW attempts AS
SELECT *
  FROM summary JOIN histories USING (dataset, until, customer_id),
	   (VALUES ('bg_nbd'), ('mbg_nbd'), ('pareto_nbd'), ('nbd')) AS k (kind),
	   (VALUES ('day', 1), ('week', 7)) AS u (unit, days)
 WHERE (dataset, kind) <> ('online_retail', 'pareto_nbd');

CREATE TEMP TABLE fitted (dataset text, kind text, unit text, source text, model crm.model);
INSERT INTO fitted
SELECT dataset, kind, unit, 'numbers', crm.fit_purchases(kind, unit, x, t_x / days, t / days)
  FROM attempts
 GROUP BY dataset, kind, unit;
INSERT INTO fitted
SELECT dataset, kind, unit, 'counted', crm.fit_purchases(kind, unit, x, t_x / days, t / days, n)
  FROM (SELECT dataset, kind, unit, days, x, t_x, t, count(*) AS n
		  FROM attempts GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY md5(concat(x, t_x, t))) AS s
 GROUP BY dataset, kind, unit;
INSERT INTO fitted
SELECT dataset, kind, unit, 'histories', crm.fit_purchases(kind, unit, history, until)
  FROM attempts
 GROUP BY dataset, kind, unit;
INSERT INTO fitted
SELECT 'cdnow_sample_summary', kind, 'week', 'numbers', crm.fit_purchases(kind, 'week', x, t_x, t)
  FROM cdnow_summary, (VALUES ('bg_nbd'), ('mbg_nbd'), ('pareto_nbd')) AS k (kind)
 GROUP BY kind;
INSERT INTO fitted
SELECT dataset, 'gamma_gamma', 'none', 'numbers', crm.fit_spend(x, mean_amount)
  FROM summary
 GROUP BY dataset
UNION ALL
SELECT dataset, 'gamma_gamma', 'none', 'numbers', crm.fit_spend(x, mean_amount)
  FROM (SELECT 'cdnow_sample_summary' AS dataset, * FROM cdnow_summary) AS s
 GROUP BY dataset
UNION ALL
SELECT dataset, 'gamma_gamma', 'none', 'histories', crm.fit_spend(history, until)
  FROM histories
 GROUP BY dataset;

CREATE TEMP TABLE golden (
	dataset text, kind text, unit text, customers int, parameter text, value float8,
	std_error float8, log_likelihood float8, status text);
\copy golden FROM 'test/golden/values/fits.csv' CSV HEADER
CREATE TEMP TABLE golden_covariance (
	dataset text, kind text, unit text, parameter text, other_parameter text, covariance float8);
\copy golden_covariance FROM 'test/golden/values/fit_covariances.csv' CSV HEADER

/* Donors on six yearly occasions, and survivors of two segments of contracts. */
INSERT INTO fitted
SELECT 'donations', 'bg_bb', 'year', source, model
  FROM (SELECT 'counted' AS source, crm.fit_occasions(x, t_x, n, customers) AS model
		  FROM donors
		 GROUP BY source
		UNION ALL
		SELECT 'numbers' AS source, crm.fit_occasions(x, t_x, n)
		  FROM donors, generate_series(1, customers)
		 GROUP BY source) AS f;
INSERT INTO fitted
SELECT format('contracts_%s_%sy', segment, years), kind, 'year', 'counted',
	   crm.fit_renewals(kind, periods, churned, n)
  FROM (VALUES (4), (7), (12)) AS y (years), (VALUES ('sbg'), ('bdw')) AS k (kind),
	   LATERAL (SELECT segment, year AS periods, true AS churned,
					   lag(survivors) OVER (PARTITION BY segment ORDER BY year) - survivors AS n
				  FROM contracts WHERE year <= years
				UNION ALL
				SELECT segment, year, false, survivors FROM contracts WHERE year = years) AS s
 WHERE n IS NOT NULL
 GROUP BY segment, years, kind;

CREATE TEMP TABLE fit_differences AS
SELECT f.*, max(g.customers) AS customers,
	   max(abs(crm.log_likelihood(f.model) - g.log_likelihood)) AS log_likelihood,
	   max(abs(p.value - g.value) / g.std_error) AS parameters,
	   max(abs(p.std_error - g.std_error) / g.std_error) AS std_errors,
	   count(p.name) AS n
  FROM fitted AS f
  JOIN golden AS g USING (dataset, kind, unit)
  LEFT JOIN LATERAL crm.parameters(f.model) AS p ON p.name = g.parameter
 WHERE g.status = 'ok'
 GROUP BY f.dataset, f.kind, f.unit, f.source, f.model;

SELECT ok(n = jsonb_array_length(model->'covariance') AND (model->>'customers')::int = customers
		  AND log_likelihood <= 1e-8 AND parameters <= 1e-6 AND std_errors <= 1e-6,
		  format('%s of %s by %s from %s: log-likelihood within %s, '
				 'parameters within %s standard errors, standard errors within %s',
				 kind, dataset, unit, source,
				 log_likelihood::float4, parameters::float4, std_errors::float4))
  FROM fit_differences
 ORDER BY kind, dataset, unit, source;

/* Of the golden fits those whose data set is here, and why the others are skipped. */
CREATE TEMP TABLE golden_fit AS
SELECT *, pg_temp.absent(dataset) AS absent
  FROM (SELECT DISTINCT dataset, kind, unit FROM golden WHERE status = 'ok') AS g;
SELECT skip(format('fit of %s to %s by %s: %s', kind, dataset, unit, absent))
  FROM golden_fit
 WHERE absent IS NOT NULL
 ORDER BY kind, dataset, unit;
SELECT is((SELECT count(DISTINCT (dataset, kind, unit)) FROM fit_differences), count(*),
		  'every golden fit whose data set is here was compared')
  FROM golden_fit
 WHERE absent IS NULL;
SELECT is(count(*), 39::bigint, 'every golden fit was read') FROM golden_fit;

/* Where nobody seems to leave, Pareto/NBD is its limit, and the best kind is another. */
SELECT pg_temp.absent('online_retail') AS absent,
	   pg_temp.absent('online_retail') IS NULL AS present \gset
\if :present
SELECT is(crm.fit_purchases('pareto_nbd', 'week', x, t_x / 7, t / 7)->>'limit', 'no_dropout',
		  'Pareto/NBD has a limit in which nobody leaves')
  FROM summary
 WHERE dataset = 'online_retail';
SELECT is(crm.fit_purchases('best', 'week', x, t_x / 7, t / 7)::text,
		  (SELECT model::text FROM fitted
			WHERE (dataset, kind, unit, source) = ('online_retail', 'nbd', 'week', 'numbers')),
		  'the best kind is the one with the fewest parameters, as nobody seems to leave')
  FROM summary
 WHERE dataset = 'online_retail';
\else
SELECT skip('the best kind for online_retail: ' || :'absent', 2);
\endif
SELECT pg_temp.absent('cdnow_sample') AS absent,
	   pg_temp.absent('cdnow_sample') IS NULL AS present \gset
\if :present
SELECT is(crm.fit_purchases('best', 'week', history, until)->>'kind', 'mbg_nbd',
		  'MBG/NBD is the best kind for the CDNOW sample')
  FROM histories
 WHERE dataset = 'cdnow_sample_cal';
\else
SELECT skip('the best kind for the CDNOW sample: ' || :'absent');
\endif

CREATE FUNCTION pg_temp.place(model crm.model, parameter text) RETURNS int AS $$
	SELECT ordinality::int FROM crm.parameters(model) WITH ORDINALITY WHERE name = parameter;
$$ LANGUAGE sql;
CREATE TEMP TABLE covariance_differences AS
SELECT dataset, kind, unit, source, count(*) AS n,
	   max(abs(v[i][j] - g.covariance) / sqrt(v[i][i] * v[j][j])) AS difference
  FROM fit_differences AS f
  JOIN golden_covariance AS g USING (dataset, kind, unit),
	   LATERAL (SELECT crm.vcov(model) AS v, pg_temp.place(model, parameter) AS i,
					   pg_temp.place(model, other_parameter) AS j OFFSET 0) AS places
 GROUP BY dataset, kind, unit, source;
SELECT ok(n = CASE kind WHEN 'sbg' THEN 3 WHEN 'bdw' THEN 6 WHEN 'gamma_gamma' THEN 6 ELSE 10 END
		  AND difference <= 1e-6,
		  format('%s of %s by %s from %s: covariances within %s of the product of standard errors',
				 kind, dataset, unit, source, difference::float4))
  FROM covariance_differences
 ORDER BY kind, dataset, unit, source;

/* However the customers are given, the model is the same text. */
SELECT is(count(DISTINCT model::text)::int, 1,
		  format('%s of %s by %s: the same from %s', kind, dataset, unit,
				 string_agg(source, ', ' ORDER BY source)))
  FROM fitted
 WHERE kind <> 'gamma_gamma'
 GROUP BY dataset, kind, unit
HAVING count(*) = 3
 ORDER BY kind, dataset, unit;

/* The unit of time moves alpha by 7 and the log-likelihood by sum(x) ln 7. */
SELECT ok(abs(crm.log_likelihood(d.model)
			  - (crm.log_likelihood(w.model) - total * ln(7::float8))) < 1e-7
		  AND bool_and(abs(pd.value / CASE WHEN pd.name IN ('alpha', 'beta') THEN 7 ELSE 1 END
						   - pw.value) <= 1e-6 * pw.std_error),
		  format('%s of %s: days and weeks give the same model', d.kind, d.dataset))
  FROM fitted AS d
  JOIN fitted AS w ON (w.dataset, w.kind, w.source, w.unit) = (d.dataset, d.kind, d.source, 'week')
  JOIN (SELECT dataset, sum(x) AS total FROM summary GROUP BY dataset) AS s
	ON s.dataset = d.dataset,
	   LATERAL crm.parameters(d.model) AS pd
  JOIN LATERAL crm.parameters(w.model) AS pw ON pw.name = pd.name
 WHERE d.unit = 'day' AND d.source = 'numbers' AND d.kind <> 'gamma_gamma'
 GROUP BY d.kind, d.dataset, d.model, w.model, total
 ORDER BY d.kind, d.dataset;

/* Serial, parallel, shuffled. */
SELECT pg_temp.absent('cdnow_master') AS absent,
	   pg_temp.absent('cdnow_master') IS NULL AS present \gset
\if :present
CREATE UNLOGGED TABLE crm_golden_summary AS
SELECT * FROM summary WHERE dataset = 'cdnow_master_cal';
ALTER TABLE crm_golden_summary SET (parallel_workers = 3);
CREATE TEMP TABLE ways (way text, model crm.model);
SET max_parallel_workers_per_gather = 0;
INSERT INTO ways
SELECT 'serial', crm.fit_purchases('mbg_nbd', 'day', x, t_x, t) FROM crm_golden_summary;
INSERT INTO ways
SELECT 'shuffled', crm.fit_purchases('mbg_nbd', 'day', x, t_x, t ORDER BY md5(customer_id::text))
  FROM crm_golden_summary;
SET max_parallel_workers_per_gather = 3;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
-- Its cost keeps the planner from workers.
ALTER FUNCTION crm_internal.fit_deserialize COST 1;
\ir ../pgtap/setup/plans.sql
SELECT matches(pg_temp.plan_of($$SELECT crm.fit_purchases('mbg_nbd', 'day', x, t_x, t)
								   FROM crm_golden_summary$$),
			   'Partial Aggregate', 'the fit runs in parallel');
SELECT crm.fit_purchases('mbg_nbd', 'day', x, t_x, t)::text AS parallel_model
  FROM crm_golden_summary \gset
INSERT INTO ways VALUES ('parallel', :'parallel_model');
SELECT is(count(*) || ' fits, ' || count(DISTINCT model::text), '3 fits, 1',
		  'serial, shuffled and parallel fits are the same text')
  FROM ways;
DROP TABLE crm_golden_summary;
ALTER FUNCTION crm_internal.fit_deserialize COST 1e12;
\else
SELECT skip('the same fit in parallel: ' || :'absent', 2);
\endif

SELECT * FROM finish();
