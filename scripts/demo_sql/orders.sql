/*
 * orders.sql
 *
 * What there is: prints customers, period and money, and of an attached table
 * what was left out.
 */
SELECT format(E'  %s purchases of %s customers, %s to %s\n  revenue %s, %s',
			  to_char(count(*) FILTER (WHERE amount >= 0), 'FM999,999,999,990'),
			  to_char(count(DISTINCT customer_id) FILTER (WHERE amount >= 0), 'FM999,999,999,990'),
			  min(purchased_on), max(purchased_on),
			  to_char(sum(amount) FILTER (WHERE amount >= 0), 'FM999,999,999,999,990.00'),
			  CASE WHEN min(amount) < 0 THEN
					format('of which %s was given back (refunds: %s)',
						   to_char(-sum(amount) FILTER (WHERE amount < 0),
							'FM999,999,999,999,990.00'),
						   to_char(count(*) FILTER (WHERE amount < 0), 'FM999,999,999,990'))
				   ELSE 'no refunds' END)
  FROM purchase_at('infinity');

\if :attached
SELECT format('  rows left out: %s %s%s', to_char(count(*), 'FM999,999,999,990'), reason,
			  CASE WHEN sum(amount) <> 0
				THEN ' (net ' || to_char(sum(amount), 'FM999,999,999,999,990.00') || ')' END)
  FROM left_out
 GROUP BY reason
 ORDER BY count(*) DESC;

SELECT format('  customers with refunds only, not shown below: %s',
			  to_char(count(*), 'FM999,999,999,990'))
  FROM (SELECT FROM purchase_at('infinity') GROUP BY customer_id HAVING max(amount) < 0) AS refunded
HAVING count(*) > 0;
\endif
