/* Recency, frequency and monetary value of everybody with a purchase. */
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../rfm_inputs.sql
\if :plain
SELECT count(*), sum("?column?"), sum(count), sum(sum) FROM checked;
\else
SELECT count(recency), sum(recency), sum(purchases) FILTER (WHERE recency IS NOT NULL),
	   sum(amount) FILTER (WHERE recency IS NOT NULL)
  FROM checked;
\endif
