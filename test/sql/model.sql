/*
 * model: crm.model, the fits, and what a model answers. Values against the
 * golden files are in test/golden.
 */
SET extra_float_digits = 0;

/* The published BG/NBD model of the CDNOW sample, in weeks. */
CREATE TEMP TABLE published AS
SELECT crm.make_model('bg_nbd', 'week', ARRAY[0.243, 4.414, 0.793, 2.426]) AS bg,
	   crm.make_model('mbg_nbd', 'week', ARRAY[0.525, 6.183, 0.891, 1.614]) AS mbg,
	   crm.make_model('gamma_gamma', NULL, ARRAY[6.25, 3.74, 15.44]) AS spend;
SELECT bg, spend FROM published;
SELECT p.* FROM published, crm.parameters(bg) AS p;
SELECT crm.vcov(bg), crm.log_likelihood(bg), crm.aic(bg), crm.bic(bg) FROM published;
SELECT crm.make_model(NULL, 'week', ARRAY[1.0]) IS NULL AS no_kind,
	   crm.make_model('bg_nbd', 'week', NULL) IS NULL AS no_parameters;

/* Fader, Hardie & Lee 2005: 1.226 purchases in 39 weeks from customer 1. */
SELECT round(crm.expected_purchases(bg, 39, 2, 30.43, 38.86)::numeric, 3) AS paper FROM published;
/* E[X(t)] at the estimates of the CDNOW sample; the literature prints .0532, .1506 and 1.0405. */
SELECT t, round(crm.expected_purchases_new(crm.make_model('bg_nbd', 'week', ARRAY[0.2425945, 4.4136019, 0.7929199, 2.4258881]), t)::numeric, 4)
		AS expected
  FROM unnest(ARRAY[0, 1, 3, 31.8571]) AS t;
/* Nobody can have left before the first repeat purchase, but under MBG/NBD. */
SELECT crm.p_alive(bg, 0, 0, 39) AS bg, round(crm.p_alive(mbg, 0, 0, 39)::numeric, 4) AS mbg FROM published;
/* More purchases in the same time, then silence: less likely alive. */
SELECT x, round(crm.p_alive(bg, x, 20, 39)::numeric, 6) AS p_alive FROM published, unnest(ARRAY[1, 5, 10, 25]) AS x;
/* A horizon of 0 expects nothing; expectations grow with the horizon. */
SELECT crm.expected_purchases(bg, 0, 2, 30, 39) AS none,
	   crm.expected_purchases(bg, 10, 2, 30, 39) < crm.expected_purchases(bg, 11, 2, 30, 39) AS grows,
	   crm.residual_purchases(bg, 0, 2, 30, 39, 10) = crm.expected_purchases(bg, 10, 2, 30, 39) AS undiscounted,
	   crm.residual_purchases(bg, 0.01, 2, 30, 39, 10) < crm.expected_purchases(bg, 10, 2, 30, 39) AS discounted,
	   crm.residual_purchases(bg, 0, 2, 30, 39) IS NULL AS infinite
  FROM published;
/* The log-likelihoods of all that can happen to a customer add up to 1:
 * no repeat purchase in t, or a first one at some moment before. */
SELECT round((exp(crm.log_likelihood(bg, 0, 0, 2)) + sum(0.001 * exp(crm.log_likelihood(bg, 1, at, at))))::numeric, 4) AS total
  FROM published, generate_series(0.0005, 2, 0.001) AS at
 GROUP BY bg;

/* Spend: the mean of few purchases is drawn to that of all customers. */
SELECT x, round(crm.expected_spend(spend, x, 100)::numeric, 2) AS expected FROM published, unnest(ARRAY[0, 1, 10, 1000]) AS x;
SELECT crm.expected_spend(crm.make_model('gamma_gamma', NULL, ARRAY[1, 0.9, 10]), 0, 0) IS NULL AS infinite_mean;

/* Value: 10 purchases of 20 at no discount, less at some. */
SELECT round((crm.clv(bg, spend, 52, 0, 3, 30, 39, 25) /
			  (crm.expected_purchases(bg, 52, 3, 30, 39) * crm.expected_spend(spend, 3, 25)))::numeric, 12) AS undiscounted,
	   crm.clv(bg, spend, 52, 0.15, 3, 30, 39, 25) < crm.clv(bg, spend, 52, 0, 3, 30, 39, 25) AS discounted,
	   crm.clv(bg, spend, 'Infinity', 0.15, 3, 30, 39, 25) > crm.clv(bg, spend, 52, 0.15, 3, 30, 39, 25) AS longer
  FROM published;

/* Histories: days are days, whatever the unit of the model. */
CREATE TEMP TABLE shopper AS
SELECT crm.history_agg(day, amount) AS history
  FROM (VALUES (date '2025-01-01', 10), ('2025-01-15', 20), ('2025-03-05', 40)) AS v (day, amount);
SELECT crm.p_alive(bg, history, '2025-04-30') = crm.p_alive(bg, 2, 63 / 7.0, 119 / 7.0) AS p_alive,
	   crm.expected_purchases(bg, history, '2025-04-30', 364) = crm.expected_purchases(bg, 52, 2, 63 / 7.0, 119 / 7.0) AS expected,
	   crm.expected_spend(spend, history, '2025-04-30') = crm.expected_spend(spend, 2, 30) AS spend,
	   crm.clv(bg, spend, history, '2025-04-30', 364, 0.1) = crm.clv(bg, spend, 52, 0.1, 2, 63 / 7.0, 119 / 7.0, 30) AS clv,
	   crm.clv(bg, spend, history, '2025-04-30', NULL, 0.1) = crm.clv(bg, spend, 'Infinity', 0.1, 2, 63 / 7.0, 119 / 7.0, 30) AS for_ever
  FROM published, shopper;
/* On the first day all that is known is one purchase; before it, nothing. */
SELECT crm.p_alive(bg, history, '2025-01-01') AS p_alive,
	   crm.expected_spend(spend, history, '2025-01-01') = crm.expected_spend(spend, 0, 0) AS spend,
	   crm.p_alive(bg, history, '2024-12-31') IS NULL AS before,
	   crm.clv(bg, spend, history, '2024-12-31', 364, 0.1) IS NULL AS clv_before
  FROM published, shopper;
/* Refunds that reach the repeat purchases are outside a model of spend. */
SELECT crm.expected_spend(spend, history, '2025-04-30') IS NULL AS refunded, crm.p_alive(bg, history, '2025-04-30') > 0 AS alive
  FROM published, (SELECT crm.history_agg(day, amount) AS history
					 FROM (VALUES (date '2025-01-01', 10), ('2025-01-15', 20), ('2025-01-15', -20)) AS v (day, amount)) AS h;

/*
 * Fits: a simulated shop, of known parameters. Customers buy at rates with the
 * gamma density (2, 50 days), leave after each purchase, the first included,
 * with probabilities of the beta density (1/2, 1), the squares of uniform
 * ones, and spend amounts of a gamma-gamma density (2, 3, 40).
 */
CREATE FUNCTION pg_temp.uniform(seed text) RETURNS float8 AS $$
	SELECT (('x' || substr(md5(seed), 1, 8))::bit(32)::bigint + 0.5) / 4294967296;
$$ LANGUAGE sql;
CREATE FUNCTION pg_temp.simulate(customers int) RETURNS TABLE (i int, x bigint, t_x float8, t float8, mean_amount float8) AS $$
DECLARE
	rate float8;
	leaves float8;
	spend float8;
	at float8;
BEGIN
	FOR customer IN 1 .. customers LOOP
		i := customer; x := 0; t_x := 0; t := 100 + i % 265; at := 0; mean_amount := 0;
		rate := -ln(pg_temp.uniform(i || 'a') * pg_temp.uniform(i || 'b')) / 50;
		leaves := pg_temp.uniform(i || 'c') ^ 2;
		spend := -ln(pg_temp.uniform(i || 'd') * pg_temp.uniform(i || 'e') * pg_temp.uniform(i || 'f')) / 40;
		FOR k IN 1 .. 100 LOOP
			EXIT WHEN pg_temp.uniform(i || 'g' || k) < leaves;
			at := at - ln(pg_temp.uniform(i || 'h' || k)) / rate;
			EXIT WHEN at > t;
			x := x + 1;
			t_x := at;
			mean_amount := mean_amount - ln(pg_temp.uniform(i || 'i' || k) * pg_temp.uniform(i || 'j' || k)) / spend;
		END LOOP;
		mean_amount := mean_amount / greatest(x, 1);
		RETURN NEXT;
	END LOOP;
END
$$ LANGUAGE plpgsql;
CREATE TEMP TABLE customer AS SELECT * FROM pg_temp.simulate(600);
SELECT count(*), sum(x) AS purchases, count(*) FILTER (WHERE x = 0) AS single, max(x) FROM customer;
CREATE TEMP TABLE fitted AS
SELECT crm.fit_purchases('bg_nbd', 'day', x, t_x, t) AS bg, crm.fit_purchases('mbg_nbd', 'day', x, t_x, t) AS mbg,
	   crm.fit_spend(x, mean_amount) AS spend
  FROM customer;
SELECT name, truth, value::numeric(12, 4), std_error::numeric(12, 4), abs(value - truth) < 2.5 * std_error AS recovered
  FROM fitted, ROWS FROM (crm.parameters(mbg), unnest(ARRAY[2, 50, 0.5, 1])) AS p (name, value, std_error, truth);
SELECT name, truth, value::numeric(12, 4), std_error::numeric(12, 4), abs(value - truth) < 2.5 * std_error AS recovered
  FROM fitted, ROWS FROM (crm.parameters(spend), unnest(ARRAY[2, 3, 40])) AS p (name, value, std_error, truth);
SELECT bg->>'kind' AS kind, bg->>'unit' AS unit, bg->>'customers' AS customers, bg->>'left_out' AS left_out, bg->>'converged' AS converged,
	   spend->>'customers' AS spenders
  FROM fitted;
/* The fit is what the customers add up to, and a maximum. */
SELECT abs(crm.log_likelihood(mbg) - sum(crm.log_likelihood(mbg, x, t_x, t))) < 1e-8 AS is_the_sum FROM fitted, customer GROUP BY mbg;
SELECT moved, factor, crm.log_likelihood(mbg) > sum(crm.log_likelihood(beside, x, t_x, t)) AS is_higher
  FROM fitted, unnest(ARRAY['r', 'alpha', 'a', 'b']) AS moved, unnest(ARRAY[0.99, 1.01]) AS factor,
	   LATERAL (SELECT crm.make_model('mbg_nbd', 'day', array_agg(value * CASE WHEN name = moved THEN factor ELSE 1 END ORDER BY place)) AS beside
				  FROM crm.parameters(mbg) WITH ORDINALITY AS p (name, value, std_error, place)) AS b,
	   customer
 GROUP BY mbg, moved, factor
 ORDER BY moved, factor;
SELECT crm.aic(mbg) = 8 - 2 * crm.log_likelihood(mbg) AS aic, crm.bic(mbg) = 4 * ln(600::float8) - 2 * crm.log_likelihood(mbg) AS bic,
	   (crm.vcov(mbg))[2][3] = (crm.vcov(mbg))[3][2] AS symmetric,
	   sqrt((crm.vcov(mbg))[2][2]) = (SELECT std_error FROM crm.parameters(mbg) WHERE name = 'alpha') AS std_error
  FROM fitted;
/* The same text in any order, from counted rows, and from what was stored. */
SELECT crm.fit_purchases('mbg_nbd', 'day', x, t_x, t ORDER BY md5(i::text))::text = mbg::text AS shuffled FROM fitted, customer GROUP BY mbg;
SELECT crm.fit_purchases('mbg_nbd', 'day', x, t_x, t, n)::text = mbg::text AS counted
  FROM fitted, (SELECT x, t_x, t, count(*) AS n FROM customer GROUP BY x, t_x, t UNION ALL SELECT 3, 1, 2, 0) AS c GROUP BY mbg;
SELECT mbg::text::crm.model = mbg AS stored, crm.p_alive(mbg::text::crm.model, 3, 40, 90) = crm.p_alive(mbg, 3, 40, 90) AS same_answer FROM fitted;
/* Rows with a NULL are skipped; no customers, no model. */
SELECT crm.fit_purchases('mbg_nbd', 'day', x, t_x, t)::text = mbg::text AS nulls_skipped
  FROM fitted, (SELECT x, t_x, t FROM customer UNION ALL VALUES (NULL, 1, 2), (1, NULL, 2), (1, 1, NULL)) AS c (x, t_x, t) GROUP BY mbg;
SELECT crm.fit_purchases('mbg_nbd', 'day', x, t_x, t) IS NULL AS nobody, crm.fit_spend(x, mean_amount) IS NULL AS no_spender FROM customer WHERE i < 0;
/* Who cannot be in a model of spend is left out and counted. */
SELECT m->>'customers' AS customers, m->>'left_out' AS left_out, skipped
  FROM (SELECT crm.fit_spend(x, CASE WHEN i % 100 = 1 THEN -mean_amount ELSE mean_amount END) AS m, count(*) FILTER (WHERE x = 0) AS skipped FROM customer) AS f;
/* By groups, and over a growing window. */
SELECT i % 2 AS half, crm.fit_purchases('mbg_nbd', 'day', x, t_x, t)->>'customers' AS customers FROM customer GROUP BY 1 ORDER BY 1;
SELECT count(*) AS windows, count(DISTINCT m->>'customers') AS different
  FROM (SELECT crm.fit_spend(x, mean_amount) OVER (ORDER BY x = 0, i ROWS BETWEEN 200 PRECEDING AND 200 FOLLOWING) AS m FROM customer WHERE i <= 300) AS w;
/* From histories: the customer of another year is left out. */
SELECT m->>'customers' AS customers, m->>'left_out' AS left_out, m->>'unit' AS unit
  FROM (SELECT crm.fit_purchases('mbg_nbd', 'week', history, '2025-12-31') AS m
		  FROM (SELECT crm.history_agg(date '2025-12-31' - t::int + (t_x * k / greatest(x, 1))::int, round(mean_amount::numeric, 2)) AS history
				  FROM customer, generate_series(0, x) AS k GROUP BY i
				UNION ALL SELECT crm.history_agg('2026-02-03', 5.0)) AS h) AS f;

/* Errors: what is wrong, the limit, and the mend. */
\set VERBOSITY default
SELECT crm.fit_purchases('bg_ndb', 'day', x, t_x, t) FROM customer;
SELECT crm.fit_purchases('gamma_gamma', 'day', x, t_x, t) FROM customer;
SELECT crm.fit_purchases('bg_nbd', 'fortnight', x, t_x, t) FROM customer;
SELECT crm.fit_purchases(NULL, 'day', x, t_x, t) FROM customer;
SELECT crm.fit_purchases(CASE WHEN i = 9 THEN 'mbg_nbd' ELSE 'bg_nbd' END, 'day', x, t_x, t) FROM customer;
SELECT crm.fit_purchases('bg_nbd', 'day', -1, 0, 10);
SELECT crm.fit_purchases('bg_nbd', 'day', 1, 11, 10);
SELECT crm.fit_purchases('bg_nbd', 'day', 0, 5, 10);
SELECT crm.fit_purchases('bg_nbd', 'day', 1, 'NaN', 10);
SELECT crm.fit_purchases('bg_nbd', 'day', 1, 5, 'Infinity');
SELECT crm.fit_purchases('bg_nbd', 'day', 1, 5, 10, -1);
SELECT crm.fit_purchases('bg_nbd', 'day', 1, 5, 10);
SELECT crm.fit_purchases('bg_nbd', 'day', 0, 0, t) FROM customer;
SELECT crm.fit_spend(3, 'NaN');
/* All alike: nothing tells the rates of customers apart. */
SELECT crm.fit_purchases('bg_nbd', 'day', 5, 10, 10) FROM customer;
SELECT crm.make_model('bg_nbd', 'week', ARRAY[0.2, 4]);
SELECT crm.make_model('bg_nbd', 'week', ARRAY[0.2, 4, -1, 2]);
SELECT crm.make_model('bg_nbd', 'week', ARRAY[0.2, 4, NULL, 2]);
SELECT crm.make_model('bg_nbd', 'week', ARRAY[0.2, 4, 'NaN', 2]);
SELECT crm.make_model('bg_nbd', NULL, ARRAY[0.2, 4, 1, 2]);
SELECT crm.make_model('gamma_gamma', 'week', ARRAY[6, 3, 15]);
SELECT crm.p_alive(spend, 1, 2, 3) FROM published;
SELECT crm.expected_spend(bg, 1, 2) FROM published;
SELECT crm.expected_spend(spend, 1, -2) FROM published;
SELECT crm.expected_purchases(bg, -1, 1, 2, 3) FROM published;
SELECT crm.expected_purchases(bg, 'Infinity', 1, 2, 3) FROM published;
SELECT crm.expected_purchases(bg, history, '2025-04-30', -1) FROM published, shopper;
SELECT crm.clv(bg, spend, history, '2025-04-30', 30, -1) FROM published, shopper;
SELECT crm.clv(bg, spend, history, '2025-04-30', 30, 'NaN') FROM published, shopper;

/* A crafted model is refused where it comes in. */
SELECT '[]'::crm.model;
SELECT '{}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "week"}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "lustrum", "parameters": {"r": 1, "alpha": 1, "a": 1, "b": 1}}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "week", "parameters": {"r": 1, "alpha": 1, "a": 1}}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "week", "parameters": {"r": 1, "alpha": 1, "a": 1, "b": 1, "c": 1}}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "week", "parameters": {"r": 1, "alpha": 1, "a": 1, "b": 1e400}}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "week", "parameters": {"r": 1, "alpha": 1, "a": 1, "b": 0}}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "week", "parameters": {"r": 1, "alpha": 1, "a": 1, "b": "2"}}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "week", "parameters": {"r": 1, "alpha": 1, "a": 1, "b": 1}, "covariance": [[1]]}'::crm.model;
SELECT '{"kind": "gamma_gamma", "parameters": {"p": 1, "q": 1, "v": 1}, "covariance": [[1, 0, 0], [0, 1, 2], [0, 2, 1]]}'::crm.model;
SELECT '{"kind": "gamma_gamma", "parameters": {"p": 1, "q": 1, "v": 1}, "covariance": [[1, 0, 0], [0, -1, 0], [0, 0, 1]]}'::crm.model;
SELECT '{"kind": "gamma_gamma", "parameters": {"p": 1, "q": 1, "v": 1}, "converged": false}'::crm.model;
SELECT '{"kind": "gamma_gamma", "parameters": {"p": 1, "q": 1, "v": 1}, "customers": 1.5}'::crm.model;
SELECT '{"kind": "gamma_gamma", "parameters": {"p": 1, "q": 1, "v": 1}, "margin": 0.4}'::crm.model;
