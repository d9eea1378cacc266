/*
 * journey
 *
 * Journeys of customers. How far they go through a funnel, the path of their
 * touches, and the credit of each channel for a conversion.
 */

/* Funnels */

--| crm.funnel_agg returns this type. The time of step 2 is `reached_at[2]`.
CREATE TYPE crm.funnel AS (
	--: Number of steps that were reached one after the other, 0 if the first step is missing.
	level int,
	--: Time of the first step, or NULL if the level is 0.
	started_at timestamptz,
	--: Times of the steps that were reached, as many as the level.
	reached_at timestamptz[]
);
COMMENT ON TYPE crm.funnel IS 'How far a customer went through the steps of a funnel.';

CREATE FUNCTION crm_internal.funnel_agg_transition(internal, at timestamptz, steps boolean[],
	within interval) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_funnel_transition';
CREATE FUNCTION crm_internal.funnel_agg_transition(internal, at timestamptz, steps boolean[],
	within interval, mode text) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_funnel_transition';
CREATE FUNCTION crm_internal.funnel_agg_final(internal) RETURNS crm.funnel
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_funnel_final';

--| Group by customer. The rows are the events of one customer, in any order. No ORDER BY is
--| necessary.
--|
--| * `at`: the time of the event.
--| * `steps`: one condition for each step, 1 to 64 of them, such as
--|   `ARRAY[kind = 'visit', kind = 'order']`. A NULL in the array is false.
--| * `within`: the longest time from the first step to the last one. A step exactly that late
--|   counts. A day has 24 hours.
--|
--| A chain of level k is k different events. Event number i satisfies step i, and no event is
--| before
--| the one in front of it. Other events may lie between them. The level is that of the longest
--| chain.
--| One event counts for one step only, also if it satisfies several. Events of equal times may
--| follow each other in any order.
--|
--| Of all chains of that level, the result is the one with the latest start. Each later step has
--| the earliest time that is possible after that start.
--|
--| `within` and the number of steps are the same in all rows. Rows with a NULL are skipped. NULL if
--| no row is left. The state needs 16 bytes for each event that satisfies a step.
--|
--| Errors: an infinite time, a `within` that is negative or has months, and a wrong number of
--| steps.
--|
--| ```sql
--| SELECT customer, (crm.funnel_agg(at, ARRAY[kind = 'visit', kind = 'cart', kind = 'order'], '7
--| days')).*
--|   FROM (VALUES (1, timestamptz '2025-01-01 10:00', 'visit'), (1, '2025-01-02 11:00', 'cart'))
--|          AS event(customer, at, kind)
--|  GROUP BY customer;
--| ```
-- SSPACE is more than the truth, so that many customers are sorted and not spilled.
CREATE AGGREGATE crm.funnel_agg(at timestamptz, steps boolean[], within interval) (
	SFUNC = crm_internal.funnel_agg_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = crm_internal.funnel_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.funnel_agg(timestamptz, boolean[], interval) IS
'The deepest step of a funnel that a customer reached within a time, with the time of each step.';
--| * `mode`: `together` is the default. With `later`, each step must be later than the one before,
--|   so events of equal times cannot follow each other.
--|
--| Everything else is as in crm.funnel_agg without a mode.
CREATE AGGREGATE crm.funnel_agg(at timestamptz, steps boolean[], within interval, mode text) (
	SFUNC = crm_internal.funnel_agg_transition, STYPE = internal, SSPACE = 16384,
	FINALFUNC = crm_internal.funnel_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.funnel_agg(timestamptz, boolean[], interval, text) IS
'The deepest step of a funnel, where steps of equal times may be refused.';

/* Paths */

--| crm.path_agg returns this type. The two arrays have the same length.
CREATE TYPE crm.touch_path AS (
	--: Names of the touches, none of them twice in a row.
	touches text[],
	--: Time of each touch, the last one where it was repeated.
	touched_at timestamptz[]
);
COMMENT ON TYPE crm.touch_path IS 'The touches or stages of a customer, in order of time.';

CREATE FUNCTION crm_internal.path_agg_transition(internal, at timestamptz, touch text, longest int)
	RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_path_transition';
CREATE FUNCTION crm_internal.path_agg_final(internal) RETURNS crm.touch_path
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_path_final';

--| Group by customer or by conversion. The rows may come in any order. No ORDER BY is necessary.
--|
--| * `at`: the time of the touch. Touches of equal times are in the order of the bytes of `touch`.
--| * `touch`: a channel, a campaign or a stage.
--| * `longest`: the path keeps that many touches, the last ones, from 1 to 10000.
--|
--| Repeats of a touch without another one between them become one touch.
--|
--| `longest` is the same in all rows. Rows with a NULL are skipped. NULL if no row is left. Touches
--| that are too old for the path are dropped from memory.
--|
--| Errors: an infinite time, and a `longest` out of range.
--|
--| ```sql
--| SELECT (crm.path_agg(at, touch, 10)).*
--|   FROM (VALUES (timestamptz '2025-01-02', 'search'), ('2025-01-01', 'mail'),
--|                ('2025-01-03', 'search')) AS touched(at, touch);
--| ```
CREATE AGGREGATE crm.path_agg(at timestamptz, touch text, longest int) (
	SFUNC = crm_internal.path_agg_transition, STYPE = internal, SSPACE = 256,
	FINALFUNC = crm_internal.path_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.path_agg(timestamptz, text, int) IS
'The last touches of a customer in order of time, with repeats in a row as one touch.';

/* Attribution */

--| crm.attribution_agg returns an array with one row for each channel. Conversions that no channel
--| touched have a row whose channel is NULL. So the credits of each model add up to the amounts of
--| all conversions exactly.
CREATE TYPE crm.channel_credit AS (
	--: The channel, or NULL for conversions that no channel touched.
	channel text,
	--: Number of journeys that touch the channel.
	journeys bigint,
	--: Number of these journeys that convert.
	conversions bigint,
	--: Credit if the first touch gets all.
	first_touch numeric,
	--: Credit if the last touch gets all.
	last_touch numeric,
	--: Credit if all touches get the same.
	linear numeric,
	--: Credit if the first and the last touch get 40 % each, and the others share 20 %.
	position_based numeric,
	--: Credit if a touch counts half after each half-life, or NULL without times of the touches.
	time_decay numeric,
	--: Credit in proportion to the removal effect.
	markov numeric,
	--: Credit by the Shapley value, which shares a conversion among its different channels.
	shapley numeric,
	--: Share of conversions that would be lost without the channel, from 0 to 1.
	removal_effect float8
);
COMMENT ON TYPE crm.channel_credit IS 'The credit of a channel for conversions, by seven models.';

CREATE FUNCTION crm_internal.attribution_agg_transition(internal, touches text[], amount numeric)
	RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_attribution_transition';
CREATE FUNCTION crm_internal.attribution_agg_transition(internal, touches text[],
	touched_at timestamptz[], converted_at timestamptz, amount numeric, half_life interval)
	RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_attribution_times_transition';
CREATE FUNCTION crm_internal.attribution_agg_final(internal) RETURNS crm.channel_credit[]
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_attribution_final';

--| Each row is a journey.
--|
--| * `touches`: the channels, in order of time.
--| * `amount`: what the conversion brought, or NULL if the journey has not converted.
--|
--| The result has one row for each channel. All models but Markov look at one conversion at a time.
--| Credits are cut to 8 decimals, and the last touch gets the rest, so the credits of a conversion
--| add up to its amount.
--|
--| **Markov.** Journeys are a chain of the channels in which repeats count once. The removal effect
--| of a channel is the share of the conversions that would be lost if everything that enters the
--| channel ended there. Give journeys without a conversion too. Without them the effect only tells
--| how often a channel lies on the way.
--|
--| **Shapley.** The value of a set of channels is the amount of the conversions that touched no
--| other
--| channel. Then each conversion is shared equally among its different channels, and the number of
--| channels of a journey has no limit.
--|
--| Rows without `touches` are skipped. NULL if there is no row.
--|
--| Errors: more than 1000 channels, a NULL in `touches`, and an amount with more than 8 decimals.
--|
--| ```sql
--| SELECT credit.*
--|   FROM (SELECT crm.attribution_agg(touches, amount) AS credits
--|           FROM (VALUES ('{mail,search}'::text[], 100), ('{mail}', NULL))
--|                  AS journey(touches, amount)) AS q,
--|        unnest(credits) AS credit;
--| ```
CREATE AGGREGATE crm.attribution_agg(touches text[], amount numeric) (
	SFUNC = crm_internal.attribution_agg_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.attribution_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.attribution_agg(text[], numeric) IS
'The credit of each channel for conversions, by all models that need no times.';
--| * `touched_at`: the times of the touches, ascending. Touches after the conversion do not count.
--|   A touch at the moment of the conversion counts.
--| * `converted_at`: NULL if the journey has not converted.
--| * `half_life`: after this time a touch counts half. `7 days` is usual.
--|
--| Rows in which `touches`, `touched_at` or `half_life` is NULL are skipped. Choose the look-back
--| by the touches that you give. Everything else is as in crm.attribution_agg without times.
--|
--| Errors: a `half_life` that changes or is not above 0, and arrays of different lengths.
CREATE AGGREGATE crm.attribution_agg(touches text[], touched_at timestamptz[],
	converted_at timestamptz, amount numeric, half_life interval) (
	SFUNC = crm_internal.attribution_agg_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.attribution_agg_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.attribution_agg(text[], timestamptz[], timestamptz, numeric, interval) IS
'The credit of each channel for conversions, by all seven models.';

--| * `kind`: `first`, `last`, `linear`, `position` (40, 20 and 40 %) or `time_decay`.
--| * `touched_at`: the times of the touches, ascending. Touches after the conversion get 0.
--| * `amount`: what the conversion brought.
--| * `half_life`: for `time_decay`. After this time a touch counts half.
--|
--| The credits have at most 8 decimals and add up to the amount exactly. NULL if an argument is
--| NULL or no touch counts.
--|
--| ```sql
--| SELECT crm.touch_credits('linear', '{2025-01-01,2025-01-05,2025-01-09}', '2025-01-10', 100);
--| ```
CREATE FUNCTION crm.touch_credits(kind text, touched_at timestamptz[], converted_at timestamptz,
	amount numeric, half_life interval DEFAULT '7 days') RETURNS numeric[]
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_touch_credits';
COMMENT ON FUNCTION crm.touch_credits(text, timestamptz[], timestamptz, numeric, interval) IS
'The credit of each touch for one conversion.';
