SELECT customer_id::text AS customer_id, name, segment, segment_zh, purchases, revenue, p_alive,
	   expected_purchases_365d, clv
  FROM customer_value
 WHERE clv IS NOT NULL
 ORDER BY clv DESC, customer_value.customer_id
 LIMIT 20
