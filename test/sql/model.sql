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
SELECT round(crm.expected_purchases(bg, 2, 30.43, 38.86, 39)::numeric, 3) AS paper FROM published;
/* E[X(t)] at the estimates of the CDNOW sample; the literature prints .0532, .1506 and 1.0405. */
SELECT t, round(crm.expected_purchases_new(crm.make_model('bg_nbd', 'week',
	ARRAY[0.2425945, 4.4136019, 0.7929199, 2.4258881]), t)::numeric, 4)
		AS expected
  FROM unnest(ARRAY[0, 1, 3, 31.8571]) AS t;
/* Nobody can have left before the first repeat purchase, but under MBG/NBD. */
SELECT crm.p_alive(bg, 0, 0, 39) AS bg, round(crm.p_alive(mbg, 0, 0, 39)::numeric, 4) AS mbg
	FROM published;
/* More purchases in the same time, then silence: less likely alive. */
SELECT x, round(crm.p_alive(bg, x, 20, 39)::numeric, 6) AS p_alive FROM published,
	unnest(ARRAY[1, 5, 10, 25]) AS x;
/* A horizon of 0 expects nothing; expectations grow with the horizon. */
SELECT crm.expected_purchases(bg, 2, 30, 39, 0) AS none,
	   crm.expected_purchases(bg, 2, 30, 39, 10) < crm.expected_purchases(bg, 2, 30, 39,
		11) AS grows,
	   crm.residual_purchases(bg, 2, 30, 39, 10, 0) = crm.expected_purchases(bg, 2, 30, 39,
		10) AS undiscounted,
	   crm.residual_purchases(bg, 2, 30, 39, 10, 0.01) < crm.expected_purchases(bg, 2, 30, 39,
		10) AS discounted,
	   crm.residual_purchases(bg, 2, 30, 39, discount => 0) IS NULL AS infinite
  FROM published;
/* The log-likelihoods of all that can happen to a customer add up to 1:
 * no repeat purchase in t, or a first one at some moment before. */
SELECT round((exp(crm.log_likelihood(bg, 0, 0, 2)) + sum(0.001 * exp(crm.log_likelihood(bg, 1, at,
	at))))::numeric, 4) AS total
  FROM published, generate_series(0.0005, 2, 0.001) AS at
 GROUP BY bg;

/* Spend: the mean of few purchases is drawn to that of all customers. */
SELECT x, round(crm.expected_spend(spend, x, 100)::numeric, 2) AS expected FROM published,
	unnest(ARRAY[0, 1, 10, 1000]) AS x;
SELECT crm.expected_spend(crm.make_model('gamma_gamma', NULL, ARRAY[1, 0.9, 10]), 0,
	0) IS NULL AS infinite_mean;

/* Value: 10 purchases of 20 at no discount, less at some. */
SELECT round((crm.clv(bg, spend, 3, 30, 39, 25, 52, 0) /
			  (crm.expected_purchases(bg, 3, 30, 39, 52) * crm.expected_spend(spend, 3,
				25)))::numeric, 12) AS undiscounted,
	   crm.clv(bg, spend, 3, 30, 39, 25, 52, 0.15) < crm.clv(bg, spend, 3, 30, 39, 25, 52,
		0) AS discounted,
	   crm.clv(bg, spend, 3, 30, 39, 25, 'Infinity', 0.15) > crm.clv(bg, spend, 3, 30, 39, 25, 52,
		0.15) AS longer
  FROM published;

/* Histories: days are days, whatever the unit of the model. */
CREATE TEMP TABLE shopper AS
SELECT crm.history_agg(day, amount) AS history
  FROM (VALUES (date '2025-01-01', 10), ('2025-01-15', 20), ('2025-03-05', 40)) AS v (day, amount);
SELECT crm.p_alive(bg, history, '2025-04-30') = crm.p_alive(bg, 2, 63 / 7.0, 119 / 7.0) AS p_alive,
	   crm.expected_purchases(bg, history, '2025-04-30', 364) = crm.expected_purchases(bg, 2,
		63 / 7.0, 119 / 7.0, 52) AS expected,
	   crm.expected_spend(spend, history, '2025-04-30') = crm.expected_spend(spend, 2, 30) AS spend,
	   crm.clv(bg, spend, history, '2025-04-30', 364, 0.1) = crm.clv(bg, spend, 2, 63 / 7.0,
		119 / 7.0, 30, 52, 0.1) AS clv,
	   crm.clv(bg, spend, history, '2025-04-30', NULL, 0.1) = crm.clv(bg, spend, 2, 63 / 7.0,
		119 / 7.0, 30, 'Infinity', 0.1) AS for_ever
  FROM published, shopper;
/* On the first day all that is known is one purchase; before it, nothing. */
SELECT crm.p_alive(bg, history, '2025-01-01') AS p_alive,
	   crm.expected_spend(spend, history, '2025-01-01') = crm.expected_spend(spend, 0, 0) AS spend,
	   crm.p_alive(bg, history, '2024-12-31') IS NULL AS before,
	   crm.clv(bg, spend, history, '2024-12-31', 364, 0.1) IS NULL AS clv_before
  FROM published, shopper;
/* Where a refund takes back the repeat purchases, their mean is 0 and tells of the next. */
SELECT crm.expected_spend(spend, history, '2025-04-30')
	= crm.expected_spend(spend, 1, 0) AS refunded,
	crm.expected_spend(spend, 1, 0) < crm.expected_spend(spend, 1, 1) AS is_less,
	crm.p_alive(bg, history, '2025-04-30') > 0 AS alive
  FROM published, (SELECT crm.history_agg(day, amount) AS history
					 FROM (VALUES (date '2025-01-01', 10), ('2025-01-15', 20),
						('2025-01-15', -20)) AS v (day, amount)) AS h;

/* A population without a finite mean of spend (q is at most 1): the customer's own amount. */
SELECT crm.expected_spend(heavy, 0, 0) IS NULL AS by_nature,
	   crm.expected_spend(heavy, history, '2025-01-01') AS first_amount,
	   crm.expected_spend(heavy, history, '2025-01-20') > 10 AS of_repeats,
	   crm.expected_spend(heavy, crm.history '[["2025-01-01",1,5.00],["2025-01-04",0,-7.00]]',
						  '2025-01-20') AS refunded,
	   crm.clv(bg, heavy, history, '2025-01-01', 364)
		= 10 * crm.clv(bg, crm.make_model('gamma_gamma', NULL, '{1, 2, 1}'), history, '2025-01-01',
					   364) AS clv,
	   e.value = crm.clv(bg, heavy, history, '2025-01-01', 364) AS value, e.low IS NULL AS no_error
  FROM published, shopper, crm.make_model('gamma_gamma', NULL, '{6, 0.9, 15}') AS heavy,
	   crm.clv_estimate(bg, heavy, history, '2025-01-01', 364) AS e;

/*
 * The next purchase. BG/NBD and MBG/NBD: while the customer is alive, purchases come at a rate of
 * the gamma density (r + x, alpha + t). So the probability of none within h is
 * ((alpha + t) / (alpha + t + h))^(r + x).
 */
SELECT kind, x,
	   abs(crm.next_purchase_time(m, x, t_x, 39, p) / closed - 1) < 1e-12 AS is_closed_form,
	   crm.next_purchase_time(m, x, t_x, 39, p) IS NULL AS none
  FROM (VALUES (0, 0), (2, 30.5), (2, 3), (9, 38)) AS v (x, t_x),
	   (VALUES ('bg_nbd'), ('mbg_nbd')) AS k (kind), (VALUES (0.5), (0.05)) AS q (p),
	   LATERAL crm.make_model(kind, 'week', '{0.243, 4.414, 0.793, 2.426}') AS m,
	   LATERAL (SELECT (4.414 + 39) * ((1 - p / nullif(greatest(crm.p_alive(m, x, t_x, 39), p), p))
										^ (-1 / (0.243 + x)) - 1) AS closed) AS c
 ORDER BY kind, p, x, t_x;
/* A month has 365.25 / 12 days in a monthly model; the day is the first that reaches the half. */
SELECT day,
	   crm.purchase_probability(m, history, '2025-04-30', day - '2025-04-30', 0) <= 0.5 AS by_it,
	   crm.purchase_probability(m, history, '2025-04-30', day - '2025-05-01', 0) > 0.5 AS not_before
  FROM shopper, crm.make_model('mbg_nbd', 'month', '{0.6, 5, 0.1, 3}') AS m,
	   LATERAL crm.next_purchase_on(m, history, '2025-04-30') AS day;
SELECT crm.next_purchase_on(bg, history, '2024-12-31') IS NULL AS before_the_first,
	   crm.next_purchase_on(bg, history, '2034-12-31') IS NULL AS long_after,
	   crm.next_purchase_on(crm.make_model('nbd', 'day', '{1, 1e-9}'), history, '2025-01-01')
		AS at_once,
	   crm.next_purchase_on(crm.make_model('nbd', 'year', '{1e-3, 1e9}'), history, '2025-01-01')
		IS NULL AS after_all_dates
  FROM published, shopper;
/* Pareto/NBD: customers may leave before they buy. The time reaches the probability. */
SELECT abs(crm.purchase_probability(pareto, 3, 30, 39, time, 0) - 0.5) < 1e-12 AS is_median,
	   crm.next_purchase_time(pareto, 3, 10, 39) IS NULL AS has_left
  FROM (SELECT pareto, crm.next_purchase_time(pareto, 3, 30, 39) AS time
		  FROM crm.make_model('pareto_nbd', 'week', '{0.553, 10.578, 0.606, 11.669}') AS pareto)
	AS p;
SELECT crm.next_purchase_time(bg, 3, 30, 39, 1) FROM published;
SELECT crm.next_purchase_time(crm.make_model('bg_bb', NULL, '{1.2, 0.75, 0.66, 2.78}'), 3, 4, 6);

/*
 * Other kinds, at published parameters. Pareto/NBD on the CDNOW sample: BTYD
 * prints .2941633. BG/BB on donors: Fader, Hardie & Shang (2010) print .11,
 * .59 and .93; E[X(n)] is .4985, 2.2202 and 3.3887 at their exact estimates.
 */
CREATE TEMP TABLE others AS
SELECT crm.make_model('pareto_nbd', 'week', ARRAY[0.553, 10.578, 0.606, 11.669]) AS pareto,
	   crm.make_model('nbd', 'week', ARRAY[0.385, 12.072]) AS nbd,
	   crm.make_model('bg_bb', NULL, ARRAY[1.204, 0.750, 0.657, 2.783]) AS bg_bb,
	   crm.make_model('sbg', NULL, ARRAY[0.668, 3.806]) AS sbg,
	   crm.make_model('bdw', NULL, ARRAY[0.668, 3.806, 1]) AS bdw;
SELECT round(crm.p_alive(crm.make_model('pareto_nbd', 'week',
	ARRAY[0.5533971, 10.5801985, 0.6060625, 11.6562237]), 0, 0, 39)::numeric, 7) AS p_alive;
SELECT x, t_x, round(crm.p_alive(bg_bb, x, t_x, 6)::numeric, 2) AS p_alive_2002
  FROM others, (VALUES (0, 0), (2, 4), (6, 6)) AS v (x, t_x);
SELECT n, round(crm.expected_purchases_new(bg_bb, n)::numeric, 3) AS expected FROM others,
	generate_series(1, 11, 5) AS n;
/* DERT of BTYD's example, 1.621379 at a discount of 10 percent per occasion. */
SELECT round(crm.residual_purchases(crm.make_model('bg_bb', NULL, ARRAY[1.2, 0.75, 0.66, 2.78]), 3,
	4, 6, discount => ln(1.1::float8))::numeric, 6) AS dert;
/* And of CLVTools', Pareto/NBD: 2.19915545, 2.44541008, .16792751. */
SELECT x, round(crm.residual_purchases(crm.make_model('pareto_nbd', 'week',
	ARRAY[0.5629966, 12.559037, 0.4081095, 10.5148048]), x, 30, 77.86, discount => 0.0027)::numeric,
	6) AS dert
  FROM unnest(ARRAY[1, 4, 10]) AS x;
/* More purchases can mean fewer to come. BTYD: .3474606 .04283391 .004158973 .0003583685. */
SELECT x, round(crm.expected_purchases(m, x, 20, 39, 52)::numeric, 6) AS expected
  FROM crm.make_model('bg_nbd', 'week', ARRAY[0.2425982, 4.4136842, 0.7929899, 2.4261667]) AS m,
	unnest(ARRAY[10, 15, 20, 25]) AS x;

/* The distribution of counts. BTYD: 1.07869e-07 and .5737864. */
SELECT round(crm.purchase_probability_new(bg, 2, 10)::numeric, 12) AS ten_in_two,
	round(crm.purchase_probability_new(bg, 39, 0)::numeric, 7) AS none_in_39
  FROM published;
/* It adds up to 1, and its mean is the expectation. */
SELECT m->>'kind' AS kind, round(sum(p)::numeric, 9) AS total,
	abs(sum(k * p) - crm.expected_purchases(m, 3, 10, 15, 20)) < 1e-9 AS mean
  FROM (SELECT m, k, crm.purchase_probability(m, 3, 10, 15, 20, k) AS p
		  FROM published, others, LATERAL (VALUES (bg), (mbg), (pareto), (nbd), (bg_bb)) AS v (m),
			generate_series(0, 500) AS k) AS d
 GROUP BY m ORDER BY m->>'kind';
/* No purchase: the customer has left, or does not come. Under NBD that is a closed form. */
SELECT round(crm.purchase_probability(nbd, 3, 10, 15, 20, 0)::numeric, 12)
	   = round(power((12.072 + 15) / (12.072 + 35), 3.385)::numeric, 12) AS nbd_none,
	   crm.purchase_probability(mbg, 3, 10, 15, 20, 0) > 1 - crm.p_alive(mbg, 3, 10,
		15) AS mbg_none,
	   crm.purchase_probability(mbg, 3, 10, 15, 0, 0) AS at_once
  FROM published, others;
/* Intervals: the probability inside is at least the level, and not with one less. */
SELECT m->>'kind' AS kind, level, low, high,
	   sum(crm.purchase_probability(m, 9, 14, 15, 20, k)) FILTER (WHERE k BETWEEN low AND high)
		>= level AS holds,
	   sum(crm.purchase_probability(m, 9, 14, 15, 20, k)) FILTER (WHERE k > high) <= (1 - level)
		/ 2 AS above,
	   sum(crm.purchase_probability(m, 9, 14, 15, 20, k)) FILTER (WHERE k < low) IS NULL OR
	   sum(crm.purchase_probability(m, 9, 14, 15, 20, k)) FILTER (WHERE k < low) <= (1 - level)
		/ 2 AS below
  FROM published, others, LATERAL (VALUES (bg), (mbg), (pareto), (nbd), (bg_bb)) AS v (m),
	unnest(ARRAY[0.5, 0.9]) AS level,
	   crm.purchase_interval(m, 9, 14, 15, 20, level) AS i, generate_series(0, 200) AS k
 GROUP BY m, level, low, high
 ORDER BY m->>'kind', level;
SELECT i.* FROM published, crm.purchase_interval(bg, 3, 10, 15, 0, 0.9) AS i;

/* Being alive later: as now at first, ever less, and what a lifetime adds up to. */
SELECT m->>'kind' AS kind, crm.p_alive(m, 3, 10, 15, 0) = crm.p_alive(m, 3, 10, 15) AS now,
	   crm.p_alive(m, 3, 10, 15, 10) < crm.p_alive(m, 3, 10, 15, 5) AS falls
  FROM published, others, LATERAL (VALUES (bg), (mbg), (pareto)) AS v (m);
SELECT crm.p_alive(nbd, 3, 10, 15, 1000) AS nbd, crm.p_alive(bg_bb, 3, 4, 6, 1) = crm.p_alive(bg_bb,
	3, 4, 6) AS bg_bb FROM others;
SELECT round(crm.residual_lifetime(m, 3, 10, 15)::numeric, 6) AS lifetime,
	   round((0.05 * sum(crm.p_alive(m, 3, 10, 15, 0.05 * (k + 0.5))))::numeric, 3) AS added_up
  FROM crm.make_model('mbg_nbd', 'week', ARRAY[6, 8, 5, 6]) AS m, generate_series(0, 40000) AS k
 GROUP BY m;
SELECT crm.residual_lifetime(bg, 3, 10, 15) IS NULL AS bg, crm.residual_lifetime(pareto, 3, 10,
	15) IS NULL AS pareto,
	   crm.residual_lifetime(nbd, 3, 10, 15) IS NULL AS nbd
  FROM published, others;

/* Contracts: the share kept, the share renewing, and what is to come. */
SELECT period, round(crm.survival(sbg, period)::numeric, 4) AS survival,
	round(crm.retention_rate(sbg, greatest(period, 1))::numeric, 4) AS retention,
	   crm.survival(sbg, period) = crm.survival(bdw, period) AS bdw
  FROM others, generate_series(0, 8, 4) AS period;
SELECT renewals, round(crm.residual_value(m, renewals, 0.1)::numeric, 4) AS derl
  FROM crm.make_model('sbg', NULL, ARRAY[0.668, 3.806]) AS m, generate_series(0, 4) AS renewals;
SELECT round(crm.residual_value_new(sbg, 0.1)::numeric,
	9) = round(sum(crm.survival(sbg, k) / 1.1 ^ k)::numeric, 9) AS is_the_sum,
	   crm.residual_value_new(sbg, 0) IS NULL AS undiscounted
  FROM others, generate_series(0, 500) AS k GROUP BY sbg;
SELECT round(exp(crm.log_likelihood(sbg, 3, true))::numeric,
	12) = round((crm.survival(sbg, 2) - crm.survival(sbg, 3))::numeric, 12) AS lost,
	   round(exp(crm.log_likelihood(sbg, 3, false))::numeric,
		12) = round(crm.survival(sbg, 3)::numeric, 12) AS kept
  FROM others;

/* Histories: the same answers, in days. */
SELECT crm.p_alive(bg, history, '2025-04-30', 28) = crm.p_alive(bg, 2, 63 / 7.0, 119 / 7.0,
	4) AS p_alive,
	   crm.purchase_probability(bg, history, '2025-04-30', 364, 1) = crm.purchase_probability(bg, 2,
		63 / 7.0, 119 / 7.0, 52, 1) AS probability,
	   crm.purchase_interval(bg, history, '2025-04-30', 364, 0.9) = crm.purchase_interval(bg, 2,
		63 / 7.0, 119 / 7.0, 52, 0.9) AS interval,
	   crm.residual_lifetime(m, history, '2025-04-30') = 7 * crm.residual_lifetime(m, 2, 63 / 7.0,
		119 / 7.0) AS lifetime
  FROM published, shopper, crm.make_model('mbg_nbd', 'week', ARRAY[6, 8, 5, 6]) AS m;

/*
 * Fits: a simulated shop, of known parameters. Customers buy at rates with the
 * gamma density (2, 50 days), leave after each purchase, the first included,
 * with probabilities of the beta density (1/2, 1), the squares of uniform
 * ones, and spend amounts of a gamma-gamma density (2, 3, 40).
 */
CREATE FUNCTION pg_temp.uniform(seed text) RETURNS float8 AS $$
	SELECT (('x' || substr(md5(seed), 1, 8))::bit(32)::bigint + 0.5) / 4294967296;
$$ LANGUAGE sql;
CREATE FUNCTION pg_temp.simulate(customers int)
	RETURNS TABLE (i int, x bigint, t_x float8, t float8, mean_amount float8) AS $$
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
		spend := -ln(pg_temp.uniform(i || 'd') * pg_temp.uniform(i || 'e') * pg_temp.uniform(i
			|| 'f')) / 40;
		FOR k IN 1 .. 100 LOOP
			EXIT WHEN pg_temp.uniform(i || 'g' || k) < leaves;
			at := at - ln(pg_temp.uniform(i || 'h' || k)) / rate;
			EXIT WHEN at > t;
			x := x + 1;
			t_x := at;
			mean_amount := mean_amount - ln(pg_temp.uniform(i || 'i' || k) * pg_temp.uniform(i
				|| 'j' || k)) / spend;
		END LOOP;
		mean_amount := mean_amount / greatest(x, 1);
		RETURN NEXT;
	END LOOP;
END
$$ LANGUAGE plpgsql;
CREATE TEMP TABLE customer AS SELECT * FROM pg_temp.simulate(600);
SELECT count(*), sum(x) AS purchases, count(*) FILTER (WHERE x = 0) AS single, max(x) FROM customer;
CREATE TEMP TABLE fitted AS
SELECT crm.fit_purchases('bg_nbd', 'day', x, t_x, t) AS bg, crm.fit_purchases('mbg_nbd', 'day', x,
	t_x, t) AS mbg,
	   crm.fit_spend(x, mean_amount) AS spend
  FROM customer;
SELECT name, truth, value::numeric(12, 4), std_error::numeric(12, 4),
	abs(value - truth) < 2.5 * std_error AS recovered
  FROM fitted, ROWS FROM (crm.parameters(mbg), unnest(ARRAY[2, 50, 0.5, 1])) AS p (name, value,
	std_error, truth);
SELECT name, truth, value::numeric(12, 4), std_error::numeric(12, 4),
	abs(value - truth) < 2.5 * std_error AS recovered
  FROM fitted, ROWS FROM (crm.parameters(spend), unnest(ARRAY[2, 3, 40])) AS p (name, value,
	std_error, truth);
SELECT bg->>'kind' AS kind, bg->>'unit' AS unit, bg->>'customers' AS customers,
	bg->>'left_out' AS left_out, bg->>'converged' AS converged,
	   spend->>'customers' AS spenders
  FROM fitted;
/* The fit is what the customers add up to, and a maximum. */
SELECT abs(crm.log_likelihood(mbg) - sum(crm.log_likelihood(mbg, x, t_x, t))) < 1e-8 AS is_the_sum
	FROM fitted, customer GROUP BY mbg;
SELECT moved, factor,
	crm.log_likelihood(mbg) > sum(crm.log_likelihood(beside, x, t_x, t)) AS is_higher
  FROM fitted, unnest(ARRAY['r', 'alpha', 'a', 'b']) AS moved, unnest(ARRAY[0.99, 1.01]) AS factor,
	   LATERAL (SELECT crm.make_model('mbg_nbd', 'day',
		array_agg(value * CASE WHEN name = moved THEN factor ELSE 1 END ORDER BY place)) AS beside
				  FROM crm.parameters(mbg) WITH ORDINALITY AS p (name, value, std_error,
					place)) AS b,
	   customer
 GROUP BY mbg, moved, factor
 ORDER BY moved, factor;
SELECT crm.aic(mbg) = 8 - 2 * crm.log_likelihood(mbg) AS aic,
	crm.bic(mbg) = 4 * ln(600::float8) - 2 * crm.log_likelihood(mbg) AS bic,
	   (crm.vcov(mbg))[2][3] = (crm.vcov(mbg))[3][2] AS symmetric,
	   sqrt((crm.vcov(mbg))[2][2]) = (SELECT std_error FROM crm.parameters(mbg)
		WHERE name = 'alpha') AS std_error
  FROM fitted;
/* The same text in any order, from counted rows, and from what was stored. */
SELECT crm.fit_purchases('mbg_nbd', 'day', x, t_x, t
	ORDER BY md5(i::text))::text = mbg::text AS shuffled FROM fitted, customer GROUP BY mbg;
SELECT crm.fit_purchases('mbg_nbd', 'day', x, t_x, t, n)::text = mbg::text AS counted
  FROM fitted, (SELECT x, t_x, t, count(*) AS n FROM customer GROUP BY x, t_x, t UNION ALL SELECT 3,
	1, 2, 0) AS c GROUP BY mbg;
SELECT mbg::text::crm.model = mbg AS stored, crm.p_alive(mbg::text::crm.model, 3, 40,
	90) = crm.p_alive(mbg, 3, 40, 90) AS same_answer FROM fitted;
/* Rows with a NULL are skipped; no customers, no model. */
SELECT crm.fit_purchases('mbg_nbd', 'day', x, t_x, t)::text = mbg::text AS nulls_skipped
  FROM fitted, (SELECT x, t_x, t FROM customer UNION ALL VALUES (NULL, 1, 2), (1, NULL, 2),
	(1, 1, NULL)) AS c (x, t_x, t) GROUP BY mbg;
SELECT crm.fit_purchases('mbg_nbd', 'day', x, t_x, t) IS NULL AS nobody,
	crm.fit_spend(x, mean_amount) IS NULL AS no_spender FROM customer WHERE i < 0;
/* Who cannot be in a model of spend is left out and counted. */
SELECT m->>'customers' AS customers, m->>'left_out' AS left_out, skipped
  FROM (SELECT crm.fit_spend(x, CASE WHEN i % 100 = 1 THEN -mean_amount ELSE mean_amount END) AS m,
	count(*) FILTER (WHERE x = 0) AS skipped FROM customer) AS f;
/* By groups, and over a growing window. */
SELECT i % 2 AS half, crm.fit_purchases('mbg_nbd', 'day', x, t_x, t)->>'customers' AS customers
	FROM customer GROUP BY 1 ORDER BY 1;
SELECT count(*) AS windows, count(DISTINCT m->>'customers') AS different
  FROM (SELECT crm.fit_spend(x, mean_amount) OVER (ORDER BY x = 0,
	i ROWS BETWEEN 200 PRECEDING AND 200 FOLLOWING) AS m FROM customer WHERE i <= 300) AS w;
/* From histories: the customer of another year is left out. */
SELECT m->>'customers' AS customers, m->>'left_out' AS left_out, m->>'unit' AS unit
  FROM (SELECT crm.fit_purchases('mbg_nbd', 'week', history, '2025-12-31') AS m
		  FROM (SELECT crm.history_agg(date '2025-12-31' - t::int + (t_x * k / greatest(x, 1))::int,
			round(mean_amount::numeric, 2)) AS history
				  FROM customer, generate_series(0, x) AS k GROUP BY i
				UNION ALL SELECT crm.history_agg('2026-02-03', 5.0)) AS h) AS f;

/* Uncertainty: of a probability, an expectation, a value. */
SELECT round(value::numeric, 4) AS value, round(std_error::numeric, 4) AS std_error,
	round(low::numeric, 4) AS low, round(high::numeric, 4) AS high,
	   value = crm.p_alive(mbg, 3, 60, 100) AS same, low < value AND value < high AS inside
  FROM fitted, crm.p_alive_estimate(mbg, 3, 60, 100);
SELECT round(value::numeric, 4) AS value, round(std_error::numeric, 4) AS std_error,
	value = crm.expected_purchases(mbg, 3, 60, 100, 100) AS same,
	   round((std_error / abs(ln(high / value) / 1.959963984540054 * value))::numeric,
		9) AS on_the_logarithm
  FROM fitted, crm.expected_purchases_estimate(mbg, 3, 60, 100, 100);
SELECT v.value = crm.clv(mbg, spend, 3, 60, 100, 60, 100, 0.1) AS same,
	   abs((v.std_error / v.value) ^ 2 - (p.std_error / p.value) ^ 2) / (p.std_error / p.value) ^ 2
		> 0 AS spend_adds
  FROM fitted, crm.clv_estimate(mbg, spend, 3, 60, 100, 60, 100, 0.1) AS v,
	crm.expected_purchases_estimate(mbg, 3, 60, 100, 100) AS p;
/*
 * Against the delta method by hand: the expectation of an NBD customer is (r + x) / (alpha + t)
 * times the horizon.
 */
SELECT round((e.std_error
	/ (100 * sqrt(v[1][1] / (alpha + 100) ^ 2 - 2 * v[1][2] * (r + 3) / (alpha + 100) ^ 3
										  + v[2][2] * (r + 3) ^ 2 / (alpha + 100) ^ 4)))::numeric,
											8) AS ratio
  FROM (SELECT crm.fit_purchases('nbd', 'day', x, t_x, t) AS m FROM customer) AS f,
	crm.vcov(m) AS v,
	   LATERAL (SELECT (m->'parameters'->>'r')::float8 AS r,
		(m->'parameters'->>'alpha')::float8 AS alpha) AS p,
	   crm.expected_purchases_estimate(m, 3, 60, 100, 100) AS e;
/* A wider level, a wider interval; nothing uncertain about no time; no fit, no error. */
SELECT e99.high > e95.high AS wider, none.* , known.value > 0 AS known, known.std_error IS NULL
	AND known.low IS NULL AS not_fitted
  FROM fitted, published, crm.expected_purchases_estimate(fitted.mbg, 3, 60, 100, 100) AS e95,
	   crm.expected_purchases_estimate(fitted.mbg, 3, 60, 100, 100, 0.99) AS e99,
	   crm.expected_purchases_estimate(fitted.mbg, 3, 60, 100, 0) AS none,
		crm.expected_purchases_estimate(published.bg, 3, 6, 10, 10) AS known;

/*
 * Pareto/NBD recovers what it was simulated with: rates gamma (2, 50), times until leaving
 * exponential at rates gamma (1, 100).
 */
CREATE FUNCTION pg_temp.simulate_pareto(customers int)
	RETURNS TABLE (x bigint, t_x float8, t float8) AS $$
DECLARE
	rate float8;
	leaves_at float8;
	at float8;
BEGIN
	FOR i IN 1 .. customers LOOP
		x := 0; t_x := 0; t := 100 + i % 265; at := 0;
		rate := -ln(pg_temp.uniform(i || 'k') * pg_temp.uniform(i || 'l')) / 50;
		leaves_at := ln(pg_temp.uniform(i || 'm')) / ln(pg_temp.uniform(i || 'n')) * 100;
		LOOP
			at := at - ln(pg_temp.uniform(i || 'o' || x)) / rate;
			EXIT WHEN at > least(t, leaves_at);
			x := x + 1;
			t_x := at;
		END LOOP;
		RETURN NEXT;
	END LOOP;
END
$$ LANGUAGE plpgsql;
SELECT name, truth, value::numeric(12, 4), std_error::numeric(12, 4),
	abs(value - truth) < 2.5 * std_error AS recovered
  FROM (SELECT crm.fit_purchases('pareto_nbd', 'day', x, t_x, t) AS m
	FROM pg_temp.simulate_pareto(1000)) AS f,
	   ROWS FROM (crm.parameters(m), unnest(ARRAY[2, 50, 1, 100])) AS p (name, value, std_error,
		truth);

/* All kinds, the best of them, and whether leaving matters. */
SELECT kind, crm.fit_purchases(kind, 'day', x, t_x, t)->>'kind' AS fitted,
	round(crm.aic(crm.fit_purchases(kind, 'day', x, t_x, t))::numeric, 2) AS aic
  FROM customer, unnest(ARRAY['bg_nbd', 'mbg_nbd', 'pareto_nbd', 'nbd', 'best']) AS kind
	GROUP BY kind ORDER BY kind;
SELECT round(statistic::numeric, 3) AS statistic, degrees,
	abs(p_value * exp(statistic / 2) - 1) < 1e-12 AS leaving
  FROM (SELECT crm.fit_purchases('nbd', 'day', x, t_x, t) AS nbd,
	crm.fit_purchases('mbg_nbd', 'day', x, t_x, t) AS mbg FROM customer) AS f,
	   crm.likelihood_ratio_test(nbd, mbg);
/* Renewals of 1000 customers (Fader & Hardie 2007, High End): .668 and 3.806. */
CREATE TEMP TABLE contract AS
SELECT year AS periods, true AS churned,
	lag(survivors, 1, 1000) OVER (ORDER BY year) - survivors AS n
  FROM unnest(ARRAY[869, 743, 653, 593, 551, 517, 491]) WITH ORDINALITY AS v (survivors, year)
UNION ALL SELECT 7, false, 491;
CREATE TEMP TABLE renewal AS
SELECT crm.fit_renewals('sbg', periods::int, churned, n) AS sbg,
	crm.fit_renewals('bdw', periods::int, churned, n) AS bdw FROM contract;
SELECT p.name, round(p.value::numeric, 3) AS value, round(p.std_error::numeric, 3) AS std_error
	FROM renewal, crm.parameters(sbg) AS p;
SELECT round(statistic::numeric, 3) AS statistic, degrees, round(p_value::numeric, 5) AS p_value
	FROM renewal, crm.likelihood_ratio_test(sbg, bdw);
SELECT crm.fit_renewals('sbg', periods::int, churned)::text = sbg::text AS one_by_one
  FROM renewal, contract, generate_series(1, n) GROUP BY sbg;
/* Occasions: the donors' six years of models.md are in test/golden; here a small panel. */
SELECT name, round(value::numeric, 4) AS value FROM crm.parameters((
SELECT crm.fit_occasions(x, t_x, 6, customers)
  FROM (VALUES (6, 6, 120), (4, 6, 90), (2, 5, 80), (3, 4, 70), (1, 2, 90), (1, 1, 150),
	(0, 0, 400)) AS v (x, t_x, customers)));

/* Errors: what is wrong, the limit, and the mend. */
\set VERBOSITY default
SELECT crm.fit_purchases('bg_ndb', 'day', x, t_x, t) FROM customer;
SELECT crm.fit_renewals('best', 1, true);
SELECT crm.make_model('best', 'day', ARRAY[1, 2]);
SELECT '{"kind": "best", "unit": "day", "parameters": {}}'::crm.model;
SELECT crm.fit_purchases('gamma_gamma', 'day', x, t_x, t) FROM customer;
SELECT crm.fit_renewals('bg_nbd', 1, true);
SELECT crm.fit_purchases('bg_nbd', 'fortnight', x, t_x, t) FROM customer;
SELECT crm.fit_purchases(NULL, 'day', x, t_x, t) FROM customer;
SELECT crm.fit_purchases(CASE WHEN i = 9 THEN 'mbg_nbd' ELSE 'bg_nbd' END, 'day', x, t_x, t)
	FROM customer;
SELECT crm.fit_purchases('bg_nbd', 'day', -1, 0, 10);
SELECT crm.fit_purchases('bg_nbd', 'day', 1, 11, 10);
SELECT crm.fit_purchases('bg_nbd', 'day', 0, 5, 10);
SELECT crm.fit_purchases('bg_nbd', 'day', 1, 'NaN', 10);
SELECT crm.fit_purchases('bg_nbd', 'day', 1, 5, 'Infinity');
SELECT crm.fit_purchases('bg_nbd', 'day', 1, 5, 10, -1);
SELECT crm.fit_purchases('bg_nbd', 'day', 1, 5, 10);
SELECT crm.fit_purchases('bg_nbd', 'day', 0, 0, t) FROM customer;
SELECT crm.fit_spend(3, 'NaN');
/*
 * No maximum: the reason, without the digits of the best point, which depend
 * on where the search was stopped.
 */
CREATE FUNCTION pg_temp.failure(query text)
	RETURNS TABLE (message text, reason text, hint text) AS $$
BEGIN
	EXECUTE query;
EXCEPTION WHEN data_exception THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, reason = PG_EXCEPTION_DETAIL,
		hint = PG_EXCEPTION_HINT;
	reason := regexp_replace(reason, '-?[0-9]+\.?[0-9]*(e[-+][0-9]+)?', '#', 'g');
	RETURN NEXT;
END
$$ LANGUAGE plpgsql;
\pset format unaligned
\pset tuples_only on
SELECT * FROM pg_temp.failure($$SELECT crm.fit_renewals('sbg', 1, true)
	FROM generate_series(1, 9)$$);
SELECT * FROM pg_temp.failure($$SELECT crm.fit_occasions(x, t_x, n, customers)
	FROM (VALUES (4::bigint, 4::bigint, 4::bigint, 11::bigint), (0, 0, 1, 6), (1, 1, 2, 18))
	AS v (x, t_x, n, customers)$$);
SELECT * FROM pg_temp.failure($$SELECT crm.fit_renewals('bdw', periods, churned, n)
	FROM (VALUES (1, true, 100::bigint), (5, false, 400)) AS v (periods, churned, n)$$);
SELECT * FROM pg_temp.failure($$SELECT crm.fit_renewals('bdw', periods, churned, n)
	FROM (VALUES (1, false, 201::bigint), (2, true, 5455), (3, true, 11), (3, false, 2155))
	AS v (periods, churned, n)$$);
\pset tuples_only off
\pset format aligned

/*
 * Limits. Where the customers are alike, the limit of the likelihood is the model. "faithful" never
 * leave, "alike" buy at one rate and never leave, and "brief" leave after four purchases.
 */
CREATE TEMP TABLE alike AS
SELECT 'faithful' AS who, k AS x, CASE WHEN k = 0 THEN 0 ELSE 100.0 * k / (k + 1) END AS t_x,
	   100.0 AS t, 60 / (k + 1) AS n
  FROM generate_series(0, 40) AS k
UNION ALL
SELECT 'alike', 5, 10, 10, 20
UNION ALL
SELECT 'brief', 4, 2.0 * k, 200, 5 FROM generate_series(1, 40) AS k;
CREATE TEMP TABLE limits AS
SELECT who, kind, crm.fit_purchases(kind, 'day', x, t_x, t, n) AS m
  FROM alike, unnest(ARRAY['bg_nbd', 'mbg_nbd', 'pareto_nbd', 'nbd', 'best']) AS kind
 WHERE (who, kind) <> ('faithful', 'mbg_nbd')
 GROUP BY who, kind;
SELECT who, kind AS asked, m->>'kind' AS kind, m->>'limit' AS "limit", parameters,
	   crm.aic(m) = 2 * cardinality(parameters) - 2 * crm.log_likelihood(m) AS own_aic,
	   array_length(crm.vcov(m), 1) AS rows_of_covariance, m::text::crm.model = m AS round_trip
  FROM limits, LATERAL (SELECT array_agg(name) AS parameters FROM crm.parameters(m)) AS p
 ORDER BY who, asked;
/* The log-likelihood is the sum over the customers. */
SELECT who, kind AS asked, abs(sum(n * crm.log_likelihood(m, x, t_x,
	t)) - crm.log_likelihood(m)) < 1e-8
	   AS sum
  FROM limits JOIN alike USING (who)
 GROUP BY who, kind, m
 ORDER BY who, asked;
/* Each answer is that of parameters a million times larger, to 1e-4, and finite. */
CREATE TEMP TABLE near AS
SELECT crm.make_model(kind || '.' || "limit", 'week', parameters) AS m,
	   crm.make_model(kind, 'week', large) AS large
  FROM (VALUES ('bg_nbd', 'equal_dropout', '{0.5, 3, 0.1}'::float8[],
	'{0.5, 3, 1e8, 9e8}'::float8[]),
			   ('mbg_nbd', 'equal_dropout', '{0.5, 3, 0.1}', '{0.5, 3, 1e8, 9e8}'),
			   ('bg_nbd', 'equal_rate', '{0.2, 0.8, 2.5}', '{2e8, 1e9, 0.8, 2.5}'),
			   ('mbg_nbd', 'equal_rate', '{0.2, 0.8, 2.5}', '{2e8, 1e9, 0.8, 2.5}'),
			   ('pareto_nbd', 'equal_dropout', '{0.5, 3, 0.05}', '{0.5, 3, 5e7, 1e9}'),
			   ('pareto_nbd', 'equal_rate', '{0.2, 0.6, 12}', '{2e8, 1e9, 0.6, 12}'),
			   ('mbg_nbd', 'equal_rate_and_dropout', '{0.2, 0.1}', '{2e8, 1e9, 1e8, 9e8}'),
			   ('pareto_nbd', 'equal_rate_and_dropout', '{0.2, 0.05}', '{2e8, 1e9, 5e7, 1e9}'),
			   ('bg_nbd', 'no_dropout', '{0.5, 3}', '{0.5, 3, 1e-11, 1}'),
			   ('nbd', 'equal_rate', '{0.2}', '{2e8, 1e9}')) AS v (kind, "limit", parameters,
				large);
WITH answers AS (
	SELECT near.m, q.*
	  FROM near, published, (VALUES (0, 0, 30), (1, 3, 30), (5, 25, 30), (12, 30, 30)) AS c (x,
		t_x, t),
		   LATERAL (VALUES
			(crm.log_likelihood(m, x, t_x, t), crm.log_likelihood(large, x, t_x, t)),
			(crm.p_alive(m, x, t_x, t), crm.p_alive(large, x, t_x, t)),
			(crm.p_alive(m, x, t_x, t, 9), crm.p_alive(large, x, t_x, t, 9)),
			(crm.expected_purchases(m, x, t_x, t, 20), crm.expected_purchases(large, x, t_x, t,
				20)),
			(crm.expected_purchases_new(m, 20), crm.expected_purchases_new(large, 20)),
			(crm.residual_purchases(m, x, t_x, t, 'Infinity', 0.003),
			 crm.residual_purchases(large, x, t_x, t, 'Infinity', 0.003)),
			(crm.residual_purchases(m, x, t_x, t, 52, 0.003),
			 crm.residual_purchases(large, x, t_x, t, 52, 0.003)),
			(crm.purchase_probability(m, x, t_x, t, 20, 0), crm.purchase_probability(large, x,
				t_x, t, 20, 0)),
			(crm.purchase_probability(m, x, t_x, t, 20, 3), crm.purchase_probability(large, x,
				t_x, t, 20, 3)),
			(crm.purchase_probability_new(m, 20, 3), crm.purchase_probability_new(large, 20, 3)),
			((crm.purchase_interval(m, x, t_x, t, 20)).high,
			 (crm.purchase_interval(large, x, t_x, t, 20)).high),
			(crm.clv(m, spend, x, t_x, t, 30, 52), crm.clv(large, spend, x, t_x, t, 30, 52)))
			AS q (at_limit, at_large))
SELECT m->>'kind' AS kind, m->>'limit' AS "limit", count(at_limit) AS answers,
	   bool_and(abs(at_limit - at_large) <= 1e-4 * abs(at_large)) AS near
  FROM answers GROUP BY m ORDER BY 1, 2;
/* The closed forms, written here once more. */
SELECT bool_and(abs(answer / closed - 1) < 1e-9) AS closed_forms
  FROM (SELECT crm.make_model('bg_nbd.equal_dropout', 'week', '{0.5, 3, 0.1}') AS bg,
			   crm.make_model('mbg_nbd.equal_rate_and_dropout', 'week', '{0.2, 0.1}') AS mbg,
			   crm.make_model('pareto_nbd.equal_rate_and_dropout', 'week',
				'{0.2, 0.05}') AS pareto) AS m,
	   LATERAL (VALUES
		(crm.p_alive(bg, 2, 20, 30), 1 / (1 + 0.1 / 0.9 * (33.0 / 23) ^ 2.5)),
		(crm.expected_purchases(bg, 2, 20, 30, 52),
		 10 * (1 - (1 + 0.1 * 52 / 33.0) ^ -2.5) / (1 + 0.1 / 0.9 * (33.0 / 23) ^ 2.5)),
		(crm.expected_purchases_new(bg, 52), 10 * (1 - (1 + 0.1 * 52 / 3) ^ -0.5)),
		(crm.log_likelihood(bg, 1, 20, 30),
		 ln(0.5 * 3 ^ 0.5 * (0.9 * 33.0 ^ -1.5 + 0.1 * 23.0 ^ -1.5))),
		(crm.expected_purchases_new(mbg, 52), 9 * (1 - exp(-0.02 * 52))),
		(crm.residual_purchases(mbg, 0, 0, 0, 'Infinity', 0.01), 0.9 * 0.2 / 0.03),
		(crm.purchase_probability_new(pareto, 52, 0),
		 exp(-0.25 * 52) + 0.2 * (1 - exp(-0.25 * 52))),
		(crm.residual_purchases(pareto, 0, 0, 0, 'Infinity', 0.01), 0.2 / 0.06)) AS v (answer,
			closed);
/* A limit has its own parameters, and only a kind of purchases has limits. */
SELECT '{"kind": "bg_nbd", "limit": "equal_dropout", "unit": "week",
		 "parameters": {"r": 1, "alpha": 2, "a": 1, "b": 2}}'::jsonb::crm.model;
SELECT '{"kind": "bg_nbd", "limit": "all_alike", "unit": "week",
	"parameters": {}}'::jsonb::crm.model;
SELECT crm.make_model('bg_nbd.equal_dropout', 'week', '{1, 2, 1}');
SELECT crm.make_model('sbg.equal_rate', NULL, '{1, 2}');
/*
 * One verdict in all units of time. Few of these customers buy very much, and Pareto/NBD may have a
 * flat ridge: the search then ends somewhere on it.
 */
CREATE TEMP TABLE heavy AS
SELECT seed, x, CASE WHEN x > 0 THEN 60 * (1 - 0.3 * late ^ 3) ELSE 0 END AS t_x, 60.0::float8 AS t
  FROM generate_series(1, 20) AS seed, generate_series(1, 100) AS i,
	   LATERAL (SELECT floor((((i * 16807 + 2 * seed)::bigint * 48271 % 1000003 + 0.5)
							  / 1000003)::float8
							 ^ (-1 / (0.6 + 0.1 * (seed % 6))))::bigint - 1 AS x,
					   ((i * 48271 + 2 * seed)::bigint * 69621 % 1000003
						/ 1000003.0)::float8 AS late)
	   AS v;
WITH fits AS (
	SELECT seed, days, crm.fit_purchases('pareto_nbd', unit, x, t_x * 7 / days, t * 7 / days) AS m
	  FROM heavy, (VALUES ('day', 1), ('week', 7), ('month', 365.25 / 12), ('year',
		365.25)) AS u (unit, days)
	 GROUP BY seed, unit, days),
verdicts AS (
	SELECT seed, count(DISTINCT coalesce(m->>'limit', 'none')) AS verdicts,
		min(m->>'limit') AS "limit",
		   max(crm.p_alive(m, 3, 200 / days, 400 / days))
		   - min(crm.p_alive(m, 3, 200 / days, 400 / days)) AS spread,
		   max((SELECT max(std_error / value) FROM crm.parameters(m))) AS widest
	  FROM fits GROUP BY seed)
SELECT "limit", count(*) AS sets, max(verdicts) AS verdicts, max(spread) < 1e-6 AS same_answers,
	   max(widest) < 20 AS determined
  FROM verdicts GROUP BY "limit" ORDER BY "limit";
SELECT crm.make_model('bg_nbd', 'week', ARRAY[0.2, 4]);
SELECT crm.make_model('bg_nbd', 'week', ARRAY[0.2, 4, -1, 2]);
SELECT crm.make_model('bg_nbd', 'week', ARRAY[0.2, 4, NULL, 2]);
SELECT crm.make_model('bg_nbd', 'week', ARRAY[0.2, 4, 'NaN', 2]);
SELECT crm.make_model('bg_nbd', NULL, ARRAY[0.2, 4, 1, 2]);
SELECT crm.make_model('gamma_gamma', 'week', ARRAY[6, 3, 15]);
SELECT crm.p_alive(spend, 1, 2, 3) FROM published;
SELECT crm.expected_spend(bg, 1, 2) FROM published;
SELECT crm.expected_spend(spend, 1, -2) FROM published;
SELECT crm.expected_purchases(bg, 1, 2, 3, -1) FROM published;
SELECT crm.expected_purchases(bg, 1, 2, 3, 'Infinity') FROM published;
SELECT crm.expected_purchases(bg, history, '2025-04-30', -1) FROM published, shopper;
SELECT crm.clv(bg, spend, history, '2025-04-30', 30, -1) FROM published, shopper;
SELECT crm.clv(bg, spend, history, '2025-04-30', 30, 'NaN') FROM published, shopper;
/* Ten percent is 0.10, not 10. */
SELECT crm.clv(bg, spend, history, '2025-04-30', 365, 10) FROM published, shopper;
SELECT crm.clv(bg, spend, 2, 9, 17, 30, 52, 1.5) FROM published;
SELECT crm.clv_estimate(bg, spend, history, '2025-04-30', 365, 10) FROM published, shopper;
SELECT crm.clv_estimate(bg, spend, 2, 9, 17, 30, 52, 10) FROM published;
SELECT crm.clv(bg, spend, history, '2025-04-30', 365, 1) > 0 AS everything_halves_in_a_year
	FROM published, shopper;

/* Other kinds: each constraint of each likelihood. */
SELECT crm.fit_renewals('sbg', 0, true);
SELECT crm.fit_renewals('sbg', -1, false);
SELECT crm.fit_renewals('bg_nbd', 1, false);
SELECT crm.fit_renewals('sbg', i, false) FROM generate_series(1, 9) AS i;
SELECT crm.fit_purchases('sbg', 'week', 1, 1, 2);
SELECT crm.fit_occasions(3, 2, 6);
SELECT crm.fit_occasions(2, 7, 6);
SELECT crm.fit_occasions(0, 2, 6);
SELECT crm.fit_occasions(0, 0, 2000000);
SELECT crm.p_alive(bg_bb, 3, 4.5, 6) FROM others;
SELECT crm.p_alive(bg_bb, history, '2025-04-30') FROM others, shopper;
SELECT crm.p_alive(sbg, 3, 4, 6) FROM others;
SELECT crm.survival(bg_bb, 3) FROM others;
SELECT crm.survival(sbg, -1) FROM others;
SELECT crm.retention_rate(sbg, 0) FROM others;
SELECT crm.residual_value(sbg, 0, -0.1) FROM others;
SELECT crm.p_alive(bg, history, '2025-04-30', -1) FROM published, shopper;
SELECT crm.purchase_probability(bg, 1, 2, 3, 10, -1) FROM published;
SELECT crm.purchase_interval(bg, 1, 2, 3, 10, 1) FROM published;
SELECT crm.likelihood_ratio_test(bg, mbg) FROM fitted;
SELECT crm.likelihood_ratio_test(nbd, bg) FROM published, others;
SELECT crm.likelihood_ratio_test(nbd, mbg)
  FROM fitted, (SELECT crm.fit_purchases('nbd', 'day', x, t_x, t) AS nbd FROM customer
	WHERE i > 100) AS f;

/* A crafted model is refused where it comes in. */
SELECT '[]'::crm.model;
SELECT '{}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "week"}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "week", "parameters": [1, 1, 1, 1]}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "lustrum", "parameters": {"r": 1, "alpha": 1, "a": 1, '
	'"b": 1}}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "week", "parameters": {"r": 1, "alpha": 1, "a": 1}}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "week", "parameters": {"r": 1, "alpha": 1, "a": 1, "b": 1, "c": '
	'1}}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "week", "parameters": {"r": 1, "alpha": 1, "a": 1, "b": '
	'1e400}}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "week", "parameters": {"r": 1, "alpha": 1, "a": 1, "b": '
	'0}}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "week", "parameters": {"r": 1, "alpha": 1, "a": 1, "b": '
	'"2"}}'::crm.model;
SELECT '{"kind": "bg_nbd", "unit": "week", "parameters": {"r": 1, "alpha": 1, "a": 1, "b": 1}, '
	'"covariance": [[1]]}'::crm.model;
SELECT '{"kind": "gamma_gamma", "parameters": {"p": 1, "q": 1, "v": 1}, "covariance": [[1, 0, 0], '
	'[0, 1], [0, 0, 1]]}'::crm.model;
SELECT '{"kind": "gamma_gamma", "parameters": {"p": 1, "q": 1, "v": 1}, "covariance": [[1, 0, 0], '
	'2, [0, 0, 1]]}'::crm.model;
SELECT '{"kind": "gamma_gamma", "parameters": {"p": 1, "q": 1, "v": 1}, "covariance": [[1, 0, 0], '
	'[0, "1", 0], [0, 0, 1]]}'::crm.model;
SELECT '{"kind": "gamma_gamma", "unit": "week", "parameters": {"p": 1, "q": 1, "v": 1}}'::crm.model;
SELECT '{"kind": "gamma_gamma", "parameters": {"p": 1, "q": 1, "v": 1}, "log_likelihood": '
	'1e400}'::crm.model;
SELECT '{"kind": "gamma_gamma", "parameters": {"p": 1, "q": 1, "v": 1}, "covariance": [[1, 0, 0], '
	'[0, 1, 2], [0, 2, 1]]}'::crm.model;
SELECT '{"kind": "gamma_gamma", "parameters": {"p": 1, "q": 1, "v": 1}, "covariance": [[1, 0, 0], '
	'[0, -1, 0], [0, 0, 1]]}'::crm.model;
SELECT '{"kind": "gamma_gamma", "parameters": {"p": 1, "q": 1, "v": 1}, "converged": '
	'false}'::crm.model;
SELECT '{"kind": "gamma_gamma", "parameters": {"p": 1, "q": 1, "v": 1}, "converged": '
	'"yes"}'::crm.model;
SELECT '{"kind": "gamma_gamma", "parameters": {"p": 1, "q": 1, "v": 1}, "customers": '
	'1.5}'::crm.model;
SELECT '{"kind": "gamma_gamma", "parameters": {"p": 1, "q": 1, "v": 1}, "margin": 0.4}'::crm.model;
-- A model that was refused is refused again, also between others that are read.
CREATE FUNCTION judged(model jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN crm_internal.model_valid(model);
EXCEPTION WHEN OTHERS THEN
	RETURN sqlerrm;
END $$;
SELECT judged(format('{"kind": "gamma_gamma", "parameters": {"p": 1, "q": %s, "v": 1}}', q)::jsonb)
  FROM unnest('{1,0,0,1,2}'::int[]) q;
DROP FUNCTION judged;

/* Regular buyers: Erlang timing, k found by the likelihood (here 3 is true). */
SELECT setseed(0.2);
CREATE TEMP TABLE regular AS
WITH RECURSIVE customer AS (
	SELECT i, -ln(random() * random()) / 20 AS rate, random() ^ 2 AS p,
		(random() * 200)::int AS first FROM generate_series(1, 2000) i
), purchase AS (
	SELECT i, rate, p, first, 0::float8 AS at, true AS alive FROM customer
	UNION ALL
	SELECT i, rate, p, first, at + 1 - ln(random() * random() * random()) / rate, random() > p
		FROM purchase WHERE alive AND at < 800)
SELECT i, crm.history_agg(date '2024-01-01' + first + at::int, 1.0) AS history FROM purchase
	GROUP BY i;
CREATE TEMP TABLE regular_model AS
SELECT crm.fit_purchases('mbg_cnbd_k', 'week', history, '2025-06-30') AS m,
	crm.fit_purchases('mbg_cnbd_k', 'day', history, '2025-06-30') AS d,
	   crm.fit_purchases('mbg_nbd', 'week', history, '2025-06-30') AS k1,
		crm.fit_purchases('best', 'week', history, '2025-06-30') AS best
  FROM regular;
SELECT p.value AS k, crm.aic(m) < crm.aic(k1) - 100 AS regular_is_better, best->>'kind' AS best,
	   (SELECT value FROM crm.parameters(d) WHERE name = 'k') = p.value AS same_k_by_day
  FROM regular_model, crm.parameters(m) p WHERE p.name = 'k';
/* The fit is the sum over customers, gaps and all; the numeric form is the same fit. */
WITH summary AS (
	SELECT r.x, r.t_x, r.t, coalesce(g.count * (g.mean_log - ln(7.0)), 0)::float8 AS log_gaps
	  FROM regular, crm.repeat_purchases(history, '2025-06-30', 'week') r,
		crm.gaps(crm.upto(history, '2025-06-30')) g)
SELECT abs(sum(crm.log_likelihood(m, x, t_x, t, log_gaps)) - max(crm.log_likelihood(m)))
	< 1e-6 AS sum_of_customers,
	   abs(max(crm.log_likelihood(m)) - crm.log_likelihood((SELECT crm.fit_purchases('mbg_cnbd_k',
		'week', x, t_x, t, log_gaps, 1) FROM summary))) < 1e-6 AS numeric_form
  FROM summary, regular_model GROUP BY m;
/* k = 1 is the kind without k, and answers add up. */
WITH model AS (
	SELECT crm.make_model('bg_cnbd_k', 'week', '{0.243,4.414,0.793,2.426,1}') AS one,
		crm.make_model('bg_nbd', 'week', '{0.243,4.414,0.793,2.426}') AS bg,
		   crm.make_model('bg_cnbd_k', 'week', '{0.8,9,0.793,2.426,3}') AS three)
SELECT crm.p_alive(one, 2, 30.43, 38.86) = crm.p_alive(bg, 2, 30.43, 38.86) AS p_alive,
	   crm.expected_purchases(one, 2, 30.43, 38.86, 39) = crm.expected_purchases(bg, 2, 30.43,
		38.86, 39) AS expected,
	   abs((SELECT sum(k * crm.purchase_probability(three, 2, 30.43, 38.86, 39, k))
		FROM generate_series(0, 400) k)
		   - crm.expected_purchases(three, 2, 30.43, 38.86, 39)) < 1e-9 AS mean_of_the_distribution,
	   abs((SELECT sum(crm.purchase_probability(three, 2, 30.43, 38.86, 39, k))
		FROM generate_series(0, 400) k) - 1) < 1e-9 AS sums_to_one
  FROM model;
SELECT crm.make_model('bg_cnbd_k', 'week', '{1,2,3,4,2.5}');
SELECT crm.make_model('bg_cnbd_k', 'week', '{1,2,3,4,13}');
SELECT crm.fit_purchases('mbg_cnbd_k', 'week', 3, 10, 20);

/* With a margin. */
SELECT crm.clv(m, s, h, '1998-06-30', 365, 0.1, 0.4) = 0.4 * crm.clv(m, s, h, '1998-06-30', 365,
	0.1) AS margin,
	   crm.clv(m, s, h, '1998-06-30', NULL, 0.1, 0.4) = 0.4 * crm.clv(m, s, h, '1998-06-30', NULL,
		0.1) AS without_end,
	   crm.clv(m, s, h, '1998-06-30', 365, 0.1, 'NaN') AS not_a_number,
	   crm.clv(m, s, 2, 20, 40, 37, 52, 0.1, 0.4) = 0.4 * crm.clv(m, s, 2, 20, 40, 37, 52,
		0.1) AS in_numbers,
	   crm.clv(m, s, h, '1998-06-30', margin => NULL) IS NULL AS not_known
  FROM (SELECT crm.make_model('mbg_nbd', 'week', '{0.525,6.183,0.891,1.614}'),
	crm.make_model('gamma_gamma', NULL, '{6.25,3.74,15.44}'),
			   '[["1997-10-01",1,20.00],["1998-01-05",1,30.00],["1998-05-05",2,'
			   '44.00]]'::crm.history) AS given (m, s, h);

/* The smallest discounts and horizons: an answer at once, and the right one. */
SET statement_timeout = '3s';
CREATE TEMP TABLE small AS
SELECT crm.make_model('sbg', NULL, '{0.668,3.806}') AS sbg,
	crm.make_model('sbg', NULL, '{2.5,3.806}') AS leaving,
	crm.make_model('bdw', NULL, '{0.259,1.722,1.584}') AS bdw,
	   crm.make_model('pareto_nbd', 'day', '{0.553,10.578,0.606,11.669}') AS pareto,
		crm.make_model('bg_nbd', 'day', '{0.243,4.414,0.793,2.426}') AS bg,
	   crm.make_model('mbg_nbd', 'day', '{0.243,4.414,0.793,2.426}') AS mbg,
		crm.make_model('nbd', 'day', '{0.5,2}') AS nbd,
	   crm.make_model('mbg_cnbd_k', 'day', '{2,4.414,0.793,2.426,3}') AS regular,
		crm.make_model('bg_bb', NULL, '{1.2,0.75,0.66,2.78}') AS bb,
	   crm.make_model('gamma_gamma', NULL, '{6.25,3.74,15.44}') AS spend;
SELECT d, to_char(crm.residual_value_new(sbg, d), '9.999999999EEEE') AS sbg,
	round(crm.residual_value_new(leaving, d)::numeric, 9) AS leaving,
	to_char(crm.residual_value(bdw, 5, d), '9.99999EEEE') AS bdw
  FROM small, (VALUES (5e-324::float8), (1e-308), (2.2250738585072014e-308), (1e-300),
	(1e-20)) discount (d);
SELECT d, to_char(crm.residual_purchases(pareto, 2, 30, 39, discount => d),
	'9.99999999EEEE') AS pareto, to_char(crm.residual_purchases(bg, 2, 30, 39, discount => d),
	'9.99999999EEEE') AS bg,
	   to_char(crm.residual_purchases(mbg, 2, 30, 39, discount => d), '9.99999999EEEE') AS mbg,
		to_char(crm.residual_purchases(regular, 2, 30, 39, discount => d),
		'9.99999999EEEE') AS regular,
	   to_char(crm.residual_purchases(bb, 2, 3, 6, discount => d), '9.99999999EEEE') AS bb,
		crm.residual_purchases(nbd, 2, 30, 39, 0.3, d) = crm.expected_purchases(nbd, 2, 30, 39,
		0.3) AS nbd
  FROM small, (VALUES (1e-323::float8), (1e-308), (1e-100)) discount (d);
SELECT d, round((crm.residual_purchases(pareto, 2, 30, 39, 365, d) / crm.expected_purchases(pareto,
	2, 30, 39, 365))::numeric, 9) AS pareto,
	   round((crm.residual_purchases(bg, 2, 30, 39, 365, d) / crm.expected_purchases(bg, 2, 30, 39,
		365))::numeric, 9) AS bg,
	   round((crm.residual_purchases(regular, 2, 30, 39, 365, d) / crm.expected_purchases(regular,
		2, 30, 39, 365))::numeric, 9) AS regular,
	   round((crm.residual_purchases(bb, 2, 3, 6, 10000, d) / crm.expected_purchases(bb, 2, 3, 6,
		10000))::numeric, 9) AS bb,
	   round((crm.clv(mbg, spend, 2, 30, 39, 20, 365, d) / crm.clv(mbg, spend, 2, 30, 39, 20, 365,
		0))::numeric, 9) AS clv
  FROM small, (VALUES (1e-323::float8), (1e-308), (1e-20)) discount (d);
SELECT h, every(round(crm.purchase_probability_new(m, h, 0)::numeric, 15) = 1) AS none_new,
	every(round(crm.purchase_probability(m, 2, 30, 39, h, 0)::numeric, 15) = 1) AS none,
	   every(crm.purchase_probability(m, 2, 30, 39, h, 3) < 1e-290) AS three,
		every(crm.purchase_interval(m, 2, 30, 39, h, 0.9)::text = '(0,0)') AS quantiles,
	   every(crm.expected_purchases(m, 2, 30, 39, h) < 1e-298) AS expected,
		every(crm.p_alive(m, 2, 30, 39, h) = crm.p_alive(m, 2, 30, 39)) AS alive
  FROM small, unnest(ARRAY[pareto, bg, mbg, nbd, regular]) m,
	(VALUES (0::float8), (1e-323), (1e-308), (2.2250738585072014e-308), (1e-300)) horizon (h)
	GROUP BY h ORDER BY h;
SELECT k, every(crm.purchase_probability(m, 2, 30, 39, 1e12, k) BETWEEN 0 AND 1) AS longest,
	every(crm.purchase_probability(m, 2, 30, 39, 1e-323, k) BETWEEN 0 AND 1) AS shortest
  FROM small, unnest(ARRAY[pareto, bg, mbg, nbd, regular]) m,
	(VALUES (0), (1), (1000), (1000000000000)) count (k) GROUP BY k ORDER BY k;
/* Time to a large power. */
SELECT c, crm.survival(m, 1000) BETWEEN 0 AND 1 AS survival,
	crm.retention_rate(m, 1000) BETWEEN 0 AND 1 AS retention,
	crm.residual_value(m, 1000, 0.1) BETWEEN 10 AND 11 AS residual,
	   crm.log_likelihood(m, 1000, false) < 0 AS likelihood
  FROM (VALUES (100), (1e3), (1e6), (1e10)) power (c),
	LATERAL (SELECT crm.make_model('bdw', NULL, ARRAY[0.01 / c, 3.806, c]) AS m) model;
/* A negative discount raises every value. */
SELECT bool_and(crm.clv(m, spend, 2, 30, 39, 20, 365, -0.5) > 1.05 * crm.clv(m, spend, 2, 30, 39,
	20, 365, 0)) AS raised,
	   bool_and(abs(crm.clv(m, spend, 2, 30, 39, 20, 365, -1e-308) / crm.clv(m, spend, 2, 30, 39,
		20, 365, 0) - 1) < 1e-12) AS by_nothing
  FROM small, unnest(ARRAY[pareto, bg, mbg, nbd]) m;
/* What leaves no digit of an answer is an error, not a number. */
SELECT crm.residual_purchases(crm.make_model('bg_cnbd_k', 'day', '{0.001,4.4,0.8,2.4,3}'), 0, 0, 0,
	discount => 1e-308);
SELECT crm.clv(bg, spend, 3, 0, 0, 20, 10000, -0.974)
	FROM (SELECT crm.make_model('mbg_nbd', 'day', '{0.000001,0.000001,1e9,2}'), spend
	FROM small) s (bg, spend);
/* An answer that takes tenths of a second can be stopped. */
SET statement_timeout = '10ms';
SELECT crm.residual_purchases(crm.make_model('bg_cnbd_k', 'day', '{1e9,1e-9,20,0.02,12}'), 0, 0, 0,
	1e6, 1e-8);
RESET statement_timeout;

/* The margin scales an estimate and its interval; a loss turns the interval around. */
WITH model AS MATERIALIZED (
	SELECT crm.fit_purchases('mbg_nbd', 'day', x, t_x, t) AS mbg,
		crm.fit_spend(x, mean_amount) AS spend
	  FROM customer)
SELECT round((e.value / whole.value)::numeric, 12) AS value,
	   round((e.std_error / whole.std_error)::numeric, 12) AS std_error,
	   round((e.low / whole.low)::numeric, 12) AS low, round((e.high / whole.high)::numeric,
		12) AS high,
	   loss.low < loss.value AND loss.value < loss.high AND loss.high < 0 AS loss, nothing.*,
	   crm.clv_estimate(mbg, spend, 3, 60, 100, 60, 100, margin => 'Infinity') IS NULL AS not_finite
  FROM model, crm.clv_estimate(mbg, spend, 3, 60, 100, 60, 100, 0.1) AS whole,
	   crm.clv_estimate(mbg, spend, 3, 60, 100, 60, 100, 0.1, 0.4) AS e,
	   crm.clv_estimate(mbg, spend, 3, 60, 100, 60, 100, 0.1, -0.4) AS loss,
	   crm.clv_estimate(mbg, spend, 3, 60, 100, 60, 100, 0.1, 0) AS nothing;

/*
 * The defaults of modifiers: all time, a discount of 10 percent, the whole
 * revenue, a level of 90 percent (an interval) or 95 percent (an estimate).
 */
CREATE TEMP TABLE given AS
SELECT crm.make_model('mbg_nbd', 'week', '{0.525,6.183,0.891,1.614}') AS m,
	   crm.make_model('gamma_gamma', NULL, '{6.25,3.74,15.44}') AS s,
	   crm.history_agg(day, amount) AS h
  FROM (VALUES (date '1997-10-01', 20), ('1998-01-05', 30), ('1998-05-05', 44)) AS v (day, amount);
SELECT crm.residual_purchases(m, 2, 20, 40)
	   = crm.residual_purchases(m, 2, 20, 40, 'Infinity', 0.1) AS residual,
	   crm.residual_purchases(m, 2, 20, 40, 52)
	   = crm.residual_purchases(m, 2, 20, 40, 52, 0.1) AS finite,
	   crm.purchase_interval(m, 2, 20, 40, 52)
	   = crm.purchase_interval(m, 2, 20, 40, 52, 0.9) AS interval,
	   crm.purchase_interval(m, h, '1998-06-30', 365)
	   = crm.purchase_interval(m, h, '1998-06-30', 365, 0.9) AS interval_in_days,
	   crm.clv(m, s, h, '1998-06-30') = crm.clv(m, s, h, '1998-06-30', NULL, 0.1, 1) AS clv,
	   crm.clv(m, s, 2, 20, 40, 37) = crm.clv(m, s, 2, 20, 40, 37, 'Infinity', 0.1,
		1) AS clv_in_numbers,
	   crm.clv_estimate(m, s, h, '1998-06-30')
	   = crm.clv_estimate(m, s, h, '1998-06-30', NULL, 0.1, 1, 0.95) AS estimate,
	   crm.clv_estimate(m, s, 2, 20, 40, 37)
	   = crm.clv_estimate(m, s, 2, 20, 40, 37, 'Infinity', 0.1, 1, 0.95) AS estimate_in_numbers
  FROM given;

/*
 * Estimates of a history are those of its numbers. There is no answer before
 * the first purchase.
 */
SELECT crm.p_alive_estimate(mbg, h, '1998-06-30')
	   = crm.p_alive_estimate(mbg, 2, 216, 272) AS alive,
	   crm.p_alive_estimate(mbg, h, '1998-06-30', 0.5)
	   = crm.p_alive_estimate(mbg, 2, 216, 272, 0.5) AS alive_level,
	   crm.expected_purchases_estimate(mbg, h, '1998-06-30', 90)
	   = crm.expected_purchases_estimate(mbg, 2, 216, 272, 90) AS purchases,
	   crm.expected_purchases_estimate(mbg, h, '1998-06-30', 90, 0.5)
	   = crm.expected_purchases_estimate(mbg, 2, 216, 272, 90, 0.5) AS purchases_level
  FROM fitted, given;
SELECT crm.p_alive_estimate(mbg, h, '1997-09-30') IS NULL AS alive,
	   crm.p_alive(mbg, h, '1997-09-30', 10) IS NULL AS alive_after,
	   crm.expected_purchases_estimate(mbg, h, '1997-09-30', 90) IS NULL AS purchases,
	   crm.residual_lifetime(mbg, h, '1997-09-30') IS NULL AS lifetime,
	   crm.purchase_probability(mbg, h, '1997-09-30', 30, 1) IS NULL AS probability,
	   crm.purchase_interval(mbg, h, '1997-09-30', 30) IS NULL AS interval,
	   crm.clv_estimate(m, s, h, '1997-09-30') IS NULL AS value,
	   crm.clv_estimate(m, s, NULL::crm.history, '1998-06-30') IS NULL AS no_history
  FROM fitted, given;

/* Without purchases nothing was observed, which is certain. */
SELECT crm.log_likelihood(s, 0, 0) AS nothing,
	round(crm.log_likelihood(s, 2, 30)::numeric, 6) AS two
  FROM given;
SELECT crm.log_likelihood(s, 2, 0) FROM given;
SELECT crm.residual_value(crm.make_model('sbg', NULL, '{0.764,1.296}'), 3, 0) AS endless;

/* Errors of arguments */
SELECT crm.p_alive_estimate(m, 2, 20, 40, 1) FROM given;
SELECT crm.p_alive_estimate(m, 2, 20, 40, 0) FROM given;
SELECT crm.residual_purchases(m, 2, 20, 40, 52, -0.1) FROM given;
SELECT crm.residual_purchases(m, 2, 20, 40, 52, 'NaN') FROM given;
SELECT crm.clv(m, s, 2, 20, 40, 37, 52, 0.1, 1e9) FROM given;
SELECT crm.make_model('mbg_nbd', 'week', '{{0.5,6},{0.8,1.6}}');
SELECT '{"kind": "mbg_nbd", "parameters": {"r": 0.5, "alpha": 6, "a": 1, "b": 2}}'::crm.model;
SELECT crm.fit_renewals(kind, 2, true) FROM (VALUES ('sbg'), ('sg')) AS v (kind);
SELECT crm.purchase_probability(crm.make_model('bg_bb', NULL, '{1.204,0.75,0.657,2.783}'),
	2, 4, 6, 1e9, 1);
SELECT crm.likelihood_ratio_test(a, b)
  FROM (SELECT crm.fit_purchases('nbd', 'day', x, t_x, t) FILTER (WHERE i <= 300) AS a,
			   crm.fit_purchases('pareto_nbd', 'day', x, t_x, t) FILTER (WHERE i <= 299) AS b
		  FROM customer) AS f;
SELECT crm.likelihood_ratio_test(a, b)
  FROM (SELECT crm.fit_purchases('nbd', 'day', x, t_x, t) FILTER (WHERE i <= 300) AS a,
			   crm.fit_purchases('pareto_nbd', 'week', x, t_x / 7, t / 7)
				FILTER (WHERE i <= 300) AS b
		  FROM customer) AS f;

/* The formula for all time against differences over 300 years, which are as long. */
SELECT abs(e.value / far.value - 1) < 1e-9 AS value,
	   abs(e.std_error / far.std_error - 1) < 1e-6 AS std_error
  FROM fitted, crm.clv_estimate(bg, spend, 3, 60, 100, 60) AS e,
	   crm.clv_estimate(bg, spend, 3, 60, 100, 60, 115000) AS far;

/* More refusals: of customers who show nothing, of sums, of models that contradict each other. */
\set regular 'crm.make_model(''bg_cnbd_k'', ''week'', ''{0.8,9,0.793,2.426,3}'')'
SELECT crm.fit_purchases('nbd', 'week', 0, 0, 0) FROM generate_series(1, 10);
SELECT crm.fit_purchases('nbd', 'week', 1, 0, 0) FROM generate_series(1, 10);
SELECT crm.fit_purchases('bg_cnbd_k', 'week', 1e9::bigint, 1e12, 1e12, 6e9, 1e12::bigint);
SELECT crm.fit_purchases('bg_cnbd_k', 'week', 1e9::bigint, 1e12, 1e12, 6e9, 1e8::bigint)
  FROM generate_series(1, 20);
SELECT crm_internal.drawn_margin('[["2025-01-01",1,20]]', '[["2025-01-01",1,5]]', '2025-06-30',
	'{0.4}');
SELECT crm.fit_renewals('sbg', 0, false) FROM generate_series(1, 10);
SELECT crm.fit_spend(1, 10, 600000000000) FROM generate_series(1, 2);
SELECT crm.log_likelihood(:regular, 2, 4, 10);
SELECT crm.log_likelihood(:regular, 2, 4, 10, 5);
SELECT crm.log_likelihood(:regular, 0, 0, 10, 1);
SELECT crm.log_likelihood(:regular, 2, 4, 10, 1) < 0
	AS known;
SELECT crm.likelihood_ratio_test(jsonb_set(a, '{log_likelihood}', '0'), b)
  FROM (SELECT crm.fit_purchases('nbd', 'day', x, t_x, t) AS a,
			   crm.fit_purchases('pareto_nbd', 'day', x, t_x, t) AS b
		  FROM customer) AS f;

/* Questions that differ in one thing alone have answers of their own, also where they meet in the
 * memo of a query. */
SELECT count(DISTINCT by_horizon) AS by_horizon, count(DISTINCT by_discount) AS by_discount,
	   count(DISTINCT by_x) AS by_x, count(DISTINCT by_t_x) AS by_t_x, count(DISTINCT by_t) AS by_t
  FROM crm.make_model('bg_nbd', 'week', '{0.243,4.414,0.793,2.426}') AS bg,
	   crm.make_model('bg_cnbd_k', 'week', '{0.8,9,0.793,2.426,2}') AS regular,
	   generate_series(1, 2000) AS n,
	   LATERAL (SELECT crm.expected_purchases(bg, 3, 20, 30, n * 0.01) AS by_horizon,
		crm.residual_purchases(bg, 3, 20, 30, 10, n * 0.0001) AS by_discount,
		crm.expected_purchases(bg, n, 20, 30, 10) AS by_x,
		crm.expected_purchases(regular, 3, 20 + n * 0.001, 30, 10) AS by_t_x,
		crm.expected_purchases(bg, 3, 20, 30 + n * 0.01, 10) AS by_t) AS a;

/* What a view asks of a risk: without a model of spend, a discount or an end there is no value. */
SELECT days, yearly_discount, has_spend, round(r.p_churn::numeric, 6) AS p_churn,
	   round(r.clv::numeric, 6) AS clv
  FROM (VALUES (365, 0.1, true), (365, 0.1, false), (365, NULL, true), (365, -0.1, true),
			   (NULL, 0.1, true), (NULL, -0.1, true)) AS v (days, yearly_discount, has_spend),
	   crm_internal.risk_answers(crm.make_model('bg_nbd', 'week', '{0.24,4.4,0.8,2.4}'),
			CASE WHEN has_spend THEN crm.make_model('gamma_gamma', NULL, '{6.25,3.74,15.45}') END,
			'[["2025-01-01",1,10],["2025-02-01",1,12]]', '2025-03-01', days, yearly_discount,
			NULL, NULL) AS r;
SELECT crm.clv(bg, spend, 1, 4, 8, 12, horizon, -0.1) IS NULL AS has_no_end
  FROM (SELECT crm.make_model('bg_nbd', 'week', '{0.24,4.4,0.8,2.4}') AS bg,
			   crm.make_model('gamma_gamma', NULL, '{6.25,3.74,15.45}') AS spend) AS models,
	   unnest('{52,Infinity}'::float8[]) AS horizon;
