/* What the models need of everyone: x, t_x, t in weeks, mean repeat amount. */
\if :plain
:measure
SELECT customer, count(DISTINCT day) - 1 AS x, (max(day) - min(day)) / 7.0::float8 AS t_x,
	   (date :'as_of' - min(day)) / 7.0::float8 AS t,
	   sum(amount) FILTER (WHERE day > first_day) / nullif(count(DISTINCT day) - 1,
		0) AS mean_amount
  FROM (SELECT customer, day, amount, first_value(day) OVER (PARTITION BY customer
	ORDER BY day) AS first_day
		  FROM orders
		 WHERE day <= :'as_of') AS purchase
 GROUP BY customer;
\else
:measure
SELECT customer, crm.repeat_purchases(history, :'as_of', 'week')
  FROM customers;
\endif
