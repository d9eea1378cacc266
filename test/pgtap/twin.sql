-- The twin of a workspace, whose definitions are compared with those that are there.
-- If it cannot be made, the error leaves nothing of it.
\ir setup/workspace.sql
SELECT crm.create_workspace('crm_twin', 'UTC') \g /dev/null
CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands()
				WHERE object_identity ~ '\.customer_rfm$') THEN
		RAISE EXCEPTION 'no views of scores here';
	END IF;
END
$$;
CREATE EVENT TRIGGER crm_refuse ON ddl_command_end WHEN TAG IN ('CREATE VIEW')
	EXECUTE FUNCTION public.refuse();
SELECT nspname INTO TEMP schemas FROM pg_namespace;
SELECT throws_ok(call, 'P0001', 'no views of scores here',
	'the error of a twin that cannot be made comes out: ' || call)
  FROM unnest(ARRAY[$$SELECT crm.check_workspace('crm_twin')$$,
	$$SELECT crm.upgrade_workspace('crm_twin')$$]) AS call;
SELECT set_eq('SELECT nspname FROM pg_namespace', 'TABLE schemas',
	'a twin that could not be made leaves no schema');
DROP EVENT TRIGGER crm_refuse;
SELECT is_empty($$SELECT * FROM crm.check_workspace('crm_twin')$$,
	'a check works after a twin could not be made');
SELECT * FROM finish();
ROLLBACK;
