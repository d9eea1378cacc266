/*
 * growth.sql
 *
 * Growth accounting: who came, stayed, came back and went, in the last
 * months that are over; in weeks where the orders reach back less than that.
 */
SELECT CASE WHEN date :'as_of' - min(purchased_on) > 240 THEN 'month' ELSE 'week' END AS unit
  FROM purchase_at('infinity') WHERE amount >= 0 \gset

CREATE TEMPORARY TABLE recent AS
SELECT * FROM growth_at(:'as_of', :'unit') WHERE is_complete ORDER BY period DESC LIMIT 8;

SELECT '  no week is over yet' WHERE NOT EXISTS (SELECT FROM recent);
SELECT :'dim' || format('  %-10s %7s %6s %7s %9s %8s %11s %11s', :'unit', 'active', 'new', 'stayed',
	'came back', 'dormant', 'quick ratio', 'revenue') || :'reset'
 WHERE EXISTS (SELECT FROM recent);

SELECT format('  %-10s %7s %6s %7s %9s %8s %11s %11s',
	CASE WHEN :'unit' = 'month' THEN to_char(period, 'YYYY-MM') ELSE period::text END,
			  to_char(active, 'FM999,990'), to_char(new_customers, 'FM999,990'),
				to_char(stayed, 'FM999,990'), to_char(resurrected, 'FM999,990'),
			  to_char(dormant, 'FM999,990'), to_char(quick_ratio, 'FM9990.00'),
				to_char(revenue, 'FM99,999,999,990'))
  FROM recent
 ORDER BY period;
