/*
 * data_sets.sql: the public data that fits and scores are tested on, in
 * temporary tables, and pg_temp.absent(), which says what is missing.
 */
CREATE TEMP TABLE data_file (file text, needed_by text, source text, present boolean DEFAULT false);
\copy data_file (file, needed_by, source) FROM 'test/golden/data_sets.csv' CSV HEADER
SELECT set_config('crm_golden.data', :'shared' || '/data', false) AS data \gset

/* NULL if all files of the data set are here, else why it is skipped. */
CREATE FUNCTION pg_temp.absent(data_set text) RETURNS text AS $$
	SELECT string_agg(format('no %s/%s: make it from %s (see test/golden/README.md)',
							 current_setting('crm_golden.data'), file, source), '; ' ORDER BY file)
	  FROM data_file
	 WHERE NOT present AND data_set ~ format('^(%s)$', needed_by);
$$ LANGUAGE sql;

CREATE TEMP TABLE cdnow (customer_id int, day date, cds int, amount numeric);
\set table cdnow
\set file cdnow_elog.csv
\ir data_set.sql

CREATE TEMP TABLE cdnow_sample (customer_id int, sample_id int);
\set table cdnow_sample
\set file cdnow_sample_ids.csv
\ir data_set.sql

CREATE TEMP TABLE cdnow_summary (sample_id int, x bigint, t_x float8, t float8, mean_amount float8);
\set table cdnow_summary
\set file cdnow_sample_summary.csv
\ir data_set.sql

CREATE TEMP TABLE invoice (
	invoice_no text, invoiced timestamp, customer_id int, country text,
	lines int, quantity int, amount numeric);
\set table invoice
\set file online_retail_invoices.csv.gz
\ir data_set.sql

CREATE TEMP TABLE donors (x bigint, t_x bigint, n bigint, customers bigint);
\set table donors
\set file donations.csv
\ir data_set.sql

CREATE TEMP TABLE contracts (segment text, year int, survivors bigint, calibration boolean);
\set table contracts
\set file sbg_contracts.csv
\ir data_set.sql

/* Of the invoices those that are a purchase of somebody. */
CREATE TEMP VIEW retail AS
SELECT customer_id, invoiced::date AS day, amount
  FROM invoice
 WHERE customer_id IS NOT NULL AND invoice_no NOT LIKE 'C%' AND amount > 0;
