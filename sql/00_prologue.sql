/*
 * prologue
 *
 * Makes the two schemas of the extension, and defines what belongs to no
 * domain. Every statement of these modules is a plain CREATE.
 *
 * The control file names pg_catalog as the schema, so that CREATE EXTENSION
 * creates none and takes none that somebody prepared. The two schemas are made
 * here instead. The script runs with the rights of a superuser, so both belong
 * to a superuser and nobody else can create anything in them. They are members
 * of the extension: DROP EXTENSION drops them, and pg_dump leaves them out.
 *
 * Until the schemas exist, the caller may own everything that the script could
 * meet. So every name and operator of this module is qualified.
 */
\echo Use "CREATE EXTENSION crm" to load this file. \quit

DO $$
DECLARE
	taken pg_catalog.name;
BEGIN
	SELECT n.nspname INTO taken
	  FROM pg_catalog.pg_namespace n
	 WHERE n.nspname OPERATOR(pg_catalog.=) 'crm'
		OR n.nspname OPERATOR(pg_catalog.=) 'crm_internal'
	 ORDER BY n.nspname
	 LIMIT 1;
	IF taken IS NOT NULL THEN
		RAISE duplicate_schema USING
			MESSAGE = pg_catalog.format(
				'schema "%s" already exists, but the extension must create it', taken),
			DETAIL = 'Objects in a schema that somebody prepared could be taken for those of '
				'the extension.',
			HINT = pg_catalog.format(
				'Rename the schema (ALTER SCHEMA %s RENAME TO ...) or drop it, '
				'then run CREATE EXTENSION again.', taken);
	END IF;
END
$$;

CREATE SCHEMA crm;
CREATE SCHEMA crm_internal;
COMMENT ON SCHEMA crm IS
'The functions, aggregates, types and operators of the extension crm. The manual describes them.';
COMMENT ON SCHEMA crm_internal IS
'What the extension crm needs for itself. It may change with any version: do not call it.';

-- The functions are for everybody. They show nothing that the caller may not see.
GRANT USAGE ON SCHEMA crm, crm_internal TO PUBLIC;

--| It may be newer than the SQL definitions (pg_extension.extversion) until ALTER EXTENSION crm
--| UPDATE.
CREATE FUNCTION crm.version() RETURNS text
	AS 'MODULE_PATHNAME', 'crm_version' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.version() IS 'Version of the loaded library.';

