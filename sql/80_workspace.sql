/*
 * workspace
 *
 * A workspace is a schema of yours with tables, rules and views that are made
 * from the definitions shipped with the extension and belong to you. This
 * module makes them, over tables of their own or a relation of yours. None of
 * its objects holds data.
 */

--| A setting that is no date YYYY-MM-DD is an error.
CREATE FUNCTION crm.as_of() RETURNS date
	LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_as_of';
COMMENT ON FUNCTION crm.as_of() IS
'The setting crm.as_of where it is set, else the current date.';

--: The setting crm.as_of, and NULL where it is not set.
CREATE FUNCTION crm_internal.as_of_setting() RETURNS date
	LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_as_of_setting';

/*
 * Sums of views
 *
 * A sum of doubles depends on the order of its rows, and so on the plan. Views
 * take these aggregates, whose result does not.
 */

CREATE FUNCTION crm_internal.exact_sum_transition(internal, float8) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_exact_sum_transition';
CREATE FUNCTION crm_internal.exact_sum_deserialize(bytea, internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_exact_sum_deserialize';
CREATE FUNCTION crm_internal.exact_sum_final(internal) RETURNS float8
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_exact_sum_final';
CREATE FUNCTION crm_internal.exact_avg_final(internal) RETURNS float8
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_exact_avg_final';

--: The double nearest to the sum, whatever the order of the values. NULLs are skipped.
CREATE AGGREGATE crm_internal.exact_sum(float8) (
	SFUNC = crm_internal.exact_sum_transition, STYPE = internal, SSPACE = 600,
	FINALFUNC = crm_internal.exact_sum_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.exact_sum_deserialize
);
--: The exact sum divided by the number of values. NULLs are skipped.
CREATE AGGREGATE crm_internal.exact_avg(float8) (
	SFUNC = crm_internal.exact_sum_transition, STYPE = internal, SSPACE = 600,
	FINALFUNC = crm_internal.exact_avg_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.exact_sum_deserialize
);

/*
 * sum(numeric) makes a state of some hundred bytes for each group. That is fast for many
 * rows, and takes most of the time where each of many groups has a row or two.
 */
--: The sum of numbers, for groups of few rows.
CREATE AGGREGATE crm_internal.sum_of_few(numeric) (
	SFUNC = numeric_add, STYPE = numeric, COMBINEFUNC = numeric_add, PARALLEL = SAFE
);

CREATE FUNCTION crm_internal.newest_transition(internal, numeric, timestamptz, bigint)
	RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_newest_transition';
CREATE FUNCTION crm_internal.newest_final(internal) RETURNS numeric
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_newest_final';

--: The value of the latest row; of equal moments that with the greatest id. A row with a NULL is
--: skipped.
CREATE AGGREGATE crm_internal.newest(value numeric, at timestamptz, id bigint) (
	SFUNC = crm_internal.newest_transition, STYPE = internal, SSPACE = 64,
	FINALFUNC = crm_internal.newest_final, PARALLEL = SAFE
);

-- to_jsonb writes float8 as extra_float_digits says, and -15 would leave one digit.
--: The columns of a row by their names, with all digits whatever the session shows.
CREATE FUNCTION crm_internal.row_facts(facts record) RETURNS jsonb
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	SET extra_float_digits = 1 AS $$
BEGIN
	RETURN to_jsonb(facts);
END
$$;

-- A power has more digits on some servers than on others, so it is rounded.
--: The share of a score that is left after so many days without a sign of life.
CREATE FUNCTION crm_internal.score_left(idle_days integer, half_life interval) RETURNS numeric
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN half_life IS NULL THEN 1
				ELSE coalesce(round(0.5 ^ (idle_days * 86400::numeric
										   / extract(epoch FROM half_life)), 9), 0) END;

-- An immutable function, so that the server computes a choice of a view when it plans a query.
--: The choice, or an error that names the choices.
CREATE FUNCTION crm_internal.one_of(choice text, choices text[]) RETURNS text
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF choice = ANY (choices) THEN
		RETURN choice;
	END IF;
	RAISE invalid_parameter_value USING
		MESSAGE = format('"%s" is not one of the choices', choice),
		HINT = 'Give one of these: ' || array_to_string(choices, ', ') || '.';
END
$$;

/* Names and definitions */

-- make writes crm.workspace_definition from sql/workspace. @internal@ and @key@ in it
-- stand for the schema of inner objects and for the type of keys.
COMMENT ON FUNCTION crm.workspace_definition(text) IS
'The DDL of a part of a workspace, or NULL for an unknown part.';

-- Each is the name of a text of crm.workspace_definition.
--: The definitions that make up a workspace, in the order in which they are run: one over a
--: relation of your own (true) or one with tables (false).
CREATE FUNCTION crm_internal.workspace_parts(attached boolean) RETURNS text[]
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN CASE WHEN attached
				THEN '{workspace,segments,attached,history,views,attached_customer,'
					'attached_growth,attached_growing,attached_movement,attached_origin,'
					'attached_value}'::text[]
				ELSE '{workspace,segments,tables,rules,purchase,history,views,points,contracts,'
					'facts,customer,growth,tiers,lifecycle,recurring,journey,winning,growing,'
					'movement,voice,kpi,origin,potential,value,business}'::text[] END;

-- The texts are replaced whole. Finished DDL is never searched or changed.
--: A definition for a workspace.
CREATE FUNCTION crm_internal.workspace_fill(definition text, attached boolean, key_type text,
	internal text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN replace(replace(definition, '@key@', key_type), '@internal@', quote_ident(internal));

/*
 * The schema is found by the function behind a trigger of the table
 * "workspace", not by a name that is kept somewhere. So either schema can be
 * renamed, and a restored dump needs no mending. The owner must be the same:
 * what a superuser does to a workspace must not reach a schema of another role.
 */
--: The schema with the inner views and functions of a workspace: sales_internal for a new workspace
--: sales, and the schema of that origin whatever its name is now.
CREATE FUNCTION crm_internal.workspace_inner_schema(workspace text) RETURNS text
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	SELECT coalesce((
		SELECT i.nspname
		  FROM pg_namespace n
		  JOIN pg_class w ON w.relnamespace = n.oid AND w.relname = 'workspace'
		  JOIN pg_trigger t ON t.tgrelid = w.oid AND t.tgname = 'crm_check_settings'
		  JOIN pg_proc p ON p.oid = t.tgfoid
		  JOIN pg_namespace i ON i.oid = p.pronamespace AND i.nspowner = n.nspowner
		 WHERE n.nspname = workspace),
		workspace || '_internal');
END;

--: Refuses a schema that a workspace cannot have: one that is not empty, that belongs to another
--: role, or that the caller may not make.
CREATE FUNCTION crm_internal.workspace_check_schema(schema_name text, hint text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	its_owner oid;
BEGIN
	SELECT nspowner INTO its_owner FROM pg_namespace WHERE nspname = schema_name;
	IF NOT FOUND THEN
		IF NOT has_database_privilege(current_database(), 'CREATE') THEN
			RAISE insufficient_privilege USING
				MESSAGE = format('role %s may not create the schema "%s"', current_user,
					schema_name),
				HINT = format('It needs: GRANT CREATE ON DATABASE %I TO %I. '
							  'Or this schema, made for it: CREATE SCHEMA %I AUTHORIZATION %2$I.',
							  current_database(), current_user, schema_name);
		END IF;
	ELSIF its_owner <> current_user::regrole THEN
		RAISE duplicate_schema USING
			MESSAGE = format('schema "%s" exists and belongs to role %s', schema_name,
				its_owner::regrole),
			HINT = hint;
	ELSIF EXISTS (SELECT FROM pg_depend
				   WHERE refclassid = 'pg_namespace'::regclass
					 AND refobjid = to_regnamespace(quote_ident(schema_name))) THEN
		RAISE duplicate_schema USING
			MESSAGE = format('schema "%s" exists and is not empty', schema_name),
			HINT = hint;
	END IF;
END
$$;

--: Refuses a name that no workspace can get: none, too long, reserved, or where one of its two
--: schemas cannot be had.
CREATE FUNCTION crm_internal.workspace_check_name(workspace text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF workspace IS NULL OR workspace = '' THEN
		RAISE invalid_schema_name USING
			MESSAGE = 'a workspace needs a name',
			HINT = 'Give the name of a schema that does not exist yet: SELECT '
				'crm.create_workspace(''sales'').';
	ELSIF octet_length(workspace) > 63 - octet_length('_internal') THEN
		RAISE name_too_long USING
			MESSAGE = format('workspace name "%s" has %s bytes', workspace,
				octet_length(workspace)),
			DETAIL = format('It has at most %s bytes: the second schema of the workspace adds '
				'_internal to it, '
							'and a name has at most 63.', 63 - octet_length('_internal')),
			HINT = 'Choose a shorter name.';
	ELSIF workspace IN ('crm', 'crm_internal', 'public', 'information_schema')
		OR starts_with(workspace, 'pg_') THEN
		RAISE reserved_name USING
			MESSAGE = format('workspace name "%s" is reserved', workspace),
			HINT = 'Choose a schema of your own, other than crm, crm_internal, public, '
				'information_schema and pg_....';
	END IF;
	IF (SELECT count(*) FROM pg_class c
		 WHERE c.relnamespace = to_regnamespace(quote_ident(workspace))
		   AND c.relname IN ('workspace', 'customer_history')) = 2 THEN
		RAISE duplicate_schema USING
			MESSAGE = format('schema "%s" is already a workspace', workspace),
			HINT = format('crm.upgrade_workspace(%L) brings it up to date, crm.change_source gives '
				'it '
				'another source, crm.drop_workspace ends it.', workspace);
	END IF;
	PERFORM crm_internal.workspace_check_schema(workspace,
		'Choose another name, or an empty schema that is yours.');
	PERFORM crm_internal.workspace_check_schema(workspace || '_internal',
		format('The workspace needs this schema for its inner views and functions. '
			   'Choose another name than "%s", or drop the schema if nobody needs it.', workspace));
END
$$;

--: Makes the two schemas of a workspace where they are missing, and comments them while they are
--: empty.
CREATE FUNCTION crm_internal.workspace_make_schemas(workspace text, internal text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	made record;
BEGIN
	FOR made IN
		SELECT s.name, s.purpose
		  FROM (VALUES (workspace, 'Workspace of the extension crm.'),
					   (internal, format('Inner views and functions of the workspace "%s". They '
						'may change.', workspace)))
			   AS s (name, purpose)
		 WHERE to_regnamespace(quote_ident(s.name)) IS NULL
			OR NOT EXISTS (SELECT FROM pg_depend d
							WHERE d.refclassid = 'pg_namespace'::regclass
							  AND d.refobjid = to_regnamespace(quote_ident(s.name)))
	LOOP
		IF to_regnamespace(quote_ident(made.name)) IS NULL THEN
			EXECUTE format('CREATE SCHEMA %I', made.name);
		END IF;
		EXECUTE format('COMMENT ON SCHEMA %I IS %L', made.name, made.purpose);
	END LOOP;
END
$$;

-- pg_catalog comes before all, as it does unless it is named.
--: The search path in which the definitions of a workspace mean its own objects: the schema, and
--: that of the type of its keys for the operators.
CREATE FUNCTION crm_internal.workspace_path(workspace text, type_schema name) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN quote_ident(workspace)
		|| coalesce(', ' || quote_ident(nullif(type_schema, 'pg_catalog')), '') || ', pg_temp';

--: The schema of the type of the keys of a workspace, or an error where there is no such workspace.
CREATE FUNCTION crm_internal.workspace_key_schema(workspace text) RETURNS name
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	type_schema name;
BEGIN
	SELECT t.nspname INTO type_schema
	  FROM pg_namespace n
	  JOIN pg_class h ON h.relnamespace = n.oid AND h.relname = 'customer_history'
	  JOIN pg_class w ON w.relnamespace = n.oid AND w.relname = 'workspace'
	  JOIN pg_attribute a ON a.attrelid = h.oid AND a.attname = 'customer_id'
	  JOIN pg_type y ON y.oid = a.atttypid
	  JOIN pg_namespace t ON t.oid = y.typnamespace
	 WHERE n.nspname = workspace;
	IF NOT FOUND THEN
		RAISE invalid_schema_name USING
			MESSAGE = format('there is no workspace "%s"', workspace),
			HINT = 'SELECT * FROM crm.workspaces shows the workspaces. crm.create_workspace and '
				'crm.attach make one.';
	END IF;
	RETURN type_schema;
END
$$;

--: An error where the caller may not use a schema of a workspace.
CREATE FUNCTION crm_internal.workspace_check_usage(workspace text, used_schema text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF NOT has_schema_privilege(used_schema, 'USAGE') THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('permission denied for workspace "%s"', workspace),
			HINT = format('The role needs at least: GRANT USAGE ON SCHEMA %I TO %I.',
				used_schema, current_user);
	END IF;
END
$$;

/*
 * A role that may create objects in a workspace could plant an operator there,
 * and code of the workspace would run it with the rights of somebody else. So could
 * a role that owns an object there, because it may once have had that right.
 */
--: An error where the caller may not use the schemas of a workspace, or where others may create.
CREATE FUNCTION crm_internal.workspace_check_entry(workspace text, internal text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	refused record;
BEGIN
	PERFORM crm_internal.workspace_check_usage(workspace, workspace);
	SELECT n.nspname, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END AS who
	  INTO refused
	  FROM pg_namespace n CROSS JOIN LATERAL aclexplode(n.nspacl) a
	 WHERE n.nspname IN (workspace, internal) AND a.privilege_type = 'CREATE'
	   AND a.grantee <> n.nspowner
	 ORDER BY 1, 2 LIMIT 1;
	IF FOUND THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('role %s may create objects in workspace "%s"', refused.who,
				workspace),
			DETAIL = 'Maintenance would run such objects with the rights of the owner.',
			HINT = format('REVOKE CREATE ON SCHEMA %I FROM %s. Make your own views in another '
				'schema.', refused.nspname, refused.who);
	END IF;
END
$$;

-- What the server pins has no entry in pg_shdepend. It belongs to the first superuser.
--: An error where an object in a schema of a workspace belongs to a role without the rights of the
--: owner.
CREATE FUNCTION crm_internal.workspace_check_owners(workspace text, internal text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	refused record;
BEGIN
	SELECT pg_describe_object(d.classid, d.objid, 0) AS object, s.refobjid::regrole AS who,
		   n.nspowner::regrole AS its_owner
	  INTO refused
	  FROM pg_namespace n
	  JOIN pg_depend d ON d.refclassid = 'pg_namespace'::regclass AND d.refobjid = n.oid
	  JOIN pg_shdepend s ON s.classid = d.classid AND s.objid = d.objid AND s.deptype = 'o'
		AND s.dbid = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database())
	 WHERE n.nspname IN (workspace, internal) AND s.refobjid <> n.nspowner
	   AND NOT pg_has_role(s.refobjid, n.nspowner, 'USAGE')
	 ORDER BY 1 LIMIT 1;
	IF FOUND THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('%s in workspace "%s" belongs to role %s', refused.object, workspace,
				refused.who),
			DETAIL = 'Maintenance would run code of this role with the rights of the owner.',
			HINT = format('ALTER ... OWNER TO %s, or drop the object.', refused.its_owner);
	END IF;
END
$$;

/*
 * The temporary schema stands at the end of every search path. So a table that
 * the workspace lacks would be a temporary one of the session, and its triggers
 * would run with the rights of the owner.
 */
--: An error where a temporary relation of another role would be taken for one of a workspace.
CREATE FUNCTION crm_internal.workspace_check_temporary(workspace text, internal text)
	RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	shipped text;
	refused name;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_class c
					WHERE c.relnamespace = pg_my_temp_schema()
					  AND c.relowner <> current_user::regrole) THEN
		RETURN;
	END IF;
	SELECT string_agg(crm.workspace_definition(part), E'\n') INTO shipped
	  FROM unnest(crm_internal.workspace_parts(true) || crm_internal.workspace_parts(false)) part;
	SELECT min(c.relname) INTO refused
	  FROM pg_class c
	 CROSS JOIN unnest('{"TABLE ","VIEW ","VIEW @internal@."}'::text[]) kind
	 WHERE c.relnamespace = pg_my_temp_schema() AND c.relowner <> current_user::regrole
	   AND strpos(shipped, 'CREATE ' || kind || c.relname || ' ') > 0
	   AND NOT EXISTS (SELECT FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace
						WHERE n.nspname IN (workspace, internal) AND o.relname = c.relname);
	IF refused IS NOT NULL THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('temporary relation "%s" would stand for one of workspace "%s"',
				refused, workspace),
			HINT = format('DROP TABLE pg_temp.%I, or call from another session.', refused);
	END IF;
END
$$;

/*
 * Runs without a SET of its own, so that the search path lasts until the
 * function that called it returns. Hence every name is qualified. The inner
 * views and functions come first, so that no object of yours takes their place.
 */
--: Makes names mean the objects of a workspace, until the calling function returns.
CREATE FUNCTION crm_internal.workspace_enter(workspace text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	type_schema pg_catalog.name := crm_internal.workspace_key_schema(workspace);
	internal pg_catalog.text := crm_internal.workspace_inner_schema(workspace);
BEGIN
	PERFORM crm_internal.workspace_check_entry(workspace, internal);
	PERFORM crm_internal.workspace_check_owners(workspace, internal);
	PERFORM crm_internal.workspace_check_temporary(workspace, internal);
	PERFORM pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ',
		pg_catalog.quote_ident(internal),
		crm_internal.workspace_path(workspace, type_schema)), true);
END
$$;

-- What is written as of a day to come stands in the way of all that is done before that day. The
-- search path is that of the workspace.
--: An error where a day is after today in the time zones of the workspace and of a program, or
--: before all plausible days. NULL stands for the zone of the workspace alone.
CREATE FUNCTION crm_internal.check_day(as_of date, time_zone text) RETURNS void
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	today date := (SELECT greatest(crm_internal.today(w.time_zone),
		crm_internal.today(check_day.time_zone)) FROM workspace w);
	earliest_day date := (SELECT w.earliest_day FROM workspace w);
BEGIN
	IF as_of > today THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('as_of is %s, but today is %s',
				coalesce(to_char(as_of, 'YYYY-MM-DD'), as_of::text), to_char(today, 'YYYY-MM-DD')),
			HINT = 'Nobody knows yet what happens until then. Choose a day up to today.';
	ELSIF as_of < earliest_day THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('as_of is %s, before the first plausible day',
				coalesce(to_char(as_of, 'YYYY-MM-DD AD'), as_of::text)),
			HINT = format('The setting earliest_day of the workspace is %s.',
				to_char(earliest_day, 'YYYY-MM-DD'));
	END IF;
END
$$;

-- What a transaction waited for is not in its snapshot.
--: An error where the transaction does not see what others committed since it began. The text says
--: what cannot be done.
CREATE FUNCTION crm_internal.refuse_old_snapshot(refused text, reason text) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE feature_not_supported USING
			MESSAGE = format('%s in a transaction of the level %s', refused,
				upper(current_setting('transaction_isolation'))),
			DETAIL = reason,
			HINT = 'Use READ COMMITTED.';
	END IF;
END
$$;

-- For the FROM clause of a statement that writes rows whose references one query has checked. Only
-- the owner of the table may call it.
--: One row. A statement that reads it checks no foreign key of the rows that it writes to a table.
CREATE FUNCTION crm_internal.references_checked(relation regclass) RETURNS SETOF boolean
	LANGUAGE C STRICT ROWS 1 AS 'MODULE_PATHNAME', 'crm_references_checked';

/*
 * The lock needs rights in the workspace, so that a stranger cannot hold up
 * maintenance. It lies on the settings, because a lock on histories would meet
 * VACUUM. Readers and writers of the workspace do not notice it. The search path
 * is that of the workspace.
 */
--: Keeps others from maintaining the workspace until this transaction ends, if nobody does it now.
--: Returns whether it could.
CREATE FUNCTION crm_internal.workspace_lock_at_once() RETURNS boolean
	LANGUAGE plpgsql AS $$
BEGIN
	LOCK TABLE workspace IN SHARE UPDATE EXCLUSIVE MODE NOWAIT;
	RETURN true;
EXCEPTION WHEN lock_not_available THEN
	RETURN false;
END
$$;

--: Waits until no other transaction maintains the workspace, and keeps others from it until this
--: one ends.
CREATE FUNCTION crm_internal.workspace_lock(workspace text) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	IF crm_internal.workspace_lock_at_once() THEN
		RETURN;
	END IF;
	RAISE NOTICE USING
		MESSAGE = format('workspace "%s" is being maintained by another transaction', workspace),
		DETAIL = coalesce((SELECT format('Waiting for process %s of role %s.', a.pid, a.usename)
					FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
				   WHERE l.locktype = 'relation' AND l.relation = 'workspace'::regclass
					 AND l.database = (SELECT d.oid FROM pg_database d
										WHERE d.datname = current_database())
					 AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted
				   LIMIT 1), 'It ends at this moment.');
	LOCK TABLE workspace IN SHARE UPDATE EXCLUSIVE MODE;
END
$$;

-- Runs without a SET of its own, as crm_internal.workspace_enter does, and for its reason.
--: Enters a workspace, and waits until no other transaction maintains it.
CREATE FUNCTION crm_internal.workspace_enter_alone(workspace text) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM crm_internal.workspace_enter(workspace);
	PERFORM crm_internal.workspace_lock(workspace);
END
$$;

/*
 * The server analyzes a table by itself once 50 rows have changed, which those
 * of settings and rules never see. The server would take each of these tables
 * for hundreds of rows, and multiply them in its plans. And it would take a table
 * that was filled just now for empty, until it comes round to it.
 */
-- The search path is that of the workspace.
-- No condition asks for statistics of facts, which are the largest column of a log.
--: Collects statistics of the settings and rules of a workspace, or of a table of it where changes
--: are more than a tenth of its rows. Columns of type jsonb are left out.
CREATE FUNCTION crm_internal.workspace_analyze(filled regclass DEFAULT NULL,
	changes bigint DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	relation regclass;
BEGIN
	FOR relation IN
		SELECT c.oid FROM pg_class c
		 WHERE pg_has_role(c.relowner, 'USAGE')
		   AND CASE WHEN filled IS NOT NULL THEN c.oid = filled AND changes > greatest(c.reltuples,
			0) / 10
					ELSE c.relnamespace = (SELECT w.relnamespace FROM pg_class w
						WHERE w.oid = 'workspace'::regclass)
						 AND c.relname = ANY (
							crm_internal.rule_tables() || '{workspace,everyone_change}'::text[]) END
		 ORDER BY c.relname
	LOOP
		EXECUTE format('ANALYZE %s (%s)', relation,
			(SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
			  WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
				AND a.atttypid <> 'jsonb'::regtype));
	END LOOP;
END
$$;

/* Making */

CREATE FUNCTION crm_internal.create_workspace_as_caller(workspace text, time_zone text)
	RETURNS regnamespace
	LANGUAGE plpgsql AS $$
BEGIN
	RETURN crm_internal.workspace_create(workspace,
		coalesce(time_zone, pg_catalog.current_setting('TimeZone')));
END
$$;

--| * `workspace`: the name of the schema. A second schema for inner views and functions gets the
--|   name with `_internal` appended. Neither may exist, unless it is empty and yours.
--| * `time_zone`: decides on which day something happened. The default is the time zone of the
--|   session.
--|
--| Everything belongs to the caller. A call that fails leaves nothing behind. The result is the
--| schema.
--|
--| ```sql
--| SELECT crm.create_workspace('sales', time_zone => 'Europe/Berlin');
--| ```
CREATE FUNCTION crm.create_workspace(workspace text, time_zone text DEFAULT NULL)
	RETURNS regnamespace
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_caller';
COMMENT ON FUNCTION crm.create_workspace(text, text) IS
'Makes a workspace with tables of its own: a schema of yours with tables, rules and views.';

--: The operator by which DISTINCT and indexes find equal values of a type.
CREATE FUNCTION crm_internal.equality_operator(type regtype) RETURNS regoperator
	LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_equality_operator';

/*
 * Keys of customers are compared by one function of the workspace. Its body
 * names the operator of the type's default order with its schema. So a key such
 * as citext, whose type lives in another schema, is never compared as plain text
 * because its schema is not on the search path. The planner inlines the
 * function, and an index serves it.
 */
--: Makes the function of a workspace that compares two keys of customers.
CREATE FUNCTION crm_internal.workspace_make_same_customer(internal text, key_type text)
	RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	base_type regtype := (
		WITH RECURSIVE layer (type) AS (
			SELECT key_type::regtype::oid
			UNION ALL
			SELECT t.typbasetype FROM layer l JOIN pg_type t ON t.oid = l.type
			 WHERE t.typtype = 'd')
		SELECT l.type FROM layer l JOIN pg_type t ON t.oid = l.type WHERE t.typtype <> 'd');
	equals text;
BEGIN
	SELECT format('%I.%s', n.nspname, p.oprname) INTO equals
	  FROM pg_operator p JOIN pg_namespace n ON n.oid = p.oprnamespace
	 WHERE p.oid = crm_internal.equality_operator(base_type);
	EXECUTE format('CREATE FUNCTION %I.same_customer(a %s, b %2$s) RETURNS boolean '
		'LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN a OPERATOR(%s) b', internal, key_type, equals);
	EXECUTE format('COMMENT ON FUNCTION %I.same_customer(%s, %2$s) IS %L', internal, key_type,
		'Whether two keys name the same customer, by the operator of their type.');
END
$$;

--: Keeps the definitions of this version in a workspace that was made from them.
CREATE FUNCTION crm_internal.workspace_keep_definitions(internal text, attached boolean)
	RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	EXECUTE format('DELETE FROM %I.shipped', internal);
	EXECUTE format('INSERT INTO %I.shipped (part_no, part, definition)
		SELECT u.n, u.part, crm.workspace_definition(u.part)
		  FROM unnest(crm_internal.workspace_parts($1)) WITH ORDINALITY AS u (part, n)',
		internal) USING attached;
END
$$;

--: Behind crm.create_workspace.
CREATE FUNCTION crm_internal.workspace_create(workspace text, time_zone text) RETURNS regnamespace
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
	internal text := workspace || '_internal';
	part text;
BEGIN
	PERFORM crm_internal.workspace_check_name(workspace);
	PERFORM crm_internal.workspace_make_schemas(workspace, internal);
	PERFORM crm_internal.workspace_make_same_customer(internal, 'bigint');
	PERFORM set_config('search_path', format('%I, pg_temp', workspace), true);
	FOREACH part IN ARRAY crm_internal.workspace_parts(false) LOOP
		EXECUTE crm_internal.workspace_fill(crm.workspace_definition(part), false, 'bigint',
			internal);
	END LOOP;
	EXECUTE 'INSERT INTO workspace (crm_version, time_zone) VALUES ($1, $2)' USING crm.version(),
		time_zone;
	PERFORM crm_internal.refuse_foreign_dependencies(workspace, internal);
	PERFORM crm_internal.workspace_keep_definitions(internal, false);
	PERFORM crm_internal.workspace_analyze();
	RETURN quote_ident(workspace)::regnamespace;
END
$$;
