/* The measures and the scores of everybody with a purchase. */
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../rfm_scores.sql
\if :plain
SELECT count(*), sum(recency), sum(frequency), sum(monetary), sum(r), sum(f), sum(m) FROM checked;
\else
SELECT count((rfm).code), sum((rfm).recency), sum((rfm).frequency) FILTER (WHERE (rfm).r > 0),
	   sum((rfm).monetary) FILTER (WHERE (rfm).r > 0), sum((rfm).r), sum((rfm).f), sum((rfm).m)
  FROM checked;
\endif
