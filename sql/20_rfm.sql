/*
 * rfm
 *
 * Recency, frequency, monetary: thresholds of a population, scores of a
 * customer, and tiles that never split equal customers.
 */

--| Computed by crm.rfm_thresholds_agg or written by hand with crm.rfm_thresholds(...). Store them
--| to keep scores comparable over time.
CREATE TYPE crm.rfm_thresholds AS (
	recency numeric[],
	frequency numeric[],
	monetary numeric[]
);
COMMENT ON TYPE crm.rfm_thresholds IS
'Thresholds between the groups of an RFM scoring, ascending: n - 1 of them make n groups (at most 100; the measures may differ).';
COMMENT ON COLUMN crm.rfm_thresholds.recency IS 'Thresholds of days since the last purchase.';
COMMENT ON COLUMN crm.rfm_thresholds.frequency IS 'Thresholds of the number of purchases.';
COMMENT ON COLUMN crm.rfm_thresholds.monetary IS
'Thresholds of the net amount, in the currency of the histories.';

--| In every score the best group has the highest number.
CREATE TYPE crm.rfm AS (
	recency int,
	frequency bigint,
	monetary numeric,
	r smallint,
	f smallint,
	m smallint,
	code text
);
COMMENT ON TYPE crm.rfm IS
'Recency, frequency and monetary value of a customer as of a day, with their scores.';
COMMENT ON COLUMN crm.rfm.recency IS 'Days since the last purchase.';
COMMENT ON COLUMN crm.rfm.frequency IS 'Number of purchases.';
COMMENT ON COLUMN crm.rfm.monetary IS 'Net amount of all purchases, refunds taken off.';
COMMENT ON COLUMN crm.rfm.r IS 'Score of recency: the highest for those who bought most recently.';
COMMENT ON COLUMN crm.rfm.f IS 'Score of frequency.';
COMMENT ON COLUMN crm.rfm.m IS 'Score of the net amount.';
COMMENT ON COLUMN crm.rfm.code IS
'The three scores in the order r, f, m: 543, or 12-3-20 where a measure has more than 9 groups.';

--| Each array ascends and has at most 99 thresholds; an empty one makes a single group. A value
--| equal to a threshold belongs to the group below it. NULL where an argument is NULL; a NULL,
--| NaN, infinite or descending threshold is an error.
CREATE FUNCTION crm.rfm_thresholds(recency numeric[], frequency numeric[], monetary numeric[])
	RETURNS crm.rfm_thresholds
	AS 'MODULE_PATHNAME', 'crm_rfm_thresholds' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.rfm_thresholds(numeric[], numeric[], numeric[]) IS
'Thresholds of one''s own, for example crm.rfm_thresholds(''{30,90,180,365}'', ''{1,2,4,8}'', ''{50,100,250,1000}''): recency in days, frequency in purchases, monetary in currency.';

/* Thresholds of a population */

CREATE FUNCTION crm_internal.rfm_thresholds_agg_transition(internal, history crm.history,
	as_of date, groups int) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_rfm_thresholds_agg_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.rfm_thresholds_agg_transition(internal, crm.history, date, int) IS
'Transition of crm.rfm_thresholds_agg.';
CREATE FUNCTION crm_internal.rfm_thresholds_agg_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_rfm_thresholds_agg_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.rfm_thresholds_agg_combine(internal, internal) IS
'Joins the populations of two workers.';
CREATE FUNCTION crm_internal.rfm_thresholds_agg_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'crm_rfm_thresholds_agg_serialize'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.rfm_thresholds_agg_serialize(internal) IS
'Packs the population of a worker.';
CREATE FUNCTION crm_internal.rfm_thresholds_agg_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_rfm_thresholds_agg_deserialize'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.rfm_thresholds_agg_deserialize(bytea, internal) IS
'Unpacks the population of a worker; the bytes are checked.';
CREATE FUNCTION crm_internal.rfm_thresholds_agg_final(internal) RETURNS crm.rfm_thresholds
	AS 'MODULE_PATHNAME', 'crm_rfm_thresholds_agg_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.rfm_thresholds_agg_final(internal) IS
'Final function of crm.rfm_thresholds_agg.';

--| of each measure, as percentile_cont computes them (type 7 of Hyndman and Fan 1996), exact to 4
--| decimals beyond those of the amounts. groups is from 1 to 100 and the same on all rows; 5 is
--| usual. Customers without a purchase up to the day do not count, rows with a NULL are skipped;
--| NULL where nobody is left. The result does not depend on the order of the rows. It needs 24
--| bytes a customer.
CREATE AGGREGATE crm.rfm_thresholds_agg(history crm.history, as_of date, groups int) (
	SFUNC = crm_internal.rfm_thresholds_agg_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.rfm_thresholds_agg_final,
	COMBINEFUNC = crm_internal.rfm_thresholds_agg_combine,
	SERIALFUNC = crm_internal.rfm_thresholds_agg_serialize,
	DESERIALFUNC = crm_internal.rfm_thresholds_agg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.rfm_thresholds_agg(crm.history, date, int) IS
'The thresholds that divide the customers, one history each, into groups by days since the last purchase, number of purchases and net amount, all as of a day (which counts): the quantiles at 1/groups, 2/groups, ...';

/* Scores of a customer */

--| Frequency and monetary: score = 1 + number of thresholds below the value. Recency: score =
--| number of groups - number of thresholds below it, so that the most recent customers score
--| highest. Equal values have equal scores, so groups may be uneven or empty. NULL where there is
--| no purchase up to the day, or an argument is NULL; thresholds that crm.rfm_thresholds(...)
--| would refuse are an error. For all columns at the price of one call: SELECT (rfm).\* FROM
--| (SELECT crm.rfm(thresholds, history, as_of) AS rfm FROM ... OFFSET 0) q; without OFFSET 0 the
--| function is called for each column.
CREATE FUNCTION crm.rfm(thresholds crm.rfm_thresholds, history crm.history, as_of date)
	RETURNS crm.rfm
	AS 'MODULE_PATHNAME', 'crm_rfm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION crm.rfm(crm.rfm_thresholds, crm.history, date) IS
'Recency, frequency, monetary value and their scores as of a day (which counts).';

--| The three weights are finite, not negative and not all zero. NULL where an argument or a score
--| is NULL.
CREATE FUNCTION crm.rfm_score(rfm crm.rfm, weights float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_rfm_score' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.rfm_score(crm.rfm, float8[]) IS
'Weighted mean of the scores r, f and m, to rank customers by one number: weights ''{1,1,1}'' give the plain mean, ''{5,3,2}'' stress recency.';

/* Groups of equal size */

--| As ntile, but rows with equal values (peers) share a group: 1 + floor(groups \* (rank - 1) /
--| rows), rank as of rank(). So it depends on the values alone, never on the order in which equal
--| rows happen to come; groups may be uneven or empty. groups is from 1 to 1000000 and read at
--| the first row of the partition; NULL gives NULL.
CREATE FUNCTION crm.tile(groups int) RETURNS int
	AS 'MODULE_PATHNAME', 'crm_tile' LANGUAGE C WINDOW IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.tile(int) IS
'Window function: the group of the row when the partition is cut into so many groups of nearly equal size in the order of the window.';
