/*
 * refresh.sql
 *
 * Stores everybody's history, and freezes the thresholds of scores as of
 * :as_of, or today if that is earlier, and of the day :split, two thirds of the
 * period. Prints what it takes.
 */
SET client_min_messages = warning;
CALL crm.refresh(:'workspace') \gset
SELECT crm.freeze_thresholds(:'workspace', least(:'as_of', current_date)),
	crm.freeze_thresholds(:'workspace', :'split') \g /dev/null
ANALYZE customer_history, customer_change;

SELECT format('  %s purchases became %s histories of %s bytes on average',
			  to_char(:purchases, 'FM999,999,999,990'), to_char(:customers, 'FM999,999,990'),
			  round(avg(pg_column_size(history))))
  FROM customer_history;
