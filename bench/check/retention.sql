/* The customers of all cohorts and months, and the growth of all months. */
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../retention.sql
\if :plain
SELECT * FROM checked;
\else
SELECT (SELECT sum(retained) FROM checked, unnest(retention_agg)),
	   (SELECT sum(retained * period_no) FROM checked, unnest(retention_agg)),
	   sum(new), sum(stayed), sum(resurrected), sum(dormant)
  FROM checked, unnest(growth_agg);
\endif
