/* The stages of everybody, found and written for the first time. */
TRUNCATE sales.lifecycle_log, sales.lifecycle_review;
:measure
SELECT * FROM crm.review_stages('sales', :'as_of');
