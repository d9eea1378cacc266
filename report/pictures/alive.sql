SELECT (ARRAY[1, 2, 3, 4, 6, 11, 21])[width_bucket(purchases, ARRAY[1, 2, 3, 4, 6, 11, 21])]
		AS purchases_from,
	   (ARRAY[0, 31, 61, 91, 181, 366, 731])
		[width_bucket(recency, ARRAY[0, 31, 61, 91, 181, 366, 731])] AS recency_from,
	   count(*) AS customers, sum(p_alive) AS still_customers, avg(p_alive) AS p_alive
  FROM customer_metric
 WHERE p_alive IS NOT NULL
 GROUP BY 1, 2
 ORDER BY 1, 2
