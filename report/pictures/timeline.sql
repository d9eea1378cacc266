SELECT occurred_at, kind, text, amount
  FROM customer_timeline
 WHERE customer_id = :'customer'
 ORDER BY occurred_at, kind, text
