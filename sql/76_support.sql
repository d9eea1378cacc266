/*
 * support
 *
 * A function that the server calls for an aggregate or an operator has a COMMENT
 * that says so. The catalog knows which function serves which aggregate, so this
 * module makes the COMMENTs from the catalog.
 */

DO $$
DECLARE
	support record;
BEGIN
	FOR support IN
		SELECT u.function::regprocedure AS name, string_agg(u.task, ' and ' ORDER BY u.task) AS tasks
		  FROM (SELECT f.function,
					   format('%s function of %s', f.step,
							  string_agg(DISTINCT a.aggfnoid::text, ', ')) AS task
				  FROM pg_aggregate a
				 CROSS JOIN LATERAL (VALUES (a.aggtransfn, 'transition'), (a.aggfinalfn, 'final'),
					(a.aggcombinefn, 'combine'), (a.aggserialfn, 'serialization'),
					(a.aggdeserialfn, 'deserialization')) AS f(function, step)
				 GROUP BY f.function, f.step
				UNION ALL
				SELECT o.oprcode, 'function of the operator ' || o.oprname FROM pg_operator o) AS u
		  JOIN pg_proc p ON p.oid = u.function
		 WHERE p.pronamespace = 'crm_internal'::regnamespace
		 GROUP BY u.function
	LOOP
		EXECUTE format('COMMENT ON FUNCTION %s IS %L', support.name,
					   upper(left(support.tasks, 1)) || substr(support.tasks, 2) || '.');
	END LOOP;
END
$$;
