-- Moments, days and lengths of time at the ends of what the server can hold. The catalog tells all
-- columns of a workspace that hold one. Each value is refused when it is written, or every view
-- and every kind of upkeep still works with it. A row of somebody's own table is left out.
\ir setup/workspace.sql
\ir setup/refresh.sql

CREATE TEMP TABLE extreme (type regtype, value text, is_within boolean,
	n integer GENERATED ALWAYS AS IDENTITY);
INSERT INTO extreme (type, value, is_within)
SELECT 'timestamptz'::regtype, v, false FROM unnest('{-infinity,infinity,4714-11-24 00:00+00 BC,
	294276-12-31 23:59:59.999999+00,0001-12-30 23:59+00 BC,10000-01-02 00:00+00}'::text[]) v
UNION ALL
SELECT 'timestamptz', v, true FROM unnest('{0001-12-31 00:00+00 BC,0001-01-01 00:00+00,
	0001-01-03 00:00+00,9999-12-30 00:00+00,9999-12-31 23:59:59+00,10000-01-01 23:59:59+00}'
	::text[]) v
UNION ALL
SELECT 'date', v, false FROM unnest('{-infinity,infinity,4714-11-24 BC,5874897-12-31,294276-12-31,
	0001-12-31 BC,10000-01-01}'::text[]) v
UNION ALL
SELECT 'date', v, true FROM unnest('{9999-12-31,0001-01-01}'::text[]) v
UNION ALL
SELECT 'interval', v, false FROM unnest('{178000000 years,-178000000 years,1001 years,366000 days,
	2147483647 days,9223372036854775807 microseconds}'::text[]) v
UNION ALL
SELECT 'interval', 'infinity', false WHERE current_setting('server_version_num')::int >= 170000
UNION ALL
SELECT 'interval', v, true FROM unnest('{-1000 years,-1 day,0,1 microsecond,1 day,1000 years}'
	::text[]) v;

-- The columns of a workspace that hold a time.
CREATE FUNCTION pg_temp.time_columns(workspace text)
	RETURNS TABLE (relation regclass, relname name, attname name, type regtype) LANGUAGE sql AS $$
	SELECT c.oid::regclass, c.relname, a.attname, a.atttypid::regtype
	  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
	 WHERE c.relnamespace IN (workspace::regnamespace, (workspace || '_internal')::regnamespace)
	   AND c.relkind IN ('r', 'p')
	   AND a.atttypid IN (SELECT e.type FROM extreme e UNION VALUES ('timestamp'::regtype))
	 ORDER BY 1, a.attnum $$;

-- What stops a query, or NULL.
CREATE FUNCTION pg_temp.fault(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE query;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

-- The views of a workspace that fail.
CREATE FUNCTION pg_temp.failing_views(workspace text)
	RETURNS TABLE (relation regclass, fault text) LANGUAGE sql AS $$
	SELECT q.* FROM (
		SELECT c.oid::regclass, pg_temp.fault(format('SELECT count(r::text) FROM %s r',
														c.oid::regclass)) AS fault
		  FROM pg_class c WHERE c.relkind = 'v'
		   AND c.relnamespace IN (workspace::regnamespace, (workspace || '_internal')::regnamespace)
		) q WHERE q.fault IS NOT NULL $$;

-- A workspace in which every table with a column for a time has a row.
CREATE FUNCTION pg_temp.make(time_zone text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM crm.create_workspace('crm_far', time_zone => make.time_zone);
	SET LOCAL search_path = crm_far, public;
	INSERT INTO customer (customer_id, name, created_at)
	SELECT g, 'c' || g, '2024-01-01' FROM generate_series(1, 65) g;
	INSERT INTO product (product_id, name, category, unit_cost) VALUES (1, 'a', 'x', 1);
	INSERT INTO campaign (campaign_id, name, channel, kind, starts_on, ends_on, budget)
		VALUES (1, 'c', 'web', 'mail', '2025-01-01', '2025-03-01', 10);
	INSERT INTO coupon VALUES ('c', 1, 'd', '2025-01-01', '2025-03-01');
	INSERT INTO cost_entry (spent_on, purpose, channel, campaign_id, amount)
		VALUES ('2025-01-01', 'acquisition', 'web', 1, 10);
	INSERT INTO interaction (customer_id, occurred_at, kind, channel, direction, campaign_id,
		product_id, topics) VALUES (1, '2025-01-05', 'click', 'web', 'in', 1, 1, '{a}');
	INSERT INTO sales_order (order_id, customer_id, ordered_at, campaign_id, coupon)
	SELECT g, 1 + (g * g) % 61, timestamptz '2024-11-01 12:00+00' + g * interval '14 hours', 1, 'c'
	  FROM generate_series(1, 300) g;
	INSERT INTO sales_order_line (order_id, line_no, product_id, unit_price, unit_cost)
	SELECT g, 1, 1, 100 + g, 20 FROM generate_series(1, 300) g;
	INSERT INTO refund (order_id, refunded_at, amount) VALUES (1, '2025-01-20', 5);
	INSERT INTO contract (customer_id, product_id, starts_on, ends_on, monthly_amount)
		VALUES (1, 1, '2025-01-01', '2025-04-01', 5);
	INSERT INTO opportunity (opportunity_id, customer_id, name, created_at, campaign_id, product_id,
		expected_close_on) VALUES (1, 1, 'o', '2025-01-01', 1, 1, '2025-05-01');
	INSERT INTO opportunity_log
	SELECT 1, '2025-01-02', s.stage, 5 FROM opportunity_stage s WHERE s.stage_no = 1;
	INSERT INTO service_case (customer_id, kind, opened_at, first_response_at, resolved_at, due_at,
		product_id, order_id, topics) VALUES
		(1, 'complaint', '2025-01-03', '2025-01-04', '2025-01-05', '2025-01-06', 1, 1, '{a}');
	INSERT INTO survey_answer (customer_id, survey, measure, sent_at, answered_at, score, topics)
		VALUES (1, 's', 'nps', '2025-01-03', '2025-01-04', 7, '{a}');
	INSERT INTO referral (referrer_id, referred_id, invited_at, converted_at, channel)
		VALUES (1, 65, '2025-01-03', '2025-01-04', 'x');
	INSERT INTO consent VALUES (1, 'offers', 'email', '2025-01-01', 'granted', 'consent', 'x',
		'2026-01-01');
	INSERT INTO points_entry (customer_id, occurred_at, kind, points, available_at, expires_at,
		order_id, program) VALUES (1, '2025-01-05', 'earn', 10, '2025-01-06', '2025-12-06', 1,
		'standard');
	INSERT INTO tier_log (program, customer_id, valid_from, valid_to, tier_no, reason, review_at,
		floor_until) VALUES ('standard', 1, '2025-01-04', '2025-03-01', 0, 'enroll', '2026-01-01',
		'2026-01-01');
	INSERT INTO lifecycle_log (customer_id, entered_at, stage) VALUES (1, '2025-01-04', 'purchase');
	INSERT INTO customer_identity VALUES ('erp', '1', 1, '2025-01-01');
	INSERT INTO kpi_target VALUES ('nps', '2025-01-01', 5);
	INSERT INTO customer_merge (kept, dropped, dropped_data) VALUES ('1', '2', '{}');
	INSERT INTO maintenance_run (step) VALUES ('refresh');
	INSERT INTO workspace_problem (problem) VALUES ('none');
	ALTER TABLE customer ALTER customer_id RESTART WITH 1000000;
	ALTER TABLE sales_order ALTER order_id RESTART WITH 1000000;
	ALTER TABLE campaign ALTER campaign_id RESTART WITH 1000000;
	ALTER TABLE opportunity ALTER opportunity_id RESTART WITH 1000000;
	PERFORM pg_temp.refresh('crm_far'), crm.freeze_thresholds('crm_far'), crm.fit('crm_far'),
		crm.review_tiers('crm_far'), crm.review_stages('crm_far'), crm.settle_points('crm_far');
	INSERT INTO customer_change (customer_id) VALUES (1);
	INSERT INTO everyone_change (reason) VALUES ('a test');
	INSERT INTO refresh_run (is_full) VALUES (true);
END $$;

/*
 * Writes a value into a copy of the first row of a table, with a customer of its own. Tables of
 * rules and settings have few rows, so there the row itself changes. Where another column stands
 * in the way, the second try has early ones, or NULL.
 */
CREATE TEMP SEQUENCE number START 1001;
CREATE FUNCTION pg_temp.write(relation regclass, column_name name, value text) RETURNS text
	LANGUAGE plpgsql AS $$
DECLARE
	n bigint := nextval('pg_temp.number');
	copied text;
	chosen jsonb;
	others jsonb;
	fault text;
BEGIN
	IF relation::text ~ '\y(program|workspace|lifecycle_move|score_item|kpi_target)$' THEN
		RETURN pg_temp.fault(format('UPDATE %1$s SET %2$I = %3$L WHERE ctid
			= (SELECT min(ctid) FROM %1$s)', relation, column_name, value));
	END IF;
	INSERT INTO customer (customer_id, name, created_at) VALUES (n, 'n', '2024-01-01');
	INSERT INTO sales_order (order_id, customer_id, ordered_at)
		VALUES (-n, n, date '2024-11-01' + (n % 50)::int),
			(-n - 1000000, n, date '2024-12-21' + (n * n % 130)::int);
	INSERT INTO sales_order_line (order_id, line_no, product_id, unit_price)
		VALUES (-n, 1, 1, 5), (-n - 1000000, 1, 1, 5);
	INSERT INTO opportunity (opportunity_id, customer_id, name, created_at)
		VALUES (n, n, 'n', '2025-01-01');
	chosen := CASE WHEN relation::text ~ '\ycustomer$' THEN '{}'
			ELSE jsonb_build_object('customer_id', n) END
		|| jsonb_build_object('external_id', n, 'coupon', 'c' || n, 'opportunity_id', n,
			'referred_id', n, 'as_of', date '2020-01-01' + n::int, 'order_id', -n)
		|| CASE WHEN relation::text ~ '\ysales_order$' THEN '{"coupon": "c"}' ELSE '{}' END::jsonb;
	SELECT string_agg(quote_ident(a.attname), ', '),
		   jsonb_object_agg(a.attname, CASE WHEN a.attnotnull THEN '0001-01-01' END)
			FILTER (WHERE a.atttypid IN ('timestamptz'::regtype, 'date'::regtype))
	  INTO copied, others
	  FROM pg_attribute a
	 WHERE a.attrelid = relation AND a.attnum > 0 AND a.attidentity = '' AND a.attgenerated = '';
	FOREACH chosen IN ARRAY ARRAY[chosen, coalesce(others, '{}') || chosen] LOOP
		fault := pg_temp.fault(format('INSERT INTO %1$s (%2$s) SELECT %2$s
			  FROM jsonb_populate_record((SELECT r FROM %1$s r ORDER BY r.ctid LIMIT 1), %3$L)',
			relation, copied, chosen || jsonb_build_object(column_name, value)));
		EXIT WHEN fault IS NULL OR fault LIKE '% must be from %';
	END LOOP;
	IF fault IS NULL AND relation::text ~ '\ysales_order$' THEN
		INSERT INTO sales_order_line (order_id, line_no, product_id, unit_price)
		SELECT o.order_id, 1, 1, 5 FROM sales_order o WHERE o.customer_id = n AND o.order_id > 300;
	END IF;
	RETURN fault;
END $$;

-- A workspace with values of one end: those that are early or late, and the lengths of time.
CREATE TEMP TABLE outcome (relation name, column_name name, value text, is_within boolean,
	fault text);
CREATE FUNCTION pg_temp.fill(time_zone text, is_late boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_temp.make(time_zone);
	INSERT INTO outcome
	SELECT c.relname, c.attname, e.value, e.is_within,
		   pg_temp.write(c.relation, c.attname, e.value)
	  FROM pg_temp.time_columns('crm_far') c JOIN extreme e USING (type)
	 WHERE e.type = 'interval'::regtype OR is_late = (e.value ~ '^(i|[5-9]|[0-9]{5})')
	 ORDER BY c.relation, c.attname, e.n;
	-- The days that a user takes for plausible decide about orders, and a review follows the last.
	UPDATE workspace SET earliest_day = '1970-01-01', latest_day = '2100-12-31',
		archived_until = NULL;
	DELETE FROM tier_review WHERE as_of > '2025-04-30';
	DELETE FROM lifecycle_review WHERE as_of > '2025-04-30';
END $$;

-- All kinds of upkeep that fail.
CREATE FUNCTION pg_temp.failing_upkeep() RETURNS TABLE (query text, fault text) LANGUAGE sql AS $$
	SELECT q.* FROM (
		SELECT q, pg_temp.fault(q) AS fault FROM unnest(ARRAY[
			'SELECT pg_temp.refresh(''crm_far'')',
			'SELECT crm_internal.refresh_everyone(''crm_far'')',
			'SELECT crm.freeze_thresholds(''crm_far'')',
			'SELECT crm.fit(''crm_far'')',
			'SELECT crm.backtest(''crm_far'', ''2025-02-28'')',
			'SELECT crm.review_tiers(''crm_far'')',
			'SELECT crm.review_stages(''crm_far'')',
			'SELECT crm.settle_points(''crm_far'')',
			'SELECT crm.check_workspace(''crm_far'')',
			'SELECT crm.customer_data(''crm_far'', c.customer_id) FROM crm_far.customer c
			  WHERE c.customer_id % 97 = 0',
			'SELECT crm.merge_customers(''crm_far'', 2, 1)',
			'SELECT crm.erase_customer(''crm_far'', 2)',
			'SELECT crm.delete_logs(''crm_far'', ''2025-01-01'')']) q) q
	 WHERE q.fault IS NOT NULL $$;

-- What is asked of a workspace. A log follows a change of the zone, but for its last day.
CREATE FUNCTION pg_temp.faults() RETURNS TABLE (place text, fault text) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY
	SELECT concat_ws(' ', o.relation, o.column_name, o.value), coalesce(o.fault, 'accepted')
	  FROM outcome o WHERE NOT o.is_within AND coalesce(o.fault NOT LIKE '23514 %', true)
		AND (o.column_name NOT IN ('seen_until', 'seen_at') OR o.value <> '-infinity')
	 UNION ALL
	SELECT concat_ws(' ', o.relation, o.column_name, o.value), o.fault
	  FROM outcome o WHERE o.is_within AND o.fault LIKE '% must be from %';
	RETURN QUERY SELECT v.relation::text, v.fault FROM pg_temp.failing_views('crm_far') v;
	RETURN QUERY SELECT u.query, u.fault FROM pg_temp.failing_upkeep() u;
	DELETE FROM crm_far.tier_log
	 WHERE least(valid_from, review_at, floor_until) < '0001-01-03 00:00+00'
		OR greatest(valid_from, valid_to, review_at, floor_until) > '9999-12-30 23:59+00';
	DELETE FROM crm_far.lifecycle_log
	 WHERE entered_at NOT BETWEEN '0001-01-03 00:00+00' AND '9999-12-30 23:59+00';
	RETURN QUERY
	SELECT z, pg_temp.fault(format('UPDATE crm_far.workspace SET time_zone = %L', z))
	  FROM unnest('{Pacific/Kiritimati,Etc/GMT+12}'::text[]) z;
END $$;

SET LOCAL crm.as_of = '2025-04-30';
SELECT pg_temp.fill('Asia/Shanghai', true) \g /dev/null
SELECT is_empty('SELECT * FROM pg_temp.faults() f WHERE f.fault IS NOT NULL',
	'late times in a zone east of UTC are refused or stop nothing');
SET LOCAL search_path = public;
SELECT crm.drop_workspace('crm_far', force => true) \g /dev/null
SELECT pg_temp.fill('America/Los_Angeles', false) \g /dev/null
SELECT is_empty('SELECT * FROM pg_temp.faults() f WHERE f.fault IS NOT NULL',
	'early times in a zone west of UTC are refused or stop nothing');
SELECT is_empty($$SELECT c.relname, c.attname FROM pg_temp.time_columns('crm_far') c
	WHERE NOT EXISTS (SELECT FROM outcome o
		WHERE (o.relation, o.column_name) = (c.relname, c.attname) AND o.fault IS NULL)$$,
	'each column was written');
SELECT throws_ok($$UPDATE crm_far.cost_entry SET spent_on = '10000-01-01'$$, '23514',
	'spent_on is 10000-01-01, but must be from 0001-01-01 to 9999-12-31',
	'a day that is refused is named with its column and the limits');
SELECT throws_ok($$UPDATE crm_far.survey_answer SET sent_at = '-infinity'$$, '23514',
	'sent_at is -infinity, but must be from 0001-01-01 to 9999-12-31',
	'a moment that is refused is named with its column and the limits');
SELECT throws_ok($$UPDATE crm_far.lifecycle_move SET after_idle = '1001 years'$$, '23514',
	'after_idle is 1001 years, but must be from -1000 years to 1000 years',
	'a length of time that is refused is named with its column and the limits');

-- A table of somebody: the zone, the type of the column and the zone of the column.
SET LOCAL search_path = public;
CREATE FUNCTION pg_temp.attached_faults(zone text, type text, at_zone text)
	RETURNS TABLE (place text, fault text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE public.sold (customer_id integer, at %1$s, paid numeric,
		changed %1$s)', type);
	PERFORM crm.attach('crm_near', 'sold', 'customer_id', 'at', 'paid', time_zone => zone,
		at_time_zone => at_zone);
	PERFORM crm.attach('crm_seen', 'sold', 'customer_id', 'at', 'paid', time_zone => zone,
		at_time_zone => at_zone, changed_at => 'changed');
	EXECUTE format('INSERT INTO public.sold SELECT e.n, e.value::%s, 5, ''2025-01-01''
		  FROM extreme e WHERE e.type = %L::regtype', type,
		CASE WHEN type = 'date' THEN 'date' ELSE 'timestamptz' END);
	EXECUTE format('INSERT INTO public.sold SELECT 1000 + e.n, ''2025-01-01'', 5, e.value::%s
		  FROM extreme e WHERE e.type = %L::regtype', type,
		CASE WHEN type = 'date' THEN 'date' ELSE 'timestamptz' END);
	INSERT INTO public.sold SELECT 2000 + g % 61, date '2024-11-01' + g % 180, 100 + g, '2025-01-02'
	  FROM generate_series(1, 300) g;
	RETURN QUERY
	SELECT q, pg_temp.fault(q) FROM unnest(ARRAY[
		'SELECT pg_temp.refresh(''crm_near'')',
		'UPDATE public.sold SET paid = paid + 1',
		'SELECT pg_temp.refresh(''crm_near'')',
		'SELECT crm.check_workspace(''crm_near'')',
		'SELECT crm.archive(''crm_near'', ''2024-12-01'')',
		'SELECT crm.unarchive(''crm_near'')']) q;
	RETURN QUERY SELECT v.relation::text, v.fault FROM pg_temp.failing_views('crm_near') v;
	-- Left out are the rows beyond the plausible days, and no others.
	RETURN QUERY EXECUTE '
		SELECT p.customer_id::text, coalesce(r.reason, ''counted'')
		  FROM public.sold p LEFT JOIN crm_near.rejected_purchase r USING (customer_id)
		 WHERE CASE WHEN p.customer_id >= 1000 THEN r.reason IS NOT NULL
					WHEN NOT isfinite(p.at) THEN r.reason IS DISTINCT FROM ''date is infinite''
					WHEN p.at < ''1970-01-01'' THEN
						r.reason IS DISTINCT FROM ''day before earliest_day''
					ELSE r.reason IS DISTINCT FROM ''day after latest_day'' END';
	RETURN QUERY
	SELECT q, pg_temp.fault(q) FROM unnest(ARRAY[
		'SELECT pg_temp.refresh(''crm_seen'')',
		'DELETE FROM public.sold WHERE changed > ''2025-01-01'' OR changed = ''-infinity''',
		'SELECT pg_temp.refresh(''crm_seen'')',
		'SELECT pg_temp.refresh(''crm_seen'')',
		'DELETE FROM public.sold WHERE changed > ''0001-12-29 BC''',
		'SELECT pg_temp.refresh(''crm_seen'')',
		'SELECT pg_temp.refresh(''crm_seen'')']) q;
	PERFORM crm.drop_workspace(w, force => true) FROM unnest('{crm_near,crm_seen}'::text[]) w;
	DROP TABLE public.sold;
END $$;
SELECT is_empty(format('SELECT * FROM pg_temp.attached_faults(%L, %L, %L) f
	WHERE f.fault IS NOT NULL', v.zone, v.type, v.at_zone),
	format('rows with a %s far out stop nothing in %s', v.type, v.zone))
  FROM (VALUES ('Asia/Shanghai', 'timestamptz', NULL), ('America/Los_Angeles', 'timestamptz', NULL),
	('Asia/Shanghai', 'date', NULL), ('America/Los_Angeles', 'timestamp', 'Asia/Shanghai')
	) v (zone, type, at_zone);
SELECT * FROM finish();
ROLLBACK;
