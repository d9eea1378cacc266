/*
 * business_care.sql
 *
 * What customers said and were told, and how they were rewarded:
 * interactions, cases, survey answers, points.
 */

/*
 * Before the first order: how the customer was met, and what came then. Those who
 * bought were touched more often than those who did not.
 */
CREATE TEMPORARY TABLE touch AS
SELECT id, met_on + time '06:00' AS at, CASE WHEN campaign_id IS NOT NULL THEN 'click'
	WHEN channel = 'referral' THEN 'form' ELSE 'view' END AS kind,
	   CASE channel WHEN 'referral' THEN 'web' WHEN 'direct' THEN 'web' ELSE channel END AS channel,
		'in' AS direction, campaign_id, NULL::bigint AS product_id
  FROM met
 UNION ALL
SELECT id, met_on + time '06:20' + (until - met_on - time '06:20') * pg_temp.uniform(id * 8 + n,
	300),
	   pg_temp.pick(pg_temp.uniform(id * 8 + n, 301), 'view', 'view', 'view', 'click', 'form',
		'call', 'cart'), 'web', 'in', NULL,
	   1 + floor(40 * pg_temp.uniform(id * 8 + n, 302))::int
  FROM met,
	   LATERAL (SELECT least(coalesce(first_on, met_on + 90) + time '07:59',
		'2025-12-31 20:00') AS until) AS period,
	   generate_series(1, CASE WHEN first_on IS NULL THEN floor(4 * pg_temp.uniform(id, 303) ^ 2)
						  ELSE floor(5 * pg_temp.uniform(id, 303) ^ 0.6) END::int) AS n
 UNION ALL /* a look at the product before an order, and the cart */
SELECT customer, at - CASE kind WHEN 'cart' THEN interval '9 minutes' ELSE pg_temp.wait('1 day',
	pg_temp.uniform(sale.key, 305)) + interval '10 minutes' END,
	   kind, 'web', 'in', NULL, product_id
  FROM sale JOIN line USING (order_id),
	LATERAL (VALUES ('view', 0.15), ('cart', 0.08)) AS step (kind, share)
 WHERE line_no = 1 AND pg_temp.uniform(sale.key, 306) < share AND (nth > 1 OR kind = 'cart')
 UNION ALL /* a cart that was left */
SELECT customer, at + pg_temp.wait('20 days', pg_temp.uniform(key, 350))
	   + CASE kind WHEN 'cart' THEN interval '10 minutes' ELSE interval '0' END, kind, 'web', 'in',
	   NULL, product_id
  FROM sale JOIN line USING (order_id, key), LATERAL (VALUES ('view'), ('cart')) AS step (kind)
 WHERE line_no = 1 AND pg_temp.uniform(key, 351) < 0.03
   AND at + pg_temp.wait('20 days', pg_temp.uniform(key, 350)) < '2025-12-31 20:00'
 UNION ALL /* newsletters, and what was left out for comparison */
SELECT id, sent_at, CASE WHEN is_control THEN 'control' ELSE 'mail' END, 'newsletter', 'out',
	   campaign_id, NULL
  FROM letter
 UNION ALL /* a click in a newsletter, and then the order */
SELECT customer, at - interval '20 minutes', 'click', 'newsletter', 'in', campaign_id, NULL
  FROM sale WHERE nth > 1 AND campaign_id IS NOT NULL AND key > 0
 UNION ALL /* visits and calls to organizations, once where nobody buys */
SELECT id, day + pg_temp.hour(pg_temp.uniform(id * 4096 + extract(doy FROM day)::int, 307)),
	   pg_temp.pick(pg_temp.uniform(id * 4096 + extract(doy FROM day)::int, 308), 'call', 'call',
		'visit', 'mail'), 'sales', 'out', NULL, NULL
  FROM met, LATERAL generate_series(met_on + 40 + (id % 50)::int,
		CASE WHEN first_on IS NULL THEN least(met_on + 120, date '2025-12-30')
			 ELSE date '2025-12-30' END, interval '110 days') AS day
 WHERE is_organization AND pg_temp.uniform(id, 309) < 0.7
 UNION ALL /* how to use what the care plan covers */
SELECT customer_id, starts_on + 14 + time '10:00', 'training', 'web', 'in', NULL, product_id
  FROM contract WHERE renews_id IS NULL AND starts_on < '2025-12-15';

INSERT INTO interaction (interaction_id, customer_id, contact_id, occurred_at, kind, channel,
	direction, campaign_id, product_id, topics)
SELECT interaction_id, id,
	CASE WHEN direction = 'out' THEN contact_id END, at, touch.kind, channel, direction,
	   campaign_id, product_id,
	   CASE WHEN touch.kind IN ('form', 'call', 'visit') THEN ARRAY[
			CASE WHEN pg_temp.is_dearer(at::date) AND pg_temp.uniform(interaction_id, 353) < 0.3
				 THEN 'price'
				 ELSE pg_temp.pick(pg_temp.uniform(interaction_id, 352), 'advice', 'delivery',
					'price', pg_temp.taste(id), pg_temp.taste(id), pg_temp.taste(id)) END] END
  FROM (SELECT row_number() OVER (ORDER BY at, id, kind) AS interaction_id, * FROM touch) AS touch
  LEFT JOIN (SELECT customer_id, max(contact_id) AS contact_id FROM contact
	GROUP BY customer_id) AS person ON customer_id = id
 ORDER BY 1;

/*
 * A refund was asked for in a case, solved as the money went back; other cases
 * follow an order by days, most of all an order that was late. While the warehouse
 * moved, answers took long and failed more often. What lies after the last day has
 * not happened yet.
 */
INSERT INTO service_case (case_id, customer_id, order_id, product_id, kind, priority, channel,
	topics, opened_at, first_response_at, resolved_at, due_at, reopened)
SELECT row_number() OVER (ORDER BY opened_at, order_id), customer, order_id, product_id, kind,
	   priority,
	   pg_temp.pick(pg_temp.uniform(asked.key, 310), 'mail', 'mail', 'phone', 'chat'), ARRAY[topic],
		opened_at,
	   CASE WHEN answered_at < '2026-01-01' THEN answered_at END,
		CASE WHEN solved_at < '2026-01-01' THEN solved_at END,
	   opened_at + priority * interval '2 days',
	   (pg_temp.uniform(asked.key, 311) < CASE WHEN slow > 1 THEN 0.2 ELSE 0.05 END)::int
  FROM (SELECT customer, order_id, sale.key, CASE WHEN reason LIKE 'reduced%' THEN 'complaint'
	ELSE 'return' END AS kind, 2 AS priority,
			   CASE WHEN reason = 'late' THEN 'delivery' ELSE 'product' END AS topic, opened_at,
			   opened_at + (refunded_at - opened_at) * pg_temp.uniform(sale.key,
				312) ^ 3 AS answered_at, refunded_at AS solved_at, 1 AS slow
		  FROM refund JOIN sale USING (order_id),
			   LATERAL (SELECT refunded_at - least((refunded_at - at) * 0.9,
				interval '1 day' + 4 * interval '1 day' * pg_temp.uniform(sale.key,
				313)) AS opened_at) AS asked
		 UNION ALL
		SELECT customer, order_id, key, kind, CASE kind WHEN 'complaint' THEN 1 ELSE 3 END,
			   CASE WHEN is_late THEN 'delivery'
					WHEN pg_temp.is_dearer(opened_at::date) AND pg_temp.uniform(key, 321) < 0.35
					THEN 'price'
					ELSE pg_temp.pick(pg_temp.uniform(key, 314), 'delivery', 'product', 'invoice',
						'care plan') END, opened_at, answered_at,
			   answered_at + slow * pg_temp.wait('30 hours', pg_temp.uniform(key, 316)), slow
		  FROM (SELECT *, pg_temp.is_late(key, at::date) AS is_late FROM sale
				WHERE key > 0) AS sold,
			   LATERAL (SELECT pg_temp.pick(pg_temp.uniform(key, 317),
							CASE WHEN is_late THEN 'complaint' ELSE 'question' END, 'question',
							CASE WHEN is_late THEN 'complaint' ELSE 'question' END, 'request',
							'complaint') AS kind,
							   at + pg_temp.wait('5 days',
								pg_temp.uniform(key, 318)) AS opened_at) AS asked,
			   LATERAL (SELECT CASE WHEN date_trunc('month', opened_at) = '2025-06-01'
							   THEN 5 ELSE 1 END AS slow) AS move,
			   LATERAL (SELECT opened_at + slow * pg_temp.wait('7 hours',
				pg_temp.uniform(key, 319)) AS answered_at) AS response
		 WHERE pg_temp.uniform(key, 320) < CASE WHEN is_late THEN 0.6 ELSE 0.02 END) AS asked
  LEFT JOIN line USING (order_id)
 WHERE opened_at < '2026-01-01' AND coalesce(line_no, 1) = 1;

/*
 * Satisfied customers are those who stay, and who had no trouble. Asked are some
 * after an order (csat), after a case (ces), every quarter (nps, the same tenth
 * of the customers each time), and as they came (need).
 */
CREATE TEMPORARY TABLE question AS
SELECT customer AS id, 'after delivery' AS survey, 'csat' AS measure,
	at + interval '7 days' AS sent_at, order_id, NULL::bigint AS case_id, 5 AS scale_max,
	CASE WHEN pg_temp.is_late(key, at::date) THEN -0.55 WHEN refund_id IS NOT NULL THEN -0.5
		 WHEN pg_temp.is_dearer(at::date) THEN -0.06
		 WHEN date_trunc('month', at) = '2025-06-01' THEN -0.1 ELSE 0 END AS mood,
	0.38 AS response,
	CASE WHEN pg_temp.is_late(key, at::date) THEN 'delivery'
		 WHEN refund_id IS NOT NULL THEN 'product'
		 WHEN pg_temp.is_dearer(at::date) AND pg_temp.uniform(key, 343) < 0.15
		 THEN 'price' END AS topic
  FROM sale LEFT JOIN refund USING (order_id)
 WHERE key > 0 AND pg_temp.uniform(key, 330) < 0.05
 UNION ALL
SELECT customer_id, 'after service', 'ces', resolved_at + interval '1 hour', order_id, case_id, 7,
	   CASE WHEN resolved_at > due_at THEN -0.35 ELSE 0 END, 0.3,
	   CASE WHEN resolved_at > due_at THEN 'waiting' END
  FROM service_case WHERE resolved_at IS NOT NULL AND pg_temp.uniform(case_id, 331) < 0.4
 UNION ALL
SELECT customer, 'quarterly', 'nps', wave + time '10:00', NULL, NULL, 10,
	   CASE WHEN last_on < wave + interval '45 days' AND last_on < '2025-10-15' THEN -0.25
			ELSE 0.05 END
		- CASE WHEN wave = '2025-07-15' THEN 0.07 WHEN wave = '2025-04-15' THEN 0.03 ELSE 0 END,
	   0.45,
	   CASE WHEN pg_temp.uniform(customer, 342) > 0.2 THEN NULL
			WHEN wave = '2025-07-15' THEN 'delivery' WHEN wave = '2025-04-15' THEN 'price' END
  FROM buyer, generate_series(timestamp '2023-01-15', '2025-10-15', '3 months') AS wave
 WHERE first_on < wave AND last_on > wave - interval '1 year'
	AND pg_temp.uniform(customer, 332) < 0.1
 UNION ALL
SELECT id, 'welcome', 'need', met_on + time '07:30', NULL, NULL, 10, 0, 0.6,
	   CASE WHEN pg_temp.uniform(id, 336) < 0.7 THEN pg_temp.taste(id)
			ELSE pg_temp.pick(pg_temp.uniform(id, 344), 'advice', 'delivery', 'price') END
  FROM met
 WHERE pg_temp.uniform(id, 333) < 0.06;

/* Some customers are always more content than others. */
INSERT INTO survey_answer (answer_id, customer_id, survey, measure, sent_at, answered_at, score,
	scale_max, topics, comment, order_id, case_id)
SELECT answer_id, id, survey, measure, sent_at, answered_at,
	   CASE WHEN answered_at IS NOT NULL
			THEN round(scale_max * least(greatest(0.3 + mood + 0.8 * (0.6 * pg_temp.uniform(id, 341)
				+ 0.4 * pg_temp.uniform(answer_id, 335)) ^ 0.4, 0), 1)) END,
	   scale_max, CASE WHEN answered_at IS NOT NULL AND topic IS NOT NULL THEN ARRAY[topic] END,
	   CASE WHEN answered_at IS NOT NULL AND topic IN ('delivery', 'waiting')
		AND measure <> 'need' AND pg_temp.uniform(answer_id, 337) < 0.2
		THEN 'It took too long.' END, order_id, case_id
  FROM (SELECT row_number() OVER (ORDER BY sent_at, id, measure, order_id) AS answer_id, *
	FROM question WHERE sent_at < '2026-01-01') AS numbered,
	   LATERAL (SELECT CASE WHEN pg_temp.uniform(answer_id, 338) < response
		AND sent_at + later < '2026-01-01' THEN sent_at + later END AS answered_at
				  FROM (SELECT pg_temp.wait('2 days',
					pg_temp.uniform(answer_id, 339)) AS later) AS delay) AS answer;

/*
 * One customer of two is a member: a point for each 10 of an order, to be
 * spent after 14 days and within a year, taken back with a refund. A member
 * pays with half of the points of a half-year that nobody took back, at the
 * first order of the next one.
 */
CREATE TEMPORARY TABLE earned AS
SELECT customer, order_id, at, floor(sale.amount / 10) AS points, refund_id, refunded_at,
	   2 * extract(year FROM at)::int + (extract(month FROM at) > 6)::int AS half
  FROM sale LEFT JOIN refund USING (order_id)
 WHERE key > 0 AND sale.amount >= 10 AND pg_temp.uniform(customer, 340) < 0.5;

INSERT INTO points_entry (entry_id, customer_id, occurred_at, kind, points, available_at,
	expires_at, order_id)
SELECT row_number() OVER (ORDER BY order_id), customer, at, 'earn', points, at + interval '14 days',
	at + interval '1 year', order_id FROM earned;

INSERT INTO points_entry (entry_id, customer_id, occurred_at, kind, points, order_id, refund_id,
	reverses_id, note)
SELECT (SELECT max(entry_id) FROM points_entry) + row_number() OVER (ORDER BY at, order_id), later.*
  FROM (SELECT customer, refunded_at AS at, 'reverse', - earned.points, order_id, earned.refund_id,
	entry_id, NULL
		  FROM earned JOIN points_entry USING (order_id)
		 WHERE earned.refund_id IS NOT NULL
		 UNION ALL
		SELECT spent.customer, spent.at, 'redeem', - floor(saved.points / 2), order_id, NULL, NULL,
			'discount on an order'
		  FROM (SELECT DISTINCT ON (customer, half) customer, half, at, order_id FROM earned
			ORDER BY customer, half, at) AS spent
		  JOIN (SELECT customer, half + 1 AS half, sum(points) AS points, max(at) AS last_at
				  FROM earned WHERE refund_id IS NULL GROUP BY customer, half) AS saved
					USING (customer, half)
		 WHERE saved.points >= 10 AND spent.at > saved.last_at + interval '14 days'
		 UNION ALL
		SELECT customer, min(at) + interval '1 year', 'adjust', 20, NULL, NULL, NULL,
			'a year with us'
		  FROM earned GROUP BY customer HAVING min(at) < '2024-12-31') AS later (customer, at, kind,
			points, order_id, refund_id, reverses_id, note);
