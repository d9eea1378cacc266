/*
 * validation.sql: holdout tables of the CDNOW sample against published ones.
 *
 *	psql -X -v ON_ERROR_STOP=1 -f test/golden/validation.sql
 *
 * Models fitted on the first 39 weeks, held against the 39 after. The means
 * by number of repeat purchases are those that Fader, Hardie & Lee (2005) plot
 * and the BTYD package prints. Its estimates are not converged to the last
 * printed digit, those of Pareto/NBD even less, hence the tolerances.
 */
\ir setup/start.sql
\ir setup/data_sets.sql
SELECT no_plan();

SELECT pg_temp.absent('cdnow_sample') AS absent,
	   pg_temp.absent('cdnow_sample') IS NULL AS present \gset
\if :present

CREATE TEMP TABLE customers AS
SELECT customer_id, crm.history_agg(day, amount) AS history
  FROM cdnow JOIN cdnow_sample USING (customer_id)
 GROUP BY customer_id;

CREATE TEMP TABLE published (
	kind text, tolerance float8, at_least int, customers bigint, actual float8, expected float8);
INSERT INTO published
SELECT kind, tolerance, bin - 1, customers, actual, expected
  FROM (VALUES
		('bg_nbd', 0.0002, ARRAY[0.2251, 0.5231, 1.0441, 1.5203, 2.1638, 2.6538, 3.5040, 6.1570]),
		('pareto_nbd', 0.002, ARRAY[0.138, 0.600, 1.196, 1.714, 2.399, 2.907, 3.819, 6.403]))
	   AS m (kind, tolerance, means),
	   ROWS FROM (unnest(means),
				  unnest(ARRAY[0.2367, 0.6970, 1.3925, 1.56, 2.532, 2.947, 3.862, 6.359]),
				  unnest(ARRAY[1411, 439, 214, 100, 62, 38, 29, 64]))
	   WITH ORDINALITY AS b (expected, actual, customers, bin);

/* The kinds that this version of the extension has. */
CREATE FUNCTION pg_temp.fitted(kind text) RETURNS crm.model AS $$
BEGIN
	RETURN (SELECT crm.fit_purchases(kind, 'week', history, '1997-09-30') FROM customers);
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN NULL;
END
$$ LANGUAGE plpgsql;
CREATE TEMP TABLE validated AS
SELECT kind, model, crm.validate(model, history, '1997-09-30', '1998-06-30') AS v
  FROM customers, (SELECT DISTINCT kind, pg_temp.fitted(kind) AS model FROM published) AS m
 GROUP BY kind, model;

SELECT CASE WHEN v IS NULL THEN skip(3, kind || ' is not built in') ELSE
	   (SELECT ok(count(*) = 8 AND bool_and(b.customers = p.customers
											AND abs(b.mean_actual - p.actual) < 0.0006),
				  validated.kind || ': customers and purchases by bin')
			   || E'\n' ||
			   ok(count(*) = 8 AND max(abs(b.mean_expected - p.expected) - tolerance) < 0,
				  validated.kind || ': published expectations by bin')
			   || E'\n' || ok(sum(b.actual) = 1882, validated.kind || ': 1882 purchases in all')
		  FROM crm.accuracy_by_frequency(v) AS b JOIN published AS p USING (at_least)
		 WHERE p.kind = validated.kind) END
  FROM validated ORDER BY kind;
SELECT is(count(*)::int, 1, 'BG/NBD was compared')
  FROM validated
 WHERE kind = 'bg_nbd' AND v IS NOT NULL;

/* E[X(52)] of BG/NBD at these estimates is 1.444004 (BTYD); tracking adds up such terms. */
SELECT ok(bool_and(abs(t.cumulative_expected - e.expected) < 1e-8),
		  'tracking adds up what is expected of new customers')
  FROM validated, crm.tracking(v, 'week') AS t,
	   LATERAL (SELECT sum(crm.expected_purchases_new(
							   model, (t.period_end - crm.first_day(history)) / 7.0))
				  FROM customers
				 WHERE crm.first_day(history) <= t.period_end) AS e (expected)
 WHERE kind = 'bg_nbd';
SELECT is(max(cumulative_actual), 2457::bigint,
		  'calibration has the published 2457 repeat purchases')
  FROM validated, crm.tracking(v, 'week')
 WHERE kind = 'bg_nbd' AND NOT in_holdout;
SELECT is(max(cumulative_actual), (2457 + 1882)::bigint, 'the holdout has 1882 more')
  FROM validated, crm.tracking(v, 'week')
 WHERE kind = 'bg_nbd';

/* The curve ends within 5 percent, as published (BG/NBD underforecasts by about 4 percent). */
SELECT ok(abs(t.cumulative_expected / t.cumulative_actual - 1) < 0.05,
		  'the curve ends within 5 percent')
  FROM validated, crm.tracking(v, 'year') AS t
 WHERE kind = 'bg_nbd' AND period_end = '1998-06-30';
SELECT ok(m.mae < n.mae AND m.rmse < n.rmse AND abs(m.bias) < abs(n.bias),
		  'BG/NBD beats ' || n.forecast || ' on this holdout')
  FROM validated, crm.accuracy(v) AS m, crm.accuracy(v) AS n
 WHERE kind = 'bg_nbd' AND m.forecast = 'model' AND n.forecast <> 'model';
SELECT is((crm.check_spend_independence(history, '1997-09-30')).customers, 946::bigint,
		  'spend and frequency: the 946 customers of the spend model')
  FROM customers;
\else
SELECT skip('holdout tables of the CDNOW sample: ' || :'absent');
\endif
SELECT * FROM finish();
