/*
 * source
 *
 * A workspace over a relation that is there already. crm.attach checks the
 * relation and its columns, makes the view source_row over it, and puts
 * triggers on it that note which customers change.
 */

--: Always true. In the condition of a trigger it says which table of notes the trigger writes, and
--: which view reads the table.
CREATE FUNCTION crm_internal.noted_in(notes regclass, view regclass DEFAULT NULL) RETURNS boolean
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_noted_in';

--: The trigger on a table that a workspace reads, which notes the customers of changed rows.
CREATE FUNCTION crm_internal.note_changes() RETURNS trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_note_changes';

--: The trigger on a table of a workspace whose change concerns all customers. Its argument is the
--: reason.
CREATE FUNCTION crm_internal.note_everyone() RETURNS trigger
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_note_everyone';

--: Whether the key of a customer has at most 1024 bytes, so that an index can hold it.
CREATE FUNCTION crm_internal.key_fits(key anyelement) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_key_fits';

--: Whether a day lies between two days, which are included.
CREATE FUNCTION crm_internal.plausible_day(day date, earliest date, latest date) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_plausible_day';

--: Whether a row of a source counts: its key fits, its day lies between two days, and its amounts
--: are numbers below 10^15 in size. The profit may be NULL.
CREATE FUNCTION crm_internal.is_usable_row(customer anyelement, day date, earliest date,
	latest date, amount numeric, profit numeric) RETURNS boolean
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_is_usable_row';

--: Whether a text is one expression, and not the end of one statement and the start of another.
CREATE FUNCTION crm_internal.is_one_expression(expression text) RETURNS boolean
	LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_is_one_expression';

--: The columns of a relation from which a column of a view is made, by the names that they have
--: now.
CREATE FUNCTION crm_internal.view_reads(view regclass, relation regclass, view_column name)
	RETURNS name[]
	LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_view_reads';

--: The condition of a view on a relation, with the names that its columns have now.
CREATE FUNCTION crm_internal.view_condition(view regclass, relation regclass) RETURNS text
	LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_view_condition';

--: An error that lists the kinds of models of purchases, if there is no such kind.
CREATE FUNCTION crm_internal.check_purchase_model(kind text) RETURNS void
	LANGUAGE C STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_check_purchase_model';

--: The settings for the columns that a source need not have.
CREATE FUNCTION crm_internal.optional_columns(order_id name, product name, channel name,
	country name, email name, changed_at name) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN pg_catalog.jsonb_build_object('order_column', order_id, 'product_column', product,
		'channel_column', channel, 'country_column', country, 'email_column', email,
		'changed_at_column', changed_at);

CREATE FUNCTION crm_internal.attach_as_caller(workspace text, source regclass, customer name,
	at name, amount name,
	cost name, filter text, time_zone text,
	at_time_zone text, order_id name, product name, channel name, country name,
	email name, changed_at name) RETURNS regnamespace
	LANGUAGE plpgsql AS $$
BEGIN
	RETURN crm_internal.workspace_attach(workspace, source, customer, at, amount, cost, filter,
								coalesce(time_zone, pg_catalog.current_setting('TimeZone')),
								at_time_zone,
								crm_internal.optional_columns(order_id, product, channel, country,
															  email, changed_at),
								pg_catalog.current_setting('search_path'));
END
$$;

--| * `source`: a table, a partitioned table, a view, a materialized view or a foreign table. One
--|   row is one purchase. An amount below 0 is a refund.
--| * `customer`: the column with the key, of any type that can be ordered.
--| * `at`: a column of type date, timestamp or timestamptz.
--| * `amount`: a column with a number. `cost`: a column with the cost of the purchase, for profit.
--| * `filter`: a condition on the columns of one row, for example `$$status = 'paid'$$`. It may
--|   call immutable functions only. For any other condition attach a view. Names in it mean what
--|   they mean to you.
--| * `time_zone`: decides on which day a purchase happened (default: that of the session).
--| * `at_time_zone`: the zone of the times in a column of type timestamp (default: `time_zone`).
--| * `order_id`: the column with the order. Several rows of one order of a customer are one
--|   purchase, at the first of them. Without it each row is a purchase, and products are bought
--|   together if one customer buys them on one day.
--| * `product`, `channel`, `country`, `email`: columns for product_affinity, first_product,
--|   next_product, acquisition and cohort_by_origin. They and `order_id` are texts, numbers, enums
--|   or uuids.
--| * `changed_at`: a column of type date, timestamp or timestamptz that says when a row was written
--|   last. Then crm.refresh takes the customers of rows written since the refresh before, and no
--|   triggers are made. A row may show up late by the setting `late_by` of the table `workspace`,
--|   which is an hour at first. Nobody notices a deleted row, nor whose row it was that belongs to
--|   another customer now: `crm.refresh(..., full => true)` sees both.
--|
--| The workspace is a schema, and a second one for inner views and functions, `shop_internal`.
--| Neither may exist, unless it is yours and empty. You need the rights SELECT and TRIGGER on a
--| table, because triggers note which customers change. Some relations can have no such triggers:
--| views, foreign tables, tables with foreign partitions, tables of a subscription, distributed
--| tables. Without `changed_at` crm.refresh computes everybody for them, and a NOTICE says so. A
--| table of Citus must be distributed by the customer.
--|
--| Rows that cannot be used are left out. The view rejected_purchase shows them. A failing call
--| leaves nothing behind. Returns the schema.
CREATE FUNCTION crm.attach(workspace text, source regclass, customer name, at name, amount name,
	cost name DEFAULT NULL, filter text DEFAULT NULL, time_zone text DEFAULT NULL,
	at_time_zone text DEFAULT NULL, order_id name DEFAULT NULL, product name DEFAULT NULL,
	channel name DEFAULT NULL, country name DEFAULT NULL, email name DEFAULT NULL,
	changed_at name DEFAULT NULL) RETURNS regnamespace
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_caller';
COMMENT ON FUNCTION crm.attach(text, regclass, name, name, name, name, text, text, text, name, name,
	name, name, name, name) IS
'Makes a workspace over a table or view that is there: SELECT '
'crm.attach(''shop'', ''public.orders'', customer => ''user_id'', at => ''created_at'', amount '
'=> ''total'').';

-- A domain may forbid NULL, so the test of its order has no row.
--: What a column in a role of crm.attach must be, where it is of another type; else NULL.
CREATE FUNCTION crm_internal.workspace_expected_type(role text, its_type regtype) RETURNS text
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF role IN ('at', 'changed_at')
		AND its_type <> ALL ('{date,timestamp,timestamptz}'::regtype[]) THEN
		RETURN 'date, timestamp or timestamptz';
	ELSIF role IN ('amount', 'cost')
		AND (SELECT t.typcategory FROM pg_type t WHERE t.oid = its_type) <> 'N' THEN
		RETURN 'a number';
	ELSIF role IN ('order_id', 'product', 'channel', 'country', 'email')
		AND its_type <> 'uuid'::regtype
		AND (SELECT t.typcategory FROM pg_type t WHERE t.oid = its_type) NOT IN ('S', 'N', 'E') THEN
		RETURN 'text, a number, an enum or a uuid';
	ELSIF role = 'customer' THEN
		EXECUTE format('SELECT FROM (SELECT DISTINCT key FROM unnest(NULL::%s[]) AS u (key)) k '
			'ORDER BY key', its_type);
	END IF;
	RETURN NULL;
EXCEPTION WHEN undefined_function OR undefined_object THEN
	RETURN 'a type that can be ordered';
END
$$;

--: The type of the column that plays a role (customer, at, amount, ...) in crm.attach; an error
--: where it is missing or of the wrong type.
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

--: The expression for an amount of a source: numeric, with at most 8 decimals.
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

--: The name of a relation with its schema, whatever the search path.
CREATE FUNCTION crm_internal.full_name(relation regclass) RETURNS text
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	SELECT format('%I.%I', n.nspname, c.relname)
	  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation;
END;

/*
 * A search for a customer is served by an index of the source only if it has
 * the index's collation. What a function returns has that of its type, so a
 * column with another collation than its type's gets a type of its own: the
 * domain customer_key.
 */
--: The collation of a column, if it is not that of its type.
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

-- The search path is that of the server, so that the type has its schema.
--: The expression for the customer in a source: the column, with the type and the collation that
--: keys have in the workspace.
CREATE FUNCTION crm_internal.workspace_key(workspace text, source regclass, customer name)
	RETURNS text
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	SELECT CASE WHEN k.atttypid <> a.atttypid
				THEN format('source.%I::%s', customer, format_type(k.atttypid, k.atttypmod))
				WHEN k.attcollation <> a.attcollation
				THEN format('source.%I COLLATE %s', customer, k.attcollation::regcollation)
				ELSE format('source.%I', customer) END
	  FROM pg_attribute k
	  JOIN pg_attribute a ON a.attrelid = source AND a.attname = customer
	 WHERE k.attrelid = format('%I.customer_history', workspace)::regclass
	   AND k.attname = 'customer_id';
END;

/*
 * A filter is accepted if an index with that condition can be made on an empty
 * copy of the source. So it is one condition on one row, and it depends on
 * nothing else. What comes back is the condition as the catalog prints it, with
 * every name qualified.
 */
--: The condition of a filter with all names qualified; an error where it is not one condition on a
--: row.
CREATE FUNCTION crm_internal.workspace_filter(internal text, source regclass, filter text,
	caller_path text) RETURNS text
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	copy text := format('%I.source', internal);
	printed text;
BEGIN
	IF filter IS NULL THEN
		RETURN NULL;
	END IF;
	IF NOT crm_internal.is_one_expression(filter) THEN
		RAISE syntax_error USING MESSAGE = 'the filter is not one condition',
			HINT = 'Write one condition on the columns of a row, for example status = ''paid''.';
	END IF;
	EXECUTE format('CREATE TABLE %s (LIKE %s)', copy, source);
	BEGIN
		PERFORM set_config('search_path', caller_path, true);
		EXECUTE pg_catalog.format(E'CREATE INDEX crm_filter ON %s ((1)) WHERE (%s\n)', copy,
			filter);
	EXCEPTION WHEN feature_not_supported OR invalid_object_definition OR grouping_error
		OR windowing_error OR datatype_mismatch THEN
		RAISE invalid_parameter_value USING
			MESSAGE = 'the filter is not a condition on one row that never changes its result',
			DETAIL = upper(left(SQLERRM, 1)) || substr(SQLERRM, 2) || '.',
			HINT = 'Attach a view with this condition. A view is refreshed in full.';
	END;
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
	SELECT pg_get_expr(i.indpred, i.indrelid) INTO printed FROM pg_index i
	 WHERE i.indexrelid = to_regclass(format('%I.crm_filter', internal));
	EXECUTE format('DROP TABLE %s', copy);
	RETURN printed;
END
$$;

-- No row of the source may stop a query. So a time too far out for its zone is converted by
-- functions that raise no error, and its day is then not plausible.
--: The expressions for the moment and the day of a purchase.
CREATE FUNCTION crm_internal.workspace_at(source regclass, at name, at_time_zone text)
	RETURNS TABLE (purchased_at text, purchased_on text)
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT CASE a.atttypid
			WHEN 'date'::regtype
			THEN format('crm_internal.moment_of_day(source.%I, crm_zone.crm_time_zone)', a.attname)
			WHEN 'timestamptz'::regtype THEN format('source.%I', a.attname)
			ELSE format('crm_internal.moment_of_clock(source.%I, %s)', a.attname,
						coalesce(quote_literal(at_time_zone), 'crm_zone.crm_time_zone')) END,
		   CASE
			WHEN a.atttypid = 'date'::regtype THEN format('source.%I', a.attname)
			WHEN a.atttypid = 'timestamptz'::regtype
			THEN format('crm_internal.day_of(source.%I, crm_zone.crm_time_zone)', a.attname)
			WHEN at_time_zone IS NULL THEN format('source.%I::date', a.attname)
			ELSE format('crm_internal.day_of(crm_internal.moment_of_clock(source.%I, %L), '
				'crm_zone.crm_time_zone)', a.attname, at_time_zone) END
	  FROM pg_attribute a WHERE a.attrelid = source AND a.attname = at;
END;

/*
 * A workspace of an older version, which has no such settings, keeps a view
 * without these columns. Their collation is the default one, so that another
 * source can come later.
 */
--: The columns of the view source_row that a source need not have.
CREATE FUNCTION crm_internal.workspace_optional_source(settings jsonb) RETURNS text
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT string_agg(CASE WHEN settings ->> c.setting IS NULL
						   THEN format('NULL::text AS %I', c.name)
						   ELSE format('source.%I::text COLLATE "default" AS %I',
									   settings ->> c.setting, c.name) END,
					  E',\n	   ' ORDER BY c.n)
	  FROM (VALUES (1, 'order_column', 'order_key'), (2, 'product_column', 'product'),
				   (3, 'channel_column', 'channel'), (4, 'country_column', 'country'),
				   (5, 'email_column', 'email')) c (n, setting, name)
	 WHERE settings ? c.setting;
END;

/*
 * It has a type of its own whatever the column's, so that another source can come
 * later. A workspace of an older version keeps a view without it.
 */
--: The column of the view source_row that says when a row was written last.
CREATE FUNCTION crm_internal.workspace_changed_at(source regclass, settings jsonb) RETURNS text
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT coalesce((SELECT a.purchased_at
					   FROM crm_internal.workspace_at(source,
							(settings ->> 'changed_at_column')::name,
							settings ->> 'at_time_zone') a),
					'NULL::timestamptz') || ' AS changed_at'
	 WHERE settings ? 'changed_at_column';
END;

-- With the zone as a literal the query is one scan, without a loop over the settings. On the
-- workers of Citus there is neither the table of settings nor the type customer_key.
--: The query for the source under the names of the workspace, from the settings: for the view
--: source_row ('view'), or with the zone as a literal, here ('query') or for the workers that hold
--: a distributed source ('workers').
CREATE FUNCTION crm_internal.workspace_source(workspace text, reader text DEFAULT 'view')
	RETURNS text
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	w record;
	amount_text pg_catalog.text;
	zone pg_catalog.text;
BEGIN
	EXECUTE pg_catalog.format('SELECT * FROM %I.workspace', workspace) INTO w;
	PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
	amount_text := crm_internal.workspace_amount(w.source, w.amount_column);
	zone := CASE reader WHEN 'view' THEN 'crm_zone.crm_time_zone'
		ELSE quote_literal(w.time_zone) END;
	RETURN (SELECT concat_ws(E'\n', 'SELECT ' || concat_ws(E',\n	   ',
			CASE reader WHEN 'workers' THEN format('source.%I', w.customer_column)
				 ELSE crm_internal.workspace_key(workspace, w.source, w.customer_column) END
				|| ' AS customer_id',
			replace(a.purchased_at, 'crm_zone.crm_time_zone', zone) || ' AS purchased_at',
			replace(a.purchased_on, 'crm_zone.crm_time_zone', zone) || ' AS purchased_on',
			amount_text || ' AS amount',
			coalesce(amount_text || ' - (' || crm_internal.workspace_amount(w.source,
				w.cost_column) || ')', 'NULL::numeric') || ' AS profit',
			crm_internal.workspace_optional_source(to_jsonb(w)),
			replace(crm_internal.workspace_changed_at(w.source, to_jsonb(w)),
				'crm_zone.crm_time_zone', zone)),
		format(CASE WHEN reader <> 'workers' AND crm_internal.is_distributed(w.source)
					THEN '  FROM crm_internal.distributed_rows(NULL::%s) AS source'
					ELSE '  FROM %s AS source' END, w.source),
		-- A scalar subquery in purchased_on would keep workers out of what reads the view.
		CASE reader WHEN 'view' THEN format(
			' CROSS JOIN (SELECT w.time_zone AS crm_time_zone FROM %I.workspace w) AS crm_zone',
			workspace) END,
		E' WHERE (' || w.filter || E'\n)')
	  FROM crm_internal.workspace_at(w.source, w.at_column, w.at_time_zone) a);
END
$$;

--: The name of a trigger on a source: different for each workspace over it.
CREATE FUNCTION crm_internal.workspace_trigger_name(workspace text, event text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN 'crm_' || CASE WHEN octet_length(workspace) <= 48 THEN workspace
		ELSE md5(workspace) END || '_' || event;

--: A source with its partitions and children, and the bounds of partitions.
CREATE FUNCTION crm_internal.workspace_members(source regclass)
	RETURNS TABLE (relation regclass, kind "char", bounds text)
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	WITH RECURSIVE member (relid) AS (
		SELECT source::oid
		UNION
		SELECT i.inhrelid FROM member m JOIN pg_inherits i ON i.inhparent = m.relid)
	SELECT c.oid::regclass, c.relkind, pg_get_expr(c.relpartbound, c.oid)
	  FROM member m JOIN pg_class c ON c.oid = m.relid;
END;

/*
 * Distributed tables
 *
 * A table of Citus is found in its catalog, if there is one. Its column is the
 * number in the text of an expression there, so no function of Citus is called.
 *
 * A workspace over distributed tables is on the coordinator alone: histories,
 * settings and views. Citus cannot plan most queries that join its tables with
 * local ones, or that call functions in SQL. So the view source_row reads the
 * source by a function, which Citus does not look into. The server calls it only
 * where a plan comes to it. Views that read stored histories do not.
 */
--: The tables of Citus that a relation is or, as a view, reads, and the column of the relation that
--: distributes it. The column is NULL in a view, and where a table has none.
CREATE FUNCTION crm_internal.distributed_tables(source regclass)
	RETURNS TABLE (relation regclass, column_name name)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE 'WITH RECURSIVE reads (relid) AS (
			SELECT $1::oid
			UNION
			SELECT d.refobjid FROM reads r
			  JOIN pg_rewrite w ON w.ev_class = r.relid
			  JOIN pg_depend d ON d.classid = ''pg_rewrite''::regclass AND d.objid = w.oid
			   AND d.refclassid = ''pg_class''::regclass)
		SELECT r.relid::regclass, a.attname FROM reads r
		  JOIN pg_dist_partition p ON p.logicalrelid::oid = r.relid
		  LEFT JOIN pg_attribute a ON a.attrelid = $1 AND a.attrelid = r.relid
		   AND a.attnum = substring(p.partkey FROM '':varattno (\d+)'')::int2' USING source;
END
$$;

--: Whether a relation is a table of Citus or a view that reads one.
CREATE FUNCTION crm_internal.is_distributed(source regclass) RETURNS boolean
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	SELECT EXISTS (SELECT FROM crm_internal.distributed_tables(source));
END;

--: All rows of the relation whose row type the argument has, read with the rights of the caller.
CREATE FUNCTION crm_internal.distributed_rows(row_type anyelement) RETURNS SETOF anyelement
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 100000
	SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT * FROM %s',
		(SELECT t.typrelid::regclass FROM pg_type t WHERE t.oid = pg_typeof(row_type)));
END
$$;

--: An error where a distributed table has another column for its distribution than the customer.
CREATE FUNCTION crm_internal.check_distribution(source regclass, customer name) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	other name := (SELECT d.column_name FROM crm_internal.distributed_tables(source) d
					WHERE d.column_name <> customer);
BEGIN
	IF other IS NOT NULL THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('%s is distributed by "%s" and not by the customer', source, other),
			DETAIL = format('The purchases of a customer are on one worker only if "%s" '
				'distributes the table.', customer),
			HINT = format('SELECT alter_distributed_table(%L, distribution_column => %L);',
				source::text, customer);
	END IF;
END
$$;

/*
 * On such a source a trigger would not fire, or would make every write fail.
 */
--: Why triggers cannot tell which customers of a source change. NULL if they can.
CREATE FUNCTION crm_internal.workspace_untracked(source regclass) RETURNS text
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	SELECT CASE
		WHEN bool_or(m.relation = source AND m.kind NOT IN ('r', 'p'))
		THEN format('%s is not a table', source)
		WHEN bool_or(m.kind = 'f')
		THEN format('%s has the foreign partition %s', source,
					min(m.relation::text) FILTER (WHERE m.kind = 'f'))
		WHEN bool_or(EXISTS (SELECT FROM pg_subscription_rel r WHERE r.srrelid = m.relation))
		THEN format('rows of %s come by a subscription', source)
		WHEN crm_internal.is_distributed(source) THEN format('%s is a distributed table', source)
		END
	  FROM crm_internal.workspace_members(source) m;
END;

-- None where triggers cannot follow the source, or a column tells what changed.
--: The tables that have triggers of a workspace: the source, its partitions and children.
CREATE FUNCTION crm_internal.workspace_sources(source regclass, changed_at name)
	RETURNS SETOF regclass
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT m.relation FROM crm_internal.workspace_members(source) m
	 WHERE m.kind IN ('r', 'p') AND changed_at IS NULL
	   AND (SELECT crm_internal.workspace_untracked(source)) IS NULL;
END;

--: The triggers on a table that write to a table of notes. They are found by that and not by name.
CREATE FUNCTION crm_internal.workspace_triggers(relation regclass, notes regclass)
	RETURNS TABLE (trigger_name name, events smallint, enabled "char")
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	SELECT t.tgname, t.tgtype, t.tgenabled
	  FROM pg_trigger t
	 WHERE t.tgrelid = relation AND t.tgfoid = 'crm_internal.note_changes()'::regprocedure
	   AND EXISTS (SELECT FROM pg_depend d
					WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid
					  AND d.refclassid = 'pg_class'::regclass AND d.refobjid = notes);
END;

--: Puts the triggers of a workspace on its source, where they are missing.
CREATE FUNCTION crm_internal.workspace_create_triggers(workspace text, internal text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	w record;
	notes regclass := to_regclass(format('%I.customer_change', workspace));
	reader regclass := to_regclass(format('%I.source_row', internal));
	missing record;
BEGIN
	EXECUTE format('SELECT s.source, s.changed_at_column FROM %I.workspace s', workspace) INTO w;
	FOR missing IN
		SELECT s.relation, e.event, e.tables
		  FROM crm_internal.workspace_sources(w.source, w.changed_at_column)
			AS s (relation)
		 CROSS JOIN (VALUES
				('INSERT', 4, ' REFERENCING NEW TABLE AS new_rows'),
				('DELETE', 8, ' REFERENCING OLD TABLE AS old_rows'),
				('UPDATE', 16, ' REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows'),
				('TRUNCATE', 32, '')) e (event, bit, tables)
		 WHERE NOT EXISTS (SELECT FROM crm_internal.workspace_triggers(s.relation, notes) t
							WHERE t.events & e.bit <> 0)
	LOOP
		EXECUTE format('CREATE TRIGGER %I AFTER %s ON %s%s FOR EACH STATEMENT '
			'WHEN (crm_internal.noted_in(%L::regclass, %L::regclass)) '
			'EXECUTE FUNCTION crm_internal.note_changes()',
			crm_internal.workspace_trigger_name(workspace, lower(missing.event)), missing.event,
			missing.relation, missing.tables, notes, reader);
	END LOOP;
END
$$;

-- A trigger that the owner of the workspace may not drop notes nothing any more.
--: Takes the triggers of a workspace from a former source.
CREATE FUNCTION crm_internal.workspace_drop_triggers(workspace text, source regclass)
	RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found record;
BEGIN
	FOR found IN
		SELECT m.relation, t.trigger_name, pg_has_role(c.relowner, 'USAGE') AS may_drop
		  FROM crm_internal.workspace_members(source) m
		  JOIN pg_class c ON c.oid = m.relation
		 CROSS JOIN LATERAL crm_internal.workspace_triggers(m.relation,
			to_regclass(format('%I.customer_change', workspace))) t
	LOOP
		IF found.may_drop THEN
			EXECUTE format('DROP TRIGGER %I ON %s', found.trigger_name, found.relation);
		ELSE
			RAISE NOTICE USING
				MESSAGE = format('trigger %I on %s is left, and notes nothing any more',
					found.trigger_name, found.relation),
				HINT = format('The owner of the table can drop it: DROP TRIGGER %I ON %s;',
					found.trigger_name, found.relation);
		END IF;
	END LOOP;
END
$$;

--: The kind of relation that a source is; an error where it, or a column of it, cannot serve.
CREATE FUNCTION crm_internal.workspace_source_kind(source regclass, customer name, at name,
	amount name, cost name, columns jsonb) RETURNS "char"
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	kind "char";
BEGIN
	IF source IS NULL OR customer IS NULL OR at IS NULL OR amount IS NULL THEN
		RAISE null_value_not_allowed USING
			MESSAGE = 'attach needs a source and its columns for customer, at and amount',
			HINT = 'SELECT crm.attach(''shop'', ''orders'', ''buyer'', ''bought_at'', ''total'').';
	END IF;
	SELECT c.relkind INTO kind FROM pg_class c WHERE c.oid = source AND c.relpersistence <> 't';
	IF NOT FOUND OR kind NOT IN ('r', 'p', 'v', 'm', 'f') THEN
		RAISE wrong_object_type USING
			MESSAGE = format('%s cannot be the source of a workspace', source),
			DETAIL = 'A source is a table, a view, a materialized view or a foreign table, and not '
				'temporary.',
			HINT = 'Name a relation of one of these kinds.';
	END IF;
	PERFORM crm_internal.workspace_column(source, 'customer', customer);
	PERFORM crm_internal.check_distribution(source, customer);
	PERFORM crm_internal.workspace_column(source, 'amount', amount);
	PERFORM crm_internal.workspace_column(source, 'cost', cost) WHERE cost IS NOT NULL;
	IF NOT has_table_privilege(source, 'SELECT')
		OR columns ->> 'changed_at_column' IS NULL
			AND crm_internal.workspace_untracked(source) IS NULL
			AND NOT has_table_privilege(source, 'TRIGGER') THEN
		RAISE insufficient_privilege USING
			MESSAGE = format('role %s may not attach %s', current_user, source),
			HINT = format('It needs: GRANT SELECT, TRIGGER ON %s TO %I. Or attach a view, which is '
						  'refreshed in full.', source, current_user);
	END IF;
	PERFORM crm_internal.workspace_column(source, 'at', at);
	PERFORM crm_internal.workspace_column(source, CASE c.key WHEN 'order_column' THEN 'order_id'
											ELSE replace(c.key, '_column', '') END, c.value::name)
	   FROM jsonb_each_text(columns) c WHERE c.value IS NOT NULL ORDER BY c.key COLLATE "C";
	RETURN kind;
END
$$;

--: The type of the keys of a workspace; makes a domain where the column has its own collation.
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
	RETURN format('%I.customer_key', workspace);
END
$$;

--: Behind crm.attach.
CREATE FUNCTION crm_internal.workspace_attach(workspace text, source regclass, customer name,
	at name, amount name, cost name, filter text, time_zone text, at_time_zone text,
	columns jsonb, caller_path text) RETURNS regnamespace
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	internal text := workspace || '_internal';
	key_type text;
	part text;
BEGIN
	PERFORM crm_internal.workspace_check_name(workspace);
	PERFORM crm_internal.workspace_source_kind(source, customer, at, amount, cost, columns);
	PERFORM crm_internal.workspace_make_schemas(workspace, internal);
	key_type := crm_internal.workspace_make_key(workspace, source, customer);
	PERFORM crm_internal.workspace_make_same_customer(internal, key_type);
	filter := crm_internal.workspace_filter(internal, source, filter, caller_path);
	FOREACH part IN ARRAY crm_internal.workspace_parts(true) LOOP
		PERFORM set_config('search_path', format('%I, pg_temp', workspace), true);
		IF part = 'attached' THEN
			EXECUTE 'INSERT INTO workspace (crm_version, time_zone, source, source_name, '
				'customer_column, at_column, at_time_zone, amount_column, cost_column, filter, '
				'order_column, product_column, channel_column, country_column, email_column, '
				'changed_at_column) SELECT $1, $2, $3, crm_internal.full_name($3), $4, $5, $6, $7, '
				'$8, $9, c.* FROM jsonb_to_record($10) AS c (order_column name, '
				'product_column name, channel_column name, country_column name, '
				'email_column name, changed_at_column name)'
			  USING crm.version(), time_zone, source, customer, at, at_time_zone, amount, cost,
				filter, columns;
			PERFORM crm_internal.workspace_create_source_row(workspace, internal, caller_path);
		END IF;
		EXECUTE crm_internal.workspace_fill(crm.workspace_definition(part), true, key_type,
											internal);
	END LOOP;
	PERFORM crm_internal.workspace_create_triggers(workspace, internal);
	INSERT INTO everyone_change (reason) VALUES ('attached');
	PERFORM crm_internal.refuse_foreign_dependencies(workspace, internal);
	PERFORM crm_internal.workspace_keep_definitions(internal, true);
	PERFORM crm_internal.workspace_analyze(), crm_internal.workspace_attach_notices(workspace);
	RETURN quote_ident(workspace)::regnamespace;
END
$$;

/*
 * The query is built here from the settings of the workspace: no function runs
 * SQL that a caller hands to it.
 */
--: Makes the view source_row from the settings in the table "workspace".
CREATE FUNCTION crm_internal.workspace_create_source_row(workspace text, internal text,
	caller_path text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	own_path pg_catalog.text := pg_catalog.current_setting('search_path');
	query pg_catalog.text := crm_internal.workspace_source(workspace);
	described record;
BEGIN
	EXECUTE pg_catalog.format('CREATE OR REPLACE VIEW %I.source_row WITH (security_invoker) AS ',
		internal) OPERATOR(pg_catalog.||) query;
	PERFORM pg_catalog.set_config('search_path', own_path, true);
	EXECUTE format('COMMENT ON VIEW %I.source_row IS %L', internal,
		'The rows of the source under the names of the workspace, before any is rejected.');
	FOR described IN
		SELECT m.* FROM (VALUES
			('customer_id', 'The customer.'), ('purchased_at', 'When.'),
			('purchased_on', 'Day in the time zone of the workspace.'),
			('amount', 'Amount, rounded to 8 decimals.'), ('profit', 'Amount less cost.'),
			('order_key', 'The order; NULL: not known.'),
			('product', 'The product; NULL: not known.'),
			('channel', 'Channel of the purchase; NULL: not known.'),
			('country', 'Country of the purchase; NULL: not known.'),
			('email', 'E-mail address; NULL: not known.'),
			('changed_at', 'When the row was written last; NULL: not known.')) m (name, meaning)
		  JOIN pg_attribute a ON a.attname = m.name
		 WHERE a.attrelid = to_regclass(format('%I.source_row', internal))
	LOOP
		EXECUTE format('COMMENT ON COLUMN %I.source_row.%I IS %L', internal, described.name,
			described.meaning);
	END LOOP;
END
$$;

--: Whether an index of the source starts with the customer, so that the purchases of one are found
--: without reading all.
CREATE FUNCTION crm_internal.workspace_has_index(source regclass, customer name) RETURNS boolean
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	SELECT EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid
		AND a.attnum = i.indkey[0]
					WHERE i.indrelid = source AND a.attname = customer AND i.indisvalid
						AND i.indpred IS NULL);
END;

-- The search path is that of the workspace.
--: Says what will be slow or not noticed in an attached workspace.
CREATE FUNCTION crm_internal.workspace_attach_notices(workspace text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	w record;
	untracked text;
BEGIN
	SELECT s.*, a.atttypid INTO w FROM workspace s
	  JOIN pg_attribute a ON a.attrelid = s.source AND a.attname = s.at_column;
	untracked := crm_internal.workspace_untracked(w.source);
	IF w.changed_at_column IS NOT NULL THEN
		RAISE NOTICE USING
			MESSAGE = format('changed rows of %s are found by "%s", and deleted rows are not found',
				w.source, w.changed_at_column),
			HINT = format('CALL crm.refresh(%L) takes the changed rows. With full => true it '
				'computes everybody.', workspace);
	ELSIF untracked IS NOT NULL THEN
		RAISE NOTICE USING
			MESSAGE = format('%s: no triggers tell which customers change', untracked),
			HINT = format('CALL crm.refresh(%L) computes everybody; run it as often as the views '
				'should be up to date.', workspace);
	ELSIF NOT crm_internal.workspace_has_index(w.source, w.customer_column) THEN
		RAISE NOTICE USING
			MESSAGE = format('no index of %s starts with "%s": each look at a changed customer '
				'reads the whole table', w.source, w.customer_column),
			HINT = format('CREATE INDEX ON %s (%I);', w.source, w.customer_column);
	END IF;
	IF w.atttypid = 'timestamp'::regtype AND w.at_time_zone IS NULL THEN
		RAISE NOTICE USING
			MESSAGE = format('column "%s" has no time zone: its times are taken as times of %s',
				w.at_column, w.time_zone),
			HINT = 'If they are times of another zone, say so: at_time_zone => ''UTC''.';
	END IF;
END
$$;

/* Another source */

-- An empty text removes what may be missing. NULL keeps what there is.
--: The settings of a workspace with changes.
CREATE FUNCTION crm_internal.changed_settings(settings jsonb, changes jsonb) RETURNS jsonb
	LANGUAGE sql IMMUTABLE
	RETURN settings || jsonb_strip_nulls(changes)
		|| coalesce((SELECT jsonb_object_agg(c.key, NULL::text)
					   FROM jsonb_each_text(changes) c
					  WHERE c.value = ''
						AND c.key IN ('cost_column', 'filter', 'at_time_zone', 'order_column',
									  'product_column', 'channel_column', 'country_column',
									  'email_column', 'changed_at_column')), '{}');

-- An UPDATE of the settings is refused, so the row is written anew.
--: Puts settings in the place of those that the workspace of the search path has.
CREATE FUNCTION crm_internal.workspace_write_settings(settings jsonb) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM workspace;
	INSERT INTO workspace SELECT r.* FROM jsonb_populate_record(NULL::workspace, settings) r;
END
$$;

-- A cast to a shorter type would make one customer of two.
--: An error where the keys of another source are of another type.
CREATE FUNCTION crm_internal.workspace_check_key(workspace text, source regclass, customer name)
	RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	found record;
BEGIN
	SELECT format_type(n.atttypid, n.atttypmod) AS noted,
		   format_type(a.atttypid, a.atttypmod) AS new,
		   format_type(nullif(b.typbasetype, 0), b.typtypmod) AS base INTO found
	  FROM pg_attribute n
	  JOIN pg_type b ON b.oid = n.atttypid
	  JOIN pg_attribute a ON a.attrelid = source AND a.attname = customer
	 WHERE n.attrelid = to_regclass(format('%I.customer_history', workspace))
	   AND n.attname = 'customer_id';
	IF found.new NOT IN (found.noted, coalesce(found.base, found.noted)) THEN
		RAISE datatype_mismatch USING
			MESSAGE = format('the keys of workspace "%s" are of type %s, column "%s" is of type %s',
				workspace, coalesce(found.base, found.noted), customer, found.new),
			HINT = 'Make a workspace of its own for other keys, or attach a view that converts '
				'them.';
	END IF;
END
$$;

--: An error where the source of a workspace cannot be changed.
CREATE FUNCTION crm_internal.check_changeable(workspace text) RETURNS void
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	settings record;
BEGIN
	SELECT w.* INTO settings FROM workspace w;
	IF settings.source IS NULL THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('workspace "%s" has tables of its own', workspace),
			HINT = 'crm.attach makes a workspace over a table of yours.';
	ELSIF settings.archived_until IS NOT NULL THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('workspace "%s" is archived until %s', workspace,
				settings.archived_until),
			DETAIL = 'The archived purchases were read by the settings of today.',
			HINT = 'crm.unarchive returns to reading all of the source.';
	END IF;
END
$$;

CREATE FUNCTION crm_internal.change_source_as_owner(workspace text, changes jsonb,
	caller_path text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	internal text := crm_internal.workspace_inner_schema(workspace);
	old record;
	new record;
	printed text;
	has_view boolean := to_regclass(format('%I.source_row', internal)) IS NOT NULL;
BEGIN
	PERFORM crm_internal.workspace_enter_alone(workspace);
	PERFORM crm_internal.workspace_follow_names(internal);
	PERFORM crm_internal.check_changeable(workspace);
	SELECT * INTO old FROM workspace;
	SELECT r.* INTO new FROM jsonb_populate_record(NULL::workspace,
		crm_internal.changed_settings(to_jsonb(old), changes)) r;
	PERFORM crm_internal.workspace_source_kind(new.source, new.customer_column, new.at_column,
		new.amount_column, new.cost_column, crm_internal.optional_columns(new.order_column,
			new.product_column, new.channel_column, new.country_column, new.email_column,
			new.changed_at_column));
	PERFORM crm_internal.workspace_check_key(workspace, new.source, new.customer_column);
	printed := crm_internal.workspace_filter(internal, new.source, new.filter,
		CASE WHEN changes ->> 'filter' IS NULL THEN 'pg_catalog, pg_temp' ELSE caller_path END);
	PERFORM crm_internal.workspace_write_settings(to_jsonb(new)
		|| jsonb_build_object('filter', printed, 'source_name',
			crm_internal.full_name(new.source), 'seen_until', NULL, 'seen_at', NULL));
	PERFORM crm_internal.workspace_create_source_row(workspace, internal, caller_path);
	IF NOT has_view THEN
		PERFORM crm_internal.upgrade_workspace_as_owner(workspace, false);
	END IF;
	IF new.source <> old.source OR new.changed_at_column IS NOT NULL THEN
		PERFORM crm_internal.workspace_drop_triggers(workspace, old.source);
	END IF;
	PERFORM crm_internal.workspace_create_triggers(workspace, internal);
	INSERT INTO everyone_change (reason) VALUES ('the source was changed');
	PERFORM crm_internal.refuse_foreign_dependencies(workspace, internal);
	PERFORM crm_internal.workspace_attach_notices(workspace);
END
$$;

--: Runs crm_internal.change_source_as_owner with the rights of the owner of the workspace.
CREATE FUNCTION crm_internal.change_source(workspace text, changes jsonb, caller_path text)
	RETURNS void
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_owner';

CREATE FUNCTION crm_internal.change_source_as_caller(workspace text, source regclass,
	customer name, at name, amount name,
	cost name, filter text, time_zone text,
	at_time_zone text, order_id name, product name, channel name, country name,
	email name, changed_at name) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM crm_internal.change_source(workspace, pg_catalog.jsonb_build_object(
		'source', source::pg_catalog.oid::pg_catalog.text, 'customer_column', customer,
		'at_column', at, 'amount_column', amount, 'cost_column', cost, 'filter', filter,
		'time_zone', time_zone, 'at_time_zone', at_time_zone)
			OPERATOR(pg_catalog.||) crm_internal.optional_columns(order_id, product, channel,
				country, email, changed_at),
		pg_catalog.current_setting('search_path'));
END
$$;

--| The arguments are those of crm.attach. NULL keeps what the workspace has. An empty text for what
--| crm.attach can do without takes it away. Thresholds, models, rules and everything else
--| in the workspace stay. The keys of the customers must be of the same type as before.
--|
--| It also mends a workspace whose source was dropped, or was replaced by another table of the same
--| name. Until the next refresh the views compute everybody.
--|
--| ```
--| SELECT crm.change_source('shop', filter => $$status = 'paid'$$);
--| SELECT crm.change_source('shop', source => 'orders_new');
--| ```
CREATE FUNCTION crm.change_source(workspace text, source regclass DEFAULT NULL,
	customer name DEFAULT NULL, at name DEFAULT NULL, amount name DEFAULT NULL,
	cost name DEFAULT NULL, filter text DEFAULT NULL, time_zone text DEFAULT NULL,
	at_time_zone text DEFAULT NULL, order_id name DEFAULT NULL, product name DEFAULT NULL,
	channel name DEFAULT NULL, country name DEFAULT NULL, email name DEFAULT NULL,
	changed_at name DEFAULT NULL) RETURNS void
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_caller';
COMMENT ON FUNCTION crm.change_source(text, regclass, name, name, name, name, text, text, text,
	name, name, name, name, name, name) IS
'Attaches a workspace to another relation, other columns or another filter, and keeps everything '
'else: SELECT crm.change_source(''shop'', amount => ''total'').';

/* Following */

--: The settings that name columns of the source, with the names that the columns have now.
CREATE FUNCTION crm_internal.names_of_source(internal text, source regclass) RETURNS jsonb
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	reader regclass := to_regclass(format('%I.source_row', internal));
	amounts name[];
BEGIN
	amounts := crm_internal.view_reads(reader, source, 'amount');
	RETURN jsonb_strip_nulls(jsonb_build_object(
		'customer_column', (crm_internal.view_reads(reader, source, 'customer_id'))[1],
		'at_column', (crm_internal.view_reads(reader, source, 'purchased_on'))[1],
		'amount_column', amounts[1],
		'cost_column', (SELECT c FROM unnest(crm_internal.view_reads(reader, source, 'profit')) c
						 WHERE c <> ALL (amounts)),
		'order_column', (crm_internal.view_reads(reader, source, 'order_key'))[1],
		'product_column', (crm_internal.view_reads(reader, source, 'product'))[1],
		'channel_column', (crm_internal.view_reads(reader, source, 'channel'))[1],
		'country_column', (crm_internal.view_reads(reader, source, 'country'))[1],
		'email_column', (crm_internal.view_reads(reader, source, 'email'))[1],
		'changed_at_column', (crm_internal.view_reads(reader, source, 'changed_at'))[1],
		'filter', crm_internal.view_condition(reader, source)));
END
$$;

/*
 * The view and the triggers follow a renamed column by themselves. The settings
 * hold names, so they are written anew.
 */
--: Writes the names that the columns of the source have now into the settings.
CREATE FUNCTION crm_internal.workspace_follow_names(internal text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	old record;
	names jsonb;
BEGIN
	SELECT w.* INTO old FROM workspace w;
	names := coalesce(crm_internal.names_of_source(internal, old.source), '{}');
	IF old.source IS NOT NULL AND NOT to_jsonb(old) @> names THEN
		PERFORM crm_internal.workspace_write_settings(to_jsonb(old) || names);
	END IF;
END
$$;

-- The search path is that of the workspace.
--: Whether a partition or child of the source came or went since all histories were computed.
CREATE FUNCTION crm_internal.parts_differ(source regclass) RETURNS boolean
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN EXISTS (
		(SELECT m.relation::oid, m.bounds FROM crm_internal.workspace_members(source) m
		 EXCEPT SELECT p.relation::oid, p.bounds FROM source_part p)
		UNION ALL
		(SELECT p.relation::oid, p.bounds FROM source_part p
		 EXCEPT SELECT m.relation::oid, m.bounds FROM crm_internal.workspace_members(source) m));
END
$$;

-- The search path is that of the workspace.
--: Stores which tables the source consists of.
CREATE FUNCTION crm_internal.keep_parts() RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM source_part;
	INSERT INTO source_part (relation, bounds)
	SELECT m.relation, m.bounds
	  FROM workspace w CROSS JOIN LATERAL crm_internal.workspace_members(w.source) m
	 WHERE w.source IS NOT NULL;
END
$$;

/*
 * New partitions need triggers for rows that are written to them directly.
 * Making one waits for the writers of the partition, so it gives up soon.
 */
--: Puts triggers on new partitions of the source, unless somebody is in the way.
CREATE FUNCTION crm_internal.try_triggers(workspace text, internal text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
BEGIN
	PERFORM crm_internal.workspace_create_triggers(workspace, internal);
EXCEPTION WHEN lock_not_available OR insufficient_privilege THEN
	NULL; -- crm.check_workspace names the table
END
$$;

-- The search path is that of the workspace.
--: Takes over what changed in the definition of the source: names of columns, partitions.
CREATE FUNCTION crm_internal.workspace_follow(workspace text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	internal text := crm_internal.workspace_inner_schema(workspace);
	its_source regclass := (SELECT w.source FROM workspace w);
BEGIN
	IF its_source IS NULL THEN
		RETURN;
	END IF;
	IF to_regclass(format('%I.source_row', internal)) IS NULL THEN
		RAISE undefined_table USING
			MESSAGE = format('the source of workspace "%s" was dropped', workspace),
			HINT = format('SELECT crm.change_source(%L, source => ...) attaches another relation.',
				workspace);
	END IF;
	PERFORM crm_internal.workspace_follow_names(internal);
	IF crm_internal.parts_differ(its_source) THEN
		PERFORM crm_internal.try_triggers(workspace, internal);
		IF EXISTS (SELECT FROM source_part) THEN
			INSERT INTO everyone_change (reason)
			VALUES ('a partition or child of the source came or went');
		END IF;
	END IF;
END
$$;
