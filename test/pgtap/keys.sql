-- Keys of customers whose equality is not that of their text: citext, a
-- collation that ignores case, a domain over citext, an enum and a domain that
-- refuses NULL. Each spelling of a name is the same customer in every view,
-- refresh and note, as plain SQL in the schema of the orders says.
\ir setup/begin.sql
\ir setup/refresh.sql
CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;
SET LOCAL search_path = public;
SELECT * FROM no_plan();

CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN person AS citext CHECK (length(VALUE) > 1);
CREATE DOMAIN person_no AS integer NOT NULL;
CREATE TYPE shop_kind AS ENUM ('zoo', 'bar', 'inn', 'spa');

-- The customers of each view, and their revenue, against the orders.
CREATE FUNCTION pg_temp.differences(workspace text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	relation text;
	found text;
	answer text;
BEGIN
	FOR relation IN SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = workspace::regnamespace AND a.attname = 'customer_id'
			AND c.relname IN ('purchase_history', 'customer_rfm', 'customer_value',
				'customer_forecast', 'customer_metric', 'customer_360')
		ORDER BY 1 LOOP
		EXECUTE format($q$
			SELECT string_agg(o.key::text, ', ') FROM (SELECT DISTINCT key FROM %1$I.orders) o
			  FULL JOIN (SELECT DISTINCT customer_id FROM %2$I.%3$I) v ON v.customer_id = o.key
			 WHERE o.key IS NULL OR v.customer_id IS NULL$q$,
			workspace || '_source', workspace, relation) INTO found;
		answer := concat_ws('; ', answer, relation || ': ' || found);
		EXECUTE format('SELECT count(*) - count(DISTINCT customer_id) FROM %I.%I', workspace,
			relation) INTO found;
		answer := concat_ws('; ', answer, relation || ' twice: ' || nullif(found, '0'));
	END LOOP;
	EXECUTE format($q$
		SELECT string_agg(v.customer_id::text, ', ') FROM %2$I.customer_value v
		  JOIN (SELECT key, sum(amount) AS revenue, count(*) AS purchases FROM %1$I.orders
				 GROUP BY key) o ON o.key = v.customer_id
		 WHERE o.revenue <> v.revenue OR o.purchases <> v.purchases$q$,
		workspace || '_source', workspace) INTO found;
	RETURN concat_ws('; ', answer, 'values: ' || found);
END
$$;

-- The notes, each customer once.
CREATE FUNCTION pg_temp.noted(workspace text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	answer bigint;
BEGIN
	EXECUTE format('SELECT count(DISTINCT customer_id) FROM %I.customer_change', workspace)
		INTO answer;
	RETURN answer;
END
$$;

-- One life of a source: loaded, stored, changed under another spelling, stored.
CREATE FUNCTION pg_temp.life(workspace text, type text, keys text[], again text[])
	RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	source text := workspace || '_source';
BEGIN
	EXECUTE format('CREATE SCHEMA %I', source);
	EXECUTE format('CREATE TABLE %I.orders (key %s, ordered_on date, amount numeric)',
		source, type);
	EXECUTE format('CREATE INDEX ON %I.orders (key)', source);
	EXECUTE format('INSERT INTO %I.orders SELECT k::%s, date ''2024-01-01'' + n::int, n
		FROM unnest($1) WITH ORDINALITY u (k, n)', source, split_part(type, ' COLLATE', 1))
		USING keys;
	PERFORM crm.attach(workspace, source || '.orders', 'key', 'ordered_on', 'amount',
		time_zone => 'UTC');
	RETURN NEXT is(pg_temp.differences(workspace), '', type || ': views before a refresh agree');
	PERFORM pg_temp.refresh(workspace);
	RETURN NEXT is(pg_temp.differences(workspace), '', type || ': stored views agree');
	EXECUTE format('INSERT INTO %I.orders SELECT k::%s, date ''2024-03-01'' + n::int, 100
		FROM unnest($1) WITH ORDINALITY u (k, n)', source, split_part(type, ' COLLATE', 1))
		USING again;
	RETURN NEXT is(pg_temp.noted(workspace), 1::bigint, type || ': a spelling is no new customer');
	RETURN NEXT is(pg_temp.differences(workspace), '', type || ': views beside a note agree');
	PERFORM pg_temp.refresh(workspace);
	RETURN NEXT is(pg_temp.noted(workspace), 0::bigint, type || ': a refresh takes the note away');
	RETURN NEXT is(pg_temp.differences(workspace), '', type || ': views agree after that refresh');
	PERFORM crm.freeze_thresholds(workspace, '2024-12-31');
	EXECUTE format('DELETE FROM %I.orders WHERE key = $1::%s', source,
		split_part(type, ' COLLATE', 1)) USING again[1];
	RETURN NEXT is(pg_temp.differences(workspace), '',
		type || ': a customer without orders is gone');
	PERFORM pg_temp.refresh(workspace);
	RETURN NEXT is(pg_temp.differences(workspace), '', type || ': a refresh forgets that customer');
	RETURN NEXT is((SELECT string_agg(c.problem || ' ' || c.object, ', ')
		FROM crm.check_workspace(workspace) c), NULL, type || ': the check finds nothing');
END
$$;

SELECT pg_temp.life('k_citext', 'citext', '{Jo,JO,jo,Ann,ann,Bob}', '{jO,JO}');
SELECT pg_temp.life('k_collation', 'text COLLATE public.any_case', '{Jo,JO,jo,Ann,ann,Bob}',
	'{jO,JO}');
SELECT pg_temp.life('k_domain', 'public.person', '{Jo,JO,jo,Ann,ann,Bob}', '{jO,JO}');
SELECT pg_temp.life('k_enum', 'public.shop_kind', '{zoo,bar,zoo,inn}', '{zoo,zoo}');
SELECT pg_temp.life('k_number', 'public.person_no', '{1,2,1,3}', '{1,1}');
SELECT pg_temp.life('k_uuid', 'uuid', '{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11,'
	'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}',
	'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}');

-- Each spelling names the same customer where customers are joined and erased, too.
CREATE FUNCTION pg_temp.joined(workspace text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	found bigint;
BEGIN
	PERFORM crm.merge_customers(workspace, 'ann', 'Bob');
	PERFORM crm.merge_customers(workspace, 'zoe', 'ANN');
	PERFORM crm.merge_customers(workspace, 'Max', 'ZOE');
	RETURN NEXT is(ARRAY(
		SELECT jsonb_array_length(crm.customer_data(workspace, k) -> 'customer_merge')
		  FROM unnest('{mAX,Zoe,Ann,bob}'::text[]) k), '{3,3,2,1}',
		workspace || ': the data of a customer have the merges of each spelling');
	EXECUTE format('INSERT INTO %I.workspace_problem (problem, detail) VALUES
		(''histories wrong'', ''that of Max''), (''histories wrong'', ''that of Jo'')', workspace);
	PERFORM crm.erase_customer(workspace, 'MaX');
	RETURN NEXT is(jsonb_array_length(crm.customer_data(workspace, 'ann') -> 'customer_merge'),
		NULL, workspace || ': no spelling is left in the merges of who is erased');
	EXECUTE format('SELECT count(*) FROM %I.workspace_problem', workspace) INTO found;
	RETURN NEXT is(found, 1::bigint, workspace || ': no message has another spelling');
END
$$;
SELECT pg_temp.joined('k_citext');
SELECT pg_temp.joined('k_collation');
SELECT pg_temp.joined('k_domain');

-- What belongs to somebody else is no part of a key type.
CREATE FUNCTION public.evil(citext) RETURNS citext LANGUAGE sql IMMUTABLE RETURN $1;
CREATE VIEW k_citext.planted AS SELECT public.evil(h.customer_id) AS name,
	h.customer_id OPERATOR(public.~) 'jo'::citext AS alike FROM k_citext.customer_history h;
SELECT set_eq($$SELECT f.object, f.used FROM crm_internal.foreign_dependencies(
	ARRAY['k_citext'::regnamespace::oid, 'k_citext_internal'::regnamespace::oid],
	'citext'::regtype, 'k_citext_source.orders'::regclass) f$$,
	$$VALUES ('k_citext.planted', 'function evil(citext)'),
		('k_citext.planted', 'operator ~(citext,citext)')$$,
	'functions and other operators of somebody else are named, those that order keys are not');

SELECT * FROM finish();
ROLLBACK;
