/* How far each customer comes in a funnel of three steps, beside ordered arrays of the steps. */
\if :plain
:measure
SELECT count(*), sum(cardinality(steps))
  FROM (SELECT customer, array_agg(kind ORDER BY at) AS steps FROM event GROUP BY customer) AS q;
\else
:measure
SELECT count(*), sum((funnel).level)
  FROM (SELECT customer,
			   crm.funnel_agg(at, ARRAY[kind = 'visit', kind = 'cart', kind = 'order'], '7 days')
				AS funnel
		  FROM event GROUP BY customer) AS q;
\endif
