/*
 * bi
 *
 * Views of a workspace for tools that guess. A tool for business intelligence
 * (BI) reads the types of columns from the catalog. Where a type leaves something
 * open, the tool guesses.
 *
 * Money is numeric without a declared scale, because it is exact. The columns of
 * a function cannot even declare one. So the views of the workspace stay as they
 * are, and a second schema has the same views with declared scales.
 */

--: A column of a view in the select list of a view for tools.
CREATE FUNCTION crm_internal.bi_column(column_name name, type oid, type_modifier integer,
	decimals integer) RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN type = 'numeric'::regtype AND type_modifier = -1 THEN
				format('v.%1$I::pg_catalog.numeric(38, %2$s) AS %1$I', column_name, decimals)
			WHEN type = 'crm.history'::regtype THEN
				format('v.%1$I::pg_catalog.jsonb AS %1$I', column_name)
			ELSE format('v.%I', column_name) END;

-- CREATE OR REPLACE keeps grants and what stands on the view. It takes new columns at the end only.
--: Makes one view for tools, with the comments of its original.
CREATE FUNCTION crm_internal.create_bi_view(original regclass, workspace text, schema text,
	decimals integer) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	view_name name := (SELECT c.relname FROM pg_class c WHERE c.oid = original);
	shown text;
	is_dated boolean;
	described record;
BEGIN
	SELECT string_agg(crm_internal.bi_column(a.attname, a.atttypid, a.atttypmod, decimals), ', '
					  ORDER BY a.attnum),
		   bool_or(a.attname = 'as_of')
	  INTO shown, is_dated
	  FROM pg_attribute a WHERE a.attrelid = original AND a.attnum > 0 AND NOT a.attisdropped;
	IF NOT is_dated THEN
		shown := format('(SELECT d.day FROM %I.shown_day d) AS as_of, ', workspace) || shown;
	END IF;
	EXECUTE format('CREATE OR REPLACE VIEW %1$I.%2$I WITH (security_invoker) AS '
		'SELECT %3$s FROM %4$I.%2$I v', schema, view_name, shown, workspace);
	FOR described IN
		SELECT a.attname, d.description
		  FROM pg_description d
		  LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
								  AND d.objsubid > 0
		 WHERE d.classoid = 'pg_class'::regclass AND d.objoid = original
		UNION ALL
		SELECT 'as_of', 'The day shown.' WHERE NOT is_dated
	LOOP
		EXECUTE format('COMMENT ON %s %I.%I%s IS %L',
			CASE WHEN described.attname IS NULL THEN 'VIEW' ELSE 'COLUMN' END, schema, view_name,
			'.' || quote_ident(described.attname), described.description);
	END LOOP;
EXCEPTION WHEN invalid_table_definition THEN
	RAISE invalid_table_definition USING
		MESSAGE = format('view %I.%I has other columns and cannot be replaced', schema, view_name),
		DETAIL = SQLERRM,
		HINT = format('DROP VIEW %I.%I, then call crm.create_bi_views again.', schema, view_name);
END
$$;

CREATE FUNCTION crm_internal.create_bi_views_as_owner(workspace text, schema text,
	decimals integer) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $$
DECLARE
	original regclass;
	views bigint := 0;
BEGIN
	PERFORM crm_internal.workspace_enter_alone(workspace);
	schema := coalesce(schema, workspace || '_bi');
	decimals := coalesce(decimals, 8);
	IF decimals NOT BETWEEN 0 AND 20 THEN
		RAISE invalid_parameter_value USING MESSAGE = format('decimals is %s', decimals),
			HINT = 'Choose a number from 0 to 20.';
	ELSIF EXISTS (
			SELECT FROM crm.workspaces w
			 WHERE schema IN (w.workspace, crm_internal.workspace_inner_schema(w.workspace))) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('schema "%s" is of a workspace', schema),
			HINT = 'The views need a schema of their own.';
	ELSIF schema = '' THEN
		RAISE invalid_schema_name USING MESSAGE = 'the name of the schema is empty',
			HINT = format('Leave it out. The views are in "%s_bi" then.', workspace);
	END IF;
	IF to_regnamespace(quote_ident(schema)) IS NULL THEN
		EXECUTE format('CREATE SCHEMA %I', schema);
	END IF;
	FOR original IN
		SELECT c.oid FROM pg_class c
		 WHERE c.relnamespace = quote_ident(workspace)::regnamespace AND c.relkind = 'v'
		 ORDER BY c.relname
	LOOP
		PERFORM crm_internal.create_bi_view(original, workspace, schema, decimals);
		views := views + 1;
	END LOOP;
	RETURN views;
END
$$;

--| * `schema`: the schema of the new views. NULL: the name of the workspace with `_bi` at its end.
--|   It is made if it is not there.
--| * `decimals`: the decimals of money and of all other numbers of type numeric, from 0 to 20. The
--|   default, 8, loses nothing of an amount.
--|
--| Each view of the workspace gets a view of the same name, with the same rows, columns and
--| comments, and these differences:
--|
--| * The first column is `as_of`, the day shown. A tool that looks for an axis of time finds it.
--| * A column of type numeric is `numeric(38, decimals)`. Tools need not guess its scale.
--| * A history is jsonb, an array of `[day, purchases, amount]`.
--|
--| Call the function again after crm.upgrade_workspace, or after you added a view of your own to
--| the workspace. Grants on the new views stay. Where types of columns have changed, drop the views
--| before.
--|
--| Readers need USAGE on the workspace and on the new schema, and SELECT on what they read in both,
--| because the views read with the rights of their reader. So row security holds.
--|
--| crm.drop_workspace with `force` drops the views as well. The empty schema stays.
--|
--| The result is the number of views.
--|
--| ```sql
--| SELECT crm.create_bi_views('shop');
--| SELECT as_of, customer_id, revenue FROM shop_bi.customer_value;
--| ```
CREATE FUNCTION crm.create_bi_views(workspace text, schema text DEFAULT NULL,
	decimals integer DEFAULT 8) RETURNS bigint
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_owner';
COMMENT ON FUNCTION crm.create_bi_views(text, text, integer) IS
'Makes a schema of views for BI tools, with the day shown and declared scales.';
