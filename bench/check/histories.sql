/* Purchases, amounts, first and last days of all histories. */
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../histories.sql
\ir shared/histories.sql
