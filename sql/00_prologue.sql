/*
 * prologue
 *
 * Refuses to install into a schema that somebody prepared, and defines what
 * belongs to no domain. Every statement of these modules is a plain CREATE.
 */
\echo Use "CREATE EXTENSION crm" to load this file. \quit

DO $$
DECLARE
	home pg_catalog.oid;
	its_owner pg_catalog.oid;
	our_owner pg_catalog.oid;
	others pg_catalog.int8;
BEGIN
	SELECT n.oid, n.nspowner, e.extowner INTO home, its_owner, our_owner
	  FROM pg_catalog.pg_extension e
	  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
	 WHERE e.extname OPERATOR(pg_catalog.=) 'crm';
	IF its_owner OPERATOR(pg_catalog.<>) our_owner THEN
		RAISE invalid_schema_definition USING
			MESSAGE = pg_catalog.format('schema "crm" belongs to role %s, not to the role that installs the extension',
										pg_catalog.pg_get_userbyid(its_owner)),
			HINT = 'Drop or rename the schema, or change its owner, then run CREATE EXTENSION again.';
	END IF;
	SELECT pg_catalog.count(*) INTO others
	  FROM pg_catalog.pg_depend d
	 WHERE d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::pg_catalog.regclass
	   AND d.refobjid OPERATOR(pg_catalog.=) home
	   AND d.classid OPERATOR(pg_catalog.<>) 'pg_catalog.pg_extension'::pg_catalog.regclass;
	IF others OPERATOR(pg_catalog.>) 0 THEN
		RAISE invalid_schema_definition USING
			MESSAGE = pg_catalog.format('schema "crm" already holds %s object(s)', others),
			HINT = 'The extension needs this schema for itself. Rename it (ALTER SCHEMA crm RENAME TO ...), then run CREATE EXTENSION again.';
	END IF;
END
$$;

-- The functions are for everybody; they show nothing that the caller may not see.
GRANT USAGE ON SCHEMA crm TO PUBLIC;

CREATE FUNCTION crm.version() RETURNS text
	AS 'MODULE_PATHNAME', 'crm_version' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.version() IS
'Version of the loaded library. It may be newer than the SQL definitions (pg_extension.extversion) until ALTER EXTENSION crm UPDATE.';

