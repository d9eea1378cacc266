/* The growth of all months, with its revenue. */
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../growth.sql
SELECT sum(new_customers), sum(stayed), sum(resurrected), sum(dormant), sum(revenue) FROM checked;
