/* Satisfaction by month and by the segment at its end. */
SET crm.as_of = :'as_of';
:measure
SELECT * FROM sales.satisfaction_segment;
