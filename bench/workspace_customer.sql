/*
 * workspace_customer.sql
 *
 * All about one customer of shop, planning included: the best of 20 in a
 * session that has seen the view before, and the first one.
 */
\set QUIET on
SET crm.as_of = :'as_of';
CREATE FUNCTION pg_temp.best(runs int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	start timestamptz;
	best interval;
BEGIN
	FOR run IN 1 .. runs LOOP
		start := clock_timestamp();
		EXECUTE format('SELECT * FROM shop.customer_360 WHERE customer_id = %s', run * 97);
		best := least(best, clock_timestamp() - start);
	END LOOP;
	RETURN extract(epoch FROM best) * 1000;
END $$;
SELECT format('first look at a customer  %s ms', round(pg_temp.best(1)::numeric, 1));
SELECT format('next looks                %s ms', round(pg_temp.best(20)::numeric, 1));
