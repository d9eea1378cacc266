/*
 * settle
 *
 * Settling the points of orders in a workspace. Views of the workspace say what is
 * due, what is booked and which entries are missing (sql/workspace/points.sql).
 * This module writes the missing entries.
 *
 * Two calls at once would book twice. So a call takes the lock of maintenance,
 * and sees what was committed before it got the lock. A transaction of the level
 * REPEATABLE READ or SERIALIZABLE would not see that, so it is refused.
 */

-- The search path is that of the workspace.
--: The day of a settlement; an error where it lies ahead, or where the transaction may not settle.
CREATE FUNCTION crm_internal.settle_day(as_of date) RETURNS date
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	as_of := coalesce(as_of, (SELECT d.day FROM shown_day d));
	PERFORM crm_internal.program_day(as_of);
	PERFORM crm_internal.check_day(as_of, NULL);
	PERFORM crm_internal.refuse_old_snapshot('points cannot be settled',
		'It would not see what another settlement wrote a moment ago.');
	RETURN as_of;
END
$$;

/*
 * Two processes look, each at half of the orders: the server shares the parts of a UNION ALL.
 * Within a part all is read in the order of keys by one process. So the settings keep the
 * planner from sharing the scan of a table, which would take the second process, and from
 * grouping by hash, which takes twice the time. A plan is made for each call, because the
 * middle says how many orders a part has. A few orders are not worth a second process, and
 * then the largest number leaves nothing to it.
 */
--: The rows of order_mismatch as of a day, for the view of that name and its table of orders.
CREATE FUNCTION crm_internal.found_mismatch(mismatch regclass, orders regclass, as_of date)
	RETURNS TABLE (order_id bigint, program text, customer_id bigint, ordered_at timestamptz,
		points numeric, is_paid boolean, is_new boolean)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
	SET plan_cache_mode = force_custom_plan
	SET enable_nestloop = on SET enable_hashagg = off
	SET min_parallel_table_scan_size = '5TB' SET min_parallel_index_scan_size = '5TB' AS $$
DECLARE
	order_count bigint := (SELECT c.reltuples FROM pg_class c WHERE c.oid = orders);
	middle bigint := 9223372036854775807;
BEGIN
	PERFORM set_config('search_path', format('%I, %I, pg_temp',
		(SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			  WHERE c.oid = orders),
		(SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			  WHERE c.oid = mismatch)), true);
	IF order_count > 10000 THEN
		middle := coalesce((SELECT o.order_id FROM sales_order o ORDER BY o.order_id
							OFFSET order_count / 2 FETCH FIRST ROW ONLY), middle);
	END IF;
	RETURN QUERY
	SELECT m.* FROM order_mismatch_at(as_of, '-9223372036854775808', middle) m
	UNION ALL
	SELECT m.* FROM order_mismatch_at(as_of, middle, '9223372036854775807') m
	 WHERE m.order_id > middle;
END
$$;

/* Foreign keys of many rows */

/*
 * INSERT does more than to check keys where the table has triggers, rules or policies of
 * somebody. It does so too where a key can be deferred, matches otherwise, or belongs to
 * tables of several owners. For such a table the result is NULL. Else it has two texts for
 * each key: its name, and a query that locks the parents of new_rows and returns a row
 * where a parent is missing. Parents are locked by their keys, as others do who change
 * several of them.
 *
 * session_replication_role and disabled triggers say that keys are not to be checked. Then
 * INSERT knows what to do.
 */
--: The checks of the foreign keys of rows with these columns that are inserted into a table.
CREATE FUNCTION crm_internal.key_checks(target regclass, columns text[]) RETURNS text[]
	LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH found AS (
		SELECT t.tgname, k.conname,
			   t.tgisinternal AND t.tgenabled = 'O' AND k.contype = 'f' AND NOT k.condeferrable
			   AND k.confmatchtype = 's' AND (to_jsonb(k) ->> 'conperiod') IS DISTINCT FROM 'true'
			   AND p.relkind = 'r' AND NOT p.relforcerowsecurity AND p.relowner = c.relowner
			   AND q.known AS is_plain,
			   format('WITH wanted AS MATERIALIZED (SELECT DISTINCT %s FROM new_rows n WHERE %s) '
				'SELECT WHERE (SELECT count(*) FROM (SELECT FROM ONLY %s p '
				'WHERE EXISTS (SELECT FROM wanted n WHERE %s) ORDER BY %s FOR KEY SHARE OF p) f) '
				'<> (SELECT count(*) FROM wanted)', q.columns, q.conditions, p.oid::regclass,
				q.equal, q.parent_columns) AS query
		  FROM pg_class c
		  JOIN pg_trigger t ON t.tgrelid = c.oid AND t.tgtype & 4 <> 0
		  LEFT JOIN pg_constraint k ON k.oid = t.tgconstraint AND k.conrelid = c.oid
		  LEFT JOIN pg_class p ON p.oid = k.confrelid
		 CROSS JOIN LATERAL (
			SELECT string_agg(format('n.%I', a.attname), ', ' ORDER BY u.n) AS columns,
				   string_agg(format('p.%I', b.attname), ', ' ORDER BY u.n) AS parent_columns,
				   string_agg(format('n.%I IS NOT NULL', a.attname), ' AND ') AS conditions,
				   string_agg(format('p.%I OPERATOR(%I.%s) n.%I', b.attname, s.nspname,
					o.oprname, a.attname), ' AND ') AS equal,
				   bool_and(a.attname = ANY (key_checks.columns)) AS known
			  FROM unnest(k.conkey, k.confkey, k.conpfeqop)
					WITH ORDINALITY AS u (child, parent, operator, n)
			  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.child
			  JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.parent
			  JOIN pg_operator o ON o.oid = u.operator
			  JOIN pg_namespace s ON s.oid = o.oprnamespace) q
		 WHERE c.oid = target
	)
	SELECT CASE WHEN c.relkind = 'r' AND NOT c.relispartition AND NOT c.relrowsecurity
				 AND NOT EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid)
				 AND current_setting('session_replication_role') = 'origin'
				 AND NOT EXISTS (SELECT FROM found f WHERE f.is_plain IS NOT TRUE)
				THEN ARRAY(SELECT u.text FROM found f,
						LATERAL unnest(ARRAY[f.conname::text, f.query])
							WITH ORDINALITY AS u (text, n)
					ORDER BY f.conname, u.n) END
	  FROM pg_class c
	 WHERE c.oid = target;
END;

-- The function runs both queries with the rights of the caller, who must own the table.
--: Inserts the rows of a query into a table of the caller as INSERT does, but checks each foreign
--: key of them in one query. Returns the one row of another query, which reads them as new_rows.
CREATE FUNCTION crm_internal.insert_rows(target regclass, rows text, answer text) RETURNS record
	LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'crm_insert_rows';

/* Writing */

-- OFFSET 0 keeps the days apart, so that each is computed once for an entry.
--: A query for the entries that are missing as of a day, with the days of their programs.
CREATE FUNCTION crm_internal.missing_with_days(as_of date) RETURNS text
	LANGUAGE sql STABLE STRICT
	RETURN format($query$
		SELECT d.*,
			   CASE WHEN d.points_available_after > interval '0'
					THEN (d.earned_on + d.points_available_after)::date END AS available_on,
			   (d.earned_on + d.points_expire_after)::date AS expires_on
		  FROM (SELECT q.*, s.points_available_after, s.points_expire_after, z.time_zone,
					   CASE WHEN q.kind = 'earn'
							THEN crm_internal.day_of(q.occurred_at, z.time_zone) END AS earned_on
				  FROM missing_points_at(%L) q
				  JOIN program s ON s.program = q.program
				 CROSS JOIN LATERAL (
					SELECT coalesce(s.time_zone, (SELECT w.time_zone FROM workspace w))
						AS time_zone) z
				OFFSET 0) d
		OFFSET 0$query$, to_char(as_of, 'YYYY-MM-DD'));

/*
 * Entries that no fact dates get the moment. The planner does not know how many orders have
 * something to settle. It would expect few, choose nested loops, and compare each entry with
 * each other one. It would also group by hash, which takes twice the time here.
 *
 * Entries are written in the order of their orders. So the index on orders grows at its
 * end. The moment is a part of the query, so its text must not depend on the session.
 *
 * Who deletes an order deletes its entries first. A settlement that waited for an entry
 * could hold the order meanwhile, by a refund that its transaction wrote before, and each
 * would wait for the other. So an order of which somebody holds an entry is left to the
 * next settlement.
 */
--: Behind crm.settle_points: writes the entries that settle the points of orders as of a day.
CREATE FUNCTION crm_internal.settle_write(as_of date, moment timestamptz,
	OUT entries bigint, OUT points_given numeric, OUT points_taken numeric) RETURNS record
	LANGUAGE plpgsql SET enable_hashagg = off SET enable_nestloop = off SET DateStyle = 'ISO' AS $$
BEGIN
	SELECT w.* INTO entries, points_given, points_taken
	  FROM crm_internal.insert_rows('points_entry', format($rows$
		WITH missing AS MATERIALIZED (
			SELECT m.customer_id,
				   CASE WHEN m.kind = 'earn' OR m.refund_id IS NOT NULL THEN m.occurred_at
						ELSE greatest(m.occurred_at, %1$L) END AS occurred_at,
				   m.kind, m.points, m.qualifying,
				   crm_internal.day_start(m.available_on, m.time_zone) AS available_at,
				   crm_internal.day_start(CASE WHEN m.expires_on IS NOT NULL
					THEN greatest(m.expires_on, m.available_on + 1) END, m.time_zone)
					AS expires_at,
				   m.order_id, m.program, m.reverses_id, m.refund_id
			  FROM (%2$s) m
		), free AS MATERIALIZED (
			SELECT e.entry_id FROM points_entry e
			 WHERE e.entry_id = ANY (ARRAY(SELECT m.reverses_id FROM missing m
											WHERE m.reverses_id IS NOT NULL))
			 ORDER BY e.entry_id FOR KEY SHARE SKIP LOCKED
		)
		SELECT m.* FROM missing m
		 WHERE m.order_id NOT IN (SELECT o.order_id FROM missing o
								   WHERE o.reverses_id IS NOT NULL
									 AND o.reverses_id NOT IN (SELECT f.entry_id FROM free f))
		 ORDER BY m.order_id, m.program, m.reverses_id$rows$, moment,
		crm_internal.missing_with_days(as_of)), $answer$
		SELECT count(*), coalesce(sum(r.points) FILTER (WHERE r.points > 0), 0),
			   coalesce(- sum(r.points) FILTER (WHERE r.points < 0), 0) FROM new_rows r$answer$)
		AS w (entries bigint, given numeric, taken numeric);
END
$$;

CREATE FUNCTION crm_internal.settle_points_as_owner(workspace text, as_of date,
	OUT entries bigint, OUT points_given numeric, OUT points_taken numeric) RETURNS record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	day date;
BEGIN
	PERFORM crm_internal.program_enter(workspace);
	day := crm_internal.settle_day(as_of);
	PERFORM crm_internal.workspace_lock(workspace);
	PERFORM set_config('work_mem', current_setting('maintenance_work_mem'), true)
	  WHERE pg_size_bytes(current_setting('work_mem'))
			< pg_size_bytes(current_setting('maintenance_work_mem'));
	SELECT s.* INTO entries, points_given, points_taken
	  FROM workspace w
	 CROSS JOIN LATERAL crm_internal.settle_write(day, least(now(),
		crm_internal.day_start(day + 1, w.time_zone) - interval '1 microsecond')) s;
	PERFORM crm_internal.workspace_analyze('points_entry', entries);
END
$$;

--| * `as_of`: the day. Orders and refunds up to it count. NULL, the default, is the day of the
--|   views.
--|
--| The view `order_points` says what each order earns in each program. The function compares that
--| with the entries of the ledger that name the order and the program, and writes what is missing.
--| So it follows orders that are refunded, cancelled, paid again, corrected, or given to another
--| customer. The rows of one order add up to the same points, whenever and however often they were
--| settled. A second call on the same facts writes nothing.
--|
--| Points are credited at the moment of the order. The columns `points_available_after` and
--| `points_expire_after` of `program` say on which day after the day of the order they can be
--| spent, and on which day they expire. Orders before the day `points_since` of the program are
--| left alone. Points that go are taken from the points of the same order. Points that come back
--| have the expiry that they had.
--|
--| Entries of the kinds `redeem` and `adjust`, and entries without a program, are never touched.
--| Use them for bonus points. A program of which no tier earns points is not settled. An order
--| with entries after the day is left as it is. A day after today and a transaction of another
--| level than READ COMMITTED are errors.
--|
--| The function takes the memory of `maintenance_work_mem` where that is more than `work_mem`. Two
--| processes look for what is missing where the server allows parallel queries. An order whose
--| entries somebody changes or deletes at the same time is left to the next call. An order that
--| somebody deletes at the same time is an error. Then nothing is written, and another call
--| settles the rest.
--|
--| The result has the number of entries written, and the points given and taken.
--|
--| ```sql
--| SELECT * FROM crm.settle_points('sales');
--| ```
CREATE FUNCTION crm.settle_points(workspace text, as_of date DEFAULT NULL,
	OUT entries bigint, OUT points_given numeric, OUT points_taken numeric) RETURNS record
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_maintainer';
COMMENT ON FUNCTION crm.settle_points(text, date) IS
'Writes the entries of points that the orders of a workspace bring or lose, as of a day.';
