/* Retention of all monthly cohorts over 12 months, and growth accounting by month. */
\if :plain
:measure
WITH active AS MATERIALIZED (
	SELECT DISTINCT customer, date_trunc('month', day)::date AS month FROM orders
		WHERE day <= :'as_of'
), cohort AS MATERIALIZED (
	SELECT customer, min(month) AS cohort FROM active GROUP BY customer
), retention AS (
	SELECT c.cohort, n, count(a.customer) AS retained
	  FROM cohort c, generate_series(0, 12) AS n, active a
	 WHERE a.customer = c.customer AND a.month = c.cohort + n * interval '1 month'
	 GROUP BY c.cohort, n
), growth AS (
	SELECT coalesce(a.month, (b.month + interval '1 month')::date) AS month,
		   count(*) FILTER (WHERE a.month = c.cohort) AS new,
		   count(*) FILTER (WHERE b.month IS NOT NULL AND a.month IS NOT NULL) AS stayed,
		   count(*) FILTER (WHERE b.month IS NULL AND a.month > c.cohort) AS resurrected,
		   count(*) FILTER (WHERE a.month IS NULL) AS dormant
	  FROM active a FULL JOIN active b ON b.customer = a.customer
		AND a.month = (b.month + interval '1 month')::date
	  JOIN cohort c ON c.customer = coalesce(a.customer, b.customer)
	 GROUP BY 1
)
SELECT (SELECT sum(retained) FROM retention) AS retained,
	   (SELECT sum(retained * n) FROM retention) AS retained_by_month,
	   sum(new) AS new, sum(stayed) AS stayed, sum(resurrected) AS resurrected,
	   sum(dormant) AS dormant
  FROM growth
 WHERE month <= :'as_of';
\else
:measure
SELECT crm.retention_agg(history, :'as_of', '2023-01-01', 12, 'month'),
	   crm.growth_agg(history, '2023-01-01', :'as_of'::date + 1, 'month')
  FROM customers;
\endif
