/*
 * Growth accounting by month with its revenue: the view of a workspace, beside the self-join of
 * active months.
 */
\if :plain
:measure
WITH active AS MATERIALIZED (
	SELECT customer, date_trunc('month', day)::date AS month, sum(amount) AS revenue
	  FROM orders WHERE day <= :'as_of' GROUP BY 1, 2
), cohort AS MATERIALIZED (
	SELECT customer, min(month) AS cohort FROM active GROUP BY customer
)
SELECT coalesce(a.month, (b.month + interval '1 month')::date) AS month,
	   count(a.month) AS active,
	   count(*) FILTER (WHERE a.month = c.cohort) AS new_customers,
	   count(*) FILTER (WHERE b.month IS NOT NULL AND a.month IS NOT NULL) AS stayed,
	   count(*) FILTER (WHERE b.month IS NULL AND a.month > c.cohort) AS resurrected,
	   count(*) FILTER (WHERE a.month IS NULL) AS dormant,
	   sum(a.revenue) AS revenue
  FROM active a FULL JOIN active b ON b.customer = a.customer
	AND a.month = (b.month + interval '1 month')::date
  JOIN cohort c ON c.customer = coalesce(a.customer, b.customer)
 WHERE coalesce(a.month, (b.month + interval '1 month')::date) <= :'as_of'
 GROUP BY 1
 ORDER BY 1;
\else
SET crm.as_of = :'as_of';
:measure
SELECT period, active, new_customers, stayed, resurrected, dormant, revenue FROM sales.growth;
\endif
