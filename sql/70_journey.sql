/*
 * journey
 *
 * Journeys of customers. How far they go through a funnel, the path of their
 * touches, and the credit of each channel for a conversion.
 */

/* Funnels */

--| crm.funnel_agg returns this type. The time of step 2 is `reached_at[2]`.
CREATE TYPE crm.funnel AS (
	level int,
	started_at timestamptz,
	reached_at timestamptz[]
);
COMMENT ON TYPE crm.funnel IS 'How far a customer went through the steps of a funnel.';
COMMENT ON COLUMN crm.funnel.level IS
'Number of steps that were reached one after the other, 0 if the first step is missing.';
COMMENT ON COLUMN crm.funnel.started_at IS
'Time of the first step, or NULL if the level is 0.';
COMMENT ON COLUMN crm.funnel.reached_at IS
'Times of the steps that were reached, as many as the level.';

CREATE FUNCTION crm_internal.funnel_agg_transition(internal, at timestamptz, steps boolean[],
	within interval) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_funnel_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.funnel_agg_transition(internal, timestamptz, boolean[],
	interval) IS
'Transition function of crm.funnel_agg.';
CREATE FUNCTION crm_internal.funnel_agg_transition(internal, at timestamptz, steps boolean[],
	within interval, mode text) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_funnel_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.funnel_agg_transition(internal, timestamptz, boolean[], interval,
	text) IS
'Transition function of crm.funnel_agg with a mode.';
CREATE FUNCTION crm_internal.funnel_agg_final(internal) RETURNS crm.funnel
	AS 'MODULE_PATHNAME', 'crm_funnel_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.funnel_agg_final(internal) IS 'Final function of crm.funnel_agg.';

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
CREATE AGGREGATE crm.funnel_agg(at timestamptz, steps boolean[], within interval) (
	SFUNC = crm_internal.funnel_agg_transition,
	STYPE = internal,
	SSPACE = 256,
	FINALFUNC = crm_internal.funnel_agg_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.funnel_agg(timestamptz, boolean[], interval) IS
'The deepest step of a funnel that a customer reached within a time, with the time of each step.';
--| * `mode`: `together` is the default. With `later`, each step must be later than the one before,
--|   so events of equal times cannot follow each other.
--|
--| Everything else is as in crm.funnel_agg without a mode.
CREATE AGGREGATE crm.funnel_agg(at timestamptz, steps boolean[], within interval, mode text) (
	SFUNC = crm_internal.funnel_agg_transition,
	STYPE = internal,
	SSPACE = 256,
	FINALFUNC = crm_internal.funnel_agg_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.funnel_agg(timestamptz, boolean[], interval, text) IS
'The deepest step of a funnel, where steps of equal times may be refused.';
