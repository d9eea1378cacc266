/*
 * rights
 *
 * The support functions of aggregates are for the aggregates alone.
 *
 * When a query uses an aggregate, PostgreSQL checks the caller's right to
 * execute the aggregate, and the right of the aggregate's owner to execute its
 * support functions. So nobody else needs that right, and nobody can pass a
 * made-up state to a support function. All other functions stay executable by
 * everybody: a domain, a cast or an operator calls its function with the rights
 * of whoever runs the query.
 *
 * An engine that runs the support functions itself may check the caller after
 * all. Citus does, for aggregates that it computes on its workers. There, grant
 * EXECUTE on the support functions to the roles that query.
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
	LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', support);
	END LOOP;
END
$$;
