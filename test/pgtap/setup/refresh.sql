-- pg_temp.refresh(workspace): what CALL crm.refresh does, in one transaction.
CREATE FUNCTION pg_temp.refresh(workspace text) RETURNS boolean LANGUAGE sql AS $$
	SELECT bool_and(crm_internal.refresh_step(workspace, s.run, s.everyone, 1000, s.before))
	  FROM crm_internal.refresh_start(workspace, false) s;
$$;
