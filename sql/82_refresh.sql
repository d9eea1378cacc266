/*
 * refresh
 *
 * Keeping the stored histories of a workspace up to date. They follow the facts
 * by notes: of triggers, or of a column of the source that says when a row was
 * written. A source with neither is computed anew.
 */

-- Notes, facts and histories are seen at one moment, so a change is either in the history or
-- still noted. Returns customers (0: none is left) and their purchases.
--: One batch of crm.refresh, in the transaction of the caller: recomputes and stores the histories
--: of at most so many customers that changed in transactions begun up to a moment.
CREATE FUNCTION crm_internal.refresh_changed(workspace text, batch integer, before timestamptz,
	OUT customers bigint, OUT purchases bigint) RETURNS record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM crm_internal.workspace_enter_alone(workspace);
	WITH chosen AS MATERIALIZED (
		SELECT DISTINCT c.customer_id FROM customer_change c
		 WHERE c.changed_at <= before
		 ORDER BY c.customer_id LIMIT batch
	), done AS (
		DELETE FROM customer_change c USING chosen
		 WHERE same_customer(c.customer_id, chosen.customer_id)
	), fresh AS MATERIALIZED (
		SELECT * FROM recompute(ARRAY(SELECT chosen.customer_id FROM chosen))
	), gone AS (
		DELETE FROM customer_history h USING fresh
		 WHERE same_customer(h.customer_id, fresh.customer_id) AND fresh.history IS NULL
	), accepted AS (
		DELETE FROM rejected_customer r USING fresh
		 WHERE same_customer(r.customer_id, fresh.customer_id) AND fresh.fault IS NULL
	), rejected AS (
		INSERT INTO rejected_customer AS r (customer_id, reason)
		SELECT fresh.customer_id, fresh.fault FROM fresh WHERE fresh.fault IS NOT NULL
		ON CONFLICT (customer_id) DO UPDATE SET reason = EXCLUDED.reason
	), stored AS (
		INSERT INTO customer_history AS h (customer_id, history, profit_history,
			first_ordered_at, first_campaign_id)
		SELECT f.customer_id, f.history, f.profit_history, o.ordered_at, o.campaign_id
		  FROM fresh f
		 CROSS JOIN LATERAL first_order(f.customer_id, crm.first_day(f.history)) o
		 WHERE f.history IS NOT NULL
		ON CONFLICT (customer_id) DO UPDATE
		SET history = EXCLUDED.history, profit_history = EXCLUDED.profit_history,
			refreshed_at = EXCLUDED.refreshed_at, first_ordered_at = EXCLUDED.first_ordered_at,
			first_campaign_id = EXCLUDED.first_campaign_id
	)
	SELECT count(*), coalesce(sum(crm.purchases(fresh.history)), 0)::bigint
		FROM fresh INTO customers, purchases;
END
$$;

/*
 * Purchases of everybody are read by a query of its own. It has the rules of the views
 * usable_row and purchase_source, and the settings as literals. So the source
 * is scanned without a join, once, or twice where a column names the order. The workers of
 * Citus, which have no settings, can run it. Names mean the objects of the workspace, by
 * the search path of the caller.
 */
--: Whether the source is a table of Citus that is distributed by the customer.
CREATE FUNCTION crm_internal.is_built_on_workers() RETURNS boolean
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF to_regclass('workspace') IS NULL THEN
		RETURN false; -- somebody reads the inner functions of a workspace by their full names
	END IF;
	RETURN EXISTS (SELECT FROM workspace w
		CROSS JOIN LATERAL crm_internal.distributed_tables(w.source) d
		WHERE d.column_name = w.customer_column);
END
$$;

--: The query for the usable rows of the source of a workspace since the day until which it is
--: archived, with the settings as literals, or for those of the customers in the array $1.
CREATE FUNCTION crm_internal.usable_row_query(on_workers boolean, of_some boolean) RETURNS text
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	own_path text := current_setting('search_path');
	w record;
	source_row text;
BEGIN
	SELECT s.*, n.nspname AS name INTO w
	  FROM workspace s, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	 WHERE c.oid = 'workspace'::regclass;
	source_row := crm_internal.workspace_source(w.name,
		CASE WHEN on_workers THEN 'workers' ELSE 'query' END);
	PERFORM set_config('search_path', own_path, true);
	RETURN format('SELECT s.customer_id, s.purchased_on, s.amount, s.profit%s
			  FROM (%s) s
			 WHERE crm_internal.is_usable_row(s.customer_id, s.purchased_on, %L, %L, s.amount,
										  s.profit)%s%s',
		CASE WHEN to_jsonb(w) ->> 'order_column' IS NOT NULL THEN ', s.order_key' END,
		source_row, w.earliest_day, w.latest_day,
		' AND s.purchased_on >= ' || quote_literal(w.archived_until) || '::date',
		CASE WHEN of_some THEN ' AND s.customer_id = ANY ($1)' END);
END
$$;

-- Orders that an archive divided are few. Workers have no table of them.
--: The condition that leaves archived orders out of the query for purchases, or NULL where no order
--: is archived in part.
CREATE FUNCTION crm_internal.not_archived_order(on_workers boolean) RETURNS text
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM archived_order) THEN
		RETURN NULL;
	ELSIF on_workers THEN
		RETURN format(' AND concat_ws('' '', u.customer_id, u.order_key) <> ALL (%L::text[])',
			ARRAY(SELECT concat_ws(' ', o.customer_id, o.order_key) FROM archived_order o));
	END IF;
	RETURN ' AND NOT EXISTS (SELECT FROM archived_order o
		WHERE same_customer(o.customer_id, u.customer_id) AND o.order_key = u.order_key)';
END
$$;

--: The query for all purchases of a workspace (customer_id, purchased_on, amount and profit), or
--: for those of the customers in the array $1.
CREATE FUNCTION crm_internal.purchase_query(on_workers boolean DEFAULT false,
	of_some boolean DEFAULT false) RETURNS text
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	settings jsonb := (SELECT to_jsonb(w) FROM workspace w);
	usable text;
BEGIN
	IF settings ->> 'source' IS NULL THEN
		RETURN 'SELECT p.customer_id, p.purchased_on, p.amount, p.profit FROM purchase_source p';
	END IF;
	usable := crm_internal.usable_row_query(on_workers, of_some);
	RETURN format('SELECT p.customer_id, p.purchased_on, p.amount, p.profit
		  FROM (SELECT u.customer_id, u.purchased_on, u.amount, u.profit FROM (%s) u %s) p',
		usable, CASE WHEN settings ->> 'order_column' IS NOT NULL THEN
			format('WHERE u.order_key IS NULL OR u.amount < 0
				UNION ALL
				SELECT u.customer_id, min(u.purchased_on), sum(u.amount), sum(u.profit)
				  FROM (%s) u WHERE u.order_key IS NOT NULL AND u.amount >= 0%s
				 GROUP BY u.customer_id, u.order_key', usable,
				crm_internal.not_archived_order(on_workers)) END);
END
$$;

/* Only histories travel from the workers of Citus. Each builds those of its shards. */
--: Histories of customers in a distributed source, or of everybody (NULL), without the archived
--: part. The keys have the type of the column.
CREATE FUNCTION crm_internal.histories_on_workers(customers anyarray)
	RETURNS TABLE (customer_id anyelement, history crm.history, profit_history crm.history,
		has_profit boolean)
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT p.customer_id,
				crm_internal.bounded_history_agg(p.purchased_on, p.amount),
				crm_internal.bounded_history_agg(p.purchased_on, p.profit), count(p.profit) > 0
		  FROM (%s) p
		 GROUP BY p.customer_id', crm_internal.purchase_query(true, customers IS NOT NULL))
		USING customers;
END
$$;

--: The type of the customer in the source, or in the orders of a workspace with tables.
CREATE FUNCTION crm_internal.source_key_type() RETURNS text
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT format_type(a.atttypid, a.atttypmod)
			  FROM workspace w
			  JOIN pg_attribute a ON a.attrelid = coalesce(w.source, to_regclass('sales_order'))
				AND a.attname = coalesce(w.customer_column, 'customer_id'));
END
$$;

-- The keys of some customers are the parameter of the query.
--: The query for the rows of full_history, or for those of some customers, where workers build the
--: histories.
CREATE FUNCTION crm_internal.fresh_histories_query(key_type text, of_some boolean) RETURNS text
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT format('SELECT %2$s::%1$s, m.history, m.profit_history,
			CASE WHEN m.history IS NULL
				  AND (h.customer_id IS NOT NULL OR a.customer_id IS NOT NULL)
				 THEN ''amounts of the customer are out of range''
				 WHEN m.profit_history IS NULL AND (h.has_profit OR a.profit_history IS NOT NULL)
				 THEN ''profits of the customer are out of range'' END
		  FROM %3$s
		 CROSS JOIN LATERAL (
			SELECT CASE WHEN h.history IS NOT NULL OR h.customer_id IS NULL
						THEN crm_internal.bounded_merge(a.history, h.history) END AS history,
				   CASE WHEN h.profit_history IS NOT NULL OR h.has_profit IS NOT TRUE
						THEN crm_internal.bounded_merge(a.profit_history, h.profit_history)
						END AS profit_history) m',
		key_type,
		CASE WHEN of_some THEN 'c.customer_id' ELSE 'coalesce(h.customer_id, a.customer_id)' END,
		format(CASE WHEN of_some
			THEN 'unnest($1) AS c (customer_id)
		  LEFT JOIN crm_internal.histories_on_workers($1::%1$s[]) h
			ON same_customer(h.customer_id, c.customer_id)
		  LEFT JOIN archived_history a ON same_customer(a.customer_id, c.customer_id)'
			ELSE 'crm_internal.histories_on_workers(NULL::%1$s[]) h
		  FULL JOIN archived_history a ON same_customer(a.customer_id, h.customer_id)' END,
			format_type(c.atttypid, c.atttypmod)))
	  FROM workspace w
	  JOIN pg_attribute c ON c.attrelid = w.source AND c.attname = w.customer_column);
END
$$;

--: The rows of recompute where workers build the histories, and none elsewhere.
CREATE FUNCTION crm_internal.recompute_on_workers(customers anyarray)
	RETURNS TABLE (customer_id anyelement, history crm.history, profit_history crm.history,
		fault text)
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF NOT crm_internal.is_built_on_workers() THEN
		RETURN;
	END IF;
	RETURN QUERY EXECUTE crm_internal.fresh_histories_query(
		(SELECT format_type(t.typelem, -1) FROM pg_type t WHERE t.oid = pg_typeof(customers)), true)
		USING customers;
END
$$;

/*
 * crm.build_histories makes the histories of everybody in a fraction of the time of
 * GROUP BY. It stops at a customer whose amounts are out of range. Then full_history
 * does it slowly, and names that customer. No other error of that kind may come once
 * there are rows, because they would stay among those of full_history. So a customer
 * whose amounts are out of range only together with the archived part is a row with
 * a fault, here and wherever the two parts are joined (crm_internal.bounded_merge).
 *
 * The function is STABLE, so the facts are seen at the moment of the calling statement,
 * which takes the notes away. Names mean the objects of the workspace, by the search
 * path of the caller.
 */
--: The rows of full_history, whose row type the argument has.
CREATE FUNCTION crm_internal.fresh_histories(row_type anyelement) RETURNS SETOF anyelement
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	archive regclass := to_regclass('archived_history');
	key_type text;
BEGIN
	SELECT format_type(a.atttypid, a.atttypmod) INTO key_type FROM pg_attribute a
	 WHERE a.attrelid = 'purchase_source'::regclass AND a.attname = 'customer_id';
	IF crm_internal.is_built_on_workers() THEN
		RETURN QUERY EXECUTE crm_internal.fresh_histories_query(key_type, false);
		RETURN;
	END IF;
	RETURN QUERY EXECUTE format($query$SELECT %s
		  FROM crm.build_histories(%L)
			AS b (customer_id %s, history crm.history, profit_history crm.history)%s$query$,
		CASE WHEN archive IS NULL THEN 'b.customer_id, b.history, b.profit_history, NULL::text'
			ELSE 'coalesce(b.customer_id, a.customer_id), m.history, m.profit_history,
				CASE WHEN m.history IS NULL THEN ''amounts of the customer are out of range''
					 WHEN m.profit_history IS NULL
					  AND num_nonnulls(a.profit_history, b.profit_history) > 0
					 THEN ''profits of the customer are out of range'' END' END,
		crm_internal.purchase_query(), key_type,
		CASE WHEN archive IS NOT NULL THEN
			' FULL JOIN archived_history a ON same_customer(a.customer_id, b.customer_id)
			  CROSS JOIN LATERAL (
				SELECT crm_internal.bounded_merge(a.history, b.history) AS history,
					   crm_internal.bounded_merge(a.profit_history, b.profit_history)
						AS profit_history) m' END);
EXCEPTION WHEN numeric_value_out_of_range THEN
	RETURN QUERY SELECT * FROM full_history;
END
$$;

--: Fills an empty customer_history, and returns how many customers and purchases it holds.
CREATE FUNCTION crm_internal.refresh_first(OUT customers bigint, OUT purchases bigint)
	RETURNS record
	LANGUAGE plpgsql AS $$
BEGIN
	WITH done AS (
		DELETE FROM customer_change
	), done_everyone AS (
		DELETE FROM everyone_change
	), fresh AS (
		SELECT * FROM crm_internal.fresh_histories(NULL::full_history)
	), rejected AS (
		INSERT INTO rejected_customer (customer_id, reason)
		SELECT f.customer_id, f.fault FROM fresh f WHERE f.fault IS NOT NULL
	), stored AS (
		INSERT INTO customer_history (customer_id, history, profit_history, first_ordered_at,
			first_campaign_id)
		SELECT f.customer_id, f.history, f.profit_history, o.ordered_at, o.campaign_id
		  FROM fresh f
		 CROSS JOIN LATERAL first_order(f.customer_id, crm.first_day(f.history)) o
		 WHERE f.history IS NOT NULL
		 ORDER BY f.customer_id -- the primary key fills from one end
		RETURNING history
	)
	SELECT count(*), coalesce(sum(crm.purchases(history)), 0)::bigint
	  FROM stored INTO customers, purchases;
	ANALYZE customer_history;
END
$$;

--: Computes all histories anew, and returns how many customers and purchases they hold. Rows that
--: did not change are not written.
CREATE FUNCTION crm_internal.refresh_again(OUT customers bigint, OUT purchases bigint)
	RETURNS record
	LANGUAGE plpgsql AS $$
BEGIN
	WITH done AS (
		DELETE FROM customer_change
	), done_everyone AS (
		DELETE FROM everyone_change
	), fresh AS MATERIALIZED (
		SELECT * FROM crm_internal.fresh_histories(NULL::full_history)
	), gone AS (
		DELETE FROM customer_history h
		 WHERE NOT EXISTS (SELECT FROM fresh WHERE same_customer(fresh.customer_id, h.customer_id)
							AND fresh.history IS NOT NULL)
	), rejected AS (
		INSERT INTO rejected_customer (customer_id, reason)
		SELECT f.customer_id, f.fault FROM fresh f WHERE f.fault IS NOT NULL
	), stored AS (
		INSERT INTO customer_history AS h (customer_id, history, profit_history,
			first_ordered_at, first_campaign_id)
		SELECT f.customer_id, f.history, f.profit_history, o.ordered_at, o.campaign_id
		  FROM fresh f
		 CROSS JOIN LATERAL first_order(f.customer_id, crm.first_day(f.history)) o
		 WHERE f.history IS NOT NULL
		ON CONFLICT (customer_id) DO UPDATE
		SET history = EXCLUDED.history, profit_history = EXCLUDED.profit_history,
			refreshed_at = EXCLUDED.refreshed_at, first_ordered_at = EXCLUDED.first_ordered_at,
			first_campaign_id = EXCLUDED.first_campaign_id
		WHERE h.history OPERATOR(crm.<>) EXCLUDED.history
		   OR num_nulls(h.profit_history, EXCLUDED.profit_history) = 1
		   OR h.profit_history OPERATOR(crm.<>) EXCLUDED.profit_history
		   OR (h.first_ordered_at, h.first_campaign_id)
				IS DISTINCT FROM (EXCLUDED.first_ordered_at, EXCLUDED.first_campaign_id)
	)
	SELECT count(*), coalesce(sum(crm.purchases(fresh.history)), 0)::bigint
	  FROM fresh INTO customers, purchases;
END
$$;

--: The moment $1 as a value of a column of a type, where a literal names the zone.
CREATE FUNCTION crm_internal.moment_as(type regtype, zone text) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT
	RETURN CASE type WHEN 'timestamptz'::regtype THEN '$1'
		WHEN 'timestamp'::regtype THEN '$1 AT TIME ZONE ' || zone
		ELSE '($1 AT TIME ZONE ' || zone || ')::date' END;

/*
 * A column of the source may say when a row was written last. A row can be seen
 * only once its transaction has committed, and then it says an earlier moment. So
 * each look begins before the newest row that was seen, by the setting late_by. The
 * newest row counts, because the clock may be that of another server. Once a look
 * comes late_by after the first sight of that row, no earlier one can follow, and
 * the next look begins behind it. A moment to come counts for nothing, so that one
 * wrong row hides no others. Rows that say nothing are looked at each time. The
 * filter does not matter: a row may have left it. Notes get the moment of this
 * server, because the default would be that of a worker beside a distributed source.
 * The search path is that of the workspace.
 */
--: Remembers the newest row of a source with a column for changes. Before that, it may note the
--: customers of rows written since the row that was remembered.
CREATE FUNCTION crm_internal.follow_changed_rows(noting boolean) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	w record;
	zone text;
	moment text; -- $1 as a value of the column
	step interval; -- between two values of the column
	newest timestamptz;
	looked_at timestamptz := clock_timestamp();
BEGIN
	SELECT s.*, a.atttypid AS its_type INTO w FROM workspace s
	  JOIN pg_attribute a ON a.attrelid = s.source AND a.attname = s.changed_at_column;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	zone := quote_literal(coalesce(w.at_time_zone, w.time_zone));
	step := CASE w.its_type WHEN 'date'::regtype THEN '1 day' ELSE '1 microsecond' END;
	moment := crm_internal.moment_as(w.its_type, zone);
	EXECUTE format('SELECT %s FROM (SELECT max(s.%2$I) AS %2$I FROM %3$s s WHERE s.%2$I <= %4$s)
			AS source',
		(SELECT replace(a.purchased_at, 'crm_zone.crm_time_zone', zone)
		   FROM crm_internal.workspace_at(w.source, w.changed_at_column, w.at_time_zone) a),
		w.changed_at_column, crm_internal.full_name(w.source), moment)
	   INTO newest USING looked_at;
	-- Rows may say any moment, but the table of settings takes none before the year 1.
	newest := CASE WHEN newest < '0001-01-01 00:00+00' THEN '-infinity' ELSE newest END;
	IF noting THEN
		EXECUTE format('INSERT INTO customer_change (customer_id, changed_at)
			SELECT DISTINCT s.%1$I, $2 FROM %2$s s
			 WHERE (s.%3$I >= %4$s OR s.%3$I IS NULL) AND crm_internal.key_fits(s.%1$I)',
			w.customer_column, crm_internal.full_name(w.source), w.changed_at_column, moment)
			USING (w.seen_until AT TIME ZONE 'UTC' + CASE WHEN isfinite(w.seen_at) THEN -w.late_by
				ELSE step END) AT TIME ZONE 'UTC', now();
	END IF;
	UPDATE workspace SET seen_until = coalesce(newest, w.seen_until),
		seen_at = CASE WHEN newest <> coalesce(w.seen_until, 'infinity') THEN looked_at
					   WHEN looked_at > w.seen_at + w.late_by + step THEN '-infinity'
					   ELSE w.seen_at END;
END
$$;

-- Returns customers and purchases.
--: Recomputes and stores the histories of all customers in one pass, in the transaction of the
--: caller.
CREATE FUNCTION crm_internal.refresh_everyone(workspace text, OUT customers bigint,
	OUT purchases bigint) RETURNS record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM crm_internal.workspace_enter_alone(workspace);
	PERFORM crm_internal.keep_parts(), -- before the facts are read
			crm_internal.follow_changed_rows(false);
	DELETE FROM rejected_customer;
	IF EXISTS (SELECT FROM customer_history) THEN
		SELECT f.* INTO customers, purchases FROM crm_internal.refresh_again() f;
	ELSE
		SELECT f.* INTO customers, purchases FROM crm_internal.refresh_first() f;
	END IF;
END
$$;

/*
 * A run commits its batches, so its row cannot tell whether somebody still works on it. A
 * lock can, which ends with its transaction, whatever ends that. It excludes nobody, and
 * nobody waits for it. Everybody may look at locks. A maintainer has no right to the schema,
 * so the log is looked up by its name.
 */
--: Marks the row of a run in a log of a workspace as worked on until the transaction ends.
CREATE FUNCTION crm_internal.mark_run(workspace text, log text, run bigint) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM pg_try_advisory_xact_lock_shared(c.oid::integer, (run & 2147483647)::integer)
	   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
	  WHERE n.nspname = mark_run.workspace AND c.relname = mark_run.log;
END
$$;

--: Whether a transaction works on the row of a run in a table.
CREATE FUNCTION crm_internal.is_marked_run(its_table oid, run bigint) RETURNS boolean
	LANGUAGE sql STRICT
BEGIN ATOMIC
	SELECT EXISTS (SELECT FROM pg_locks l
					WHERE l.locktype = 'advisory' AND l.objsubid = 2 -- has two numbers
					  AND l.classid = its_table AND l.objid::bigint = (run & 2147483647)
					  AND l.database = (SELECT d.oid FROM pg_database d
										 WHERE d.datname = current_database()));
END;

-- Less than a second after a batch the next one may not have begun.
--: Where a run in a log stands: finished, running, interrupted, or NULL where nobody knows.
CREATE FUNCTION crm_internal.run_state(its_table oid, run bigint, finished_at timestamptz,
	updated_at timestamptz) RETURNS text
	LANGUAGE sql
	RETURN CASE WHEN finished_at IS NOT NULL THEN 'finished'
				WHEN pg_is_in_recovery() THEN NULL
				WHEN updated_at > clock_timestamp() - interval '1 second'
					OR crm_internal.is_marked_run(its_table, run) THEN 'running'
				ELSE 'interrupted' END;

CREATE FUNCTION crm_internal.refresh_start_as_owner(workspace text, "full" boolean, OUT run bigint,
	OUT everyone boolean, OUT before timestamptz) RETURNS record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
BEGIN
	PERFORM crm_internal.workspace_enter(workspace);
	IF EXISTS (SELECT FROM workspace) THEN
		PERFORM crm_internal.workspace_lock(workspace);
		PERFORM crm_internal.workspace_follow(workspace);
	END IF;
	before := clock_timestamp();
	SELECT coalesce("full", false) OR NOT EXISTS (SELECT FROM customer_history)
		OR EXISTS (SELECT FROM everyone_change)
		OR (w.source IS NOT NULL
			AND CASE WHEN w.changed_at_column IS NULL
					 THEN NOT EXISTS (SELECT FROM crm_internal.workspace_sources(w.source, NULL))
					 ELSE w.seen_until IS NULL END)
	  INTO everyone FROM workspace w;
	IF everyone IS NULL THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('the table "workspace" of "%s" is empty', workspace),
			HINT = 'It must hold the one row with the settings.';
	END IF;
	IF NOT everyone THEN
		PERFORM crm_internal.follow_changed_rows(true);
	END IF;
	INSERT INTO refresh_run (is_full, started_at, updated_at) VALUES (everyone, before, before)
	RETURNING run_id INTO run;
	PERFORM crm_internal.mark_run(workspace, 'refresh_run', run);
END
$$;

--: Enters a run of crm.refresh into refresh_run and says whether it must recompute everyone: when
--: asked to, when nothing is stored yet, when everyone is noted as changed, or when nothing tells
--: what changed in the source. Notes what a column of the source tells.
CREATE FUNCTION crm_internal.refresh_start(workspace text, "full" boolean, OUT run bigint,
	OUT everyone boolean, OUT before timestamptz) RETURNS record
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_maintainer';

/*
 * One bad row stops a batch, or all. The error of the server does not say whose it is. The
 * rows of a customer are looked up by the index of the source, because a scan may also
 * compute the rows of others.
 */
--: Whether the history of a customer can be computed.
CREATE FUNCTION crm_internal.can_compute(customer anyelement) RETURNS boolean
	LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
	PERFORM crm_internal.bounded_history_agg(p.purchased_on, p.amount),
			crm_internal.bounded_history_agg(p.purchased_on, p.profit)
	   FROM purchase_source p WHERE same_customer(p.customer_id, customer);
	RETURN true;
EXCEPTION WHEN OTHERS THEN
	RETURN false;
END
$$;

/*
 * Where the view itself fails, or each scan meets the bad row, anybody would be named. So a
 * customer is named only where the history of somebody else can be computed: of one of the
 * next customers, or of one who is stored.
 */
--: The first customer among some whose history cannot be computed. NULL where there is none, where
--: nobody's can be, or where the search takes longer than half a minute.
CREATE FUNCTION crm_internal.customer_at_fault(customers anyarray) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	deadline timestamptz := clock_timestamp() + interval '30 seconds';
	customer_no integer;
BEGIN
	FOR n IN 1..cardinality(customers) LOOP
		IF clock_timestamp() > deadline THEN
			RETURN NULL;
		ELSIF NOT crm_internal.can_compute(customers[n]) THEN
			customer_no := n;
			EXIT;
		END IF;
	END LOOP;
	IF customer_no IS NULL THEN
		RETURN NULL;
	END IF;
	customers := customers[customer_no:customer_no + 3] || ARRAY(
		SELECT h.customer_id FROM customer_history h
		 WHERE NOT same_customer(h.customer_id, customers[customer_no]) LIMIT 3);
	FOR n IN 2..cardinality(customers) LOOP
		IF crm_internal.can_compute(customers[n]) THEN
			RETURN customers[1]::text;
		END IF;
	END LOOP;
	RETURN NULL;
END
$$;

--: The customer at whose rows a step of crm.refresh failed, or NULL where that is not known.
CREATE FUNCTION crm_internal.refresh_fault(workspace text, everyone boolean, before timestamptz)
	RETURNS text
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	customer text;
BEGIN
	PERFORM crm_internal.workspace_enter(workspace);
	IF everyone THEN
		EXECUTE (SELECT format('SELECT crm_internal.customer_at_fault(ARRAY(
					SELECT DISTINCT s.%I FROM %s s WHERE crm_internal.key_fits(s.%1$I)))',
				coalesce(w.customer_column, 'customer_id'),
				coalesce(crm_internal.full_name(w.source), 'sales_order'))
			FROM workspace w) INTO customer;
	ELSE
		customer := (SELECT crm_internal.customer_at_fault(ARRAY(
			SELECT DISTINCT c.customer_id FROM customer_change c WHERE c.changed_at <= before
			 ORDER BY c.customer_id))); -- those of the batch are the first ones
	END IF;
	RETURN customer;
EXCEPTION WHEN OTHERS THEN
	RETURN NULL; -- the error of the refresh tells more
END
$$;

-- The error of a lock, of the disk or of a query that no longer fits is that of no customer.
--: The work of one transaction of crm.refresh. An error names the customer at whose rows it came.
CREATE FUNCTION crm_internal.refresh_once(workspace text, everyone boolean, batch integer,
	before timestamptz, OUT customers bigint, OUT purchases bigint) RETURNS record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	state text;
	message text;
	its_detail text;
	its_hint text;
	customer text;
BEGIN
	IF everyone THEN
		SELECT f.* INTO customers, purchases FROM crm_internal.refresh_everyone(workspace) f;
	ELSE
		SELECT f.* INTO customers, purchases
		  FROM crm_internal.refresh_changed(workspace, batch, before) f;
	END IF;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		its_detail = PG_EXCEPTION_DETAIL, its_hint = PG_EXCEPTION_HINT;
	IF left(state, 2) = ANY ('{21,22,23,38,39,54,P0}') THEN
		customer := crm_internal.refresh_fault(workspace, everyone, before);
	END IF;
	IF customer IS NULL THEN
		RAISE;
	END IF;
	RAISE EXCEPTION USING ERRCODE = state, MESSAGE = message,
		HINT = coalesce(nullif(its_hint, ''), 'Look at the rows of that customer.'),
		DETAIL = concat_ws(' ', nullif(its_detail, ''),
			format('The history of customer %s cannot be computed.', customer));
END
$$;

/*
 * Somebody may delete the row of the run, or make the workspace anew under its name,
 * before the next step. Then the run goes on and is not noted. A new workspace has runs
 * of the same keys, but none of this moment.
 */
CREATE FUNCTION crm_internal.refresh_step_as_owner(workspace text, run bigint, everyone boolean,
	batch integer, before timestamptz) RETURNS boolean
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	step record;
	so_far record;
	finished boolean;
BEGIN
	PERFORM crm_internal.mark_run(workspace, 'refresh_run', run);
	SELECT * INTO step FROM crm_internal.refresh_once(workspace, everyone, batch, before);
	finished := everyone OR step.customers < batch;
	PERFORM crm_internal.workspace_enter(workspace);
	UPDATE refresh_run r
	   SET customers = r.customers + step.customers,
		   purchases = r.purchases + step.purchases,
		   updated_at = clock_timestamp(),
		   finished_at = CASE WHEN finished THEN clock_timestamp() END,
		   remaining = CASE WHEN finished THEN 0
							ELSE (SELECT count(DISTINCT c.customer_id) FROM customer_change c
								WHERE c.changed_at <= before) END
	 WHERE r.run_id = run AND r.started_at = before
	RETURNING r.customers, r.remaining, extract(epoch FROM r.updated_at - r.started_at) AS seconds
	  INTO so_far;
	IF FOUND AND NOT finished THEN
		RAISE NOTICE 'refresh of "%": % customers done, % to do, % s', workspace, so_far.customers,
			so_far.remaining, round(so_far.seconds, 1);
	END IF;
	RETURN finished;
END
$$;

-- True when nothing is left to do.
--: One transaction of crm.refresh: a batch, and the run's row in refresh_run.
CREATE FUNCTION crm_internal.refresh_step(workspace text, run bigint, everyone boolean,
	batch integer, before timestamptz) RETURNS boolean
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_maintainer';

/*
 * Looking back needs thresholds of then. They are made once, for at most a year of
 * months, and for fewer where there are many customers: each costs a look at all.
 * The year ends with the month of the last purchase, because orders may end years ago.
 */
--: Freezes the first thresholds of a workspace: those of today and of past ends of months.
CREATE FUNCTION crm_internal.first_thresholds(workspace text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	today date := (SELECT least(d.day, crm_internal.today(w.time_zone))
		FROM shown_day d, workspace w);
	first_day date;
	last_day date;
	customers bigint;
	months integer;
BEGIN
	SELECT min(crm.first_day(h.history)), max(crm.last_day(h.history, today)), count(*)
	  INTO first_day, last_day, customers
	  FROM customer_history h;
	IF first_day <= today THEN
		PERFORM crm.freeze_thresholds(workspace, today);
		months := least(12, 500000 / greatest(customers, 1));
		PERFORM crm.freeze_thresholds(workspace, m.day)
		   FROM (SELECT (e.month - n * interval '1 month')::date - 1 AS day
				   FROM (SELECT least(date_trunc('month', today::timestamp),
									  date_trunc('month', last_day::timestamp)
									  + interval '1 month') AS month) e,
						generate_series(0, months - 1) n) m
		  WHERE m.day >= first_day;
	END IF;
END
$$;

/*
 * Orders that end long before the day shown make every customer look lost. One
 * recent purchase answers the question, so few histories are read as a rule.
 */
--: A NOTICE where no day is set and the last purchase is older than 30 days and three usual gaps.
CREATE FUNCTION crm_internal.say_last_purchase(workspace text, day date) RETURNS void
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	usual_gap float8 := (SELECT (t.usual_gaps ->> 'all')::float8 FROM threshold t
						  WHERE t.as_of <= day ORDER BY t.as_of DESC LIMIT 1);
	since date := day - greatest(30, floor(3 * usual_gap))::integer;
	last_day date;
BEGIN
	IF crm_internal.as_of_setting() IS NOT NULL
		OR EXISTS (SELECT FROM purchase_history h WHERE crm.last_day(h.history, day) >= since) THEN
		RETURN;
	END IF;
	SELECT max(crm.last_day(h.history, day)) INTO last_day FROM purchase_history h;
	IF last_day IS NOT NULL THEN
		RAISE NOTICE USING
			MESSAGE = format('the last purchase of workspace "%s" is of %s, long before today',
				workspace, to_char(last_day, 'YYYY-MM-DD')),
			DETAIL = 'As of today nearly all customers look lost.',
			HINT = format('SET crm.as_of = %L shows the customers as of the last purchase.',
				to_char(last_day, 'YYYY-MM-DD'));
	END IF;
END
$$;

CREATE FUNCTION crm_internal.refresh_finish_as_owner(workspace text, run bigint,
	before timestamptz, OUT customers bigint, OUT purchases bigint, OUT seconds float8)
	RETURNS record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
BEGIN
	PERFORM crm_internal.workspace_enter(workspace);
	IF NOT EXISTS (SELECT FROM threshold) THEN
		PERFORM crm_internal.first_thresholds(workspace);
	END IF;
	PERFORM crm_internal.say_last_purchase(workspace, (SELECT d.day FROM shown_day d));
	SELECT r.customers, r.purchases, extract(epoch FROM r.updated_at - r.started_at)::float8
	  INTO customers, purchases, seconds
	  FROM refresh_run r WHERE r.run_id = run AND r.started_at = before;
END
$$;

--: The end of crm.refresh: makes the first thresholds where there are none, and returns what the
--: run did. That is not known where the row of the run is gone.
CREATE FUNCTION crm_internal.refresh_finish(workspace text, run bigint, before timestamptz,
	OUT customers bigint, OUT purchases bigint, OUT seconds float8) RETURNS record
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_maintainer';

/*
 * A procedure that commits can have no SET: every name is qualified. Whatever
 * the default isolation, each transaction is READ COMMITTED, so that a batch
 * sees what was committed while it waited for the lock. That must be said
 * before the transaction's first query.
 */
--: Behind crm.refresh.
CREATE PROCEDURE crm_internal.refresh(workspace text, "full" boolean, batch integer,
	INOUT customers bigint, INOUT purchases bigint, INOUT seconds float8)
	LANGUAGE plpgsql AS $$
DECLARE
	run bigint;
	everyone boolean;
	before timestamptz;
	finished boolean := false;
BEGIN
	IF batch IS NULL OR batch OPERATOR(pg_catalog.<) 1 OR batch OPERATOR(pg_catalog.>) 1000000 THEN
		RAISE invalid_parameter_value USING
			MESSAGE = pg_catalog.format('batch is %s', coalesce(batch::pg_catalog.text, 'NULL')),
			DETAIL = 'It is the number of customers of a transaction, from 1 to 1000000.';
	END IF;
	COMMIT;
	SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
	SELECT s.run, s.everyone, s.before INTO run, everyone, before
		FROM crm_internal.refresh_start(workspace, "full") s;
	LOOP
		COMMIT;
		SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
		EXIT WHEN finished;
		finished := crm_internal.refresh_step(workspace, run, everyone, batch, before);
	END LOOP;
	SELECT f.customers, f.purchases, f.seconds INTO customers, purchases, seconds
		FROM crm_internal.refresh_finish(workspace, run, before) f;
	COMMIT;
END
$$;

--| Recomputes the customers that changed since the last refresh, in transactions of `batch`
--| customers. Each transaction is complete. So a refresh can be canceled at any moment and called
--| again, and two at once are safe. Writers are not blocked. The views are right before, during and
--| after a refresh, which only makes them faster.
--|
--| Everybody is recomputed in one pass with full => true, on the first call, after a TRUNCATE, and
--| for sources with neither triggers nor a column `changed_at`.
--|
--| Where there are no RFM thresholds yet, the refresh makes them as of the day shown, and of the
--| ends of up to 12 months before. Where crm.as_of is not set, a NOTICE tells of a last purchase
--| that is older than 30 days and than three times the usual days between purchases.
--|
--| Where the rows of one customer raise an error, its detail names the customer.
--|
--| Returns the number of customers recomputed, of their purchases, and the seconds it took. The
--| view refresh_progress shows all runs, and which of them were interrupted. A refresh commits, so
--| it cannot be called inside a transaction block.
CREATE PROCEDURE crm.refresh(workspace text, "full" boolean DEFAULT false,
	batch integer DEFAULT 10000,
	INOUT customers bigint DEFAULT NULL, INOUT purchases bigint DEFAULT NULL,
		INOUT seconds float8 DEFAULT NULL)
	AS 'MODULE_PATHNAME', 'crm_as_procedure' LANGUAGE C;
COMMENT ON PROCEDURE crm.refresh(text, boolean, integer, bigint, bigint, float8) IS
'Brings the stored histories of a workspace up to date: CALL crm.refresh(''sales'').';
