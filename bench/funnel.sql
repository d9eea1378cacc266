/*
 * How far each customer comes in a funnel of three steps within seven days, beside window
 * functions: the start of a cart is the last visit before it, and the start of an order is the
 * latest start of a cart before it.
 */
\if :plain
:measure
SELECT count(*) AS customers, sum(level) AS levels
  FROM (SELECT customer,
			   max(CASE WHEN kind = 'order' AND at - cart_start <= '7 days' THEN 3
						WHEN kind = 'cart' AND at - visit <= '7 days' THEN 2
						WHEN kind = 'visit' THEN 1
						ELSE 0 END) AS level
		  FROM (SELECT customer, at, kind, visit,
					   max(visit) FILTER (WHERE kind = 'cart') OVER by_time AS cart_start
				  FROM (SELECT customer, at, kind,
							   max(at) FILTER (WHERE kind = 'visit') OVER by_time AS visit
						  FROM event
						WINDOW by_time AS (PARTITION BY customer ORDER BY at)) AS visited
				WINDOW by_time AS (PARTITION BY customer ORDER BY at)) AS started
		 GROUP BY customer) AS reached;
\else
:measure
SELECT count(*) AS customers, sum((funnel).level) AS levels
  FROM (SELECT customer,
			   crm.funnel_agg(at, ARRAY[kind = 'visit', kind = 'cart', kind = 'order'], '7 days')
				AS funnel
		  FROM event GROUP BY customer) AS q;
\endif
