SELECT hundredth, sum(count(*)) OVER w / sum(count(*)) OVER () AS customer_share,
	   sum(revenue) AS revenue,
	   sum(sum(revenue)) OVER w / nullif(sum(sum(revenue)) OVER (), 0) AS revenue_share
  FROM (SELECT revenue, ntile(100) OVER (ORDER BY revenue DESC, customer_id) AS hundredth
		  FROM customer_value
		 WHERE revenue > 0) AS ranked
 GROUP BY hundredth
WINDOW w AS (ORDER BY hundredth)
 ORDER BY hundredth
