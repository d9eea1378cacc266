/* BG/NBD of a tenth of the customers: what everyone takes should be ten times this, or less. */
:measure
SELECT crm.fit_purchases('bg_nbd', 'week', x, t_x, t) FROM summaries WHERE customer % 10 = 0;
