/*
 * rfm.sql: scores, totals and thresholds on CDNOW and Online Retail against
 * their definition in plain SQL and the golden thresholds, and crm.tile
 * against its definition.
 *
 *	psql -X -v ON_ERROR_STOP=1 -f test/golden/rfm.sql
 *
 * Reads test/golden/values and the data sets, described in
 * test/golden/README.md. What needs a data set that is not here is skipped.
 */
\ir setup/start.sql
\ir setup/data_sets.sql
SELECT no_plan();

CREATE TEMP TABLE golden_threshold (
	dataset text, as_of date, measure text, quantile text, value numeric);
\copy golden_threshold FROM 'test/golden/values/rfm_thresholds.csv' CSV HEADER
SELECT is(count(*)::int, 36, 'every golden threshold is read') FROM golden_threshold;

/* The days on which customers are scored, and how many there are. */
CREATE TEMP TABLE scoring (dataset text, as_of date, customers int);
INSERT INTO scoring VALUES
	('cdnow_sample', '1997-09-30', 2357), ('cdnow_sample', '1998-06-30', 2357),
	('online_retail', '2011-12-09', 4338);
SELECT skip(format('scores of %s on %s: %s', dataset, as_of, pg_temp.absent(dataset)))
  FROM scoring
 WHERE pg_temp.absent(dataset) IS NOT NULL;
DELETE FROM scoring WHERE pg_temp.absent(dataset) IS NOT NULL;
DELETE FROM golden_threshold WHERE (dataset, as_of) NOT IN (SELECT dataset, as_of FROM scoring);
SELECT sum(customers) AS customers, 4 * count(*) AS thresholds, count(*) > 0 AS present
  FROM scoring \gset
\if :present

CREATE TEMP TABLE purchase AS
SELECT 'cdnow_sample' AS dataset, customer_id, day, amount
  FROM cdnow JOIN cdnow_sample USING (customer_id)
UNION ALL
SELECT 'online_retail', customer_id, day, amount FROM retail;
CREATE TEMP TABLE customer AS
SELECT dataset, customer_id, crm.history_agg(day, amount) AS history
  FROM purchase
 GROUP BY dataset, customer_id;

/* How many golden thresholds lie below a value. */
CREATE FUNCTION pg_temp.passed(of_dataset text, of_day date, of_measure text, reached numeric)
RETURNS int AS $$
	SELECT count(*)::int FROM golden_threshold
	 WHERE (dataset, as_of, measure) = (of_dataset, of_day, of_measure) AND value < reached;
$$ LANGUAGE sql;

/* The definition: what a customer has by that day, the scores, and SQL's own ntile. */
CREATE TEMP TABLE wanted AS
SELECT *, 5 - pg_temp.passed(dataset, as_of, 'recency_days', recency_days) AS r,
	   1 + pg_temp.passed(dataset, as_of, 'frequency', frequency) AS f,
	   1 + pg_temp.passed(dataset, as_of, 'monetary_total', monetary_total) AS m,
	   ntile(5) OVER (scored_together ORDER BY recency_days DESC, customer_id) AS r_ntile,
	   ntile(5) OVER (scored_together ORDER BY frequency, customer_id) AS f_ntile,
	   ntile(5) OVER (scored_together ORDER BY monetary_total, customer_id) AS m_ntile
  FROM (SELECT dataset, as_of, customer_id, min(day) AS first_day, max(day) AS last_day,
			   as_of - max(day) AS recency_days, count(*) AS frequency,
			   count(DISTINCT day) AS active_days, sum(amount) AS monetary_total
		  FROM purchase JOIN scoring USING (dataset)
		 WHERE day <= as_of
		 GROUP BY dataset, as_of, customer_id) AS totals
WINDOW scored_together AS (PARTITION BY dataset, as_of);

/* The same from outside: files that repeat the data sets and so are not in the repository. */
CREATE TEMP TABLE given (
	customer_id int, first_day date, last_day date, recency_days int, frequency bigint,
	active_days bigint, monetary_total numeric, monetary_mean float8,
	r int, f int, m int, r_ntile int, f_ntile int, m_ntile int);
\set dataset cdnow_sample
\set as_of 1997-09-30
\ir setup/given_scores.sql
\set as_of 1998-06-30
\ir setup/given_scores.sql
\set dataset online_retail
\set as_of 2011-12-09
\ir setup/given_scores.sql

CREATE TEMP TABLE cut AS
	SELECT dataset, as_of, crm.rfm_thresholds_agg(history, as_of, 5) AS thresholds
	  FROM customer JOIN scoring USING (dataset)
	 GROUP BY dataset, as_of;

CREATE TEMP TABLE scored AS
	SELECT dataset, as_of, customer_id, (rfm).*
	  FROM (SELECT dataset, as_of, customer_id, crm.rfm(thresholds, history, as_of) AS rfm
			  FROM customer JOIN cut USING (dataset) OFFSET 0) AS s
	 WHERE rfm IS NOT NULL;

SELECT is(count(*)::int, :customers, 'there are all customers') FROM wanted;
SELECT is(count(*)::int, :customers, 'as many customers are scored') FROM scored;

/* Wanted against computed, one row for each value of each customer. */
CREATE TEMP TABLE compared AS
	SELECT w.dataset, w.as_of, w.customer_id, v.name, v.want, v.got
	  FROM wanted w
	  LEFT JOIN scored s USING (dataset, as_of, customer_id),
	LATERAL (VALUES
		('r', w.r, s.r),
		('f', w.f, s.f),
		('m', w.m, s.m),
		('code', w.r * 100 + w.f * 10 + w.m, s.code::numeric),
		('recency', w.recency_days, s.recency),
		('frequency', w.frequency, s.frequency),
		('monetary', w.monetary_total, s.monetary)) AS v (name, want, got);

SELECT ok(count(*) = :customers AND bool_and(got IS NOT DISTINCT FROM want),
		  format('%s of %s customers', name, count(*)))
	   || coalesce(E'\n' || diag(array_to_string((array_agg(
			format('%s %s, customer %s: want %s, got %s', dataset, as_of, customer_id, want, got))
			FILTER (WHERE got IS DISTINCT FROM want))[1:5], '; ')), '')
  FROM compared GROUP BY name ORDER BY name;

CREATE TEMP TABLE threshold AS
	SELECT dataset, as_of, measure, format('%s/5', number) AS quantile, value
	  FROM cut,
	LATERAL (VALUES ('recency_days', (thresholds).recency), ('frequency', (thresholds).frequency),
					('monetary_total', (thresholds).monetary)) AS m (measure, thresholds),
	LATERAL unnest(m.thresholds) WITH ORDINALITY AS t (value, number);

SELECT ok(count(*) = :thresholds AND bool_and(t.value IS NOT DISTINCT FROM g.value),
		  format('thresholds of %s', measure))
	   || coalesce(E'\n' || diag(string_agg(
			format('%s %s, %s: want %s, got %s', dataset, as_of, quantile, g.value, t.value), '; ')
			FILTER (WHERE t.value IS DISTINCT FROM g.value)), '')
  FROM golden_threshold g FULL JOIN threshold t USING (dataset, as_of, measure, quantile)
 GROUP BY measure ORDER BY measure;

/*
 * crm.tile: the definition, computed from rank() and count() in SQL; and
 * against ntile, from which it may differ only where a group of
 * peers is split.
 */
CREATE TEMP TABLE tiled AS
	SELECT w.dataset, w.as_of, v.name, v.value, v.ntile,
		   crm.tile(5) OVER by_value AS tile,
		   1 + (5 * (rank() OVER by_value - 1))
			   / count(*) OVER (PARTITION BY w.dataset, w.as_of, v.name) AS want
	  FROM wanted w,
	LATERAL (VALUES
		('recency', -recency_days::numeric, r_ntile),
		('frequency', frequency, f_ntile),
		('monetary', monetary_total, m_ntile)) AS v (name, value, ntile)
	WINDOW by_value AS (PARTITION BY w.dataset, w.as_of, v.name ORDER BY v.value);

SELECT ok(count(*) = :customers AND bool_and(tile = want),
		  format('tile follows its definition for %s', name))
  FROM tiled GROUP BY name ORDER BY name;

SELECT ok(count(*) = :customers AND bool_and(peers_together),
		  format('tile keeps peers of %s together', name))
  FROM (SELECT name, tile = min(tile) OVER (PARTITION BY dataset, as_of, name, value)
			   AS peers_together
		  FROM tiled) AS t
 GROUP BY name ORDER BY name;

SELECT ok(count(*) > 100 AND bool_and(abs(tile - ntile) <= 1),
		  'tile is within one of ntile for amounts without peers')
  FROM (SELECT *, count(*) OVER (PARTITION BY dataset, as_of, name, value) AS peers
		  FROM tiled) AS t
 WHERE name = 'monetary' AND peers = 1;

/* Default segments: everybody gets one, by the code alone. */
SELECT ok(count(*) = :customers AND count(DISTINCT label) >= 10 AND bool_and(label IS NOT NULL),
		  'every customer has a segment')
  FROM (SELECT crm.classify(crm.default_segment_rules(), s) AS label FROM scored s) AS c;
SELECT is(count(*)::int, 0, 'a code has one segment')
  FROM (SELECT code FROM scored s
		 GROUP BY code
		HAVING count(DISTINCT crm.classify(crm.default_segment_rules(), s)) <> 1) AS c;

\endif

SELECT * FROM finish();
