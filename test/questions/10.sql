/*
 * What share of revenue do A customers bring (80/20)?
 *
 * Columns: share.
 *
 * Revenue is lines minus refunds of all time up to the day. A customer is of class
 * A from the frozen threshold on (a_threshold of the newest row of the table
 * threshold that is not later than the day), with a purchase up to the day. The
 * share is that of the revenue of everybody.
 */
WITH asked AS (
	SELECT :'day'::date AS day, time_zone AS zone,
		   (SELECT t.a_threshold FROM threshold t WHERE t.as_of <= :'day'::date
			 ORDER BY t.as_of DESC LIMIT 1) AS a_threshold
	  FROM workspace
), buyer AS (
	SELECT customer_id, sum(revenue) AS revenue FROM booking
	 GROUP BY customer_id HAVING bool_or(is_purchase)
)
SELECT coalesce(sum(revenue) FILTER (WHERE revenue >= a_threshold), 0)
	   / nullif(sum(revenue), 0) AS share
  FROM asked, buyer;
