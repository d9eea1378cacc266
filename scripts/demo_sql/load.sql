/*
 * load.sql
 *
 * From the rows of "staging" to the table "orders", one row for each purchase
 * or refund, and to "left_out": the rows that are nobody's purchase, with the
 * reason. An amount below 0 is a refund, 0 is a purchase, as crm.attach counts
 * it. With a quantity the amount of a row is quantity times price.
 *
 * The psql variable "rows" says what the rows of one order number are: "each"
 * an order, "add" parts of one whose amounts are added up, "first" one of which
 * the first row has the amount. What was given back of an order is a refund on
 * its day.
 */
CREATE TEMPORARY TABLE line AS
SELECT line, customer, day, amount * coalesce(quantity, 1) AS amount, abs(refunded) AS refunded,
	   CASE WHEN :'rows' = 'each' OR order_no IS NULL THEN 'line ' || line
			ELSE 'order ' || order_no END AS order_key
  FROM staging;

CREATE TEMPORARY TABLE whole_order AS
SELECT (array_agg(customer ORDER BY line))[1] AS customer,
	   (array_agg(day ORDER BY line))[1] AS day,
	   CASE WHEN :'rows' = 'add' THEN sum(amount)
			ELSE (array_agg(amount ORDER BY line))[1] END AS amount,
	   CASE WHEN :'rows' = 'add' THEN sum(refunded)
			ELSE (array_agg(refunded ORDER BY line))[1] END AS refunded,
	   min(line) AS line
  FROM line
 GROUP BY order_key;

/* A history keeps up to 8 decimals. Sums in floating point leave more. */
CREATE TABLE orders AS
SELECT customer, day,
	   CASE WHEN scale(amount) > 8 THEN trim_scale(round(amount, 8)) ELSE amount END AS amount
  FROM (SELECT customer, day, amount, line FROM whole_order
		 UNION ALL
		SELECT customer, day, -refunded, line FROM whole_order WHERE refunded > 0) AS entry
 ORDER BY line, amount DESC;

CREATE UNLOGGED TABLE left_out AS
SELECT reason, amount * coalesce(quantity, 1) AS amount FROM staging_left_out;

DROP TABLE staging, staging_left_out;
