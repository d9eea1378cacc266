/*
 * restrict
 *
 * Row security for readers who may see some customers only.
 *
 * The views of a workspace run with the rights of the reader, so that policies
 * on the tables are enough. Every table with a customer needs one: a condition on
 * the view alone would run after functions that the reader wrote. The policies
 * are restrictive, which means that they take rows away from one role and give
 * nothing to others. Where a table had no row security, a second one that is true
 * for everybody keeps the rows of all other readers.
 */

--: The columns of the workspace of the search path that name a customer, but for the table
--: customer.
CREATE FUNCTION crm_internal.customer_columns()
	RETURNS TABLE (relation regclass, column_name name, is_required boolean)
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT c.oid::regclass, a.attname, a.attnotnull
	  FROM pg_class c
	  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	 WHERE c.relnamespace = (SELECT w.relnamespace FROM pg_class w
							  WHERE w.oid = 'workspace'::regclass)
	   AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'customer'
	   AND (a.attname = 'customer_id'
			OR EXISTS (SELECT FROM pg_constraint k
						WHERE k.conrelid = c.oid AND k.contype = 'f'
						  AND k.confrelid = to_regclass('customer')
						  AND k.conkey = ARRAY[a.attnum]));
END
$$;

--: The tables of the workspace of the search path that name a customer only through another table.
CREATE FUNCTION crm_internal.customer_parents()
	RETURNS TABLE (relation regclass, parent regclass, keys name[], parent_keys name[])
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT DISTINCT ON (k.conrelid) k.conrelid::regclass, k.confrelid::regclass,
		   array_agg(a.attname ORDER BY u.n), array_agg(f.attname ORDER BY u.n)
	  FROM pg_constraint k
	 CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS u (key, parent_key, n)
	  JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.key
	  JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = u.parent_key
	 WHERE k.contype = 'f'
	   AND k.confrelid IN (SELECT c.relation FROM crm_internal.customer_columns() c)
	   AND k.conrelid NOT IN (SELECT c.relation FROM crm_internal.customer_columns() c)
	   AND k.conrelid <> coalesce(to_regclass('customer'), 0)
	 GROUP BY k.oid, k.conrelid, k.confrelid, k.conname
	HAVING bool_and(a.attnotnull)
	 ORDER BY k.conrelid, k.conname;
END
$$;

--: The tables with a customer, each with the condition that shows some customers only.
CREATE FUNCTION crm_internal.customer_conditions(condition text)
	RETURNS TABLE (relation regclass, condition_here text)
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	is_attached boolean := to_regclass('customer') IS NULL;
BEGIN
	-- What maintenance notes may name any customer.
	RETURN QUERY
	SELECT to_regclass(n), 'false'
	  FROM unnest('{customer_merge,maintenance_run,workspace_problem}'::text[]) n;
	IF is_attached THEN
		RETURN QUERY
		SELECT c.relation, condition FROM crm_internal.customer_columns() c
		 WHERE c.column_name = 'customer_id';
		RETURN;
	END IF;
	RETURN QUERY SELECT to_regclass('customer'), condition;
	RETURN QUERY
	SELECT c.relation, string_agg(
		   format(CASE WHEN is_enough THEN '%2$s' ELSE '(%1$s.%3$I IS NULL OR %2$s)' END,
				  c.relation,
				  format('EXISTS (SELECT 1 FROM customer c WHERE c.customer_id = %s.%I)',
						 crm_internal.full_name(c.relation), c.column_name), c.column_name),
		   ' AND '
		   ORDER BY c.column_name)
	  FROM (SELECT l.*, l.is_required OR l.column_name = 'customer_id' AS is_enough
			  FROM crm_internal.customer_columns() l) c
	 GROUP BY c.relation;
	RETURN QUERY
	SELECT p.relation, format('EXISTS (SELECT 1 FROM %s parent WHERE %s)', p.parent,
		   (SELECT string_agg(format('parent.%I = %s.%I', u.parent_key,
				crm_internal.full_name(p.relation), u.key), ' AND ')
			  FROM unnest(p.keys, p.parent_keys) u (key, parent_key)))
	  FROM crm_internal.customer_parents() p;
END
$$;

--: The name of the policy that shows a role some customers only.
CREATE FUNCTION crm_internal.customer_policy_name(reader regrole) RETURNS text
	LANGUAGE sql STABLE STRICT
BEGIN ATOMIC
	SELECT 'crm_customers_of_' || CASE WHEN octet_length(r.rolname) <= 46 THEN r.rolname::text
		ELSE md5(r.rolname::text) END
	  FROM pg_roles r WHERE r.oid = reader;
END;

--: Switches row security of a table on, so that all roles go on seeing what they saw.
CREATE FUNCTION crm_internal.enable_row_security(relation regclass) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	IF (SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = relation) THEN
		RETURN;
	ELSIF EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = relation) THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('table %s has policies, and its row security is off', relation),
			DETAIL = 'With row security these policies would concern other roles, too.',
			HINT = format('DROP POLICY removes them. ALTER TABLE %s ENABLE ROW LEVEL SECURITY puts '
				'them in force.', relation);
	END IF;
	EXECUTE format('CREATE POLICY crm_everybody ON %s USING (true)', relation);
	EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
END
$$;

--: Puts the policy of a role on a table.
CREATE FUNCTION crm_internal.restrict_table(relation regclass, reader regrole, condition text)
	RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	policy text := crm_internal.customer_policy_name(reader);
BEGIN
	PERFORM crm_internal.enable_row_security(relation);
	IF EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = relation AND p.polname = policy) THEN
		EXECUTE format('DROP POLICY %I ON %s', policy, relation);
	END IF;
	-- The line break ends a comment in the condition.
	EXECUTE format(E'CREATE POLICY %I ON %s AS RESTRICTIVE TO %s USING (%s\n)', policy, relation,
		reader, condition);
END
$$;

--: Takes the policy of a role off a table, and row security where nothing else needs it.
CREATE FUNCTION crm_internal.unrestrict_table(relation regclass, reader regrole) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	policy text := crm_internal.customer_policy_name(reader);
BEGIN
	IF NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = relation AND p.polname = policy) THEN
		RETURN;
	END IF;
	EXECUTE format('DROP POLICY %I ON %s', policy, relation);
	IF (SELECT array_agg(p.polname) = '{crm_everybody}' FROM pg_policy p
		 WHERE p.polrelid = relation) THEN
		EXECUTE format('DROP POLICY crm_everybody ON %s', relation);
		EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', relation);
	END IF;
END
$$;

CREATE FUNCTION crm_internal.restrict_customers_as_owner(workspace text, reader regrole,
	condition text) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	target record;
	tables bigint := 0;
BEGIN
	IF coalesce(reader, 0) = 0 THEN
		RAISE null_value_not_allowed USING MESSAGE = 'restrict_customers needs a role',
			HINT = 'Give the role that may see some customers only.';
	END IF;
	PERFORM crm_internal.workspace_enter_alone(workspace);
	FOR target IN
		SELECT c.* FROM crm_internal.customer_conditions(condition) c ORDER BY c.relation::text
	LOOP
		IF condition IS NULL THEN
			PERFORM crm_internal.unrestrict_table(target.relation, reader);
		ELSE
			PERFORM crm_internal.restrict_table(target.relation, reader, target.condition_here);
		END IF;
		tables := tables + 1;
	END LOOP;
	RETURN tables;
END
$$;

--| * `reader`: the role. Members of the role are restricted as well. The owner of the workspace and
--|   superusers are not.
--| * `condition`: a condition on the columns of the table `customer`. In an attached workspace it
--|   is a condition on the column `customer_id`. NULL takes the restriction away.
--|
--| The function writes a restrictive policy for the role on every table that names a customer,
--| directly or through another table. Rows without a customer are hidden, too. Other roles see what
--| they saw before. The views follow, because they read with the rights of the reader. The reader
--| needs SELECT on the tables and views, and sees the same customers in all of them.
--|
--| An attached source keeps its own policies. crm.check_workspace names a table as source without
--| row security, and tables of your own that name a customer but have none.
--|
--| The result is the number of tables.
--|
--| ```sql
--| SELECT crm.restrict_customers('sales', 'north', $$region = 'north'$$);
--| ```
CREATE FUNCTION crm.restrict_customers(workspace text, reader regrole, condition text)
	RETURNS bigint
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_owner';
COMMENT ON FUNCTION crm.restrict_customers(text, regrole, text) IS
'Shows a role some customers only, in every table and view of a workspace.';

--: The tables with a customer, and the source, that have no row security while another one has it.
CREATE FUNCTION crm_internal.restriction_problems() RETURNS SETOF crm_internal.problem
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT 'row security', c.relation::text,
		   format('%s has row security, but %s has none and names customers.',
				  (SELECT min(o.relation::text COLLATE "C")
					 FROM crm_internal.customer_conditions('') o
					 JOIN pg_class s ON s.oid = o.relation AND s.relrowsecurity),
				  c.relation),
		   'SELECT crm.restrict_customers(...) again, or write a policy for the table.'
	  FROM crm_internal.customer_conditions('') c
	  JOIN pg_class t ON t.oid = c.relation AND NOT t.relrowsecurity
	 WHERE EXISTS (SELECT FROM crm_internal.customer_conditions('') o
					JOIN pg_class s ON s.oid = o.relation AND s.relrowsecurity)
	 ORDER BY c.relation::text COLLATE "C";
	RETURN QUERY
	SELECT 'row security', w.source::text,
		   format('customer_history has row security, but its source %s has none.', w.source),
		   format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, and write policies for it.', w.source)
	  FROM workspace w
	  JOIN pg_class t ON t.oid = w.source AND t.relkind IN ('r', 'p') AND NOT t.relrowsecurity
	  JOIN pg_class h ON h.oid = 'customer_history'::regclass AND h.relrowsecurity;
END
$$;
