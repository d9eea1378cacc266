/* The same funnel beside ordered arrays of the steps, from which no level is found yet. */
\if :plain
:measure
SELECT count(*), sum(cardinality(steps))
  FROM (SELECT customer, array_agg(kind ORDER BY at) AS steps FROM event GROUP BY customer) AS q;
\else
\ir funnel.sql
\endif
