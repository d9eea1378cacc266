/*
 * staging.sql
 *
 * The tables into which the demo copies what its reader found in a CSV file:
 * the rows that are purchases or refunds, and those that are left out.
 */
CREATE UNLOGGED TABLE staging (
	line bigint,
	customer text,
	day date,
	order_no text,
	amount numeric,
	quantity numeric,
	refunded numeric
);

CREATE UNLOGGED TABLE staging_left_out (reason text, amount numeric, quantity numeric);
