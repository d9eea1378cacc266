/*
 * load.sql
 *
 * From the checked rows to the table "orders", and to the table "left_out":
 * the rows that are nobody's purchase, with the reason. An amount of zero is
 * no purchase (free samples, corrections) unless the psql variable keep_zero
 * is true; a negative one is a refund and stays.
 */
CREATE UNLOGGED TABLE left_out AS
SELECT CASE WHEN customer IS NULL THEN 'without a customer'
			WHEN day IS NULL THEN 'without a date'
			WHEN amount IS NULL THEN 'without an amount'
			ELSE 'with an amount of 0' END AS reason, amount
  FROM checked
 WHERE customer IS NULL OR day IS NULL OR amount IS NULL
 	OR (amount = 0 AND NOT :'keep_zero'::boolean);

/* A history keeps up to 8 decimals; sums in floating point leave more. */
CREATE TABLE orders AS
SELECT customer, day, CASE WHEN scale(amount) > 8 THEN trim_scale(round(amount, 8))
	ELSE amount END AS amount
  FROM checked
 WHERE customer IS NOT NULL AND day IS NOT NULL AND amount IS NOT NULL
 	AND (amount <> 0 OR :'keep_zero'::boolean)
 ORDER BY line;

DROP TABLE staging, checked;
