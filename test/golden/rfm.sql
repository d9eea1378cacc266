/*
 * rfm.sql: scores, totals and thresholds against the golden files, on CDNOW
 * and Online Retail, and crm.tile against its definition.
 *
 *	psql -v ON_ERROR_STOP=1 -v shared=FOLDER -f test/golden/rfm.sql
 *
 * FOLDER holds golden/ and data/, each with a README. Writes temporary tables
 * only. pgtap must be there; it and crm are created where they are not.
 */
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS crm;
CREATE EXTENSION IF NOT EXISTS pgtap;

CREATE TEMP TABLE cdnow (customer_id int, day date, cds int, amount numeric);
\set load '\\copy cdnow FROM ' :shared '/data/cdnow_elog.csv CSV HEADER'
:load
CREATE TEMP TABLE cdnow_sample (customer_id int, sample_id int);
\set load '\\copy cdnow_sample FROM ' :shared '/data/cdnow_sample_ids.csv CSV HEADER'
:load
CREATE TEMP TABLE invoice (invoice_no text, at timestamp, customer_id int, country text, lines int, quantity int, amount numeric);
\set load '\\copy invoice FROM PROGRAM ''zcat ' :shared '/data/online_retail_invoices.csv.gz'' CSV HEADER'
:load

CREATE TEMP TABLE breakpoint (dataset text, as_of date, measure text, quantile text, value numeric);
\set load '\\copy breakpoint FROM ' :shared '/golden/rfm_breakpoints.csv CSV HEADER'
:load

CREATE TEMP TABLE golden (
	customer_id int, first_date date, last_date date, recency_days int, frequency bigint, active_days bigint,
	monetary_total numeric, monetary_mean float8, r_value int, f_value int, m_value int, r_ntile int, f_ntile int, m_ntile int,
	dataset text, as_of date);
\set load '\\copy golden (customer_id, first_date, last_date, recency_days, frequency, active_days, monetary_total, monetary_mean, r_value, f_value, m_value, r_ntile, f_ntile, m_ntile) FROM ' :shared '/golden/rfm_cdnow_sample_1997-09-30.csv CSV HEADER'
:load
UPDATE golden SET dataset = 'cdnow_sample', as_of = '1997-09-30' WHERE dataset IS NULL;
\set load '\\copy golden (customer_id, first_date, last_date, recency_days, frequency, active_days, monetary_total, monetary_mean, r_value, f_value, m_value, r_ntile, f_ntile, m_ntile) FROM ' :shared '/golden/rfm_cdnow_sample_1998-06-30.csv CSV HEADER'
:load
UPDATE golden SET dataset = 'cdnow_sample', as_of = '1998-06-30' WHERE dataset IS NULL;
\set load '\\copy golden (customer_id, first_date, last_date, recency_days, frequency, active_days, monetary_total, monetary_mean, r_value, f_value, m_value, r_ntile, f_ntile, m_ntile) FROM ' :shared '/golden/rfm_online_retail_2011-12-09.csv CSV HEADER'
:load
UPDATE golden SET dataset = 'online_retail', as_of = '2011-12-09' WHERE dataset IS NULL;

CREATE TEMP TABLE customer AS
	SELECT 'cdnow_sample' AS dataset, customer_id, crm.history_agg(day, amount) AS history
	  FROM cdnow JOIN cdnow_sample USING (customer_id)
	 GROUP BY customer_id
	UNION ALL
	SELECT 'online_retail', customer_id, crm.history_agg(at::date, amount)
	  FROM invoice
	 WHERE customer_id IS NOT NULL AND invoice_no NOT LIKE 'C%' AND amount > 0
	 GROUP BY customer_id;

CREATE TEMP TABLE cut AS
	SELECT dataset, as_of, crm.rfm_thresholds_agg(history, as_of, 5) AS thresholds
	  FROM customer JOIN (SELECT DISTINCT dataset, as_of FROM golden) AS g USING (dataset)
	 GROUP BY dataset, as_of;

CREATE TEMP TABLE scored AS
	SELECT dataset, as_of, customer_id, (rfm).*
	  FROM (SELECT dataset, as_of, customer_id, crm.rfm(thresholds, history, as_of) AS rfm
			  FROM customer JOIN cut USING (dataset) OFFSET 0) AS s
	 WHERE rfm IS NOT NULL;

SELECT plan(21);

SELECT is((SELECT count(*)::int FROM golden), 2357 + 2357 + 4338, 'every golden customer is read');
SELECT is((SELECT count(*)::int FROM scored), (SELECT count(*)::int FROM golden), 'as many customers are scored');

/* Golden against computed, one row for each value of each customer. */
CREATE TEMP TABLE compared AS
	SELECT g.dataset, g.as_of, g.customer_id, v.name, v.want, v.got
	  FROM golden g
	  LEFT JOIN scored s USING (dataset, as_of, customer_id),
	LATERAL (VALUES
		('r', g.r_value, s.r),
		('f', g.f_value, s.f),
		('m', g.m_value, s.m),
		('code', g.r_value * 100 + g.f_value * 10 + g.m_value, s.code::numeric),
		('recency', g.recency_days, s.recency),
		('frequency', g.frequency, s.frequency),
		('monetary', g.monetary_total, s.monetary)) AS v (name, want, got);

SELECT ok(count(*) = 2 * 2357 + 4338 AND bool_and(got IS NOT DISTINCT FROM want), format('%s of %s customers', name, count(*)))
	   || coalesce(E'\n' || diag(array_to_string((array_agg(format('%s %s, customer %s: want %s, got %s', dataset, as_of, customer_id, want, got))
			FILTER (WHERE got IS DISTINCT FROM want))[1:5], '; ')), '')
  FROM compared GROUP BY name ORDER BY name;

CREATE TEMP TABLE threshold AS
	SELECT dataset, as_of, measure, format('%s/5', number) AS quantile, value
	  FROM cut,
	LATERAL (VALUES ('recency_days', (thresholds).recency), ('frequency', (thresholds).frequency), ('monetary_total', (thresholds).monetary))
		AS m (measure, thresholds),
	LATERAL unnest(m.thresholds) WITH ORDINALITY AS t (value, number);

SELECT ok(count(*) = 12 AND bool_and(t.value IS NOT DISTINCT FROM b.value), format('thresholds of %s', measure))
	   || coalesce(E'\n' || diag(string_agg(format('%s %s, %s: want %s, got %s', dataset, as_of, quantile, b.value, t.value), '; ')
								 FILTER (WHERE t.value IS DISTINCT FROM b.value)), '')
  FROM breakpoint b FULL JOIN threshold t USING (dataset, as_of, measure, quantile)
 GROUP BY measure ORDER BY measure;

/*
 * crm.tile: the definition, computed from rank() and count() in SQL; and
 * against the golden ntile, from which it may differ only where a group of
 * peers is split.
 */
CREATE TEMP TABLE tiled AS
	SELECT g.dataset, g.as_of, v.name, v.value, v.ntile,
		   crm.tile(5) OVER w AS tile,
		   1 + (5 * (rank() OVER w - 1)) / count(*) OVER (PARTITION BY g.dataset, g.as_of, v.name) AS want
	  FROM golden g,
	LATERAL (VALUES
		('recency', -recency_days::numeric, r_ntile),
		('frequency', frequency, f_ntile),
		('monetary', monetary_total, m_ntile)) AS v (name, value, ntile)
	WINDOW w AS (PARTITION BY g.dataset, g.as_of, v.name ORDER BY v.value);

SELECT ok(count(*) = 2 * 2357 + 4338 AND bool_and(tile = want), format('tile follows its definition for %s', name))
  FROM tiled GROUP BY name ORDER BY name;

SELECT ok(count(*) = 2 * 2357 + 4338 AND bool_and(peers_together), format('tile keeps peers of %s together', name))
  FROM (SELECT name, tile = min(tile) OVER (PARTITION BY dataset, as_of, name, value) AS peers_together FROM tiled) AS t
 GROUP BY name ORDER BY name;

SELECT ok(count(*) > 100 AND bool_and(abs(tile - ntile) <= 1), 'tile is within one of ntile for amounts without peers')
  FROM (SELECT *, count(*) OVER (PARTITION BY dataset, as_of, name, value) AS peers FROM tiled) AS t
 WHERE name = 'monetary' AND peers = 1;

/* Default segments: everybody gets one, by the code alone. */
SELECT ok(count(*) = 2 * 2357 + 4338 AND count(DISTINCT label) >= 10 AND bool_and(label IS NOT NULL), 'every customer has a segment')
  FROM (SELECT crm.classify(crm.default_segment_rules(), s) AS label FROM scored s) AS c;
SELECT is(count(*)::int, 0, 'a code has one segment')
  FROM (SELECT code FROM scored s GROUP BY code HAVING count(DISTINCT crm.classify(crm.default_segment_rules(), s)) <> 1) AS c;

SELECT * FROM finish();
