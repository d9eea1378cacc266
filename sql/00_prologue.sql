/*
 * prologue
 *
 * This module makes the two schemas of the extension and the objects that
 * belong to no domain. Every statement of the SQL modules is a plain CREATE.
 *
 * The control file names pg_catalog as the schema of the extension. So CREATE
 * EXTENSION creates no schema, and uses no schema that somebody prepared. This
 * module creates both schemas instead. The script runs with the rights of a
 * superuser, so the schemas belong to a superuser and nobody else can create
 * anything in them. The schemas are members of the extension, so DROP EXTENSION
 * drops them and pg_dump leaves them out.
 *
 * Until the schemas exist, the caller may own every object that a name could
 * find. So this module qualifies every name and operator.
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
'The functions, aggregates, types and operators of the extension crm, which the manual describes.';
COMMENT ON SCHEMA crm_internal IS
'Helpers of the extension crm that any version may change, so do not call them.';

-- Everybody may call the functions, because they show nothing that the caller may not see.
GRANT USAGE ON SCHEMA crm, crm_internal TO PUBLIC;

--| The library may be newer than the SQL definitions until `ALTER EXTENSION crm UPDATE` is run. The
--| version of the SQL definitions is `pg_extension.extversion`.
--|
--| ```sql
--| SELECT crm.version() AS library, extversion AS definitions
--|   FROM pg_extension WHERE extname = 'crm';
--| ```
CREATE FUNCTION crm.version() RETURNS text
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_version';
COMMENT ON FUNCTION crm.version() IS 'The version of the loaded library.';

/*
 * Days
 *
 * The day of a moment is defined here, once for SQL, and in src/base/day.h, once
 * for C. A workspace has a time zone, a program may have its own.
 */

-- It is (at AT TIME ZONE time_zone)::date, and no error at the ends of what moments reach. It
-- costs as much as the two functions of that expression.
--: The day of a moment in a time zone.
CREATE FUNCTION crm_internal.day_of(at pg_catalog.timestamptz, time_zone pg_catalog.text)
	RETURNS pg_catalog.date
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2 AS 'MODULE_PATHNAME', 'crm_day_of';

--: The moment at which a clock in a time zone shows a time.
CREATE FUNCTION crm_internal.moment_of_clock(at pg_catalog.timestamp, time_zone pg_catalog.text)
	RETURNS pg_catalog.timestamptz
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_moment_of_clock';

--: The moment at which a clock in a time zone shows the midnight of a day.
CREATE FUNCTION crm_internal.moment_of_day(day pg_catalog.date, time_zone pg_catalog.text)
	RETURNS pg_catalog.timestamptz
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2 AS 'MODULE_PATHNAME', 'crm_moment_of_day';

--: Today in a time zone, whatever the time zone of the session is.
CREATE FUNCTION crm_internal.today(time_zone pg_catalog.text) RETURNS pg_catalog.date
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	RETURN crm_internal.day_of(pg_catalog.now(), time_zone);

--: Whether the day of a moment in a time zone is not later than a day.
CREATE FUNCTION crm_internal.is_upto(at pg_catalog.timestamptz, day pg_catalog.date,
	time_zone pg_catalog.text) RETURNS pg_catalog.bool
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_is_upto';

--: The first moment of a day in a time zone; that of the next day where the zone skipped the day.
CREATE FUNCTION crm_internal.day_start(day pg_catalog.date, time_zone pg_catalog.text)
	RETURNS pg_catalog.timestamptz
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_day_start';

-- The limits are those of src/workspace/time_limits.c. scripts/workspace_definition adds them.
--: True for a day from 0001-01-01 to 9999-12-31, else an error that names the column.
CREATE FUNCTION crm_internal.day_within_limits(column_name pg_catalog.text, day pg_catalog.date)
	RETURNS pg_catalog.bool
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_day_within_limits';

--: True for a moment of such a day in any time zone, else an error that names the column.
CREATE FUNCTION crm_internal.moment_within_limits(column_name pg_catalog.text,
	at pg_catalog.timestamptz) RETURNS pg_catalog.bool
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_moment_within_limits';

--: True for a time of at most a thousand years, else an error that names the column.
CREATE FUNCTION crm_internal.span_within_limits(column_name pg_catalog.text,
	span pg_catalog."interval") RETURNS pg_catalog.bool
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_span_within_limits';

--: True for a time in whole days, none of its parts below 0, else an error that names the column.
CREATE FUNCTION crm_internal.span_in_whole_days(column_name pg_catalog.text,
	span pg_catalog."interval") RETURNS pg_catalog.bool
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_span_in_whole_days';

/*
 * Subqueries of views
 */

-- A condition passes such a subquery, as it does not pass OFFSET 0.
--: One row, 1. A column of it keeps a subquery apart, so that its columns are computed once.
CREATE FUNCTION crm_internal.once() RETURNS SETOF int4
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 0.1 ROWS 1 AS 'MODULE_PATHNAME', 'crm_once';

/*
 * States of aggregates
 *
 * A state knows its type, so all aggregates share two of the functions by which
 * parallel workers exchange states (src/base/aggregate.h).
 */

CREATE FUNCTION crm_internal.state_combine(internal, internal) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_state_combine';
CREATE FUNCTION crm_internal.state_serialize(internal) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_state_serialize';
