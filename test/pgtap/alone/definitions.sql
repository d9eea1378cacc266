-- Definitions as pg_dump prints them: pg_upgrade creates every function of the
-- extension from this text, and a restore every function of a workspace.
\ir ../setup/begin.sql
SET LOCAL search_path = public;
SELECT * FROM no_plan();

SELECT crm.create_workspace('crm_test', 'UTC') \g /dev/null
CREATE TABLE public.crm_test_purchase (buyer text, bought_at timestamptz, total numeric);
SELECT crm.attach('crm_test_attached', 'public.crm_test_purchase',
	customer => 'buyer', at => 'bought_at', amount => 'total') \g /dev/null

-- What goes wrong when a printed definition is run as in a restore.
CREATE FUNCTION pg_temp.failure(function oid) RETURNS text
	LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
	EXECUTE pg_catalog.pg_get_functiondef(function);
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END $$;

CREATE TEMPORARY VIEW defined AS
SELECT p.oid, p.prokind, coalesce(e.extname, p.pronamespace::regnamespace::text) AS owner
  FROM pg_proc p
  LEFT JOIN (pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.deptype = 'e')
		 ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
 WHERE e.extname = 'crm'
	OR p.pronamespace IN ('crm_test'::regnamespace, 'crm_test_internal'::regnamespace,
						  'crm_test_attached'::regnamespace,
							'crm_test_attached_internal'::regnamespace);

SELECT set_eq('SELECT DISTINCT owner FROM defined WHERE prokind <> ''a''',
	ARRAY['crm', 'crm_test', 'crm_test_internal', 'crm_test_attached',
		'crm_test_attached_internal'],
	'the extension and both kinds of workspaces have functions');
SELECT is_empty('SELECT oid::regprocedure, pg_temp.failure(oid) FROM defined
				  WHERE prokind <> ''a'' AND pg_temp.failure(oid) IS NOT NULL',
	'the printed definition of every function creates it again');

SELECT * FROM finish();
ROLLBACK;
