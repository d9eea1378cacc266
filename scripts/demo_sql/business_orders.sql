/*
 * business_orders.sql
 *
 * What was sold: products, orders with their lines, refunds, contracts, and the
 * opportunities that became orders or did not.
 *
 * Temporary tables: placed (orders before their lines), price, line, sale (the
 * orders with their hour, key and amount).
 */
CREATE FUNCTION pg_temp.hour(uniform float8) RETURNS interval
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN interval '8 hours' + floor(uniform * 780) * interval '1 minute';

/* Some orders were tried before, and cancelled. The amount is what the customer meant to spend. */
CREATE TEMPORARY TABLE placed AS
SELECT order_id, key, customer, at, amount, status, nth,
	   CASE WHEN nth = 1 THEN met.campaign_id WHEN lot < 0.5 THEN letter.campaign_id END
		AS campaign_id,
	   CASE WHEN nth = 1 AND met.channel = 'referral' AND lot < 0.6 THEN 'FRIEND'
			WHEN nth > 1 AND lot < 0.35 THEN coupon.coupon END AS coupon
  FROM (SELECT row_number() OVER (ORDER BY at, key) AS order_id, key, customer, at, amount,
			   CASE WHEN key < 0 THEN 'cancelled' ELSE 'paid' END AS status,
			   row_number() OVER (PARTITION BY customer, key < 0 ORDER BY at, key) AS nth,
			   pg_temp.uniform(key, 203) AS lot
		  FROM (SELECT key, customer, day + pg_temp.hour(pg_temp.uniform(key, 200)) AS at, amount
				  FROM orders WHERE amount > 0
				 UNION ALL
				SELECT - key, customer,
					   day + pg_temp.hour(pg_temp.uniform(key, 200)) - interval '7 minutes', amount
				  FROM orders WHERE amount > 0 AND pg_temp.uniform(key, 201) < 0.015) AS tried) AS o
  JOIN met ON met.id = customer
  LEFT JOIN letter ON letter.id = customer AND NOT is_control
	AND at >= sent_at AND at < sent_at + interval '30 days'
  LEFT JOIN coupon ON coupon.campaign_id = letter.campaign_id;

/*
 * A product has one price, which rises in February 2025. Prices are in cents. The
 * higher the rank, the higher the price.
 */
CREATE FUNCTION pg_temp.price(category int, product_rank int, is_risen boolean) RETURNS int
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN 10 * round((ARRAY[69, 149, 329, 749, 1690])[product_rank] * (0.8 + 0.05 * category)
		* CASE WHEN is_risen THEN 1.06 ELSE 1 END)::int;

CREATE TEMPORARY TABLE price AS
SELECT category, product_rank, category * 5 + product_rank AS product_id,
	   pg_temp.price(category, product_rank, false) AS before,
	   pg_temp.price(category, product_rank, true) AS after,
	   pg_temp.price(category, product_rank, false) * (0.46 + 0.03 * category)::float8 AS cost
  FROM generate_series(0, 7) AS category, generate_series(1, 5) AS product_rank;

INSERT INTO product (product_id, code, name, category, rank, list_price, unit_cost)
SELECT product_id, 'P' || product_id, category_name || ' ' || rank_name, category_name,
	   product_rank, after * 0.01, round(cost::numeric) * 0.01
  FROM price,
	   LATERAL (SELECT (ARRAY['Kitchen', 'Garden', 'Textiles', 'Lighting', 'Tools', 'Storage',
							  'Bath', 'Toys'])[category + 1] AS category_name,
					   (ARRAY['Basic', 'Plus', 'Comfort', 'Premium', 'Master'])[product_rank]
						AS rank_name) AS named
 UNION ALL
VALUES (41, 'P41', 'Care plan', 'Service', 1, 10.49, 3.20),
	   (42, 'P42', 'Care plan Pro', 'Service', 2, 26.39, 9.10)
 ORDER BY 1;

/*
 * One to three lines for about the amount. A customer buys mostly from a few
 * categories, gardens from March to June, and toys before Christmas. The second
 * line is often what goes with the first one, as tools with gardens.
 */
CREATE TEMPORARY TABLE line AS
WITH meant AS MATERIALIZED (
	SELECT order_id, key, coupon IS NOT NULL AS has_coupon, (100 * amount)::int AS cents,
		   at >= '2025-02-01' AS is_risen, floor(8 * pg_temp.uniform(customer, 206))::int AS taste,
		   pg_temp.uniform(key, 204) AS lot, 0.3 + 0.2 * pg_temp.uniform(key, 205) AS share,
		   CASE WHEN pg_temp.uniform(key, 234) > 0.3 THEN NULL
				WHEN date_part('month', at) BETWEEN 3 AND 6 THEN 1
				WHEN date_part('month', at) > 10 THEN 7 END AS season
	  FROM placed
), split AS MATERIALIZED (
	SELECT *, CASE WHEN cents < 1400 OR lot > 0.4 THEN 1 WHEN lot > 0.12 THEN 2 ELSE 3 END AS lines,
		   coalesce(season, (taste + floor(4 * pg_temp.uniform(key * 4 + 1, 207)
			* pg_temp.uniform(key * 4 + 1, 208)))::int % 8) AS first_category
	  FROM meant
), bought AS MATERIALIZED (
	SELECT order_id, key, line_no, is_risen, has_coupon OR offer < 0.15 AS is_offer,
		   CASE WHEN line_no < lines THEN share * cents ELSE cents * (1 - share * (lines - 1)) END
			/ CASE WHEN choice < 0.7 THEN 1 WHEN choice < 0.9 THEN 2 ELSE 3 END AS unit,
		   CASE WHEN choice < 0.7 THEN 1 WHEN choice < 0.9 THEN 2 ELSE 3 END AS units,
		   CASE WHEN line_no = 1 THEN first_category
				WHEN line_no = 2 AND pg_temp.uniform(key, 235) < 0.5
				THEN (ARRAY[2, 4, 0, 5, 1, 3, 2, 5])[first_category + 1]
				ELSE (taste + floor(4 * choice * offer))::int % 8 END AS category
	  FROM split, generate_series(1, lines) AS line_no,
		   LATERAL (SELECT pg_temp.uniform(key * 4 + line_no, 207) AS choice,
						   pg_temp.uniform(key * 4 + line_no, 208) AS offer) AS drawn
), chosen AS MATERIALIZED (
	SELECT *, greatest(width_bucket(unit / (0.8::float8 + 0.05::float8 * category),
									ARRAY[690, 1490, 3290, 7490, 16900]::float8[]), 1)
		AS product_rank
	  FROM bought
)
SELECT order_id, key, line_no, product_id, c.category, quantity, unit_price,
	   CASE WHEN is_offer THEN quantity * unit_price / 10 ELSE 0 END AS discount,
	   round(cost + before * 0.04::float8 * pg_temp.uniform(key * 4 + line_no, 209))::int
		AS unit_cost
  FROM chosen AS c
  JOIN price ON price.category = c.category AND price.product_rank = c.product_rank,
	   LATERAL (SELECT greatest(round(unit * units / before), 1)::int AS quantity,
					   CASE WHEN is_risen THEN after ELSE before END AS unit_price) AS sold;

/* The amount of an order is that of its lines from here on. */
CREATE TEMPORARY TABLE sale AS
SELECT order_id, key, customer, at, revenue * 0.01 AS amount, placed.amount AS meant, status, nth,
	   campaign_id, coupon
  FROM placed
  JOIN (SELECT order_id, sum(quantity * unit_price - discount) AS revenue
		  FROM line GROUP BY order_id) AS bill USING (order_id);
CREATE UNIQUE INDEX ON sale (key);
CREATE INDEX ON sale (customer, at);
ANALYZE sale, line;

INSERT INTO sales_order (order_id, customer_id, ordered_at, status, channel, campaign_id, coupon)
SELECT order_id, customer, at, status,
	   pg_temp.pick(pg_temp.uniform(key, 202), 'web', 'web', 'web', 'app', 'store'), campaign_id,
	   coupon
  FROM sale
 ORDER BY order_id;

INSERT INTO sales_order_line (order_id, line_no, product_id, quantity, unit_price, discount,
	unit_cost)
SELECT order_id, line_no, product_id, quantity, unit_price * 0.01, discount * 0.01, unit_cost * 0.01
  FROM line
 ORDER BY order_id, line_no;

/* Goods that come back whole are mostly worth their cost; half is a reduction. */
INSERT INTO refund (refund_id, order_id, line_no, refunded_at, quantity, amount, cost_recovered,
	reason)
SELECT row_number() OVER (ORDER BY back.day, sale.order_id), sale.order_id,
	CASE WHEN lines = 1 THEN 1 END,
	   back.day + pg_temp.hour(pg_temp.uniform(back.key, 210)), CASE WHEN whole THEN quantity
		ELSE 0 END, CASE WHEN whole THEN sale.amount ELSE round(sale.amount / 2, 2) END,
	   CASE WHEN whole AND pg_temp.uniform(back.key, 211) < 0.8 THEN cost ELSE 0 END,
	   CASE WHEN whole AND pg_temp.is_late(back.key, at::date) THEN 'late'
			WHEN whole THEN pg_temp.pick(pg_temp.uniform(back.key, 212), 'changed mind',
		'wrong size', 'damaged', 'late')
			ELSE 'reduced for a defect' END
  FROM orders AS back
  JOIN sale USING (key),
	   LATERAL (SELECT - back.amount = sale.meant AS whole) AS extent,
	   LATERAL (SELECT count(*) AS lines, sum(quantity) AS quantity,
		sum(round(quantity * unit_cost, 2)) AS cost
				  FROM sales_order_line AS l WHERE l.order_id = sale.order_id) AS content
 WHERE back.amount < 0;

/* A year each, renewed three times of four; the last one may be cancelled. */
INSERT INTO contract (contract_id, customer_id, product_id, starts_on, ends_on, monthly_amount,
	cancelled_on,
					  cancel_reason, renews_id)
SELECT contract_id, customer, product_id, starts_on,
	coalesce(cancelled_on, (starts_on + interval '1 year')::date),
	monthly_amount,
	   cancelled_on, CASE WHEN pg_temp.is_dearer(cancelled_on)
								AND pg_temp.uniform(customer, 217) < 0.4 THEN 'price'
						  WHEN cancelled_on IS NOT NULL THEN
							   pg_temp.pick(pg_temp.uniform(customer, 218), 'price', 'not used',
								'competitor') END,
	   lag(contract_id) OVER (PARTITION BY customer ORDER BY term)
  FROM (SELECT row_number() OVER (ORDER BY starts_on, customer) AS contract_id, customer, term,
	starts_on, product_id,
			   round(price * 1.04 ^ term
				* CASE WHEN starts_on >= '2025-02-01' THEN 1.06 ELSE 1 END, 2) AS monthly_amount,
			   CASE WHEN term = terms
				AND left_on <= '2025-12-31' THEN left_on END AS cancelled_on
		  FROM (SELECT customer, date_trunc('month', at + interval '1 month')::date AS since,
					   floor(ln(pg_temp.uniform(customer, 214)) / ln(0.75))::int AS terms,
					   pg_temp.uniform(customer, 215) < 0.3 AS is_pro,
					   pg_temp.uniform(customer, 216) AS leaving
				  FROM sale WHERE nth = 3 AND key > 0 AND pg_temp.uniform(customer,
					213) < 0.14) AS subscriber
		 CROSS JOIN LATERAL generate_series(0, terms) AS term
		 CROSS JOIN LATERAL (SELECT (since + term * interval '1 year')::date AS starts_on) AS begins
		 CROSS JOIN LATERAL (SELECT CASE WHEN leaving < 0.4 THEN
									(starts_on + (1 + floor(25 * leaving))
										* interval '1 month')::date END AS left_on) AS ends,
			   LATERAL (SELECT 41 + is_pro::int AS product_id, CASE WHEN is_pro THEN 24.90
				ELSE 9.90 END AS price) AS plan
		 WHERE starts_on <= '2025-12-31') AS run;

/*
 * Opportunities of organizations. The first order of an organization, and
 * some large ones later, were won in three steps; as many were lost. With an
 * organization that never bought, one is open or lost.
 */
CREATE TEMPORARY TABLE chance AS
SELECT row_number() OVER (ORDER BY created_at, id, ends_at) AS opportunity_id, chance.*
  FROM (SELECT id, CASE WHEN nth = 1 THEN 'new' ELSE pg_temp.pick(pg_temp.uniform(key, 220),
	'cross_sell', 'up_sell') END AS kind,
			   CASE WHEN nth = 1 THEN met_on + time '06:30' ELSE at - pg_temp.wait('12 days',
				pg_temp.uniform(key, 221)) - interval '1 day' END AS created_at,
			   at AS ends_at, 'won' AS result, amount, met.campaign_id, order_id
		  FROM sale JOIN met ON id = customer
		 WHERE is_organization AND key > 0
			AND (nth = 1 OR amount > 100 AND pg_temp.uniform(key, 222) < 0.15)
		 UNION ALL
		SELECT id, pg_temp.pick(pg_temp.uniform(key, 223), 'cross_sell', 'up_sell'),
			at + interval '1 day',
			   at + interval '8 days' + pg_temp.wait('40 days', pg_temp.uniform(key, 224)), 'lost',
				1.5 * amount, NULL, order_id
		  FROM sale JOIN met ON id = customer
		 WHERE is_organization AND key > 0 AND amount > 80 AND pg_temp.uniform(key, 225) < 0.12
		 UNION ALL
		SELECT id, 'new', met_on + time '06:30', met_on + time '18:00' + pg_temp.wait('90 days',
			pg_temp.uniform(id, 226)),
			   'lost', round((60 / pg_temp.uniform(id, 227) ^ 0.5)::numeric, 2), campaign_id, NULL
		  FROM met WHERE is_organization AND first_on IS NULL
			AND pg_temp.uniform(id, 228) < 0.7) AS chance
 WHERE created_at <= '2025-12-31 20:00';

INSERT INTO opportunity (opportunity_id, customer_id, contact_id, name, kind, product_id, owner,
	campaign_id, created_at,
						 expected_close_on, lost_reason, competitor)
SELECT opportunity_id, id, person.contact_id,
	initcap(replace(chance.kind, '_', '-')) || ' ' || customer.name,
	   chance.kind, product_id, owner, campaign_id, chance.created_at,
		(chance.created_at + interval '30 days')::date,
	   reason, CASE WHEN reason = 'competitor'
			THEN pg_temp.pick(pg_temp.uniform(opportunity_id, 230), 'Nordhaus', 'Casabella') END
  FROM chance
  JOIN customer ON customer_id = id
  LEFT JOIN (SELECT customer_id, max(contact_id) AS contact_id FROM contact
	GROUP BY customer_id) AS person USING (customer_id)
  LEFT JOIN line ON line.order_id = chance.order_id AND line_no = 1,
	   LATERAL (SELECT CASE WHEN result = 'won' OR ends_at > '2025-12-31 23:59' THEN NULL
					WHEN pg_temp.is_dearer(ends_at::date)
						AND pg_temp.uniform(opportunity_id, 233) < 0.4 THEN 'price'
					ELSE pg_temp.pick(pg_temp.uniform(opportunity_id, 229), 'price', 'no budget',
						'timing', 'competitor') END AS reason) AS outcome
 ORDER BY opportunity_id;

/* Amounts are guesses, and become better. */
INSERT INTO opportunity_log (opportunity_id, changed_at, stage, amount)
SELECT opportunity_id, created_at + (ends_at - created_at) * (step / steps),
	CASE WHEN step = steps THEN result
	ELSE (ARRAY['qualification', 'needs', 'proposal', 'negotiation'])[step + 1] END,
	   round((amount * (1 + 0.5 * (1 - step / steps) * (pg_temp.uniform(opportunity_id,
		232) - 0.3)))::numeric, 2)
  FROM chance,
	   LATERAL (SELECT 2 + floor(3 * pg_temp.uniform(opportunity_id, 231)) AS steps) AS length,
	   LATERAL generate_series(0, steps::int) AS step
 WHERE created_at + (ends_at - created_at) * (step / steps) <= '2025-12-31 23:59';
