/*
 * tier
 *
 * Tiers of a loyalty program. A policy holds the rules of the program.
 * crm.tier_decide applies a policy to one customer on one day. crm.tier_at and
 * crm.tier_path replay a policy over the purchases of a customer.
 */

/* Policies */

--: True for a valid tier policy, and otherwise an error that gives the reason.
CREATE FUNCTION crm_internal.tier_policy_valid(policy jsonb) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_tier_policy_valid';

--| The function crm.make_tier_policy makes a policy and explains its parameters. A policy may also
--| be written by hand. Its fields are the parameters of that function.
--|
--| Errors: a field that is not known, and parameters that contradict each other.
CREATE DOMAIN crm.tier_policy AS jsonb
	CONSTRAINT tier_policy_valid CHECK (crm_internal.tier_policy_valid(VALUE));
COMMENT ON DOMAIN crm.tier_policy IS 'The rules of a tier program, a JSON object.';

CREATE FUNCTION crm_internal.tiers_agg_transition(internal, tier_no int, tier text, metric text,
	enter_at numeric, keep_at numeric, enter_share numeric) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_tiers_agg_transition';
CREATE FUNCTION crm_internal.tiers_agg_final(internal) RETURNS jsonb
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_tiers_agg_final';

--| The result is the argument `tiers` of crm.make_tier_policy. The order of the rows does not
--| matter. NULL without rows.
--|
--| * `tier_no`: number of the tier. 0 is the base tier. A better tier has a higher number.
--| * `tier`: name of the tier.
--| * `metric`: the metric that the rule compares. The metrics of a history are `revenue`,
--|   `purchases` and `purchase_days`. crm.tier_decide takes any metric.
--| * `enter_at`: the rule holds for entering the tier if the metric is at least this number.
--| * `keep_at`: the rule holds for keeping the tier if the metric is at least this number. It is
--|   not above `enter_at`. NULL stands for `enter_at`.
--| * `enter_share`: given instead of `enter_at`. It is the share of the customers that belong to
--|   this tier alone, without the tiers above. It is above 0 and below 1.
--|
--| Everybody has the base tier. It has no rule, so its single row has NULL in the other columns. A
--| customer enters a tier when all its rules hold for entering. They keep the tier while all its
--| rules hold for keeping.
--|
--| A policy with `enter_share` cannot decide about one customer. Replace each share by the
--| threshold that it means, for example
--| `percentile_disc(0.05) WITHIN GROUP (ORDER BY revenue DESC)`, and store that threshold. Then
--| nobody's tier changes because others buy.
--|
--| Errors: a NULL in `tier_no` or `tier`. crm.make_tier_policy finds contradictions between the
--| rows.
--|
--| ```sql
--| SELECT crm.tiers_agg(tier_no, tier, metric, enter_at, keep_at, NULL)
--|   FROM (VALUES (0, 'ordinary', NULL, NULL, NULL),
--|                (1, 'silver', 'revenue', 500, 400),
--|                (2, 'gold', 'revenue', 2000, 1500))
--|     AS rule(tier_no, tier, metric, enter_at, keep_at);
--| ```
CREATE AGGREGATE crm.tiers_agg(tier_no int, tier text, metric text, enter_at numeric,
	keep_at numeric, enter_share numeric) (
	SFUNC = crm_internal.tiers_agg_transition, STYPE = internal, SSPACE = 4096,
	FINALFUNC = crm_internal.tiers_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.tiers_agg(int, text, text, numeric, numeric, numeric) IS
'The tiers of a policy from rows, one row for each rule.';

--| * `tiers`: the tiers and their rules, from crm.tiers_agg.
--| * `window_kind`: the time over which metrics count. `rolling` is the last `window_length`.
--|   `calendar` is the current period, where periods of `window_length` are counted from
--|   `period_start`. `anniversary` is the current period, where periods of `window_length` are
--|   counted from the day of enrollment. `lifetime` is all time.
--| * `window_length`: the length of the window or of a period.
--| * `period_start`: the day from which `calendar` periods are counted.
--| * `time_zone`: the time zone of the program's days.
--| * `upgrade`: `at_once`, or `at_review` if customers go up at reviews only.
--| * `downgrade`: `at_review`, `at_once` or `never`. `at_once` needs a `rolling` or `lifetime`
--|   window.
--| * `downgrade_step`: `one` is one tier down. `qualified` is down to the highest tier that the
--|   metrics would keep. `base` is down to the base tier. A customer never falls below a tier that
--|   their metrics would enter at that moment.
--| * `valid_for`: how long a tier is valid. At the end of this time the tier is reviewed.
--| * `round_up`: `month`, `quarter`, `year` or one like `year from april` moves the end of the
--|   validity to the end of that unit. NULL leaves it.
--| * `grace`: how long customers keep a tier after a review at which they fall short. They get one
--|   grace, and a review at its end.
--| * `min_stay`: how long after a change of tier there is no downgrade.
--|
--| Reviews are counted from the day on which the tier began. With an `anniversary` window they are
--| counted from the day of enrollment. So the dates do not drift, and a review on 29 February
--| returns to that day in a leap year.
--|
--| Lengths of time are whole days, months or years. `window_length` and `valid_for` are not zero.
--| NULL stands for the default of a parameter.
--|
--| Errors: parameters that contradict each other.
--|
--| ```sql
--| SELECT crm.make_tier_policy(crm.tiers_agg(tier_no, tier, metric, enter_at, NULL, NULL),
--|            valid_for => '1 year', round_up => 'month', grace => '60 days')
--|   FROM (VALUES (0, 'ordinary', NULL, NULL), (1, 'silver', 'revenue', 500))
--|     AS rule(tier_no, tier, metric, enter_at);
--| ```
CREATE FUNCTION crm.make_tier_policy(tiers jsonb, window_kind text DEFAULT 'rolling',
	window_length interval DEFAULT '12 months', period_start date DEFAULT '2000-01-01',
	time_zone text DEFAULT 'UTC', upgrade text DEFAULT 'at_once',
	downgrade text DEFAULT 'at_review', downgrade_step text DEFAULT 'one',
	valid_for interval DEFAULT '12 months', round_up text DEFAULT NULL,
	grace interval DEFAULT '0', min_stay interval DEFAULT '0') RETURNS crm.tier_policy
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET IntervalStyle = 'iso_8601'
	RETURN jsonb_strip_nulls(jsonb_build_object(
		'window_kind', window_kind, 'window_length', window_length::text,
		'period_start', period_start, 'time_zone', time_zone, 'upgrade', upgrade,
		'downgrade', downgrade, 'downgrade_step', downgrade_step,
		'valid_for', valid_for::text, 'round_up', round_up, 'grace', grace::text,
		'min_stay', min_stay::text, 'tiers', tiers))::crm.tier_policy;
COMMENT ON FUNCTION crm.make_tier_policy(jsonb, text, interval, date, text, text, text, text,
	interval, text, interval, interval) IS
'A tier policy from its tiers and parameters.';

--| Compare the metrics of a customer with the rules of the next tier. The columns are the
--| arguments of crm.tiers_agg, with `keep_at` filled in where it was left out. The rows are sorted
--| by `tier_no` and `metric`. The base tier has one row, with NULL in `metric` and the columns
--| after it.
CREATE FUNCTION crm.tier_rules(policy crm.tier_policy, OUT tier_no int, OUT tier text,
	OUT metric text, OUT enter_at numeric, OUT keep_at numeric, OUT enter_share numeric)
	RETURNS SETOF record
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 5
BEGIN ATOMIC
	SELECT t.tier_no, t.name, r.metric, r.enter_at, coalesce(r.keep_at, r.enter_at), r.enter_share
	  FROM jsonb_to_recordset(policy -> 'tiers') AS t(tier_no int, name text, rules jsonb)
	  LEFT JOIN LATERAL jsonb_to_recordset(t.rules) AS r(metric text, enter_at numeric,
		keep_at numeric, enter_share numeric) ON true
	 ORDER BY t.tier_no, r.metric COLLATE "C";
END;
COMMENT ON FUNCTION crm.tier_rules(crm.tier_policy) IS
'The tiers and rules of a policy as rows, in the form of crm.tiers_agg.';

--| Build histories with this function, so that their days are the days of the program:
--| `crm.history_agg(crm.tier_day(policy, created_at), total)`.
CREATE FUNCTION crm.tier_day(policy crm.tier_policy, at timestamptz) RETURNS date
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN crm_internal.day_of(at, coalesce(policy ->> 'time_zone', 'UTC'));
COMMENT ON FUNCTION crm.tier_day(crm.tier_policy, timestamptz) IS
'The day of a moment in the time zone of the program.';

/*
 * The counted metrics are revenue, purchases, purchase_days, profit and
 * points_earned. Where the window is the last 12 months, revenue_12m,
 * purchases_12m and profit_12m are counted as well. The caller gives any other
 * metric, as of the day.
 */
--: True for a metric that is counted over the window of the program.
CREATE FUNCTION crm_internal.tier_counts(policy crm.tier_policy, metric text) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_tier_counts';

/* Decisions */

--| crm.tier_enroll makes the first state of a customer. crm.tier_decide returns the next one.
--|
--| * `reason` is NULL in the result of crm.tier_decide if nothing changed.
--| * A review on `review_on` judges the time before that day. The tier is valid until the day
--|   before. NULL means that there will be no review.
--| * `floor_no` is a tier given by hand. It protects the customer until the day before
--|   `floor_until`. Both columns are given, or both are NULL.
CREATE TYPE crm.tier_state AS (
	--: Number of the customer's tier, where 0 is the base tier.
	tier_no int,
	--: Name of the customer's tier.
	tier text,
	--: The last decision: enroll, upgrade, renew, grace, downgrade or manual.
	reason text,
	--: First day of the customer in the program.
	enrolled_on date,
	--: First day of the customer in this tier.
	changed_on date,
	--: Day of the last decision.
	decided_on date,
	--: Day of the next review, which judges the time before it, or NULL for no review.
	review_on date,
	--: True if the customer fell short at the last review and keeps the tier until the next.
	in_grace boolean,
	--: Number of a tier given by hand, below which the customer does not fall.
	floor_no int,
	--: First day on which the floor does not protect the customer any more.
	floor_until date
);
COMMENT ON TYPE crm.tier_state IS 'The place of a customer in a tier program.';

CREATE FUNCTION crm.tier_enroll(policy crm.tier_policy, day date) RETURNS crm.tier_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_tier_enroll';
COMMENT ON FUNCTION crm.tier_enroll(crm.tier_policy, date) IS
'The state of a customer who enrolls on a day, in the base tier.';

--| * `until`: the first day after the window. For a review, give the day of the review. To judge a
--|   day together with the events of that day, give the day after.
--|
--| The result has two days. `since` is the first day of the window, and -infinity with a `lifetime`
--| window. `until` is the argument.
--|
--| With a `calendar` or `anniversary` window, the review at the end of a grace looks back to the
--| beginning of the period in which the customer fell short. With a `rolling` window, the first
--| review of a tier leaves out the day on which the tier was won, if it counted then: what won a
--| tier does not also renew it. A `valid_for` shorter than `window_length` counts it again.
CREATE FUNCTION crm.tier_window(policy crm.tier_policy, state crm.tier_state, OUT since date,
	INOUT until date) RETURNS record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_tier_window';
COMMENT ON FUNCTION crm.tier_window(crm.tier_policy, crm.tier_state, date) IS
'The days over which the metrics of a customer count, from since until the day before until.';

--| * `state`: the state after the last decision, or of crm.tier_enroll.
--| * `metrics`: an object with a number for each metric of the policy, over the days of
--|   crm.tier_window. A metric that is null fails its rules.
--| * `as_of`: the day of the decision.
--|
--| The result is the new state with the reason. If nothing changes, it is the old state with a
--| NULL reason. A second decision on the same day with the same metrics changes nothing.
--|
--| The function applies these rules in order, and the first that fits decides:
--|
--| 1. Customers go up if their metrics enter a higher tier that is not below their floor. This
--|    happens at once, or when a review is due.
--| 2. A floor given by hand raises the customer to its tier.
--| 3. Unless the policy downgrades at once, nothing more happens before `review_on`.
--| 4. Customers are renewed if their metrics keep the tier and a review is due or a grace runs.
--| 5. Customers get a grace if their metrics do not keep the tier, the policy has a grace and they
--|    did not just have one.
--| 6. Otherwise they go down after the grace and the minimum stay, and not on the day on which the
--|    tier began. They never fall below the floor, nor below a tier that their metrics would enter.
--|
--| Errors: a day before the last decision, a tier that the policy does not have, a policy with
--| shares, and a missing metric. The message about a missing metric lists the metrics that are
--| there.
--|
--| ```sql
--| SELECT (crm.tier_decide(policy, crm.tier_enroll(policy, '2025-01-10'),
--|                         '{"revenue": 620}', '2025-03-01')).*
--|   FROM (SELECT crm.make_tier_policy('[{"tier_no": 0, "name": "ordinary"},
--|           {"tier_no": 1, "name": "silver", "rules": [{"metric": "revenue", "enter_at": 500}]}]')
--|        ) AS program(policy);
--| ```
CREATE FUNCTION crm.tier_decide(policy crm.tier_policy, state crm.tier_state, metrics jsonb,
	as_of date) RETURNS crm.tier_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'crm_tier_decide';
COMMENT ON FUNCTION crm.tier_decide(crm.tier_policy, crm.tier_state, jsonb, date) IS
'The decision of a policy about a customer on a day, as their new state with the reason.';

/* Reviews of members, for workspaces, and the gaps of a member */

CREATE TYPE crm_internal.tier_verdict AS (
	--: The new state of the member.
	decided crm.tier_state,
	--: The metrics that were judged, an object without those that are not known.
	metrics jsonb,
	--: First day of the window that was judged, or NULL for all days before its end.
	counted_since date,
	--: First day after the window that was judged.
	counted_until date
);
COMMENT ON TYPE crm_internal.tier_verdict IS
'The decision of a review about a member of a program, with the metrics that were judged.';

--| crm.tier_outlook returns this type. `gap_to_keep` is 0 if the tier is safe. NULL beside a
--| `keep_metric` means that the metric is not known. In the base tier both are NULL.
CREATE TYPE crm.tier_outlook AS (
	--: Name of the next higher tier, or NULL if there is none.
	next_tier text,
	--: The metric that is furthest from entering the next tier.
	next_metric text,
	--: The missing amount of next_metric, or NULL if it is not known.
	gap_to_next numeric,
	--: The metric that is furthest from keeping the tier.
	keep_metric text,
	--: The missing amount of keep_metric until the next review, or NULL if it is not known.
	gap_to_keep numeric
);
COMMENT ON TYPE crm.tier_outlook IS
'The gaps of a member of a program to the next tier and to keeping the tier.';

/*
 * The metrics are counted over crm.tier_window(policy, state, until). Revenue,
 * purchases and purchase_days come from the history of purchases. Profit comes
 * from the history of profit, and is NULL without one. points_earned comes
 * from the history of points. All other metrics are taken from the object
 * given, and a missing one is an error. A customer without a history has
 * bought and earned 0. An argument that no rule asks for may be NULL. The
 * result is NULL where policy, state or until is NULL.
 */
--: The metrics that a policy asks for, as an object for crm.tier_decide.
CREATE FUNCTION crm_internal.tier_metrics(policy crm.tier_policy, state crm.tier_state,
	history crm.history, profit_history crm.history, points_history crm.history, given jsonb,
	until date) RETURNS jsonb
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'crm_tier_metrics';
/*
 * crm.tier_decide runs for the beginning of the day. It runs again for the end
 * of the day if the day has a purchase, a refund or points that the policy
 * counts. The metrics are the ones of crm_internal.tier_metrics.
 *
 * The result is NULL if nothing changes. A NULL state stands for a customer
 * who joins with their first purchase. Then the result is their state in any
 * case, and NULL before the first purchase. The errors are the ones of
 * crm.tier_decide.
 */
--: The review of a member on a day.
CREATE FUNCTION crm_internal.tier_judge(policy crm.tier_policy, state crm.tier_state,
	history crm.history, profit_history crm.history, points_history crm.history, given jsonb,
	as_of date) RETURNS crm_internal.tier_verdict
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'crm_tier_judge';

--| * `state`: the state of the member.
--| * `history`: the purchases of the member. `revenue`, `purchases` and `purchase_days` are counted
--|   from it.
--| * `profit_history`: the profit of the purchases. `profit` is counted from it. Without one,
--|   `profit` is NULL.
--| * `points_history`: the points of the member. `points_earned` is counted from it.
--| * `given`: an object with a number for each other metric of the policy.
--| * `as_of`: the day. Its purchases count.
--|
--| A member without a history of purchases or points has bought and earned 0. An argument that no
--| rule asks for may be NULL. No rows where `policy`, `state` or `as_of` is NULL.
--|
--| The rows have these columns:
--|
--| * `purpose`: `keep` for the rules that keep the tier at the next review, `enter` for the rules
--|   that enter the next tier.
--| * `tier` and `metric`: the tier and the metric of the rule.
--| * `value`: the metric so far, or NULL if it is not known.
--| * `threshold`: the number that the rule asks for. NULL if it is still a share of the best
--|   customers.
--| * `missing`: the gap between value and threshold, not below 0. If the value is not known, a
--|   threshold above 0 is missing as a whole. NULL if nobody can tell.
--| * `counted_since`, `counted_until`: the first day of the window that will decide, and the first
--|   day after it. `counted_until` is the day of the review. It is the day after `as_of` if the
--|   policy decides at once, or if no review is ahead. Days up to `as_of` are counted.
--|   `counted_since` is NULL for a window without a beginning.
--|
--| Errors: a metric that is neither counted nor in `given`.
CREATE FUNCTION crm.tier_needs(policy crm.tier_policy, state crm.tier_state, history crm.history,
	profit_history crm.history, points_history crm.history, given jsonb, as_of date,
	OUT purpose text, OUT tier text, OUT metric text, OUT value numeric, OUT threshold numeric,
	OUT missing numeric, OUT counted_since date, OUT counted_until date) RETURNS SETOF record
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20 ROWS 3 AS 'MODULE_PATHNAME', 'crm_tier_needs';
COMMENT ON FUNCTION crm.tier_needs(crm.tier_policy, crm.tier_state, crm.history, crm.history,
	crm.history, jsonb, date) IS
'The metrics that a member has and lacks on a day, one row for each rule.';

--| The arguments are the ones of crm.tier_needs. Of several rules the result names the one that is
--| furthest from holding, as a share of its threshold. NULL where `policy`, `state` or `as_of` is
--| NULL.
CREATE FUNCTION crm.tier_outlook(policy crm.tier_policy, state crm.tier_state, history crm.history,
	profit_history crm.history, points_history crm.history, given jsonb, as_of date)
	RETURNS crm.tier_outlook
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'crm_tier_outlook';
COMMENT ON FUNCTION crm.tier_outlook(crm.tier_policy, crm.tier_state, crm.history, crm.history,
	crm.history, jsonb, date) IS
'The gaps of a member on a day to the next tier and to keeping the tier, in one row.';

/* The tier of an order */

CREATE FUNCTION crm_internal.tier_times_transition(internal, program text, tier_no int,
	counts_from timestamptz, counts_until timestamptz) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_tier_times_transition';
CREATE FUNCTION crm_internal.tier_times_final(internal) RETURNS bytea
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_tier_times_final';

--: The times of one customer in tiers, for crm_internal.tier_no_at. A time holds from the first
--: moment until before the second one. The value is for one query, and is not to be stored.
CREATE AGGREGATE crm_internal.tier_times(program text, tier_no int, counts_from timestamptz,
	counts_until timestamptz) (
	SFUNC = crm_internal.tier_times_transition, STYPE = internal,
	FINALFUNC = crm_internal.tier_times_final, PARALLEL = SAFE
);

--: The tier in force at a moment in a program, from the times of one customer. NULL: none is.
CREATE FUNCTION crm_internal.tier_no_at(times bytea, program text, at timestamptz) RETURNS int
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_tier_no_at';

/* Replays */

--| The customer enrolls with their first purchase. The result is NULL before that day.
--|
--| The metrics are `revenue`, `purchases` and `purchase_days`. If the window is the last 12 months,
--| there are also `revenue_12m` and `purchases_12m`.
--|
--| Errors: a policy with any other metric, and a policy with shares.
--|
--| The points of an order go by the tier before the order. Ask for the tier of the day before.
--|
--| To compare policies, count the customers in each tier:
--|
--| ```sql
--| SELECT enter_at, (crm.tier_at(policy, history, '2025-03-01')).tier, count(*)
--|   FROM customers, (SELECT enter_at, crm.make_tier_policy(jsonb_build_array(
--|            '{"tier_no": 0, "name": "ordinary"}'::jsonb, jsonb_build_object('tier_no', 1,
--|            'name', 'silver', 'rules', jsonb_build_array(
--|                jsonb_build_object('metric', 'revenue', 'enter_at', enter_at)))))
--|           FROM unnest(ARRAY[300, 500]) AS enter_at OFFSET 0) AS program(enter_at, policy)
--|  GROUP BY 1, 2 ORDER BY 1, 2;
--| ```
CREATE FUNCTION crm.tier_at(policy crm.tier_policy, history crm.history, as_of date)
	RETURNS crm.tier_state
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'crm_tier_at';
COMMENT ON FUNCTION crm.tier_at(crm.tier_policy, crm.history, date) IS
'The state of a customer at the end of a day, as if the policy had always been in force.';

--| The customer enrolls with their first purchase. The decisions are the ones of crm.tier_decide at
--| the beginning of every day, and again at the end of each day with a purchase or refund. Several
--| decisions of a day make one row.
--|
--| The rows are in the order of time. They are the ones that overlap the days from `since` until
--| `until` (not included). Decisions from `until` on are not made. There are no rows for a history
--| without a purchase. The rows have these columns:
--|
--| * `tier_no` and `tier`: the tier after the decision.
--| * `valid_from`, `valid_to`: the tier is valid from the first day until the second (not
--|   included). `valid_to` is NULL in the last row.
--| * `reason` and `review_on`: see crm.tier_state.
--| * `first_time`: true if the customer never reached this tier before. A welcome gift is due once.
--| * `revenue`, `purchases` and `purchase_days`: the metrics that were judged.
--|
--| Errors: a policy that crm.tier_at refuses.
CREATE FUNCTION crm.tier_path(policy crm.tier_policy, history crm.history, since date, until date,
	OUT tier_no int, OUT tier text, OUT valid_from date, OUT valid_to date, OUT reason text,
	OUT review_on date, OUT first_time boolean, OUT revenue numeric, OUT purchases bigint,
	OUT purchase_days bigint) RETURNS SETOF record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50 ROWS 5 AS 'MODULE_PATHNAME', 'crm_tier_path';
COMMENT ON FUNCTION crm.tier_path(crm.tier_policy, crm.history, date, date) IS
'All decisions about a customer, as if the policy had always been in force.';
