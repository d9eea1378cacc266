/*
 * retention
 *
 * Who comes back: cohorts, growth accounting, stickiness and repurchase
 * rates, each in one pass over the histories.
 */

CREATE TYPE crm.retention_cell AS (
	cohort date,
	period_no int,
	period_until int,
	customers bigint,
	retained bigint,
	retained_or_later bigint
);
COMMENT ON TYPE crm.retention_cell IS
'One cell of a retention table: of the customers whose first purchase fell into a period (the cohort), how many bought again some periods later.';
COMMENT ON COLUMN crm.retention_cell.cohort IS 'First day of the period of the first purchase.';
COMMENT ON COLUMN crm.retention_cell.period_no IS
'First period of the cell, counted from that of the cohort, which is 0.';
COMMENT ON COLUMN crm.retention_cell.period_until IS
'First period after the cell: period_no + 1 but for brackets.';
COMMENT ON COLUMN crm.retention_cell.customers IS 'Customers of the cohort.';
COMMENT ON COLUMN crm.retention_cell.retained IS
'Those who bought in the periods of the cell; NULL while these are not over.';
COMMENT ON COLUMN crm.retention_cell.retained_or_later IS
'Those who bought in the periods of the cell or later; NULL while these are not over.';

CREATE TYPE crm.growth_period AS (
	period date,
	active bigint,
	new bigint,
	stayed bigint,
	resurrected bigint,
	dormant bigint,
	amount numeric
);
COMMENT ON TYPE crm.growth_period IS
'Growth accounting of one period: active = new + stayed + resurrected, and active = active of the period before - dormant + new + resurrected.';
COMMENT ON COLUMN crm.growth_period.period IS 'First day of the period.';
COMMENT ON COLUMN crm.growth_period.active IS 'Customers with a purchase in the period.';
COMMENT ON COLUMN crm.growth_period.new IS 'Those whose first purchase ever it was.';
COMMENT ON COLUMN crm.growth_period.stayed IS 'Those who had bought in the period before as well.';
COMMENT ON COLUMN crm.growth_period.resurrected IS
'Those who had bought before, but not in the period before.';
COMMENT ON COLUMN crm.growth_period.dormant IS
'Customers with a purchase in the period before and none in this one.';
COMMENT ON COLUMN crm.growth_period.amount IS
'Net amount of the period: purchases, and refunds on the days on which they were given.';

CREATE TYPE crm.stickiness_count AS (
	active_periods int,
	customers bigint
);
COMMENT ON TYPE crm.stickiness_count IS
'How many customers bought in exactly so many of the periods.';
COMMENT ON COLUMN crm.stickiness_count.active_periods IS
'Number of periods with a purchase, from 1.';
COMMENT ON COLUMN crm.stickiness_count.customers IS 'Customers with that number.';

CREATE TYPE crm.repurchase AS (
	buyers bigint,
	repeated bigint,
	rate float8
);
COMMENT ON TYPE crm.repurchase IS 'A repurchase rate with its parts.';
COMMENT ON COLUMN crm.repurchase.buyers IS 'Customers who could have bought again.';
COMMENT ON COLUMN crm.repurchase.repeated IS 'Those of them who did.';
COMMENT ON COLUMN crm.repurchase.rate IS
'repeated / buyers, from 0 to 1; NULL where there are no buyers.';

/* Counts of all these aggregates */

CREATE FUNCTION crm_internal.tally_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_tally_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.tally_combine(internal, internal) IS
'Adds the counts of two workers.';
CREATE FUNCTION crm_internal.tally_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'crm_tally_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.tally_serialize(internal) IS 'Packs the counts of a worker.';
CREATE FUNCTION crm_internal.tally_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_tally_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.tally_deserialize(bytea, internal) IS
'Unpacks the counts of a worker; the bytes are checked.';

/* Retention */

CREATE FUNCTION crm_internal.retention_agg_transition(internal, history crm.history, as_of date,
	since date,
	periods int, unit text) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_retention_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.retention_agg_transition(internal, crm.history, date, date, int, text) IS
'Transition of crm.retention_agg.';
CREATE FUNCTION crm_internal.retention_agg_transition(internal, history crm.history, as_of date,
	since date,
	brackets int[], unit text) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_retention_brackets_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.retention_agg_transition(internal, crm.history, date, date, int[], text) IS
'Transition of crm.retention_agg with brackets.';
CREATE FUNCTION crm_internal.retention_agg_final(internal) RETURNS crm.retention_cell[]
	AS 'MODULE_PATHNAME', 'crm_retention_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.retention_agg_final(internal) IS
'Final function of crm.retention_agg.';

--| unit is day, week (from Monday), month, quarter or year of the calendar; a customer belongs to
--| the cohort of his first purchase ever, and purchases after as_of do not count. retained is
--| N-period retention (bought in that period), retained_or_later the unbounded one (bought in
--| that period or later). A cell whose period is not over at the end of as_of is NULL: nobody can
--| know it yet. Rows by SELECT c.\* FROM (SELECT crm.retention_agg(...) AS cells FROM ...) AS q,
--| unnest(cells) AS c; the curve of all cohorts by crm.retention_curve(cells). For periods from a
--| customer's own first day take the unit day, with brackets of days. periods is at most 999, and
--| cohorts times (2 periods + 3) at most 2000000. Rows with a NULL are skipped, NULL where none
--| is left; the arguments but the history are the same in all rows. The counts of parts of the
--| customers add up.
CREATE AGGREGATE crm.retention_agg(history crm.history, as_of date, since date, periods int,
	unit text) (
	SFUNC = crm_internal.retention_agg_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.retention_agg_final,
	COMBINEFUNC = crm_internal.tally_combine,
	SERIALFUNC = crm_internal.tally_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.retention_agg(crm.history, date, date, int, text) IS
'The retention table of all cohorts, one history a customer: from the period that holds since to the period that holds as_of, a row for each cohort and each period from 0 to periods after it.';
--| The 2 to 1001 bounds ascend from 0 or more. A customer is retained in a cell if he bought in
--| at least one of its periods; the cell is NULL until the last of them is over.
CREATE AGGREGATE crm.retention_agg(history crm.history, as_of date, since date, brackets int[],
	unit text) (
	SFUNC = crm_internal.retention_agg_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.retention_agg_final,
	COMBINEFUNC = crm_internal.tally_combine,
	SERIALFUNC = crm_internal.tally_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.retention_agg(crm.history, date, date, int[], text) IS
'As crm.retention_agg, with brackets of several periods instead of single ones: ''{0,1,4,8,31}''::int[] has the cells 0, 1 to 3, 4 to 7 and 8 to 30.';

--| retention = retained / customers and retention_or_later = retained_or_later / customers, from
--| 0 to 1, NULL where there are no customers; no row where no cohort is old enough.
CREATE FUNCTION crm.retention_curve(cells crm.retention_cell[],
	OUT period_no int, OUT period_until int, OUT customers bigint, OUT retained bigint,
		OUT retained_or_later bigint,
	OUT retention float8, OUT retention_or_later float8) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 12
BEGIN ATOMIC
	SELECT c.period_no, c.period_until, sum(c.customers)::bigint, sum(c.retained)::bigint,
		sum(c.retained_or_later)::bigint,
		   sum(c.retained)::float8 / nullif(sum(c.customers), 0)::float8,
		   sum(c.retained_or_later)::float8 / nullif(sum(c.customers), 0)::float8
	  FROM unnest(cells) AS c
	 WHERE c.retained IS NOT NULL
	 GROUP BY c.period_no, c.period_until
	 ORDER BY c.period_no;
END;
COMMENT ON FUNCTION crm.retention_curve(crm.retention_cell[]) IS
'The retention of all cohorts together, by periods since the first purchase: each cell is the sum over the cohorts for which it is known, customers being theirs alone, so that young cohorts do not pull the curve down.';

/* Growth accounting */

CREATE FUNCTION crm_internal.growth_agg_transition(internal, history crm.history, since date,
	until date, unit text) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_growth_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.growth_agg_transition(internal, crm.history, date, date, text) IS
'Transition of crm.growth_agg.';
CREATE FUNCTION crm_internal.growth_agg_final(internal) RETURNS crm.growth_period[]
	AS 'MODULE_PATHNAME', 'crm_growth_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.growth_agg_final(internal) IS 'Final function of crm.growth_agg.';
--| New is who bought for the first time in the whole history, whatever the window; a customer
--| goes dormant once for each absence, in the period after his last active one. Purchases from
--| until on do not count: if the last period is cut short, its dormant customers may yet buy and
--| its amount is not all. A sum beyond 9 \* 10^18 is an error. Rows by SELECT p.\* FROM (SELECT
--| crm.growth_agg(...) AS periods FROM ...) AS q, unnest(periods) AS p. The quick ratio of
--| customers is (new + resurrected) / dormant. Rows with a NULL are skipped, NULL where none is
--| left; the arguments but the history are the same in all rows; at most 100000 periods.
CREATE AGGREGATE crm.growth_agg(history crm.history, since date, until date, unit text) (
	SFUNC = crm_internal.growth_agg_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.growth_agg_final,
	COMBINEFUNC = crm_internal.tally_combine,
	SERIALFUNC = crm_internal.tally_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.growth_agg(crm.history, date, date, text) IS
'Growth accounting, one history a customer: a row for each period (day, week from Monday, month, quarter or year of the calendar) from the one that holds from to the one that holds the day before until, empty ones included, with the customers who were new, stayed, were resurrected or went dormant, and with the exact net amount.';

/* Stickiness */

CREATE FUNCTION crm_internal.stickiness_agg_transition(internal, history crm.history, since date,
	until date, unit text) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_stickiness_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.stickiness_agg_transition(internal, crm.history, date, date, text) IS
'Transition of crm.stickiness_agg.';
CREATE FUNCTION crm_internal.stickiness_agg_final(internal) RETURNS crm.stickiness_count[]
	AS 'MODULE_PATHNAME', 'crm_stickiness_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.stickiness_agg_final(internal) IS
'Final function of crm.stickiness_agg.';
--| Customers without a purchase in the window are in no row. unit and rows as for crm.growth_agg.
--| The usual scalar (as DAU/MAU) is sum(active_periods \* customers) / periods / sum(customers).
--| A window that begins or ends within a period counts the whole period up to until.
CREATE AGGREGATE crm.stickiness_agg(history crm.history, since date, until date, unit text) (
	SFUNC = crm_internal.stickiness_agg_transition,
	STYPE = internal,
	SSPACE = 8192,
	FINALFUNC = crm_internal.stickiness_agg_final,
	COMBINEFUNC = crm_internal.tally_combine,
	SERIALFUNC = crm_internal.tally_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.stickiness_agg(crm.history, date, date, text) IS
'How regularly customers buy, one history a customer: a row for each number of active periods, from 1 to all of those that hold the days from (included) until (excluded), with the customers who bought in exactly so many of them.';

/* Repurchase rates */

CREATE FUNCTION crm_internal.repurchase_final(internal) RETURNS crm.repurchase
	AS 'MODULE_PATHNAME', 'crm_repurchase_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.repurchase_final(internal) IS
'Final function of the repurchase rates.';
CREATE FUNCTION crm_internal.repeat_rate_transition(internal, history crm.history, since date,
	until date) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_repeat_rate_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.repeat_rate_transition(internal, crm.history, date, date) IS
'Transition of crm.repeat_rate.';
CREATE FUNCTION crm_internal.repeat_rate_transition(internal, history crm.history, since date,
	until date, once_a_day boolean) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_repeat_rate_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.repeat_rate_transition(internal, crm.history, date, date, boolean) IS
'Transition of crm.repeat_rate.';
CREATE FUNCTION crm_internal.came_back_rate_transition(internal, history crm.history, since date,
	until date, next_since date, next_until date) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_came_back_rate_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.came_back_rate_transition(internal, crm.history, date, date, date, date) IS
'Transition of crm.came_back_rate.';
CREATE FUNCTION crm_internal.repeat_within_transition(internal, history crm.history, as_of date,
	since date,
	until date, days int) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_repeat_within_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.repeat_within_transition(internal, crm.history, date, date, date, int) IS
'Transition of crm.repeat_within.';

--| Not to be confused with crm.came_back_rate (two windows) and crm.repeat_within (since the
--| first purchase). One history a customer; rows with a NULL are skipped, NULL where none is
--| left.
CREATE AGGREGATE crm.repeat_rate(history crm.history, since date, until date) (
	SFUNC = crm_internal.repeat_rate_transition,
	STYPE = internal,
	SSPACE = 128,
	FINALFUNC = crm_internal.repurchase_final,
	COMBINEFUNC = crm_internal.tally_combine,
	SERIALFUNC = crm_internal.tally_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.repeat_rate(crm.history, date, date) IS
'Repurchase rate by people (复购率): of the customers with a purchase in [from, until), the share with two or more.';
CREATE AGGREGATE crm.repeat_rate(history crm.history, since date, until date, once_a_day boolean) (
	SFUNC = crm_internal.repeat_rate_transition,
	STYPE = internal,
	SSPACE = 128,
	FINALFUNC = crm_internal.repurchase_final,
	COMBINEFUNC = crm_internal.tally_combine,
	SERIALFUNC = crm_internal.tally_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.repeat_rate(crm.history, date, date, boolean) IS
'As crm.repeat_rate; with once_a_day the purchases of one day count as one.';
--| One history a customer; rows with a NULL are skipped, NULL where none is left.
CREATE AGGREGATE crm.came_back_rate(history crm.history, since date, until date, next_since date,
	next_until date) (
	SFUNC = crm_internal.came_back_rate_transition,
	STYPE = internal,
	SSPACE = 128,
	FINALFUNC = crm_internal.repurchase_final,
	COMBINEFUNC = crm_internal.tally_combine,
	SERIALFUNC = crm_internal.tally_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.came_back_rate(crm.history, date, date, date, date) IS
'Repurchase rate from one window to another (回购率): of the customers with a purchase in [from, until), the share with a purchase in [next_since, next_until).';
--| Only customers whose days are over at the end of as_of count, so the number does not change
--| with later data. days is 1 or more; 30, 60 and 90 are usual. One history a customer; rows with
--| a NULL are skipped, NULL where none is left.
CREATE AGGREGATE crm.repeat_within(history crm.history, as_of date, since date, until date,
	days int) (
	SFUNC = crm_internal.repeat_within_transition,
	STYPE = internal,
	SSPACE = 128,
	FINALFUNC = crm_internal.repurchase_final,
	COMBINEFUNC = crm_internal.tally_combine,
	SERIALFUNC = crm_internal.tally_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.repeat_within(crm.history, date, date, date, int) IS
'Repurchase rate of a cohort: of the customers whose first purchase ever fell into [from, until), the share who bought again on a later day, at most so many days after it.';
