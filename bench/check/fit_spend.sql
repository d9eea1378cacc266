/* The parameters of the fit. */
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../fit_spend.sql
SELECT (p ->> 'p')::float8, (p ->> 'q')::float8, (p ->> 'v')::float8
  FROM checked, LATERAL (SELECT fit_spend -> 'parameters' AS p) AS fitted;
