/* How many customers have events of the funnel, and how far they come. */
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../funnel.sql
SELECT * FROM checked;
