/* Gamma-Gamma of everyone from a table of x and mean amounts. */
:measure
SELECT crm.fit_spend(x, mean_amount) FROM summaries;
\ir peak_memory.sql
