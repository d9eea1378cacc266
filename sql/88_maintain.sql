/*
 * maintain
 *
 * All the work of a night in one call. Each step is a transaction of its own and
 * a row of maintenance_run, so that a step that fails takes nothing back and stops
 * no other. The call ends with an error if a step failed, because that is what a
 * scheduler looks at.
 */

--: The steps of crm.maintain for a workspace, in order.
CREATE FUNCTION crm_internal.maintain_steps(workspace text) RETURNS text[]
	LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT CASE WHEN k.attached
				THEN '{refresh,freeze_thresholds,fit,notify,check,delete_logs}'::text[]
				ELSE '{refresh,freeze_thresholds,fit,settle_points,review_tiers,review_stages,'
					'notify,check,delete_logs}'::text[] END
	  FROM crm_internal.workspace_kind(workspace) k;
END;

-- The search path is that of the workspace.
--: The steps of crm.maintain that have no end, and of which nobody works on any more.
CREATE FUNCTION crm_internal.interrupted_steps()
	RETURNS TABLE (run_id bigint, step text, started_at timestamptz)
	LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY
	SELECT r.run_id, r.step, r.started_at
	  FROM maintenance_run r
	 WHERE r.finished_at IS NULL AND r.error IS NULL
	   AND crm_internal.run_state(r.tableoid, r.run_id, NULL, r.started_at) = 'interrupted'
	 ORDER BY r.run_id;
END
$$;

--: The interrupted steps of crm.maintain, as crm.check_workspace shows them. The next call notes
--: them.
CREATE FUNCTION crm_internal.maintenance_problems(workspace text)
	RETURNS SETOF crm_internal.problem
	LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY
	SELECT 'maintenance interrupted', 'maintenance_run',
		   format('The step %s, which began at %s, has no end: its session or statement was ended.',
				  s.step, date_trunc('second', s.started_at)),
		   format('CALL crm.maintain(%L); all steps can run again.', workspace)
	  FROM crm_internal.interrupted_steps() s;
END
$$;

-- A call that was ended could not note it. So the next one does.
CREATE FUNCTION crm_internal.maintain_begin_as_owner(workspace text, step text) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	run bigint;
BEGIN
	PERFORM crm_internal.workspace_enter(workspace);
	UPDATE maintenance_run r SET error = 'the step was interrupted'
	  FROM crm_internal.interrupted_steps() s WHERE r.run_id = s.run_id;
	INSERT INTO maintenance_run (step) VALUES (step) RETURNING run_id INTO run;
	RETURN run;
END
$$;

--: Notes the beginning of a step of crm.maintain.
CREATE FUNCTION crm_internal.maintain_begin(workspace text, step text) RETURNS bigint
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_maintainer';

CREATE FUNCTION crm_internal.maintain_end_as_owner(workspace text, run bigint, row_count bigint,
	error text) RETURNS void
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM crm_internal.workspace_enter(workspace);
	UPDATE maintenance_run r
	   SET finished_at = clock_timestamp(), row_count = maintain_end_as_owner.row_count,
		   error = maintain_end_as_owner.error
	 WHERE r.run_id = run;
END
$$;

--: Notes the end of a step of crm.maintain.
CREATE FUNCTION crm_internal.maintain_end(workspace text, run bigint, row_count bigint,
	error text) RETURNS void
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_maintainer';

/* The last day of the month before, which nothing changes any more. */
--: The last day of the month before the day that the views of the workspace show.
CREATE FUNCTION crm_internal.last_month_end() RETURNS date
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT date_trunc('month', d.day::timestamp)::date - 1 FROM shown_day d);
END
$$;

/*
 * A month later, the last day of a month is not always a month after the last day
 * of the month before. So the next day is compared.
 */
--: Whether what was last done as of a day is to be done as of the end of the month before.
CREATE FUNCTION crm_internal.is_due(last_day date, every interval) RETURNS boolean
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN coalesce(last_day + 1 + every <= crm_internal.last_month_end() + 1, true)
		AND EXISTS (SELECT FROM purchase_history h
					 WHERE crm.first_day(h.history) <= crm_internal.last_month_end());
END
$$;

--: Freezes thresholds or fits models where that is due, and returns the number of rows.
CREATE FUNCTION crm_internal.maintain_models(workspace text, step text) RETURNS bigint
	LANGUAGE plpgsql AS $$
DECLARE
	day date := crm_internal.last_month_end();
BEGIN
	IF step = 'fit' THEN
		IF crm_internal.is_due((SELECT max(m.as_of) FROM model m WHERE m.role = 'purchases'),
				(SELECT w.fit_every FROM workspace w)) THEN
			RETURN (SELECT count(*) FROM crm.fit(workspace, day) f);
		END IF;
	ELSIF crm_internal.is_due((SELECT max(t.as_of) FROM threshold t),
			(SELECT w.thresholds_every FROM workspace w)) THEN
		PERFORM crm.freeze_thresholds(workspace, day);
		RETURN 1;
	END IF;
	RETURN 0;
END
$$;

--: Checks a workspace and keeps what was found.
CREATE FUNCTION crm_internal.maintain_check(workspace text) RETURNS bigint
	LANGUAGE plpgsql AS $$
DECLARE
	problems bigint;
BEGIN
	DELETE FROM workspace_problem;
	INSERT INTO workspace_problem (problem, object, detail, hint)
	SELECT c.problem, c.object, c.detail, c.hint FROM crm.check_workspace(workspace) c;
	GET DIAGNOSTICS problems = ROW_COUNT;
	RETURN problems;
END
$$;

/*
 * A customer may change after the run of a day. So each message looks back to the
 * day before the last one: a change may be told twice, and is never missed.
 */
--: Tells the channel of the setting notify_channel how many customers changed, and returns the
--: number of messages.
CREATE FUNCTION crm_internal.maintain_notify(workspace text) RETURNS bigint
	LANGUAGE plpgsql AS $$
DECLARE
	channel text;
	since date;
BEGIN
	SELECT w.notify_channel,
		   least(max(crm_internal.day_of(r.started_at, w.time_zone)), d.day) - 1
	  INTO channel, since
	  FROM workspace w
	 CROSS JOIN shown_day d
	  LEFT JOIN maintenance_run r
		ON r.step = 'notify' AND r.finished_at IS NOT NULL AND r.error IS NULL
	 GROUP BY w.notify_channel, d.day;
	IF channel IS NULL THEN
		RETURN 0;
	END IF;
	RETURN (SELECT count(pg_notify(channel, jsonb_build_object('workspace', workspace, 'kind',
						m.kind, 'since', since, 'customers', m.customers)::text))
			  FROM (SELECT c.kind, count(DISTINCT c.customer_id) AS customers
					  FROM changed_since(since) c
					 GROUP BY c.kind
					 ORDER BY c.kind) m);
END
$$;

CREATE FUNCTION crm_internal.maintain_step_as_owner(workspace text, step text) RETURNS bigint
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
BEGIN
	PERFORM crm_internal.workspace_enter_alone(workspace);
	IF step IN ('freeze_thresholds', 'fit') THEN
		RETURN crm_internal.maintain_models(workspace, step);
	ELSIF step = 'settle_points' THEN
		RETURN (SELECT p.entries
				  FROM crm.settle_points(workspace, (SELECT d.day FROM shown_day d)) p);
	ELSIF step = 'review_tiers' THEN
		RETURN (SELECT coalesce(sum(r.enrolled + r.upgraded + r.renewed + r.given_grace
									+ r.downgraded), 0)
				  FROM crm.review_tiers(workspace, as_of => (SELECT d.day FROM shown_day d)) r);
	ELSIF step = 'review_stages' THEN
		RETURN (SELECT r.moves
				  FROM crm.review_stages(workspace, (SELECT d.day FROM shown_day d)) r);
	ELSIF step = 'notify' THEN
		RETURN crm_internal.maintain_notify(workspace);
	ELSIF step = 'check' THEN
		RETURN crm_internal.maintain_check(workspace);
	ELSE
		RETURN (SELECT coalesce(sum(d.deleted), 0)
				  FROM workspace w
				 CROSS JOIN LATERAL crm.delete_logs(workspace,
					((SELECT s.day FROM shown_day s) - w.keep_logs)::date) d
				 WHERE w.keep_logs IS NOT NULL);
	END IF;
END
$$;

--: One step of crm.maintain, but for the refresh. Returns the number of rows that it wrote.
CREATE FUNCTION crm_internal.maintain_step(workspace text, step text) RETURNS bigint
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_maintainer';

/* A refresh commits each batch. So it cannot be inside one block that catches errors. */
--: The step of crm.maintain that refreshes histories.
CREATE PROCEDURE crm_internal.maintain_refresh(workspace text, step_run bigint,
	INOUT row_count bigint, INOUT error text)
	LANGUAGE plpgsql AS $$
DECLARE
	started record;
	its_detail text; -- names the customer at whose rows the refresh failed
	finished boolean := false;
BEGIN
	BEGIN
		SELECT * INTO started FROM crm_internal.refresh_start(workspace, false);
	EXCEPTION WHEN OTHERS THEN
		error := SQLERRM;
	END;
	WHILE error IS NULL AND NOT finished LOOP
		COMMIT;
		SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
		PERFORM crm_internal.mark_run(workspace, 'maintenance_run', step_run);
		BEGIN
			finished := crm_internal.refresh_step(workspace, started.run, started.everyone, 10000,
				started.before);
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS its_detail = PG_EXCEPTION_DETAIL;
			error := pg_catalog.concat_ws(': ', SQLERRM, CASE
				WHEN pg_catalog.length(its_detail) OPERATOR(pg_catalog.>) 0 THEN its_detail END);
		END;
	END LOOP;
	COMMIT;
	PERFORM crm_internal.mark_run(workspace, 'maintenance_run', step_run);
	IF error IS NULL THEN
		BEGIN
			SELECT f.customers INTO row_count
			  FROM crm_internal.refresh_finish(workspace, started.run, started.before) f;
		EXCEPTION WHEN OTHERS THEN
			error := SQLERRM;
		END;
	END IF;
END
$$;

--: Behind crm.maintain.
CREATE PROCEDURE crm_internal.maintain(workspace text)
	LANGUAGE plpgsql AS $$
DECLARE
	step text;
	run bigint;
	row_count bigint;
	error text;
	failed text[] := '{}';
BEGIN
	FOREACH step IN ARRAY crm_internal.maintain_steps(workspace) LOOP
		run := crm_internal.maintain_begin(workspace, step);
		COMMIT;
		SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
		PERFORM crm_internal.mark_run(workspace, 'maintenance_run', run);
		SELECT NULL, NULL INTO row_count, error;
		IF step OPERATOR(pg_catalog.=) 'refresh' THEN
			CALL crm_internal.maintain_refresh(workspace, run, row_count, error);
		ELSE
			BEGIN
				row_count := crm_internal.maintain_step(workspace, step);
			EXCEPTION WHEN OTHERS THEN
				error := SQLERRM;
			END;
		END IF;
		PERFORM crm_internal.maintain_end(workspace, run, row_count, error);
		COMMIT;
		IF error IS NOT NULL THEN
			failed := failed OPERATOR(pg_catalog.||) pg_catalog.format('%s: %s', step, error);
		END IF;
	END LOOP;
	IF pg_catalog.cardinality(failed) OPERATOR(pg_catalog.>) 0 THEN
		RAISE EXCEPTION USING
			MESSAGE = pg_catalog.format('maintenance of workspace "%s" failed in %s steps',
				workspace, pg_catalog.cardinality(failed)),
			DETAIL = pg_catalog.array_to_string(failed, '; '),
			HINT = pg_catalog.format('SELECT * FROM %I.maintenance_run ORDER BY run_id DESC;',
				workspace);
	END IF;
END
$$;

--| The steps are:
--|
--| 1. `refresh`: the histories of customers who changed, as `crm.refresh` does.
--| 2. `freeze_thresholds` and `fit`: thresholds and models as of the last day of the month before,
--|    where the last ones are older than the settings `thresholds_every` and `fit_every` allow.
--| 3. `settle_points`: the points of orders, as of today, so that reviews see them.
--| 4. `review_tiers` and `review_stages`: all programs and the stages, as of today.
--| 5. `notify`: a message for each kind of change to the channel of the setting `notify_channel`,
--|    if it is set. It says how many customers `changed_since` shows, and no customer's data.
--| 6. `check`: what `crm.check_workspace` finds, kept in the table `workspace_problem`.
--| 7. `delete_logs`: rows of logs older than the setting `keep_logs`, if it is set.
--|
--| Each step commits and is a row of the table `maintenance_run` with its time, the number of rows
--| and its error. A step that fails does not stop the next one. If a step failed, the call ends
--| with an error that names the steps. It commits, so it cannot run inside a transaction block.
--|
--| A step whose session was ended, or whose statement was canceled, has no end in its row.
--| crm.check_workspace tells it from a step that runs, and the next call writes to its row that it
--| was interrupted.
--|
--| ```sql
--| SELECT cron.schedule('crm', '10 3 * * *', $$CALL crm.maintain('sales')$$);
--| ```
CREATE PROCEDURE crm.maintain(workspace text)
	AS 'MODULE_PATHNAME', 'crm_as_procedure' LANGUAGE C;
COMMENT ON PROCEDURE crm.maintain(text) IS
'Does all that a workspace needs every night.';

/* Logs */

CREATE FUNCTION crm_internal.delete_logs_as_owner(workspace text, until date)
	RETURNS TABLE (relation text, deleted bigint)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	statement text;
	moment timestamptz;
BEGIN
	PERFORM crm_internal.workspace_enter_alone(workspace);
	IF until IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'delete_logs needs a day',
			HINT = 'Rows that ended before this day are deleted.';
	END IF;
	SELECT crm_internal.day_start(until, w.time_zone) INTO moment FROM workspace w;
	FOR relation, statement IN
		SELECT s.name, s.text FROM (VALUES
			('maintenance_run', 'DELETE FROM maintenance_run WHERE started_at < $1'),
			('refresh_run', 'DELETE FROM refresh_run WHERE coalesce(finished_at, updated_at) < $1'),
			('customer_merge', 'DELETE FROM customer_merge WHERE merged_at < $1'),
			('tier_log', 'DELETE FROM tier_log WHERE valid_to < $1'),
			('lifecycle_log', 'DELETE FROM lifecycle_log l WHERE l.entered_at < $1 AND EXISTS ('
				'SELECT FROM lifecycle_log n WHERE n.customer_id = l.customer_id '
				'AND n.entered_at > l.entered_at AND n.entered_at < $1)'))
			AS s (name, text)
		 WHERE to_regclass(s.name) IS NOT NULL
	LOOP
		EXECUTE statement USING moment;
		GET DIAGNOSTICS deleted = ROW_COUNT;
		RETURN NEXT;
	END LOOP;
END
$$;

--| * `until`: the day in the time zone of the workspace. Rows that ended before it are deleted.
--|
--| Logs are `maintenance_run`, `refresh_run`, `customer_merge`, `tier_log` and `lifecycle_log`. The
--| tier and the stage of every customer on that day and later stay known. Flows of earlier months
--| are lost.
CREATE FUNCTION crm.delete_logs(workspace text, until date)
	RETURNS TABLE (relation text, deleted bigint)
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_maintainer';
COMMENT ON FUNCTION crm.delete_logs(text, date) IS
'Deletes rows of the logs of a workspace that ended before a day.';
