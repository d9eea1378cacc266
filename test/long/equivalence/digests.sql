/*
 * digests.sql
 *
 * A line for each view: its name, the number of its rows and a digest of them.
 * The variable "prepared" asks the function of a view, where it has one, by a
 * prepared statement whose parameter is the day.
 */
SET client_min_messages = warning;
SET crm.as_of = '2025-11-30';
SELECT CASE WHEN f.oid IS NULL
			THEN format('CREATE TEMP TABLE answer AS SELECT * FROM %I.%I', n.nspname, c.relname)
			ELSE format('PREPARE question (date) AS SELECT * FROM %I.%I_at($1);
				CREATE TEMP TABLE answer AS EXECUTE question (''2025-11-30'');
				DEALLOCATE question', n.nspname, c.relname) END,
	   format('SELECT public.digest(%L)', n.nspname || '.' || c.relname),
	   'DROP TABLE answer'
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_proc f
	ON :'prepared' = 'yes' AND f.pronamespace = n.oid AND f.proname = c.relname || '_at'
 WHERE n.nspname IN ('sales', 'shop', 'parts', 'asked') AND c.relkind = 'v'
   AND c.relname <> 'refresh_progress'
 ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
\gexec
