/*
 * tier
 *
 * Tiers of a loyalty program: policies, the decision about one
 * customer, and a policy replayed over his purchases.
 */

/* Policies */

--| Check of the domain crm.tier_policy.
CREATE FUNCTION crm_internal.tier_policy_valid(policy jsonb) RETURNS boolean
	AS 'MODULE_PATHNAME', 'crm_tier_policy_valid' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.tier_policy_valid(jsonb) IS
'True for a tier policy without contradictions; anything else is an error that says what is wrong.';

--| Made by the function crm.make_tier_policy, which explains the parameters, or written by hand.
--| A field that is not known, and parameters that contradict themselves, are errors.
CREATE DOMAIN crm.tier_policy AS jsonb
	CONSTRAINT tier_policy_valid CHECK (crm_internal.tier_policy_valid(VALUE));
COMMENT ON DOMAIN crm.tier_policy IS 'The rules of a tier program, a JSON object.';

CREATE FUNCTION crm_internal.tiers_agg_transition(internal, tier_no int, tier text, metric text,
	enter_at numeric, keep_at numeric, enter_share numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_tiers_agg_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.tiers_agg_transition(internal, int, text, text, numeric, numeric, numeric) IS
'Transition of crm.tiers_agg.';
CREATE FUNCTION crm_internal.tiers_agg_final(internal) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'crm_tiers_agg_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.tiers_agg_final(internal) IS 'Final function of crm.tiers_agg.';
--| tier_no ascends from 0, the base tier, which everybody has: its single row has no rule (NULL
--| in the other columns). A tier is entered when all its rules hold: the metric is at least
--| enter_at; it is kept while all metrics are at least keep_at (NULL: enter_at), which is not
--| above enter_at. Instead of enter_at a rule may have enter_share, the part of the customers (0
--| to 1, exclusive) who belong to that tier alone, without those above; before it can decide
--| anything, replace it by the threshold that it means, for example percentile_disc(0.05) WITHIN
--| GROUP (ORDER BY revenue DESC), and store that threshold, so that nobody's tier changes because
--| others buy. The metrics of a history are revenue, purchases and purchase_days; crm.tier_decide
--| takes any. The order of the rows does not matter.
CREATE AGGREGATE crm.tiers_agg(tier_no int, tier text, metric text, enter_at numeric,
	keep_at numeric, enter_share numeric) (
	SFUNC = crm_internal.tiers_agg_transition,
	STYPE = internal,
	SSPACE = 4096,
	FINALFUNC = crm_internal.tiers_agg_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.tiers_agg(int, text, text, numeric, numeric, numeric) IS
'The tiers of a policy from rows, one for each rule, for crm.make_tier_policy.';

--| window_kind says over what time metrics count: rolling (the last window_length), calendar (the
--| current one of the periods of window_length counted from period_start), anniversary (the same,
--| counted from the day of enrollment) or lifetime. time_zone is that of the program's days.
--| upgrade: at_once, or at_review only. downgrade: at_review, at_once (only with a rolling or
--| lifetime window) or never. downgrade_step: one tier, to the highest tier that the metrics
--| would keep (qualified), or to the base; never below a tier that the metrics would enter at
--| that moment. A tier is valid for valid_for, up to the end of the month, quarter or year with
--| round_up; then it is reviewed. Reviews are counted from the day on which the tier began
--| (anniversary windows: from the enrollment), so that they do not drift, and 29 February comes
--| back. grace: who falls short at a review keeps the tier so long, once, and is reviewed again
--| at its end. min_stay: no downgrade earlier after a change. Lengths are whole days, months or
--| years, those of window and validity not zero. NULL stands for the default. Contradictions are
--| errors.
CREATE FUNCTION crm.make_tier_policy(tiers jsonb, window_kind text DEFAULT 'rolling',
	window_length interval DEFAULT '12 months',
	period_start date DEFAULT '2000-01-01', time_zone text DEFAULT 'UTC',
		upgrade text DEFAULT 'at_once', downgrade text DEFAULT 'at_review',
	downgrade_step text DEFAULT 'one', valid_for interval DEFAULT '12 months',
		round_up text DEFAULT NULL, grace interval DEFAULT '0',
	min_stay interval DEFAULT '0') RETURNS crm.tier_policy
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET IntervalStyle = 'iso_8601'
	RETURN jsonb_strip_nulls(jsonb_build_object(
		'window_kind', window_kind, 'window_length', window_length::text, 'period_start',
			period_start, 'time_zone', time_zone,
		'upgrade', upgrade, 'downgrade', downgrade, 'downgrade_step', downgrade_step, 'valid_for',
			valid_for::text,
		'round_up', round_up, 'grace', grace::text, 'min_stay', min_stay::text, 'tiers',
			tiers))::crm.tier_policy;
COMMENT ON FUNCTION crm.make_tier_policy(jsonb, text, interval, date, text, text, text, text, interval, text, interval, interval) IS
'A tier policy; tiers come from crm.tiers_agg.';

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
'The tiers and rules of a policy as rows, in the form of crm.tiers_agg, keep_at filled in: to compare a customer''s metrics with what the next tier asks for.';

CREATE FUNCTION crm.tier_day(policy crm.tier_policy, at timestamptz) RETURNS date
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN (at AT TIME ZONE coalesce(policy ->> 'time_zone', 'UTC'))::date;
COMMENT ON FUNCTION crm.tier_day(crm.tier_policy, timestamptz) IS
'The day of a moment in the time zone of the program; build histories with it: crm.history_agg(crm.tier_day(policy, created_at), total).';

--| Any other metric is given, as of the day.
CREATE FUNCTION crm_internal.tier_counts(policy crm.tier_policy, metric text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'crm_tier_counts' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.tier_counts(crm.tier_policy, text) IS
'True for a metric that is counted over the window of the program: revenue, purchases, purchase_days, profit and points_earned; where the window is the last 12 months, also revenue_12m, purchases_12m and profit_12m.';

/* Decisions */

CREATE TYPE crm.tier_state AS (
	tier_no int,
	tier text,
	reason text,
	enrolled_on date,
	changed_on date,
	decided_on date,
	review_on date,
	in_grace boolean,
	floor_no int,
	floor_until date
);
COMMENT ON TYPE crm.tier_state IS 'Where a customer stands in a tier program.';
COMMENT ON COLUMN crm.tier_state.tier_no IS 'Number of his tier; 0 is the base.';
COMMENT ON COLUMN crm.tier_state.tier IS 'Name of his tier.';
COMMENT ON COLUMN crm.tier_state.reason IS
'The last decision: enroll, upgrade, renew, grace, downgrade or manual; NULL from crm.tier_decide where it changed nothing.';
COMMENT ON COLUMN crm.tier_state.enrolled_on IS 'First day in the program.';
COMMENT ON COLUMN crm.tier_state.changed_on IS 'Since when he has this tier.';
COMMENT ON COLUMN crm.tier_state.decided_on IS 'Day of the last decision.';
COMMENT ON COLUMN crm.tier_state.review_on IS
'Day of the next review, which judges what was before it: the tier is valid until the day before. NULL: never.';
COMMENT ON COLUMN crm.tier_state.in_grace IS
'He fell short at the last review and keeps the tier until the next.';
COMMENT ON COLUMN crm.tier_state.floor_no IS 'A tier given by hand, below which he does not fall.';
COMMENT ON COLUMN crm.tier_state.floor_until IS
'First day on which it does not protect him any more.';

CREATE FUNCTION crm.tier_enroll(policy crm.tier_policy, day date) RETURNS crm.tier_state
	AS 'MODULE_PATHNAME', 'crm_tier_enroll' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.tier_enroll(crm.tier_policy, date) IS
'The state of a customer who enrolls that day: the base tier.';
--| For a review, until is the day of the review; to judge a day with what happened on it, until
--| is the day after. from is -infinity with a lifetime window. The review at the end of a grace,
--| with calendar or anniversary windows, looks back to the beginning of the period that was not
--| enough.
CREATE FUNCTION crm.tier_window(policy crm.tier_policy, state crm.tier_state, OUT since date,
	INOUT until date) RETURNS record
	AS 'MODULE_PATHNAME', 'crm_tier_window' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.tier_window(crm.tier_policy, crm.tier_state, date) IS
'The days [from, until) over which the metrics of the customer count.';
--| metrics is an object with a number for each metric of the policy, over the days of
--| crm.tier_window; a null one fails its rules, a missing one is an error that lists those there
--| are. The rules: (1) who enters a higher tier goes up, at once or when a review is due; (2) a
--| floor given by hand raises him to it; (3) unless the policy downgrades at once, nothing more
--| before review_on; (4) who keeps the tier is renewed; (5) who does not gets a grace, if there
--| is one and he has not just had it; (6) after that, after the minimum stay, and not on the day
--| on which the tier began, he goes down, never below the floor nor below a tier that he would
--| enter. Errors: a day before the last decision, a tier that the policy does not have, a policy
--| with shares.
CREATE FUNCTION crm.tier_decide(policy crm.tier_policy, state crm.tier_state, metrics jsonb,
	as_of date) RETURNS crm.tier_state
	AS 'MODULE_PATHNAME', 'crm_tier_decide' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION crm.tier_decide(crm.tier_policy, crm.tier_state, jsonb, date) IS
'What the policy decides about a customer on a day: his new state, with the reason, or the old one with a NULL reason where nothing changes; deciding twice on a day with the same metrics changes nothing the second time.';

/* Reviews of members, for workspaces; what a member lacks */

CREATE TYPE crm_internal.tier_verdict AS (
	decided crm.tier_state,
	metrics jsonb,
	counted_since date,
	counted_until date
);
COMMENT ON TYPE crm_internal.tier_verdict IS
'What the review of a member of a program decided, and upon what.';
COMMENT ON COLUMN crm_internal.tier_verdict.decided IS 'His new state.';
COMMENT ON COLUMN crm_internal.tier_verdict.metrics IS 'The metrics that were judged, an object.';
COMMENT ON COLUMN crm_internal.tier_verdict.counted_since IS
'First day of the window that was judged; NULL: all days before its end.';
COMMENT ON COLUMN crm_internal.tier_verdict.counted_until IS 'First day after it.';

CREATE TYPE crm.tier_outlook AS (
	next_tier text,
	next_metric text,
	gap_to_next numeric,
	keep_metric text,
	gap_to_keep numeric
);
COMMENT ON TYPE crm.tier_outlook IS 'What a member of a program lacks.';
COMMENT ON COLUMN crm.tier_outlook.next_tier IS 'The next higher tier; NULL: there is none.';
COMMENT ON COLUMN crm.tier_outlook.next_metric IS 'The metric that is furthest from entering it.';
COMMENT ON COLUMN crm.tier_outlook.gap_to_next IS
'What is missing of it; NULL: the metric is not known.';
COMMENT ON COLUMN crm.tier_outlook.keep_metric IS
'The metric that is furthest from keeping the tier.';
COMMENT ON COLUMN crm.tier_outlook.gap_to_keep IS
'What is missing of it until the next review; 0: the tier is safe; NULL with keep_metric: the metric is not known.';

--| Who has no history has bought and earned 0. What no rule asks for may be NULL. NULL where
--| policy, state or until is.
CREATE FUNCTION crm_internal.tier_metrics(policy crm.tier_policy, state crm.tier_state,
	history crm.history, profit_history crm.history,
	points_history crm.history, given jsonb, until date) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'crm_tier_metrics' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION crm_internal.tier_metrics(crm.tier_policy, crm.tier_state, crm.history, crm.history, crm.history, jsonb, date) IS
'The metrics that a policy asks for, for crm.tier_decide: counted over crm.tier_window(policy, state, until), revenue, purchases and purchase_days from the history of purchases, profit from that of their profit (NULL without one), points_earned from that of points; all others are taken from the object given, where a missing one is an error.';
--| NULL where nothing changes. A NULL state stands for somebody who joins with his first
--| purchase: his state is returned in any case, and NULL where he has not bought yet. Errors as
--| for crm.tier_decide.
CREATE FUNCTION crm_internal.tier_judge(policy crm.tier_policy, state crm.tier_state,
	history crm.history, profit_history crm.history,
	points_history crm.history, given jsonb, as_of date) RETURNS crm_internal.tier_verdict
	AS 'MODULE_PATHNAME', 'crm_tier_judge' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION crm_internal.tier_judge(crm.tier_policy, crm.tier_state, crm.history, crm.history, crm.history, jsonb, date) IS
'The review of a member on a day: crm.tier_decide when the day begins, and again when it ends if it has a purchase, a refund or points that the policy counts; metrics are those of crm_internal.tier_metrics.';
--| Counted are the days of the window that will decide, as far as as_of: up to the review, or up
--| to as_of where the policy decides at once. value is NULL where it is not known, threshold
--| where a share of the best customers is not frozen yet, missing where nobody can say. Revenue,
--| purchases and purchase_days are counted from the history of purchases, profit from that of
--| their profit (NULL without one), points_earned from that of points. All other metrics are
--| taken from the object given, where a missing one is an error. A member without a history has
--| bought and earned 0. What no rule asks for may be NULL.
CREATE FUNCTION crm.tier_needs(policy crm.tier_policy, state crm.tier_state, history crm.history,
	profit_history crm.history,
	points_history crm.history, given jsonb, as_of date,
	OUT purpose text, OUT tier text, OUT metric text, OUT value numeric, OUT threshold numeric,
		OUT missing numeric,
	OUT counted_since date, OUT counted_until date) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'crm_tier_needs' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20 ROWS 3;
COMMENT ON FUNCTION crm.tier_needs(crm.tier_policy, crm.tier_state, crm.history, crm.history, crm.history, jsonb, date) IS
'What a member has and lacks on a day, a row for each rule: to keep his tier at the next review (purpose keep), and to enter the next one (enter).';
--| NULL where policy, state or as_of is.
CREATE FUNCTION crm.tier_outlook(policy crm.tier_policy, state crm.tier_state, history crm.history,
	profit_history crm.history,
	points_history crm.history, given jsonb, as_of date) RETURNS crm.tier_outlook
	AS 'MODULE_PATHNAME', 'crm_tier_outlook' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION crm.tier_outlook(crm.tier_policy, crm.tier_state, crm.history, crm.history, crm.history, jsonb, date) IS
'crm.tier_needs in one row: of several rules the one that is furthest from holding, as a share of its threshold.';

/* Replays */

--| What-if: SELECT (crm.tier_at(policy, history, as_of)).tier, count(\*) FROM ... GROUP BY 1. The
--| metrics are revenue, purchases and purchase_days; others are an error. The tier before an
--| order, which its points go by, is that of the day before.
CREATE FUNCTION crm.tier_at(policy crm.tier_policy, history crm.history, as_of date)
	RETURNS crm.tier_state
	AS 'MODULE_PATHNAME', 'crm_tier_at' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION crm.tier_at(crm.tier_policy, crm.history, date) IS
'Where a customer with these purchases stands at the end of as_of, had the policy been in force since his first purchase, with which he enrolls; NULL before that.';
--| They are those of crm.tier_decide at the beginning of every day and again at the end of each
--| day with a purchase or refund; several decisions of a day make one row. The tier is valid in
--| [valid_from, valid_to); valid_to is NULL for the last row. reason and review_on as in
--| crm.tier_state; first_time says that this tier was never reached before (a welcome gift is due
--| once). revenue, purchases and purchase_days are those that were judged; a policy with other
--| metrics is an error. No rows without a purchase.
CREATE FUNCTION crm.tier_path(policy crm.tier_policy, history crm.history, since date, until date,
	OUT tier_no int, OUT tier text, OUT valid_from date, OUT valid_to date, OUT reason text,
		OUT review_on date, OUT first_time boolean,
	OUT revenue numeric, OUT purchases bigint, OUT purchase_days bigint) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'crm_tier_path' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 50 ROWS 5;
COMMENT ON FUNCTION crm.tier_path(crm.tier_policy, crm.history, date, date) IS
'All decisions about a customer with these purchases, had the policy been in force since his first purchase, with which he enrolls: the rows that overlap [from, until), in the order of time, decisions from until on not being taken.';
