SELECT value_no, coalesce((steps)[value_no], 0) AS value_from, (steps)[value_no + 1] AS value_below,
	   count(*) AS customers, sum(clv) AS clv
  FROM customer_value,
	   LATERAL (SELECT ARRAY[1, 2, 5, 10, 20, 50, 1e2, 2e2, 5e2, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5,
							 2e5, 5e5, 1e6]::float8[] AS steps) AS stepped,
	   LATERAL (SELECT width_bucket(clv, steps) AS value_no) AS placed
 WHERE clv IS NOT NULL
 GROUP BY 1, 2, 3
 ORDER BY 1
