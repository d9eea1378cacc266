/*
 * rights
 *
 * Only aggregates may call the support functions of aggregates. Only the library
 * may call the functions whose names end in _as_owner. It switches to the owner
 * of the workspace before (src/workspace/owner.c).
 *
 * When a query uses an aggregate, PostgreSQL makes two checks. The caller must
 * have the right to execute the aggregate. The owner of the aggregate must have
 * the right to execute its support functions. So no other role needs that
 * right, and no role can pass a made-up state to a support function.
 *
 * Every role may execute all other functions. A domain, a cast or an operator
 * calls its function with the rights of the role that runs the query.
 *
 * An engine that runs the support functions itself may check the caller. Citus
 * does so for aggregates that it computes on its workers. On such a server,
 * grant EXECUTE on the support functions to the roles that query.
 */

DO $$
DECLARE
	support pg_catalog.regprocedure;
BEGIN
	FOR support IN
		SELECT DISTINCT p.oid::pg_catalog.regprocedure
		  FROM pg_catalog.pg_aggregate a
		  JOIN pg_catalog.pg_proc p
			ON p.oid OPERATOR(pg_catalog.=) ANY (
				ARRAY[a.aggtransfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
					  a.aggfinalfn]::pg_catalog.oid[])
		 WHERE p.pronamespace OPERATOR(pg_catalog.=) 'crm_internal'::pg_catalog.regnamespace
		UNION
		SELECT p.oid::pg_catalog.regprocedure
		  FROM pg_catalog.pg_proc p
		 WHERE p.pronamespace OPERATOR(pg_catalog.=) 'crm_internal'::pg_catalog.regnamespace
		   AND p.proname OPERATOR(pg_catalog.~~) '%\_as\_owner'
	LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', support);
	END LOOP;
END
$$;
