/*
 * archive
 *
 * Histories that outlive the orders. A company may keep orders for a year, and
 * ask for ten years of customers. An archived workspace does not read rows of the
 * source before a day. The history of a customer is the archived part, joined with
 * the rows since. So older rows can be deleted, or dropped by partition, and no
 * answer changes.
 *
 * The archived part is data and no cache: nothing can compute it again.
 */

/*
 * All rows of an order are one purchase on the day of its first row. Where that day is
 * archived, the whole order is. Without its first rows, the others would be a purchase of
 * their own. So their order is remembered, and they are not read any more.
 *
 * Orders without such rows are too many to be remembered. A row that comes later, of a day
 * since, is read as a purchase, whether the archived rows of its order are still there or
 * not. So its money counts, and a later archive keeps it.
 */
-- The search path is that of the workspace.
--: Remembers the orders that have rows before a day and since.
CREATE FUNCTION crm_internal.keep_divided_orders(day date) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO archived_order (customer_id, order_key)
	SELECT u.customer_id, u.order_key
	  FROM usable_row u
	 WHERE u.order_key IS NOT NULL AND u.amount >= 0
	   AND (u.archived_until IS NULL OR u.purchased_on >= u.archived_until)
	 GROUP BY u.customer_id, u.order_key
	HAVING min(u.purchased_on) < day AND max(u.purchased_on) >= day
	ON CONFLICT DO NOTHING;
END
$$;

-- The search path is that of the workspace.
--: A NOTICE where customers have purchases and no history, and so none that could be archived.
CREATE FUNCTION crm_internal.say_not_archived(workspace text, day date) RETURNS void
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	customers bigint;
	first_ones text[];
BEGIN
	SELECT count(*), array_agg(f.key ORDER BY f.n) FILTER (WHERE f.n <= 10)
	  INTO customers, first_ones
	  FROM (SELECT c.customer_id::text AS key,
				   row_number() OVER (ORDER BY c.customer_id::text COLLATE "C") AS n
			  FROM customer_fault c) f;
	IF customers > 0 THEN
		RAISE NOTICE USING
			MESSAGE = format('%s customers are not archived, among them customer %s', customers,
				first_ones[1]),
			DETAIL = format('Their amounts or profits are out of range. Purchases before %s, or '
				'the profits of these, are not in a history of theirs. The customers are: %s%s.',
				to_char(day, 'YYYY-MM-DD'), array_to_string(first_ones, ', '),
				CASE WHEN customers > cardinality(first_ones) THEN ', ...' ELSE '' END),
			HINT = format('SELECT crm.unarchive(%L); then correct the rows that the view '
				'rejected_purchase names, and archive again.', workspace);
	END IF;
END
$$;

--: An error where a workspace cannot be archived until a day.
CREATE FUNCTION crm_internal.check_archive(workspace text, until date) RETURNS void
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	settings record;
BEGIN
	SELECT w.source, w.archived_until, least(d.day, crm_internal.today(w.time_zone)) AS day
	  INTO settings FROM workspace w, shown_day d;
	IF settings.source IS NULL THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('workspace "%s" has tables of its own', workspace),
			DETAIL = 'Only a workspace over a relation of yours is archived.';
	ELSIF until IS NULL OR NOT isfinite(until) OR until > settings.day THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('rows cannot be archived until %s', coalesce(until::text, 'NULL')),
			DETAIL = format('The last possible day is %s.', settings.day);
	ELSIF until <= settings.archived_until THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('workspace "%s" is archived until %s already', workspace,
				settings.archived_until),
			HINT = 'Choose a later day, or go back to the source by crm.unarchive.';
	END IF;
END
$$;

-- A row that no refresh has seen would be lost with the archived part.
--: Notes what changed since the last refresh in a source without triggers.
CREATE FUNCTION crm_internal.note_source() RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	w record;
BEGIN
	SELECT s.* INTO w FROM workspace s;
	IF w.seen_until IS NOT NULL AND w.changed_at_column IS NOT NULL THEN
		PERFORM crm_internal.follow_changed_rows(true);
	ELSIF NOT EXISTS (SELECT FROM crm_internal.workspace_source_names()) THEN
		INSERT INTO everyone_change (reason) VALUES ('the source was archived');
	END IF;
END
$$;

CREATE FUNCTION crm_internal.archive_as_owner(workspace text, until date) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	customers bigint;
BEGIN
	PERFORM crm_internal.workspace_enter_alone(workspace);
	PERFORM crm_internal.refuse_old_snapshot(format('workspace "%s" cannot be archived', workspace),
		'It would miss what others have just written.');
	PERFORM crm_internal.check_archive(workspace, until);
	PERFORM crm_internal.note_source(), crm_internal.say_not_archived(workspace, until);
	INSERT INTO archived_history AS a (customer_id, history, profit_history)
	SELECT h.customer_id, crm.upto(h.history, until - 1), crm.upto(h.profit_history, until - 1)
	  FROM purchase_history h
	 WHERE crm.upto(h.history, until - 1) OPERATOR(crm.<>) '[]'
	ON CONFLICT (customer_id) DO UPDATE
	SET history = EXCLUDED.history, profit_history = EXCLUDED.profit_history;
	PERFORM crm_internal.keep_divided_orders(until);
	UPDATE workspace SET archived_until = until;
	SELECT count(*) INTO customers FROM archived_history;
	RETURN customers;
END
$$;

--| * `until`: the first day that is still read from the source.
--|
--| For attached workspaces only. Afterwards rows of the source before `until` are not read any
--| more. Delete them, or drop their partitions, when you like: no history, score, model or count
--| changes. Rows of earlier days that are written later are left out, and stand in the view
--| `rejected_purchase` as `archived`. Views of single orders begin at `until`: `purchase`, and the
--| views of products and of where customers come from. An order is archived where its first row is
--| before `until`. Its later rows are archived with it, and stand in `rejected_purchase`, too.
--|
--| A row of a day since `until` that is written later to an archived order is a purchase of its own
--| on its day: of most archived orders no key is kept. Where an order had rows on both sides of
--| `until`, its key is kept, and the later row is left out as `archived`. A refund counts on its
--| own day, as always.
--|
--| A customer whose amounts are out of range has no history, and so none is archived. A NOTICE
--| counts such customers and names the first ten. A transaction of another level than READ
--| COMMITTED is an error. Until `crm.unarchive` the source, its columns, the filter and the time
--| zone cannot be changed.
--|
--| The archived part stands in the tables `archived_history` and `archived_order`, and cannot be
--| computed again. Back it up with the workspace. A later day archives more. The result is the
--| number of customers with an archived part.
--|
--| ```sql
--| SELECT crm.archive('shop', '2025-01-01');
--| ```
CREATE FUNCTION crm.archive(workspace text, until date) RETURNS bigint
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_owner';
COMMENT ON FUNCTION crm.archive(text, date) IS
'Keeps the histories of an attached workspace until a day, so that older orders can go.';

-- The archived rows that are still in the source make a history. It is compared with the archived
-- one, day by day. A purchase that was written late is no loss.
--: The number of customers of whom the source lacks purchases or money that were archived.
CREATE FUNCTION crm_internal.archive_lost() RETURNS bigint
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (
		SELECT count(*)
		  FROM archived_history a
		  LEFT JOIN (
			SELECT s.customer_id,
				   crm_internal.bounded_history_agg(s.purchased_on, s.amount) AS history
			  FROM (SELECT u.customer_id, u.purchased_on, u.amount
					  FROM usable_row u
					 WHERE (u.order_key IS NULL OR u.amount < 0)
					   AND u.purchased_on < u.archived_until
					UNION ALL
					SELECT u.customer_id, min(u.purchased_on), sum(u.amount)
					  FROM usable_row u
					  LEFT JOIN archived_order o ON o.order_key = u.order_key
						AND same_customer(o.customer_id, u.customer_id)
					 WHERE u.order_key IS NOT NULL AND u.amount >= 0
					   AND (u.purchased_on < u.archived_until OR o.order_key IS NOT NULL)
					 GROUP BY u.customer_id, u.order_key) s
			 GROUP BY s.customer_id) f ON same_customer(f.customer_id, a.customer_id)
		 WHERE (f.history OPERATOR(crm.=) a.history) IS NOT TRUE
		   AND EXISTS (SELECT FROM crm.entries(a.history) e
						 LEFT JOIN crm.entries(f.history) g ON g.day = e.day
						WHERE g.day IS NULL OR g.purchases < e.purchases
						   OR g.purchases = e.purchases AND g.amount <> e.amount));
END
$$;

CREATE FUNCTION crm_internal.unarchive_as_owner(workspace text, force boolean) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	lost bigint;
BEGIN
	PERFORM crm_internal.workspace_enter_alone(workspace);
	PERFORM crm_internal.refuse_old_snapshot(
		format('workspace "%s" cannot be unarchived', workspace),
		'It would miss what others have just written.');
	IF (SELECT w.archived_until FROM workspace w) IS NULL THEN
		RETURN;
	END IF;
	IF force IS NOT TRUE THEN
		lost := crm_internal.archive_lost();
		IF lost > 0 THEN
			RAISE object_not_in_prerequisite_state USING
				MESSAGE = format('the source of workspace "%s" lacks archived purchases',
					workspace),
				DETAIL = format('%s customers would lose purchases or money.', lost),
				HINT = format('Load the rows again. SELECT crm.unarchive(%L, force => true) gives '
					'the archived part up.', workspace);
		END IF;
	END IF;
	DELETE FROM archived_history;
	DELETE FROM archived_order;
	UPDATE workspace SET archived_until = NULL;
	INSERT INTO everyone_change (reason) VALUES ('unarchived');
END
$$;

--| * `force`: whether to go back even where the source lacks purchases that were archived. They are
--|   lost then.
--|
--| Everybody waits for the next refresh. The views are right meanwhile, and slower.
CREATE FUNCTION crm.unarchive(workspace text, force boolean DEFAULT false) RETURNS void
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_owner';
COMMENT ON FUNCTION crm.unarchive(text, boolean) IS
'Returns an archived workspace to reading all of its source.';
