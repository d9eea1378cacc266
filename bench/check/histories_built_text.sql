/* Purchases, amounts, first and last days of all histories. */
\set measure 'CREATE TEMPORARY TABLE checked AS'
\ir ../histories_built_text.sql
\if :plain
SELECT count(*), sum(count), sum(sum), sum(min - date '2000-01-01'), sum(max - date '2000-01-01')
  FROM checked;
\else
SELECT count(*), sum(crm.purchases(history)), sum(crm.amount(history)),
	   sum(crm.first_day(history) - date '2000-01-01'),
	   sum(crm.last_day(history) - date '2000-01-01')
  FROM checked;
\endif
