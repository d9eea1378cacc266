/*
 * past.sql
 *
 * The segments as of :split beside those of today, and what became of them
 * since: the same views, another day.
 */
SET crm.as_of = :'split';
CREATE TEMPORARY TABLE past AS
SELECT customer_id, segment, revenue FROM customer_metric WHERE segment IS NOT NULL;
RESET crm.as_of;

SELECT format('  segments then and today; what the customers of then did in the %s days since',
	date :'as_of' - :'split');

SELECT :'dim' || format('  %-20s %11s %11s %17s %14s', 'segment', :'split', :'as_of',
	'bought since', 'for') || :'reset';

SELECT format('  %-20s %11s %11s %17s %14s', left(past.segment, 20),
			  to_char(count(past.segment), 'FM999,999,990'),
				to_char(coalesce(max(profile.customers), 0), 'FM999,999,990'),
			  to_char(100.0 * count(*) FILTER (WHERE last_purchase_on > :'split')
				/ count(past.segment), 'FM990') || '%',
			  to_char(sum(today.revenue - past.revenue), 'FM999,999,999,990'))
  FROM past
  JOIN customer_metric AS today USING (customer_id)
  LEFT JOIN segment_profile AS profile ON profile.segment = past.segment
 GROUP BY past.segment
 ORDER BY sum(today.revenue - past.revenue) DESC;
