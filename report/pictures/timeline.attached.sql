SELECT purchased_on AS occurred_at, CASE WHEN amount < 0 THEN 'refund' ELSE 'purchase' END AS kind,
	   NULL AS text, amount
  FROM purchase
 WHERE customer_id = :'customer'
 ORDER BY purchased_at, amount DESC
