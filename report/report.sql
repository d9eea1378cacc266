/*
 * report.sql
 *
 * Prints the data of a report as a JSON array: first what all of it is about,
 * then an object for each part. All parts are of one moment. A part that fails
 * has its error in place of its rows, and the others go on.
 *
 * Reads the psql variables workspace, as_of (a day, or empty: the one that the
 * views show), customer (a key, or empty) and language. The current folder is
 * that of this file.
 */
\set ON_ERROR_STOP on
\pset format unaligned
\pset tuples_only on
SET client_min_messages = error;
SET jit = off;
SET work_mem = '64MB';
SET search_path = :"workspace", public;
SELECT :'as_of' <> '' AS has_day \gset
\if :has_day
SET crm.as_of = :'as_of';
\endif
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL TimeZone = 'UTC';

/* What the queries are about, as literals. Two thirds of the period fit a model
 * that forecasts the last third. */
SELECT day AS as_of, quote_nullable(day::text) AS as_of_literal,
	   quote_nullable((since + (least(day, current_date) - since) * 2 / 3)::text)
		AS calibration_end_literal,
	   quote_nullable(kind) AS kind_literal, quote_literal(model_unit) AS unit_literal,
	   quote_literal(:'workspace') AS workspace_literal,
	   quote_literal(:'customer') AS customer_literal,
	   source IS NOT NULL AS attached, since IS NOT NULL AS has_purchases,
	   :'customer' <> '' AS has_customer
  FROM shown_day, workspace
  LEFT JOIN (SELECT min(crm.first_day(history)) AS since FROM purchase_history) AS purchases ON true
  LEFT JOIN LATERAL (SELECT kind FROM model, shown_day
					  WHERE role = 'purchases' AND as_of <= day
					  ORDER BY as_of DESC, model_id DESC LIMIT 1) AS newest ON true
\gset

\set texts `cat texts.tsv`
\echo [
SELECT json_build_object('workspace', :'workspace', 'schema', quote_ident(:'workspace'),
						 'as_of', :'as_of', 'customer', :'customer', 'language', :'language',
						 'version', extversion, 'texts',
						 (SELECT json_object_agg(field[1], field[CASE :'language' WHEN 'zh' THEN 3
																 ELSE 2 END])
							FROM regexp_split_to_table(:'texts', E'\n') AS line,
								 LATERAL string_to_array(line, E'\t') AS field
						   WHERE cardinality(field) = 3))
  FROM pg_extension
 WHERE extname = 'crm';

\set ON_ERROR_STOP off
\set ON_ERROR_ROLLBACK on
\set kind tables \set section now
\set needs 'customer_value' \set word state \ir part.sql
\set needs 'growth' \set word month \ir part.sql
\set needs 'kpi' \set word figures \ir part.sql
\set needs 'changed' \set word moves \ir part.sql
\set section customers
\set kind pictures
\if :has_customer
\set needs '' \set word timeline \ir part.sql
\endif
\set needs 'segment_profile' \set word segments \ir part.sql
\set needs 'customer_rfm' \set word rfm \ir part.sql
\set needs 'customer_value' \set word concentration \ir part.sql
\set needs 'customer_value' \set word value \ir part.sql
\set kind tables
\set needs 'customer_value' \set word top \ir part.sql
\set needs 'churn_risk' \set word leaving \ir part.sql
\set needs 'customer_tier' \set word losing \ir part.sql
\set kind pictures
\set section growth
\set needs 'growth' \set word growth \ir part.sql
\set needs 'cohort' \set word cohort \ir part.sql
\set needs 'tier_flow' \set word tiers \ir part.sql
\set needs 'cohort' \set word value_curve \ir part.sql
\set section origin
\set needs 'attribution' \set word attribution \ir part.sql
\set needs 'funnel' \set word funnel \ir part.sql
\set needs 'satisfaction' \set word nps \ir part.sql
\if :has_purchases
\set section accuracy
\set needs 'purchase_history' \set word tracking \ir part.sql
\set needs 'purchase_history' \set word holdout \ir part.sql
\set needs 'customer_metric' \set word alive \ir part.sql
\set kind tables
\set needs 'purchase_history' \set word backtest \ir part.sql
\set needs 'purchase_history' \set word independence \ir part.sql
\set needs 'model' \set word parameters \ir part.sql
\endif
\echo ]
COMMIT;
