/* How many pairs of products there are, and in how many baskets. */
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../affinity.sql
SELECT * FROM checked;
