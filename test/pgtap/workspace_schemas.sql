-- Where things are: helpers of the extension apart from what people call, the
-- inner views and functions of a workspace apart from what people read.
\set ON_ERROR_STOP on
\set QUIET on
\pset format unaligned
\pset tuples_only on
BEGIN;
CREATE EXTENSION IF NOT EXISTS crm;
CREATE EXTENSION IF NOT EXISTS pgtap;
SET LOCAL search_path = public;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

-- Arguments of these are names, keys, days, rules and settings, and never a
-- statement. The filter of crm.attach is a condition by its nature, and it is
-- run with the rights of the caller.
SELECT set_eq($$
	SELECT p.oid::regprocedure::text
	  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
	 WHERE p.pronamespace IN ('crm'::regnamespace, 'crm_internal'::regnamespace)
	   AND l.lanname = 'plpgsql' AND p.prosrc ~ '\mEXECUTE\M'$$,
	$$VALUES ('crm.upgrade_workspace(text)'),
			 ('crm.drop_workspace(text,boolean)'),
			 ('crm_internal.workspace_create(text,text)'),
			 ('crm_internal.workspace_attach(text,regclass,name,name,name,name,text,text,text)'),
			 ('crm_internal.workspace_create_source_row(text,text)'),
			 ('crm_internal.workspace_create_triggers(text,regclass)'),
			 ('crm_internal.workspace_column(regclass,text,name)'),
			 ('crm_internal.workspace_analyze(regclass,bigint)'),
			 ('crm_internal.workspace_replace(text,text,bigint,text)'),
			 ('crm_internal.workspace_set_aside(regprocedure,text)'),
			 ('crm_internal.workspace_copy_rights(regprocedure,regprocedure)'),
			 ('crm_internal.workspace_drop_unused(regprocedure[])'),
			 ('crm_internal.program_freeze(crm.tier_policy,text,date)'),
			 ('crm_internal.tier_write(crm.tier_policy,text,date)'),
			 ('crm_internal.lifecycle_write(text,crm.ruleset,timestamp with time zone)')$$,
	'the functions that run SQL made at run time are these, and none takes a statement');
SELECT * FROM finish();
ROLLBACK;
