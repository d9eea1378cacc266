-- The house: version, comments, markings of every object.
SELECT crm.version() = extversion AS library_is_this_version
  FROM pg_extension WHERE extname = 'crm';

-- Everything has a COMMENT (operator families, array types and row types of views aside).
SELECT pg_describe_object(classid, objid, 0) AS without_comment
  FROM pg_depend
 WHERE refclassid = 'pg_extension'::regclass
   AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'crm')
   AND deptype = 'e'
   AND classid NOT IN ('pg_opfamily'::regclass, 'pg_namespace'::regclass)
   AND obj_description(objid, classid::regclass::text) IS NULL
   AND NOT (classid = 'pg_type'::regclass
			AND (SELECT typelem <> 0 AND typcategory = 'A' OR typrelid IN (SELECT c.oid FROM pg_class c WHERE relkind = 'v')
				   FROM pg_type t WHERE t.oid = objid))
 ORDER BY 1;

-- Functions over values are IMMUTABLE and PARALLEL SAFE; nothing runs with other rights than the caller's.
SELECT p.oid::regprocedure, p.provolatile, p.proparallel
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE p.pronamespace = 'crm'::regnamespace AND lanname IN ('c', 'internal')
   AND (p.provolatile <> 'i' OR p.proparallel <> 's')
 ORDER BY p.oid::regprocedure::text;
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'crm'::regnamespace AND p.prosecdef;

-- Functions in plpgsql have a search_path of their own; these must see the
-- caller's, or set it for him, and qualify every name instead.
SELECT p.oid::regprocedure
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE p.pronamespace = 'crm'::regnamespace AND lanname = 'plpgsql' AND prokind <> 'p'
   AND coalesce(array_to_string(proconfig, ','), '') !~ 'search_path=pg_catalog, pg_temp'
 ORDER BY p.oid::regprocedure::text;

-- Not STRICT, beside the support of aggregates: functions over values that say what NULL means.
SELECT p.oid::regprocedure
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
 WHERE p.pronamespace = 'crm'::regnamespace AND p.prokind = 'f' AND NOT p.proisstrict AND p.pronargs > 0
   AND (p.provolatile = 'i')
   AND NOT EXISTS (SELECT FROM pg_aggregate WHERE p.oid IN (aggtransfn, aggcombinefn, aggfinalfn))
 ORDER BY p.oid::regprocedure::text;

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
\c contrib_regression
DROP DATABASE crm_regress_prepared;
DROP ROLE crm_regress_other;
