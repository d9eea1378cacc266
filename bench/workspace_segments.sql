/*
 * workspace_segments.sql
 *
 * Segments with their number of customers and lifetime value: everybody, as
 * of :as_of, or with plain set the same as of a year before.
 */
\if :plain
	SELECT date :'as_of' - 365 AS as_of \gset
\endif
SET crm.as_of = :'as_of';
EXPLAIN (ANALYZE, TIMING OFF)
SELECT segment, count(*), sum(clv) FROM shop.customer_value GROUP BY segment;
