-- The house: version, comments, markings of every object.
SELECT crm.version() = extversion AS library_is_this_version
  FROM pg_extension WHERE extname = 'crm';

-- Everything has a COMMENT (operator families, array types and row types of views aside).
SELECT pg_describe_object(classid, objid, 0) AS without_comment
  FROM pg_depend
 WHERE refclassid = 'pg_extension'::regclass
   AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'crm')
   AND deptype = 'e'
   AND classid <> 'pg_opfamily'::regclass
   AND obj_description(objid, classid::regclass::text) IS NULL
   AND NOT (classid = 'pg_type'::regclass
			AND (SELECT typelem <> 0 AND typcategory = 'A' OR typrelid IN (SELECT c.oid
				FROM pg_class c WHERE relkind = 'v')
				   FROM pg_type t WHERE t.oid = objid))
 ORDER BY 1;

-- Whatever a COMMENT calls by its full name exists.
SELECT DISTINCT pg_describe_object(d.classoid, d.objoid, d.objsubid) AS comment_of,
	   named[1] || '.' || named[2] AS names
  FROM pg_depend e
  JOIN pg_description d ON d.classoid = e.classid AND d.objoid = e.objid,
	   regexp_matches(d.description, '\m(crm|crm_internal)\.([a-z_0-9]+)', 'g') named
 WHERE e.refclassid = 'pg_extension'::regclass AND e.deptype = 'e'
   AND e.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'crm')
   AND NOT EXISTS (SELECT FROM pg_proc
					WHERE pronamespace = named[1]::regnamespace AND proname = named[2])
   AND NOT EXISTS (SELECT FROM pg_type
					WHERE typnamespace = named[1]::regnamespace AND typname = named[2])
 ORDER BY 1, 2;

CREATE TEMP VIEW function AS
SELECT p.*, l.lanname, p.oid::regprocedure::text AS name, n.nspname
  FROM pg_proc p
  JOIN pg_language l ON l.oid = p.prolang
  JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname IN ('crm', 'crm_internal');

-- Functions that the server calls on behalf of something else are not for people.
CREATE TEMP VIEW service AS
SELECT unnest(ARRAY[aggtransfn, aggcombinefn, aggserialfn, aggdeserialfn, aggfinalfn,
					aggmtransfn, aggminvtransfn, aggmfinalfn]::oid[]) AS oid, 'aggregate' AS served
  FROM pg_aggregate
UNION ALL SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend, typmodin, typmodout,
							  typanalyze, typsubscript]::oid[]), 'type' FROM pg_type
UNION ALL SELECT unnest(ARRAY[oprcode, oprrest, oprjoin]::oid[]), 'operator' FROM pg_operator
UNION ALL SELECT amproc::oid, 'index' FROM pg_amproc
UNION ALL SELECT castfunc, 'cast' FROM pg_cast
UNION ALL SELECT refobjid, 'check' FROM pg_depend
		   WHERE classid = 'pg_constraint'::regclass AND refclassid = 'pg_proc'::regclass;
SELECT nspname AS schema, served, count(DISTINCT f.oid) > 0 AS has_functions
  FROM function f JOIN service s USING (oid) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT name AS takes_or_returns_internal FROM function
 WHERE nspname = 'crm'
   AND EXISTS (SELECT FROM unnest(proargtypes || prorettype) t
				WHERE t IN ('internal'::regtype, 'cstring'::regtype, 'trigger'::regtype))
 ORDER BY 1;

-- An operator that computes a value has a function with a name, for sessions without search_path.
SELECT o.oid::regoperator AS without_function
  FROM pg_operator o JOIN function f ON f.oid = o.oprcode
 WHERE o.oprresult <> 'boolean'::regtype
   AND NOT EXISTS (SELECT FROM function n WHERE n.nspname = 'crm' AND n.prosrc = f.prosrc
												AND n.proargtypes = f.proargtypes)
 ORDER BY 1;

-- A function that runs SQL text from its arguments cannot be called by others.
SELECT DISTINCT f.name AS runs_what_it_is_given
  FROM function f, unnest(f.proargnames) argument,
	   regexp_replace(f.prosrc, '''[^'']*''', '', 'g') code
 WHERE f.nspname = 'crm_internal' AND f.lanname = 'plpgsql' AND argument <> ''
   AND code ~ format('EXECUTE\s+([a-z_]+\()*%1$s\M|EXECUTE\s+[a-z_]+\([^()]*\)\s*\|\|\s*%1$s\M',
					 argument)
   AND EXISTS (SELECT FROM aclexplode(coalesce(f.proacl, acldefault('f', f.proowner)))
				WHERE grantee = 0)
 ORDER BY 1;

-- Functions over values are IMMUTABLE and PARALLEL SAFE. Maintenance switches to the owner of the
-- workspace. The function that does its work is for the library alone.
SELECT name, provolatile, proparallel FROM function
 WHERE lanname IN ('c', 'internal') AND prosrc !~ '^crm_as_(owner|maintainer|reader|caller)$'
   AND (provolatile <> 'i' OR proparallel <> 's')
 ORDER BY 1;
SELECT name AS maintenance, prosrc FROM function
 WHERE prosrc ~ '^crm_as_(owner|maintainer|reader|caller)$' ORDER BY 1;
SELECT name AS work_that_others_can_start FROM function f
 WHERE f.proname ~ '_as_owner$'
   AND (EXISTS (SELECT FROM aclexplode(coalesce(f.proacl, acldefault('f', f.proowner)))
				 WHERE grantee = 0)
		OR NOT EXISTS (SELECT FROM function o
						WHERE o.prosrc ~ '^crm_as_' AND f.proname = o.proname || '_as_owner'
						  AND f.proargtypes = o.proargtypes));
SELECT name FROM function WHERE prosecdef;

-- Functions in plpgsql have a search_path of their own; these must see the
-- caller's, or set it for the caller, and qualify every name.
SELECT name FROM function
 WHERE lanname = 'plpgsql' AND prokind <> 'p'
   AND coalesce(array_to_string(proconfig, ','), '') !~ 'search_path=pg_catalog, pg_temp'
 ORDER BY 1;

-- Not STRICT, beside the support of aggregates: functions over values that say what NULL means.
SELECT name FROM function
 WHERE prokind = 'f' AND NOT proisstrict AND pronargs > 0 AND provolatile = 'i'
   AND oid NOT IN (SELECT oid FROM service WHERE served = 'aggregate')
 ORDER BY 1;

-- pg_upgrade makes every function from its definition as the catalog prints it.
BEGIN;
DO $$
DECLARE
	made regprocedure;
BEGIN
	FOR made IN SELECT oid FROM function WHERE prokind IN ('f', 'p', 'w') ORDER BY name LOOP
		EXECUTE pg_get_functiondef(made);
	END LOOP;
END
$$;
ROLLBACK;

-- Operator classes are sound.
SELECT amname, opcname, amvalidate(c.oid)
  FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod
 WHERE c.opcnamespace = 'crm'::regnamespace ORDER BY 1;

-- The two schemas are the extension's own, and all of it lies in them.
SELECT n.nspname, (SELECT rolsuper FROM pg_roles r WHERE r.oid = n.nspowner) AS superuser_owns,
	   obj_description(n.oid, 'pg_namespace') IS NOT NULL AS commented,
	   has_schema_privilege('public', n.oid, 'USAGE') AS everybody_uses,
	   has_schema_privilege('public', n.oid, 'CREATE') AS everybody_creates
  FROM pg_depend d JOIN pg_namespace n ON n.oid = d.objid
 WHERE d.classid = 'pg_namespace'::regclass AND d.deptype = 'e'
   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'crm')
 ORDER BY n.nspname;
SELECT i.type, i.schema, i.identity
  FROM pg_depend d CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i
 WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
   AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'crm')
   AND i.schema NOT IN ('crm', 'crm_internal')
 ORDER BY 1, 2, 3;

-- A schema that somebody prepared is refused, whoever owns it, and stays as it was.
\set database :DBNAME
CREATE DATABASE crm_regress_prepared;
\c crm_regress_prepared
\set SHOW_CONTEXT never
CREATE SCHEMA crm CREATE TABLE mine (i int);
CREATE EXTENSION crm;
SELECT count(*) FROM crm.mine;
\set VERBOSITY terse
DROP SCHEMA crm CASCADE;
CREATE ROLE crm_regress_other;
CREATE SCHEMA crm_internal AUTHORIZATION crm_regress_other;
CREATE EXTENSION crm;
DROP SCHEMA crm_internal;
CREATE EXTENSION crm;
DROP EXTENSION crm;
SELECT nspname FROM pg_namespace WHERE nspname LIKE 'crm%';
\c :"database"
DROP DATABASE crm_regress_prepared;
DROP ROLE crm_regress_other;
