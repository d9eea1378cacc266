/* BG/NBD of everyone from a table of x, t_x, t. */
:measure
SELECT crm.fit_purchases('bg_nbd', 'week', x, t_x, t) FROM summaries;
\ir peak_memory.sql
