/*
 * workspace
 *
 * A workspace is a schema of yours with tables, rules and views that are made
 * from the definitions shipped with the extension and belong to you. This
 * module makes, fills, checks and removes workspaces; none of its objects
 * holds data.
 */

CREATE FUNCTION crm.as_of() RETURNS date
	AS 'MODULE_PATHNAME', 'crm_as_of' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.as_of() IS
'The day that the views of workspaces show: the setting crm.as_of where it is set (SET crm.as_of = ''2025-12-31''), else the current date. A setting that is no date YYYY-MM-DD is an error.';

/* Names and definitions */

CREATE FUNCTION crm.workspace_parts(attached boolean) RETURNS text[]
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN CASE WHEN attached
				THEN '{workspace,segments,attached,history,views,attached_customer,growth}'::text[]
				ELSE '{workspace,segments,tables,rules,purchase,history,views,customer,growth,grades,lifecycle,recurring}'::text[] END;
COMMENT ON FUNCTION crm.workspace_parts(boolean) IS
'The definitions that make up a workspace, in the order in which they are run: one over a relation of your own (true) or one with tables (false). Each is the name of a text of crm.workspace_definition.';

CREATE FUNCTION crm.workspace_text(part text, attached boolean, key_type text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN CASE WHEN attached
				THEN regexp_replace(replace(replace(crm.workspace_definition(part),
							'customer_id bigint', 'customer_id ' || key_type),
							'bigint[]', key_type || '[]'),
							'\n\s*JOIN customer USING \(customer_id\)', '', 'g')
				ELSE crm.workspace_definition(part) END;
COMMENT ON FUNCTION crm.workspace_text(text, boolean, text) IS
'A definition for a workspace: over a relation of your own, customers are keyed by its type, and there is no table customer to join.';

CREATE FUNCTION crm.workspace_check_name(workspace text) RETURNS void
	LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	its_owner oid;
BEGIN
	IF workspace IS NULL OR workspace = '' THEN
		RAISE invalid_schema_name USING
			MESSAGE = 'a workspace needs a name',
			HINT = 'Give the name of a schema that does not exist yet: SELECT crm.create_workspace(''sales'').';
	ELSIF octet_length(workspace) > 63 THEN
		RAISE name_too_long USING
			MESSAGE = format('workspace name "%s" has %s bytes', workspace, octet_length(workspace)),
			DETAIL = 'A name has at most 63 bytes.';
	ELSIF workspace IN ('crm', 'public', 'information_schema') OR starts_with(workspace, 'pg_') THEN
		RAISE reserved_name USING
			MESSAGE = format('workspace name "%s" is reserved', workspace),
			HINT = 'Choose a schema of your own, other than crm, public, information_schema and pg_....';
	END IF;
	SELECT nspowner INTO its_owner FROM pg_namespace WHERE nspname = workspace;
	IF NOT FOUND THEN
		RETURN;
	ELSIF its_owner <> current_user::regrole THEN
		RAISE duplicate_schema USING
			MESSAGE = format('schema "%s" exists and belongs to role %s', workspace, its_owner::regrole),
			HINT = 'Choose another name, or an empty schema that is yours.';
	END IF;
	IF EXISTS (SELECT FROM pg_depend
				WHERE refclassid = 'pg_namespace'::regclass AND refobjid = to_regnamespace(quote_ident(workspace))) THEN
		RAISE duplicate_schema USING
			MESSAGE = format('schema "%s" exists and is not empty', workspace),
			HINT = 'Choose another name, or an empty schema that is yours.';
	END IF;
END
$$;
COMMENT ON FUNCTION crm.workspace_check_name(text) IS
'Refuses a name that no workspace can get: none, too long, reserved, or of a schema that is not empty or belongs to another role.';

CREATE FUNCTION crm.workspace_path(workspace text, type_schema name) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN quote_ident(workspace) || coalesce(', ' || quote_ident(nullif(type_schema, 'pg_catalog')), '') || ', pg_temp';
COMMENT ON FUNCTION crm.workspace_path(text, name) IS
'The search path in which the definitions of a workspace mean its own objects: the schema, and that of the type of its keys for the operators. pg_catalog comes before all, as it does unless it is named.';

/*
 * Runs without a SET of its own, so that the search path lasts until the
 * function that called it returns. Hence every name is qualified.
 */
CREATE FUNCTION crm.workspace_enter(workspace text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	type_schema pg_catalog.name;
BEGIN
	SELECT t.nspname INTO type_schema
	  FROM pg_catalog.pg_namespace n
	  JOIN pg_catalog.pg_class h ON h.relnamespace OPERATOR(pg_catalog.=) n.oid
								 AND h.relname OPERATOR(pg_catalog.=) 'customer_history'
	  JOIN pg_catalog.pg_class w ON w.relnamespace OPERATOR(pg_catalog.=) n.oid
								 AND w.relname OPERATOR(pg_catalog.=) 'workspace'
	  JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) h.oid
								 AND a.attname OPERATOR(pg_catalog.=) 'customer_id'
	  JOIN pg_catalog.pg_type y ON y.oid OPERATOR(pg_catalog.=) a.atttypid
	  JOIN pg_catalog.pg_namespace t ON t.oid OPERATOR(pg_catalog.=) y.typnamespace
	 WHERE n.nspname OPERATOR(pg_catalog.=) workspace;
	IF NOT FOUND THEN
		RAISE invalid_schema_name USING
			MESSAGE = pg_catalog.format('there is no workspace "%s"', workspace),
			HINT = 'SELECT * FROM crm.workspaces shows those that there are; crm.create_workspace and crm.attach make one.';
	ELSIF NOT pg_catalog.has_schema_privilege(workspace, 'USAGE') THEN
		RAISE insufficient_privilege USING
			MESSAGE = pg_catalog.format('permission denied for workspace "%s"', workspace),
			HINT = pg_catalog.format('It needs at least: GRANT USAGE ON SCHEMA %I TO %I.', workspace, current_user);
	END IF;
	PERFORM pg_catalog.set_config('search_path', crm.workspace_path(workspace, type_schema), true);
END
$$;
COMMENT ON FUNCTION crm.workspace_enter(text) IS
'Makes names mean the objects of a workspace, until the calling function returns. An error where there is no such workspace.';

CREATE FUNCTION crm.workspace_lock(workspace text) RETURNS void
	LANGUAGE sql STRICT
BEGIN ATOMIC
	SELECT pg_advisory_xact_lock((6517357::bigint << 32) | n.oid::bigint) FROM pg_namespace n WHERE n.nspname = workspace;
END;
COMMENT ON FUNCTION crm.workspace_lock(text) IS
'Waits until no other transaction refreshes, upgrades or drops the workspace, and keeps others from it until this one ends.';

/*
 * The server analyzes a table by itself once 50 rows have changed, which those
 * of settings and rules never see: taken for hundreds of rows each, they would
 * multiply in its plans. And a table that was filled just now should not be
 * taken for empty until it comes round to it.
 */
CREATE FUNCTION crm.workspace_analyze(filled regclass DEFAULT NULL, changes bigint DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	relation regclass;
BEGIN
	FOR relation IN
		SELECT c.oid FROM pg_class c
		 WHERE pg_has_role(c.relowner, 'USAGE')
		   AND CASE WHEN filled IS NOT NULL THEN c.oid = filled AND changes > greatest(c.reltuples, 0) / 10
					ELSE c.relnamespace = (SELECT w.relnamespace FROM pg_class w WHERE w.oid = 'workspace'::regclass)
						 AND c.relname = ANY ('{workspace,segment,segment_rule,opportunity_stage,metric,tier_scheme,tier,tier_rule,lifecycle_stage,lifecycle_rule,lifecycle_move}') END
		 ORDER BY c.relname
	LOOP
		EXECUTE format('ANALYZE %s', relation);
	END LOOP;
END
$$;
COMMENT ON FUNCTION crm.workspace_analyze(regclass, bigint) IS
'Collects statistics of the settings and rules of a workspace, or of a table of it where changes are more than a tenth of its rows. The search path is that of the workspace.';

/* Making */

CREATE FUNCTION crm.create_workspace(workspace text, time_zone text DEFAULT NULL) RETURNS regnamespace
	LANGUAGE plpgsql AS $$
BEGIN
	RETURN crm.workspace_create(workspace, coalesce(time_zone, pg_catalog.current_setting('TimeZone')));
END
$$;
COMMENT ON FUNCTION crm.create_workspace(text, text) IS
'Makes a workspace with tables: a schema of yours with tables for customers, orders, interactions, cases and so on, default rules, and views. The schema must not exist, or be yours and empty. time_zone decides on which day a purchase happened (default: that of the session). Everything belongs to the caller; a failing call leaves nothing behind. Returns the schema.';

CREATE FUNCTION crm.workspace_create(workspace text, time_zone text) RETURNS regnamespace
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
	part text;
BEGIN
	PERFORM crm.workspace_check_name(workspace);
	IF to_regnamespace(quote_ident(workspace)) IS NULL THEN
		EXECUTE format('CREATE SCHEMA %I', workspace);
	END IF;
	PERFORM set_config('search_path', format('%I, pg_temp', workspace), true);
	FOREACH part IN ARRAY crm.workspace_parts(false) LOOP
		EXECUTE crm.workspace_text(part, false, 'bigint');
	END LOOP;
	EXECUTE 'INSERT INTO workspace (crm_version, time_zone) VALUES ($1, $2)' USING crm.version(), time_zone;
	PERFORM crm.workspace_analyze();
	EXECUTE format('COMMENT ON SCHEMA %I IS %L', workspace, 'Workspace of the extension crm.');
	RETURN quote_ident(workspace)::regnamespace;
END
$$;
COMMENT ON FUNCTION crm.workspace_create(text, text) IS 'Behind crm.create_workspace.';

CREATE FUNCTION crm.attach(workspace text, source regclass, customer name, at name, amount name,
	cost name DEFAULT NULL, filter text DEFAULT NULL, time_zone text DEFAULT NULL) RETURNS regnamespace
	LANGUAGE plpgsql AS $$
BEGIN
	RETURN crm.workspace_attach(workspace, source, customer, at, amount, cost, filter,
								coalesce(time_zone, pg_catalog.current_setting('TimeZone')),
								pg_catalog.current_setting('search_path'));
END
$$;
COMMENT ON FUNCTION crm.attach(text, regclass, name, name, name, name, text, text) IS
'Makes a workspace over a table or view that is there: SELECT crm.attach(''shop'', ''public.orders'', customer => ''user_id'', at => ''created_at'', amount => ''total''). One row is one purchase; an amount below 0 is a refund. customer: column with the key, of any type that can be ordered. at: column of type date, timestamp or timestamptz; for the last, time_zone decides the day (default: that of the session). amount: a number. cost: column with the cost of the purchase, for profit. filter: condition on the columns of the relation, for example $$status = ''paid''$$. Needs the rights SELECT and TRIGGER on the table, for triggers note which customers change; over a view or a foreign table there are none, and crm.refresh computes everybody. Rows without customer, date or amount, or with infinite ones, are left out and shown by the view rejected_purchase. A failing call leaves nothing behind. Returns the schema.';

CREATE FUNCTION crm.workspace_column(source regclass, role text, column_name name) RETURNS oid
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	its_type oid;
	its_category "char";
	expected text;
BEGIN
	SELECT a.atttypid, t.typcategory INTO its_type, its_category
	  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
	 WHERE a.attrelid = source AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped;
	IF NOT FOUND THEN
		RAISE undefined_column USING
			MESSAGE = format('%s has no column "%s" (%s)', source, column_name, role),
			HINT = (SELECT format('Its columns are: %s.', string_agg(format('%I', attname), ', ' ORDER BY attnum))
					  FROM pg_attribute WHERE attrelid = source AND attnum > 0 AND NOT attisdropped);
	END IF;
	IF role = 'at' AND its_type NOT IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype) THEN
		expected := 'date, timestamp or timestamptz';
	ELSIF role IN ('amount', 'cost') AND its_category <> 'N' THEN
		expected := 'a number';
	ELSIF role = 'customer' THEN
		BEGIN
			EXECUTE format('SELECT FROM (SELECT DISTINCT NULL::%s AS key) k ORDER BY key', its_type::regtype);
		EXCEPTION WHEN undefined_function THEN
			expected := 'a type that can be ordered';
		END;
	END IF;
	IF expected IS NOT NULL THEN
		RAISE datatype_mismatch USING
			MESSAGE = format('column "%s" of %s (%s) is of type %s', column_name, source, role, its_type::regtype),
			DETAIL = format('It must be %s.', expected),
			HINT = 'Attach a view that converts the column.';
	END IF;
	RETURN its_type;
END
$$;
COMMENT ON FUNCTION crm.workspace_column(regclass, text, name) IS
'The type of the column that plays a role (customer, at, amount, cost) in crm.attach; an error where it is missing or of the wrong type.';

CREATE FUNCTION crm.workspace_amount(source regclass, column_name name) RETURNS text
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT CASE WHEN a.atttypid = ANY ('{int2,int4,int8}'::regtype[]) THEN format('source.%I::numeric', a.attname)
				WHEN a.atttypid = 'numeric'::regtype AND a.atttypmod >= 4 AND (a.atttypmod - 4) & 2047 <= 8
				THEN format('source.%I', a.attname)
				ELSE format('CASE WHEN scale(source.%1$I::numeric) <= 8 THEN source.%1$I::numeric ELSE round(source.%1$I::numeric, 8) END',
							a.attname) END
	  FROM pg_attribute a WHERE a.attrelid = source AND a.attname = column_name;
END;
COMMENT ON FUNCTION crm.workspace_amount(regclass, name) IS
'The expression for an amount of a source: numeric, with at most 8 decimals.';

/*
 * A search for a customer is served by an index of the source only if it has
 * the index's collation. What a function returns has that of its type, so a
 * column with another collation than its type's gets a type of its own: the
 * domain customer_key.
 */
CREATE FUNCTION crm.workspace_key_collation(source regclass, customer name) RETURNS text
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	SELECT format('%I.%I', n.nspname, c.collname)
	  FROM pg_attribute a
	  JOIN pg_type t ON t.oid = a.atttypid AND t.typcollation <> a.attcollation
	  JOIN pg_collation c ON c.oid = a.attcollation
	  JOIN pg_namespace n ON n.oid = c.collnamespace
	 WHERE a.attrelid = source AND a.attname = customer;
END;
COMMENT ON FUNCTION crm.workspace_key_collation(regclass, name) IS
'The collation of a column, if it is not that of its type.';

CREATE FUNCTION crm.workspace_source(source regclass, key text, at name, amount name, cost name, filter text) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	at_type oid := crm.workspace_column(source, 'at', at);
	zone text := '(SELECT w.time_zone FROM workspace w)';
	parts text[];
BEGIN
	parts := ARRAY[
		format('source.%s AS customer_id', key),
		format(CASE at_type WHEN 'date'::regtype THEN 'source.%I::timestamp AT TIME ZONE %s AS purchased_at'
							WHEN 'timestamp'::regtype THEN 'source.%I AT TIME ZONE %s AS purchased_at'
							ELSE 'source.%I AS purchased_at' END, at, zone),
		format(CASE at_type WHEN 'date'::regtype THEN 'source.%I AS purchased_on'
							WHEN 'timestamp'::regtype THEN 'source.%I::date AS purchased_on'
							ELSE '(source.%I AT TIME ZONE %s)::date AS purchased_on' END, at, zone),
		crm.workspace_amount(source, amount) || ' AS amount',
		coalesce(crm.workspace_amount(source, amount) || ' - (' || crm.workspace_amount(source, cost) || ')',
				 'NULL::numeric') || ' AS profit'];
	RETURN format(E'SELECT %s\n  FROM %s AS source', array_to_string(parts, E',\n	   '), source)
		|| coalesce(E'\n WHERE (' || filter || E'\n)', '');
END
$$;
COMMENT ON FUNCTION crm.workspace_source(regclass, text, name, name, name, text) IS
'The query of the view source_row: the source under the names of the workspace. key is the column of the customer, quoted, with a cast if it needs one.';

CREATE FUNCTION crm.workspace_trigger_name(workspace text, event text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN 'crm_' || CASE WHEN octet_length(workspace) <= 48 THEN workspace ELSE md5(workspace) END || '_' || event;
COMMENT ON FUNCTION crm.workspace_trigger_name(text, text) IS
'The name of a trigger on a source: different for each workspace over it.';

/*
 * The function that notes changes of a source. With a filter it notes all
 * customers of an updated row: whether the row passes is not for a function
 * to judge that runs with other rights than the writer's.
 */
CREATE FUNCTION crm.workspace_mark_function(customer name, at name, amount name, cost name, filter text) RETURNS text
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT format($body$
CREATE OR REPLACE FUNCTION mark_changes() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		INSERT INTO customer_change (customer_id) SELECT DISTINCT %1$I FROM new_rows WHERE %1$I IS NOT NULL;
	ELSIF TG_OP = 'DELETE' THEN
		INSERT INTO customer_change (customer_id) SELECT DISTINCT %1$I FROM old_rows WHERE %1$I IS NOT NULL;
	ELSE
		INSERT INTO customer_change (customer_id)
		SELECT %1$I FROM (SELECT %2$s FROM old_rows%3$s) before WHERE %1$I IS NOT NULL
		UNION
		SELECT %1$I FROM (SELECT %2$s FROM new_rows%4$s) after WHERE %1$I IS NOT NULL;
	END IF;
	RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION mark_changes() FROM PUBLIC;
COMMENT ON FUNCTION mark_changes() IS 'Notes the customers of changed rows of the source.';
$body$, customer, c.columns,
		CASE WHEN filter IS NULL THEN ' EXCEPT ALL SELECT ' || c.columns || ' FROM new_rows' ELSE '' END,
		CASE WHEN filter IS NULL THEN ' EXCEPT ALL SELECT ' || c.columns || ' FROM old_rows' ELSE '' END)
	  FROM (SELECT concat_ws(', ', quote_ident(customer), quote_ident(at), quote_ident(amount), quote_ident(cost)) AS columns) c;
END;
COMMENT ON FUNCTION crm.workspace_mark_function(name, name, name, name, text) IS
'The definition of the trigger function of an attached workspace.';

CREATE FUNCTION crm.workspace_sources(source regclass) RETURNS SETOF regclass
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	WITH RECURSIVE member (relid) AS (
		SELECT source::oid
		UNION
		SELECT i.inhrelid FROM member m JOIN pg_inherits i ON i.inhparent = m.relid)
	SELECT m.relid::regclass FROM member m JOIN pg_class c ON c.oid = m.relid WHERE c.relkind IN ('r', 'p');
END;
COMMENT ON FUNCTION crm.workspace_sources(regclass) IS
'The tables whose changes concern a workspace: the table, its partitions and children. None for a view or a foreign table.';

CREATE FUNCTION crm.workspace_create_triggers(workspace text, source regclass) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	relation regclass;
BEGIN
	FOR relation IN SELECT s FROM crm.workspace_sources(source) s LOOP
		EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mark_changes()',
					   crm.workspace_trigger_name(workspace, 'insert'), relation);
		EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION mark_changes()',
					   crm.workspace_trigger_name(workspace, 'update'), relation);
		EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION mark_changes()',
					   crm.workspace_trigger_name(workspace, 'delete'), relation);
		EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION mark_everyone()',
					   crm.workspace_trigger_name(workspace, 'truncate'), relation);
	END LOOP;
END
$$;
COMMENT ON FUNCTION crm.workspace_create_triggers(text, regclass) IS
'Puts the triggers of a workspace on its source, where they are missing; the search path is that of the workspace.';

CREATE FUNCTION crm.workspace_attach(workspace text, source regclass, customer name, at name, amount name,
	cost name, filter text, time_zone text, caller_path text) RETURNS regnamespace
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	key_type text;
	key_schema name;
	key_collation text;
	kind "char";
	part text;
	query text;
BEGIN
	PERFORM crm.workspace_check_name(workspace);
	IF source IS NULL OR customer IS NULL OR at IS NULL OR amount IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'attach needs a source and its columns for customer, at and amount';
	END IF;
	SELECT c.relkind INTO kind FROM pg_class c WHERE c.oid = source AND c.relpersistence <> 't';
	IF NOT FOUND OR kind NOT IN ('r', 'p', 'v', 'm', 'f') THEN
		RAISE wrong_object_type USING
			MESSAGE = format('%s cannot be the source of a workspace', source),
			DETAIL = 'A source is a table, a view or a foreign table, and not temporary.';
	END IF;
	SELECT n.nspname INTO key_schema
	  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
	 WHERE t.oid = crm.workspace_column(source, 'customer', customer);
	PERFORM crm.workspace_column(source, 'amount', amount);
	IF cost IS NOT NULL THEN
		PERFORM crm.workspace_column(source, 'cost', cost);
	END IF;
	IF NOT has_table_privilege(source, 'SELECT') OR kind IN ('r', 'p') AND NOT has_table_privilege(source, 'TRIGGER') THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('role %s may not attach %s', current_user, source),
			HINT = format('It needs: GRANT SELECT, TRIGGER ON %s TO %I. Or attach a view, which is refreshed in full.', source, current_user);
	END IF;
	key_collation := crm.workspace_key_collation(source, customer);
	query := crm.workspace_source(source, quote_ident(customer) || CASE WHEN key_collation IS NULL THEN ''
																		ELSE format('::%I.customer_key', workspace) END,
								  at, amount, cost, filter);
	SELECT format_type(atttypid, atttypmod) INTO key_type FROM pg_attribute WHERE attrelid = source AND attname = customer;
	IF to_regnamespace(quote_ident(workspace)) IS NULL THEN
		EXECUTE format('CREATE SCHEMA %I', workspace);
	END IF;
	IF key_collation IS NOT NULL THEN
		EXECUTE format('CREATE DOMAIN %I.customer_key AS %s COLLATE %s', workspace, key_type, key_collation);
		EXECUTE format('COMMENT ON DOMAIN %I.customer_key IS %L', workspace, 'Key of a customer, with the collation of the source''s column.');
		key_type := 'customer_key';
	END IF;
	FOREACH part IN ARRAY crm.workspace_parts(true) LOOP
		PERFORM set_config('search_path', crm.workspace_path(workspace, key_schema), true);
		IF part = 'attached' THEN
			EXECUTE 'INSERT INTO workspace (crm_version, time_zone, source, customer_column, at_column, amount_column, cost_column, filter) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)'
			  USING crm.version(), time_zone, source, customer, at, amount, cost, filter;
			PERFORM crm.workspace_create_source_row(workspace, query, caller_path);
		END IF;
		EXECUTE crm.workspace_text(part, true, key_type);
	END LOOP;
	EXECUTE crm.workspace_mark_function(customer, at, amount, cost, filter);
	PERFORM crm.workspace_create_triggers(workspace, source);
	INSERT INTO customer_change (customer_id) VALUES (NULL);
	PERFORM crm.workspace_analyze();
	EXECUTE format('COMMENT ON SCHEMA %I IS %L', workspace, 'Workspace of the extension crm.');
	PERFORM crm.workspace_attach_notices(workspace, source, customer, kind);
	RETURN quote_ident(workspace)::regnamespace;
END
$$;
COMMENT ON FUNCTION crm.workspace_attach(text, regclass, name, name, name, name, text, text, text) IS 'Behind crm.attach.';

CREATE FUNCTION crm.workspace_create_source_row(workspace text, query text, caller_path text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	own_path text := current_setting('search_path');
BEGIN
	query := replace(query, 'FROM workspace w)', format('FROM %I.workspace w)', workspace));
	PERFORM set_config('search_path', caller_path, true);
	EXECUTE format('CREATE OR REPLACE VIEW %I.source_row WITH (security_invoker) AS ', workspace) || query;
	PERFORM pg_catalog.set_config('search_path', own_path, true);
	EXECUTE $comments$
		COMMENT ON VIEW source_row IS 'The rows of the source under the names of the workspace, before any is rejected.';
		COMMENT ON COLUMN source_row.customer_id IS 'The customer.';
		COMMENT ON COLUMN source_row.purchased_at IS 'When.';
		COMMENT ON COLUMN source_row.purchased_on IS 'Day in the time zone of the workspace.';
		COMMENT ON COLUMN source_row.amount IS 'Amount, rounded to 8 decimals.';
		COMMENT ON COLUMN source_row.profit IS 'Amount less cost.';
	$comments$;
END
$$;
COMMENT ON FUNCTION crm.workspace_create_source_row(text, text, text) IS
'Makes the view source_row. Names in the filter mean what they mean to the caller.';

CREATE FUNCTION crm.workspace_has_index(source regclass, customer name) RETURNS boolean
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	SELECT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
					WHERE i.indrelid = source AND a.attname = customer AND i.indisvalid AND i.indpred IS NULL);
END;
COMMENT ON FUNCTION crm.workspace_has_index(regclass, name) IS
'Whether an index of the source starts with the customer, so that the purchases of one are found without reading all.';

CREATE FUNCTION crm.workspace_attach_notices(workspace text, source regclass, customer name, kind "char") RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	IF kind NOT IN ('r', 'p') THEN
		RAISE NOTICE USING
			MESSAGE = format('%s is not a table: no triggers tell which customers change', source),
			HINT = format('CALL crm.refresh(%L) computes everybody; run it as often as the views should be up to date.', workspace);
	ELSIF NOT crm.workspace_has_index(source, customer) THEN
		RAISE NOTICE USING
			MESSAGE = format('no index of %s starts with "%s": each look at a changed customer reads the whole table', source, customer),
			HINT = format('CREATE INDEX ON %s (%I);', source, customer);
	END IF;
END
$$;
COMMENT ON FUNCTION crm.workspace_attach_notices(text, regclass, name, "char") IS
'Says what will be slow or not noticed in an attached workspace.';

/* Filling */

CREATE FUNCTION crm.refresh_changed(workspace text, batch integer, before timestamptz,
	OUT customers bigint, OUT purchases bigint) RETURNS record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM crm.workspace_enter(workspace);
	PERFORM crm.workspace_lock(workspace);
	WITH chosen AS MATERIALIZED (
		SELECT DISTINCT c.customer_id FROM customer_change c
		 WHERE c.customer_id IS NOT NULL AND c.changed_at <= before
		 ORDER BY c.customer_id LIMIT batch
	), done AS (
		DELETE FROM customer_change c USING chosen WHERE c.customer_id = chosen.customer_id
	), fresh AS MATERIALIZED (
		SELECT * FROM recompute(ARRAY(SELECT chosen.customer_id FROM chosen))
	), gone AS (
		DELETE FROM customer_history h USING fresh WHERE h.customer_id = fresh.customer_id AND fresh.history IS NULL
	), stored AS (
		INSERT INTO customer_history AS h (customer_id, history, profit_history)
		SELECT fresh.customer_id, fresh.history, fresh.profit_history FROM fresh WHERE fresh.history IS NOT NULL
		ON CONFLICT (customer_id) DO UPDATE
		SET history = EXCLUDED.history, profit_history = EXCLUDED.profit_history, refreshed_at = EXCLUDED.refreshed_at
	)
	SELECT count(*), coalesce(sum(crm.purchases(fresh.history)), 0)::bigint FROM fresh INTO customers, purchases;
END
$$;
COMMENT ON FUNCTION crm.refresh_changed(text, integer, timestamptz) IS
'One batch of crm.refresh, in the transaction of the caller: recomputes and stores the histories of at most so many customers that changed in transactions begun up to a moment. Notes, facts and histories are seen at one moment, so a change is either in the history or still noted. Returns customers (0: none is left) and their purchases.';

CREATE FUNCTION crm.refresh_everyone(workspace text, OUT customers bigint, OUT purchases bigint) RETURNS record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	key text;
BEGIN
	PERFORM crm.workspace_enter(workspace);
	PERFORM crm.workspace_lock(workspace);
	IF NOT EXISTS (SELECT FROM customer_history) THEN
		WITH done AS (
			DELETE FROM customer_change
		), stored AS (
			INSERT INTO customer_history (customer_id, history, profit_history)
			SELECT p.customer_id, crm.history_agg(p.purchased_on, p.amount), crm.history_agg(p.purchased_on, p.profit)
			  FROM purchase_source p
			 GROUP BY p.customer_id
			 ORDER BY p.customer_id -- the primary key fills from one end
			RETURNING history
		)
		SELECT count(*), coalesce(sum(crm.purchases(history)), 0)::bigint FROM stored INTO customers, purchases;
		ANALYZE customer_history;
		RETURN;
	END IF;
	WITH done AS (
		DELETE FROM customer_change
	), fresh AS MATERIALIZED (
		SELECT p.customer_id,
			   crm.history_agg(p.purchased_on, p.amount) AS history,
			   crm.history_agg(p.purchased_on, p.profit) AS profit_history
		  FROM purchase_source p
		 GROUP BY p.customer_id
	), gone AS (
		DELETE FROM customer_history h
		 WHERE NOT EXISTS (SELECT FROM fresh WHERE fresh.customer_id = h.customer_id)
	), stored AS (
		INSERT INTO customer_history AS h (customer_id, history, profit_history)
		SELECT fresh.customer_id, fresh.history, fresh.profit_history FROM fresh
		ON CONFLICT (customer_id) DO UPDATE
		SET history = EXCLUDED.history, profit_history = EXCLUDED.profit_history, refreshed_at = EXCLUDED.refreshed_at
		WHERE h.history OPERATOR(crm.<>) EXCLUDED.history
		   OR num_nulls(h.profit_history, EXCLUDED.profit_history) = 1
		   OR h.profit_history OPERATOR(crm.<>) EXCLUDED.profit_history
	)
	SELECT count(*), coalesce(sum(crm.purchases(fresh.history)), 0)::bigint FROM fresh INTO customers, purchases;
END
$$;
COMMENT ON FUNCTION crm.refresh_everyone(text) IS
'Recomputes and stores the histories of all customers in one pass, in the transaction of the caller; rows that did not change are not written. Returns customers and purchases.';

CREATE FUNCTION crm.refresh_start(workspace text, "full" boolean, OUT run bigint, OUT everyone boolean, OUT before timestamptz) RETURNS record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM crm.workspace_enter(workspace);
	before := clock_timestamp();
	SELECT "full" OR NOT EXISTS (SELECT FROM customer_history)
		OR EXISTS (SELECT FROM customer_change WHERE customer_id IS NULL)
		OR (w.source IS NOT NULL AND NOT EXISTS (SELECT FROM crm.workspace_sources(w.source)))
	  INTO everyone FROM workspace w;
	IF everyone IS NULL THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('the table "workspace" of "%s" is empty', workspace),
			HINT = 'It must hold the one row with the settings.';
	END IF;
	INSERT INTO refresh_run (is_full) VALUES (everyone) RETURNING run_id INTO run;
END
$$;
COMMENT ON FUNCTION crm.refresh_start(text, boolean) IS
'Enters a run of crm.refresh into refresh_run and says whether it must recompute everyone: when asked to, when nothing is stored yet, when everyone is noted as changed, or when the source has no triggers.';

CREATE FUNCTION crm.refresh_step(workspace text, run bigint, everyone boolean, batch integer, before timestamptz) RETURNS boolean
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	step record;
	so_far record;
BEGIN
	IF everyone THEN
		SELECT * INTO step FROM crm.refresh_everyone(workspace);
	ELSE
		SELECT * INTO step FROM crm.refresh_changed(workspace, batch, before);
	END IF;
	PERFORM crm.workspace_enter(workspace);
	UPDATE refresh_run r
	   SET customers = r.customers + step.customers,
		   purchases = r.purchases + step.purchases,
		   updated_at = clock_timestamp(),
		   finished_at = CASE WHEN everyone OR step.customers < batch THEN clock_timestamp() END,
		   remaining = CASE WHEN everyone OR step.customers < batch THEN 0
							ELSE (SELECT count(DISTINCT c.customer_id) FROM customer_change c WHERE c.changed_at <= before) END
	 WHERE r.run_id = run
	RETURNING r.customers, r.remaining, r.finished_at IS NOT NULL AS finished,
			  extract(epoch FROM r.updated_at - r.started_at) AS seconds INTO so_far;
	IF NOT so_far.finished THEN
		RAISE NOTICE 'refresh of "%": % customers done, % to do, % s', workspace, so_far.customers, so_far.remaining, round(so_far.seconds, 1);
	END IF;
	RETURN so_far.finished;
END
$$;
COMMENT ON FUNCTION crm.refresh_step(text, bigint, boolean, integer, timestamptz) IS
'One transaction of crm.refresh: a batch, and the run''s row in refresh_run. True when nothing is left to do.';

CREATE FUNCTION crm.refresh_finish(workspace text, run bigint, OUT customers bigint, OUT purchases bigint, OUT seconds float8) RETURNS record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
BEGIN
	PERFORM crm.workspace_enter(workspace);
	IF NOT EXISTS (SELECT FROM rfm_cut)
	   AND EXISTS (SELECT FROM customer_history h WHERE crm.first_day(h.history) <= crm.as_of()) THEN
		PERFORM crm.cut(workspace, crm.as_of());
	END IF;
	SELECT r.customers, r.purchases, extract(epoch FROM r.updated_at - r.started_at)::float8
	  INTO customers, purchases, seconds
	  FROM refresh_run r WHERE r.run_id = run;
END
$$;
COMMENT ON FUNCTION crm.refresh_finish(text, bigint) IS
'The end of crm.refresh: makes the first thresholds where there are none, and returns what the run did.';

/*
 * A procedure that commits can have no SET: every name is qualified. Whatever
 * the default isolation, each transaction is READ COMMITTED, so that a batch
 * sees what was committed while it waited for the lock. That must be said
 * before the transaction's first query.
 */
CREATE PROCEDURE crm.refresh(workspace text, "full" boolean DEFAULT false, batch integer DEFAULT 10000,
	INOUT customers bigint DEFAULT NULL, INOUT purchases bigint DEFAULT NULL, INOUT seconds float8 DEFAULT NULL)
	LANGUAGE plpgsql AS $$
DECLARE
	run bigint;
	everyone boolean;
	before timestamptz;
	finished boolean := false;
BEGIN
	IF batch OPERATOR(pg_catalog.<) 1 OR batch OPERATOR(pg_catalog.>) 1000000 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = pg_catalog.format('batch is %s', batch),
			DETAIL = 'It is the number of customers of a transaction, from 1 to 1000000.';
	END IF;
	COMMIT;
	SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
	SELECT s.run, s.everyone, s.before INTO run, everyone, before FROM crm.refresh_start(workspace, "full") s;
	LOOP
		COMMIT;
		SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
		EXIT WHEN finished;
		finished := crm.refresh_step(workspace, run, everyone, batch, before);
	END LOOP;
	SELECT f.customers, f.purchases, f.seconds INTO customers, purchases, seconds FROM crm.refresh_finish(workspace, run) f;
	COMMIT;
END
$$;
COMMENT ON PROCEDURE crm.refresh(text, boolean, integer, bigint, bigint, float8) IS
'Brings the stored histories of a workspace up to date: CALL crm.refresh(''sales''). Recomputes the customers that changed since, in transactions of batch customers; each is complete, so that a refresh can be cancelled at any moment and called again, and two at once are safe. Writers are not blocked, and the views are right before, during and after: this only makes them faster. With full => true, on the first call, after a TRUNCATE and for sources without triggers it recomputes everybody in one pass. Where there are no RFM thresholds yet, it makes them as of crm.as_of(). Returns the number of customers recomputed, of their purchases, and the seconds it took; the view refresh_progress shows all runs. It commits, so it cannot be called inside a transaction block.';

/* Freezing and fitting */

CREATE FUNCTION crm.cut(workspace text, as_of date DEFAULT crm.as_of(),
	OUT customers bigint, OUT cuts crm.rfm_cuts, OUT a_from numeric, OUT b_from numeric) RETURNS record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	made record;
BEGIN
	PERFORM crm.workspace_enter(workspace);
	WITH buyer AS MATERIALIZED (
		SELECT h.history, crm.amount(h.history, cut.as_of) AS revenue
		  FROM purchase_history h
		 WHERE crm.purchases(h.history, cut.as_of) > 0
	), ranked AS (
		SELECT b.revenue,
			   sum(b.revenue) OVER (ORDER BY b.revenue DESC) - b.revenue * count(*) OVER (PARTITION BY b.revenue) AS larger,
			   sum(b.revenue) OVER () AS total
		  FROM buyer b WHERE b.revenue > 0
	), compared AS MATERIALIZED (
		SELECT crm.rfm_cut(b.history, cut.as_of, w.rfm_groups) AS cuts,
			   (SELECT crm.ruleset_agg(r.position, r.segment, r.metric, r.at_least, r.at_most) FROM segment_rule r) AS rules
		  FROM buyer b, workspace w
		 GROUP BY w.rfm_groups
	), rhythm AS (
		SELECT m.segment, percentile_cont(0.5) WITHIN GROUP (ORDER BY m.median) AS gap, grouping(m.segment) = 1 AS is_all
		  FROM (SELECT crm.classify(c.rules, crm.rfm(b.history, cut.as_of, c.cuts)) AS segment, g.median
				  FROM buyer b
				 CROSS JOIN compared c
				 CROSS JOIN LATERAL crm.gaps(crm.upto(b.history, cut.as_of)) g
				 WHERE crm.purchase_days(b.history, cut.as_of) > 2) m
		 GROUP BY GROUPING SETS ((m.segment), ())
	)
	SELECT (SELECT count(*) FROM buyer) AS customers,
		   (SELECT c.cuts FROM compared c) AS cuts,
		   (SELECT min(r.revenue) FROM ranked r WHERE r.larger < 0.80 * r.total) AS a_from,
		   (SELECT min(r.revenue) FROM ranked r WHERE r.larger < 0.95 * r.total) AS b_from,
		   (SELECT jsonb_build_object('segments', coalesce(jsonb_object_agg(y.segment, y.gap) FILTER (WHERE y.segment IS NOT NULL), '{}'),
									  'all', max(y.gap) FILTER (WHERE y.is_all))
			  FROM rhythm y) AS usual_gaps
	  INTO made;
	IF made.customers = 0 THEN
		RAISE no_data_found USING
			MESSAGE = format('nobody in workspace "%s" has bought up to %s', workspace, cut.as_of),
			HINT = 'Thresholds need customers to compare: choose a later day.';
	END IF;
	INSERT INTO rfm_cut AS c (as_of, cuts, a_from, b_from, usual_gaps, customers)
	VALUES (cut.as_of, made.cuts, made.a_from, made.b_from, made.usual_gaps, made.customers)
	ON CONFLICT ON CONSTRAINT rfm_cut_pkey DO UPDATE
	SET cuts = EXCLUDED.cuts, a_from = EXCLUDED.a_from, b_from = EXCLUDED.b_from, usual_gaps = EXCLUDED.usual_gaps,
		customers = EXCLUDED.customers, made_at = EXCLUDED.made_at;
	customers := made.customers;
	cuts := made.cuts;
	a_from := made.a_from;
	b_from := made.b_from;
END
$$;
COMMENT ON FUNCTION crm.cut(text, date) IS
'Freezes the thresholds of a workspace as of a day (default crm.as_of()): of the RFM scores, by crm.rfm_cut over all customers with a purchase up to then, and of the ABC classes (A: the largest customers, until they bring 80 percent of the revenue; B: until 95 percent; equal revenue is never split). Freezes beside them the usual days between purchase days in each segment and in all, by which the views judge idle customers who have bought on fewer than three days. The views of that day and later use them until there are newer ones, so that scores stay comparable and one customer''s row needs no look at all others. Calling it again for a day replaces the thresholds of that day. Returns them with the number of customers; nobody to compare is an error.';

CREATE FUNCTION crm.fit(workspace text, as_of date DEFAULT crm.as_of(), kind text DEFAULT NULL)
	RETURNS TABLE (role text, fitted text, customers bigint, log_likelihood float8, parameters text)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
#variable_conflict use_column
DECLARE
	purchase_model crm.model;
	spend_model crm.model;
	message text;
	first_id bigint;
BEGIN
	PERFORM crm.workspace_enter(workspace);
	SELECT crm.fit_purchases(coalesce(fit.kind, w.purchase_model), w.model_unit, h.history, fit.as_of)
	  INTO purchase_model
	  FROM purchase_history h, workspace w;
	IF purchase_model IS NULL THEN
		RAISE no_data_found USING
			MESSAGE = format('nobody in workspace "%s" has bought up to %s', workspace, fit.as_of),
			HINT = 'A model is fitted on purchases: load some, or choose a later day.';
	END IF;
	BEGIN
		SELECT crm.fit_spend(h.history, fit.as_of) INTO spend_model FROM purchase_history h;
		message := 'nobody has a repeat purchase of a positive amount';
	EXCEPTION WHEN data_exception THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
	END;
	IF spend_model IS NULL THEN
		RAISE WARNING USING
			MESSAGE = format('no model of spend for workspace "%s": %s', workspace, message),
			HINT = 'Forecasts of purchases are there, lifetime values are not.';
	END IF;
	RETURN QUERY
	WITH added AS (
		INSERT INTO model (role, kind, as_of, customers, model)
		SELECT f.role, f.model ->> 'kind', fit.as_of, (f.model ->> 'customers')::bigint, f.model
		  FROM (VALUES (1, 'purchases', purchase_model), (2, 'spend', spend_model)) f (n, role, model)
		 WHERE f.model IS NOT NULL ORDER BY f.n
		RETURNING *
	)
	SELECT a.role, a.kind, a.customers, crm.log_likelihood(a.model),
		   (SELECT string_agg(format('%s %s', p.name, round(p.value::numeric, 4)), ', ') FROM crm.parameters(a.model) p)
	  FROM added a ORDER BY a.model_id;
END
$$;
COMMENT ON FUNCTION crm.fit(text, date, text) IS
'Fits the models of a workspace on the purchases up to a day (default crm.as_of()) and adds them to its table "model": one of purchases (kind, default the setting purchase_model) and one of spend (gamma_gamma). The views use the newest that is not later than their day; older ones are kept. Returns a row for each model: what it describes, its kind, the number of customers, the log-likelihood and the parameters. If spend cannot be fitted that is a warning, and there are no lifetime values; nobody to fit on, or a fit that fails, is an error and adds nothing.';

CREATE FUNCTION crm.validate(workspace text, calibration_end date, as_of date DEFAULT crm.as_of(), kind text DEFAULT NULL)
	RETURNS TABLE (measure text, actual float8, model float8, naive float8)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
#variable_conflict use_column
DECLARE
	days integer := validate.as_of - calibration_end;
	purchase_model crm.model;
	spend_model crm.model;
BEGIN
	IF days IS NULL OR days < 1 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('calibration ends on %s, but the data to compare with end on %s', calibration_end, validate.as_of),
			HINT = 'Choose a day before crm.as_of() as the end of calibration.';
	END IF;
	PERFORM crm.workspace_enter(workspace);
	SELECT crm.fit_purchases(coalesce(validate.kind, w.purchase_model), w.model_unit, h.history, calibration_end)
	  INTO purchase_model FROM purchase_history h, workspace w;
	IF purchase_model IS NULL THEN
		RAISE no_data_found USING
			MESSAGE = format('nobody in workspace "%s" has bought up to %s', workspace, calibration_end),
			HINT = 'Choose a later end of calibration.';
	END IF;
	BEGIN
		SELECT crm.fit_spend(h.history, calibration_end) INTO spend_model FROM purchase_history h;
	EXCEPTION WHEN data_exception THEN
		spend_model := NULL;
	END;
	RETURN QUERY
	WITH forecast AS MATERIALIZED (
		SELECT crm.purchase_days(h.history, validate.as_of) - crm.purchase_days(h.history, calibration_end) AS bought,
			   crm.expected_purchases(purchase_model, h.history, calibration_end, days) AS expected,
			   crm.purchase_days(h.history, calibration_end) - crm.purchase_days(h.history, calibration_end - days)
				- (crm.first_day(h.history) > calibration_end - days)::integer AS again,
			   crm.amount(h.history, validate.as_of) - crm.amount(h.history, calibration_end) AS brought,
			   crm.clv(purchase_model, spend_model, h.history, calibration_end, days, 0) AS worth,
			   crm.amount(h.history, calibration_end) - crm.amount(h.history, calibration_end - days) AS same
		  FROM purchase_history h
		 WHERE crm.purchases(h.history, calibration_end) > 0
	), summary AS (
		SELECT count(*) AS customers,
			   sum(bought) AS bought, sum(expected) AS expected, sum(again) AS again,
			   avg(abs(expected - bought)) AS expected_error, avg(abs(again - bought)) AS again_error,
			   sqrt(avg((expected - bought) ^ 2)) AS expected_square, sqrt(avg((again - bought)::float8 ^ 2)) AS again_square,
			   corr(expected, bought) AS expected_corr, corr(again, bought) AS again_corr,
			   sum(brought) FILTER (WHERE worth IS NOT NULL) AS brought, sum(worth) AS worth,
			   sum(same) FILTER (WHERE worth IS NOT NULL) AS same
		  FROM forecast
	)
	SELECT r.measure, r.actual, r.model, r.naive
	  FROM summary s
	 CROSS JOIN LATERAL (VALUES
		(1, 'customers', s.customers::float8, NULL::float8, NULL::float8),
		(2, 'purchase days', s.bought::float8, s.expected, s.again::float8),
		(3, 'mean absolute error', NULL, s.expected_error, s.again_error::float8),
		(4, 'root mean square error', NULL, s.expected_square, s.again_square),
		(5, 'correlation', NULL, s.expected_corr, s.again_corr),
		(6, 'revenue', s.brought::float8, s.worth, s.same::float8)) r (n, measure, actual, model, naive)
	 ORDER BY r.n;
END
$$;
COMMENT ON FUNCTION crm.validate(text, date, date, text) IS
'How good the forecasts of a workspace would have been: fits the models on purchases up to calibration_end and compares with what happened from then to as_of (default crm.as_of()), for the customers known then. Beside it a naive forecast: everybody repeats what he did in the time before, as long as the one forecast (first purchases do not count). Rows: customers; purchase days in all; mean absolute error and root mean square error of purchase days a customer; correlation of forecast and actual; revenue of the customers with a forecast of it. Stores nothing.';

/* Care */

CREATE VIEW crm.workspaces WITH (security_invoker) AS
SELECT n.nspname AS workspace,
	   pg_catalog.pg_get_userbyid(n.nspowner) AS owner,
	   NOT EXISTS (SELECT FROM pg_catalog.pg_class c
					WHERE c.relnamespace OPERATOR(pg_catalog.=) n.oid AND c.relname OPERATOR(pg_catalog.=) 'customer'
					  AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::"char"[])) AS attached,
	   CASE WHEN h.reltuples OPERATOR(pg_catalog.>=) 0 THEN h.reltuples::bigint END AS stored_customers,
	   (SELECT pg_catalog.sum(pg_catalog.pg_total_relation_size(c.oid))::bigint FROM pg_catalog.pg_class c
		 WHERE c.relnamespace OPERATOR(pg_catalog.=) n.oid
		   AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,m}'::"char"[])) AS bytes
  FROM pg_catalog.pg_namespace n
  JOIN pg_catalog.pg_class h ON h.relnamespace OPERATOR(pg_catalog.=) n.oid
							AND h.relname OPERATOR(pg_catalog.=) 'customer_history'
  JOIN pg_catalog.pg_class w ON w.relnamespace OPERATOR(pg_catalog.=) n.oid
							AND w.relname OPERATOR(pg_catalog.=) 'workspace';
COMMENT ON VIEW crm.workspaces IS
'The workspaces of this database: schema, owner, whether it stands on a relation of yours (crm.attach) or has its own tables, about how many customers have a stored history (NULL: not counted yet), and its size.';
GRANT SELECT ON crm.workspaces TO PUBLIC;

CREATE FUNCTION crm.workspace_objects(workspace text,
	OUT kind text, OUT name text, OUT statements text, OUT column_name text, OUT definition text) RETURNS SETOF record
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	SELECT o.found[1], o.found[2], p.paragraph, c.found[1], c.found[2]
	  FROM (SELECT NOT EXISTS (SELECT FROM pg_class t WHERE t.relnamespace = n.oid AND t.relname = 'customer' AND t.relkind IN ('r', 'p')) AS attached,
				   (SELECT format_type(a.atttypid, a.atttypmod) FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid
					 WHERE t.relnamespace = n.oid AND t.relname = 'customer_history' AND a.attname = 'customer_id') AS key_type
			  FROM pg_namespace n WHERE n.nspname = workspace) w
	 CROSS JOIN LATERAL unnest(crm.workspace_parts(w.attached)) WITH ORDINALITY AS part (part, part_no)
	 CROSS JOIN LATERAL regexp_split_to_table(crm.workspace_text(part.part, w.attached, w.key_type), E'\n\n') WITH ORDINALITY AS p (paragraph, paragraph_no)
	  LEFT JOIN LATERAL regexp_match(p.paragraph, '^(?:/[*].*[*]/\n)?(?:CREATE (TABLE|VIEW|FUNCTION|TRIGGER)|(INSERT) INTO) (\w+)') AS raw (found) ON true
	 CROSS JOIN LATERAL (SELECT ARRAY[coalesce(raw.found[1], raw.found[2]), raw.found[3]] AS found) o
	  LEFT JOIN LATERAL regexp_matches(CASE WHEN o.found[1] = 'TABLE' THEN substring(p.paragraph, '^.*?\n\);') END,
									   '^\t([a-z]\w*) (.*?),?$', 'gn') WITH ORDINALITY AS c (found, column_no) ON true
	 ORDER BY part.part_no, p.paragraph_no, c.column_no;
END;
COMMENT ON FUNCTION crm.workspace_objects(text) IS
'What the shipped definitions of a workspace consist of: paragraphs of statements with the kind and name of the object that they begin with, a row for each column of a table.';

CREATE FUNCTION crm.workspace_drift(workspace text, OUT problem text, OUT object text, OUT detail text, OUT hint text) RETURNS SETOF record
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	WITH shipped AS (
		SELECT DISTINCT o.kind, o.name, o.column_name, o.definition, n.oid AS schema
		  FROM crm.workspace_objects(workspace) o JOIN pg_namespace n ON n.nspname = workspace
	)
	SELECT lower(s.kind) || ' missing', s.name, NULL::text, format('SELECT crm.upgrade_workspace(%L);', workspace)
	  FROM (SELECT DISTINCT kind, name, schema FROM shipped WHERE kind IN ('TABLE', 'VIEW', 'FUNCTION')) s
	 WHERE NOT CASE WHEN s.kind = 'FUNCTION' THEN EXISTS (SELECT FROM pg_proc p WHERE p.pronamespace = s.schema AND p.proname = s.name)
					ELSE EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = s.schema AND c.relname = s.name) END
	UNION ALL
	SELECT 'column missing', s.name || '.' || s.column_name, 'Shipped as ' || s.definition, format('SELECT crm.upgrade_workspace(%L);', workspace)
	  FROM shipped s JOIN pg_class c ON c.relnamespace = s.schema AND c.relname = s.name
	 WHERE s.column_name IS NOT NULL
	   AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = s.column_name AND NOT a.attisdropped)
	UNION ALL
	SELECT 'type changed', s.name || '.' || s.column_name,
		   format('It is %s, shipped as %s.', format_type(a.atttypid, a.atttypmod), split_part(s.definition, ' ', 1)),
		   'The views may fail or be slow; change it back, or keep it if they work.'
	  FROM shipped s JOIN pg_class c ON c.relnamespace = s.schema AND c.relname = s.name
	  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = s.column_name AND NOT a.attisdropped
	 WHERE s.column_name <> 'customer_id' AND a.atttypid <> to_regtype(split_part(s.definition, ' ', 1));
END;
COMMENT ON FUNCTION crm.workspace_drift(text) IS
'Where the tables, views and functions of a workspace differ from those shipped.';

CREATE FUNCTION crm.workspace_trigger_problems(workspace text, OUT problem text, OUT object text, OUT detail text, OUT hint text) RETURNS SETOF record
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT CASE WHEN t.tgenabled IS NULL THEN 'trigger missing' ELSE 'trigger disabled' END,
		   s.name,
		   format('Its changes by %s are not noticed.', e.event),
		   CASE WHEN t.tgenabled IS NULL THEN format('SELECT crm.upgrade_workspace(%L);', workspace)
				ELSE format('ALTER TABLE %s ENABLE TRIGGER %I;', s.name, t.tgname) END
		   || format(' Then CALL crm.refresh(%L, full => true);', workspace)
	  FROM (SELECT c.oid AS relation, format('%I.%I', n.nspname, c.relname) AS name
			  FROM workspace w
			 CROSS JOIN LATERAL unnest(CASE WHEN w.source IS NULL
											THEN ARRAY[to_regclass('sales_order'), to_regclass('sales_order_line'), to_regclass('refund')]
											ELSE ARRAY[w.source] END) AS u (root)
			 CROSS JOIN LATERAL crm.workspace_sources(u.root) AS m (relation)
			  JOIN pg_class c ON c.oid = m.relation
			  JOIN pg_namespace n ON n.oid = c.relnamespace) s
	 CROSS JOIN (VALUES ('INSERT', 4), ('DELETE', 8), ('UPDATE', 16), ('TRUNCATE', 32)) e (event, bit)
	  LEFT JOIN LATERAL (
		SELECT t.tgenabled, t.tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
		 WHERE t.tgrelid = s.relation AND t.tgtype & e.bit <> 0 AND t.tgtype & 1 = 0
		   AND p.pronamespace = to_regnamespace(quote_ident(workspace)) LIMIT 1) t ON true
	 WHERE t.tgenabled IS NULL OR t.tgenabled = 'D';
	RETURN QUERY
	SELECT 'source dropped', w.source::text, 'The relation that the workspace was attached to is gone.', 'Attach another workspace.'
	  FROM workspace w WHERE w.source IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = w.source);
	RETURN QUERY
	SELECT 'index missing', w.source::text, format('No index starts with "%s": each look at a changed customer reads the whole table.', w.customer_column),
		   format('CREATE INDEX ON %s (%I);', w.source, w.customer_column)
	  FROM workspace w JOIN pg_class c ON c.oid = w.source
	 WHERE c.relkind IN ('r', 'p') AND NOT crm.workspace_has_index(w.source, w.customer_column);
	RETURN QUERY
	SELECT 'row security', 'customer_history', format('%s has row security, the histories stored from it have none.', c.oid::regclass),
		   'Give customer_history policies of its own, or grant readers other views.'
	  FROM workspace w JOIN pg_class c ON c.oid = w.source AND c.relrowsecurity
	 WHERE NOT (SELECT h.relrowsecurity FROM pg_class h WHERE h.oid = to_regclass('customer_history'));
END
$$;
COMMENT ON FUNCTION crm.workspace_trigger_problems(text) IS
'What keeps changes of the sources of a workspace from being noticed, or makes looking at them slow. The search path is that of the workspace.';

CREATE FUNCTION crm.check_workspace(workspace text, OUT problem text, OUT object text, OUT detail text, OUT hint text) RETURNS SETOF record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
BEGIN
	PERFORM crm.workspace_enter(workspace);
	RETURN QUERY SELECT d.* FROM crm.workspace_drift(workspace) d;
	IF FOUND THEN
		RETURN;
	END IF;
	IF NOT EXISTS (SELECT FROM workspace) THEN
		RETURN QUERY SELECT 'settings missing', 'workspace', 'The table has no row.', 'INSERT a row with crm_version and time_zone.';
		RETURN;
	END IF;
	RETURN QUERY
	SELECT 'definitions of another version', 'workspace', format('They are of crm %s, installed is %s.', w.crm_version, crm.version()),
		   format('SELECT crm.upgrade_workspace(%L);', workspace)
	  FROM workspace w WHERE w.crm_version <> crm.version();
	RETURN QUERY SELECT p.* FROM crm.workspace_trigger_problems(workspace) p;
	RETURN QUERY
	SELECT 'histories out of date', 'customer_history',
		   format('%s changed, the first %s ago.',
				  CASE WHEN bool_or(c.customer_id IS NULL) THEN 'Everybody' ELSE count(DISTINCT c.customer_id) || ' customers' END,
				  date_trunc('second', clock_timestamp() - min(c.changed_at))),
		   format('CALL crm.refresh(%L); until then the views are right, but slower.', workspace)
	  FROM customer_change c HAVING count(*) > 0;
	RETURN QUERY
	WITH sample AS MATERIALIZED (
		SELECT h.customer_id, h.history, h.profit_history
		  FROM (SELECT * FROM customer_history TABLESAMPLE SYSTEM (1) LIMIT 1000) h
		UNION
		SELECT h.customer_id, h.history, h.profit_history
		  FROM (SELECT * FROM customer_history LIMIT 1000) h
	), compared AS (
		SELECT s.customer_id::text AS key,
			   (f.history OPERATOR(crm.=) s.history) IS NOT TRUE
			   OR num_nulls(f.profit_history, s.profit_history) = 1
			   OR coalesce(f.profit_history OPERATOR(crm.<>) s.profit_history, false) AS differs
		  FROM sample s
		  JOIN recompute(ARRAY(SELECT customer_id FROM sample)) f ON f.customer_id = s.customer_id
		 WHERE NOT EXISTS (SELECT FROM customer_change c WHERE c.customer_id = s.customer_id OR c.customer_id IS NULL)
	)
	SELECT 'histories wrong', 'customer_history',
		   format('%s of %s looked at differ from the facts, among them that of customer %s.',
				  count(*) FILTER (WHERE c.differs), count(*), min(c.key) FILTER (WHERE c.differs)),
		   format('CALL crm.refresh(%L, full => true); rows were changed past the triggers.', workspace)
	  FROM compared c HAVING bool_or(c.differs);
	IF to_regclass('rejected_purchase') IS NOT NULL THEN
		RETURN QUERY
		SELECT 'rows left out', 'rejected_purchase', format('%s (rows: %s).', r.reason, count(*)),
			   format('SELECT * FROM %I.rejected_purchase;', workspace)
		  FROM rejected_purchase r GROUP BY r.reason;
	END IF;
	IF to_regclass('lifecycle_rule') IS NOT NULL THEN
		RETURN QUERY
		SELECT 'metric unknown', 'metric', format('"%s" is no column of customer_metric.', m.metric),
			   'Rules with this metric fail. Correct the name, or add the column to the view.'
		  FROM metric m
		 WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass('customer_metric') AND a.attname = m.metric)
		   AND NOT EXISTS (SELECT FROM score_item i WHERE i.model = m.metric)
		   AND m.metric <> 'points_earned';
		RETURN QUERY SELECT p.* FROM crm.programme_problems(workspace) p;
	END IF;
END
$$;
COMMENT ON FUNCTION crm.check_workspace(text) IS
'What is wrong with a workspace, a row for each problem with its mend; no rows mean that all is well. Looks at: tables, columns, views and functions, and their version, against those shipped; triggers on the sources, also on partitions; missing indexes and row security of a source; customers that wait for a refresh; stored histories against the facts, for a sample of up to 2000 customers; source rows that are left out; metrics that are no columns.';

/*
 * A function cannot be replaced by one with more columns, nor dropped while a
 * view stands on it. So it is set aside under another name; the shipped views
 * are then written anew upon the new one, and what nobody uses any more goes.
 */
CREATE FUNCTION crm.workspace_set_aside(old_function regprocedure, crm_version text) RETURNS regprocedure
	LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER FUNCTION %s RENAME TO %I', old_function,
				   (SELECT left(p.proname, 40) || '_' || crm_version FROM pg_proc p WHERE p.oid = old_function));
	RETURN old_function;
END
$$;
COMMENT ON FUNCTION crm.workspace_set_aside(regprocedure, text) IS
'Renames a function of a workspace, so that another of that name can be made: customer_value_at becomes customer_value_at_1.0.';

CREATE FUNCTION crm.workspace_copy_rights(from_function regprocedure, to_function regprocedure) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	its_owner oid;
	its_rights aclitem[];
	statement text;
BEGIN
	SELECT p.proowner, p.proacl INTO its_owner, its_rights FROM pg_proc p WHERE p.oid = from_function;
	IF its_rights IS NOT NULL THEN
		EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', to_function);
	END IF;
	FOR statement IN
		SELECT format('GRANT EXECUTE ON FUNCTION %s TO %s', to_function, coalesce(a.grantee::regrole::text, 'PUBLIC'))
		  FROM (SELECT nullif(grantee, 0) AS grantee FROM aclexplode(its_rights)) a
	LOOP
		EXECUTE statement;
	END LOOP;
	EXECUTE format('ALTER FUNCTION %s OWNER TO %s', to_function, its_owner::regrole);
END
$$;
COMMENT ON FUNCTION crm.workspace_copy_rights(regprocedure, regprocedure) IS
'Gives a function the owner of another and who may call it.';

CREATE FUNCTION crm.workspace_replace(statements text, crm_version text) RETURNS regprocedure
	LANGUAGE plpgsql AS $$
DECLARE
	signature text := substring(statements, 'COMMENT ON FUNCTION ([^\n]*?[)]) IS');
	aside regprocedure;
BEGIN
	EXECUTE regexp_replace(statements, '^CREATE (VIEW|FUNCTION|TRIGGER)', 'CREATE OR REPLACE \1', 'gn');
	RETURN NULL;
EXCEPTION
	WHEN invalid_function_definition THEN
		aside := crm.workspace_set_aside(to_regprocedure(signature), crm_version);
		EXECUTE statements;
		PERFORM crm.workspace_copy_rights(aside, to_regprocedure(signature));
		RETURN aside;
	WHEN invalid_table_definition THEN
		RAISE WARNING USING
			MESSAGE = format('view %s is kept as it is', substring(statements, 'CREATE VIEW (\w+)')),
			DETAIL = 'Its columns are not those shipped with an earlier version: it was changed here.',
			HINT = 'crm.workspace_definition shows the new definition.';
		RETURN NULL;
END
$$;
COMMENT ON FUNCTION crm.workspace_replace(text, text) IS
'Writes a view, function or trigger of a workspace anew. Returns the former function where it had to be set aside. A view that has got other columns is left as it is, with a warning.';

CREATE FUNCTION crm.workspace_drop_unused(functions regprocedure[]) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	unused regprocedure;
BEGIN
	FOR unused IN SELECT f FROM unnest(functions) WITH ORDINALITY AS u (f, n) ORDER BY n DESC LOOP
		BEGIN
			EXECUTE format('DROP FUNCTION %s', unused);
		EXCEPTION WHEN dependent_objects_still_exist THEN
			RAISE WARNING USING
				MESSAGE = format('function %s of an earlier version is kept', unused),
				DETAIL = 'Views or functions that are not crm''s stand on it; they go on answering as before.';
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION crm.workspace_drop_unused(regprocedure[]) IS
'Drops functions that an upgrade has set aside, the last first; one that something still stands on is kept, with a warning.';

CREATE FUNCTION crm.upgrade_workspace(workspace text) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
	shipped record;
	settings record;
	created text[] := '{}';
	aside regprocedure[] := '{}';
	changes bigint := 0;
BEGIN
	PERFORM crm.workspace_enter(workspace);
	PERFORM crm.workspace_lock(workspace);
	SELECT w.* INTO settings FROM workspace w;
	FOR shipped IN SELECT o.* FROM crm.workspace_objects(workspace) o LOOP
		IF shipped.kind = 'TABLE' AND to_regclass(shipped.name) IS NULL THEN
			EXECUTE shipped.statements;
			created := created || shipped.name;
			changes := changes + 1;
		ELSIF shipped.kind = 'TABLE' THEN
			IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass(shipped.name)
							  AND a.attname = shipped.column_name AND NOT a.attisdropped) THEN
				EXECUTE format('ALTER TABLE %I ADD COLUMN %I %s', shipped.name, shipped.column_name, shipped.definition);
				changes := changes + 1;
			END IF;
		ELSIF shipped.kind = 'INSERT' THEN
			IF shipped.name = ANY (created) THEN
				EXECUTE shipped.statements;
			END IF;
		ELSIF shipped.kind IS NOT NULL THEN
			aside := aside || crm.workspace_replace(shipped.statements, settings.crm_version);
		END IF;
	END LOOP;
	PERFORM crm.workspace_drop_unused(array_remove(aside, NULL));
	IF settings.source IS NOT NULL THEN
		EXECUTE crm.workspace_mark_function(settings.customer_column, settings.at_column, settings.amount_column,
											settings.cost_column, settings.filter);
		PERFORM crm.workspace_create_triggers(workspace, settings.source);
	END IF;
	UPDATE workspace SET crm_version = crm.version() WHERE crm_version <> crm.version();
	RETURN changes;
END
$$;
COMMENT ON FUNCTION crm.upgrade_workspace(text) IS
'Brings the definitions of a workspace up to those shipped with the installed version, in one transaction: creates missing tables, adds missing columns, and writes views, functions and triggers anew (triggers also on partitions of the source that came later; functions also after the schema was renamed). It never changes or drops anything that is there otherwise, nor objects of yours: a view to which you added columns is kept, with a warning, and what you built upon a function that has got more columns goes on using the former one, which is kept under the name of its version. A second call does nothing. Returns the number of tables and columns added. Call it after ALTER EXTENSION crm UPDATE.';

CREATE FUNCTION crm.drop_workspace(workspace text, force boolean DEFAULT false) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
	relation record;
	has_rows boolean;
	filled text[] := '{}';
BEGIN
	PERFORM crm.workspace_enter(workspace);
	PERFORM crm.workspace_lock(workspace);
	FOR relation IN
		SELECT c.oid::regclass AS name FROM pg_class c
		 WHERE c.relnamespace = to_regnamespace(quote_ident(workspace)) AND c.relkind IN ('r', 'p', 'm')
		   AND NOT c.relispartition
		   AND c.relname <> ALL ('{workspace,customer_history,customer_change,refresh_run,rfm_cut,segment,segment_rule,opportunity_stage,metric,tier_scheme,tier,tier_rule,lifecycle_stage,lifecycle_rule,lifecycle_move}')
		 ORDER BY c.relname
	LOOP
		EXECUTE format('SELECT EXISTS (SELECT FROM %s)', relation.name) INTO has_rows;
		IF has_rows THEN
			filled := filled || relation.name::text;
		END IF;
	END LOOP;
	IF cardinality(filled) > 0 AND force IS NOT TRUE THEN
		RAISE dependent_objects_still_exist USING
			MESSAGE = format('workspace "%s" holds data', workspace),
			DETAIL = format('These tables have rows: %s.', array_to_string(filled, ', ')),
			HINT = format('SELECT crm.drop_workspace(%L, force => true) drops them all the same.', workspace);
	END IF;
	EXECUTE format('DROP SCHEMA %I CASCADE', workspace);
END
$$;
COMMENT ON FUNCTION crm.drop_workspace(text, boolean) IS
'Drops a workspace with everything in its schema, and its triggers on the source. Refuses while one of its tables holds data (default rules and what can be computed again do not count), unless force is true. Waits for a refresh to finish its batch. A source that was attached is left as it is.';
