SELECT customer_id::text AS customer_id, segment, segment_zh, recency, revenue_12m,
	   1 - p_churn AS p_alive, value_at_risk, reasons AS why
  FROM churn_risk
 WHERE p_churn BETWEEN 0.5 AND 0.9  -- beyond 0.9 they are most likely gone
 ORDER BY revenue_12m DESC, churn_risk.customer_id
 LIMIT 20
