/*
 * validation: models held against what came after, and whether spend goes
 * with frequency. Published values are in test/golden/validation.sql.
 */
/* Calibration to 31 March, holdout of 60 days to 30 May. */
CREATE TEMP TABLE shop AS
SELECT customer, crm.history_agg(day, amount) AS history
  FROM (VALUES
		('two repeats, two more', date '2025-01-01', 10), ('two repeats, two more', '2025-01-15',
			20), ('two repeats, two more', '2025-02-10', 30),
		('two repeats, two more', '2025-04-01', 10), ('two repeats, two more', '2025-05-20', 10),
		('once', '2025-02-01', 10),
		('one repeat, one more', '2025-03-20', 10), ('one repeat, one more', '2025-03-25', 40),
			('one repeat, one more', '2025-04-02', 10),
		('last day', '2025-03-31', 10), ('last day', '2025-04-10', -5),
			('last day', '2025-05-30', 10),
		('too late', '2025-04-05', 10), ('too late', '2025-04-06', 10),
		('eight repeats', '2024-12-01', 10), ('eight repeats', '2024-12-05', 10),
			('eight repeats', '2024-12-10', 10), ('eight repeats', '2024-12-15', 10),
		('eight repeats', '2024-12-20', 10), ('eight repeats', '2024-12-25', 10),
			('eight repeats', '2024-12-30', 10), ('eight repeats', '2025-01-04', 10),
		('eight repeats', '2025-01-09', 10), ('eight repeats', '2025-06-10', 10)) AS v (customer,
			day, amount)
 GROUP BY customer;
CREATE TEMP TABLE model AS
SELECT crm.make_model('bg_nbd', 'week', ARRAY[0.243, 4.414, 0.793, 2.426]) AS bg;
CREATE TEMP TABLE validated AS
SELECT crm.validate(bg, history, '2025-03-31', '2025-05-30') AS v FROM shop, model;

/*
 * By hand: five customers count, who bought 2, 1, 1, 0 and 0 times. same_again
 * forecasts 1, 1, 0, 0, 0, in the order of the first line above: one too few
 * for two of them, so bias and mae are 2/5, rmse sqrt(2/5). same_rate is
 * 2/89 * 60 + 1/11 * 60 + 8/120 * 60. Ginis: the ranks 5, 3.5, 3.5, 1.5, 1.5
 * of a perfect ranking make 2 * 17 / (5 * 4) - 6/5.
 */
SELECT forecast, customers, actual, expected::numeric(12, 6), bias::numeric(12, 6),
	mae::numeric(12, 6), rmse::numeric(12, 6),
	   gini::numeric(12, 6), gini_perfect::numeric(12, 6)
  FROM validated, crm.accuracy(v) WHERE forecast <> 'model';
SELECT (2 / 89.0 * 60 + 1 / 11.0 * 60 + 8 / 120.0 * 60)::numeric(12, 6) AS same_rate,
	sqrt(2 / 5.0)::numeric(12, 6) AS rmse;
/* The model's forecast is its expected purchases. */
CREATE TEMP TABLE by_hand AS
SELECT crm.purchase_days(crm.during(history, '2025-04-01', '2025-05-31')) AS actual,
	   crm.expected_purchases(bg, history, '2025-03-31', 60) AS expected
  FROM shop, model WHERE crm.first_day(history) <= '2025-03-31';
SELECT abs(a.expected - h.expected) < 1e-12 AS expected, abs(a.bias - h.bias) < 1e-12 AS bias,
	abs(a.mae - h.mae) < 1e-12 AS mae,
	   abs(a.rmse - h.rmse) < 1e-12 AS rmse
  FROM validated, crm.accuracy(v) AS a,
	   (SELECT sum(expected) AS expected, avg(expected - actual) AS bias,
		avg(abs(expected - actual)) AS mae, sqrt(avg((expected - actual) ^ 2)) AS rmse
		  FROM by_hand) AS h
 WHERE forecast = 'model';

/* By repeat purchases: everybody is in one bin, also where nobody is. */
SELECT at_least, at_most, customers, actual, same_rate::numeric(12, 6), same_again, mean_actual,
	mean_same_again
  FROM validated, crm.accuracy_by_frequency(v);
SELECT abs(sum(b.expected) - min(a.expected)) < 1e-12 AS adds_up
  FROM validated, crm.accuracy_by_frequency(v) AS b, crm.accuracy(v) AS a
	WHERE a.forecast = 'model';
/* By days since the last purchase: 49, 58, 6, 0 and 81. */
SELECT at_least, at_most, customers, actual FROM validated, crm.accuracy_by_recency(v)
	WHERE customers > 0;
SELECT min(at_least), max(at_least), count(*),
	bool_and(at_most IS NULL = (at_least = 731)) AS only_the_last_is_open,
	   bool_and(mean_expected IS NULL = (customers = 0)) AS no_mean_of_nobody
  FROM validated, crm.accuracy_by_recency(v);

/* Tracking: months end with the calibration; E[X] of five new customers. */
SELECT period_end, in_holdout, actual, cumulative_actual, expected::numeric(12, 6),
	cumulative_expected::numeric(12, 6) FROM validated, crm.tracking(v, 'month');
SELECT sum(crm.expected_purchases_new(bg,
	(date '2025-05-30' - crm.first_day(history)) / 7.0))::numeric(12, 6) AS cumulative_expected
  FROM shop, model WHERE crm.first_day(history) <= '2025-03-31';
SELECT unit, count(*), max(cumulative_actual), max(period_end),
	sum(expected)::numeric(12, 6) AS expected,
	   bool_or(period_end = '2025-03-31') AS has_the_end_of_calibration
  FROM validated, unnest(ARRAY['day', 'week', 'month', 'quarter', 'year']) AS unit,
	crm.tracking(v, unit)
 GROUP BY unit ORDER BY 2;

/* The order of the customers changes no digit; nor does storing. */
SELECT crm.validate(bg, history, '2025-03-31', '2025-05-30' ORDER BY customer) = (SELECT v
	FROM validated) AS forward,
	   crm.validate(bg, history, '2025-03-31', '2025-05-30' ORDER BY customer DESC) = (SELECT v
		FROM validated) AS backward,
	   crm.validate(bg, history, '2025-03-31', '2025-05-30')::text::crm.validation = (SELECT v
		FROM validated) AS stored
  FROM shop, model;

/* Nobody to validate on, and nobody who bought. */
SELECT crm.validate(bg, history, '2024-11-30', '2024-12-31') IS NULL AS nobody_yet,
	   crm.validate(bg, NULL, '2025-03-31', '2025-05-30') IS NULL AS no_history,
	   crm.validate(NULL, history, '2025-03-31', '2025-05-30') IS NULL AS no_model,
	   crm.validate(bg, history, NULL, '2025-05-30') IS NULL AS no_date
  FROM shop, model;
SELECT crm.validate(bg, history, '2025-03-31', '2025-05-30') IS NULL AS no_rows FROM shop, model
	WHERE false;
SELECT forecast, actual, gini, gini_perfect
  FROM crm.accuracy((SELECT crm.validate(bg, history, '2025-06-10', '2025-06-20') FROM shop, model))
	WHERE forecast <> 'model';

/* Errors */
SELECT crm.validate(bg, history, '2025-03-31', '2025-03-31') FROM shop, model;
SELECT crm.validate(bg, history, '2025-03-31', 'infinity') FROM shop, model;
SELECT crm.validate(bg, history, '2025-03-31', date '2025-05-30' + length(customer))
	FROM shop, model;
SELECT crm.validate(crm.make_model('bg_nbd', 'week', ARRAY[length(customer), 4.414, 0.793, 2.426]),
	history, '2025-03-31', '2025-05-30') FROM shop;
SELECT crm.validate(crm.make_model('gamma_gamma', NULL, ARRAY[6.25, 3.74, 15.44]), history,
	'2025-03-31', '2025-05-30') FROM shop;
SELECT crm.validate(bg, history, '2025-03-31', '2025-05-30')
	FROM model, (SELECT crm.history_agg('1825-01-01', 1.0) AS history) AS long_ago;
SELECT t.* FROM validated, crm.tracking(v, 'fortnight') AS t;
/* A validation is plain data: what is not one is refused. */
UPDATE validated SET v.repeat_purchases[3] = -1;
SELECT t.* FROM validated, crm.tracking(v, 'month') AS t;
UPDATE validated SET v.repeat_purchases = '{1,2}';
SELECT t.* FROM validated, crm.tracking(v, 'month') AS t;
UPDATE validated SET v.first_day = '1900-01-01';
SELECT t.* FROM validated, crm.tracking(v, 'month') AS t;
UPDATE validated SET v.model = NULL;
SELECT t.* FROM validated, crm.tracking(v, 'month') AS t;
SELECT count(*) FROM validated, crm.accuracy(v);

/*
 * Spend and frequency. Repeat purchases 1, 2, 3 of mean 10, 20, 30: ranks go
 * together entirely. Those left out: one purchase only, and refunds.
 */
CREATE TEMP TABLE spender AS
SELECT customer, crm.history_agg(date '2025-01-01' + day, amount) AS history
  FROM (VALUES ('a', 0, 99), ('a', 1, 10), ('b', 0, 1), ('b', 1, 10), ('b', 2, 30), ('c', 0, 1),
	('c', 1, 30), ('c', 2, 30), ('c', 3, 30),
			   ('once', 0, 50), ('refunded', 0, 10), ('refunded', 1, 10),
				('refunded', 1, -10)) AS v (customer, day, amount)
 GROUP BY customer;
SELECT customers, left_out, pearson::numeric(12, 6), pearson_p::numeric(12, 6),
	spearman::numeric(12, 6), spearman_p::numeric(12, 6)
  FROM (SELECT (crm.check_spend_independence(history, '2025-01-31')).* FROM spender) AS s;
/* x = 1, 2, 3 and means 10, 20, 30 are the same up to a factor. */
SELECT corr(ln(x), ln(mean_amount))::numeric(12, 6) AS pearson
	FROM (VALUES (1, 10), (2, 20), (3, 30)) AS v (x, mean_amount);
/* Two customers have a correlation, but no probability; two alike, neither. */
SELECT customers, left_out, pearson::numeric(12, 6), pearson_p, spearman, spearman_p
  FROM (SELECT (crm.check_spend_independence(history, '2025-01-31')).* FROM spender
	WHERE customer IN ('a', 'b')) AS s;
SELECT crm.check_spend_independence(history, '2025-01-02') FROM spender
	WHERE customer IN ('a', 'b');
SELECT crm.check_spend_independence(history, '2024-12-31') AS too_early FROM spender;
SELECT crm.check_spend_independence(history, NULL) IS NULL AS no_date,
	crm.check_spend_independence(NULL, '2025-01-31') IS NULL AS no_history FROM spender;
SELECT crm.check_spend_independence(history, '-infinity') FROM spender;

/*
 * The p-value of Student's t of 1 and 2 degrees of freedom by hand: with 3
 * pairs it is 1 - 2 / pi * asin(r), with 4 pairs 1 - |r|. A correlation of 0
 * has the probability 1.
 */
CREATE FUNCTION pg_temp.buyer(repeats integer, amount numeric) RETURNS crm.history
	LANGUAGE sql AS
	'SELECT crm.history_agg(date ''2025-01-01'' + i, amount) FROM generate_series(0, repeats) AS i';
SELECT customers, spearman::numeric(12, 6) AS spearman, spearman_p::numeric(12, 6) AS spearman_p,
	CASE customers WHEN 3 THEN 1 - 2 / pi() * asin(abs(spearman))
		ELSE 1 - abs(spearman) END::numeric(12, 6) AS by_hand
  FROM (VALUES ('{1,3,2}'::int[]), ('{2,1,3}'), ('{1,2,3,4}'), ('{2,1,4,3}'), ('{1,2,4,3}'),
	('{3,1,4,2}'), ('{2,4,1,3}')) AS v (amounts),
	LATERAL (SELECT (crm.check_spend_independence(pg_temp.buyer(n::int, amount), '2025-12-31')).*
			   FROM unnest(amounts) WITH ORDINALITY AS u (amount, n)) AS s;
/* Weak correlations and a strong one. The p-values are those of mpmath's betainc. */
SELECT customers, spearman::numeric(8, 6) AS spearman, spearman_p::numeric(12, 9) AS spearman_p
  FROM (VALUES (0, 7, 30), (0, 11, 300), (1, 7, 30)) AS v (slope, factor, most),
	LATERAL (SELECT (crm.check_spend_independence(
		pg_temp.buyer(n, 1 + n * slope + n * factor % 31), '2025-12-31')).*
			   FROM generate_series(1, most) AS n) AS s;
/* More refusals of periods */
SELECT crm.validate(bg, history, '1925-01-01', '2025-05-30') FROM shop, model;
UPDATE validated SET v.model = (SELECT bg FROM model), v.first_day = '2025-05-01',
	v.calibration_end = '2025-04-01';
SELECT t.* FROM validated, crm.tracking(v, 'month') AS t;
UPDATE validated SET v.model = crm.make_model('sbg', NULL, ARRAY[0.7, 1.2]);
SELECT t.* FROM validated, crm.tracking(v, 'month') AS t;
