/* How much there is, and how large it is: sentences of docs/performance.md. */
SELECT to_regclass('orders') IS NOT NULL AS has_orders \gset
\if :has_orders
SELECT format('%s orders of %s customers take %s. Their stored histories take %s: %s times less.',
			  to_char((SELECT count(*) FROM orders), 'FM999,999,999,990'),
			  to_char((SELECT count(*) FROM customers), 'FM999,999,999,990'),
			  pg_size_pretty(pg_table_size('orders')), pg_size_pretty(pg_table_size('customers')),
			  round(pg_table_size('orders')::numeric / pg_table_size('customers'), 1));
\else
SELECT format('The stored histories of %s customers take %s. They were made from those of a tenth.',
			  to_char((SELECT count(*) FROM customers), 'FM999,999,999,990'),
			  pg_size_pretty(pg_table_size('customers')));
\endif
SELECT format('Of their values x, t_x, t for the models, %s of %s are distinct.',
			  to_char(count(*), 'FM999,999,999,990'), to_char(sum(n), 'FM999,999,999,990'))
  FROM (SELECT count(*) AS n FROM summaries GROUP BY x, t_x, t) AS distinct_rows;
