/*
 * How many contracts were due, and how many were renewed?
 *
 * Columns: month (first day), due, renewed.
 *
 * A contract is due in the month of ends_on, up to the day. One that was cancelled
 * before that is not due any more. It is renewed if another contract that renews
 * it has started by the day. Only months with contracts that were due are shown.
 */
SELECT date_trunc('month', c.ends_on::timestamp)::date AS month, count(*) AS due,
	   count(n.contract_id) AS renewed
  FROM contract c
  LEFT JOIN contract n ON n.renews_id = c.contract_id AND n.starts_on <= :'day'::date
 WHERE c.ends_on <= :'day'::date AND (c.cancelled_on IS NULL OR c.cancelled_on >= c.ends_on)
 GROUP BY 1
 ORDER BY 1;
