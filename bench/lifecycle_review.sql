/* The stages of everybody, found and written for the first time. */
TRUNCATE sales.lifecycle_log, sales.lifecycle_review;
:measure
SELECT * FROM crm.lifecycle_review('sales', :'as_of');
