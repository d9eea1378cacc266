/*
 * growing.sql
 *
 * Growing: what is bought together and how many customers it can be offered to,
 * what is being sold to companies, and what the month to come will bring.
 */
SELECT :'dim' || format('  %-22s %-22s %7s %6s %9s', 'bought', 'with it', 'baskets', 'lift',
	'offers') || :'reset';

WITH offer AS (
	SELECT because_product_id, product_id, count(*) AS customers
	  FROM next_product WHERE kind = 'cross_sell' GROUP BY 1, 2
)
SELECT format('  %-22s %-22s %7s %6s %9s', product, with_product,
	to_char(both_baskets, 'FM999,990'), to_char(lift, 'FM990.0'),
	to_char(coalesce(customers, 0), 'FM999,990'))
  FROM product_affinity a
  LEFT JOIN offer o
	ON o.because_product_id = a.product_id AND o.product_id = a.with_product_id
 ORDER BY chi_square DESC NULLS LAST, a.product_id, a.with_product_id
 LIMIT 5;

SELECT E'\n' || :'dim' || format('  %-22s %7s %9s %9s %11s %8s', 'stage of selling', 'deals',
	'amount', 'weighted', 'went on', 'won') || :'reset';
SELECT format('  %-22s %7s %9s %9s %10s%% %7s%%', stage, to_char(sum(deals), 'FM999,990'),
	to_char(sum(amount), 'FM999,990'), to_char(sum(weighted), 'FM999,990'),
	to_char(100 * sum(advanced) / nullif(sum(closed), 0), 'FM990'),
	to_char(100 * sum(won) / nullif(sum(closed), 0), 'FM990'))
  FROM pipeline
 GROUP BY stage_no, stage
 ORDER BY stage_no;

SELECT E'\n' || :'dim' || format('  %-22s %9s %9s   %s', 'the month to come', 'purchases',
	'revenue', 'between, in nine cases of ten') || :'reset';
SELECT format('  %-22s %9s %9s   %s and %s',
	CASE part WHEN 'existing' THEN 'customers of today' WHEN 'new' THEN 'new customers'
	ELSE 'all' END,
	to_char(purchases, 'FM999,990'), to_char(revenue, 'FM9,999,990'),
	to_char(revenue_low, 'FM9,999,990'), to_char(revenue_high, 'FM9,999,990'))
  FROM forecast
 ORDER BY array_position('{existing,new,all}', part);
SELECT format('  last month %s, the same month a year before %s',
	to_char(last_month_revenue, 'FM9,999,990'), to_char(last_year_revenue, 'FM9,999,990'))
  FROM forecast WHERE part = 'all';
