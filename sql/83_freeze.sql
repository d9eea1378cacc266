/*
 * freeze
 *
 * Thresholds and models need all customers at once. They are computed for a day
 * and kept in the workspace, so that the row of one customer needs no look at
 * the others.
 */

/*
 * The margin of everybody, and how much revenue it weighs beside the customer's
 * own (src/model/model_margin.c), by the estimators of Buehlmann and Straub
 * (1970). Customer i has n days with revenue, the revenue w and the mean margin
 * m of them, and the spread s, the sum of revenue * (margin of the day - m)^2.
 *
 *   within = sum s / sum (n - 1)
 *   between = (sum w (m - M)^2 - (customers - 1) within) / (W - sum w^2 / W)
 *   margin_revenue = within / between
 *
 * with W = sum w and M = sum w m / W. Where the margins differ no more than the
 * days explain, or nobody has a second day, it is infinite. The sums are exact.
 * It is rounded all the same: between is a small difference of large numbers.
 */
--: The margin of all customers, and how much revenue it weighs beside that of one customer.
CREATE FUNCTION crm_internal.margin_of_everybody(day date, OUT margin float8,
	OUT margin_revenue float8) RETURNS record
	LANGUAGE plpgsql STABLE AS $$
BEGIN
	WITH buyer AS (
		SELECT crm_internal.margin_moments(h.history, h.profit_history, day) AS days,
			   crm_internal.once() AS barrier
		  FROM purchase_history h
		 WHERE h.profit_history IS NOT NULL AND crm.purchases(h.history, day) > 0
	), total AS (
		-- As numeric, so that the sums do not depend on the order of the customers.
		SELECT (sum((b.days).net_profit::numeric)
				/ nullif(sum((b.days).net_revenue::numeric), 0))::float8 AS margin,
			   count(*) FILTER (WHERE (b.days).days > 0) AS n,
			   crm_internal.exact_sum((b.days).spread)
				/ nullif(sum((b.days).days - 1) FILTER (WHERE (b.days).days > 0), 0)::float8
				AS within,
			   crm_internal.exact_sum((b.days).revenue) AS w,
			   crm_internal.exact_sum((b.days).revenue ^ 2) AS ww,
			   crm_internal.exact_sum((b.days).revenue * (b.days).margin) AS wm,
			   crm_internal.exact_sum((b.days).revenue * (b.days).margin ^ 2) AS wmm
		  FROM buyer b
	), variance AS (
		SELECT t.margin, t.within, (t.wmm - t.wm ^ 2 / nullif(t.w, 0) - (t.n - 1) * t.within)
				/ nullif(t.w - t.ww / nullif(t.w, 0), 0) AS between
		  FROM total t
	)
	SELECT v.margin, CASE WHEN v.margin IS NULL THEN NULL
						  WHEN v.between > 0
						  THEN to_char(v.within / v.between, '9.99999EEEE')::float8
						  ELSE 'infinity' END
	  FROM variance v INTO margin, margin_revenue;
END
$$;

/*
 * The parts of the query share the buyers, so it is not split. The median of the gaps is
 * that of percentile_cont: the mean of the middle one or two. It is found from counts of
 * equal gaps, which are few. That spares two sorts of everybody.
 */
--: The thresholds of scores and classes on a day, and the usual gaps, computed from all buyers.
CREATE FUNCTION crm_internal.thresholds_of(day date)
	RETURNS TABLE (customers bigint, thresholds crm.rfm_thresholds, a_threshold numeric,
				   b_threshold numeric, usual_gaps jsonb)
	LANGUAGE plpgsql STABLE ROWS 1 AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
	WITH buyer AS MATERIALIZED (
		SELECT h.history
		  FROM purchase_history h
		 WHERE crm.purchases(h.history, day) > 0
	), compared AS MATERIALIZED (
		SELECT count(*) AS customers, crm.abc_thresholds_agg(b.history, day) AS abc,
			   crm.rfm_thresholds_agg(b.history, day, w.rfm_groups) AS thresholds,
			   (SELECT crm.ruleset_agg(r.position, r.segment, r.metric, r.at_least, r.at_most)
				  FROM segment_rule r) AS rules
		  FROM buyer b, workspace w
		 GROUP BY w.rfm_groups
	), gap AS (
		SELECT m.segment, grouping(m.segment) = 1 AS is_all, m.median, count(*) AS customers
		  FROM (SELECT crm.classify(c.rules, crm.rfm(c.thresholds, b.history, day)) AS segment,
					   crm.median_gap(b.history, day) AS median
				  FROM buyer b
				 CROSS JOIN compared c
				 WHERE crm.purchase_days(b.history, day) > 2) m
		 GROUP BY GROUPING SETS ((m.segment, m.median), (m.median))
	), rhythm AS (
		SELECT g.segment, g.is_all, (min(g.median) FILTER (WHERE g.upto > (g.n - 1) / 2)
			+ min(g.median) FILTER (WHERE g.upto > g.n / 2)) / 2 AS gap
		  FROM (SELECT k.*, (sum(k.customers) OVER (s ORDER BY k.median))::bigint AS upto,
					   (sum(k.customers) OVER s)::bigint AS n
				  FROM gap k WINDOW s AS (PARTITION BY k.is_all, k.segment)) g
		 GROUP BY g.segment, g.is_all
	)
	SELECT coalesce((SELECT c.customers FROM compared c), 0),
		   (SELECT c.thresholds FROM compared c),
		   (SELECT (c.abc).a_threshold FROM compared c),
		   (SELECT (c.abc).b_threshold FROM compared c),
		   (SELECT jsonb_build_object('all', max(y.gap) FILTER (WHERE y.is_all), 'segments',
				coalesce(jsonb_object_agg(y.segment, y.gap) FILTER (WHERE y.segment IS NOT NULL),
						 '{}'))
			  FROM rhythm y);
END
$$;

CREATE FUNCTION crm_internal.freeze_thresholds_as_owner(workspace text, as_of date,
	OUT customers bigint, OUT thresholds crm.rfm_thresholds, OUT a_threshold numeric,
	OUT b_threshold numeric) RETURNS record
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
DECLARE
	made record;
	is_today boolean := as_of IS NULL;
BEGIN
	PERFORM crm_internal.workspace_enter(workspace);
	as_of := coalesce(as_of, (SELECT d.day FROM shown_day d));
	PERFORM crm_internal.check_day(as_of, NULL);
	SELECT m.* INTO made FROM crm_internal.thresholds_of(as_of) m;
	IF made.customers = 0 THEN
		RAISE no_data_found USING
			MESSAGE = format('nobody in workspace "%s" has bought up to %s', workspace, as_of),
			HINT = 'Thresholds need customers to compare: choose a later day.';
	END IF;
	PERFORM crm_internal.workspace_lock(workspace); -- ANALYZE meets that of others
	INSERT INTO threshold AS c (as_of, thresholds, a_threshold, b_threshold, usual_gaps, customers,
		margin, margin_revenue)
	SELECT freeze_thresholds_as_owner.as_of, made.thresholds, made.a_threshold, made.b_threshold,
		   made.usual_gaps, made.customers, m.margin, m.margin_revenue
	  FROM crm_internal.margin_of_everybody(freeze_thresholds_as_owner.as_of) m
	ON CONFLICT ON CONSTRAINT threshold_pkey DO UPDATE
	SET thresholds = EXCLUDED.thresholds, a_threshold = EXCLUDED.a_threshold,
		b_threshold = EXCLUDED.b_threshold, usual_gaps = EXCLUDED.usual_gaps,
		customers = EXCLUDED.customers, made_at = EXCLUDED.made_at,
		margin = EXCLUDED.margin, margin_revenue = EXCLUDED.margin_revenue;
	ANALYZE threshold; -- few rows: a scan reads less than an index
	IF is_today THEN
		PERFORM crm_internal.say_last_purchase(workspace, freeze_thresholds_as_owner.as_of);
	END IF;
	customers := made.customers;
	thresholds := made.thresholds;
	a_threshold := made.a_threshold;
	b_threshold := made.b_threshold;
END
$$;

--| * `as_of`: the day up to which purchases count. NULL, the default, is the day of the views.
--|
--| The function freezes these thresholds:
--|
--| * of the RFM scores, by `crm.rfm_thresholds_agg` over all customers with a purchase up to that
--|   day;
--| * of the ABC classes. The largest customers are of class A until they bring 80 percent of the
--|   revenue, and of class B until 95 percent. Customers of equal revenue are in one class;
--| * the usual days between purchase days, in each segment and in all. By them the views judge
--|   customers who have bought on fewer than three days;
--| * where costs are known, the margin of everybody. The lifetime value of a customer counts by
--|   their own margin, drawn toward it.
--|
--| Where neither `as_of` nor `crm.as_of` is set, a NOTICE says so if the last purchase is older
--| than 30 days and than three times the usual days between purchases.
--|
--| The views of that day and later days use them until there are newer ones. So scores stay
--| comparable, and the row of one customer needs no look at the others. A second call for a day
--| replaces the thresholds of that day. A day on which nobody has bought yet and a day after today
--| are errors.
CREATE FUNCTION crm.freeze_thresholds(workspace text, as_of date DEFAULT NULL,
	OUT customers bigint, OUT thresholds crm.rfm_thresholds, OUT a_threshold numeric,
	OUT b_threshold numeric) RETURNS record
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_maintainer';
COMMENT ON FUNCTION crm.freeze_thresholds(text, date) IS
'Freezes the thresholds of the scores and classes of a workspace as of a day.';

--: The model of purchases fitted on all histories as of a day; an error where nobody has bought.
CREATE FUNCTION crm_internal.fitted_purchases(workspace text, as_of date, kind text, hint text)
	RETURNS crm.model
	LANGUAGE plpgsql STABLE AS $$
DECLARE
	fitted crm.model;
BEGIN
	SELECT crm.fit_purchases(coalesce(fitted_purchases.kind, w.purchase_model), w.model_unit,
							 h.history, fitted_purchases.as_of)
	  INTO fitted FROM purchase_history h, workspace w;
	IF fitted IS NULL THEN
		RAISE no_data_found USING
			MESSAGE = format('nobody in workspace "%s" has bought up to %s', workspace, as_of),
			HINT = hint;
	END IF;
	RETURN fitted;
END
$$;

CREATE FUNCTION crm_internal.fit_as_owner(workspace text, as_of date, kind text)
	RETURNS TABLE (role text, fitted text, customers bigint, log_likelihood float8, parameters text)
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET row_security = off AS $$
#variable_conflict use_column
DECLARE
	day date;
	purchase_model crm.model;
	spend_model crm.model;
	message text := 'nobody has a repeat purchase of a positive amount';
BEGIN
	PERFORM crm_internal.workspace_enter(workspace);
	day := coalesce(as_of, (SELECT d.day FROM shown_day d));
	PERFORM crm_internal.check_day(day, NULL);
	purchase_model := crm_internal.fitted_purchases(workspace, day, fit_as_owner.kind,
		'A model is fitted on purchases: load some, or choose a later day.');
	BEGIN
		SELECT crm.fit_spend(h.history, day) INTO spend_model FROM purchase_history h;
	EXCEPTION WHEN data_exception THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
	END;
	IF spend_model IS NULL THEN
		RAISE WARNING USING HINT = 'Forecasts of purchases are there, lifetime values are not.',
			MESSAGE = format('no model of spend for workspace "%s": %s', workspace, message);
	END IF;
	PERFORM crm_internal.say_last_purchase(workspace, day) WHERE as_of IS NULL;
	PERFORM crm_internal.workspace_lock(workspace); -- ANALYZE meets that of others
	RETURN QUERY WITH added AS (
		INSERT INTO model (role, kind, as_of, customers, model)
		SELECT f.role, f.model ->> 'kind', day, (f.model ->> 'customers')::bigint, f.model
		  FROM (VALUES (1, 'purchases', purchase_model),
					   (2, 'spend', spend_model)) f (n, role, model)
		 WHERE f.model IS NOT NULL ORDER BY f.n RETURNING *
	)
	SELECT a.role, a.kind, a.customers, crm.log_likelihood(a.model),
		   (SELECT string_agg(format('%s %s', p.name, round(p.value::numeric, 4)), ', ')
			  FROM crm.parameters(a.model) p)
	  FROM added a ORDER BY a.model_id;
	ANALYZE model;
END
$$;

--| * `as_of`: the day up to which purchases count. NULL, the default, is the day of the views.
--| * `kind`: the kind of model of purchases. NULL, the default, is the setting `purchase_model`.
--|
--| The function adds a model of purchases and a `gamma_gamma` model of spend to the table `model`.
--| A view uses the newest model that is not later than its day. Older models are kept.
--|
--| The result has a row for each model: what it describes, its kind, the number of customers, the
--| log-likelihood and the parameters. If spend cannot be fitted, a warning says so, and there are
--| no lifetime values. A day on which nobody has bought yet, a day after today and a fit that fails
--| are errors, and add nothing. Where neither `as_of` nor `crm.as_of` is set, a NOTICE says so if
--| the last purchase is older than 30 days and than three times the usual days between purchases.
CREATE FUNCTION crm.fit(workspace text, as_of date DEFAULT NULL, kind text DEFAULT NULL)
	RETURNS TABLE (role text, fitted text, customers bigint, log_likelihood float8, parameters text)
	LANGUAGE C AS 'MODULE_PATHNAME', 'crm_as_maintainer';
COMMENT ON FUNCTION crm.fit(text, date, text) IS
'Fits the models of a workspace on the purchases up to a day.';

--: The forecasts of two models for some days, and of a naive forecast, beside what came.
CREATE FUNCTION crm_internal.backtest_rows(purchase_model crm.model, spend_model crm.model,
	calibration_end date, days integer)
	RETURNS TABLE (measure text, actual float8, model float8, naive float8)
	LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
DECLARE
	day_before date := calibration_end - days; -- the naive forecast repeats the days since then
	last_day date := calibration_end + days;
BEGIN
	RETURN QUERY
	WITH forecast AS MATERIALIZED (
		SELECT crm.purchase_days(h.history, last_day) - d.until_then AS bought,
			   crm.expected_purchases(purchase_model, h.history, calibration_end, days) AS expected,
			   d.until_then - crm.purchase_days(h.history, day_before)
				- (crm.first_day(h.history) > day_before)::integer AS again,
			   crm.amount(h.history, last_day) - d.amount_then AS brought,
			   crm.clv(purchase_model, spend_model, h.history, calibration_end, days, 0) AS worth,
			   d.amount_then - crm.amount(h.history, day_before) AS same
		  FROM purchase_history h
		 CROSS JOIN LATERAL (SELECT crm.purchase_days(h.history, calibration_end) AS until_then,
									crm.amount(h.history, calibration_end) AS amount_then) d
		 WHERE crm.purchases(h.history, calibration_end) > 0
	), summary AS (
		-- None of this depends on the order of the customers.
		SELECT count(*) AS customers, sum(bought) AS bought,
			   crm_internal.exact_sum(expected) AS expected, sum(again) AS again,
			   crm_internal.exact_avg(abs(expected - bought)) AS expected_error,
			   avg(abs(again - bought)) AS again_error,
			   sqrt(crm_internal.exact_avg((expected - bought) ^ 2)) AS expected_square,
			   sqrt(crm_internal.exact_avg((again - bought)::float8 ^ 2)) AS again_square,
			   corr(expected, bought ORDER BY expected, bought) AS expected_corr,
			   corr(again, bought ORDER BY again, bought) AS again_corr,
			   sum(brought) FILTER (WHERE worth IS NOT NULL) AS brought,
			   crm_internal.exact_sum(worth) AS worth,
			   sum(same) FILTER (WHERE worth IS NOT NULL) AS same
		  FROM forecast
	)
	SELECT r.measure, r.actual, r.model, r.naive
	  FROM summary s
	 CROSS JOIN LATERAL (VALUES
		(1, 'customers', s.customers::float8, NULL::float8, NULL::float8),
		(2, 'purchase days', s.bought::float8, s.expected, s.again::float8),
		(3, 'mean absolute error', NULL, s.expected_error, s.again_error::float8),
		(4, 'root mean square error', NULL, s.expected_square, s.again_square),
		(5, 'correlation', NULL, s.expected_corr, s.again_corr),
		(6, 'revenue', s.brought::float8, s.worth, s.same::float8))
		r (n, measure, actual, model, naive)
	 ORDER BY r.n;
END
$$;

CREATE FUNCTION crm_internal.backtest_as_owner(workspace text, calibration_end date, as_of date,
	kind text)
	RETURNS TABLE (measure text, actual float8, model float8, naive float8)
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	days integer;
	purchase_model crm.model;
	spend_model crm.model;
BEGIN
	PERFORM crm_internal.workspace_enter(workspace);
	-- A reader asks about the customers whom they may see. The owner must see all.
	IF (SELECT n.nspowner = current_user::regrole FROM pg_namespace n
		 WHERE n.nspname = workspace) THEN
		PERFORM set_config('row_security', 'off', true);
	END IF;
	as_of := coalesce(as_of, (SELECT d.day FROM shown_day d));
	PERFORM crm_internal.check_day(as_of, NULL);
	IF coalesce(calibration_end, 'infinity') >= as_of THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('calibration ends on %s, but the data to compare with end on %s',
							 coalesce(calibration_end::text, 'NULL'), as_of),
			HINT = 'Choose an earlier day as the end of calibration.';
	END IF;
	PERFORM crm_internal.check_day(calibration_end, NULL);
	days := as_of - calibration_end;
	purchase_model := crm_internal.fitted_purchases(workspace, calibration_end, kind,
		'Choose a later end of calibration.');
	BEGIN
		SELECT crm.fit_spend(h.history, calibration_end) INTO spend_model FROM purchase_history h;
	EXCEPTION WHEN data_exception THEN
		spend_model := NULL;
	END;
	RETURN QUERY
	SELECT b.* FROM crm_internal.backtest_rows(purchase_model, spend_model, calibration_end,
		days) b;
END
$$;

--| * `calibration_end`: the models are fitted on purchases up to this day.
--| * `as_of`: the forecasts are compared with what happened from then to this day. NULL, the
--|   default, is the day of the views.
--| * `kind`: the kind of model of purchases. NULL, the default, is the setting `purchase_model`.
--|
--| Beside each forecast stands a naive one. It says that everybody repeats what they did in the
--| time before, over as many days. First purchases do not count in it.
--|
--| The rows are: customers, purchase days in all, the mean absolute error and the root mean square
--| error of the purchase days of a customer, the correlation of forecast and actual, and the
--| revenue of customers with a forecast of it. The function stores nothing. Row security counts: a
--| reader who may see some customers only asks about those.
CREATE FUNCTION crm.backtest(workspace text, calibration_end date, as_of date DEFAULT NULL,
	kind text DEFAULT NULL)
	RETURNS TABLE (measure text, actual float8, model float8, naive float8)
	LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'crm_as_reader';
COMMENT ON FUNCTION crm.backtest(text, date, date, text) IS
'How good the forecasts of a workspace would have been on purchases that are known by now.';
