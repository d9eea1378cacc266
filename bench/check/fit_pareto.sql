/* The parameters of the fit. */
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../fit_pareto.sql
SELECT (p ->> 'r')::float8, (p ->> 'alpha')::float8, (p ->> 's')::float8, (p ->> 'beta')::float8
  FROM checked, LATERAL (SELECT fit_purchases -> 'parameters' AS p) AS fitted;
