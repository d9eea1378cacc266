/*
 * Sales and CLV by industry, with the total?
 *
 * Columns: industry ('total': the last row), buyers, revenue_12m, total_clv.
 *
 * The buyers are the customers with a purchase (paid order with lines) up to the
 * day. Those without an industry count in the total and as 'unknown'. revenue_12m
 * is lines minus refunds of the 12 months up to the day. total_clv is the sum of
 * the lifetime values of the newest models not later than the day, in the horizon
 * of the workspace, times the margin of 02.sql.
 *
 * The buyers were the organizations alone. But the question asks for the total of
 * sales, and persons buy as well. The CLV was missing.
 */
WITH buyer AS MATERIALIZED (
	SELECT b.customer_id, sum(b.revenue) AS revenue, sum(b.profit) AS profit,
		   coalesce(sum(b.revenue) FILTER (WHERE b.day > asked.before), 0) AS revenue_12m,
		   crm.history_agg(b.day, b.revenue) AS history
	  FROM asked, booking b
	 GROUP BY b.customer_id
	HAVING bool_or(b.is_purchase)
), valued AS MATERIALIZED (
	SELECT customer_id, revenue_12m,
		   crm.clv(purchase_model, spend_model, history, asked.day, horizon_days, yearly_discount,
				margin + CASE WHEN revenue > 0 THEN (profit::float8 - margin * revenue::float8)
					/ (revenue::float8 + margin_revenue) ELSE 0 END) AS clv
	  FROM asked, buyer
)
SELECT CASE WHEN grouping(c.industry) = 1 THEN 'total' ELSE coalesce(c.industry, 'unknown') END
		AS industry,
	   count(*) AS buyers, sum(v.revenue_12m) AS revenue_12m, sum(v.clv) AS total_clv
  FROM valued v JOIN customer c USING (customer_id)
 GROUP BY ROLLUP (c.industry)
 ORDER BY grouping(c.industry), c.industry COLLATE "C" NULLS LAST;
