/*
 * program
 *
 * Running a program in a workspace: reviews of tiers and of stages.
 * crm.tier_decide and crm.classify decide about each customer. This module
 * collects the facts for them, and writes what they decided.
 */

/* Decisions in words */

-- A date as text would depend on the session.
--: A decision about a tier in words, from the columns of tier_log: for example "grace: revenue_12m
--: 1000 is below 4000 (from 2024-04-01 until 2025-04-01)".
CREATE FUNCTION crm_internal.tier_why(reason text, metrics jsonb, thresholds jsonb,
	counted_since date, counted_until date, note text) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT reason
		|| coalesce(': '
			|| (SELECT string_agg(t.key || ' ' || coalesce(metrics ->> t.key, 'not known')
								  || CASE WHEN (metrics ->> t.key)::numeric >= t.value::numeric
										  THEN ' reaches ' ELSE ' is below ' END
								  || t.value, ', ' ORDER BY t.key COLLATE "C")
				  FROM jsonb_each_text(thresholds) t), '')
		|| CASE WHEN thresholds IS NOT NULL AND counted_since IS NOT NULL
				THEN format(' (from %s until %s)', to_char(counted_since, 'YYYY-MM-DD'),
							to_char(counted_until, 'YYYY-MM-DD')) ELSE '' END
		|| coalesce(': ' || note, '');
END;

/* Reviews of tiers */

-- 2000 is a year like any other: windows are counted from there in both directions.
--: The day from which the calendar windows of a program are counted where the program names none:
--: the first day of a week for weeks, and of a fiscal year for months and years.
CREATE FUNCTION crm_internal.first_period(window_length interval, week_start text,
	fiscal_year_start text) RETURNS date
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN CASE WHEN extract(month FROM window_length) = 0 AND extract(year FROM window_length) = 0
		AND extract(day FROM window_length) % 7 = 0
		THEN crm.period_start('2000-01-07', 'week from ' || week_start)
		ELSE crm.period_start('2000-12-31', 'year from ' || fiscal_year_start) END;

--: Enters a workspace whose inner schema the caller may use. An error where the workspace has no
--: tables for tiers and stages.
CREATE FUNCTION crm_internal.program_enter(workspace text) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM crm_internal.workspace_enter(workspace);
	PERFORM crm_internal.workspace_check_usage(workspace,
		crm_internal.workspace_inner_schema(workspace));
	IF pg_catalog.to_regclass('tier_log') IS NULL THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = pg_catalog.format('workspace "%s" stands on a relation of yours and keeps no '
				'tiers and stages', workspace),
			HINT = pg_catalog.format('Ask crm.tier_at, crm.tier_path or crm.classify about '
				'%I.purchase_history and %I.customer_metric, or make a workspace with '
				'crm.create_workspace.', workspace, workspace);
	END IF;
END
$$;

--: A day as the setting crm.as_of takes it; an error where it is none.
CREATE FUNCTION crm_internal.program_day(as_of date) RETURNS text
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	IF as_of IS NULL OR as_of < '0001-01-01' OR as_of > '9999-12-31' THEN
		RAISE datetime_field_overflow USING
			MESSAGE = format('as_of is %s', coalesce(as_of::text, 'NULL')),
			DETAIL = 'It must be a day from 0001-01-01 to 9999-12-31.';
	END IF;
	RETURN to_char(as_of, 'YYYY-MM-DD');
END
$$;

CREATE FUNCTION crm_internal.program_policy_as_owner(workspace text, program text)
	RETURNS crm.tier_policy
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	policy crm.tier_policy;
BEGIN
	PERFORM crm_internal.program_enter(workspace);
	policy := program_policy(program);
	IF policy IS NULL THEN
		RAISE undefined_object USING
			MESSAGE = format('there is no program %s in workspace "%s"',
				coalesce(quote_literal(program), 'NULL'), workspace),
			HINT = coalesce((SELECT format('Its programs are: %s.', string_agg(s.program, ', '
				ORDER BY s.program COLLATE "C")) FROM program s),
							format('INSERT INTO %I.program makes one.', workspace));
	END IF;
	RETURN policy;
END
$$;

--| * `program`: the program.
--|
--| Only metrics of purchases can be replayed by `crm.tier_at` and `crm.tier_path`: `revenue`,
--| `purchases` and `purchase_days`, and over the last 12 months `revenue_12m` and `purchases_12m`.
--| Rules that contradict themselves and an unknown program are errors. In a subquery the policy is
--| computed once, and not for each customer.
--|
--| ```sql
--| SELECT (crm.tier_at((SELECT crm.program_policy('sales', 'standard')), h.history,
--|                     '2025-12-31')).tier, count(*)
--|   FROM sales.purchase_history h
--|  GROUP BY 1;
--| ```
CREATE FUNCTION crm.program_policy(workspace text, program text) RETURNS crm.tier_policy
	LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'crm_as_reader';
COMMENT ON FUNCTION crm.program_policy(text, text) IS
'The policy that the rules of a program in a workspace mean now.';

-- The search path is that of the workspace.
--: A query for the metrics of a policy that do not count over its window, by customer; an error
--: where one does not exist.
CREATE FUNCTION crm_internal.program_given_metrics(policy crm.tier_policy) RETURNS text
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	wanted text;
	parts text[] := '{}';
	models text[] := '{}';
BEGIN
	FOR wanted IN SELECT DISTINCT r.metric FROM crm.tier_rules(policy) r
		WHERE NOT crm_internal.tier_counts(policy, r.metric) ORDER BY 1 LOOP
		IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = to_regclass('customer_metric')
			AND a.attname = wanted AND a.attnum > 0) THEN
			parts := parts || format('%L, c.%I', wanted, wanted);
		ELSIF EXISTS (SELECT FROM score_item i WHERE i.model = wanted) THEN
			parts := parts || format('%L, z.scores -> %1$L', wanted);
			models := models || wanted;
		ELSE
			RAISE undefined_column USING
				MESSAGE = format('there is no metric "%s", which a rule of a tier asks for',
					wanted),
				DETAIL = format('Metrics are: %s.',
					(SELECT string_agg(a.attname, ', ' ORDER BY a.attnum)
					   FROM pg_attribute a
					   JOIN pg_type t ON t.oid = a.atttypid AND t.typcategory = 'N'
					  WHERE a.attrelid = to_regclass('customer_metric') AND a.attnum > 0
						AND a.attname <> 'customer_id')
					|| coalesce((SELECT string_agg(DISTINCT ', ' || i.model, '')
								   FROM score_item i), '')),
				HINT = 'A metric is a column of the view customer_metric, or a model of '
					'score_item.';
		END IF;
	END LOOP;
	RETURN format('SELECT c.customer_id, jsonb_build_object(%s) AS given FROM customer_metric c',
		array_to_string(parts, ', '))
		|| CASE WHEN cardinality(models) > 0
				THEN format(' LEFT JOIN (SELECT v.customer_id, jsonb_object_agg(v.model, v.score) '
					'AS scores FROM customer_score v WHERE v.model = ANY (%L) GROUP BY '
					'v.customer_id) z ON z.customer_id = c.customer_id', models)
				ELSE '' END;
END
$$;

-- Members come from the log. A customer with any row there has joined before.
-- Its parameters: $1 the day, $2 the program, $4 the time zone. The search path is that of the
-- workspace. The condition is on a key of customers, and has %1$s in its place.
--: A query for who is in a program on a day, with the state and what the metrics are counted from:
--: the members, and those who join with their first purchase, who have no state yet.
CREATE FUNCTION crm_internal.program_members(policy crm.tier_policy, condition text DEFAULT 'true')
	RETURNS text
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	metrics text[] := ARRAY(SELECT DISTINCT r.metric FROM crm.tier_rules(policy) r
		WHERE r.metric IS NOT NULL);
	columns text := 'h.history, h.profit_history, NULL::crm.history AS points_history, NULL::jsonb '
		'AS given';
	joins text := '';
BEGIN
	IF 'points_earned' = ANY (metrics) THEN
		columns := replace(columns, 'NULL::crm.history', 'p.points_history');
		joins := E'\n\t\t  LEFT JOIN program_points p ON p.customer_id = coalesce(m.customer_id, '
			'h.customer_id) AND p.program = $2 AND ' || format(condition, 'p.customer_id');
	END IF;
	IF EXISTS (SELECT FROM unnest(metrics) m WHERE NOT crm_internal.tier_counts(policy, m)) THEN
		columns := replace(columns, 'NULL::jsonb', 'c.given');
		joins := joins || E'\n\t\t  LEFT JOIN (' || crm_internal.program_given_metrics(policy)
			|| ') c ON c.customer_id = coalesce(m.customer_id, h.customer_id)';
	END IF;
	RETURN format($query$
		SELECT coalesce(m.customer_id, h.customer_id) AS customer_id, m.valid_from, m.reason,
			m.state, %s
		  FROM (SELECT * FROM tier_member_at($1) o
				 WHERE o.program = $2 AND o.valid_to IS NULL AND %s) m
		  FULL JOIN (SELECT * FROM program_history a WHERE a.time_zone = $4 AND %s) h
			ON h.customer_id = m.customer_id%s
		 WHERE m.customer_id IS NOT NULL
			OR crm.first_day(h.history, $1) IS NOT NULL
			   AND NOT EXISTS (SELECT FROM tier_log l
				WHERE l.program = $2 AND l.customer_id = h.customer_id AND %s)$query$,
		columns, format(condition, 'o.customer_id'), format(condition, 'a.customer_id'), joins,
		format(condition, 'l.customer_id'));
END
$$;

-- A share of purchases ranks the customers who bought in the window. A share of another metric
-- ranks the customers whose metric is known. The search path is that of the workspace.
--: The values of a metric of the customers whom a share of the best ranks, the highest first.
CREATE FUNCTION crm_internal.program_ranked(policy crm.tier_policy, program text, metric text,
	as_of date) RETURNS numeric[]
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	condition text := 'true';
	ranked numeric[];
BEGIN
	IF crm_internal.tier_counts(policy, metric) AND metric <> 'points_earned' THEN
		condition := 'crm.purchases(crm.during(q.history, '
			'(crm.tier_window($3, q.state, $1 + 1)).since, $1 + 1)) > 0';
	END IF;
	EXECUTE format($query$
		SELECT array_agg(v.value ORDER BY v.value DESC)
		  FROM (SELECT (crm_internal.tier_metrics($3, q.state, q.history, q.profit_history,
							q.points_history, q.given, $1 + 1) ->> $5)::numeric AS value
				  FROM (SELECT coalesce(m.state,
							   crm.tier_enroll($3, crm.first_day(m.history, $1))) AS state,
							   m.history, m.profit_history, m.points_history, m.given
						  FROM (%s) m OFFSET 0) q
				 WHERE %s) v
		 WHERE v.value IS NOT NULL$query$, crm_internal.program_members(policy), condition)
	   INTO ranked USING as_of, program, policy, policy ->> 'time_zone', metric;
	RETURN ranked;
END
$$;

--: A policy with the shares of its rules replaced by the thresholds that they mean as of a day: the
--: value that the last of the share has, so that ties are not split.
CREATE FUNCTION crm_internal.program_freeze(policy crm.tier_policy, program text, as_of date)
	RETURNS crm.tier_policy
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	rule record;
	threshold numeric;
	ranked numeric[]; -- the values of ranked_metric, the highest first
	ranked_metric text;
	frozen jsonb := policy;
BEGIN
	FOR rule IN
		SELECT ARRAY['tiers', (t.n - 1)::text, 'rules', (r.n - 1)::text] AS path,
			   r.rule ->> 'metric' AS metric, (r.rule ->> 'keep_at')::numeric AS keep_at,
			   sum((r.rule ->> 'enter_share')::numeric)
				OVER (PARTITION BY r.rule ->> 'metric' ORDER BY t.n DESC) AS share
		  FROM jsonb_array_elements(policy -> 'tiers') WITH ORDINALITY t (tier, n)
		 CROSS JOIN LATERAL jsonb_array_elements(t.tier -> 'rules') WITH ORDINALITY r (rule, n)
		 WHERE r.rule ? 'enter_share'
		 ORDER BY 2
	LOOP
		IF rule.metric IS DISTINCT FROM ranked_metric THEN
			ranked_metric := rule.metric;
			ranked := crm_internal.program_ranked(policy, program, rule.metric, as_of);
		END IF;
		threshold := ranked[greatest(ceil(rule.share * cardinality(ranked)), 1)::integer];
		-- With no ranked customers there is no threshold: use 10^15, so that nobody enters.
		threshold := coalesce(trim_scale(floor(100000000 * threshold) / 100000000), 1e15);
		frozen := jsonb_set(frozen, rule.path,
			(frozen #> rule.path) - 'enter_share'
			|| jsonb_build_object('enter_at', threshold, 'keep_at',
				least(rule.keep_at, threshold)));
	END LOOP;
	RETURN frozen;
END
$$;

-- The search path is that of the workspace.
--: Takes back what reviews of a program decided on a day and later.
CREATE FUNCTION crm_internal.program_rewind(program text, as_of date, time_zone text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	by_hand bigint;
	day_start timestamptz := crm_internal.day_start(as_of, time_zone);
BEGIN
	SELECT count(*) INTO by_hand FROM tier_log l
	 WHERE l.program = program_rewind.program AND l.valid_from >= day_start
		AND l.reason IN ('manual', 'merge', 'close');
	IF by_hand > 0 THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('program "%s" has decisions by hand of %s or later', program, as_of),
			DETAIL = format('They are %s: rows of tier_log with the reason manual, merge or close.',
				by_hand),
			HINT = 'A replay takes back the decisions of reviews. Delete those made by hand first, '
				'and make them again afterwards.';
	END IF;
	DELETE FROM tier_log l WHERE l.program = program_rewind.program AND l.valid_from >= day_start;
	UPDATE tier_log l SET valid_to = NULL
	 WHERE l.program = program_rewind.program AND l.valid_to >= day_start;
	DELETE FROM tier_review r WHERE r.program = program_rewind.program
		AND r.as_of >= program_rewind.as_of;
END
$$;

--: The thresholds of a policy by number of the tier, each with what enters and what keeps it.
CREATE FUNCTION crm_internal.tier_thresholds(policy crm.tier_policy) RETURNS jsonb
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT jsonb_object_agg(t.tier_no,
							jsonb_strip_nulls(jsonb_build_object('enter', t.enter, 'keep', t.keep)))
	  FROM (SELECT r.tier_no, jsonb_object_agg(r.metric, r.enter_at) AS enter,
				   jsonb_object_agg(r.metric, r.keep_at) AS keep
			  FROM crm.tier_rules(policy) r
			 WHERE r.metric IS NOT NULL
			 GROUP BY r.tier_no) t;
END;

-- Its parameters are those of tier_write_part.
--: A query for what a policy decides on a day about each member whose key is from $7 to $8.
CREATE FUNCTION crm_internal.tier_decisions(policy crm.tier_policy) RETURNS text
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN format($query$
		SELECT e.customer_id, e.valid_from, e.tier_before, e.decided, e.metrics,
			   e.counted_since, e.counted_until,
			   CASE WHEN e.valid_from IS NULL OR e.is_same_day AND e.reason = 'enroll' THEN 'enroll'
					WHEN (e.decided).tier_no > e.tier_before THEN 'upgrade'
					WHEN (e.decided).tier_no < e.tier_before THEN 'downgrade'
					WHEN (e.decided).in_grace THEN 'grace'
					WHEN e.is_same_day AND e.reason = 'manual' THEN 'manual'
					ELSE 'renew' END AS reason
		  FROM (SELECT d.customer_id, d.valid_from, d.reason, d.valid_from >= $5 AS is_same_day,
					   (d.verdict).decided, (d.verdict).metrics, (d.verdict).counted_since,
					   (d.verdict).counted_until,
					   CASE WHEN d.valid_from >= $5
							THEN coalesce((SELECT p.tier_no FROM tier_log p
											WHERE p.program = $2 AND p.customer_id = d.customer_id
											  AND p.valid_to = d.valid_from), (d.state).tier_no)
							ELSE (d.state).tier_no END AS tier_before
				  FROM (SELECT m.*,
							   crm_internal.tier_judge($3, m.state, m.history, m.profit_history,
								m.points_history, m.given, $1) AS verdict
						  FROM (%s) m OFFSET 0) d
				 WHERE (d.verdict).counted_until IS NOT NULL) e
		 ORDER BY e.customer_id$query$,
		crm_internal.program_members(policy, '%s BETWEEN $7 AND $8'));
END
$$;

-- The search path is that of the workspace.
--: Locks the tiers of a program as a foreign key would do, until the transaction ends. An error
--: where a tier that a policy gives does not exist.
CREATE FUNCTION crm_internal.tiers_lock(policy crm.tier_policy, program text) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	unknown integer;
BEGIN
	PERFORM FROM tier t WHERE t.program = tiers_lock.program FOR KEY SHARE;
	SELECT r.tier_no INTO unknown FROM crm.tier_rules(policy) r
	 WHERE NOT EXISTS (SELECT FROM tier t
						WHERE t.program = tiers_lock.program AND t.tier_no = r.tier_no) LIMIT 1;
	IF FOUND THEN
		RAISE foreign_key_violation USING
			MESSAGE = format('program "%s" has no tier number %s', program, unknown);
	END IF;
END
$$;

--: An error where a review wrote about other customers than those of the table customer.
CREATE FUNCTION crm_internal.customers_refuse(log text, written bigint, known bigint)
	RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	IF written <> known THEN
		RAISE foreign_key_violation USING
			MESSAGE = format('%s customers of the review are not in the table customer',
				written - known),
			DETAIL = format('The table %s refers to that table.', log),
			HINT = 'A full refresh of the workspace deletes the stored histories of customers who '
				'are gone.';
	END IF;
END
$$;

--: The columns of tier_log that a decision writes, beside its key.
CREATE FUNCTION crm_internal.tier_columns() RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN 'tier_no, reason, review_at, floor_until, floor_no, enrolled_on, changed_on, '
		'counted_since, counted_until, metrics, thresholds';

--: What a decision writes to the columns of tier_columns.
CREATE FUNCTION crm_internal.tier_values() RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN $values$(e.decided).tier_no, e.reason,
			   crm_internal.day_start((e.decided).review_on, $4),
			   CASE WHEN (e.decided).floor_until > $1
					THEN crm_internal.day_start((e.decided).floor_until, $4) END,
			   CASE WHEN (e.decided).floor_until > $1 THEN (e.decided).floor_no END,
			   (e.decided).enrolled_on, (e.decided).changed_on, e.counted_since, e.counted_until,
			   e.metrics,
			   $6 -> (CASE WHEN e.reason = 'downgrade' THEN e.tier_before
						   ELSE (e.decided).tier_no END)::text
				  -> (CASE WHEN e.reason IN ('enroll', 'upgrade') THEN 'enter' ELSE 'keep' END)
				  $values$;

/*
 * The foreign keys of tier_log would check each row by two queries. Instead the
 * customers of all rows are counted and locked at once, and the tiers before.
 */
-- A row of that day is replaced. The search path is that of the workspace.
--: The statement of tier_write_part. It returns the number of rows written, in all and by reason,
--: and of customers among those decided on.
CREATE FUNCTION crm_internal.tier_statement(policy crm.tier_policy) RETURNS text
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN format($query$
	WITH decision AS MATERIALIZED (%1$s), known AS (
		SELECT FROM decision e JOIN customer c ON c.customer_id = e.customer_id
		 WHERE c.customer_id BETWEEN $7 AND $8 ORDER BY c.customer_id FOR KEY SHARE OF c
	), closed AS (
		UPDATE tier_log l SET valid_to = $5
		 WHERE l.program = $2 AND l.valid_to IS NULL AND l.valid_from < $5
		   AND l.customer_id = ANY (ARRAY(SELECT e.customer_id FROM decision e
										   WHERE e.valid_from < $5)) RETURNING l.customer_id
	), written AS (
		INSERT INTO tier_log (program, customer_id, valid_from, %3$s)
		SELECT $2, e.customer_id, $5, %2$s
		  FROM decision e
		 CROSS JOIN crm_internal.references_checked('tier_log')
		  LEFT JOIN closed c ON c.customer_id = e.customer_id -- closes the old row first
		 -- All is read before the first row is written, while the log is as it was.
		 WHERE (e.valid_from >= $5) IS NOT TRUE AND (SELECT count(*) FROM known) IS NOT NULL
	), replaced AS (
		UPDATE tier_log l
		   SET (%3$s) = (SELECT %2$s), decided_at = DEFAULT, decided_by = DEFAULT
		  FROM decision e
		 WHERE l.program = $2 AND l.customer_id = e.customer_id AND l.valid_from = e.valid_from
		   AND e.valid_from >= $5
		   AND l.customer_id = ANY (ARRAY(SELECT e.customer_id FROM decision e
										   WHERE e.valid_from >= $5))
	)
	SELECT count(*), count(*) FILTER (WHERE e.reason = 'enroll'),
		   count(*) FILTER (WHERE e.reason = 'upgrade'), count(*) FILTER (WHERE e.reason = 'renew'),
		   count(*) FILTER (WHERE e.reason = 'grace'),
		   count(*) FILTER (WHERE e.reason = 'downgrade'), (SELECT count(*) FROM known)
	  FROM decision e$query$, crm_internal.tier_decisions(policy), crm_internal.tier_values(),
		crm_internal.tier_columns());
END
$$;

--: Writes what a policy without shares decides on a day about the customers whose keys are from
--: first_key to last_key to tier_log, with what it rests on.
CREATE FUNCTION crm_internal.tier_write_part(policy crm.tier_policy, program text, as_of date,
	first_key bigint, last_key bigint,
	OUT changes bigint, OUT enrolled bigint, OUT upgraded bigint, OUT renewed bigint,
	OUT given_grace bigint, OUT downgraded bigint) RETURNS record
	LANGUAGE plpgsql AS $$
DECLARE
	known bigint;
BEGIN
	EXECUTE crm_internal.tier_statement(policy)
	   INTO changes, enrolled, upgraded, renewed, given_grace, downgraded, known
	  USING as_of, program, policy, policy ->> 'time_zone',
			crm_internal.day_start(as_of, policy ->> 'time_zone'),
			crm_internal.tier_thresholds(policy), first_key, last_key;
	PERFORM crm_internal.customers_refuse('tier_log', changes, known);
END
$$;

/*
 * A part of the customers at a time, so that the memory for decisions does not
 * grow with their number. Metrics that the review does not count itself come
 * from a view that may read all customers, so it is read once.
 */
--: The greatest keys of the parts in which a program is reviewed, of so many customers each. The
--: last one has no end.
CREATE FUNCTION crm_internal.tier_parts(policy crm.tier_policy, customers bigint DEFAULT 50000)
	RETURNS SETOF bigint
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	last_key bigint := -9223372036854775808;
BEGIN
	IF (SELECT bool_and(crm_internal.tier_counts(policy, r.metric))
		  FROM crm.tier_rules(policy) r WHERE r.metric IS NOT NULL) THEN
		LOOP
			SELECT c.customer_id INTO last_key FROM customer c
			 WHERE c.customer_id > last_key ORDER BY c.customer_id OFFSET customers - 1 LIMIT 1;
			EXIT WHEN NOT FOUND;
			RETURN NEXT last_key;
		END LOOP;
	END IF;
	RETURN NEXT 9223372036854775807;
END
$$;

--: Behind crm.review_tiers: writes what a policy without shares decides about everybody on a day to
--: tier_log, with what it rests on.
CREATE FUNCTION crm_internal.tier_write(policy crm.tier_policy, program text, as_of date,
	OUT changes bigint, OUT enrolled bigint, OUT upgraded bigint, OUT renewed bigint,
	OUT given_grace bigint, OUT downgraded bigint) RETURNS record
	LANGUAGE plpgsql AS $$
BEGIN
	PERFORM crm_internal.tiers_lock(policy, program);
	SELECT sum(w.changes), sum(w.enrolled), sum(w.upgraded), sum(w.renewed), sum(w.given_grace),
		   sum(w.downgraded)
	  INTO changes, enrolled, upgraded, renewed, given_grace, downgraded
	  FROM (SELECT p AS last_key,
				   coalesce(lag(p) OVER (ORDER BY p) + 1, -9223372036854775808) AS first_key
			  FROM crm_internal.tier_parts(policy) p) k
	 CROSS JOIN LATERAL crm_internal.tier_write_part(policy, program, as_of, k.first_key,
													 k.last_key) w;
END
$$;

--: An error where a program was reviewed as of a later day.
CREATE FUNCTION crm_internal.program_refuse_later(workspace text, program text, as_of date)
	RETURNS void
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	last_review date;
BEGIN
	SELECT max(r.as_of) INTO last_review FROM tier_review r
	 WHERE r.program = program_refuse_later.program;
	IF last_review > as_of THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('program "%s" was reviewed as of %s, after %s', program, last_review,
							 to_char(as_of, 'YYYY-MM-DD')),
			DETAIL = 'Late facts count at the next review.',
			HINT = 'To take the later decisions back and decide again from that day: '
				|| format('SELECT * FROM crm.review_tiers(%L, %L, %L, replay => true);',
						  workspace, program, to_char(as_of, 'YYYY-MM-DD'));
	END IF;
END
$$;

--: Behind crm.review_tiers: reviews one program as of a day.
CREATE FUNCTION crm_internal.program_review(workspace text, program text, as_of date,
	replay boolean, OUT members bigint, OUT enrolled bigint, OUT upgraded bigint,
	OUT renewed bigint, OUT given_grace bigint, OUT downgraded bigint) RETURNS record
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp SET row_security = off SET crm.as_of = '' AS $$
DECLARE
	day text := crm_internal.program_day(as_of);
	policy crm.tier_policy;
	changes bigint;
BEGIN
	PERFORM crm_internal.program_enter(workspace);
	PERFORM crm_internal.workspace_lock(workspace);
	PERFORM set_config('crm.as_of', day, true);
	policy := crm.program_policy(workspace, program); -- its zone may have changed meanwhile
	IF replay THEN
		PERFORM crm_internal.program_rewind(program, as_of, policy ->> 'time_zone');
	ELSE
		PERFORM crm_internal.check_day(as_of, policy ->> 'time_zone');
		PERFORM crm_internal.program_refuse_later(workspace, program, as_of);
	END IF;
	policy := crm_internal.program_freeze(policy, program, as_of);
	SELECT w.* INTO changes, enrolled, upgraded, renewed, given_grace, downgraded
	  FROM crm_internal.tier_write(policy, program, as_of) w;
	PERFORM crm_internal.workspace_analyze('tier_log', changes);
	SELECT count(*) INTO members FROM tier_log l
	 WHERE l.program = program_review.program AND l.valid_to IS NULL
	   AND l.reason NOT IN ('merge', 'close');
	INSERT INTO tier_review AS r (program, as_of, policy, members, changes)
	VALUES (program, as_of, policy, members, changes)
	ON CONFLICT ON CONSTRAINT tier_review_pkey DO UPDATE
	SET policy = EXCLUDED.policy, members = EXCLUDED.members,
		changes = r.changes + EXCLUDED.changes,
		reviewed_at = EXCLUDED.reviewed_at, reviewed_by = EXCLUDED.reviewed_by
	WHERE EXCLUDED.changes > 0 OR r.policy <> EXCLUDED.policy;
END
$$;

CREATE FUNCTION crm_internal.review_tiers_as_owner(workspace text, INOUT program text,
	as_of date, replay boolean,
	OUT members bigint, OUT enrolled bigint, OUT upgraded bigint, OUT renewed bigint,
	OUT given_grace bigint, OUT downgraded bigint) RETURNS SETOF record
	LANGUAGE plpgsql ROWS 1 SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	wanted text := program;
	day date;
BEGIN
	PERFORM crm_internal.program_enter(workspace);
	day := coalesce(as_of, (SELECT d.day FROM shown_day d));
	FOR program IN
		SELECT wanted WHERE wanted IS NOT NULL
		UNION ALL
		(SELECT p.program FROM program p WHERE wanted IS NULL ORDER BY p.program COLLATE "C")
	LOOP
		SELECT r.* INTO members, enrolled, upgraded, renewed, given_grace, downgraded
		  FROM crm_internal.program_review(workspace, program, day, replay) r;
		RETURN NEXT;
	END LOOP;
END
$$;

--| * `program`: the program. NULL, the default, means all of them.
--| * `as_of`: the day of the review. NULL, the default, is the day of the views.
--| * `replay`: whether to take the reviews of that day and later back first, and to decide again.
--|
--| Customers join with their first purchase. `crm.tier_decide` explains what is decided. The review
--| decides when the day begins, by what was before it. Where the day has purchases, it decides
--| again when the day ends. Decisions take effect from the beginning of the day. So a program whose
--| upgrades count at once is reviewed daily. Reviewed every day, it decides as `crm.tier_path`
--| replays.
--|
--| The same review again writes only what is new. Shares of the best customers are frozen to
--| thresholds, which the table `tier_review` keeps with the rules. A day before the last review and
--| a day after today are errors, unless `replay` is true.
--|
--| The result has a row for each program: its name, the number of members, and how many were
--| enrolled, upgraded, renewed, given a grace and downgraded.
CREATE FUNCTION crm.review_tiers(workspace text, INOUT program text DEFAULT NULL,
	as_of date DEFAULT NULL, replay boolean DEFAULT false,
	OUT members bigint, OUT enrolled bigint, OUT upgraded bigint, OUT renewed bigint,
	OUT given_grace bigint, OUT downgraded bigint) RETURNS SETOF record
	LANGUAGE C ROWS 1 AS 'MODULE_PATHNAME', 'crm_as_maintainer';
COMMENT ON FUNCTION crm.review_tiers(text, text, date, boolean) IS
'Reviews the programs of a workspace as of a day, and writes what changes to tier_log.';

/* Decisions by hand */

--: The number of a tier that may be given by hand on a day; an error where there is none.
CREATE FUNCTION crm_internal.granted_tier_no(workspace text, program text, tier text,
	as_of date) RETURNS integer
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	granted integer;
BEGIN
	SELECT t.tier_no INTO granted FROM tier t
	 WHERE t.program = granted_tier_no.program AND t.name = granted_tier_no.tier;
	IF granted IS NULL THEN
		RAISE undefined_object USING
			MESSAGE = format('program "%s" has no tier %s', program,
							 coalesce(quote_literal(tier), 'NULL')),
			HINT = (SELECT format('Its tiers are: %s.', string_agg(t.name, ', ' ORDER BY t.tier_no))
					  FROM tier t WHERE t.program = granted_tier_no.program);
	ELSIF EXISTS (SELECT FROM tier_policy_at(as_of) p
				   WHERE p.program = granted_tier_no.program
					 AND NOT EXISTS (SELECT FROM crm.tier_rules(p.policy) r
									  WHERE r.tier_no = granted)) THEN
		RAISE undefined_object USING
			MESSAGE = format('tier "%s" of program "%s" is newer than the last review', tier,
							 program),
			HINT = 'A change of rules takes effect with the next review: '
				|| format('SELECT * FROM crm.review_tiers(%L, %L, %L);', workspace, program, as_of);
	END IF;
	RETURN granted;
END
$$;

--: Where a customer stands in a program on a day; NULL for no member, an error for a former one.
CREATE FUNCTION crm_internal.granted_member(workspace text, program text, customer_id bigint,
	as_of date, OUT valid_from timestamptz, OUT state crm.tier_state) RETURNS record
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	member record;
BEGIN
	IF customer_id IS NULL
		OR NOT EXISTS (SELECT FROM customer c
						WHERE c.customer_id = granted_member.customer_id) THEN
		RAISE foreign_key_violation USING
			MESSAGE = format('there is no customer %s', coalesce(customer_id::text, 'NULL'));
	END IF;
	SELECT m.* INTO member FROM tier_member_at(as_of) m
	 WHERE m.program = granted_member.program AND m.customer_id = granted_member.customer_id
	   AND m.valid_to IS NULL;
	valid_from := member.valid_from;
	state := member.state;
	IF valid_from IS NULL AND EXISTS (SELECT FROM tier_log l
							  WHERE l.program = granted_member.program
								AND l.customer_id = granted_member.customer_id) THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('customer %s is no member of program "%s" on %s, '
							 'or has a later decision', customer_id, program, as_of),
			HINT = format('SELECT * FROM %I.tier_log WHERE customer_id = %s; shows the decisions.',
						  workspace, customer_id);
	END IF;
END
$$;

--: The state of a customer after a tier was given by hand until a day.
CREATE FUNCTION crm_internal.granted_state(policy crm.tier_policy, state crm.tier_state,
	granted integer, until date, as_of date) RETURNS crm.tier_state
	LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	state := coalesce(state, crm.tier_enroll(policy, as_of));
	IF state.tier_no >= granted THEN
		RETURN state;
	END IF;
	-- Only the floor may raise the tier here, so pass unknown metrics and no review date.
	state.floor_no := granted;
	state.floor_until := until;
	state.review_on := NULL;
	RETURN crm.tier_decide(policy, state,
		coalesce((SELECT jsonb_object_agg(r.metric, NULL) FROM crm.tier_rules(policy) r
				   WHERE r.metric IS NOT NULL), '{}'), as_of);
END
$$;

--: Writes a tier that was given by hand to tier_log.
CREATE FUNCTION crm_internal.grant_write(program text, customer_id bigint, state crm.tier_state,
	valid_from timestamptz, day_start timestamptz, time_zone text, until date, granted integer,
	note text) RETURNS void
	LANGUAGE plpgsql AS $$
BEGIN
	IF valid_from < day_start THEN
		UPDATE tier_log l SET valid_to = day_start
		 WHERE l.program = grant_write.program AND l.customer_id = grant_write.customer_id
		   AND l.valid_to IS NULL;
	END IF;
	INSERT INTO tier_log AS l (program, customer_id, valid_from, tier_no, reason, review_at,
							   floor_until, floor_no, enrolled_on, changed_on, note)
	VALUES (program, customer_id, greatest(day_start, valid_from), state.tier_no, 'manual',
			crm_internal.day_start(state.review_on, time_zone),
			crm_internal.day_start(until, time_zone), granted, state.enrolled_on, state.changed_on,
			note)
	ON CONFLICT ON CONSTRAINT tier_log_pkey DO UPDATE
	SET tier_no = EXCLUDED.tier_no, reason = EXCLUDED.reason, review_at = EXCLUDED.review_at,
		floor_until = EXCLUDED.floor_until, floor_no = EXCLUDED.floor_no,
		enrolled_on = EXCLUDED.enrolled_on, changed_on = EXCLUDED.changed_on,
		counted_since = NULL, counted_until = NULL, metrics = NULL, thresholds = NULL,
		note = EXCLUDED.note, decided_at = EXCLUDED.decided_at, decided_by = EXCLUDED.decided_by;
END
$$;

CREATE FUNCTION crm_internal.tier_grant_as_owner(workspace text, program text,
	customer_id bigint, tier text,
	until date, as_of date, note text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	policy crm.tier_policy;
	time_zone text;
	granted integer;
	member record;
	state crm.tier_state;
BEGIN
	PERFORM crm_internal.program_enter(workspace);
	as_of := coalesce(as_of, (SELECT d.day FROM shown_day d));
	PERFORM crm_internal.program_day(as_of);
	PERFORM crm_internal.workspace_lock(workspace);
	policy := crm.program_policy(workspace, program); -- its zone may have changed meanwhile
	time_zone := policy ->> 'time_zone';
	PERFORM crm_internal.check_day(as_of, time_zone);
	granted := crm_internal.granted_tier_no(workspace, program, tier, as_of);
	IF until <= as_of OR until IS NULL OR NOT isfinite(until) THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('a tier given on %s must be protected until a later day, not %s',
							 as_of, coalesce(until::text, 'NULL')),
			HINT = 'A tier given by hand is a floor until a day, so that nobody keeps it forever '
				'by mistake.';
	END IF;
	-- Decided by the rules that hold, in which shares are thresholds.
	policy := coalesce((SELECT p.policy FROM tier_policy_at(as_of) p
						 WHERE p.program = tier_grant_as_owner.program), policy);
	member := crm_internal.granted_member(workspace, program, customer_id, as_of);
	state := crm_internal.granted_state(policy, member.state, granted, until, as_of);
	PERFORM crm_internal.grant_write(program, customer_id, state, member.valid_from,
		crm_internal.day_start(as_of, time_zone), time_zone, until, granted, note);
END
$$;

--| * `until`: the day until which the customer does not fall below the tier, whatever their
--|   metrics. From then on they are reviewed like everybody.
--| * `as_of`: the day on which the tier is given. NULL, the default, is the day of the views.
--| * `note`: says why.
--|
--| A customer with a higher tier keeps it. A customer who is no member joins with the tier. A later
--| tier given by hand takes the place of an earlier one. The row of `tier_log` has the reason
--| `manual`. An unknown program, tier or customer, a day `as_of` after today, a day `until` that is
--| not later, and a later decision about the customer are errors.
CREATE FUNCTION crm.tier_grant(workspace text, program text, customer_id bigint, tier text,
	until date, as_of date DEFAULT NULL, note text DEFAULT NULL) RETURNS void
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_maintainer';
COMMENT ON FUNCTION crm.tier_grant(text, text, bigint, text, date, date, text) IS
'Gives a customer a tier by hand, until a day.';

/* Reviews of stages */

-- The search path is that of the workspace.
--: Where lifecycle_found reads the times that have passed. Most workspaces have none.
CREATE FUNCTION crm_internal.timeout_source() RETURNS text
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF EXISTS (SELECT FROM lifecycle_move m WHERE m.after_idle IS NOT NULL) THEN
		RETURN 'LATERAL lifecycle_timeout(r.stage, r.idle)';
	END IF;
	RETURN '(SELECT NULL::text AS to_stage, NULL::interval AS after_idle)';
END
$$;

--: An error where a rule of a stage asks for a metric that does not exist.
CREATE FUNCTION crm_internal.check_stage_metric(workspace text, metric text) RETURNS void
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	view regclass := to_regclass('customer_metric');
BEGIN
	IF EXISTS (SELECT FROM pg_attribute a
				WHERE a.attrelid = view AND a.attname = metric AND a.attnum > 0) THEN
		RETURN;
	END IF;
	RAISE undefined_column USING
		MESSAGE = format('there is no metric "%s", which a rule of a stage asks for', metric),
		DETAIL = (SELECT format('Metrics are: %s.', string_agg(a.attname, ', ' ORDER BY a.attnum))
			FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid AND t.typcategory IN ('N', 'B')
		   WHERE a.attrelid = view AND a.attnum > 0 AND a.attname <> 'customer_id'),
		HINT = format('Correct the row of %I.lifecycle_rule, or add the column to the view '
			'customer_metric.', workspace);
END
$$;

/*
 * What the view customer_stage shows, of the columns that rules name: the
 * whole row of customer_metric would take lifetime values and all the rest.
 * The log is joined before anything is asked of a row, since facts come in the
 * order of their customers, and rows that are made of them do not.
 */
-- Its parameters $1 and $2 are the rules and the start of the day. The search path is that of the
-- workspace.
--: A query for the stage of each customer as of the day crm.as_of(), with the row of metrics, with
--: facts where it is a time that has passed, and with the last row of the log up to the day; an
--: error where a rule names a metric that does not exist.
CREATE FUNCTION crm_internal.lifecycle_found(workspace text) RETURNS text
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	metric text;
	columns text := '';
BEGIN
	FOR metric IN SELECT DISTINCT r.metric FROM lifecycle_rule r
		WHERE r.metric NOT IN ('customer_id', 'idle_days') ORDER BY 1 LOOP
		PERFORM crm_internal.check_stage_metric(workspace, metric);
		columns := columns || format(', c.%I', metric);
	END LOOP;
	RETURN format($query$
		SELECT r.customer_id, r.row, coalesce(t.to_stage, r.stage) AS stage,
			   CASE WHEN t.to_stage IS NOT NULL THEN jsonb_build_object(
				'why', timeout_text(r.idle, t.after_idle, r.stage, t.to_stage), 'metrics',
					jsonb_build_object('idle_days', r.idle)) END AS timeout,
			   r.stage_logged, r.entered_at
		  FROM (SELECT m.customer_id, m.row, m.idle, crm.classify($1, m.row) AS stage,
			m.stage_logged, m.entered_at
				  FROM (SELECT metrics.customer_id, metrics AS row, metrics.idle_days AS idle,
							l.stage AS stage_logged, l.entered_at
						  FROM (SELECT c.customer_id, c.idle_days%s FROM customer_metric c) metrics
						  LEFT JOIN (
							SELECT DISTINCT ON (g.customer_id) g.customer_id, g.stage, g.entered_at
							  FROM lifecycle_log g
							 WHERE g.entered_at <= $2
							 ORDER BY g.customer_id, g.entered_at DESC) l
							ON l.customer_id = metrics.customer_id
						 ORDER BY metrics.customer_id
						OFFSET 0) m
				OFFSET 0) r
		  LEFT JOIN %s t ON true
		 WHERE r.stage IS NOT NULL$query$, columns, crm_internal.timeout_source());
END
$$;

-- The facts are made here, since they are smaller than the rows of metrics. A row that only takes
-- that of the same day back has none.
-- The search path is that of the workspace.
--: A query for the customers whose stage changed, with the facts of the move, and with the
--: parameters of lifecycle_write.
CREATE FUNCTION crm_internal.lifecycle_moves(workspace text) RETURNS text
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN format($query$
		SELECT s.customer_id, s.stage, s.stage_before, s.is_again,
			   CASE WHEN s.stage IS DISTINCT FROM s.stage_before THEN %s END AS facts
		  FROM (SELECT f.customer_id, f.stage, f.row, f.timeout,
					   CASE WHEN f.entered_at = $2 THEN b.stage ELSE f.stage_logged END
						AS stage_before,
					   f.entered_at IS NOT DISTINCT FROM $2 AS is_again
				  FROM (%s) f
				  LEFT JOIN LATERAL ( -- the one before, only where this day was reviewed already
					SELECT p.stage FROM lifecycle_log p
					 WHERE p.customer_id = f.customer_id AND p.entered_at < $2
						AND f.entered_at = $2
					 ORDER BY p.entered_at DESC LIMIT 1) b ON true
				 WHERE f.stage IS DISTINCT FROM f.stage_logged
				OFFSET 0) s
		 ORDER BY s.customer_id$query$, crm_internal.move_facts(),
		crm_internal.lifecycle_found(workspace));
END
$$;

-- The search path is that of the workspace.
--: Locks the stages as a foreign key would do, until the transaction ends. An error where a stage
--: that rules give does not exist.
CREATE FUNCTION crm_internal.stages_lock(rules crm.ruleset) RETURNS void
	LANGUAGE plpgsql AS $$
DECLARE
	unknown text;
BEGIN
	PERFORM FROM lifecycle_stage s FOR KEY SHARE;
	SELECT r.stage INTO unknown
	  FROM (SELECT e ->> 'label' AS stage FROM jsonb_array_elements(rules::jsonb) e
			UNION ALL SELECT m.to_stage FROM lifecycle_move m) r
	 WHERE NOT EXISTS (SELECT FROM lifecycle_stage s WHERE s.stage = r.stage) LIMIT 1;
	IF FOUND THEN
		RAISE foreign_key_violation USING MESSAGE = format('there is no stage "%s"', unknown);
	END IF;
END
$$;

--: The facts of a move in lifecycle_log, an expression of lifecycle_moves.
CREATE FUNCTION crm_internal.move_facts() RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN replace($expression$CASE WHEN s.timeout IS NULL
				THEN crm_internal.moved_facts($1, s.row, s.stage_before, @unusual@)
				ELSE s.timeout || jsonb_strip_nulls(jsonb_build_object('from_stage',
					s.stage_before, 'unusual', nullif(@unusual@, false))) END$expression$,
		'@unusual@', $unusual$s.stage_before IS NOT NULL AND NOT EXISTS (
					SELECT FROM lifecycle_move m
					 WHERE m.from_stage = s.stage_before AND m.to_stage = s.stage)$unusual$);

-- The foreign keys of lifecycle_log are checked as those of tier_log. A row of that day that turned
-- out to be no move is taken back. Returns the number of rows written and of unusual moves among
-- them. The search path is that of the workspace.
--: Behind crm.review_stages: writes the stages that changed to lifecycle_log, as of the day
--: crm.as_of() that begins at day_start.
CREATE FUNCTION crm_internal.lifecycle_write(workspace text, rules crm.ruleset,
	day_start timestamptz, OUT moves bigint, OUT unusual_moves bigint) RETURNS record
	LANGUAGE plpgsql AS $$
DECLARE
	known bigint;
BEGIN
	PERFORM crm_internal.stages_lock(rules);
	EXECUTE format($query$
	WITH found AS MATERIALIZED (%s), known AS (
		-- Looked up in the index: hardly ever do all customers move.
		SELECT FROM customer c
		 WHERE c.customer_id = ANY (ARRAY(SELECT f.customer_id FROM found f
										   WHERE f.stage IS DISTINCT FROM f.stage_before))
		 ORDER BY c.customer_id FOR KEY SHARE
	), taken_back AS (
		DELETE FROM lifecycle_log l USING found f
		 WHERE l.customer_id = f.customer_id AND l.entered_at = $2 AND f.stage = f.stage_before
	), written AS (
		INSERT INTO lifecycle_log AS l (customer_id, entered_at, stage, facts)
		SELECT f.customer_id, $2, f.stage, f.facts
		  FROM found f CROSS JOIN crm_internal.references_checked('lifecycle_log')
		 WHERE f.stage IS DISTINCT FROM f.stage_before AND NOT f.is_again
		 -- Read all before the first row is written, while the log is as it was.
		   AND (SELECT count(*) FROM known) IS NOT NULL
		RETURNING l.facts ? 'unusual' AS is_unusual
	), replaced AS (
		UPDATE lifecycle_log l
		   SET stage = f.stage, facts = f.facts, decided_at = DEFAULT, decided_by = DEFAULT
		  FROM found f
		 WHERE l.customer_id = f.customer_id AND l.entered_at = $2 AND f.is_again
		   AND f.stage IS DISTINCT FROM f.stage_before
		RETURNING l.facts ? 'unusual' AS is_unusual
	)
	SELECT count(*), count(*) FILTER (WHERE w.is_unusual), (SELECT count(*) FROM known)
	  FROM (SELECT * FROM written UNION ALL SELECT * FROM replaced) w$query$,
		crm_internal.lifecycle_moves(workspace))
	   INTO moves, unusual_moves, known USING rules, day_start;
	PERFORM crm_internal.customers_refuse('lifecycle_log', moves, known);
END
$$;

--: The rules of stages and the begin of the day of a review; an error where it may not be held.
CREATE FUNCTION crm_internal.stage_prepare(workspace text, as_of date, replay boolean,
	OUT rules crm.ruleset, OUT day_start timestamptz) RETURNS record
	LANGUAGE plpgsql AS $$
DECLARE
	last_review date;
BEGIN
	SELECT lifecycle_rules(), crm_internal.day_start(as_of, w.time_zone) INTO rules, day_start
	  FROM workspace w;
	IF rules IS NULL THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('workspace "%s" has no rules for stages', workspace),
			HINT = format('INSERT INTO %I.lifecycle_rule; a last row without a metric matches '
						  'everybody.', workspace);
	END IF;
	SELECT max(r.as_of) INTO last_review FROM lifecycle_review r;
	IF replay IS NOT TRUE THEN
		PERFORM crm_internal.check_day(as_of, NULL);
	END IF;
	IF replay THEN
		DELETE FROM lifecycle_log l WHERE l.entered_at >= day_start;
		DELETE FROM lifecycle_review r WHERE r.as_of >= stage_prepare.as_of;
	ELSIF last_review > as_of THEN
		RAISE object_not_in_prerequisite_state USING
			MESSAGE = format('stages were reviewed as of %s, after %s', last_review, as_of),
			DETAIL = 'Late facts count at the next review.',
			HINT = 'To take the later reviews back and look again from that day: '
				|| format('SELECT * FROM crm.review_stages(%L, %L, replay => true);', workspace,
						  to_char(as_of, 'YYYY-MM-DD'));
	END IF;
END
$$;

--: Behind crm.review_stages.
CREATE FUNCTION crm_internal.stage_review(workspace text, as_of date, replay boolean,
	OUT customers bigint, OUT moves bigint, OUT unusual_moves bigint) RETURNS record
	LANGUAGE plpgsql
	SET search_path = pg_catalog, pg_temp SET row_security = off SET crm.as_of = '' AS $$
DECLARE
	day text := crm_internal.program_day(as_of);
	rules crm.ruleset;
	day_start timestamptz;
BEGIN
	PERFORM crm_internal.program_enter(workspace);
	PERFORM crm_internal.workspace_lock(workspace);
	PERFORM set_config('crm.as_of', day, true);
	SELECT p.rules, p.day_start INTO rules, day_start
	  FROM crm_internal.stage_prepare(workspace, as_of, replay) p;
	SELECT w.* INTO moves, unusual_moves
	  FROM crm_internal.lifecycle_write(workspace, rules, day_start) w;
	PERFORM crm_internal.workspace_analyze('lifecycle_log', moves);
	-- The log refers to the table customer, so nobody needs to be looked up there.
	SELECT count(DISTINCT l.customer_id) INTO customers FROM lifecycle_log l;
	INSERT INTO lifecycle_review AS r (as_of, rules, customers, moves, unusual_moves)
	VALUES (as_of, rules, customers, moves, unusual_moves)
	ON CONFLICT ON CONSTRAINT lifecycle_review_pkey DO UPDATE
	SET (moves, unusual_moves) = (
			SELECT count(*), count(*) FILTER (WHERE l.facts ? 'unusual')
			  FROM lifecycle_log l WHERE l.entered_at = day_start),
		rules = EXCLUDED.rules, customers = EXCLUDED.customers,
		reviewed_at = EXCLUDED.reviewed_at, reviewed_by = EXCLUDED.reviewed_by;
END
$$;

CREATE FUNCTION crm_internal.review_stages_as_owner(workspace text, as_of date,
	replay boolean,
	OUT customers bigint, OUT moves bigint, OUT unusual_moves bigint) RETURNS record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
BEGIN
	PERFORM crm_internal.program_enter(workspace);
	SELECT r.* INTO customers, moves, unusual_moves
	  FROM shown_day d
	 CROSS JOIN LATERAL crm_internal.stage_review(workspace, coalesce(as_of, d.day), replay) r;
END
$$;

--| * `as_of`: the day of the review. NULL, the default, is the day of the views.
--| * `replay`: whether to take the reviews of that day and later back first, and to look again.
--|
--| A stage counts from the beginning of the day of the review that found it. `lifecycle_log` keeps
--| the reasons and the values behind a move. A move that `lifecycle_move` does not list is written,
--| too, and has `"unusual": true` in its facts. The same review again changes only what new facts
--| or rules change. A day before the last review and a day after today are errors, unless `replay`
--| is true.
--|
--| The result has the number of customers in a stage, of moves written (first stages included), and
--| of unusual moves among them.
CREATE FUNCTION crm.review_stages(workspace text, as_of date DEFAULT NULL,
	replay boolean DEFAULT false,
	OUT customers bigint, OUT moves bigint, OUT unusual_moves bigint) RETURNS record
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_maintainer';
COMMENT ON FUNCTION crm.review_stages(text, date, boolean) IS
'Looks at the stages of all customers as of a day, and writes those that changed.';

/* Another time zone */

/*
 * A program has days. Its log keeps the moments at which they begin, so the log
 * follows a change of the zone: what counted from 1 April still does. Moments
 * move by the clock on the wall. Between the two passes they are a little earlier,
 * by a time that no two decisions are apart. So no row meets the place that
 * another one has yet to leave.
 */
--: How far rows of a log are from their places between the two passes.
CREATE FUNCTION crm_internal.moving_distance() RETURNS interval
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN interval '1 hour 13 minutes 37.864209 seconds';

-- A midnight may come twice. A day starts with the first one, and AT TIME ZONE takes the second.
--: The moment with the same day and time in another time zone. The start of a day stays one.
CREATE FUNCTION crm_internal.moved_moment(at timestamptz, time_zone_before text, time_zone text)
	RETURNS timestamptz
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN at = crm_internal.day_start(d.day, time_zone_before)
				THEN crm_internal.day_start(d.day, time_zone)
				ELSE at AT TIME ZONE time_zone_before AT TIME ZONE time_zone END
	  FROM (SELECT crm_internal.day_of(at, time_zone_before) AS day) d;
END;

--: Gives the decisions about tiers of some programs the same days in another time zone.
CREATE FUNCTION crm_internal.move_tier_log(workspace text, programs text[], time_zone_before text,
	time_zone text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
BEGIN
	EXECUTE format('
		UPDATE %I.tier_log l
		   SET (valid_from, valid_to, review_at, floor_until) = (SELECT
				crm_internal.moved_moment(l.valid_from, $2, $3) - crm_internal.moving_distance(),
				crm_internal.moved_moment(l.valid_to, $2, $3),
				crm_internal.moved_moment(l.review_at, $2, $3),
				crm_internal.moved_moment(l.floor_until, $2, $3))
		 WHERE l.program = ANY ($1)', workspace)
	  USING programs, time_zone_before, time_zone;
	EXECUTE format('
		UPDATE %I.tier_log l
		   SET valid_from = l.valid_from + crm_internal.moving_distance()
		 WHERE l.program = ANY ($1)', workspace) USING programs;
	EXECUTE format('
		UPDATE %I.tier_review r SET policy = jsonb_set(r.policy, ''{time_zone}'', to_jsonb($2))
		 WHERE r.program = ANY ($1)', workspace) USING programs, time_zone;
END
$$;

--: Gives the stages in lifecycle_log the same days in another time zone.
CREATE FUNCTION crm_internal.move_lifecycle_log(workspace text, time_zone_before text,
	time_zone text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
BEGIN
	EXECUTE format('
		UPDATE %I.lifecycle_log l SET entered_at =
			crm_internal.moved_moment(l.entered_at, $1, $2) - crm_internal.moving_distance()',
		workspace)
	  USING time_zone_before, time_zone;
	EXECUTE format('
		UPDATE %I.lifecycle_log l
		   SET entered_at = l.entered_at + crm_internal.moving_distance()', workspace);
END
$$;

-- The trigger of the tables workspace and program before a change.
--: Waits until nobody maintains the workspace, because reviews write days of the time zone.
CREATE FUNCTION crm_internal.lock_days() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM set_config('search_path', format('%I, pg_temp', TG_TABLE_SCHEMA), true);
	PERFORM crm_internal.workspace_lock(TG_TABLE_SCHEMA);
	RETURN NULL;
END
$$;

-- The trigger of the tables workspace and program.
--: Keeps the days of decisions where the time zone of a workspace or a program changes.
CREATE FUNCTION crm_internal.move_days() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	programs text[];
	its_zone text;
BEGIN
	IF TG_TABLE_NAME = 'workspace' THEN
		EXECUTE format('SELECT array_agg(p.program) FROM %I.program p WHERE p.time_zone IS NULL',
			TG_TABLE_SCHEMA) INTO programs;
		PERFORM crm_internal.move_tier_log(TG_TABLE_SCHEMA, programs, OLD.time_zone,
			NEW.time_zone);
		PERFORM crm_internal.move_lifecycle_log(TG_TABLE_SCHEMA, OLD.time_zone, NEW.time_zone);
	ELSE
		EXECUTE format('SELECT w.time_zone FROM %I.workspace w', TG_TABLE_SCHEMA) INTO its_zone;
		PERFORM crm_internal.move_tier_log(TG_TABLE_SCHEMA, ARRAY[NEW.program],
			coalesce(OLD.time_zone, its_zone), coalesce(NEW.time_zone, its_zone));
	END IF;
	RETURN NULL;
END
$$;

/* What is wrong */

--: The rows of tier_log that overlap, or that end without a successor.
CREATE FUNCTION crm_internal.tier_log_problems() RETURNS SETOF crm_internal.problem
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT 'tiers overlap', 'tier_log',
		   format('Customer %s has two tiers of "%s" from %s on.', o.customer_id, o.program,
				  o.next_from),
		   'Correct valid_to of the earlier row: it is the valid_from of the next one.'
	  FROM (SELECT l.program, l.customer_id, l.valid_from, l.valid_to,
				   lead(l.valid_from) OVER (PARTITION BY l.program, l.customer_id
											ORDER BY l.valid_from) AS next_from
			  FROM tier_log l) o
	 WHERE coalesce(o.valid_to, 'infinity') > o.next_from
	 ORDER BY o.program, o.customer_id, o.valid_from;
	RETURN QUERY
	SELECT 'tier without a successor', 'tier_log',
		   format('Customer %s has no tier of "%s" from %s on.', o.customer_id, o.program,
				  o.valid_to),
		   'Set valid_to of their last row to NULL, or replay the reviews from that day on.'
	  FROM (SELECT DISTINCT ON (l.program, l.customer_id) l.program, l.customer_id, l.valid_to,
				   l.reason
			  FROM tier_log l ORDER BY l.program, l.customer_id, l.valid_from DESC) o
	 WHERE o.valid_to IS NOT NULL AND o.reason NOT IN ('merge', 'close')
	 ORDER BY o.program, o.customer_id;
END
$$;

-- Calendar periods are seen whole if they are whole months that divide the unit of the reviews,
-- counted from the beginning of the year.
--: Programs whose reviews look at parts of a calendar period.
CREATE FUNCTION crm_internal.partial_period_problems() RETURNS SETOF crm_internal.problem
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT 'reviews look at parts of a period', 'program ' || s.program,
		   'A review counts the calendar period only up to its own day.',
		   'Let round_up be a whole number of periods: "year" for periods of a year.'
	  FROM program s CROSS JOIN workspace w
	 CROSS JOIN LATERAL (
		SELECT crm.period_start('2000-01-01', 'year from ' || w.fiscal_year_start) AS year_on,
			   extract(year FROM s.window_length) * 12 + extract(month FROM s.window_length)
				AS months) l
	 WHERE s.window_kind = 'calendar' AND NOT coalesce(
		s.window_length = l.months * interval '1 month'
		AND extract(day FROM coalesce(s.period_start_on, l.year_on)) = 1
		AND (extract(month FROM coalesce(s.period_start_on, l.year_on)) + 12
			- extract(month FROM l.year_on)) % nullif(l.months, 0) = 0
		AND CASE s.round_up WHEN 'year' THEN 12 WHEN 'quarter' THEN 3 WHEN 'month' THEN 1 END
			% nullif(l.months, 0) = 0, false)
	 ORDER BY s.program;
END
$$;

--: The points that were taken back twice, and the scores whose thresholds are out of order.
CREATE FUNCTION crm_internal.points_and_score_problems() RETURNS SETOF crm_internal.problem
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY
	SELECT 'points taken back twice', 'points_entry',
		   format('Entry %s of customer %s brought %s points, %s were taken back.', e.entry_id,
				  e.customer_id, e.points, - sum(r.points)),
		   'A reversal takes back at most what the entry brought; write an entry of the kind '
		   'adjust for the difference.'
	  FROM points_entry e
	  JOIN (SELECT r.reverses_id, r.points + coalesce(sum(u.points), 0) AS points
			  FROM points_entry r
			  LEFT JOIN points_entry u ON u.reverses_id = r.entry_id AND u.points > 0
			 WHERE r.kind = 'reverse' AND r.points < 0
			 GROUP BY r.entry_id) r ON r.reverses_id = e.entry_id
	 GROUP BY e.entry_id HAVING - sum(r.points) > e.points
	 ORDER BY e.entry_id;
	RETURN QUERY
	SELECT 'score out of order', 'score_item',
		   format('%s in "%s" has breaks %s and points %s.', i.metric, i.model, i.breaks, i.points),
		   'Breaks ascend, and neither breaks nor points are NULL.'
	  FROM score_item i
	 WHERE i.breaks IS DISTINCT FROM ARRAY(
			SELECT b FROM unnest(i.breaks) b WHERE b IS NOT NULL GROUP BY b ORDER BY b)
		OR array_position(i.points, NULL) IS NOT NULL
	 ORDER BY i.model, i.metric;
END
$$;

--: What is wrong with the programs of a workspace, as crm.check_workspace shows it: rules that
--: contradict themselves or name unknown metrics, overlapping rows of tier_log written by hand,
--: points taken back more than once, breaks of scores out of order.
CREATE FUNCTION crm_internal.program_problems(workspace text) RETURNS SETOF crm_internal.problem
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	its_program text;
	message text;
	mend text;
BEGIN
	PERFORM crm_internal.program_enter(workspace);
	FOR its_program IN SELECT s.program FROM program s ORDER BY 1 LOOP
		BEGIN
			PERFORM crm_internal.program_given_metrics(program_policy(its_program));
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, mend = PG_EXCEPTION_HINT;
			RETURN QUERY
			SELECT 'program contradicts itself', 'program ' || its_program, message, mend;
		END;
	END LOOP;
	RETURN QUERY SELECT p.* FROM crm_internal.partial_period_problems() p;
	RETURN QUERY SELECT p.* FROM crm_internal.tier_log_problems() p;
	RETURN QUERY SELECT p.* FROM crm_internal.points_and_score_problems() p;
	BEGIN
		PERFORM lifecycle_rules();
	EXCEPTION WHEN data_exception THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, mend = PG_EXCEPTION_HINT;
		RETURN QUERY SELECT 'stages contradict themselves', 'lifecycle_rule', message, mend;
	END;
END
$$;
