/*
 * support
 *
 * A function that is called for something else has a COMMENT that says so. The
 * server calls functions for an aggregate or an operator. The library calls
 * NAME_as_owner or NAME_as_caller for the function NAME (src/workspace/owner.c).
 * The catalog knows which function serves what, so this module makes the COMMENTs
 * from the catalog.
 */

DO $$
DECLARE
	support record;
BEGIN
	FOR support IN
		SELECT u.function::regprocedure AS name,
			   string_agg(u.task, ' and ' ORDER BY u.task) AS tasks
		  FROM (SELECT f.function,
					   format('%s function of %s', f.step,
							  CASE WHEN count(DISTINCT a.aggfnoid) > 6 THEN 'many aggregates'
							  ELSE string_agg(DISTINCT a.aggfnoid::text, ', ') END) AS task
				  FROM pg_aggregate a
				 CROSS JOIN LATERAL (VALUES (a.aggtransfn, 'transition'), (a.aggfinalfn, 'final'),
					(a.aggcombinefn, 'combine'), (a.aggserialfn, 'serialization'),
					(a.aggdeserialfn, 'deserialization')) AS f(function, step)
				 GROUP BY f.function, f.step
				UNION ALL
				SELECT o.oprcode, 'function of the operator ' || o.oprname FROM pg_operator o
				UNION ALL
				SELECT w.oid, format('behind %s.%s', n.nspname, b.proname)
				  FROM pg_proc b
				  JOIN pg_namespace n ON n.oid = b.pronamespace
				  JOIN pg_proc w ON w.proargtypes = b.proargtypes
								AND w.proname IN (b.proname || '_as_owner',
												  b.proname || '_as_caller')
				 WHERE n.nspname IN ('crm', 'crm_internal')) AS u
		  JOIN pg_proc p ON p.oid = u.function
		 WHERE p.pronamespace = 'crm_internal'::regnamespace
		 GROUP BY u.function
	LOOP
		EXECUTE format('COMMENT ON FUNCTION %s IS %L', support.name,
					   upper(left(support.tasks, 1)) || substr(support.tasks, 2) || '.');
	END LOOP;
END
$$;
