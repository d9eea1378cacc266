/* Purchases, amounts, first and last days of all histories. */
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../histories_built_text.sql
\ir shared/histories.sql
