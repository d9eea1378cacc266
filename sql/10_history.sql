/*
 * history
 *
 * The type crm.history: one value holds a customer's purchases. Aggregates
 * that build it, cuts, and the functions that read it.
 */

CREATE TYPE crm.history;

CREATE FUNCTION crm_internal.history_in(cstring) RETURNS crm.history
	AS 'MODULE_PATHNAME', 'crm_history_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION crm_internal.history_out(crm.history) RETURNS cstring
	AS 'MODULE_PATHNAME', 'crm_history_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION crm_internal.history_recv(internal) RETURNS crm.history
	AS 'MODULE_PATHNAME', 'crm_history_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION crm_internal.history_send(crm.history) RETURNS bytea
	AS 'MODULE_PATHNAME', 'crm_history_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

--| Compact (about 4 bytes a purchase day), independent of the order in which it was built,
--| mergeable. Text form: a JSON array of [day, purchases, amount], for example
--| [["2025-01-03",1,12.50],["2025-02-11",2,30.00]]; days ascend; an entry with 0 purchases is a
--| refund and has a negative amount. Amounts have up to 8 decimals (the largest number seen is
--| kept, as sum() does); the absolute amounts of a history may add up to 10^18 minor units.
CREATE TYPE crm.history (
	INPUT = crm_internal.history_in,
	OUTPUT = crm_internal.history_out,
	RECEIVE = crm_internal.history_recv,
	SEND = crm_internal.history_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);

COMMENT ON TYPE crm.history IS
'The purchases of a customer: for each day the number of purchases and the exact net amount.';
COMMENT ON FUNCTION crm_internal.history_in(cstring) IS 'Text input of crm.history.';
COMMENT ON FUNCTION crm_internal.history_out(crm.history) IS 'Text output of crm.history.';
COMMENT ON FUNCTION crm_internal.history_recv(internal) IS
'Binary input of crm.history; all bytes are checked.';
COMMENT ON FUNCTION crm_internal.history_send(crm.history) IS 'Binary output of crm.history.';

CREATE CAST (crm.history AS jsonb) WITH INOUT;
COMMENT ON CAST (crm.history AS jsonb) IS
'The text form, which is JSON: an array of [day, purchases, amount].';
CREATE CAST (jsonb AS crm.history) WITH INOUT;
COMMENT ON CAST (jsonb AS crm.history) IS
'Reads an array of [day, purchases, amount], days ascending; anything else is an error.';

/* Building */

--| A NULL history is an empty one; a NULL day or amount changes nothing. Transition of
--| crm.history_agg.
CREATE FUNCTION crm_internal.history_agg_transition(crm.history, day date, amount numeric)
	RETURNS crm.history
	AS 'MODULE_PATHNAME', 'crm_history_add_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.history_agg_transition(crm.history, date, numeric) IS
'The history with one purchase (amount 0 or more) or refund (amount below 0) more.';
CREATE FUNCTION crm_internal.history_agg_transition(crm.history, day date, amount float8)
	RETURNS crm.history
	AS 'MODULE_PATHNAME', 'crm_history_add_float8' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.history_agg_transition(crm.history, date, float8) IS
'The same with a float, which is read as PostgreSQL casts it to numeric (15 significant digits), rounded to 8 decimals.';
--| Behind crm.rollup.
CREATE FUNCTION crm_internal.history_combine(crm.history, crm.history) RETURNS crm.history
	AS 'MODULE_PATHNAME', 'crm_history_union' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.history_combine(crm.history, crm.history) IS
'All purchases of both histories; a NULL one counts as empty.';
CREATE FUNCTION crm_internal.history_final(crm.history) RETURNS crm.history
	AS 'MODULE_PATHNAME', 'crm_history_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.history_final(crm.history) IS
'Final function of crm.history_agg and crm.rollup: sorts and packs.';

--| amount below 0 is a refund: it nets the money of its day and counts as no purchase; 0 counts
--| as a purchase. Rows with a NULL day or amount are skipped; NULL where no row is left. NaN and
--| infinite amounts, infinite days, more than 8 decimals and amounts out of range are errors. The
--| result does not depend on the order of the rows. For timestamps say which day is meant:
--| (created_at AT TIME ZONE 'Europe/Berlin')::date.
CREATE AGGREGATE crm.history_agg(day date, amount numeric) (
	SFUNC = crm_internal.history_agg_transition,
	STYPE = crm.history,
	SSPACE = 128,
	FINALFUNC = crm_internal.history_final,
	COMBINEFUNC = crm_internal.history_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.history_agg(date, numeric) IS
'The purchase history of the rows: one entry a day with the number of purchases and the exact net amount.';
CREATE AGGREGATE crm.history_agg(day date, amount float8) (
	SFUNC = crm_internal.history_agg_transition,
	STYPE = crm.history,
	SSPACE = 128,
	FINALFUNC = crm_internal.history_final,
	COMBINEFUNC = crm_internal.history_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.history_agg(date, float8) IS
'As history_agg with numeric amounts; a float is read as PostgreSQL casts it to numeric (15 significant digits), rounded to 8 decimals.';
--| Days that occur in several are added up. NULLs are skipped; NULL where none is left. The
--| rollup of parts equals the history of the whole.
CREATE AGGREGATE crm.rollup(history crm.history) (
	SFUNC = crm_internal.history_combine,
	STYPE = crm.history,
	SSPACE = 128,
	FINALFUNC = crm_internal.history_final,
	COMBINEFUNC = crm_internal.history_combine,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.rollup(crm.history) IS
'The union of histories: of channels, brands, the companies of a group.';

--| The purchases of a day that occurs in both are added up. NULL where either history is NULL;
--| crm.rollup takes any number of histories and skips NULL ones. The operator || does the same,
--| but a session finds it only with crm in its search_path.
CREATE FUNCTION crm.merge(history crm.history, other crm.history) RETURNS crm.history
	AS 'MODULE_PATHNAME', 'crm_history_union' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.merge(crm.history, crm.history) IS
'All purchases of both histories, for example of two shops, or of the orders so far and of the new ones.';
CREATE FUNCTION crm_internal.history_merge(crm.history, crm.history) RETURNS crm.history
	AS 'MODULE_PATHNAME', 'crm_history_union' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.history_merge(crm.history, crm.history) IS
'Behind the operator ||.';
CREATE OPERATOR crm.|| (
	LEFTARG = crm.history,
	RIGHTARG = crm.history,
	FUNCTION = crm_internal.history_merge,
	COMMUTATOR = OPERATOR(crm.||)
);
COMMENT ON OPERATOR crm.|| (crm.history, crm.history) IS
'All purchases of both histories, as crm.merge.';

/* Cuts */

--| An empty history where there is none.
CREATE FUNCTION crm.upto(history crm.history, as_of date) RETURNS crm.history
	AS 'MODULE_PATHNAME', 'crm_history_upto' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.upto(crm.history, date) IS
'The history as it was at the end of that day: entries up to and including as_of.';
--| An empty history where there is none.
CREATE FUNCTION crm.during(history crm.history, since date, until date) RETURNS crm.history
	AS 'MODULE_PATHNAME', 'crm_history_during' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.during(crm.history, date, date) IS
'The entries of the days from (included) until (excluded).';

/* Reading */

CREATE FUNCTION crm.entries(history crm.history, OUT day date, OUT purchases bigint,
	OUT amount numeric) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'crm_history_entries' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 12;
COMMENT ON FUNCTION crm.entries(crm.history) IS
'The entries as rows in the order of days: day, number of purchases (0 where the day has only refunds), exact net amount.';
--| 0 for an empty history.
CREATE FUNCTION crm.purchases(history crm.history) RETURNS bigint
	AS 'MODULE_PATHNAME', 'crm_history_purchases' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.purchases(crm.history) IS 'Number of purchases; refunds do not count.';
CREATE FUNCTION crm.purchases(history crm.history, as_of date) RETURNS bigint
	AS 'MODULE_PATHNAME', 'crm_history_purchases' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.purchases(crm.history, date) IS
'As of a day: crm.purchases(crm.upto(history, as_of)) without building the cut history.';
--| 0 for an empty history.
CREATE FUNCTION crm.purchase_days(history crm.history) RETURNS bigint
	AS 'MODULE_PATHNAME', 'crm_history_purchase_days' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.purchase_days(crm.history) IS 'Number of days with at least one purchase.';
CREATE FUNCTION crm.purchase_days(history crm.history, as_of date) RETURNS bigint
	AS 'MODULE_PATHNAME', 'crm_history_purchase_days' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.purchase_days(crm.history, date) IS
'As of a day: crm.purchase_days(crm.upto(history, as_of)) without building the cut history.';
--| 0 for an empty history.
CREATE FUNCTION crm.amount(history crm.history) RETURNS numeric
	AS 'MODULE_PATHNAME', 'crm_history_amount' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.amount(crm.history) IS
'Exact sum of all amounts, refunds taken off: equal to sum(amount) over the rows.';
CREATE FUNCTION crm.amount(history crm.history, as_of date) RETURNS numeric
	AS 'MODULE_PATHNAME', 'crm_history_amount' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.amount(crm.history, date) IS
'As of a day: crm.amount(crm.upto(history, as_of)) without building the cut history.';
--| NULL where there is no purchase.
CREATE FUNCTION crm.average_amount(history crm.history) RETURNS numeric
	AS 'MODULE_PATHNAME', 'crm_history_average_amount' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.average_amount(crm.history) IS
'Net amount divided by the number of purchases.';
CREATE FUNCTION crm.average_amount(history crm.history, as_of date) RETURNS numeric
	AS 'MODULE_PATHNAME', 'crm_history_average_amount' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.average_amount(crm.history, date) IS
'As of a day: crm.average_amount(crm.upto(history, as_of)) without building the cut history.';
CREATE FUNCTION crm.first_day(history crm.history) RETURNS date
	AS 'MODULE_PATHNAME', 'crm_history_first_day' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.first_day(crm.history) IS
'First day with a purchase; NULL where there is none.';
CREATE FUNCTION crm.first_day(history crm.history, as_of date) RETURNS date
	AS 'MODULE_PATHNAME', 'crm_history_first_day' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.first_day(crm.history, date) IS
'As of a day: crm.first_day(crm.upto(history, as_of)) without building the cut history.';
CREATE FUNCTION crm.last_day(history crm.history) RETURNS date
	AS 'MODULE_PATHNAME', 'crm_history_last_day' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.last_day(crm.history) IS
'Last day with a purchase; NULL where there is none.';
CREATE FUNCTION crm.last_day(history crm.history, as_of date) RETURNS date
	AS 'MODULE_PATHNAME', 'crm_history_last_day' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.last_day(crm.history, date) IS
'As of a day: crm.last_day(crm.upto(history, as_of)) without building the cut history.';
--| Later entries are ignored. NULL where there is no purchase by then.
CREATE FUNCTION crm.recency(history crm.history, as_of date) RETURNS int
	AS 'MODULE_PATHNAME', 'crm_history_recency' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.recency(crm.history, date) IS
'Days from the last purchase up to as_of, to as_of.';
--| NULL where there is no purchase by then.
CREATE FUNCTION crm.tenure(history crm.history, as_of date) RETURNS int
	AS 'MODULE_PATHNAME', 'crm_history_tenure' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.tenure(crm.history, date) IS 'Days from the first purchase to as_of.';
--| Statistics of too few gaps (none, for stddev one) are NULL.
CREATE FUNCTION crm.gaps(history crm.history, OUT count bigint, OUT mean float8, OUT median float8,
	OUT stddev float8, OUT mean_log float8) RETURNS record
	AS 'MODULE_PATHNAME', 'crm_history_gaps' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.gaps(crm.history) IS
'The days between one purchase day and the next: how many gaps, their mean, median, sample standard deviation and mean natural logarithm.';
--| unit: day, week, month (365.25/12 days) or year (365.25 days). NULL where there is no purchase
--| up to as_of; an unknown unit is an error.
CREATE FUNCTION crm.repeat_purchases(history crm.history, as_of date, unit text, OUT x bigint,
	OUT t_x float8, OUT t float8, OUT mean_amount float8) RETURNS record
	AS 'MODULE_PATHNAME', 'crm_history_repeat_purchases' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.repeat_purchases(crm.history, date, text) IS
'The summary that customer-base models are fitted on, as of a day (Fader, Hardie & Lee 2005): x = repeat purchases (distinct purchase days less the first), t_x = time from the first to the last of them, t = time from the first to as_of, mean_amount = mean net amount of the repeat days (0 where x = 0; a refund counts on a day with a purchase only).';

/* Comparison: equal bytes; the order is arbitrary but stable. */

--| Behind the operator =.
CREATE FUNCTION crm_internal.history_eq(crm.history, crm.history) RETURNS boolean
	AS 'MODULE_PATHNAME', 'crm_history_eq' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION crm_internal.history_ne(crm.history, crm.history) RETURNS boolean
	AS 'MODULE_PATHNAME', 'crm_history_ne' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION crm_internal.history_lt(crm.history, crm.history) RETURNS boolean
	AS 'MODULE_PATHNAME', 'crm_history_lt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION crm_internal.history_le(crm.history, crm.history) RETURNS boolean
	AS 'MODULE_PATHNAME', 'crm_history_le' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION crm_internal.history_gt(crm.history, crm.history) RETURNS boolean
	AS 'MODULE_PATHNAME', 'crm_history_gt' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION crm_internal.history_ge(crm.history, crm.history) RETURNS boolean
	AS 'MODULE_PATHNAME', 'crm_history_ge' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION crm_internal.history_cmp(crm.history, crm.history) RETURNS int
	AS 'MODULE_PATHNAME', 'crm_history_cmp' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION crm_internal.history_hash(crm.history) RETURNS int
	AS 'MODULE_PATHNAME', 'crm_history_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION crm_internal.history_hash_extended(crm.history, bigint) RETURNS bigint
	AS 'MODULE_PATHNAME', 'crm_history_hash_extended' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.history_eq(crm.history, crm.history) IS
'Same entries and same scale.';
COMMENT ON FUNCTION crm_internal.history_ne(crm.history, crm.history) IS 'Behind the operator <>.';
COMMENT ON FUNCTION crm_internal.history_lt(crm.history, crm.history) IS 'Behind the operator <.';
COMMENT ON FUNCTION crm_internal.history_le(crm.history, crm.history) IS 'Behind the operator <=.';
COMMENT ON FUNCTION crm_internal.history_gt(crm.history, crm.history) IS 'Behind the operator >.';
COMMENT ON FUNCTION crm_internal.history_ge(crm.history, crm.history) IS 'Behind the operator >=.';
COMMENT ON FUNCTION crm_internal.history_cmp(crm.history, crm.history) IS
'Behind btree indexes and sorting.';
COMMENT ON FUNCTION crm_internal.history_hash(crm.history) IS 'Behind hashing.';
COMMENT ON FUNCTION crm_internal.history_hash_extended(crm.history, bigint) IS
'Behind hash partitioning.';

CREATE OPERATOR crm.= (
	LEFTARG = crm.history, RIGHTARG = crm.history, FUNCTION = crm_internal.history_eq,
	COMMUTATOR = OPERATOR(crm.=), NEGATOR = OPERATOR(crm.<>),
	RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
CREATE OPERATOR crm.<> (
	LEFTARG = crm.history, RIGHTARG = crm.history, FUNCTION = crm_internal.history_ne,
	COMMUTATOR = OPERATOR(crm.<>), NEGATOR = OPERATOR(crm.=),
	RESTRICT = neqsel, JOIN = neqjoinsel
);
CREATE OPERATOR crm.< (
	LEFTARG = crm.history, RIGHTARG = crm.history, FUNCTION = crm_internal.history_lt,
	COMMUTATOR = OPERATOR(crm.>), NEGATOR = OPERATOR(crm.>=),
	RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
CREATE OPERATOR crm.<= (
	LEFTARG = crm.history, RIGHTARG = crm.history, FUNCTION = crm_internal.history_le,
	COMMUTATOR = OPERATOR(crm.>=), NEGATOR = OPERATOR(crm.>),
	RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
CREATE OPERATOR crm.> (
	LEFTARG = crm.history, RIGHTARG = crm.history, FUNCTION = crm_internal.history_gt,
	COMMUTATOR = OPERATOR(crm.<), NEGATOR = OPERATOR(crm.<=),
	RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
CREATE OPERATOR crm.>= (
	LEFTARG = crm.history, RIGHTARG = crm.history, FUNCTION = crm_internal.history_ge,
	COMMUTATOR = OPERATOR(crm.<=), NEGATOR = OPERATOR(crm.<),
	RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR crm.= (crm.history, crm.history) IS 'Same entries and same scale.';
COMMENT ON OPERATOR crm.<> (crm.history, crm.history) IS 'Other entries or another scale.';
COMMENT ON OPERATOR crm.< (crm.history, crm.history) IS
'Arbitrary but stable order, for sorting and indexes.';
COMMENT ON OPERATOR crm.<= (crm.history, crm.history) IS
'Arbitrary but stable order, for sorting and indexes.';
COMMENT ON OPERATOR crm.> (crm.history, crm.history) IS
'Arbitrary but stable order, for sorting and indexes.';
COMMENT ON OPERATOR crm.>= (crm.history, crm.history) IS
'Arbitrary but stable order, for sorting and indexes.';

CREATE OPERATOR CLASS crm.history_ops DEFAULT FOR TYPE crm.history USING btree AS
	OPERATOR 1 crm.<, OPERATOR 2 crm.<=, OPERATOR 3 crm.=, OPERATOR 4 crm.>=, OPERATOR 5 crm.>,
	FUNCTION 1 crm_internal.history_cmp(crm.history, crm.history);
CREATE OPERATOR CLASS crm.history_ops DEFAULT FOR TYPE crm.history USING hash AS
	OPERATOR 1 crm.=,
	FUNCTION 1 crm_internal.history_hash(crm.history),
	FUNCTION 2 crm_internal.history_hash_extended(crm.history, bigint);
COMMENT ON OPERATOR CLASS crm.history_ops USING btree IS
'Lets histories be sorted, grouped and indexed.';
COMMENT ON OPERATOR CLASS crm.history_ops USING hash IS
'Lets histories be hashed: DISTINCT, GROUP BY, hash joins and partitions.';

