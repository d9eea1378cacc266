/*
 * business.sql
 *
 * The made-up business in the workspace "sales": 20 000 customers and 4 000
 * who may become some, in three years, with everything that the workspace has
 * a table for. All of it is told by the orders of bench/business.sql: campaigns
 * bring customers before their first order, refunds and complaints follow
 * orders, referrals end in first orders, points come from orders. The same on
 * every run, as random numbers are hashes of what they are for.
 *
 * What there is to find: customers who were touched more often buy more often,
 * invited customers are better, some products are bought together, gardens have
 * their season and toys theirs, a newsletter with a control group brings orders,
 * prices rise by 6 % in February 2025, and in June 2025 a move of the warehouse
 * makes orders late, answers slow and customers leave.
 *
 * Temporary tables come first in the search path while it is made. All of it is
 * one transaction, in which the new tables need no write-ahead log. As in a
 * restore, triggers are off: keys are right by construction, and the first
 * refresh computes everybody anyway. Remove that line to have the keys checked.
 */
BEGIN;
SET LOCAL session_replication_role = replica;
SET client_min_messages = warning;
SELECT crm.create_workspace('sales', 'UTC') \g /dev/null
SET TimeZone = 'UTC';
SET search_path = pg_temp, sales;

\if :{?customers} \else
\set customers 20000
\endif
\set refunds 0.04
\set columns ', key'
\ir ../../bench/business.sql

/* Whether an order was one of those that the move of the warehouse delayed. */
CREATE FUNCTION pg_temp.is_late(key bigint, day date) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN day >= '2025-06-01' AND day < '2025-07-01' AND pg_temp.uniform(key, 400) < 0.12;

/* Whether a rise of prices is what customers talk about. */
CREATE FUNCTION pg_temp.is_dearer(day date) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN day >= '2025-02-01' AND day < '2025-05-01';

/* A fifth of those whose order was late buy no more. */
WITH lost AS (
	SELECT customer, min(day) AS day
	  FROM orders
	 WHERE amount > 0 AND pg_temp.is_late(key, day) AND pg_temp.uniform(customer, 401) < 0.2
	 GROUP BY customer
), gone AS (
	DELETE FROM orders
	 USING lost
	 WHERE orders.customer = lost.customer AND amount > 0 AND orders.day > lost.day
	RETURNING key
)
DELETE FROM orders USING gone WHERE orders.key = gone.key AND amount < 0;

/* An element that a uniform number stands for. */
CREATE FUNCTION pg_temp.pick(uniform float8, VARIADIC choices text[]) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN choices[1 + floor(uniform * cardinality(choices))::int];

/* An exponential waiting time. */
CREATE FUNCTION pg_temp.wait(mean interval, uniform float8) RETURNS interval
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN mean * -ln(uniform);

/* The category that a customer likes best. */
CREATE FUNCTION pg_temp.taste(customer bigint) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN pg_temp.pick(pg_temp.uniform(customer, 206), 'kitchen', 'garden', 'textiles',
		'lighting', 'tools', 'storage', 'bath', 'toys');

/* Statistics for the steps that follow. All of it gets them in the end. */
\ir business_customers.sql
ANALYZE orders, buyer, met, letter, campaign, coupon, customer, contact;
\ir business_orders.sql
ANALYZE refund, contract;
\ir business_care.sql

/* The next keys follow those that were given. */
SELECT format('SELECT setval(%L, max(%I)) FROM %s', pg_get_serial_sequence(attrelid::regclass::text,
	attname),
			  attname, attrelid::regclass)
  FROM pg_attribute
 WHERE attidentity = 'd' AND attrelid IN (SELECT oid FROM pg_class
	WHERE relnamespace = 'sales'::regnamespace)
\o /dev/null
\gexec
\o

ANALYZE;
COMMIT;
