-- Row security that shows a role some customers only: a policy with this
-- condition on every table of a workspace that has a customer.
CREATE FUNCTION pg_temp.restrict(workspace text, reader text, condition text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	relation regclass;
BEGIN
	FOR relation IN
		SELECT c.oid FROM pg_class c
		  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'customer_id'
		 WHERE c.relnamespace = to_regnamespace(quote_ident(workspace)) AND c.relkind = 'r'
	LOOP
		EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
		EXECUTE format('CREATE POLICY some_customers ON %s FOR SELECT TO %I USING (%s)', relation,
					   reader, condition);
	END LOOP;
END
$$;

CREATE FUNCTION pg_temp.restrict_no_more(workspace text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	relation regclass;
BEGIN
	FOR relation IN
		SELECT c.oid FROM pg_class c
		 WHERE c.relnamespace = to_regnamespace(quote_ident(workspace)) AND c.relrowsecurity
	LOOP
		EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', relation);
	END LOOP;
END
$$;
