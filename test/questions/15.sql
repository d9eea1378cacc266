/*
 * NRR, GRR and quick ratio by month?
 *
 * Columns: period (first day of the month), nrr, grr, quick_ratio.
 *
 * A contract runs from starts_on until before ends_on or cancelled_on, whichever
 * is earlier. Opening and closing are the monthly amounts of a customer on the last
 * day of the month before, and on the last day of the month or the day asked for.
 * nrr is closing / opening of the customers with an opening above 0, grr counts no
 * closing above the opening. The quick ratio is (new + expansion) / (churn +
 * contraction). New are customers without an opening whose first contract starts
 * in the month. Those who come back are in no part of it. Ratios with a
 * denominator of 0 are NULL.
 */
WITH asked AS (
	SELECT :'day'::date AS day
), term AS (
	SELECT customer_id, starts_on, monthly_amount,
		   least(ends_on, cancelled_on, 'infinity'::date) AS until
	  FROM asked, contract
	 WHERE starts_on <= asked.day
), month AS (
	SELECT m::date AS month, m::date - 1 AS opened,
		   least((m + interval '1 month')::date - 1, asked.day) AS closed
	  FROM asked,
		   generate_series(date_trunc('month', (SELECT min(starts_on)::timestamp FROM term)),
						   date_trunc('month', asked.day::timestamp), interval '1 month') AS m
), state AS (
	SELECT m.month, t.customer_id, min(t.starts_on) > m.opened AS is_new,
		   coalesce(sum(t.monthly_amount)
				FILTER (WHERE t.starts_on <= m.opened AND t.until > m.opened), 0) AS a,
		   coalesce(sum(t.monthly_amount)
				FILTER (WHERE t.starts_on <= m.closed AND t.until > m.closed), 0) AS b
	  FROM month m JOIN term t ON t.starts_on <= m.closed
	 GROUP BY m.month, m.opened, t.customer_id
)
SELECT m.month AS period, sum(b) FILTER (WHERE a > 0) / nullif(sum(a), 0) AS nrr,
	   sum(least(a, b)) FILTER (WHERE a > 0) / nullif(sum(a), 0) AS grr,
	   sum(CASE WHEN a > 0 THEN greatest(b - a, 0) WHEN is_new THEN b ELSE 0 END)
		/ nullif(sum(greatest(a - b, 0)), 0) AS quick_ratio
  FROM month m LEFT JOIN state s USING (month)
 GROUP BY m.month
 ORDER BY m.month;
