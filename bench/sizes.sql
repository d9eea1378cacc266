/* How much there is, and how large it is. */
SELECT format('%s orders, %s; histories of %s customers, %s: %s times smaller',
			  to_char((SELECT count(*) FROM orders), 'FM999,999,999,990'),
				pg_size_pretty(pg_table_size('orders')),
			  to_char((SELECT count(*) FROM customers), 'FM999,999,999,990'),
				pg_size_pretty(pg_table_size('customers')),
			  round(pg_table_size('orders')::numeric / pg_table_size('customers'), 1));

SELECT format('x, t_x, t of the models: %s distinct of %s', to_char(count(*), 'FM999,999,999,990'),
			  to_char(sum(n), 'FM999,999,999,990'))
  FROM (SELECT count(*) AS n FROM summaries GROUP BY x, t_x, t) AS distinct_rows;
