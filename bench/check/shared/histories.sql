/*
 * What the checks of histories compare. The table "checked" has histories, or
 * the columns of plain SQL.
 */
\if :plain
SELECT count(*), sum(count), sum(sum), sum(min - date '2000-01-01'), sum(max - date '2000-01-01')
  FROM checked;
\else
SELECT count(*), sum(crm.purchases(history)), sum(crm.amount(history)),
	   sum(crm.first_day(history) - date '2000-01-01'),
	   sum(crm.last_day(history) - date '2000-01-01')
  FROM checked;
\endif
