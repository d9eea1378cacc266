/*
 * workspace_customer.sql
 *
 * All about one customer of shop, planning included, in a session that has
 * seen the view before: the mean of 100 customers.
 */
SET crm.as_of = :'as_of';
CREATE FUNCTION pg_temp.look(customers int) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 1 .. customers LOOP
		EXECUTE format('SELECT * FROM shop.customer_360 WHERE customer_id = %s',
					   (SELECT customer FROM customers WHERE customer >= n * 7 ORDER BY customer
						LIMIT 1));
	END LOOP;
END
$$;
SELECT pg_temp.look(1) \g /dev/null
SELECT clock_timestamp() AS start \gset
SELECT pg_temp.look(100) \g /dev/null
SELECT format('Execution Time: %s ms', 10 * extract(epoch FROM clock_timestamp() - :'start'));
