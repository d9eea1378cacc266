-- The house: version, comments, markings of every object.
SELECT crm.version() = extversion AS library_is_this_version
  FROM pg_extension WHERE extname = 'crm';

-- Everything has a COMMENT (operator families and array types aside).
SELECT pg_describe_object(classid, objid, 0) AS without_comment
  FROM pg_depend
 WHERE refclassid = 'pg_extension'::regclass
   AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'crm')
   AND deptype = 'e'
   AND classid NOT IN ('pg_opfamily'::regclass, 'pg_namespace'::regclass)
   AND obj_description(objid, classid::regclass::text) IS NULL
   AND NOT (classid = 'pg_type'::regclass
			AND (SELECT typelem <> 0 AND typcategory = 'A' FROM pg_type t WHERE t.oid = objid))
 ORDER BY 1;

-- Functions are IMMUTABLE, PARALLEL SAFE and run with the caller's rights.
SELECT p.oid::regprocedure, p.provolatile, p.proparallel, p.prosecdef
  FROM pg_proc p
 WHERE p.pronamespace = 'crm'::regnamespace
   AND (p.provolatile <> 'i' OR p.proparallel <> 's' OR p.prosecdef)
 ORDER BY p.oid::regprocedure::text;

-- Not STRICT, beside the support of aggregates: functions that say what NULL means.
SELECT p.oid::regprocedure
  FROM pg_proc p
 WHERE p.pronamespace = 'crm'::regnamespace AND p.prokind <> 'a' AND NOT p.proisstrict AND p.pronargs > 0
   AND NOT EXISTS (SELECT FROM pg_aggregate WHERE p.oid IN (aggtransfn, aggcombinefn, aggfinalfn))
 ORDER BY p.oid::regprocedure::text;

-- Operator classes are sound.
SELECT amname, opcname, amvalidate(c.oid)
  FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod
 WHERE c.opcnamespace = 'crm'::regnamespace ORDER BY 1;

-- A schema that somebody prepared is refused, and stays as it was.
\set VERBOSITY terse
CREATE DATABASE crm_regress_prepared;
\c crm_regress_prepared
CREATE SCHEMA crm CREATE TABLE mine (i int);
CREATE EXTENSION crm;
SELECT count(*) FROM crm.mine;
DROP SCHEMA crm CASCADE;
CREATE ROLE crm_regress_other;
CREATE SCHEMA crm AUTHORIZATION crm_regress_other;
CREATE EXTENSION crm;
DROP SCHEMA crm;
CREATE EXTENSION crm;
DROP EXTENSION crm;
\c contrib_regression
DROP DATABASE crm_regress_prepared;
DROP ROLE crm_regress_other;
