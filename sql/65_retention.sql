/*
 * retention
 *
 * Retention of customers by cohort, growth accounting, stickiness and
 * repurchase rates. Each aggregate reads the histories once.
 */

--| The cohort is the customers whose first purchase fell into one period. crm.retention_agg returns
--| an array of cells.
CREATE TYPE crm.retention_cell AS (
	--: First day of the period of the first purchase.
	cohort date,
	--: First period of the cell, counted from the period of the cohort, which is 0.
	period_no int,
	--: First period after the cell, which is period_no + 1 except for brackets.
	period_until int,
	--: Number of customers of the cohort.
	customers bigint,
	--: Customers who bought in the periods of the cell, or NULL while these periods are not over.
	retained bigint,
	--: Customers who bought in the cell or later, or NULL while its periods are not over.
	retained_or_later bigint
);
COMMENT ON TYPE crm.retention_cell IS
'The customers of a cohort who bought again some periods after their first purchase.';

--| `active = new + stayed + resurrected`. `active` is also the number of active customers of the
--| period before, less `dormant`, plus `new` and `resurrected`. crm.growth_agg returns an array of
--| periods.
CREATE TYPE crm.growth_period AS (
	--: First day of the period.
	period date,
	--: Customers with a purchase in the period.
	active bigint,
	--: Active customers whose first purchase ever is in the period.
	new bigint,
	--: Active customers who bought in the period before as well.
	stayed bigint,
	--: Active customers who bought earlier, but not in the period before.
	resurrected bigint,
	--: Customers with a purchase in the period before and none in this one.
	dormant bigint,
	--: Net amount of the period, with refunds on the days on which they were given.
	amount numeric
);
COMMENT ON TYPE crm.growth_period IS 'The growth accounting of one period.';

CREATE TYPE crm.stickiness_count AS (
	--: Number of periods with a purchase, from 1.
	active_periods int,
	--: Number of customers with that number of active periods.
	customers bigint
);
COMMENT ON TYPE crm.stickiness_count IS
'The number of customers who bought in exactly this number of periods.';

--| `rate = repeated / buyers`. crm.repeat_rate, crm.came_back_rate and crm.repeat_within return
--| this type.
CREATE TYPE crm.repurchase AS (
	--: Number of customers who could have bought again.
	buyers bigint,
	--: Number of buyers who bought again.
	repeated bigint,
	--: Share of buyers who bought again, from 0 to 1, or NULL if there are no buyers.
	rate float8
);
COMMENT ON TYPE crm.repurchase IS 'A repurchase rate with its parts.';

/* Periods */

--| * `unit`: as in crm.period_start with a number of periods.
--|
--| ```sql
--| SELECT crm.period_start('2025-02-28', 'year from april');
--| ```
CREATE FUNCTION crm.period_start(day date, unit text) RETURNS date
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_period_start';
COMMENT ON FUNCTION crm.period_start(date, text) IS
'The first day of the period of the calendar that holds a day.';

--| * `periods`: how many periods later, below 0 for earlier ones.
--| * `unit`: `day`, `week`, `month`, `quarter` or `year` of the calendar. Weeks begin on Monday.
--|   `week from sunday` begins on another day. `quarter from february` and `year from april` are
--|   those of a fiscal year. A week takes any day of the week, a quarter and a year any month.
--|
--| The aggregates of this chapter take the same units.
--|
--| ```sql
--| SELECT crm.period_start('2025-02-28', 1, 'week from sunday');
--| ```
CREATE FUNCTION crm.period_start(day date, periods int, unit text) RETURNS date
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_period_start';
COMMENT ON FUNCTION crm.period_start(date, int, text) IS
'The first day of the period that begins some periods after the one that holds a day.';

--: A unit of time where weeks and fiscal years begin as given.
CREATE FUNCTION crm_internal.unit_in(unit text, week_start text, fiscal_year_start text)
	RETURNS text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN CASE WHEN unit = 'week' THEN unit || ' from ' || week_start
		WHEN unit IN ('quarter', 'year') THEN unit || ' from ' || fiscal_year_start
		ELSE unit END;

/* Counts of all these aggregates */

CREATE FUNCTION crm_internal.tally_deserialize(bytea, internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_tally_deserialize';

/* Retention */

CREATE FUNCTION crm_internal.retention_agg_transition(internal, history crm.history, as_of date,
	since date, periods int, unit text) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_retention_transition';
CREATE FUNCTION crm_internal.retention_agg_transition(internal, history crm.history, as_of date,
	since date, brackets int[], unit text) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_retention_brackets_transition';
CREATE FUNCTION crm_internal.retention_agg_final(internal) RETURNS crm.retention_cell[]
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_retention_final';

--| A cohort is all customers whose first purchase ever falls into the same period. The cohorts
--| begin with the period that holds `since` and end with the period that holds `as_of`. There is
--| one cell for each cohort and each period from 0 to `periods` after it.
--|
--| * `history`: the purchases of one customer. Give one row for each customer.
--| * `as_of`: the last day. Later purchases do not count.
--| * `since`: a day of the first cohort.
--| * `periods`: the last period of each cohort, at most 999.
--| * `unit`: a unit of crm.period_start, as `week`, `month` or `year from april`.
--|
--| The arguments except `history` are the same in all rows. Rows with a NULL are skipped. NULL if
--| no row is left.
--|
--| `retained` is the N-period retention. It counts the customers who bought in that period.
--| `retained_or_later` is the unbounded retention. It counts the customers who bought in that
--| period or later. Both are NULL if the period is not over at the end of `as_of`, because nobody
--| can know them yet.
--|
--| For periods from each customer's own first day, take the unit `day` and brackets of days.
--| crm.retention_curve makes the curve of all cohorts. The counts of parts of the customers add up
--| to the counts of all.
--|
--| Errors: the number of cohorts times (2 `periods` + 3) is above 2000000.
--|
--| ```sql
--| SELECT cell.*
--|   FROM (SELECT crm.retention_agg(history, '2025-03-31', '2025-01-01', 2, 'month') AS cells
--|           FROM (VALUES ('[["2025-01-03",1,10],["2025-02-05",1,20]]'::crm.history))
--|             AS customer(history)) AS q,
--|        unnest(cells) AS cell;
--| ```
CREATE AGGREGATE crm.retention_agg(history crm.history, as_of date, since date, periods int,
	unit text) (
	SFUNC = crm_internal.retention_agg_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.retention_agg_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize
);
COMMENT ON AGGREGATE crm.retention_agg(crm.history, date, date, int, text) IS
'The retention table of all cohorts, one cell for each cohort and each later period.';
--| * `brackets`: 2 to 1001 bounds of cells, ascending from 0 or more. `'{0,1,4,8,31}'::int[]` has
--|   the cells 0, 1 to 3, 4 to 7 and 8 to 30.
--|
--| A customer is retained in a cell if they bought in at least one of its periods. The cell is NULL
--| until the last of its periods is over. Everything else is as in crm.retention_agg with single
--| periods.
CREATE AGGREGATE crm.retention_agg(history crm.history, as_of date, since date, brackets int[],
	unit text) (
	SFUNC = crm_internal.retention_agg_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.retention_agg_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize
);
COMMENT ON AGGREGATE crm.retention_agg(crm.history, date, date, int[], text) IS
'The retention table of all cohorts, with brackets of several periods as cells.';

--| Each row is the sum over the cohorts whose cell is known. `customers` counts the customers of
--| these cohorts alone, so that young cohorts do not pull the curve down. There is no row if no
--| cohort is old enough.
--|
--| `retention` is `retained / customers`, and `retention_or_later` is
--| `retained_or_later / customers`. Both are from 0 to 1, and NULL if there are no customers.
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
'The retention of all cohorts together, by periods since the first purchase.';

/* Growth accounting */

CREATE FUNCTION crm_internal.growth_agg_transition(internal, history crm.history, since date,
	until date, unit text) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_growth_transition';
CREATE FUNCTION crm_internal.growth_agg_final(internal) RETURNS crm.growth_period[]
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_growth_final';
--| There is one row for each period from the period that holds `since` to the period that holds the
--| day before `until`. Empty periods have a row.
--|
--| * `history`: the purchases of one customer. Give one row for each customer.
--| * `since`: a day of the first period.
--| * `until`: the first day that does not count.
--| * `unit`: a unit of crm.period_start, as `week`, `month` or `year from april`.
--|
--| The arguments except `history` are the same in all rows. Rows with a NULL are skipped. NULL if
--| no row is left.
--|
--| A customer is new in the period of the first purchase of their whole history, whatever the
--| window. A customer goes dormant once for each absence, in the period after their last active
--| one. Purchases from `until` on do not count. If the last period is cut short, its dormant
--| customers may still buy, and its amount is not complete. The amount is exact.
--|
--| The quick ratio of customers is `(new + resurrected) / dormant`.
--|
--| Errors: more than 100000 periods, and a sum beyond `9 * 10^18`.
--|
--| ```sql
--| SELECT period.*
--|   FROM (SELECT crm.growth_agg(history, '2025-01-01', '2025-04-01', 'month') AS periods
--|           FROM (VALUES ('[["2025-01-03",1,10],["2025-02-05",1,20]]'::crm.history))
--|             AS customer(history)) AS q,
--|        unnest(periods) AS period;
--| ```
CREATE AGGREGATE crm.growth_agg(history crm.history, since date, until date, unit text) (
	SFUNC = crm_internal.growth_agg_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.growth_agg_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize
);
COMMENT ON AGGREGATE crm.growth_agg(crm.history, date, date, text) IS
'Growth accounting of all customers, one row for each period.';

/* Stickiness */

CREATE FUNCTION crm_internal.stickiness_agg_transition(internal, history crm.history, since date,
	until date, unit text) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_stickiness_transition';
CREATE FUNCTION crm_internal.stickiness_agg_final(internal) RETURNS crm.stickiness_count[]
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_stickiness_final';
--| There is one row for each number of active periods, from 1 to the number of periods. The periods
--| are all those that hold days from `since` until `until` (not included). Customers without a
--| purchase in the window are in no row.
--|
--| The arguments, NULL and the way to make rows are as in crm.growth_agg. If the window begins or
--| ends within a period, the whole period counts up to `until`.
--|
--| The usual single number, as DAU/MAU, is
--| `sum(active_periods * customers) / periods / sum(customers)`.
CREATE AGGREGATE crm.stickiness_agg(history crm.history, since date, until date, unit text) (
	SFUNC = crm_internal.stickiness_agg_transition, STYPE = internal, SSPACE = 8192,
	FINALFUNC = crm_internal.stickiness_agg_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize
);
COMMENT ON AGGREGATE crm.stickiness_agg(crm.history, date, date, text) IS
'The number of customers by the number of periods in which they bought.';

/* Repurchase rates */

CREATE FUNCTION crm_internal.repurchase_final(internal) RETURNS crm.repurchase
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_repurchase_final';
CREATE FUNCTION crm_internal.repeat_rate_transition(internal, history crm.history, since date,
	until date) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_repeat_rate_transition';
CREATE FUNCTION crm_internal.repeat_rate_transition(internal, history crm.history, since date,
	until date, once_a_day boolean) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_repeat_rate_transition';
CREATE FUNCTION crm_internal.came_back_rate_transition(internal, history crm.history, since date,
	until date, next_since date, next_until date) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_came_back_rate_transition';
CREATE FUNCTION crm_internal.repeat_within_transition(internal, history crm.history, as_of date,
	since date, until date, days int) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_repeat_within_transition';

--| The rate is the share of customers with two or more purchases among the customers with a
--| purchase from `since` until `until` (not included).
--|
--| Two other aggregates measure other rates. crm.came_back_rate compares two windows.
--| crm.repeat_within counts the days since the first purchase.
--|
--| Give one history for each customer. Rows with a NULL are skipped. NULL if no row is left.
CREATE AGGREGATE crm.repeat_rate(history crm.history, since date, until date) (
	SFUNC = crm_internal.repeat_rate_transition, STYPE = internal, SSPACE = 128,
	FINALFUNC = crm_internal.repurchase_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize
);
COMMENT ON AGGREGATE crm.repeat_rate(crm.history, date, date) IS
'Repurchase rate by people (复购率) of the customers who bought within a window of days.';
--| * `once_a_day`: true if the purchases of one day count as one. Then a customer has to buy on two
--|   days.
--|
--| Everything else is as in crm.repeat_rate without `once_a_day`.
CREATE AGGREGATE crm.repeat_rate(history crm.history, since date, until date, once_a_day boolean) (
	SFUNC = crm_internal.repeat_rate_transition, STYPE = internal, SSPACE = 128,
	FINALFUNC = crm_internal.repurchase_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize
);
COMMENT ON AGGREGATE crm.repeat_rate(crm.history, date, date, boolean) IS
'Repurchase rate by people, where the purchases of one day may count as one.';
--| The rate is the share of customers with a purchase from `next_since` until `next_until` (not
--| included) among the customers with a purchase from `since` until `until` (not included).
--|
--| Give one history for each customer. Rows with a NULL are skipped. NULL if no row is left.
CREATE AGGREGATE crm.came_back_rate(history crm.history, since date, until date, next_since date,
	next_until date) (
	SFUNC = crm_internal.came_back_rate_transition, STYPE = internal, SSPACE = 128,
	FINALFUNC = crm_internal.repurchase_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize
);
COMMENT ON AGGREGATE crm.came_back_rate(crm.history, date, date, date, date) IS
'Repurchase rate (回购率) of customers from one window of days to another.';
--| The cohort is the customers whose first purchase ever falls into the days from `since` until
--| `until` (not included). The rate is the share of them who bought again on a later day, at most
--| `days` days after the first purchase.
--|
--| * `days`: 1 or more. 30, 60 and 90 are usual.
--| * `as_of`: the last day of the data.
--|
--| Only customers whose days are over at the end of `as_of` count. So the rate does not change with
--| later data.
--|
--| Give one history for each customer. Rows with a NULL are skipped. NULL if no row is left.
CREATE AGGREGATE crm.repeat_within(history crm.history, as_of date, since date, until date,
	days int) (
	SFUNC = crm_internal.repeat_within_transition, STYPE = internal, SSPACE = 128,
	FINALFUNC = crm_internal.repurchase_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.tally_deserialize
);
COMMENT ON AGGREGATE crm.repeat_within(crm.history, date, date, date, int) IS
'Repurchase rate of a cohort within a number of days after the first purchase.';
