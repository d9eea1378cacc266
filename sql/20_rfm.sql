/*
 * rfm
 *
 * RFM describes a customer by recency, frequency and monetary value. The module
 * computes the thresholds of a population, the scores of a customer, and tiles
 * that never split equal customers.
 */

--| n - 1 thresholds make n groups. There are at most 100 groups. The measures may have different
--| numbers of groups.
--|
--| crm.rfm_thresholds_agg computes thresholds, and crm.rfm_thresholds takes thresholds written by
--| hand. Store them to keep scores comparable over time.
CREATE TYPE crm.rfm_thresholds AS (
	--: Thresholds of the days since the last purchase.
	recency numeric[],
	--: Thresholds of the number of purchases.
	frequency numeric[],
	--: Thresholds of the net amount, in the currency of the histories.
	monetary numeric[]
);
COMMENT ON TYPE crm.rfm_thresholds IS
'Thresholds between the groups of an RFM scoring, in ascending order for each measure.';

--| In every score the best group has the highest number. crm.rfm returns this type.
CREATE TYPE crm.rfm AS (
	--: Days since the last purchase.
	recency int,
	--: Number of purchases.
	frequency bigint,
	--: Net amount of all purchases, with refunds subtracted.
	monetary numeric,
	--: Score of recency, highest for the customers who bought most recently.
	r smallint,
	--: Score of frequency, highest for the customers who bought most often.
	f smallint,
	--: Score of the net amount, highest for the customers who spent most.
	m smallint,
	--: The scores r, f and m as text, such as 543, or 12-3-20 if a measure has more than 9 groups.
	code text
);
COMMENT ON TYPE crm.rfm IS
'Recency, frequency and monetary value of a customer as of a day, with their scores.';

--| * `recency`: thresholds in days.
--| * `frequency`: thresholds in purchases.
--| * `monetary`: thresholds in the currency of the histories.
--|
--| Each array ascends and has at most 99 thresholds. An empty array makes a single group. A value
--| equal to a threshold belongs to the group below it.
--|
--| NULL if an argument is NULL. A threshold that is NULL, NaN, infinite or lower than the one
--| before it is an error.
--|
--| ```sql
--| SELECT crm.rfm_thresholds('{30,90,180,365}', '{1,2,4,8}', '{50,100,250,1000}');
--| ```
CREATE FUNCTION crm.rfm_thresholds(recency numeric[], frequency numeric[], monetary numeric[])
	RETURNS crm.rfm_thresholds
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_rfm_thresholds';
COMMENT ON FUNCTION crm.rfm_thresholds(numeric[], numeric[], numeric[]) IS
'Thresholds that you choose yourself.';

/* Thresholds of a population */

CREATE FUNCTION crm_internal.rfm_thresholds_agg_transition(internal, history crm.history,
	as_of date, groups int) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_rfm_thresholds_agg_transition';
-- The cost keeps the planner from parallel workers: combining what they hand over takes as long as
-- they save, however many customers there are.
CREATE FUNCTION crm_internal.rfm_thresholds_agg_deserialize(bytea, internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1e12
	AS 'MODULE_PATHNAME', 'crm_rfm_thresholds_agg_deserialize';
CREATE FUNCTION crm_internal.rfm_thresholds_agg_final(internal) RETURNS crm.rfm_thresholds
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_rfm_thresholds_agg_final';

--| Give one history for each customer:
--|
--| * `history`: the purchases of the customer.
--| * `as_of`: the day of the scoring. Purchases of this day count.
--| * `groups`: the number of groups, from 1 to 100, the same in all rows. 5 is usual.
--|
--| The thresholds of a measure are its quantiles at 1/`groups`, 2/`groups` and so on. The measures
--| are the days since the last purchase, the number of purchases and the net amount. The quantiles
--| are as percentile_cont computes them (type 7 of Hyndman and Fan 1996). They are exact to 4
--| decimals more than the amounts have. The result does not depend on the order of the rows.
--|
--| Customers without a purchase up to `as_of` do not count, and rows with a NULL are skipped. NULL
--| if no customer is left. The aggregate needs 24 bytes of memory for each customer.
--|
--| ```sql
--| SELECT crm.rfm_thresholds_agg(history, '2025-06-30', 5)
--|   FROM (SELECT crm.history_agg(date '2025-01-01' + n, 10 * n) AS history
--|           FROM generate_series(1, 100) AS n GROUP BY n) AS customer;
--| ```
CREATE AGGREGATE crm.rfm_thresholds_agg(history crm.history, as_of date, groups int) (
	SFUNC = crm_internal.rfm_thresholds_agg_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.rfm_thresholds_agg_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.rfm_thresholds_agg_deserialize
);
COMMENT ON AGGREGATE crm.rfm_thresholds_agg(crm.history, date, int) IS
'The thresholds that divide the customers of a population into groups as of a day.';

/* Classes by revenue */

--| A customer is of class A from the first threshold on, and of class B from the second one on.
--| Everybody else is of class C. crm.abc_thresholds_agg computes the thresholds.
CREATE TYPE crm.abc_thresholds AS (
	--: The least revenue of class A.
	a_threshold numeric,
	--: The least revenue of class B.
	b_threshold numeric
);
COMMENT ON TYPE crm.abc_thresholds IS
'The least revenues of the ABC classes A and B.';

CREATE FUNCTION crm_internal.abc_thresholds_agg_transition(internal, history crm.history,
	as_of date) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_rfm_thresholds_agg_transition';
CREATE FUNCTION crm_internal.abc_thresholds_agg_final(internal) RETURNS crm.abc_thresholds
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_abc_thresholds_agg_final';

--| Give one history for each customer:
--|
--| * `history`: the purchases of the customer.
--| * `as_of`: the day of the classes. Purchases of this day count.
--|
--| Class A holds the customers with the largest net amounts, until they bring 80 percent of the
--| revenue. Class B holds the next ones, until 95 percent. A customer belongs to a class if the
--| customers with a larger amount bring less than its percentage, so equal amounts are never split.
--|
--| Customers without a purchase up to `as_of` and customers whose net amount is not above 0 do not
--| count, and rows with a NULL are skipped. NULL if no customer is left. The aggregate needs 24
--| bytes of memory for each customer.
--|
--| ```sql
--| SELECT (crm.abc_thresholds_agg(history, '2025-06-30')).*
--|   FROM (SELECT crm.history_agg(date '2025-01-01' + n, 10 * n) AS history
--|           FROM generate_series(1, 100) AS n GROUP BY n) AS customer;
--| ```
CREATE AGGREGATE crm.abc_thresholds_agg(history crm.history, as_of date) (
	SFUNC = crm_internal.abc_thresholds_agg_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.abc_thresholds_agg_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.rfm_thresholds_agg_deserialize
);
COMMENT ON AGGREGATE crm.abc_thresholds_agg(crm.history, date) IS
'The least revenues of the ABC classes A and B as of a day.';

/* Scores of a customer */

--| Purchases of the day `as_of` count. The score of a measure is:
--|
--| * frequency and monetary: 1 plus the number of thresholds below the value.
--| * recency: the number of groups less the number of thresholds below the value. So the most
--|   recent customers score highest.
--|
--| Equal values have equal scores, so groups may be uneven or empty.
--|
--| NULL if there is no purchase up to `as_of`, or if an argument is NULL. Thresholds that
--| crm.rfm_thresholds would refuse are an error.
--|
--| To get all columns at the price of one call, use a subquery with `OFFSET 0`. Without `OFFSET 0`
--| the function is called for each column.
--|
--| ```sql
--| SELECT (rfm).*
--|   FROM (SELECT crm.rfm(crm.rfm_thresholds('{30,90,180,365}', '{1,2,4,8}', '{50,100,250,1000}'),
--|                        history, '2025-06-30') AS rfm
--|           FROM (VALUES ('[["2025-01-03",1,12.50],["2025-02-11",2,30.00]]'::crm.history))
--|             AS customer(history)
--|         OFFSET 0) AS scored;
--| ```
CREATE FUNCTION crm.rfm(thresholds crm.rfm_thresholds, history crm.history, as_of date)
	RETURNS crm.rfm
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10 AS 'MODULE_PATHNAME', 'crm_rfm';
COMMENT ON FUNCTION crm.rfm(crm.rfm_thresholds, crm.history, date) IS
'Recency, frequency and monetary value of a customer as of a day, with their scores.';

--| * `weights`: the weights of r, f and m. `'{1,1,1}'` gives the plain mean. `'{5,3,2}'` stresses
--|   recency. They are finite, not negative and not all zero.
--|
--| NULL if an argument or a score is NULL.
CREATE FUNCTION crm.rfm_score(rfm crm.rfm, weights float8[]) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_rfm_score';
COMMENT ON FUNCTION crm.rfm_score(crm.rfm, float8[]) IS
'The weighted mean of the scores r, f and m, to rank customers by one number.';

/* Groups of equal size */

--| This window function cuts the partition in the order of the window. It works like ntile, but
--| rows with equal values (peers) share a group. The group is `1 + floor(groups * (rank - 1) /
--| rows)`, with the rank of rank(). So the group depends only on the values, and not on the order
--| in which equal rows come. Groups may be uneven or empty.
--|
--| * `groups`: the number of groups, from 1 to 1000000. It is read at the first row of the
--|   partition. NULL gives NULL.
--|
--| ```sql
--| SELECT amount, crm.tile(2) OVER (ORDER BY amount DESC)
--|   FROM (VALUES (10), (20), (20), (50)) AS purchase(amount);
--| ```
CREATE FUNCTION crm.tile(groups int) RETURNS int
	LANGUAGE C WINDOW IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_tile';
COMMENT ON FUNCTION crm.tile(int) IS
'The group of a row if its partition is cut into groups of nearly equal size.';
