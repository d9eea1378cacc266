/* The view cohort: all monthly cohorts over 24 months. */
SET crm.as_of = :'as_of';
:measure
SELECT * FROM sales.cohort;
