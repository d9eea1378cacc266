/* BG/NBD of everyone from the stored histories. */
:measure
SELECT crm.fit_purchases('bg_nbd', 'week', history, :'as_of') FROM customers;
\ir peak_memory.sql
