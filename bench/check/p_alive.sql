/* The sum of P(alive) of everybody with a purchase. */
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../p_alive.sql
SELECT count(p_alive), sum(p_alive) FROM checked;
