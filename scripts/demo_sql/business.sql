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

\set customers 20000
\set refunds 0.04
\set columns ', key'
\ir ../../bench/business.sql

/* An element that a uniform number stands for. */
CREATE FUNCTION pg_temp.pick(uniform float8, VARIADIC choices text[]) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN choices[1 + floor(uniform * cardinality(choices))::int];

/* An exponential waiting time. */
CREATE FUNCTION pg_temp.wait(mean interval, uniform float8) RETURNS interval
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN mean * -ln(uniform);

\ir business_customers.sql
ANALYZE;
\ir business_orders.sql
ANALYZE;
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
