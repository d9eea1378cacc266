/*
 * source
 *
 * A workspace over a relation that is there already. crm.attach checks the
 * relation and its columns, makes the view source_row over it, and puts
 * triggers on it that note which customers change.
 */

--| One row is one purchase; an amount below 0 is a refund. The workspace is a schema, and a second
--| one for inner views and functions, shop_internal; neither may exist, unless it is yours and
--| empty. customer: column with the key, of any type that can be ordered. at: column of type date,
--| timestamp or timestamptz; for the last, time_zone decides the day (default: that of the
--| session). amount: a number. cost: column with the cost of the purchase, for profit. filter:
--| condition on the columns of the relation, for example $$status = 'paid'$$. Needs the rights
--| SELECT and TRIGGER on the table, for triggers note which customers change; over a view or a
--| foreign table there are none, and crm.refresh computes everybody. Rows without customer, date or
--| amount, or with infinite ones, are left out and shown by the view rejected_purchase. A failing
--| call leaves nothing behind. Returns the schema.
CREATE FUNCTION crm.attach(workspace text, source regclass, customer name, at name, amount name,
	cost name DEFAULT NULL, filter text DEFAULT NULL, time_zone text DEFAULT NULL)
		RETURNS regnamespace
	LANGUAGE plpgsql AS $$
BEGIN
	RETURN crm_internal.workspace_attach(workspace, source, customer, at, amount, cost, filter,
								coalesce(time_zone, pg_catalog.current_setting('TimeZone')),
								pg_catalog.current_setting('search_path'));
END
$$;
COMMENT ON FUNCTION crm.attach(text, regclass, name, name, name, name, text, text) IS
'Makes a workspace over a table or view that is there: SELECT '
'crm.attach(''shop'', ''public.orders'', customer => ''user_id'', at => ''created_at'', amount '
'=> ''total'').';

CREATE FUNCTION crm_internal.workspace_expected_type(role text, its_type regtype) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF role = 'at' AND its_type <> ALL ('{date,timestamp,timestamptz}'::regtype[]) THEN
		RETURN 'date, timestamp or timestamptz';
	ELSIF role IN ('amount', 'cost')
		AND (SELECT t.typcategory FROM pg_type t WHERE t.oid = its_type) <> 'N' THEN
		RETURN 'a number';
	ELSIF role = 'customer' THEN
		EXECUTE format('SELECT FROM (SELECT DISTINCT NULL::%s AS key) k ORDER BY key', its_type);
	END IF;
	RETURN NULL;
EXCEPTION WHEN undefined_function THEN
	RETURN 'a type that can be ordered';
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_expected_type(text, regtype) IS
'What a column in a role of crm.attach must be, where it is of another type; else NULL.';

CREATE FUNCTION crm_internal.workspace_column(source regclass, role text, column_name name)
	RETURNS oid
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	its_type oid;
	expected text;
BEGIN
	SELECT a.atttypid INTO its_type FROM pg_attribute a
	 WHERE a.attrelid = source AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped;
	IF NOT FOUND THEN
		RAISE undefined_column USING
			MESSAGE = format('%s has no column "%s" (%s)', source, column_name, role),
			HINT = (SELECT format('Its columns are: %s.',
								  string_agg(format('%I', attname), ', ' ORDER BY attnum))
					  FROM pg_attribute
					 WHERE attrelid = source AND attnum > 0 AND NOT attisdropped);
	END IF;
	expected := crm_internal.workspace_expected_type(role, its_type);
	IF expected IS NOT NULL THEN
		RAISE datatype_mismatch USING
			MESSAGE = format('column "%s" of %s (%s) is of type %s', column_name, source, role,
							 its_type::regtype),
			DETAIL = format('It must be %s.', expected),
			HINT = 'Attach a view that converts the column.';
	END IF;
	RETURN its_type;
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_column(regclass, text, name) IS
'The type of the column that plays a role (customer, at, amount, cost) in crm.attach; an error '
'where it is missing or of the wrong type.';

CREATE FUNCTION crm_internal.workspace_amount(source regclass, column_name name) RETURNS text
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT CASE WHEN a.atttypid = ANY ('{int2,int4,int8}'::regtype[])
		THEN format('source.%I::numeric', a.attname)
				WHEN a.atttypid = 'numeric'::regtype AND a.atttypmod >= 4
					AND (a.atttypmod - 4) & 2047 <= 8
				THEN format('source.%I', a.attname)
				ELSE format('CASE WHEN scale(source.%1$I::numeric) <= 8 THEN source.%1$I::numeric '
					'ELSE round(source.%1$I::numeric, 8) END',
							a.attname) END
	  FROM pg_attribute a WHERE a.attrelid = source AND a.attname = column_name;
END;
COMMENT ON FUNCTION crm_internal.workspace_amount(regclass, name) IS
'The expression for an amount of a source: numeric, with at most 8 decimals.';

/*
 * A search for a customer is served by an index of the source only if it has
 * the index's collation. What a function returns has that of its type, so a
 * column with another collation than its type's gets a type of its own: the
 * domain customer_key.
 */
CREATE FUNCTION crm_internal.workspace_key_collation(source regclass, customer name) RETURNS text
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	SELECT format('%I.%I', n.nspname, c.collname)
	  FROM pg_attribute a
	  JOIN pg_type t ON t.oid = a.atttypid AND t.typcollation <> a.attcollation
	  JOIN pg_collation c ON c.oid = a.attcollation
	  JOIN pg_namespace n ON n.oid = c.collnamespace
	 WHERE a.attrelid = source AND a.attname = customer;
END;
COMMENT ON FUNCTION crm_internal.workspace_key_collation(regclass, name) IS
'The collation of a column, if it is not that of its type.';

CREATE FUNCTION crm_internal.workspace_source(workspace text, source regclass, customer name,
	at name, amount name, cost name, filter text) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	at_type oid := crm_internal.workspace_column(source, 'at', at);
	joined_zone boolean := at_type NOT IN ('date'::regtype, 'timestamp'::regtype);
	zone text := CASE WHEN joined_zone THEN 'crm_zone.crm_time_zone'
					  ELSE format('(SELECT w.time_zone FROM %I.workspace w)', workspace) END;
	parts text[];
BEGIN
	parts := ARRAY[
		format(CASE WHEN crm_internal.workspace_key_collation(source, customer) IS NULL
			THEN 'source.%I AS customer_id'
					ELSE 'source.%I::%I.customer_key AS customer_id' END, customer, workspace),
		format(CASE at_type
			WHEN 'date'::regtype THEN 'source.%I::timestamp AT TIME ZONE %s AS purchased_at'
							WHEN 'timestamp'::regtype
								THEN 'source.%I AT TIME ZONE %s AS purchased_at'
							ELSE 'source.%I AS purchased_at' END, at, zone),
		format(CASE at_type WHEN 'date'::regtype THEN 'source.%I AS purchased_on'
							WHEN 'timestamp'::regtype THEN 'source.%I::date AS purchased_on'
							ELSE '(source.%I AT TIME ZONE %s)::date AS purchased_on' END, at, zone),
		crm_internal.workspace_amount(source, amount) || ' AS amount',
		coalesce(crm_internal.workspace_amount(source, amount) || ' - ('
			|| crm_internal.workspace_amount(source, cost) || ')',
				 'NULL::numeric') || ' AS profit'];
	RETURN format(E'SELECT %s\n  FROM %s AS source', array_to_string(parts, E',\n	   '), source)
		-- A scalar subquery in purchased_on would keep workers out of what reads the view.
		|| CASE WHEN joined_zone
				THEN format(E'\n CROSS JOIN (SELECT w.time_zone AS crm_time_zone '
							'FROM %I.workspace w) AS crm_zone', workspace)
				ELSE '' END
		|| coalesce(E'\n WHERE (' || filter || E'\n)', '');
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_source(text, regclass, name, name, name, name, text) IS
'The query of the view source_row: the source under the names of the workspace.';

CREATE FUNCTION crm_internal.workspace_trigger_name(workspace text, event text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN 'crm_' || CASE WHEN octet_length(workspace) <= 48 THEN workspace
		ELSE md5(workspace) END || '_' || event;
COMMENT ON FUNCTION crm_internal.workspace_trigger_name(text, text) IS
'The name of a trigger on a source: different for each workspace over it.';

/*
 * The function that notes changes of a source. With a filter it notes all
 * customers of an updated row: whether the row passes is not for a function
 * to judge that runs with other rights than the writer's.
 */
CREATE FUNCTION crm_internal.workspace_mark_function(internal text, customer name, at name,
	amount name,
	cost name, filter text) RETURNS text
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT format($body$
CREATE OR REPLACE FUNCTION %5$I.mark_changes() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
	IF TG_OP = 'INSERT' THEN
		INSERT INTO customer_change (customer_id) SELECT DISTINCT %1$I FROM new_rows
			WHERE %1$I IS NOT NULL;
	ELSIF TG_OP = 'DELETE' THEN
		INSERT INTO customer_change (customer_id) SELECT DISTINCT %1$I FROM old_rows
			WHERE %1$I IS NOT NULL;
	ELSE
		INSERT INTO customer_change (customer_id)
		SELECT %1$I FROM (SELECT %2$s FROM old_rows%3$s) before WHERE %1$I IS NOT NULL
		UNION
		SELECT %1$I FROM (SELECT %2$s FROM new_rows%4$s) after WHERE %1$I IS NOT NULL;
	END IF;
	RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION %5$I.mark_changes() FROM PUBLIC;
COMMENT ON FUNCTION %5$I.mark_changes() IS 'Notes the customers of changed rows of the source.';
$body$, customer, c.columns,
		CASE WHEN filter IS NULL THEN ' EXCEPT ALL SELECT ' || c.columns || ' FROM new_rows'
			ELSE '' END,
		CASE WHEN filter IS NULL THEN ' EXCEPT ALL SELECT ' || c.columns || ' FROM old_rows'
			ELSE '' END,
		internal)
	  FROM (SELECT concat_ws(', ', quote_ident(customer), quote_ident(at), quote_ident(amount),
	  	quote_ident(cost)) AS columns) c;
END;
COMMENT ON FUNCTION crm_internal.workspace_mark_function(text, name, name, name, name, text) IS
'The definition of the trigger function of an attached workspace.';

-- None for a view or a foreign table.
CREATE FUNCTION crm_internal.workspace_sources(source regclass) RETURNS SETOF regclass
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	WITH RECURSIVE member (relid) AS (
		SELECT source::oid
		UNION
		SELECT i.inhrelid FROM member m JOIN pg_inherits i ON i.inhparent = m.relid)
	SELECT m.relid::regclass FROM member m JOIN pg_class c ON c.oid = m.relid
		WHERE c.relkind IN ('r', 'p');
END;
COMMENT ON FUNCTION crm_internal.workspace_sources(regclass) IS
'The tables whose changes concern a workspace: the table, its partitions and children.';

CREATE FUNCTION crm_internal.workspace_create_triggers(workspace text, internal text,
	source regclass) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	missing record;
BEGIN
	FOR missing IN
		SELECT s.relation, e.event, e.tables, e.function
		  FROM crm_internal.workspace_sources(source) AS s (relation)
		 CROSS JOIN (VALUES
				('INSERT', 4, ' REFERENCING NEW TABLE AS new_rows', 'mark_changes'),
				('DELETE', 8, ' REFERENCING OLD TABLE AS old_rows', 'mark_changes'),
				('UPDATE', 16, ' REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows',
					'mark_changes'),
				('TRUNCATE', 32, '', 'mark_everyone')) e (event, bit, tables, function)
		 -- Found by what they call: the workspace may have had another name.
		 WHERE NOT EXISTS (SELECT FROM pg_trigger t
							WHERE t.tgrelid = s.relation AND t.tgtype & e.bit <> 0
							  AND t.tgfoid = to_regproc(format('%I.%I', internal, e.function)))
	LOOP
		EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s%s FOR EACH STATEMENT EXECUTE FUNCTION '
			'%I.%I()',
					   crm_internal.workspace_trigger_name(workspace, lower(missing.event)),
					   	missing.event, missing.relation,
					   missing.tables, internal, missing.function);
	END LOOP;
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_create_triggers(text, text, regclass) IS
'Puts the triggers of a workspace on its source, where they are missing.';

CREATE FUNCTION crm_internal.workspace_source_kind(source regclass, customer name, at name,
	amount name, cost name) RETURNS "char"
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	kind "char";
BEGIN
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
	PERFORM crm_internal.workspace_column(source, 'customer', customer);
	PERFORM crm_internal.workspace_column(source, 'amount', amount);
	IF cost IS NOT NULL THEN
		PERFORM crm_internal.workspace_column(source, 'cost', cost);
	END IF;
	IF NOT has_table_privilege(source, 'SELECT')
		OR kind IN ('r', 'p') AND NOT has_table_privilege(source, 'TRIGGER') THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('role %s may not attach %s', current_user, source),
			HINT = format('It needs: GRANT SELECT, TRIGGER ON %s TO %I. Or attach a view, which is '
						  'refreshed in full.', source, current_user);
	END IF;
	PERFORM crm_internal.workspace_column(source, 'at', at);
	RETURN kind;
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_source_kind(regclass, name, name, name, name) IS
'The kind of relation that a source is; an error where it, or a column of it, cannot serve.';

CREATE FUNCTION crm_internal.workspace_make_key(workspace text, source regclass, customer name)
	RETURNS text
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	key_type text;
	key_collation text := crm_internal.workspace_key_collation(source, customer);
BEGIN
	SELECT format_type(atttypid, atttypmod) INTO key_type FROM pg_attribute
	 WHERE attrelid = source AND attname = customer;
	IF key_collation IS NULL THEN
		RETURN key_type;
	END IF;
	EXECUTE format('CREATE DOMAIN %I.customer_key AS %s COLLATE %s', workspace, key_type,
				   key_collation);
	EXECUTE format('COMMENT ON DOMAIN %I.customer_key IS %L', workspace,
				   'Key of a customer, with the collation of the source''s column.');
	RETURN 'customer_key';
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_make_key(text, regclass, name) IS
'The type of the keys of a workspace; makes a domain where the column has its own collation.';

CREATE FUNCTION crm_internal.workspace_attach(workspace text, source regclass, customer name,
	at name, amount name, cost name, filter text, time_zone text, caller_path text)
	RETURNS regnamespace
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	internal text := workspace || '_internal';
	key_type text;
	key_schema name;
	kind "char";
	part text;
BEGIN
	PERFORM crm_internal.workspace_check_name(workspace);
	kind := crm_internal.workspace_source_kind(source, customer, at, amount, cost);
	SELECT n.nspname INTO key_schema FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
	 WHERE t.oid = crm_internal.workspace_column(source, 'customer', customer);
	PERFORM crm_internal.workspace_make_schemas(workspace, internal);
	key_type := crm_internal.workspace_make_key(workspace, source, customer);
	PERFORM crm_internal.workspace_make_same_customer(internal,
		CASE key_type WHEN 'customer_key' THEN format('%I.customer_key', workspace)
			ELSE key_type END);
	FOREACH part IN ARRAY crm_internal.workspace_parts(true) LOOP
		PERFORM set_config('search_path', crm_internal.workspace_path(workspace, key_schema), true);
		IF part = 'attached' THEN
			EXECUTE 'INSERT INTO workspace (crm_version, time_zone, source, customer_column, '
				'at_column, amount_column, cost_column, filter) '
				'VALUES ($1, $2, $3, $4, $5, $6, $7, $8)'
			  USING crm.version(), time_zone, source, customer, at, amount, cost, filter;
			PERFORM crm_internal.workspace_create_source_row(workspace, internal, caller_path);
		END IF;
		EXECUTE crm_internal.workspace_fill(crm.workspace_definition(part), true, key_type,
											internal);
	END LOOP;
	EXECUTE crm_internal.workspace_mark_function(internal, customer, at, amount, cost, filter);
	PERFORM crm_internal.workspace_create_triggers(workspace, internal, source);
	INSERT INTO everyone_change (reason) VALUES ('attached');
	PERFORM crm_internal.refuse_foreign_dependencies(workspace, internal);
	PERFORM crm_internal.workspace_keep_definitions(internal, true);
	PERFORM crm_internal.workspace_analyze();
	PERFORM crm_internal.workspace_attach_notices(workspace, source, customer, kind);
	RETURN quote_ident(workspace)::regnamespace;
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_attach(text, regclass, name, name, name, name, text,
	text, text) IS
'Behind crm.attach.';

/*
 * The query is built here from the settings of the workspace: no function runs
 * SQL that a caller hands to it.
 */
-- Names in the filter mean what they mean to the caller, by their search path.
CREATE FUNCTION crm_internal.workspace_create_source_row(workspace text, internal text,
	caller_path text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	own_path text := current_setting('search_path');
	query text;
BEGIN
	SELECT crm_internal.workspace_source(workspace, w.source, w.customer_column, w.at_column,
										 w.amount_column, w.cost_column, w.filter)
	  INTO query FROM workspace w;
	PERFORM set_config('search_path', caller_path, true);
	EXECUTE format('CREATE VIEW %I.source_row WITH (security_invoker) AS ', internal) || query;
	PERFORM pg_catalog.set_config('search_path', own_path, true);
	EXECUTE crm_internal.workspace_fill($comments$
		COMMENT ON VIEW @internal@.source_row IS 'The rows of the source under the names of the '
			'workspace, before any is rejected.';
		COMMENT ON COLUMN @internal@.source_row.customer_id IS 'The customer.';
		COMMENT ON COLUMN @internal@.source_row.purchased_at IS 'When.';
		COMMENT ON COLUMN @internal@.source_row.purchased_on IS 'Day in the time zone of the '
			'workspace.';
		COMMENT ON COLUMN @internal@.source_row.amount IS 'Amount, rounded to 8 decimals.';
		COMMENT ON COLUMN @internal@.source_row.profit IS 'Amount less cost.';
	$comments$, false, 'bigint', internal);
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_create_source_row(text, text, text) IS
'Makes the view source_row from the settings in the table "workspace".';

CREATE FUNCTION crm_internal.workspace_has_index(source regclass, customer name) RETURNS boolean
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	SELECT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid
		AND a.attnum = i.indkey[0]
					WHERE i.indrelid = source AND a.attname = customer AND i.indisvalid
						AND i.indpred IS NULL);
END;
COMMENT ON FUNCTION crm_internal.workspace_has_index(regclass, name) IS
'Whether an index of the source starts with the customer, so that the purchases of one are found '
'without reading all.';

CREATE FUNCTION crm_internal.workspace_attach_notices(workspace text, source regclass,
	customer name, kind "char") RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	IF kind NOT IN ('r', 'p') THEN
		RAISE NOTICE USING
			MESSAGE = format('%s is not a table: no triggers tell which customers change', source),
			HINT = format('CALL crm.refresh(%L) computes everybody; run it as often as the views '
				'should be up to date.', workspace);
	ELSIF NOT crm_internal.workspace_has_index(source, customer) THEN
		RAISE NOTICE USING
			MESSAGE = format('no index of %s starts with "%s": each look at a changed customer '
				'reads the whole table', source, customer),
			HINT = format('CREATE INDEX ON %s (%I);', source, customer);
	END IF;
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_attach_notices(text, regclass, name, "char") IS
'Says what will be slow or not noticed in an attached workspace.';
