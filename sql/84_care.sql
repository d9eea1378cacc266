/*
 * care
 *
 * Looking after workspaces: which there are, what is wrong with one, bringing
 * one up to the installed version, and an end of it.
 */

CREATE VIEW crm.workspaces WITH (security_invoker) AS
SELECT n.nspname AS workspace,
	   pg_catalog.pg_get_userbyid(n.nspowner) AS owner,
	   NOT EXISTS (SELECT FROM pg_catalog.pg_class c
					WHERE c.relnamespace OPERATOR(pg_catalog.=) n.oid
						AND c.relname OPERATOR(pg_catalog.=) 'customer'
					  AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::"char"[])) AS attached,
	   CASE WHEN h.reltuples OPERATOR(pg_catalog.>=) 0 THEN h.reltuples::bigint
	   	END AS stored_customers,
	   (SELECT pg_catalog.sum(pg_catalog.pg_total_relation_size(c.oid))::bigint
	   	FROM pg_catalog.pg_class c
		 WHERE c.relnamespace OPERATOR(pg_catalog.=) n.oid
		   AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,m}'::"char"[])) AS bytes
  FROM pg_catalog.pg_namespace n
  JOIN pg_catalog.pg_class h ON h.relnamespace OPERATOR(pg_catalog.=) n.oid
							AND h.relname OPERATOR(pg_catalog.=) 'customer_history'
  JOIN pg_catalog.pg_class w ON w.relnamespace OPERATOR(pg_catalog.=) n.oid
							AND w.relname OPERATOR(pg_catalog.=) 'workspace';
COMMENT ON VIEW crm.workspaces IS
'The workspaces of this database: schema, owner, whether it stands on a relation of yours '
'(crm.attach) or has its own tables, about how many customers have a stored history (NULL: not '
'counted yet), and its size.';
COMMENT ON COLUMN crm.workspaces.workspace IS 'The schema.';
COMMENT ON COLUMN crm.workspaces.owner IS 'Its owner.';
COMMENT ON COLUMN crm.workspaces.attached IS
'Whether it stands on a relation of yours (crm.attach).';
COMMENT ON COLUMN crm.workspaces.stored_customers IS
'About how many customers have a stored history; NULL: not counted yet.';
COMMENT ON COLUMN crm.workspaces.bytes IS 'Size of its tables, with indexes.';
GRANT SELECT ON crm.workspaces TO PUBLIC;

CREATE FUNCTION crm_internal.workspace_kind(workspace text,
	OUT attached boolean, OUT key_type text, OUT internal text) RETURNS record
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	SELECT NOT EXISTS (SELECT FROM pg_class t
						WHERE t.relnamespace = n.oid AND t.relname = 'customer'
							AND t.relkind IN ('r', 'p')),
		   (SELECT format_type(a.atttypid, a.atttypmod) FROM pg_class t
		   	JOIN pg_attribute a ON a.attrelid = t.oid
			 WHERE t.relnamespace = n.oid AND t.relname = 'customer_history'
			   AND a.attname = 'customer_id'),
		   crm_internal.workspace_inner_schema(workspace)
	  FROM pg_namespace n WHERE n.nspname = workspace;
END;
COMMENT ON FUNCTION crm_internal.workspace_kind(text) IS
'What fills the shipped definitions: whether a workspace stands on a relation of yours, the type '
'of its keys, and the schema of its inner objects.';

CREATE FUNCTION crm_internal.workspace_objects(workspace text, OUT part text,
	OUT paragraph_no bigint,
	OUT kind text, OUT home text, OUT name text, OUT statements text, OUT column_name text,
	OUT definition text) RETURNS SETOF record
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	SELECT part.part, p.paragraph_no, o.kind, CASE WHEN o.is_inner THEN w.internal
		ELSE workspace END,
		   o.name, f.statements, c.found[1], c.found[2]
	  FROM crm_internal.workspace_kind(workspace) w
	 CROSS JOIN LATERAL unnest(crm_internal.workspace_parts(w.attached))
	 	WITH ORDINALITY AS part (part, part_no)
	 CROSS JOIN LATERAL string_to_table(crm.workspace_definition(part.part), E'\n\n')
	 	WITH ORDINALITY
			 AS p (paragraph, paragraph_no)
	 CROSS JOIN LATERAL crm_internal.workspace_fill(p.paragraph, w.attached, w.key_type, w.internal)
			 AS f (statements)
	  LEFT JOIN LATERAL regexp_match(p.paragraph,
				'^(?:/[*].*[*]/\n)?(?:CREATE (TABLE|VIEW|FUNCTION|TRIGGER)|(INSERT) INTO) '
				'(@internal@[.])?(\w+)')
			 AS raw (found) ON true
	 CROSS JOIN LATERAL (SELECT coalesce(raw.found[1], raw.found[2]) AS kind,
								raw.found[3] IS NOT NULL AS is_inner, raw.found[4] AS name) o
	  LEFT JOIN LATERAL regexp_matches(CASE WHEN o.kind = 'TABLE' THEN substring(f.statements,
	  	'^.*?\n\);') END,
									   '^\t([a-z]\w*) (.*?),?$', 'gn') WITH ORDINALITY AS c (found,
									   	column_no) ON true
	 ORDER BY part.part_no, p.paragraph_no, c.column_no;
END;
COMMENT ON FUNCTION crm_internal.workspace_objects(text) IS
'What the shipped definitions of a workspace consist of: paragraphs of statements with the kind, '
'schema (home) and name of the object that they begin with, a row for each column of a table.';

CREATE FUNCTION crm_internal.workspace_drift(workspace text, OUT problem text, OUT object text,
	OUT detail text, OUT hint text) RETURNS SETOF record
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	WITH shipped AS (
		SELECT DISTINCT o.kind, o.name, o.column_name, o.definition, n.oid AS schema,
			   CASE WHEN o.home = workspace THEN o.name ELSE format('%I.%I', o.home, o.name)
			   	END AS shown
		  FROM crm_internal.workspace_objects(workspace) o LEFT JOIN pg_namespace n
		  	ON n.nspname = o.home
	)
	SELECT lower(s.kind) || ' missing', s.shown, NULL::text,
		   format('SELECT crm.upgrade_workspace(%L);', workspace)
	  FROM (SELECT DISTINCT kind, name, shown, schema FROM shipped
			 WHERE kind IN ('TABLE', 'VIEW', 'FUNCTION')) s
	 WHERE NOT CASE WHEN s.kind = 'FUNCTION' THEN EXISTS (SELECT FROM pg_proc p
	 	WHERE p.pronamespace = s.schema AND p.proname = s.name)
					ELSE EXISTS (SELECT FROM pg_class c WHERE c.relnamespace = s.schema
						AND c.relname = s.name) END
	UNION ALL
	SELECT 'column missing', s.name || '.' || s.column_name, 'Shipped as ' || s.definition,
		format('SELECT crm.upgrade_workspace(%L);', workspace)
	  FROM shipped s JOIN pg_class c ON c.relnamespace = s.schema AND c.relname = s.name
	 WHERE s.column_name IS NOT NULL
	   AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid
	   	AND a.attname = s.column_name AND NOT a.attisdropped)
	UNION ALL
	SELECT 'type changed', s.name || '.' || s.column_name,
		   format('It is %s, shipped as %s.', format_type(a.atttypid, a.atttypmod),
		   	split_part(s.definition, ' ', 1)),
		   'The views may fail or be slow; change it back, or keep it if they work.'
	  FROM shipped s JOIN pg_class c ON c.relnamespace = s.schema AND c.relname = s.name
	  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = s.column_name AND NOT a.attisdropped
	 WHERE s.column_name <> 'customer_id'
	 	AND a.atttypid <> to_regtype(split_part(s.definition, ' ', 1));
END;
COMMENT ON FUNCTION crm_internal.workspace_drift(text) IS
'Where the tables, views and functions of a workspace differ from those shipped.';

CREATE FUNCTION crm_internal.workspace_source_names()
	RETURNS TABLE (relation regclass, name text)
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT c.oid::regclass, format('%I.%I', n.nspname, c.relname)
	  FROM workspace w
	 CROSS JOIN LATERAL unnest(
		CASE WHEN w.source IS NULL
			 THEN ARRAY[to_regclass('sales_order'), to_regclass('sales_order_line'),
						to_regclass('refund')]
			 ELSE ARRAY[w.source] END) AS u (root)
	 CROSS JOIN LATERAL crm_internal.workspace_sources(u.root) AS m (relation)
	  JOIN pg_class c ON c.oid = m.relation
	  JOIN pg_namespace n ON n.oid = c.relnamespace;
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_source_names() IS
'The tables whose changes concern the workspace of the search path, with their full names.';

CREATE FUNCTION crm_internal.workspace_source_problems(OUT problem text, OUT object text,
	OUT detail text, OUT hint text) RETURNS SETOF record
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT 'source dropped', w.source::text,
		   'The relation that the workspace was attached to is gone.', 'Attach another workspace.'
	  FROM workspace w
	 WHERE w.source IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = w.source);
	RETURN QUERY
	SELECT 'index missing', w.source::text,
		   format('No index starts with "%s": each look at a changed customer reads the whole '
				  'table.', w.customer_column),
		   format('CREATE INDEX ON %s (%I);', w.source, w.customer_column)
	  FROM workspace w JOIN pg_class c ON c.oid = w.source
	 WHERE c.relkind IN ('r', 'p')
	   AND NOT crm_internal.workspace_has_index(w.source, w.customer_column);
	RETURN QUERY
	SELECT 'row security', 'customer_history',
		   format('%s has row security, the histories stored from it have none.', c.oid::regclass),
		   'Give customer_history policies of its own, or grant readers other views.'
	  FROM workspace w JOIN pg_class c ON c.oid = w.source AND c.relrowsecurity
	 WHERE NOT (SELECT h.relrowsecurity FROM pg_class h
				 WHERE h.oid = to_regclass('customer_history'));
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_source_problems() IS
'What is wrong with the source of an attached workspace: gone, without index, row security.';

--| The search path is that of the workspace.
CREATE FUNCTION crm_internal.workspace_trigger_problems(workspace text, OUT problem text,
	OUT object text, OUT detail text, OUT hint text) RETURNS SETOF record
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT CASE WHEN t.tgenabled IS NULL THEN 'trigger missing' ELSE 'trigger disabled' END,
		   s.name,
		   format('Its changes by %s are not noticed.', e.event),
		   CASE WHEN t.tgenabled IS NULL THEN format('SELECT crm.upgrade_workspace(%L);', workspace)
				ELSE format('ALTER TABLE %s ENABLE TRIGGER %I;', s.name, t.tgname) END
		   || format(' Then CALL crm.refresh(%L, full => true);', workspace)
	  FROM crm_internal.workspace_source_names() s
	 CROSS JOIN (VALUES ('INSERT', 4), ('DELETE', 8), ('UPDATE', 16), ('TRUNCATE', 32))
		  e (event, bit)
	  LEFT JOIN LATERAL (
		SELECT t.tgenabled, t.tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
		 WHERE t.tgrelid = s.relation AND t.tgtype & e.bit <> 0 AND t.tgtype & 1 = 0
		   AND p.pronamespace = to_regnamespace(
				quote_ident(crm_internal.workspace_inner_schema(workspace)))
		 LIMIT 1) t ON true
	 WHERE t.tgenabled IS NULL OR t.tgenabled IN ('D', 'R');
	RETURN QUERY SELECT p.* FROM crm_internal.workspace_source_problems() p;
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_trigger_problems(text) IS
'What keeps changes of the sources of a workspace from being noticed, or makes looking at them '
'slow.';

CREATE FUNCTION crm_internal.workspace_stale_histories(workspace text, OUT problem text,
	OUT object text, OUT detail text, OUT hint text) RETURNS SETOF record
	LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY
	SELECT 'histories out of date', 'customer_history',
		   format('%s changed, the first %s ago.',
				  CASE WHEN bool_or(c.everyone) THEN 'Everybody'
					   ELSE count(DISTINCT c.key) || ' customers' END,
				  date_trunc('second', clock_timestamp() - min(c.changed_at))),
		   format('CALL crm.refresh(%L); until then the views are right, but slower.', workspace)
	  FROM (SELECT n.customer_id AS key, n.changed_at, false AS everyone FROM customer_change n
			UNION ALL
			SELECT NULL, e.noted_at, true FROM everyone_change e) c
	HAVING count(*) > 0;
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_stale_histories(text) IS
'How many customers changed since their histories were stored.';

CREATE FUNCTION crm_internal.workspace_wrong_histories(workspace text, OUT problem text,
	OUT object text, OUT detail text, OUT hint text) RETURNS SETOF record
	LANGUAGE plpgsql AS $$
BEGIN
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
		 WHERE NOT EXISTS (SELECT FROM customer_change c WHERE c.customer_id = s.customer_id)
		   AND NOT EXISTS (SELECT FROM everyone_change)
	)
	SELECT 'histories wrong', 'customer_history',
		   format('%s of %s looked at differ from the facts, among them that of customer %s.',
				  count(*) FILTER (WHERE c.differs), count(*), min(c.key) FILTER (WHERE c.differs)),
		   format('CALL crm.refresh(%L, full => true); rows were changed past the triggers.',
				  workspace)
	  FROM compared c HAVING bool_or(c.differs);
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_wrong_histories(text) IS
'How many stored histories of a sample differ from the facts, though nobody noted a change.';

CREATE FUNCTION crm_internal.workspace_content_problems(workspace text, OUT problem text,
	OUT object text, OUT detail text, OUT hint text) RETURNS SETOF record
	LANGUAGE plpgsql AS $$
BEGIN
	IF to_regclass('rejected_purchase') IS NOT NULL THEN
		RETURN QUERY
		SELECT 'rows left out', 'rejected_purchase', format('%s (rows: %s).', r.reason, count(*)),
			   format('SELECT * FROM %I.rejected_purchase;', workspace)
		  FROM rejected_purchase r GROUP BY r.reason;
	END IF;
	IF to_regclass('lifecycle_rule') IS NOT NULL THEN
		RETURN QUERY
		SELECT 'metric unknown', 'metric',
			   format('"%s" is no column of customer_metric.', m.metric),
			   'Rules with this metric fail. Correct the name, or add the column to the view.'
		  FROM metric m
		 WHERE NOT EXISTS (SELECT FROM pg_attribute a
							WHERE a.attrelid = to_regclass('customer_metric')
							  AND a.attname = m.metric)
		   AND NOT EXISTS (SELECT FROM score_item i WHERE i.model = m.metric);
		RETURN QUERY SELECT p.* FROM crm_internal.program_problems(workspace) p;
	END IF;
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_content_problems(text) IS
'What is wrong with the rows of a workspace: rejected purchases, unknown metrics, programs.';

CREATE FUNCTION crm_internal.check_workspace_as_owner(workspace text, OUT problem text,
	OUT object text,
	OUT detail text, OUT hint text) RETURNS SETOF record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
BEGIN
	PERFORM crm_internal.workspace_enter(workspace);
	RETURN QUERY SELECT d.* FROM crm_internal.workspace_drift(workspace) d;
	IF FOUND THEN
		RETURN;
	END IF;
	IF NOT EXISTS (SELECT FROM workspace) THEN
		RETURN QUERY
		SELECT 'settings missing', 'workspace', 'The table has no row.',
			   'INSERT a row with crm_version and time_zone.';
		RETURN;
	END IF;
	RETURN QUERY
	SELECT 'definitions of another version', 'workspace',
		   format('They are of crm %s, installed is %s.', w.crm_version, crm.version()),
		   format('SELECT crm.upgrade_workspace(%L);', workspace)
	  FROM workspace w WHERE w.crm_version <> crm.version();
	RETURN QUERY SELECT p.* FROM crm_internal.workspace_trigger_problems(workspace) p;
	RETURN QUERY SELECT p.* FROM crm_internal.workspace_stale_histories(workspace) p;
	RETURN QUERY SELECT p.* FROM crm_internal.workspace_wrong_histories(workspace) p;
	RETURN QUERY SELECT p.* FROM crm_internal.workspace_content_problems(workspace) p;
END
$$;
COMMENT ON FUNCTION crm_internal.check_workspace_as_owner(text) IS
'Behind crm.check_workspace.';

--| Looks at: tables, columns, views and functions, and their version, against those shipped;
--| triggers on the sources, also on partitions; missing indexes and row security of a source;
--| customers that wait for a refresh; stored histories against the facts, for a sample of up to
--| 2000 customers; source rows that are left out; metrics that are no columns; rules, tiers,
--| points and scores of programs.
CREATE FUNCTION crm.check_workspace(workspace text, OUT problem text, OUT object text,
	OUT detail text, OUT hint text) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'crm_as_maintainer' LANGUAGE C;
COMMENT ON FUNCTION crm.check_workspace(text) IS
'What is wrong with a workspace, a row for each problem with its mend; no rows mean that all is '
'well.';

/*
 * A function cannot be replaced by one with more columns, nor dropped while a
 * view stands on it. So it is set aside under another name; the shipped views
 * are then written anew upon the new one, and what nobody uses any more goes.
 */
CREATE FUNCTION crm_internal.workspace_set_aside(old_function regprocedure, crm_version text)
	RETURNS regprocedure
	LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER FUNCTION %s RENAME TO %I', old_function,
				   (SELECT left(p.proname, 40) || '_' || crm_version FROM pg_proc p
				   	WHERE p.oid = old_function));
	RETURN old_function;
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_set_aside(regprocedure, text) IS
'Renames a function of a workspace, so that another of that name can be made: customer_value_at '
'becomes customer_value_at_1.0.';

CREATE FUNCTION crm_internal.workspace_copy_rights(from_function regprocedure,
	to_function regprocedure) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	its_owner oid;
	its_rights aclitem[];
	statement text;
BEGIN
	SELECT p.proowner, p.proacl INTO its_owner, its_rights FROM pg_proc p
		WHERE p.oid = from_function;
	IF its_rights IS NOT NULL THEN
		EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', to_function);
	END IF;
	FOR statement IN
		SELECT format('GRANT EXECUTE ON FUNCTION %s TO %s', to_function,
			coalesce(a.grantee::regrole::text, 'PUBLIC'))
		  FROM (SELECT nullif(grantee, 0) AS grantee FROM aclexplode(its_rights)) a
	LOOP
		EXECUTE statement;
	END LOOP;
	EXECUTE format('ALTER FUNCTION %s OWNER TO %s', to_function, its_owner::regrole);
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_copy_rights(regprocedure, regprocedure) IS
'Gives a function the owner of another and who may call it.';

--| Returns the former function where it had to be set aside. A view that has got other columns is
--| left as it is, with a warning.
CREATE FUNCTION crm_internal.workspace_replace(workspace text, part text, paragraph_no bigint,
	crm_version text) RETURNS regprocedure
	LANGUAGE plpgsql AS $$
DECLARE
	paragraph text := split_part(crm.workspace_definition(part), E'\n\n', paragraph_no::integer);
	filled text[]; -- the statements, the same as a replacement, the function, the view
	aside regprocedure;
BEGIN
	SELECT array_agg(crm_internal.workspace_fill(u.text, k.attached, k.key_type, k.internal)
		ORDER BY u.n)
	  INTO filled
	  FROM crm_internal.workspace_kind(workspace) k,
		   unnest(ARRAY[paragraph,
						regexp_replace(paragraph, '^CREATE (VIEW|FUNCTION|TRIGGER)',
							'CREATE OR REPLACE \1', 'gn'),
						substring(paragraph, 'COMMENT ON FUNCTION ([^\n]*?[)]) IS'),
						substring(paragraph, 'CREATE VIEW ([\w@.]+)')]) WITH ORDINALITY AS u (text,
							n);
	EXECUTE filled[2];
	RETURN NULL;
EXCEPTION
	WHEN invalid_function_definition THEN
		aside := crm_internal.workspace_set_aside(to_regprocedure(filled[3]), crm_version);
		EXECUTE filled[1];
		PERFORM crm_internal.workspace_copy_rights(aside, to_regprocedure(filled[3]));
		RETURN aside;
	WHEN invalid_table_definition THEN
		RAISE WARNING USING
			MESSAGE = format('view %s is kept as it is', filled[4]),
			DETAIL = 'Its columns are not those shipped with an earlier version: it was changed '
				'here.',
			HINT = 'crm.workspace_definition shows the new definition.';
		RETURN NULL;
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_replace(text, text, bigint, text) IS
'Writes a view, function or trigger of a workspace anew, from a paragraph of the shipped '
'definitions.';

CREATE FUNCTION crm_internal.workspace_drop_unused(functions regprocedure[]) RETURNS void
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
				DETAIL = 'Views or functions that are not crm''s stand on it; they go on answering '
					'as before.';
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_drop_unused(regprocedure[]) IS
'Drops functions that an upgrade has set aside, the last first; one that something still stands on '
'is kept, with a warning.';

CREATE FUNCTION crm_internal.workspace_renew_triggers(workspace text, internal text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	w record;
BEGIN
	SELECT s.* INTO w FROM workspace s;
	IF w.source IS NOT NULL THEN
		EXECUTE crm_internal.workspace_mark_function(internal, w.customer_column, w.at_column,
			w.amount_column, w.cost_column, w.filter);
		PERFORM crm_internal.workspace_create_triggers(workspace, internal, w.source);
	END IF;
END
$$;
COMMENT ON FUNCTION crm_internal.workspace_renew_triggers(text, text) IS
'Makes the trigger function of an attached workspace, and the triggers that are missing.';

CREATE FUNCTION crm_internal.upgrade_workspace_as_owner(workspace text) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off
	SET client_min_messages = warning AS $$
DECLARE
	shipped record;
	created text[] := '{}';
	aside regprocedure[] := '{}';
	changes bigint := 0;
	internal text := crm_internal.workspace_inner_schema(workspace);
BEGIN
	PERFORM crm_internal.workspace_enter(workspace);
	PERFORM crm_internal.workspace_lock(workspace);
	-- New objects belong into the first schema of the path.
	PERFORM set_config('search_path', crm_internal.workspace_path(workspace,
		crm_internal.workspace_key_schema(workspace)), true);
	PERFORM crm_internal.workspace_make_schemas(workspace, internal);
	IF to_regproc(format('%I.same_customer', internal)) IS NULL THEN
		PERFORM crm_internal.workspace_make_same_customer(internal,
			(SELECT k.key_type FROM crm_internal.workspace_kind(workspace) k));
	END IF;
	FOR shipped IN SELECT o.* FROM crm_internal.workspace_objects(workspace) o LOOP
		IF shipped.kind = 'TABLE' AND to_regclass(shipped.name) IS NULL THEN
			EXECUTE shipped.statements;
			created := created || shipped.name;
			changes := changes + 1;
		ELSIF shipped.kind = 'TABLE' AND NOT EXISTS (
			SELECT FROM pg_attribute a
			 WHERE a.attrelid = to_regclass(shipped.name) AND a.attname = shipped.column_name
			   AND NOT a.attisdropped) THEN
			EXECUTE format('ALTER TABLE %I ADD COLUMN %I %s', shipped.name, shipped.column_name,
						   shipped.definition);
			changes := changes + 1;
		ELSIF shipped.kind = 'INSERT' AND shipped.name = ANY (created) THEN
			EXECUTE shipped.statements;
		ELSIF shipped.kind IN ('VIEW', 'FUNCTION', 'TRIGGER') THEN
			aside := aside || crm_internal.workspace_replace(workspace, shipped.part,
				shipped.paragraph_no, (SELECT w.crm_version FROM workspace w));
		END IF;
	END LOOP;
	PERFORM crm_internal.workspace_drop_unused(array_remove(aside, NULL));
	PERFORM crm_internal.workspace_renew_triggers(workspace, internal);
	UPDATE workspace SET crm_version = crm.version() WHERE crm_version <> crm.version();
	RETURN changes;
END
$$;
COMMENT ON FUNCTION crm_internal.upgrade_workspace_as_owner(text) IS
'Behind crm.upgrade_workspace.';

--| It never changes or drops anything that is there otherwise, nor objects of yours: a view to
--| which you added columns is kept, with a warning, and what you built upon a function that has
--| got more columns goes on using the former one, which is kept under the name of its version. A
--| second call does nothing. Returns the number of tables and columns added. Call it after ALTER
--| EXTENSION crm UPDATE.
CREATE FUNCTION crm.upgrade_workspace(workspace text) RETURNS bigint
	AS 'MODULE_PATHNAME', 'crm_as_owner' LANGUAGE C;
COMMENT ON FUNCTION crm.upgrade_workspace(text) IS
'Brings the definitions of a workspace up to those shipped with the installed version, in one '
'transaction: creates missing tables, adds missing columns, and writes views, functions and '
'triggers anew (triggers also on partitions of the source that came later; functions also after a '
'schema was renamed).';

CREATE FUNCTION crm_internal.drop_workspace_as_owner(workspace text, force boolean) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off
	SET client_min_messages = warning AS $$
DECLARE
	schemas regnamespace[];
	relation record;
	has_rows boolean;
	filled text[] := '{}';
BEGIN
	PERFORM crm_internal.workspace_enter(workspace);
	PERFORM crm_internal.workspace_lock(workspace);
	SELECT array_agg(n.oid::regnamespace ORDER BY n.nspname) INTO schemas FROM pg_namespace n
	 WHERE n.nspname IN (workspace, crm_internal.workspace_inner_schema(workspace))
	   AND n.nspowner = (SELECT o.nspowner FROM pg_namespace o WHERE o.nspname = workspace);
	FOR relation IN
		SELECT c.oid::regclass AS name FROM pg_class c
		 WHERE force IS NOT TRUE
		   AND c.relnamespace = ANY (schemas) AND c.relkind IN ('r', 'p', 'm')
		   AND NOT c.relispartition
		   AND c.relname <> ALL ('{workspace,customer_history,customer_change,everyone_change,'
				'refresh_run,threshold,segment,segment_rule,opportunity_stage,metric,program,tier,'
				'tier_rule,lifecycle_stage,lifecycle_rule,lifecycle_move}')
		 ORDER BY c.relname
	LOOP
		EXECUTE format('SELECT EXISTS (SELECT FROM %s)', relation.name) INTO has_rows;
		IF has_rows THEN
			filled := filled || relation.name::text;
		END IF;
	END LOOP;
	IF cardinality(filled) > 0 THEN
		RAISE dependent_objects_still_exist USING
			MESSAGE = format('workspace "%s" holds data', workspace),
			DETAIL = format('These tables have rows: %s.', array_to_string(filled, ', ')),
			HINT = format('SELECT crm.drop_workspace(%L, force => true) drops them all the same.',
				workspace);
	END IF;
	EXECUTE format('DROP SCHEMA %s CASCADE', array_to_string(schemas, ', '));
END
$$;
COMMENT ON FUNCTION crm_internal.drop_workspace_as_owner(text, boolean) IS
'Behind crm.drop_workspace.';

--| Refuses while one of its tables holds data (default rules and what can be computed again do
--| not count), unless force is true. Waits for a refresh to finish its batch. A source that was
--| attached is left as it is.
CREATE FUNCTION crm.drop_workspace(workspace text, force boolean DEFAULT false) RETURNS void
	AS 'MODULE_PATHNAME', 'crm_as_owner' LANGUAGE C;
COMMENT ON FUNCTION crm.drop_workspace(text, boolean) IS
'Drops a workspace with everything in its two schemas, and its triggers on the source.';
