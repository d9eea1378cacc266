/*
 * model_fits.sql: fits on real data against golden fits.
 *
 *	psql -X -v ON_ERROR_STOP=1 -v shared=/work/shared -f test/golden/model_fits.sql
 *
 * Reads golden/ and data/ below :shared, described in README.md there, and
 * prints TAP. Every comparison counts its rows, so that a file that was not
 * read fails.
 *
 * The log-likelihood to 1e-8, parameters to 1e-6 of their standard error,
 * standard errors and covariances to 1e-6 relative (what the golden values
 * are good to; the project asks for 1e-6, 1e-4 and 1e-3). Customers are given as numbers,
 * as counted rows and as histories, and the fit must not see a difference.
 */
\set QUIET on
\pset format unaligned
\pset tuples_only on
\pset pager off
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS crm;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT no_plan();

CREATE TEMP TABLE elog (customer_id int, day date, cds int, amount numeric);
\set load '\\copy elog FROM ' :shared '/data/cdnow_elog.csv CSV HEADER'
:load
CREATE TEMP TABLE sample_ids (customer_id int, sample_id int);
\set load '\\copy sample_ids FROM ' :shared '/data/cdnow_sample_ids.csv CSV HEADER'
:load
CREATE TEMP TABLE published (sample_id int, x bigint, t_x float8, t float8, mean_amount float8);
\set load '\\copy published FROM ' :shared '/data/cdnow_sample_summary.csv CSV HEADER'
:load
CREATE TEMP TABLE invoices (invoice_no text, invoiced timestamp, customer_id int, country text, lines int, quantity int, amount numeric);
\set load '\\copy invoices FROM PROGRAM ''gzip -dc ' :shared '/data/online_retail_invoices.csv.gz'' CSV HEADER'
:load

/* One row per customer and day, for each data set, up to its end. */
CREATE TEMP TABLE purchase AS
SELECT dataset, until, customer_id, day, sum(amount) AS amount
  FROM (SELECT 'cdnow_sample_cal', date '1997-09-30', customer_id, day, amount FROM elog JOIN sample_ids USING (customer_id)
		UNION ALL SELECT 'cdnow_sample_all', '1998-06-30', customer_id, day, amount FROM elog JOIN sample_ids USING (customer_id)
		UNION ALL SELECT 'cdnow_master_cal', '1997-09-30', customer_id, day, amount FROM elog
		UNION ALL SELECT 'cdnow_master_all', '1998-06-30', customer_id, day, amount FROM elog
		UNION ALL SELECT 'online_retail', '2011-12-09', customer_id, invoiced::date, amount FROM invoices
				   WHERE customer_id IS NOT NULL AND invoice_no NOT LIKE 'C%' AND amount > 0)
	   AS facts (dataset, until, customer_id, day, amount)
 GROUP BY dataset, until, customer_id, day;

CREATE TEMP TABLE summary AS
SELECT dataset, until, customer_id, count(*) - 1 AS x, (max(day) - min(day))::float8 AS t_x, (until - min(day))::float8 AS t,
	   coalesce(avg(amount) FILTER (WHERE day > first_day), 0)::float8 AS mean_amount
  FROM (SELECT *, min(day) OVER (PARTITION BY dataset, customer_id) AS first_day FROM purchase WHERE day <= until) AS p
 GROUP BY dataset, until, customer_id;

CREATE TEMP TABLE histories AS
SELECT dataset, until, customer_id, crm.history_agg(day, amount) AS history FROM purchase GROUP BY dataset, until, customer_id;

/* What to fit in time: the last pair has no maximum, and is the error below. */
CREATE TEMP VIEW attempts AS
SELECT *
  FROM summary JOIN histories USING (dataset, until, customer_id),
	   (VALUES ('bg_nbd'), ('mbg_nbd'), ('pareto_nbd'), ('nbd')) AS k (kind), (VALUES ('day', 1), ('week', 7)) AS u (unit, days)
 WHERE (dataset, kind) <> ('online_retail', 'pareto_nbd');

CREATE TEMP TABLE fitted (dataset text, kind text, grain text, source text, model crm.model);
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
  FROM published, (VALUES ('bg_nbd'), ('mbg_nbd'), ('pareto_nbd')) AS k (kind)
 GROUP BY kind;
INSERT INTO fitted
SELECT dataset, 'gamma_gamma', 'none', 'numbers', crm.fit_spend(x, mean_amount) FROM summary GROUP BY dataset
UNION ALL
SELECT 'cdnow_sample_summary', 'gamma_gamma', 'none', 'numbers', crm.fit_spend(x, mean_amount) FROM published
UNION ALL
SELECT dataset, 'gamma_gamma', 'none', 'histories', crm.fit_spend(history, until) FROM histories GROUP BY dataset;

CREATE TEMP TABLE golden (dataset text, model text, grain text, customers int, parameter text, value float8, std_error float8, loglik float8, status text);
\set load '\\copy golden FROM ' :shared '/golden/fits.csv CSV HEADER'
:load
CREATE TEMP TABLE golden_covariance (dataset text, model text, grain text, parameter text, parameter2 text, covariance float8);
\set load '\\copy golden_covariance FROM ' :shared '/golden/fits_cov.csv CSV HEADER'
:load

CREATE FUNCTION pg_temp.kind(golden_name text) RETURNS text AS $$
	SELECT CASE golden_name WHEN 'bgnbd' THEN 'bg_nbd' WHEN 'mbgnbd' THEN 'mbg_nbd' WHEN 'paretonbd' THEN 'pareto_nbd'
							WHEN 'gammagamma' THEN 'gamma_gamma' WHEN 'bgbb' THEN 'bg_bb' ELSE golden_name END;
$$ LANGUAGE sql;
CREATE FUNCTION pg_temp.parameter(golden_model text, golden_name text) RETURNS text AS $$
	SELECT CASE WHEN golden_model = 'gammagamma' AND golden_name = 'gamma' THEN 'v' ELSE golden_name END;
$$ LANGUAGE sql;

/* Donors on six yearly occasions, and survivors of two segments of contracts. */
CREATE TEMP TABLE donors (x bigint, t_x bigint, n bigint, customers bigint);
\set load '\\copy donors FROM ' :shared '/data/donations.csv CSV HEADER'
:load
INSERT INTO fitted
SELECT 'donations', 'bg_bb', (SELECT DISTINCT grain FROM golden WHERE dataset = 'donations'), source, model
  FROM (SELECT 'counted', crm.fit_occasions(x, t_x, n, customers) FROM donors
		UNION ALL SELECT 'numbers', crm.fit_occasions(x, t_x, n) FROM donors, generate_series(1, customers)) AS f (source, model);
CREATE TEMP TABLE survivors (segment text, year int, survivors bigint, calibration boolean);
\set load '\\copy survivors FROM ' :shared '/data/sbg_contracts.csv CSV HEADER'
:load
INSERT INTO fitted
SELECT format('contracts_%s_%sy', segment, years), kind, 'year', 'counted', crm.fit_renewals(kind, periods, churned, n)
  FROM (VALUES (4), (7), (12)) AS y (years), (VALUES ('sbg'), ('bdw')) AS k (kind),
	   LATERAL (SELECT segment, year AS periods, true AS churned,
					   lag(survivors) OVER (PARTITION BY segment ORDER BY year) - survivors AS n
				  FROM survivors WHERE year <= years
				UNION ALL SELECT segment, year, false, survivors FROM survivors WHERE year = years) AS s
 WHERE n IS NOT NULL
 GROUP BY segment, years, kind;

CREATE TEMP TABLE fit_differences AS
SELECT f.*, max(g.customers) AS customers, max(abs(crm.log_likelihood(f.model) - g.loglik)) AS loglik,
	   max(abs(p.value - g.value) / g.std_error) AS parameters,
	   max(abs(p.std_error - g.std_error) / g.std_error) AS std_errors,
	   count(p.name) AS n
  FROM fitted AS f
  JOIN golden AS g ON g.dataset = f.dataset AND pg_temp.kind(g.model) = f.kind AND g.grain = f.grain AND g.status = 'ok'
  LEFT JOIN LATERAL crm.parameters(f.model) AS p ON p.name = pg_temp.parameter(g.model, g.parameter)
 GROUP BY f.dataset, f.kind, f.grain, f.source, f.model;

SELECT ok(n = jsonb_array_length(model->'covariance') AND (model->>'customers')::int = customers
		  AND loglik <= 1e-8 AND parameters <= 1e-6 AND std_errors <= 1e-6,
		  format('%s of %s by %s from %s: log-likelihood within %s, parameters within %s standard errors, standard errors within %s',
				 kind, dataset, grain, source, loglik::float4, parameters::float4, std_errors::float4))
  FROM fit_differences
 ORDER BY kind, dataset, grain, source;
SELECT is((SELECT count(DISTINCT (dataset, kind, grain))::int FROM fit_differences),
		  (SELECT count(DISTINCT (dataset, model, grain))::int FROM golden WHERE status = 'ok'), 'every golden fit was compared');

/* Where nobody seems to leave, Pareto/NBD has no maximum; the best kind is another. */
SELECT throws_matching($$SELECT crm.fit_purchases('pareto_nbd', 'week', x, t_x / 7, t / 7) FROM summary WHERE dataset = 'online_retail'$$,
					   'the likelihood of a model of kind pareto_nbd has no maximum', 'no interior maximum is an error');
SELECT is(crm.fit_purchases('best', 'week', x, t_x / 7, t / 7)::text,
		  (SELECT model::text FROM fitted WHERE (dataset, kind, grain, source) = ('online_retail', 'nbd', 'week', 'numbers')),
		  'the best kind is the one with the fewest parameters, as nobody seems to leave') FROM summary WHERE dataset = 'online_retail';
SELECT is(crm.fit_purchases('best', 'week', history, until)->>'kind', 'mbg_nbd', 'MBG/NBD is the best kind for the CDNOW sample')
  FROM histories WHERE dataset = 'cdnow_sample_cal';

CREATE TEMP TABLE covariance_differences AS
SELECT dataset, kind, grain, source, count(*) AS n,
	   max(abs((crm.vcov(f.model))[i.place][j.place] - g.covariance)
		   / sqrt((crm.vcov(f.model))[i.place][i.place] * (crm.vcov(f.model))[j.place][j.place])) AS difference
  FROM fit_differences AS f
  JOIN golden_covariance AS g USING (dataset, grain),
	   LATERAL (SELECT ordinality::int AS place FROM crm.parameters(f.model) WITH ORDINALITY WHERE name = pg_temp.parameter(g.model, g.parameter)) AS i,
	   LATERAL (SELECT ordinality::int AS place FROM crm.parameters(f.model) WITH ORDINALITY WHERE name = pg_temp.parameter(g.model, g.parameter2)) AS j
 WHERE pg_temp.kind(g.model) = f.kind
 GROUP BY dataset, kind, grain, source;
SELECT ok(n = CASE kind WHEN 'sbg' THEN 3 WHEN 'bdw' THEN 6 WHEN 'gamma_gamma' THEN 6 ELSE 10 END AND difference <= 1e-6,
		  format('%s of %s by %s from %s: covariances within %s of the product of standard errors',
				 kind, dataset, grain, source, difference::float4))
  FROM covariance_differences
 ORDER BY kind, dataset, grain, source;

/* However the customers are given, the model is the same text. */
SELECT is(count(DISTINCT model::text)::int, 1, format('%s of %s by %s: the same from %s', kind, dataset, grain, string_agg(source, ', ' ORDER BY source)))
  FROM fitted
 WHERE kind <> 'gamma_gamma'
 GROUP BY dataset, kind, grain
HAVING count(*) = 3
 ORDER BY kind, dataset, grain;

/* The unit of time moves alpha by 7 and the log-likelihood by sum(x) ln 7. */
SELECT ok(abs(crm.log_likelihood(d.model) - (crm.log_likelihood(w.model) - total * ln(7::float8))) < 1e-7
		  AND bool_and(abs(pd.value / CASE WHEN pd.name IN ('alpha', 'beta') THEN 7 ELSE 1 END - pw.value) <= 1e-6 * pw.std_error),
		  format('%s of %s: days and weeks give the same model', d.kind, d.dataset))
  FROM fitted AS d
  JOIN fitted AS w ON (w.dataset, w.kind, w.source, w.grain) = (d.dataset, d.kind, d.source, 'week')
  JOIN (SELECT dataset, sum(x) AS total FROM summary GROUP BY dataset) AS s ON s.dataset = d.dataset,
	   LATERAL crm.parameters(d.model) AS pd
  JOIN LATERAL crm.parameters(w.model) AS pw ON pw.name = pd.name
 WHERE d.grain = 'day' AND d.source = 'numbers' AND d.kind <> 'gamma_gamma'
 GROUP BY d.kind, d.dataset, d.model, w.model, total
 ORDER BY d.kind, d.dataset;

/* Serial, parallel, shuffled. */
CREATE UNLOGGED TABLE crm_golden_summary AS SELECT * FROM summary WHERE dataset = 'cdnow_master_cal';
ALTER TABLE crm_golden_summary SET (parallel_workers = 3);
CREATE TEMP TABLE ways (way text, model crm.model);
SET max_parallel_workers_per_gather = 0;
INSERT INTO ways SELECT 'serial', crm.fit_purchases('mbg_nbd', 'day', x, t_x, t) FROM crm_golden_summary;
INSERT INTO ways SELECT 'shuffled', crm.fit_purchases('mbg_nbd', 'day', x, t_x, t ORDER BY md5(customer_id::text)) FROM crm_golden_summary;
SET max_parallel_workers_per_gather = 3;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text AS $$
DECLARE
	line text;
	result text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		result := result || line || E'\n';
	END LOOP;
	RETURN result;
END
$$ LANGUAGE plpgsql;
SELECT matches(pg_temp.plan_of($$SELECT crm.fit_purchases('mbg_nbd', 'day', x, t_x, t) FROM crm_golden_summary$$),
			   'Partial Aggregate', 'the fit runs in parallel');
SELECT crm.fit_purchases('mbg_nbd', 'day', x, t_x, t)::text AS parallel_model FROM crm_golden_summary \gset
INSERT INTO ways VALUES ('parallel', :'parallel_model');
SELECT is(count(DISTINCT model::text)::int, 1, 'serial, shuffled and parallel fits are the same text')
  FROM ways HAVING count(*) = 3;
DROP TABLE crm_golden_summary;

SELECT * FROM finish();
