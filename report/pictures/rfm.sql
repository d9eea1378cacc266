SELECT r, f, count(*) AS customers, sum(monetary) AS revenue
  FROM customer_rfm
 WHERE r IS NOT NULL
 GROUP BY r, f
 ORDER BY r, f
