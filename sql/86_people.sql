/*
 * people
 *
 * The data of one person: handed out, erased, or joined with those of a second
 * customer who turned out to be the same. What belongs to a customer is found
 * through the catalog, so that tables of your own in the workspace are included.
 *
 * Keys are given as text, which every type of key has, or as numbers.
 */

/* Tables after those that refer to them, so that rows can be deleted in this order. */
--: Tables in an order in which their rows can be deleted.
CREATE FUNCTION crm_internal.referring_first(tables regclass[]) RETURNS regclass[]
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT crm_internal.top_first(tables, array_agg(k.conrelid), array_agg(k.confrelid),
			cardinality(tables))
	  FROM pg_constraint k WHERE k.contype = 'f' AND k.confrelid <> k.conrelid;
END;

/* In the condition, $1 is the key as text. The search path is that of the workspace. */
--: The tables with rows of customers, each with the condition that finds those of one customer.
CREATE FUNCTION crm_internal.personal_tables()
	RETURNS TABLE (relation regclass, condition text)
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	key_type text := (SELECT k.key_type FROM crm_internal.workspace_kind(current_schema) k);
	links jsonb;
BEGIN
	SELECT jsonb_object_agg(c.relation::oid, c.condition) INTO links
	  FROM (SELECT l.relation, string_agg(
				   format('same_customer(%I, $1::%s)', l.column_name, key_type), ' OR '
				   ORDER BY l.column_name) AS condition
			  FROM (SELECT u.relation, u.column_name FROM crm_internal.customer_columns() u
					UNION ALL
					SELECT to_regclass('customer'), 'customer_id'::name
					 WHERE to_regclass('customer') IS NOT NULL) l
			 GROUP BY l.relation) c;
	RETURN QUERY
	SELECT k.key::oid::regclass, k.value FROM jsonb_each_text(links) k
	UNION ALL
	SELECT p.relation, format('EXISTS (SELECT FROM %s parent WHERE (%s) AND %s)', p.parent,
		   links ->> p.parent::oid::text,
		   (SELECT string_agg(format('parent.%I = %s.%I', u.parent_key,
									 crm_internal.full_name(p.relation), u.key), ' AND ')
			  FROM unnest(p.keys, p.parent_keys) u (key, parent_key)))
	  FROM crm_internal.customer_parents() p;
END
$$;

-- A cast to varchar(9) or numeric(10) would cut the text to the key of somebody else. And messages
-- are searched for the text.
--: An error where a text is no key of a customer, or not as the key is written.
CREATE FUNCTION crm_internal.check_key(workspace text, customer_id text) RETURNS void
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	key_type text := (SELECT k.key_type FROM crm_internal.workspace_kind(workspace) k);
	its_text text;
BEGIN
	IF customer_id IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'the key of the customer is NULL';
	END IF;
	EXECUTE format('SELECT $1::%s::text', key_type) INTO its_text USING customer_id;
	IF its_text <> customer_id COLLATE "C" THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('"%s" is not the key of a customer as it is written', customer_id),
			DETAIL = format('Keys of workspace "%s" are of type %s.', workspace, key_type),
			HINT = format('Write %L, if you mean that customer.', its_text);
	END IF;
EXCEPTION WHEN invalid_text_representation OR numeric_value_out_of_range THEN
	RAISE invalid_parameter_value USING
		MESSAGE = format('"%s" cannot be the key of a customer', customer_id),
		DETAIL = format('Keys of workspace "%s" are of type %s.', workspace, key_type),
		HINT = 'Give the key as the column customer_id shows it.';
END
$$;

/*
 * Runs without a SET of its own, as crm_internal.workspace_enter does, and for its
 * reason. The schema of the workspace comes first, so that tables of your own are
 * among those with the person's data.
 */
--: Enters a workspace for the data of one customer. An error where the text is no key of a
--: customer.
CREATE FUNCTION crm_internal.person_enter(workspace text, customer_id text) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM crm_internal.workspace_enter(workspace);
	PERFORM pg_catalog.set_config('search_path', pg_catalog.format('%I, %I, pg_temp', workspace,
		crm_internal.workspace_inner_schema(workspace)), true);
	PERFORM crm_internal.check_key(workspace, customer_id);
END
$$;

/* Locking */

/*
 * Rows of other customers may refer to rows of the customer: as a member to its
 * parent, by the points of an order that was theirs before, by a contact, an order or
 * a case. In the condition, $1 is the key as text. A table is there once for each
 * foreign key with columns that may be NULL. The search path is that of the workspace.
 */
--: The tables whose rows may refer to rows of a customer without being theirs, with the columns to
--: empty and the condition that finds such rows.
CREATE FUNCTION crm_internal.personal_references()
	RETURNS TABLE (relation regclass, columns name[], condition text)
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	WITH personal AS MATERIALIZED (SELECT p.* FROM crm_internal.personal_tables() p)
	SELECT k.conrelid::regclass, q.emptied,
		   format('(%s) IN (SELECT %s FROM %s WHERE %s) AND (%s) IS NOT TRUE', q.keys,
			q.parent_keys, p.relation, p.condition, coalesce(o.condition, 'false'))
	  FROM pg_constraint k
	  JOIN pg_class c ON c.oid = k.conrelid
	  JOIN personal p ON p.relation = k.confrelid
	  LEFT JOIN personal o ON o.relation = k.conrelid
	 CROSS JOIN LATERAL (
		SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY u.n) AS keys,
			   string_agg(quote_ident(f.attname), ', ' ORDER BY u.n) AS parent_keys,
			   array_agg(a.attname ORDER BY u.n) FILTER (WHERE NOT a.attnotnull) AS emptied
		  FROM unnest(k.conkey, k.confkey) WITH ORDINALITY AS u (key, parent_key, n)
		  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.key
		  JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = u.parent_key) q
	 WHERE k.contype = 'f' AND k.conparentid = 0 AND k.confdeltype IN ('a', 'r')
	   AND c.relnamespace = (SELECT w.relnamespace FROM pg_class w
							  WHERE w.oid = 'workspace'::regclass)
	   AND q.emptied IS NOT NULL
	 ORDER BY k.conrelid::regclass::text, k.conname;
END
$$;

/*
 * The customers come first. Whoever writes a row of a customer locks the customer by
 * a foreign key, so none of their rows is new after that. Members of a customer get
 * another parent, which their own writers need not wait for.
 */
--: The rows to lock before the rows of a customer are deleted or given to another one: tables, each
--: with a condition and the lock.
CREATE FUNCTION crm_internal.personal_locks()
	RETURNS TABLE (relation regclass, condition text, lock text)
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	WITH found AS (
		SELECT p.relation, p.condition FROM crm_internal.personal_tables() p
		UNION ALL
		SELECT r.relation, r.condition FROM crm_internal.personal_references() r
	)
	SELECT to_regclass('customer'), 'same_customer(customer_id, $1::bigint) '
		   'OR same_customer(customer_id, $2::bigint)', 'UPDATE'
	 WHERE to_regclass('customer') IS NOT NULL
	UNION ALL
	(SELECT f.relation, '(' || string_agg(f.condition, ') OR (' ORDER BY f.condition) || ')',
			CASE WHEN f.relation = to_regclass('customer') THEN 'NO KEY UPDATE' ELSE 'UPDATE' END
	   FROM found f
	  GROUP BY f.relation
	  ORDER BY f.relation::text);
END
$$;

-- A row that changed meanwhile counts as locked: it is looked at again.
--: Locks the rows of a customer that nobody else has locked. Returns one that somebody has locked,
--: or no row.
CREATE FUNCTION crm_internal.lock_free_rows(customer_id text, other text, OUT part oid,
	OUT row_id tid, OUT lock text) RETURNS SETOF record
	LANGUAGE plpgsql AS $$
DECLARE
	wanted record;
BEGIN
	FOR wanted IN SELECT l.* FROM crm_internal.personal_locks() l LOOP
		EXECUTE format('WITH free AS MATERIALIZED (
				SELECT tableoid, ctid FROM %1$s WHERE %2$s FOR %3$s SKIP LOCKED)
			SELECT tableoid, ctid FROM %1$s
			 WHERE (%2$s) AND (tableoid, ctid) NOT IN (SELECT f.tableoid, f.ctid FROM free f)
			 LIMIT 1', wanted.relation, wanted.condition, wanted.lock)
			INTO part, row_id USING customer_id, other;
		IF row_id IS NOT NULL THEN
			lock := wanted.lock;
			RETURN NEXT;
			RETURN;
		END IF;
	END LOOP;
END
$$;

/*
 * A writer may hold some rows of a customer and want others, and a transaction may
 * write rows and then settle points or review. In whatever order the locks are taken
 * here, somebody takes them in another one. So nothing is held while something is
 * waited for: the locks are taken together, or all of them are given back, and then
 * the one that was missing is waited for alone.
 */
--: Locks a workspace against other maintenance, and the rows of a customer and of another customer
--: against everybody, before any of them is changed.
CREATE FUNCTION crm_internal.lock_person(workspace text, customer_id text,
	other text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	part oid; -- the row that is missing: its table, its place, its lock
	row_id tid;
	lock text;
	is_alone boolean;
BEGIN
	LOOP
		BEGIN
			IF row_id IS NULL THEN
				PERFORM crm_internal.workspace_lock(workspace);
				is_alone := true;
			ELSE
				EXECUTE format('SELECT FROM %s WHERE ctid = $1 FOR %s', part::regclass, lock)
				  USING row_id;
				is_alone := crm_internal.workspace_lock_at_once();
				row_id := NULL;
			END IF;
			IF is_alone THEN
				SELECT r.* INTO part, row_id, lock
				  FROM crm_internal.lock_free_rows(customer_id, other) r;
				IF row_id IS NULL THEN
					RETURN;
				END IF;
			END IF;
			RAISE EXCEPTION 'all locks are given back';
		EXCEPTION WHEN raise_exception THEN
		END;
	END LOOP;
END
$$;

/* Handing out */

/*
 * A customer may have been joined with others before they were joined with this one.
 * What was known of them belongs to this customer, too. A key may be given to another
 * customer later, so the merges are followed back in time. The rows of customer_merge may
 * spell one key in several ways.
 */
--: The merges of which the rows in customer_merge are about a customer, with the key that went.
CREATE FUNCTION crm_internal.merges_of(customer_id text)
	RETURNS TABLE (merge_id bigint, dropped text)
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY EXECUTE format($merges$
		WITH RECURSIVE chain AS (
			SELECT m.merge_id, m.dropped FROM customer_merge m
			 WHERE same_customer(m.kept::%1$s, $1::%1$s) OR same_customer(m.dropped::%1$s, $1::%1$s)
			UNION
			SELECT m.merge_id, m.dropped
			  FROM chain c
			  JOIN customer_merge m
				ON same_customer(m.kept::%1$s, c.dropped::%1$s) AND m.merge_id < c.merge_id
		)
		SELECT c.merge_id, c.dropped FROM chain c$merges$,
		(SELECT k.key_type FROM crm_internal.workspace_kind(current_schema) k)) USING customer_id;
END
$$;

CREATE FUNCTION crm_internal.customer_data_as_owner(workspace text, customer_id text)
	RETURNS jsonb
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	personal record;
	rows_found jsonb;
	data jsonb := '{}';
BEGIN
	PERFORM crm_internal.person_enter(workspace, customer_id);
	FOR personal IN
		SELECT p.* FROM crm_internal.personal_tables() p
		UNION ALL
		SELECT r.relation, format('same_customer(customer_id, $1::%s)', k.key_type)
		  FROM crm_internal.workspace_kind(workspace) k,
			   unnest(ARRAY[to_regclass('purchase'), to_regclass('customer_360')]) r (relation)
		UNION ALL
		SELECT 'customer_merge'::regclass,
			   'merge_id IN (SELECT c.merge_id FROM crm_internal.merges_of($1) c)'
	LOOP
		EXECUTE format('SELECT jsonb_agg(to_jsonb(r)) FROM (SELECT * FROM %s WHERE %s) r',
			personal.relation, personal.condition) INTO rows_found USING customer_id;
		IF rows_found IS NOT NULL THEN
			data := data || jsonb_build_object(personal.relation::text, rows_found);
		END IF;
	END LOOP;
	RETURN data;
END
$$;

--| The result is an object with an array of rows for each table of the workspace that has rows of
--| the customer, and for the views `purchase` and `customer_360`. The rows of `customer_merge` are
--| those of all who were joined with the customer. The object is empty for a customer whom nobody
--| knows.
--|
--| ```sql
--| SELECT jsonb_pretty(crm.customer_data('sales', '7'));
--| ```
CREATE FUNCTION crm.customer_data(workspace text, customer_id text) RETURNS jsonb
	LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'crm_as_owner';
COMMENT ON FUNCTION crm.customer_data(text, text) IS
'Everything that a workspace holds about one customer.';

CREATE FUNCTION crm.customer_data(workspace text, customer_id bigint)
	RETURNS jsonb
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT crm.customer_data(workspace, customer_id::text);
END;
COMMENT ON FUNCTION crm.customer_data(text, bigint) IS
'Everything that a workspace holds about one customer, whose key is a number.';

/* Erasing */

-- Keys of an attached workspace may have other spellings, such as those of citext.
--: The key of a customer, and how the workspace, its source and its merges spell it otherwise.
CREATE FUNCTION crm_internal.spelled_keys(customer_id text) RETURNS text[]
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	spelled text[];
BEGIN
	IF to_regclass('archived_history') IS NOT NULL THEN
		EXECUTE format($spelled$
			SELECT array_agg(DISTINCT s.key::text COLLATE "C")
			  FROM (SELECT h.customer_id FROM customer_history h
					UNION ALL SELECT c.customer_id FROM customer_change c
					UNION ALL SELECT r.customer_id FROM rejected_customer r
					UNION ALL SELECT a.customer_id FROM archived_history a
					UNION ALL SELECT o.customer_id FROM source_row o
					UNION ALL SELECT m.kept::%1$s FROM customer_merge m
					UNION ALL SELECT m.dropped::%1$s FROM customer_merge m) s (key)
			 WHERE same_customer(s.key, $1::%1$s) AND s.key::text <> $1 COLLATE "C"$spelled$,
			(SELECT k.key_type FROM crm_internal.workspace_kind(current_schema) k))
			INTO spelled USING customer_id;
	END IF;
	RETURN customer_id || spelled;
END
$$;

/* Texts that name the customer: the key, and names and addresses where there are some. */
--: What names a customer of the workspace of the search path.
CREATE FUNCTION crm_internal.personal_texts(customer_id text) RETURNS text[]
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	texts text[] := crm_internal.spelled_keys(customer_id);
BEGIN
	IF to_regclass('customer') IS NOT NULL THEN
		texts := texts || ARRAY(
			SELECT u.text FROM customer c
			 CROSS JOIN LATERAL unnest(ARRAY[c.name, c.code]) AS u (text)
			 WHERE c.customer_id = personal_texts.customer_id::bigint
			UNION
			SELECT u.text FROM contact c
			 CROSS JOIN LATERAL unnest(ARRAY[c.name, c.email, c.phone]) AS u (text)
			 WHERE c.customer_id = personal_texts.customer_id::bigint);
	END IF;
	IF to_regclass('customer_identity') IS NOT NULL THEN
		texts := texts || ARRAY(SELECT i.external_id FROM customer_identity i
								 WHERE i.customer_id = personal_texts.customer_id::bigint);
	END IF;
	RETURN array_remove(array_remove(texts || ARRAY(
		SELECT f.value #>> '{}'
		  FROM crm_internal.merges_of(customer_id) c
		  JOIN customer_merge m ON m.merge_id = c.merge_id
		 CROSS JOIN unnest('{$.customer[*].name,$.customer[*].code,$.contact[*].name,'
			'$.contact[*].email,$.contact[*].phone}'::jsonpath[]) AS p (path)
		 CROSS JOIN LATERAL jsonb_path_query(m.dropped_data, p.path) AS f (value)),
		NULL), '');
END
$$;

/* Other customers may have been members of this one, or have invited them. */
--: What customer_merge keeps of another customer, without rows that name some customers. A member
--: is kept without the parent.
CREATE FUNCTION crm_internal.without_people(data jsonb, customers text[]) RETURNS jsonb
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (
		SELECT coalesce(jsonb_object_agg(k.relation, k.rows), '{}')
		  FROM (SELECT d.key AS relation,
					   jsonb_agg(CASE WHEN r.value ->> 'parent_id' = ANY (customers)
						THEN r.value || '{"parent_id": null}' ELSE r.value END ORDER BY r.n) AS rows
				  FROM jsonb_each(data) d
				 CROSS JOIN LATERAL jsonb_array_elements(d.value) WITH ORDINALITY r (value, n)
				 WHERE NOT EXISTS (SELECT FROM crm_internal.customer_columns() c
									WHERE c.relation::text = d.key
									  AND r.value ->> c.column_name = ANY (customers))
				 GROUP BY d.key) k);
END
$$;

/*
 * Errors that steps of maintenance left behind may name a customer. The first text
 * is the key.
 */
--: Removes names of a customer from what maintenance has noted.
CREATE FUNCTION crm_internal.erase_messages(texts text[]) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	merges bigint[];
	customers text[];
BEGIN
	SELECT array_agg(c.merge_id), array_agg(c.dropped) || texts[1] INTO merges, customers
	  FROM crm_internal.merges_of(texts[1]) c;
	UPDATE maintenance_run r SET error = 'The message named a customer who was erased.'
	 WHERE EXISTS (SELECT FROM unnest(texts) t WHERE strpos(r.error, t) > 0);
	DELETE FROM customer_merge m WHERE m.merge_id = ANY (merges);
	UPDATE customer_merge m
	   SET dropped_data = crm_internal.without_people(m.dropped_data, customers)
	 WHERE EXISTS (SELECT FROM unnest(customers) c WHERE strpos(m.dropped_data::text, c) > 0);
	IF to_regclass('customer_identity') IS NOT NULL THEN
		DELETE FROM customer_identity i WHERE i.source = 'customer_id' AND i.external_id = texts[1];
	END IF;
	DELETE FROM workspace_problem p
	 WHERE EXISTS (SELECT FROM unnest(texts) t WHERE strpos(concat(p.detail, p.hint), t) > 0);
END
$$;

/*
 * An order that changed its customer may have points of the one before. Once the order
 * is gone, crm.settle_points does not find them. It would have taken them back.
 */
--: Takes back points that other customers have of orders of a customer.
CREATE FUNCTION crm_internal.take_points_back(customer_id bigint) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO points_entry (customer_id, occurred_at, kind, points, qualifying, program,
		reverses_id)
	SELECT l.customer_id, greatest(l.occurred_at, now()), 'reverse', - l.left_points, l.qualifying,
		   l.program, l.entry_id
	  FROM (SELECT e.*, e.points + coalesce((
					SELECT sum(r.points + coalesce((
							SELECT sum(u.points) FROM points_entry u
							 WHERE u.customer_id = e.customer_id AND u.reverses_id = r.entry_id
							   AND u.kind = 'reverse' AND u.points > 0), 0))
					  FROM points_entry r
					 WHERE r.customer_id = e.customer_id AND r.reverses_id = e.entry_id
					   AND r.kind = 'reverse' AND r.points < 0), 0) AS left_points
			  FROM sales_order o
			  JOIN points_entry e ON e.order_id = o.order_id AND e.customer_id <> o.customer_id
			  JOIN points_program p ON p.program = e.program
			 WHERE o.customer_id = take_points_back.customer_id AND e.kind = 'earn'
			   AND p.has_rates AND p.begins_at <= o.ordered_at) l
	 WHERE l.left_points > 0;
END
$$;

/*
 * An entry that reverses nothing is no reversal above 0. It counts for tiers as before,
 * which the entries that it reversed had said.
 */
--: Ends references of entries of points of other customers to those of a customer.
CREATE FUNCTION crm_internal.loosen_reversals(customer_id bigint) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	UPDATE points_entry e
	   SET reverses_id = NULL,
		   kind = CASE WHEN e.kind = 'reverse' AND e.points > 0 THEN 'earn' ELSE e.kind END,
		   qualifying = coalesce(l.qualifying, r.qualifying) AND r.kind <> 'redeem'
	  FROM points_entry r
	  LEFT JOIN points_entry l ON l.entry_id = r.reverses_id
	 WHERE r.entry_id = e.reverses_id AND r.customer_id = loosen_reversals.customer_id
	   AND e.customer_id <> r.customer_id;
END
$$;

--: Ends references of other customers to one who is erased.
CREATE FUNCTION crm_internal.loosen_references(customer_id text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	reference record;
BEGIN
	IF to_regclass('points_entry') IS NOT NULL THEN
		PERFORM crm_internal.take_points_back(customer_id::bigint);
		PERFORM crm_internal.loosen_reversals(customer_id::bigint);
	END IF;
	FOR reference IN SELECT r.* FROM crm_internal.personal_references() r LOOP
		EXECUTE format('UPDATE %s SET %s WHERE %s', reference.relation,
			(SELECT string_agg(format('%I = NULL', c), ', ')
			   FROM unnest(reference.columns) c), reference.condition)
		  USING customer_id;
	END LOOP;
END
$$;

--: How many rows of a customer the source of an attached workspace holds.
CREATE FUNCTION crm_internal.rows_in_source(customer_id text, OUT source text, OUT row_count bigint)
	RETURNS record
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	settings record;
BEGIN
	SELECT w.source AS relation, k.key_type INTO settings
	  FROM workspace w, crm_internal.workspace_kind(current_schema) k;
	IF settings.relation IS NULL THEN
		RETURN;
	END IF;
	source := settings.relation::text;
	EXECUTE format('SELECT count(*) FROM source_row s WHERE same_customer(s.customer_id, $1::%s)',
		settings.key_type) INTO row_count USING customer_id;
END
$$;

--: A NOTICE where the source of an attached workspace still has rows of a customer.
CREATE FUNCTION crm_internal.tell_of_source(customer_id text, what_to_do text) RETURNS void
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	found record := crm_internal.rows_in_source(customer_id);
BEGIN
	IF found.row_count > 0 THEN
		RAISE NOTICE USING
			MESSAGE = format('%s rows of customer %s are left in %s', found.row_count,
				customer_id, found.source),
			HINT = 'The source is yours. ' || what_to_do;
	END IF;
END
$$;

CREATE FUNCTION crm_internal.erase_customer_as_owner(workspace text, customer_id text)
	RETURNS TABLE (relation text, erased bigint)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
#variable_conflict use_column
DECLARE
	conditions jsonb;
	target regclass;
	texts text[];
BEGIN
	PERFORM crm_internal.person_enter(workspace, erase_customer_as_owner.customer_id);
	PERFORM crm_internal.refuse_old_snapshot('customers cannot be erased',
		'It would leave what others have just written about them.');
	PERFORM crm_internal.lock_person(workspace, erase_customer_as_owner.customer_id);
	texts := crm_internal.personal_texts(erase_customer_as_owner.customer_id);
	PERFORM crm_internal.loosen_references(erase_customer_as_owner.customer_id);
	SELECT jsonb_object_agg(p.relation::oid, p.condition) INTO conditions
	  FROM crm_internal.personal_tables() p;
	-- Deleting orders notes their customer, so the notes go last.
	FOREACH target IN ARRAY crm_internal.referring_first(ARRAY(
			SELECT k::oid::regclass FROM jsonb_object_keys(conditions) k
			 WHERE k::oid <> 'customer_change'::regclass))
		|| 'customer_change'::regclass
	LOOP
		EXECUTE format('DELETE FROM %s WHERE %s', target, conditions ->> target::oid::text)
			USING erase_customer_as_owner.customer_id;
		GET DIAGNOSTICS erased = ROW_COUNT;
		relation := target::text;
		CONTINUE WHEN erased = 0;
		RETURN NEXT;
	END LOOP;
	PERFORM crm_internal.erase_messages(texts);
	PERFORM crm_internal.tell_of_source(erase_customer_as_owner.customer_id,
		'Delete them there, then erase the customer again.');
END
$$;

--| When the transaction has committed, no row of the workspace names the customer: no fact, log,
--| stored history or note. What was computed from all customers stays: thresholds, models and the
--| counts of reviews. The result names the tables and the number of rows that were deleted.
--|
--| Rows of other customers that refer to rows of the customer stay, but for the reference. Such
--| rows are members, calls with a contact, cases and answers about an order, and entries of points.
--| The same holds for tables of yours in the workspace, where the columns may be NULL. Points that
--| others still have of orders of the customer are taken back before.
--|
--| The call waits for transactions that write rows of the customer, and holds no lock while it
--| waits. A transaction of another level than READ COMMITTED is an error.
--|
--| The source of an attached workspace is left as it is. A NOTICE says how many rows of the
--| customer it holds. Delete them first, else the next full refresh finds them again.
--|
--| Backups, replicas and the log of the server are out of reach.
CREATE FUNCTION crm.erase_customer(workspace text, customer_id text)
	RETURNS TABLE (relation text, erased bigint)
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_owner';
COMMENT ON FUNCTION crm.erase_customer(text, text) IS
'Deletes everything that a workspace holds about one customer.';

CREATE FUNCTION crm.erase_customer(workspace text, customer_id bigint)
	RETURNS TABLE (relation text, erased bigint)
	LANGUAGE sql
BEGIN ATOMIC
	SELECT * FROM crm.erase_customer(workspace, customer_id::text);
END;
COMMENT ON FUNCTION crm.erase_customer(text, bigint) IS
'Deletes everything that a workspace holds about one customer, whose key is a number.';

/* Merging */

/*
 * Rows of the customer that goes are given to the one that stays. Where both have
 * a row that can only be there once, that of the customer who stays counts.
 */
--: Gives the rows of one customer in a table to another, and returns how many.
CREATE FUNCTION crm_internal.merge_moves(target regclass, column_name name, keep text, "drop" text)
	RETURNS bigint
	LANGUAGE plpgsql AS $$
DECLARE
	moved bigint := 0;
	n bigint;
	part oid; -- two partitions can have rows at the same place
	row_id tid;
	key_type text := (SELECT k.key_type FROM crm_internal.workspace_kind(current_schema) k);
BEGIN
	FOR part, row_id IN
		EXECUTE format('SELECT tableoid, ctid FROM %s WHERE same_customer(%I, $1::%s)', target,
			column_name, key_type) USING "drop"
	LOOP
		BEGIN
			EXECUTE format('UPDATE %s SET %I = $1::%s WHERE ctid = $2 AND tableoid = $3', target,
				column_name, key_type) USING keep, row_id, part;
			GET DIAGNOSTICS n = ROW_COUNT;
			moved := moved + n;
		EXCEPTION WHEN unique_violation OR check_violation OR exclusion_violation THEN
			EXECUTE format('DELETE FROM %s WHERE ctid = $1 AND tableoid = $2', target)
				USING row_id, part;
		END;
	END LOOP;
	RETURN moved;
END
$$;

/* A log tells one story. So the customer who has a log keeps it, and no second one is mixed in. */
--: Joins the logs of two customers.
CREATE FUNCTION crm_internal.merge_log(target regclass, groups name, keep bigint, "drop" bigint)
	RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('DELETE FROM %1$s d WHERE d.customer_id = $2 AND EXISTS (
		SELECT FROM %1$s k WHERE k.customer_id = $1 %2$s)', target,
		CASE WHEN groups IS NOT NULL THEN format('AND k.%1$I = d.%1$I', groups) ELSE '' END)
		USING keep, "drop";
	EXECUTE format('UPDATE %s SET customer_id = $1 WHERE customer_id = $2', target)
		USING keep, "drop";
END
$$;

/* Whoever had the higher tier does not lose it before its next review. */
--: Joins the tiers and stages of two customers.
CREATE FUNCTION crm_internal.merge_tiers(workspace text, keep bigint, "drop" bigint)
	RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	higher record;
BEGIN
	FOR higher IN
		SELECT d.program, t.name,
			   coalesce(crm_internal.day_of(coalesce(d.review_at, d.floor_until), z.time_zone),
				(crm_internal.today(z.time_zone) + interval '1 year')::date) AS until
		  FROM tier_log d
		  JOIN tier_log k ON k.program = d.program AND k.customer_id = keep AND k.valid_to IS NULL
		  JOIN tier t ON t.program = d.program AND t.tier_no = d.tier_no
		  JOIN program p ON p.program = d.program
		 CROSS JOIN workspace w
		 CROSS JOIN LATERAL (SELECT coalesce(p.time_zone, w.time_zone) AS time_zone) z
		 WHERE d.customer_id = "drop" AND d.valid_to IS NULL AND d.tier_no > k.tier_no
		   AND d.reason NOT IN ('merge', 'close') AND k.reason NOT IN ('merge', 'close')
	LOOP
		PERFORM crm.tier_grant(workspace, higher.program, keep, higher.name,
			greatest(higher.until, (SELECT s.day + 1 FROM shown_day s)),
			note => format('merged with customer %s', "drop"));
	END LOOP;
	PERFORM crm_internal.merge_log('tier_log', 'program', keep, "drop");
	PERFORM crm_internal.merge_log('lifecycle_log', NULL, keep, "drop");
END
$$;

/*
 * Members of the customer who goes become members of the one who stays. Where that one is
 * among them, at any level, the two stand at the upper place. Else they would be below
 * themselves.
 */
--: Joins the places of two customers in groups of accounts.
CREATE FUNCTION crm_internal.merge_members(keep bigint, "drop" bigint) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	UPDATE customer k SET parent_id = nullif(d.parent_id, keep)
	  FROM customer d
	 WHERE k.customer_id = keep AND d.customer_id = "drop" AND "drop" IN (
		WITH RECURSIVE above AS (
			SELECT c.parent_id FROM customer c WHERE c.customer_id = keep
			UNION
			SELECT c.parent_id FROM above a JOIN customer c ON c.customer_id = a.parent_id
		)
		SELECT a.parent_id FROM above a);
	UPDATE customer c SET parent_id = keep WHERE c.parent_id = "drop";
END
$$;

/* What the customer who stays does not say of themselves, the other one says. */
--: Fills what is not known of a customer from another one.
CREATE FUNCTION crm_internal.merge_person(keep bigint, "drop" bigint) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	assignments text;
BEGIN
	SELECT string_agg(format('%1$I = coalesce(k.%1$I, d.%1$I)', a.attname), ', ')
	  INTO assignments
	  FROM pg_attribute a
	 WHERE a.attrelid = 'customer'::regclass AND a.attnum > 0 AND NOT a.attisdropped
	   AND NOT a.attnotnull AND a.attgenerated = '' AND a.attname <> 'parent_id'
	   -- The customer who goes still has what can only be there once.
	   AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique
						AND a.attnum = ANY (i.indkey));
	EXECUTE format('UPDATE customer k SET traits = d.traits || k.traits,
		created_at = least(k.created_at, d.created_at), %s
		FROM customer d WHERE k.customer_id = $1 AND d.customer_id = $2', assignments)
		USING keep, "drop";
	PERFORM crm_internal.merge_members(keep, "drop");
END
$$;

/* Whoever still calls the customer who goes by the old key finds the one who stays. */
--: Notes the keys of a customer who goes as identities of the one who stays.
CREATE FUNCTION crm_internal.merge_identity(keep bigint, "drop" bigint) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	-- A workspace that was not upgraded has no such table.
	IF to_regclass('customer_identity') IS NOT NULL THEN
		INSERT INTO customer_identity (source, external_id, customer_id)
		SELECT u.source, u.external_id, keep
		  FROM customer c
		 CROSS JOIN LATERAL (VALUES ('customer_id', c.customer_id::text), ('code', c.code))
			AS u (source, external_id)
		 WHERE c.customer_id = "drop" AND u.external_id IS NOT NULL
		ON CONFLICT ON CONSTRAINT customer_identity_pkey
			DO UPDATE SET customer_id = excluded.customer_id;
	END IF;
END
$$;

--: Joins the archived histories of two customers of an attached workspace.
CREATE FUNCTION crm_internal.merge_archive(keep text, "drop" text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	key_type text := (SELECT k.key_type FROM crm_internal.workspace_kind(current_schema) k);
BEGIN
	-- A workspace that never archived has no such table.
	IF to_regclass('archived_history') IS NOT NULL THEN
		EXECUTE format($merge$
			INSERT INTO archived_history AS k (customer_id, history, profit_history)
			SELECT $1::%1$s, d.history, d.profit_history FROM archived_history d
			 WHERE same_customer(d.customer_id, $2::%1$s)
			ON CONFLICT (customer_id) DO UPDATE
			SET history = crm.merge(k.history, EXCLUDED.history),
				profit_history = CASE WHEN k.profit_history IS NULL THEN EXCLUDED.profit_history
					WHEN EXCLUDED.profit_history IS NULL THEN k.profit_history
					ELSE crm.merge(k.profit_history, EXCLUDED.profit_history) END$merge$, key_type)
			USING keep, "drop";
		EXECUTE format('DELETE FROM archived_history WHERE same_customer(customer_id, $1::%s)',
			key_type) USING "drop";
		PERFORM crm_internal.merge_moves('archived_order', 'customer_id', keep, "drop");
	END IF;
	EXECUTE format('INSERT INTO customer_change (customer_id) VALUES ($1::%1$s), ($2::%1$s)',
		key_type) USING keep, "drop";
END
$$;

--: Joins two customers of a workspace with tables of its own.
CREATE FUNCTION crm_internal.merge_tables(workspace text, keep bigint, "drop" bigint)
	RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	missing bigint;
	target record;
BEGIN
	SELECT m INTO missing FROM unnest(ARRAY[keep, "drop"]) m
	 WHERE m NOT IN (SELECT c.customer_id FROM customer c) LIMIT 1;
	IF missing IS NOT NULL THEN
		RAISE foreign_key_violation USING
			MESSAGE = format('there is no customer %s', missing),
			HINT = 'The table customer_merge has the customers who were joined before.';
	END IF;
	PERFORM crm_internal.merge_tiers(workspace, keep, "drop");
	FOR target IN
		SELECT c.relation, c.column_name FROM crm_internal.customer_columns() c
		 WHERE c.relation <> ALL (ARRAY['customer_history', 'customer_change',
				'customer_merge', 'rejected_customer', 'tier_log', 'lifecycle_log']::regclass[])
		 ORDER BY c.relation::text, c.column_name
	LOOP
		PERFORM crm_internal.merge_moves(target.relation, target.column_name, keep::text,
			"drop"::text);
	END LOOP;
	PERFORM crm_internal.merge_person(keep, "drop");
	PERFORM crm_internal.merge_identity(keep, "drop");
	DELETE FROM customer c WHERE c.customer_id = "drop";
	DELETE FROM customer_history h WHERE h.customer_id = "drop";
	DELETE FROM customer_change n WHERE n.customer_id = "drop";
	DELETE FROM rejected_customer r WHERE r.customer_id = "drop";
	INSERT INTO customer_change (customer_id) VALUES (keep);
END
$$;

CREATE FUNCTION crm_internal.merge_customers_as_owner(workspace text, keep text, "drop" text)
	RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	data jsonb;
	is_same boolean; -- two texts of one numeric or citext
BEGIN
	PERFORM crm_internal.person_enter(workspace, keep);
	PERFORM crm_internal.refuse_old_snapshot('customers cannot be merged',
		'It would leave what others have just written about them.');
	PERFORM crm_internal.check_key(workspace, "drop");
	EXECUTE format('SELECT same_customer($1::%1$s, $2::%1$s)', (SELECT k.key_type
		FROM crm_internal.workspace_kind(workspace) k)) INTO is_same USING keep, "drop";
	IF is_same THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('customer %s cannot be merged with itself', keep),
			HINT = 'Name two customers.';
	END IF;
	PERFORM crm_internal.lock_person(workspace, "drop", keep);
	data := crm.customer_data(workspace, "drop") - 'customer_merge'; -- it has its own rows
	IF to_regclass('customer') IS NOT NULL THEN
		PERFORM crm_internal.merge_tables(workspace, keep::bigint, "drop"::bigint);
	ELSE
		PERFORM crm_internal.merge_archive(keep, "drop");
		PERFORM crm_internal.tell_of_source("drop",
			format('UPDATE it, so that they belong to %s.', keep));
	END IF;
	INSERT INTO customer_merge (kept, dropped, dropped_data) VALUES (keep, "drop", data);
END
$$;

--| * `keep`: the key of the customer who stays.
--| * `drop`: the key of the customer who goes.
--|
--| Orders, contacts, contacts with us, contracts, opportunities, cases, answers, points, referrals
--| and consent of the second one become those of the first one. What is not known of the first one
--| is taken from the second one. Each program and the stages keep the log of the first one, or get
--| that of the second one where there is none. A higher tier of the second one holds until its next
--| review. The table `customer_merge` keeps what the second customer had been. The identities of
--| both lead to the first one, and so do the key and the code of the second one
--| (`customer_identity`).
--|
--| The call waits for transactions that write rows of the two, and holds no lock while it waits. A
--| transaction of another level than READ COMMITTED is an error.
--|
--| In an attached workspace the purchases belong to the source. There only the archived histories
--| are joined, and a NOTICE says how many rows of the source name the second customer.
CREATE FUNCTION crm.merge_customers(workspace text, keep text, "drop" text) RETURNS void
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_owner';
COMMENT ON FUNCTION crm.merge_customers(text, text, text) IS
'Joins two customers who are the same person or company.';

CREATE FUNCTION crm.merge_customers(workspace text, keep bigint, "drop" bigint)
	RETURNS void
	LANGUAGE sql
BEGIN ATOMIC
	SELECT crm.merge_customers(workspace, keep::text, "drop"::text);
END;
COMMENT ON FUNCTION crm.merge_customers(text, bigint, bigint) IS
'Joins two customers who are the same, whose keys are numbers.';
