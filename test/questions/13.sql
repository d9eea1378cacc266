/*
 * Is growth healthy: new, stayed, resurrected, dormant per month?
 *
 * Columns: period (first day of the month), new_customers, stayed, resurrected, dormant.
 *
 * A customer is active in a month with a purchase (paid order with lines) up to
 * the day. New: it is the month of the first purchase ever. Stayed: active in the
 * month before too. Resurrected: active before, but not in the month before.
 * Dormant: active in the month before and not in this one. The months run from the
 * first purchase of all to the month of the day, which counts up to the day.
 */
WITH active AS MATERIALIZED (
	SELECT customer_id, month FROM active_month -- setup/given.sql
), step AS (
	SELECT month,
		   lag(month) OVER (PARTITION BY customer_id ORDER BY month) AS before,
		   lead(month) OVER (PARTITION BY customer_id ORDER BY month) AS after,
		   (month + interval '1 month')::date AS next_month,
		   (month - interval '1 month')::date AS last_month
	  FROM active
), event AS (
	SELECT month, CASE WHEN before IS NULL THEN 'new' WHEN before = last_month THEN 'stayed'
				  ELSE 'resurrected' END AS kind
	  FROM step
	 UNION ALL
	SELECT next_month, 'dormant' FROM step WHERE after IS DISTINCT FROM next_month
)
SELECT m::date AS period, count(e.month) FILTER (WHERE kind = 'new') AS new_customers,
	   count(e.month) FILTER (WHERE kind = 'stayed') AS stayed,
	   count(e.month) FILTER (WHERE kind = 'resurrected') AS resurrected,
	   count(e.month) FILTER (WHERE kind = 'dormant') AS dormant
  FROM generate_series((SELECT min(month)::timestamp FROM active),
					   date_trunc('month', :'day'::timestamp), interval '1 month') AS m
  LEFT JOIN event e ON e.month = m::date
 GROUP BY m
 ORDER BY m;
