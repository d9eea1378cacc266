/* The views growth and cohort, all columns. */
SET crm.as_of = :'as_of';
:measure
SELECT (SELECT count(g) FROM (SELECT * FROM sales.growth OFFSET 0) g), (SELECT count(c) FROM (SELECT * FROM sales.cohort OFFSET 0) c);
