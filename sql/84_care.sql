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
		 WHERE c.relnamespace OPERATOR(pg_catalog.=) ANY (ARRAY[n.oid, (
				SELECT i.oid FROM pg_catalog.pg_namespace i
				 WHERE i.nspname OPERATOR(pg_catalog.=)
					crm_internal.workspace_inner_schema(n.nspname)::pg_catalog.name)])
		   AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,m}'::"char"[])) AS bytes
  FROM pg_catalog.pg_namespace n
  JOIN pg_catalog.pg_class h ON h.relnamespace OPERATOR(pg_catalog.=) n.oid
							AND h.relname OPERATOR(pg_catalog.=) 'customer_history'
  JOIN pg_catalog.pg_class w ON w.relnamespace OPERATOR(pg_catalog.=) n.oid
							AND w.relname OPERATOR(pg_catalog.=) 'workspace';
COMMENT ON VIEW crm.workspaces IS
'The workspaces of this database.';
COMMENT ON COLUMN crm.workspaces.workspace IS 'The schema.';
COMMENT ON COLUMN crm.workspaces.owner IS 'Its owner.';
COMMENT ON COLUMN crm.workspaces.attached IS
'Whether it stands on a relation of yours (crm.attach).';
COMMENT ON COLUMN crm.workspaces.stored_customers IS
'About how many customers have a stored history, or NULL where nobody has counted yet.';
COMMENT ON COLUMN crm.workspaces.bytes IS 'Size of the tables in its two schemas, with indexes.';
GRANT SELECT ON crm.workspaces TO PUBLIC;

CREATE TYPE crm_internal.problem AS (
	--: What is wrong, in a few words.
	problem text,
	--: The relation or the thing in which it is.
	object text,
	--: What was found.
	detail text,
	--: What mends it.
	hint text
);
COMMENT ON TYPE crm_internal.problem IS
'Something that is wrong with a workspace, as crm.check_workspace shows it.';

--: What fills the shipped definitions: whether a workspace stands on a relation of yours, the type
--: of its keys, and the schema of its inner objects.
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

/*
 * An object that is missing is one problem, whatever else would be said of it.
 * The rows of rules are the owner's to change, but for metric, which says what
 * the names in rules mean.
 */
--: The differences that are worth telling.
CREATE FUNCTION crm_internal.reported(found crm_internal.difference[])
	RETURNS SETOF crm_internal.difference
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT f.* FROM unnest(found) f
	 WHERE (f.kind <> 'row' OR f.object = 'metric' OR f.verdict <> 'changed')
	   AND NOT EXISTS (
		SELECT FROM unnest(found) o
		 WHERE (o.home, o.object) = (f.home, f.object) AND o.mine IS NULL
		   AND (o.kind IN ('table', 'view', 'function') AND f.kind <> o.kind
				OR o.kind = 'column' AND f.part = o.part
				   AND f.kind IN ('default', 'null', 'comment')));
END;

--: What mends a difference.
CREATE FUNCTION crm_internal.difference_hint(workspace text, d crm_internal.difference)
	RETURNS text
	LANGUAGE sql STABLE
	RETURN CASE
		WHEN d.verdict = 'old' OR crm_internal.is_made_again(d) THEN
			format('SELECT crm.upgrade_workspace(%L);', workspace)
			|| CASE d.kind WHEN 'trigger'
					THEN format(' Then CALL crm.refresh(%L, full => true);', workspace) ELSE '' END
		WHEN d.kind = 'constraint' AND d.mine = 'not valid' THEN
			(SELECT string_agg(format('ALTER TABLE %I.%I VALIDATE CONSTRAINT %I;', workspace,
				c.relname, k.conname), ' ' ORDER BY k.conname)
			   FROM pg_constraint k
			   JOIN pg_class c ON c.oid = k.conrelid AND c.relname = d.object
			   JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = workspace
			  WHERE NOT k.convalidated)
		ELSE format('Keep it if somebody meant it. SELECT crm.upgrade_workspace(%L, '
			'overwrite => true); puts it back.', workspace) END;

--: Where a workspace differs from what was shipped, with what mends it.
CREATE FUNCTION crm_internal.workspace_drift(workspace text) RETURNS SETOF crm_internal.problem
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN QUERY
	SELECT concat_ws(' ', d.kind, CASE WHEN d.mine IS NULL THEN 'missing'
									   WHEN d.mine LIKE '% disabled' THEN 'disabled'
									   WHEN d.verdict = 'old' THEN 'of another version'
									   ELSE 'changed' END),
		   CASE WHEN d.kind IN ('index', 'constraint') THEN d.object
				ELSE concat_ws('.', d.object, nullif(d.part, '')) END,
		   CASE WHEN d.kind IN ('index', 'constraint') THEN d.part || coalesce(' is ' || d.mine, '')
				WHEN d.mine IS NOT NULL AND length(d.mine || d.shipped) < 200
				THEN format('It is %s, shipped as %s.', d.mine, d.shipped)
				WHEN d.mine IS NOT NULL THEN 'Its definition is not the one that was shipped.'
				END
		   || CASE WHEN d.verdict = 'both' THEN ' This version has another one, too.' ELSE '' END,
		   crm_internal.difference_hint(workspace, d)
	  FROM crm_internal.reported(
			ARRAY(SELECT f FROM crm_internal.workspace_differences(workspace) f)) d
	 ORDER BY 1, d.home DESC, 2, d.part;
END
$$;

--: The tables that an attached workspace follows, with their full names.
CREATE FUNCTION crm_internal.workspace_source_names()
	RETURNS TABLE (relation regclass, name text, is_part boolean)
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT c.oid::regclass, format('%I.%I', n.nspname, c.relname), c.oid <> w.source
	  FROM workspace w
	 CROSS JOIN LATERAL crm_internal.workspace_sources(w.source,
			(to_jsonb(w) ->> 'changed_at_column')::name) AS m (relation)
	  JOIN pg_class c ON c.oid = m.relation
	  JOIN pg_namespace n ON n.oid = c.relnamespace
	 WHERE w.source IS NOT NULL;
END
$$;

--: What is wrong with the source of an attached workspace: gone, without index, row security.
CREATE FUNCTION crm_internal.workspace_source_problems(workspace text)
	RETURNS SETOF crm_internal.problem
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT 'source replaced', w.source_name,
		   format('The workspace follows %s, and another relation has its name now.', w.source),
		   format('SELECT crm.change_source(%L, source => %L); attaches the workspace to the '
				  'relation of that name.', workspace, w.source_name)
	  FROM workspace w
	 WHERE to_regclass(w.source_name) <> w.source;
	RETURN QUERY
	SELECT 'index missing', w.source::text,
		   format('No index starts with "%s": each look at a changed customer reads the whole '
				  'table.', w.customer_column),
		   format('CREATE INDEX ON %s (%I);', w.source, w.customer_column)
	  FROM workspace w JOIN pg_class c ON c.oid = w.source
	 WHERE c.relkind IN ('r', 'p')
	   AND crm_internal.workspace_untracked(w.source) IS NULL
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

-- The search path is that of the workspace. A part whose rows only come in through its parent needs
-- no trigger for them, so a full refresh is advised only for the source itself.
--: What keeps changes of the sources of a workspace from being noticed, or makes looking at them
--: slow.
CREATE FUNCTION crm_internal.workspace_trigger_problems(workspace text)
	RETURNS SETOF crm_internal.problem
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT CASE WHEN bool_or(t.enabled IS NULL) THEN 'trigger missing' ELSE 'trigger disabled' END,
		   s.name,
		   format('Its changes by %s are not noticed.', string_agg(e.event, ', ' ORDER BY e.bit)),
		   coalesce(string_agg(format('ALTER TABLE %s ENABLE TRIGGER %I;', s.name, t.trigger_name),
			' ') FILTER (WHERE t.enabled IS NOT NULL) || ' ', '')
		   || CASE WHEN bool_or(t.enabled IS NULL)
				   THEN format('SELECT crm.upgrade_workspace(%L);', workspace) ELSE '' END
		   || CASE WHEN s.is_part AND bool_and(t.enabled IS NULL)
				   THEN ' Rows that are written through its parent are noticed.'
				   ELSE format(' Then CALL crm.refresh(%L, full => true);', workspace) END
	  FROM crm_internal.workspace_source_names() s
	 CROSS JOIN (VALUES ('INSERT', 4), ('DELETE', 8), ('UPDATE', 16), ('TRUNCATE', 32))
		  e (event, bit)
	  LEFT JOIN LATERAL (
		SELECT t.enabled, t.trigger_name
		  FROM crm_internal.workspace_triggers(s.relation, 'customer_change'::regclass) t
		 WHERE t.events & e.bit <> 0 LIMIT 1) t ON true
	 WHERE t.enabled IS NULL OR t.enabled IN ('D', 'R')
	 GROUP BY s.relation, s.name, s.is_part;
	RETURN QUERY SELECT p.* FROM crm_internal.workspace_source_problems(workspace) p;
END
$$;

--: How many customers changed since their histories were stored.
CREATE FUNCTION crm_internal.workspace_stale_histories(workspace text)
	RETURNS SETOF crm_internal.problem
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

--: How many stored histories of a sample differ from the facts, though nobody noted a change.
CREATE FUNCTION crm_internal.workspace_wrong_histories(workspace text)
	RETURNS SETOF crm_internal.problem
	LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY
	WITH sample AS MATERIALIZED (
		SELECT h.* FROM (SELECT * FROM customer_history TABLESAMPLE SYSTEM (1) LIMIT 1000) h
		UNION
		SELECT h.* FROM (SELECT * FROM customer_history LIMIT 1000) h
	), compared AS (
		SELECT s.customer_id::text AS key,
			   (f.history OPERATOR(crm.=) s.history) IS NOT TRUE
			   OR num_nulls(f.profit_history, s.profit_history) = 1
			   OR coalesce(f.profit_history OPERATOR(crm.<>) s.profit_history, false)
			   OR s.first_ordered_at IS NOT NULL AND NOT EXISTS (
				SELECT FROM first_order(s.customer_id, crm.first_day(f.history)) o
				 WHERE o.ordered_at = s.first_ordered_at
				   AND o.campaign_id IS NOT DISTINCT FROM s.first_campaign_id) AS differs
		  FROM sample s
		  JOIN recompute(ARRAY(SELECT customer_id FROM sample)) f
			ON same_customer(f.customer_id, s.customer_id)
		 WHERE NOT EXISTS (SELECT FROM customer_change c
							WHERE same_customer(c.customer_id, s.customer_id))
		   AND NOT EXISTS (SELECT FROM everyone_change)
	)
	SELECT 'histories wrong', 'customer_history',
		   format('%s of %s looked at differ from the facts, among them that of customer %s.',
				  count(*) FILTER (WHERE c.differs), count(*), min(c.key) FILTER (WHERE c.differs)),
		   format('CALL crm.refresh(%L, full => true); %s.', workspace,
				  CASE WHEN to_regclass('archived_history') IS NOT NULL
						AND NOT EXISTS (SELECT FROM crm_internal.workspace_source_names())
					   THEN 'rows were changed since the last refresh, or deleted'
					   ELSE 'rows were changed past the triggers' END)
	  FROM compared c HAVING bool_or(c.differs);
END
$$;

-- A function, because Citus cannot join its tables with those of the workspace.
--: The customers of the usable rows of the source that are not archived, or of the paid orders. The
--: keys have the type of the elements of the argument.
CREATE FUNCTION crm_internal.customers_in_source(keys anyarray) RETURNS SETOF anyelement
	LANGUAGE plpgsql STABLE ROWS 100000 AS $$
DECLARE
	settings jsonb := (SELECT to_jsonb(w) FROM workspace w);
BEGIN
	IF settings ->> 'source' IS NULL THEN
		RETURN QUERY SELECT DISTINCT o.customer_id FROM sales_order o WHERE o.status = 'paid';
	ELSE
		RETURN QUERY EXECUTE format('SELECT DISTINCT u.customer_id::%s FROM (%s) u',
			(SELECT format_type(t.typelem, -1) FROM pg_type t WHERE t.oid = pg_typeof(keys)),
			crm_internal.usable_row_query(crm_internal.is_built_on_workers(), false));
	END IF;
END
$$;

-- Paid orders may have no lines or an implausible day. So some customers are computed.
--: How many customers have purchases and neither a stored history nor a note.
CREATE FUNCTION crm_internal.workspace_missing_histories(workspace text)
	RETURNS SETOF crm_internal.problem
	LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format($missing$
		WITH candidate AS MATERIALIZED (
			SELECT s.customer_id FROM crm_internal.customers_in_source(NULL::%s[]) s (customer_id)
			  LEFT JOIN customer_history h ON same_customer(h.customer_id, s.customer_id)
			  LEFT JOIN rejected_customer r ON same_customer(r.customer_id, s.customer_id)
			  LEFT JOIN (SELECT DISTINCT n.customer_id FROM customer_change n) c
				ON same_customer(c.customer_id, s.customer_id)
			 WHERE num_nonnulls(h.customer_id, r.customer_id, c.customer_id) = 0
			   AND NOT EXISTS (SELECT FROM everyone_change)
			 LIMIT 1000
		)
		SELECT 'histories missing', 'customer_history',
			   format('%%s customers with purchases have no history, among them customer %%s.',
					  CASE WHEN count(*) < 1000 THEN count(*)::text ELSE '1000 or more' END,
					  min(f.customer_id::text)),
			   format('CALL crm.refresh(%%L, full => true); rows came past the triggers.', $1)
		  FROM recompute(ARRAY(SELECT customer_id FROM candidate)) f
		 WHERE f.history IS NOT NULL OR f.fault IS NOT NULL
		HAVING count(*) > 0$missing$, crm_internal.source_key_type()) USING workspace;
END
$$;

--: What is wrong with the rows of a workspace: rejected purchases, unknown metrics, programs.
CREATE FUNCTION crm_internal.workspace_content_problems(workspace text)
	RETURNS SETOF crm_internal.problem
	LANGUAGE plpgsql AS $$
BEGIN
	IF to_regclass('rejected_purchase') IS NOT NULL THEN
		RETURN QUERY
		SELECT 'rows left out', 'rejected_purchase', format('%s (rows: %s).', r.reason, count(*)),
			   format('SELECT * FROM %I.rejected_purchase;', workspace)
		  FROM rejected_purchase r WHERE r.reason <> 'archived' GROUP BY r.reason;
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
		RETURN QUERY
		SELECT 'customer below itself', 'customer',
			   format('The parents of these customers run in a circle: %s.',
					  string_agg(a.customer_id::text, ', ' ORDER BY a.customer_id)),
			   'Set parent_id to NULL where the group begins.'
		  FROM account_member a WHERE a.in_cycle
		HAVING count(*) > 0;
		RETURN QUERY SELECT p.* FROM crm_internal.program_problems(workspace) p;
	END IF;
END
$$;

/* What stops a check: without these no twin can be made, and no view be read. */
--: What is so wrong with a workspace that nothing else can be said of it.
CREATE FUNCTION crm_internal.workspace_stops(workspace text) RETURNS SETOF crm_internal.problem
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM workspace) THEN
		RETURN QUERY
		SELECT 'settings missing', 'workspace', 'The table has no row.',
			   'INSERT a row with crm_version and time_zone.';
	END IF;
	RETURN QUERY
	SELECT 'source dropped', w.source_name,
		   'The relation that the workspace was attached to is gone.',
		   format('SELECT crm.change_source(%L, source => %L, ...); attaches the workspace to '
				'another '
				  'relation, or to a new one of that name.', workspace, w.source_name)
	  FROM workspace w
	 WHERE w.source IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = w.source);
END
$$;

CREATE FUNCTION crm_internal.check_workspace_as_owner(workspace text, OUT problem text,
	OUT object text, OUT detail text, OUT hint text) RETURNS SETOF record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	is_whole boolean := true;
BEGIN
	PERFORM crm_internal.workspace_enter(workspace);
	RETURN QUERY SELECT s.* FROM crm_internal.workspace_stops(workspace) s;
	IF FOUND THEN
		RETURN;
	END IF;
	FOR problem, object, detail, hint IN
		SELECT d.* FROM crm_internal.workspace_drift(workspace) d
	LOOP
		is_whole := is_whole AND problem !~ '^(table|view|function|column) missing';
		RETURN NEXT;
	END LOOP;
	IF NOT is_whole THEN
		RETURN;
	END IF;
	RETURN QUERY
	SELECT 'definitions of another version', 'workspace',
		   format('They are of crm %s, installed is %s.', w.crm_version, crm.version()),
		   format('SELECT crm.upgrade_workspace(%L);', workspace)
	  FROM workspace w WHERE w.crm_version <> crm.version();
	RETURN QUERY SELECT p.* FROM crm_internal.workspace_trigger_problems(workspace) p;
	RETURN QUERY SELECT p.* FROM crm_internal.restriction_problems() p;
	RETURN QUERY SELECT p.* FROM crm_internal.workspace_stale_histories(workspace) p;
	RETURN QUERY SELECT p.* FROM crm_internal.workspace_wrong_histories(workspace) p;
	RETURN QUERY SELECT p.* FROM crm_internal.workspace_missing_histories(workspace) p;
	RETURN QUERY SELECT p.* FROM crm_internal.workspace_content_problems(workspace) p;
	RETURN QUERY SELECT p.* FROM crm_internal.maintenance_problems(workspace) p;
END
$$;

--| The check compares everything that was shipped with the catalog: tables, columns, defaults,
--| constraints, indexes, views, functions, triggers, comments and rights. It also finds what this
--| version ships in another form. What you added is no problem.
--|
--| Then it looks at these:
--|
--| * triggers on the source, also on partitions, and a missing index of the source;
--| * tables with customers that have no row security while another one has it;
--| * customers who wait for a refresh;
--| * stored histories against the facts, for a sample of at most 2000 customers;
--| * customers with purchases and without a history;
--| * rows of the source that are left out;
--| * metrics that are no columns, and rules, tiers, points and scores of programs;
--| * steps of crm.maintain that were interrupted.
--|
--| The result has a row for each problem with its mend. No rows mean that all is well. The check
--| makes a copy of the definitions in schemas that never stay, so it needs two transaction numbers
--| and cannot run on a standby. The table `workspace_problem` keeps what `crm.maintain` found.
CREATE FUNCTION crm.check_workspace(workspace text, OUT problem text, OUT object text,
	OUT detail text, OUT hint text) RETURNS SETOF record
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_maintainer';
COMMENT ON FUNCTION crm.check_workspace(text) IS
'What is wrong with a workspace.';

--: Makes the triggers on the source of an attached workspace that are missing.
CREATE FUNCTION crm_internal.workspace_renew_triggers(workspace text, internal text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	w record;
BEGIN
	SELECT s.* INTO w FROM workspace s;
	IF w.source IS NOT NULL THEN
		PERFORM crm_internal.workspace_create_triggers(workspace, internal);
	END IF;
END
$$;

/* Upgrading */

/*
 * The step of a difference: tables before their columns, functions and views
 * together in the order in which they were made.
 */
--: The place of a kind of difference in an upgrade.
CREATE FUNCTION crm_internal.upgrade_step(kind text) RETURNS integer
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN array_position('{table,column,default,null,index,constraint,function,view,path,'
		'options,trigger,owner,right,comment,row}'::text[], CASE kind WHEN 'view' THEN 'function'
		ELSE kind END);

-- The nth element of above stands above the nth of below. A cycle ends at the depth.
--: Relations in an order in which each stands before those below it. The others keep their order.
CREATE FUNCTION crm_internal.top_first(relations regclass[], above oid[], below oid[],
	depth integer) RETURNS regclass[]
	LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH RECURSIVE edge AS (
		SELECT e.above, e.below FROM unnest(above, below) AS e (above, below)
	), place AS (
		SELECT u::oid AS relation, 0 AS n FROM unnest(relations) u
		UNION
		SELECT e.below, p.n + 1
		  FROM place p JOIN edge e ON e.above = p.relation WHERE p.n < depth
	)
	SELECT array_agg(o.relation::regclass ORDER BY o.n, array_position(relations,
		o.relation::regclass))
	  FROM (SELECT u::oid AS relation, max(p.n) AS n
			  FROM unnest(relations) u JOIN place p ON p.relation = u
			 GROUP BY u) o;
END;

/*
 * Relations that change, those that stand on others first. A reader of a view
 * locks it before what it reads, so that nobody waits in a circle.
 */
--: Relations in the order in which readers lock them.
CREATE FUNCTION crm_internal.relations_top_first(relations regclass[]) RETURNS regclass[]
	LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH edge AS (
		SELECT r.ev_class AS above, d.refobjid AS below
		  FROM pg_depend d
		  JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
		 WHERE d.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass)
		   AND d.refobjid <> r.ev_class
		UNION
		SELECT d.objid, d.refobjid
		  FROM pg_depend d
		 WHERE d.classid = 'pg_proc'::regclass
		   AND d.refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass)
	)
	SELECT crm_internal.top_first(relations, array_agg(e.above), array_agg(e.below), 40)
	  FROM edge e;
END;

/*
 * All locks are had within half a second or none is kept: readers wait behind us
 * no longer than that, which is less than their deadlock_timeout.
 */
--: Whether all of some relations could be locked within half a second.
CREATE FUNCTION crm_internal.try_locks(relations regclass[]) RETURNS boolean
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	deadline timestamptz := clock_timestamp() + interval '500 ms';
	relation regclass;
BEGIN
	FOREACH relation IN ARRAY relations LOOP
		PERFORM set_config('lock_timeout', greatest(1, extract(epoch
			FROM deadline - clock_timestamp()) * 1000)::integer::text, true);
		PERFORM crm_internal.lock_relations(ARRAY[relation]);
	END LOOP;
	PERFORM set_config('lock_timeout', '0', true);
	RETURN true;
EXCEPTION WHEN lock_not_available THEN
	RETURN false;
END
$$;

/*
 * A reader locks views in the order of their query, which nobody knows. If it is not
 * ours, each waits for the other. So each further attempt has another order.
 */
--: Locks what an upgrade changes, and backs off while readers hold it.
CREATE FUNCTION crm_internal.upgrade_lock(workspace text, relations regclass[]) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	FOR attempt IN 1..100 LOOP
		IF crm_internal.try_locks(relations) THEN
			RETURN;
		END IF;
		PERFORM pg_sleep(0.02 + 0.1 * random());
		relations := crm_internal.relations_top_first(
			ARRAY(SELECT u FROM unnest(relations) u ORDER BY random()));
	END LOOP;
	RAISE lock_not_available USING
		MESSAGE = format('workspace "%s" is in use all the time', workspace),
		DETAIL = 'The upgrade needs a moment in which no query holds its views.',
		HINT = 'Call crm.upgrade_workspace again when fewer queries run.';
END
$$;

/*
 * CREATE OR REPLACE cannot change the columns of a view or the result of a
 * function, and what somebody built upon the old one must go on. So the old one
 * gets another name. What was shipped is made again upon the new one.
 */
--: Renames a view or function that cannot be replaced, and returns what it is now.
CREATE FUNCTION crm_internal.set_aside(d crm_internal.difference, schema_name text,
	crm_version text) RETURNS text
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	old_name text := split_part(d.object, '(', 1);
	first_name text := left(old_name, 40) || '_' || crm_version;
	new_name text := first_name;
	copy_no integer := 1;
BEGIN
	WHILE EXISTS (SELECT FROM pg_depend o
				   WHERE o.refclassid = 'pg_namespace'::regclass
					 AND o.refobjid = quote_ident(schema_name)::regnamespace
					 AND (pg_identify_object(o.classid, o.objid, 0)).name = quote_ident(new_name))
	LOOP
		copy_no := copy_no + 1;
		new_name := format('%s_%s', first_name, copy_no);
	END LOOP;
	EXECUTE format('ALTER %s %I.%s RENAME TO %I', d.kind, schema_name, d.object, new_name);
	RETURN format('%s %I.%I%s', d.kind, schema_name, new_name,
				  substr(d.object, length(old_name) + 1));
END
$$;

--: Drops what an upgrade has set aside. What somebody uses is kept, with a warning.
CREATE FUNCTION crm_internal.drop_unused(objects text[]) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	unused text;
BEGIN
	FOR unused IN SELECT o FROM unnest(objects) WITH ORDINALITY AS u (o, n) ORDER BY n DESC LOOP
		BEGIN
			EXECUTE 'DROP ' || unused;
		EXCEPTION WHEN dependent_objects_still_exist THEN
			RAISE WARNING USING
				MESSAGE = format('%s of an earlier version is kept', unused),
				DETAIL = 'Objects of your own stand on it. They go on answering as before.';
		END;
	END LOOP;
END
$$;

/*
 * A new constraint on rows that are there is checked later, by VALIDATE CONSTRAINT.
 * The one row of settings is checked at once. A constraint that is switched off is
 * made again, because only a superuser can switch it on, and rows came in meanwhile.
 */
--: The statement that makes a constraint, also where it is switched off.
CREATE FUNCTION crm_internal.upgrade_constraint(d crm_internal.difference, schema_name text,
	statement text) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	has_rows boolean;
	disabled name;
BEGIN
	FOR disabled IN
		SELECT k.conname FROM pg_constraint k
		 WHERE d.mine = 'disabled'
		   AND k.conrelid = format('%I.%I', schema_name, d.object)::regclass
		   AND replace(pg_get_constraintdef(k.oid), ' NOT VALID', '') = d.part
	LOOP
		EXECUTE format('ALTER TABLE %I.%I DROP CONSTRAINT %I', schema_name, d.object, disabled);
	END LOOP;
	EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I)', schema_name, d.object) INTO has_rows;
	RETURN statement || CASE WHEN has_rows AND d.object <> 'workspace'
								  AND d.part ~ '^(CHECK|FOREIGN KEY)' THEN ' NOT VALID'
							 ELSE '' END;
END
$$;

/* A score is the sum of its rows, so a model that has rows already gets no others. */
--: Differences of a workspace, but for rows of scores that have rows there.
CREATE FUNCTION crm_internal.upgrade_scores(differences crm_internal.difference[])
	RETURNS crm_internal.difference[]
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF to_regclass('score_item') IS NULL THEN
		RETURN differences;
	END IF;
	RETURN ARRAY(SELECT ROW(f.*)::crm_internal.difference
				   FROM unnest(differences) f
				  WHERE f.kind <> 'row' OR f.object <> 'score_item'
					 OR split_part(f.part, ', ', 1)
						<> ALL (ARRAY(SELECT i.model FROM score_item i)));
END
$$;

/* The search path holds both schemas, so that bare names in the statement are found. */
--: Makes one thing in a workspace as the difference says it was shipped.
CREATE FUNCTION crm_internal.upgrade_apply(d crm_internal.difference, workspace text,
	internal text, crm_version text) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	schema_name pg_catalog.text := CASE WHEN d.home = 'inner' THEN internal ELSE workspace END;
	statement pg_catalog.text := replace(replace(d.statement, '@home@', quote_ident(schema_name)),
		'@path@', format('%I, pg_temp', workspace));
	aside pg_catalog.text;
BEGIN
	IF d.kind = 'column' AND d.mine IS NOT NULL THEN
		RAISE WARNING USING
			MESSAGE = format('column %s.%s has another type in this version', d.object, d.part),
			DETAIL = format('It is %s, shipped as %s.', d.mine, d.shipped),
			HINT = 'ALTER TABLE changes it. That may rewrite the table.';
		RETURN NULL;
	ELSIF d.kind = 'constraint' THEN
		statement := crm_internal.upgrade_constraint(d, schema_name, statement);
	END IF;
	EXECUTE statement;
	RETURN NULL;
EXCEPTION WHEN invalid_function_definition OR invalid_table_definition THEN
	IF d.kind NOT IN ('view', 'function') THEN
		RAISE;
	END IF;
	aside := crm_internal.set_aside(d, schema_name, crm_version);
	EXECUTE statement;
	PERFORM crm_internal.copy_rights(d.kind, substr(aside, strpos(aside, ' ') + 1),
		format('%I.%s', schema_name, d.object));
	RETURN aside;
END
$$;

/* Whoever could use the old view or function may use the new one. */
--: Gives a view or function the rights of another.
CREATE FUNCTION crm_internal.copy_rights(kind text, from_object text, to_object text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	its_rights aclitem[];
	statement text;
BEGIN
	IF kind = 'view' THEN
		its_rights := (SELECT c.relacl FROM pg_class c WHERE c.oid = from_object::regclass);
	ELSE
		its_rights := (SELECT p.proacl FROM pg_proc p WHERE p.oid = from_object::regprocedure);
	END IF;
	IF its_rights IS NULL THEN
		RETURN;
	END IF;
	EXECUTE format('REVOKE ALL ON %s %s FROM PUBLIC',
		CASE kind WHEN 'view' THEN 'TABLE' ELSE 'FUNCTION' END, to_object);
	FOR statement IN
		SELECT format('GRANT %s ON %s %s TO %s%s', a.privilege_type,
			CASE kind WHEN 'view' THEN 'TABLE' ELSE 'FUNCTION' END, to_object,
			CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
			CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
		  FROM aclexplode(its_rights) a WHERE a.grantee <> current_user::regrole
	LOOP
		EXECUTE statement;
	END LOOP;
END
$$;

/* With a table or another object that is made again, all that belongs to it comes again. */
--: What an upgrade makes, in order.
CREATE FUNCTION crm_internal.upgrade_wanted(found crm_internal.difference[], overwrite boolean)
	RETURNS crm_internal.difference[]
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT coalesce(array_agg(d ORDER BY crm_internal.upgrade_step(d.kind), d.place), '{}')
	  FROM unnest(found) d
	 WHERE d.statement IS NOT NULL
	   AND (d.kind = 'constraint' AND d.mine = 'not valid') IS NOT TRUE
	   AND (d.verdict = 'old' AND (d.kind <> 'row' OR d.mine IS NULL)
			OR crm_internal.is_made_again(d)
			OR overwrite AND (d.kind <> 'row' OR d.object = 'metric')
			OR EXISTS (SELECT FROM unnest(found) o
						WHERE (o.home, o.object) = (d.home, d.object)
						  AND crm_internal.is_made_again(o)
						  AND (o.kind <> 'column' OR d.part = o.part)
						  AND (o.kind <> 'trigger' OR d.part = o.part)));
END;

--: The relations that an upgrade changes, in the order in which they are locked.
CREATE FUNCTION crm_internal.upgrade_relations(wanted crm_internal.difference[], workspace text,
	internal text) RETURNS regclass[]
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT crm_internal.relations_top_first(array_agg(DISTINCT c.oid::regclass))
	  FROM unnest(wanted) d
	  JOIN pg_namespace n ON n.nspname = CASE d.home WHEN 'inner' THEN internal ELSE workspace END
	  JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = d.object
	 WHERE d.kind NOT IN ('index', 'row') AND c.relkind IN ('r', 'p', 'v');
END;

--: Makes all shipped views and functions again upon what was made new, but for those kept.
CREATE FUNCTION crm_internal.upgrade_upon(workspace text, internal text, kept text[])
	RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	again crm_internal.difference;
BEGIN
	FOR again IN
		SELECT 'old', f.home, f.kind, f.object, f.part, f.definition, f.definition, f.statement,
			   f.place
		  FROM unnest(crm_internal.twin_facts(workspace, false)) f
		 WHERE f.kind IN ('view', 'function', 'comment') AND f.object <> ALL (kept)
		 ORDER BY crm_internal.upgrade_step(f.kind), f.place
	LOOP
		PERFORM crm_internal.upgrade_apply(again, workspace, internal, 'old');
	END LOOP;
END
$$;

--: Names what an upgrade leaves alone.
CREATE FUNCTION crm_internal.upgrade_warn(workspace text, left_alone crm_internal.difference[])
	RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	d crm_internal.difference;
BEGIN
	FOREACH d IN ARRAY left_alone LOOP
		RAISE WARNING USING
			MESSAGE = format('%s %s is kept as it is', d.kind,
							 concat_ws('.', d.object, nullif(d.part, ''))),
			DETAIL = CASE WHEN d.mine IS NULL THEN 'Somebody removed it.'
						  WHEN d.mine = 'not valid' THEN 'Rows from before were not checked.'
						  ELSE 'Somebody changed it.' END,
			HINT = CASE WHEN d.mine = 'not valid' THEN crm_internal.difference_hint(workspace, d)
						ELSE format('SELECT crm.upgrade_workspace(%L, overwrite => true); puts it '
							'back.', workspace) END;
	END LOOP;
END
$$;

--: Makes what an upgrade needs first: the schema of inner objects, and the comparison of keys.
CREATE FUNCTION crm_internal.upgrade_prepare(workspace text, internal text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM crm_internal.workspace_make_schemas(workspace, internal);
	IF to_regproc(format('%I.same_customer', internal)) IS NULL THEN
		PERFORM crm_internal.workspace_make_same_customer(internal,
			(SELECT k.key_type FROM crm_internal.workspace_kind(workspace) k));
	END IF;
END
$$;

--: Renews triggers on the source and notes what the workspace was upgraded to.
CREATE FUNCTION crm_internal.upgrade_finish(workspace text, internal text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	its record := crm_internal.workspace_kind(workspace);
BEGIN
	PERFORM crm_internal.workspace_renew_triggers(workspace, internal);
	IF EXISTS (SELECT FROM crm_internal.workspace_parts(its.attached) AS p (parts)
				 CROSS JOIN LATERAL unnest(p.parts) WITH ORDINALITY AS u (part, n)
				 LEFT JOIN shipped s ON s.part_no = u.n
				WHERE s.definition IS DISTINCT FROM crm.workspace_definition(u.part)) THEN
		PERFORM crm_internal.workspace_keep_definitions(internal, its.attached);
	END IF;
	UPDATE workspace SET crm_version = crm.version() WHERE crm_version <> crm.version();
END
$$;

CREATE FUNCTION crm_internal.upgrade_workspace_as_owner(workspace text, overwrite boolean)
	RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	internal text := crm_internal.workspace_inner_schema(workspace);
	found crm_internal.difference[];
	wanted crm_internal.difference[];
	kept crm_internal.difference[];
	d crm_internal.difference;
	its_version text;
	aside text[] := '{}';
BEGIN
	PERFORM crm_internal.workspace_enter_alone(workspace);
	SELECT w.crm_version INTO its_version FROM workspace w;
	PERFORM crm_internal.upgrade_prepare(workspace, internal);
	found := crm_internal.upgrade_scores(
		ARRAY(SELECT f FROM crm_internal.workspace_differences(workspace) f));
	wanted := crm_internal.upgrade_wanted(found, coalesce(overwrite, false));
	kept := ARRAY(SELECT r FROM crm_internal.reported(found) r WHERE r <> ALL (wanted));
	PERFORM crm_internal.upgrade_lock(workspace,
		coalesce(crm_internal.upgrade_relations(wanted, workspace, internal), '{}'));
	PERFORM set_config('search_path', format('%I, %I, pg_temp', workspace, internal), true);
	FOREACH d IN ARRAY wanted LOOP
		aside := array_remove(aside || crm_internal.upgrade_apply(d, workspace, internal,
			its_version), NULL);
	END LOOP;
	IF cardinality(aside) > 0 THEN
		PERFORM crm_internal.upgrade_upon(workspace, internal,
			ARRAY(SELECT k.object FROM unnest(kept) k));
		PERFORM crm_internal.drop_unused(aside);
	END IF;
	PERFORM crm_internal.upgrade_finish(workspace, internal);
	PERFORM crm_internal.upgrade_warn(workspace, kept);
	RETURN cardinality(wanted);
END
$$;

--| * `overwrite`: whether to put back what somebody changed. Without it, such things are left as
--|   they are, and a warning names each.
--|
--| Call it after `ALTER EXTENSION crm UPDATE`. It makes new tables, columns, views, functions and
--| triggers, and those that somebody dropped. It replaces what is of an earlier version and was not
--| changed. Objects of your own are never touched. A view or function whose columns changed gets
--| another name if something of your own stands on it, and a warning says so. The workspace keeps
--| the definitions from which it was made, so the upgrade knows what somebody changed.
--|
--| Queries that read the workspace go on. The upgrade waits for a moment without them. A new check
--| or foreign key on a table that holds rows is not validated. crm.check_workspace names it.
--|
--| The result is the number of things that were made or changed. A second call returns 0.
CREATE FUNCTION crm.upgrade_workspace(workspace text, overwrite boolean DEFAULT false)
	RETURNS bigint
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_owner';
COMMENT ON FUNCTION crm.upgrade_workspace(text, boolean) IS
'Brings a workspace up to the definitions of the installed version.';

-- Triggers on the source stand on the table of notes, and go with the workspace.
--: The relations and functions outside of some schemas that stand on what is in them.
CREATE FUNCTION crm_internal.standing_upon(schemas regnamespace[]) RETURNS SETOF text
	LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH mine AS (
		SELECT m.classid, m.objid FROM pg_depend m
		 WHERE m.refclassid = 'pg_namespace'::regclass AND m.refobjid = ANY (schemas::oid[])
	), upon AS (
		SELECT d.classid, d.objid FROM mine m
		  JOIN pg_depend d ON d.refclassid = m.classid AND d.refobjid = m.objid
	)
	SELECT r.ev_class::regclass::text
	  FROM upon u JOIN pg_rewrite r ON u.classid = 'pg_rewrite'::regclass AND r.oid = u.objid
	  JOIN pg_class c ON c.oid = r.ev_class AND c.relnamespace <> ALL (schemas::oid[])
	UNION
	SELECT c.oid::regclass::text
	  FROM upon u JOIN pg_constraint k ON u.classid = 'pg_constraint'::regclass AND k.oid = u.objid
	  JOIN pg_class c ON c.oid = k.conrelid AND c.relnamespace <> ALL (schemas::oid[])
	UNION
	SELECT p.oid::regprocedure::text
	  FROM upon u JOIN pg_proc p ON u.classid = 'pg_proc'::regclass AND p.oid = u.objid
	 WHERE p.pronamespace <> ALL (schemas::oid[]);
END;

--: The tables of some schemas that hold data: no settings, logs, rules or what can be computed.
CREATE FUNCTION crm_internal.filled_tables(schemas regnamespace[]) RETURNS text[]
	LANGUAGE plpgsql AS $$
DECLARE
	relation regclass;
	has_rows boolean;
	filled text[] := '{}';
BEGIN
	FOR relation IN
		SELECT c.oid FROM pg_class c
		 WHERE c.relnamespace = ANY (schemas) AND c.relkind IN ('r', 'p', 'm')
		   AND NOT c.relispartition
		   AND c.relname <> ALL ('{workspace,customer_history,customer_change,everyone_change,'
				'source_part,rejected_customer,refresh_run,maintenance_run,workspace_problem,'
				'threshold,shipped}')
		   AND c.relname <> ALL (crm_internal.rule_tables())
		 ORDER BY c.relname
	LOOP
		EXECUTE format('SELECT EXISTS (SELECT FROM %s)', relation) INTO has_rows;
		IF has_rows THEN
			filled := filled || relation::text;
		END IF;
	END LOOP;
	RETURN filled;
END
$$;

CREATE FUNCTION crm_internal.drop_workspace_as_owner(workspace text, force boolean) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off
	SET client_min_messages = warning AS $$
DECLARE
	schemas regnamespace[];
	found text[];
BEGIN
	PERFORM crm_internal.workspace_enter_alone(workspace);
	SELECT array_agg(n.oid::regnamespace ORDER BY n.nspname) INTO schemas FROM pg_namespace n
	 WHERE n.nspname IN (workspace, crm_internal.workspace_inner_schema(workspace))
	   AND n.nspowner = (SELECT o.nspowner FROM pg_namespace o WHERE o.nspname = workspace);
	IF force IS NOT TRUE THEN
		found := crm_internal.filled_tables(schemas);
		IF cardinality(found) > 0 THEN
			RAISE dependent_objects_still_exist USING
				MESSAGE = format('workspace "%s" holds data', workspace),
				DETAIL = format('These tables have rows: %s.', array_to_string(found, ', ')),
				HINT = format('SELECT crm.drop_workspace(%L, force => true) drops them all the '
					'same.', workspace);
		END IF;
		found := ARRAY(SELECT u FROM crm_internal.standing_upon(schemas) u ORDER BY u COLLATE "C");
		IF cardinality(found) > 0 THEN
			RAISE dependent_objects_still_exist USING
				MESSAGE = format('objects of other schemas stand on workspace "%s"', workspace),
				DETAIL = format('They are: %s.', array_to_string(found, ', ')),
				HINT = format('SELECT crm.drop_workspace(%L, force => true) drops them, too.',
					workspace);
		END IF;
	END IF;
	EXECUTE format('DROP SCHEMA %s CASCADE', array_to_string(schemas, ', '));
END
$$;

--| * `force`: whether to drop it even where its tables hold data, or where objects of other schemas
--|   stand on it. They go, too. Rules and what can be computed again are no data.
--|
--| The call waits until nobody else maintains the workspace. A source that was attached is left as
--| it is, without the triggers.
CREATE FUNCTION crm.drop_workspace(workspace text, force boolean DEFAULT false) RETURNS void
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_owner';
COMMENT ON FUNCTION crm.drop_workspace(text, boolean) IS
'Drops a workspace with everything in its two schemas.';
