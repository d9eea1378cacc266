/* The log-likelihood of the fit. */
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../fit_summaries.sql
SELECT fit_purchases ->> 'log_likelihood' FROM checked;
