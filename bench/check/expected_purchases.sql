/* The sum of the expected purchases of everybody with a purchase. */
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../expected_purchases.sql
SELECT count(expected_purchases), sum(expected_purchases) FROM checked;
