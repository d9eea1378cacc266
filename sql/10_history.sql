/*
 * history
 *
 * One value of the type crm.history holds the purchases of a customer.
 * Aggregates build it from rows. Functions cut it at a day and read it.
 */

CREATE TYPE crm.history;

--: Reads the text form of crm.history.
CREATE FUNCTION crm_internal.history_in(cstring) RETURNS crm.history
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_in';
--: Writes the text form of crm.history.
CREATE FUNCTION crm_internal.history_out(crm.history) RETURNS cstring
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_out';
--: Reads the binary form of crm.history and checks all bytes.
CREATE FUNCTION crm_internal.history_recv(internal) RETURNS crm.history
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_recv';
--: Writes the binary form of crm.history.
CREATE FUNCTION crm_internal.history_send(crm.history) RETURNS bytea
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_send';

--| The value is compact (about 4 bytes a purchase day) and can be merged. It does not depend on the
--| order in which it was built.
--|
--| The text form is a JSON array of entries `[day, purchases, amount]`, for example
--| `[["2025-01-03",1,12.50],["2025-02-11",2,30.00]]`. The days ascend. An entry with 0 purchases is
--| a refund and has a negative amount.
--|
--| Amounts have up to 8 decimals. The largest number of decimals seen is kept, as sum() does. The
--| absolute amounts of a history may add up to 10^18 minor units.
--|
--| ```sql
--| CREATE TABLE customers (customer_id bigint PRIMARY KEY, history crm.history NOT NULL);
--| INSERT INTO customers VALUES (1, '[["2025-01-03",1,12.50],["2025-02-11",2,30.00]]');
--| ```
--|
--| **The byte form** is for readers in other engines. `history::bytea`, a binary COPY and drivers
--| that fetch in binary give it. The high four bits of the first byte are the number of the form,
--| which is 1. The low four bits are the scale, that is, the number of decimals of all amounts.
--| Entries follow up to the last byte.
--|
--| * **A plain entry** is one purchase with an amount of 0 or more, on a day after that of the
--|   entry before. It is two integers: the days since the entry before, and the amount.
--| * **Any other entry** is a byte of 0 and three integers: the days since the entry before in
--|   zig-zag, the number of purchases, and the amount in zig-zag.
--| * **Days** of the first entry count from 2000-01-01.
--| * **An amount** is a number of minor units: 1250 with the scale 2 is 12.50.
--| * **An integer** has seven bits in a byte, the lowest ones first. All bytes but its last one
--|   have the high bit set. Each integer is below 2^63 and has no superfluous byte.
--| * **Zig-zag** stands for integers of either sign: 0, 1, 2, 3 mean 0, -1, 1, -2.
--|
--| | bytes (hexadecimal) | history |
--| | --- | --- |
--| | `10` | `[]` |
--| | `12ae47e209004e02f02e` | `[["2025-01-03",1,12.50],["2025-02-11",2,30.00]]` |
--| | `1200000100` | `[["2000-01-01",1,0.00]]` |
--| | `10000100c701` | `[["1999-12-31",0,-100]]` |
--| | `180000e807c701012a` | `[["2000-01-01",1000,-0.00000100],["2000-01-02",1,0.00000042]]` |
--| | `108caeeafe07808090bbbad6adf00d` | `[["5874897-12-31",1,1000000000000000000]]` |
--| | `1100b1a1ab02000f` | `[["4714-11-24 BC",0,-0.8]]` |
--|
--| The days of the entries ascend strictly. Each entry has its shorter form, and an empty history
--| has the scale 0. So equal histories of one scale have equal bytes.
--|
--| Form 1 is fixed. Every later version of crm reads it. A form that differs in any way gets
--| another number, and a reader must refuse numbers that it does not know.
--| `integrations/python/crm_history.py` is such a reader.
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
'The purchases of a customer, with the number and the exact net amount of each day.';

-- to_jsonb and row_to_json look for a cast to json by a function.
--: The text form of a history as json.
CREATE FUNCTION crm_internal.history_json(crm.history) RETURNS json
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_json';

--| `to_json`, `to_jsonb`, `row_to_json` and `json_agg` use this cast. So a history becomes an array
--| in their results, too, and never a string.
CREATE CAST (crm.history AS json) WITH FUNCTION crm_internal.history_json(crm.history);
COMMENT ON CAST (crm.history AS json) IS
'The text form of a history as json, an array of [day, purchases, amount].';

CREATE CAST (json AS crm.history) WITH INOUT;
COMMENT ON CAST (json AS crm.history) IS
'Reads a history from a json array of [day, purchases, amount] in which the days ascend.';

CREATE CAST (crm.history AS jsonb) WITH INOUT;
COMMENT ON CAST (crm.history AS jsonb) IS
'The text form of a history as jsonb, an array of [day, purchases, amount].';

--| Anything else is an error.
CREATE CAST (jsonb AS crm.history) WITH INOUT;
COMMENT ON CAST (jsonb AS crm.history) IS
'Reads a history from an array of [day, purchases, amount] in which the days ascend.';

--| The type crm.history describes the bytes.
CREATE CAST (crm.history AS bytea) WITH FUNCTION crm_internal.history_send(crm.history);
COMMENT ON CAST (crm.history AS bytea) IS
'The byte form of a history, for readers in other engines.';

/* Building */

-- A NULL history counts as an empty one. A NULL day or amount changes nothing.
CREATE FUNCTION crm_internal.history_agg_transition(crm.history, day date, amount numeric)
	RETURNS crm.history
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_add_numeric';
CREATE FUNCTION crm_internal.history_agg_transition(crm.history, day date, amount float8)
	RETURNS crm.history
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_add_float8';
CREATE FUNCTION crm_internal.history_combine(crm.history, crm.history) RETURNS crm.history
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_union';
CREATE FUNCTION crm_internal.history_final(crm.history) RETURNS crm.history
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_final';

--| * `day`: the day of the purchase. For a timestamp say which day is meant, for example
--|   `(created_at AT TIME ZONE 'Europe/Berlin')::date`.
--| * `amount`: 0 or more is a purchase. Below 0 is a refund. A refund reduces the amount of its day
--|   and does not count as a purchase.
--|
--| Each entry has the number of purchases of the day and their exact net amount. The result does
--| not depend on the order of the rows.
--|
--| Rows with NULL in `day` or `amount` are skipped. NULL if no row is left.
--|
--| Amounts are exact up to 8 decimals. Further decimals are rounded. A refund that rounds to 0 is
--| skipped.
--|
--| Errors: an amount that is NaN or infinite, an infinite day, and amounts out of range.
--|
--| ```sql
--| SELECT customer_id, crm.history_agg(ordered_on, total) AS history
--|   FROM (VALUES (1, date '2025-01-03', 12.50), (1, '2025-02-11', 30.00), (2, '2025-02-01', 8.00))
--|     AS orders(customer_id, ordered_on, total)
--|  GROUP BY customer_id;
--| ```
CREATE AGGREGATE crm.history_agg(day date, amount numeric) (
	SFUNC = crm_internal.history_agg_transition, STYPE = crm.history, SSPACE = 128,
	FINALFUNC = crm_internal.history_final,
	COMBINEFUNC = crm_internal.history_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.history_agg(date, numeric) IS
'The purchase history of the rows, with one entry for each day.';

--| A float is read as PostgreSQL casts it to numeric (15 significant digits) and rounded to 8
--| decimals. Everything else is as in crm.history_agg with numeric amounts.
CREATE AGGREGATE crm.history_agg(day date, amount float8) (
	SFUNC = crm_internal.history_agg_transition, STYPE = crm.history, SSPACE = 128,
	FINALFUNC = crm_internal.history_final,
	COMBINEFUNC = crm_internal.history_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.history_agg(date, float8) IS
'The purchase history of rows with float amounts.';

CREATE FUNCTION crm_internal.history_refuse_transition(crm.history, VARIADIC "any")
	RETURNS crm.history
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_refuse';

--| The message says how a timestamp becomes a day, for example
--| `(created_at AT TIME ZONE 'Europe/Berlin')::date`.
CREATE AGGREGATE crm.history_agg(VARIADIC given "any") (
	SFUNC = crm_internal.history_refuse_transition, STYPE = crm.history,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.history_agg(VARIADIC "any") IS
'An error with a hint, where history_agg is called with columns of other types.';

--| The result has the rows of `SELECT customer, crm.history_agg(day, amount) FROM (query) GROUP BY
--| customer`, with the same bytes, in a fraction of the time if there are many customers.
--|
--| * `query`: the text of one SELECT that changes nothing. Its columns are the customer, the day
--|   (date) and the amount (numeric or double precision). A second amount, for example the profit,
--|   gives a second history. The names of the columns do not matter.
--|
--| The column definition list of the call names the columns and their types. Rows whose customers
--| are NULL make one history, as in GROUP BY. A history is NULL if no row of the customer has both
--| a day and an amount. The order of the result is not defined.
--|
--| The query runs with the rights, the search_path and the snapshot of the calling statement. Row
--| security applies. The customers are of any type that can be hashed. Two customers are equal as
--| their type and the collation of the column say.
--|
--| Rows wait in memory up to work_mem times hash_mem_multiplier (at least 2 MB), and in temporary
--| files beyond that.
--|
--| Errors: those of crm.history_agg, other columns than these, a type without a hash function, and
--| a query that is not a single SELECT.
--|
--| ```sql
--| SELECT *
--|   FROM crm.build_histories($$
--|        SELECT c, date '2025-01-01' + n, 9.99
--|          FROM generate_series(1, 3) AS c, generate_series(1, 5) AS n
--|        $$) AS (customer_id int, history crm.history);
--| ```
CREATE FUNCTION crm.build_histories(query text) RETURNS SETOF record
	LANGUAGE C STABLE STRICT PARALLEL UNSAFE COST 1000000 ROWS 100000
	AS 'MODULE_PATHNAME', 'crm_build_histories';
COMMENT ON FUNCTION crm.build_histories(text) IS
'The purchase histories of all customers in the rows of a query, built faster than by GROUP BY.';

CREATE FUNCTION crm_internal.bounded_history_transition(crm.history, day date, amount numeric)
	RETURNS crm.history
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_add_bounded';
CREATE FUNCTION crm_internal.bounded_history_combine(crm.history, crm.history) RETURNS crm.history
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_union_bounded';
CREATE FUNCTION crm_internal.bounded_history_final(crm.history) RETURNS crm.history
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_final_bounded';

-- One customer whose amounts are out of range must not stop a query over all.
--: The purchase history of the rows, or NULL where the amounts are out of range.
CREATE AGGREGATE crm_internal.bounded_history_agg(day date, amount numeric) (
	SFUNC = crm_internal.bounded_history_transition, STYPE = crm.history, SSPACE = 128,
	FINALFUNC = crm_internal.bounded_history_final,
	COMBINEFUNC = crm_internal.bounded_history_combine, PARALLEL = SAFE
);

-- Views of workspaces roll up whole cohorts. A sum that no history can hold must not end a query.
CREATE FUNCTION crm_internal.bounded_rollup_transition(crm.history, crm.history) RETURNS crm.history
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_rollup_bounded';
--: The union of histories, or NULL where their amounts are out of range together.
CREATE AGGREGATE crm_internal.bounded_rollup(history crm.history) (
	SFUNC = crm_internal.bounded_rollup_transition, STYPE = crm.history, SSPACE = 128,
	FINALFUNC = crm_internal.bounded_history_final,
	COMBINEFUNC = crm_internal.bounded_history_combine, PARALLEL = SAFE
);

--: The union of two histories, of which either may be NULL, or NULL where their amounts are out of
--: range together.
CREATE FUNCTION crm_internal.bounded_merge(history crm.history, other crm.history)
	RETURNS crm.history
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_merge_bounded';

--| The purchases of a day that occurs in several histories are added up. The rollup of parts equals
--| the history of the whole.
--|
--| NULLs are skipped. NULL if no history is left.
CREATE AGGREGATE crm.rollup(history crm.history) (
	SFUNC = crm_internal.history_combine, STYPE = crm.history, SSPACE = 128,
	FINALFUNC = crm_internal.history_final,
	COMBINEFUNC = crm_internal.history_combine, PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.rollup(crm.history) IS
'The union of histories, for example of channels, brands or the companies of a group.';

--| The purchases of a day that occurs in both histories are added up.
--|
--| NULL if either history is NULL. crm.rollup takes any number of histories and skips NULL ones.
--| The operator `||` does the same as crm.merge, but a session finds the operator only if `crm` is
--| in its search_path.
CREATE FUNCTION crm.merge(history crm.history, other crm.history) RETURNS crm.history
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_union';
COMMENT ON FUNCTION crm.merge(crm.history, crm.history) IS
'All purchases of two histories, for example of two shops, or of old orders and new ones.';
CREATE FUNCTION crm_internal.history_merge(crm.history, crm.history) RETURNS crm.history
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_union';
CREATE OPERATOR crm.|| (
	LEFTARG = crm.history,
	RIGHTARG = crm.history,
	FUNCTION = crm_internal.history_merge,
	COMMUTATOR = OPERATOR(crm.||)
);
COMMENT ON OPERATOR crm.|| (crm.history, crm.history) IS
'All purchases of both histories, as in crm.merge.';

/* Cuts */

--| Entries up to and including `as_of` are kept. An empty history if there are none.
CREATE FUNCTION crm.upto(history crm.history, as_of date) RETURNS crm.history
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_upto';
COMMENT ON FUNCTION crm.upto(crm.history, date) IS
'The history as it was at the end of the day as_of.';

--| An empty history if there are no such entries. Adjacent periods share no entry.
--|
--| ```sql
--| SELECT crm.during('[["2025-01-03",1,12.50],["2025-02-11",2,30.00]]',
--|                   '2025-01-01', '2025-02-01');
--| ```
CREATE FUNCTION crm.during(history crm.history, since date, until date) RETURNS crm.history
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_during';
COMMENT ON FUNCTION crm.during(crm.history, date, date) IS
'The entries of a history from the day since (included) to the day until (excluded).';

/* Reading */

--| The rows have these columns:
--|
--| * `day`: the day.
--| * `purchases`: the number of purchases, or 0 if the day has only refunds.
--| * `amount`: the exact net amount.
--|
--| ```sql
--| SELECT * FROM crm.entries('[["2025-01-03",1,12.50],["2025-02-11",2,30.00]]');
--| ```
CREATE FUNCTION crm.entries(history crm.history, OUT day date, OUT purchases bigint,
	OUT amount numeric) RETURNS SETOF record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 12 AS 'MODULE_PATHNAME', 'crm_history_entries';
COMMENT ON FUNCTION crm.entries(crm.history) IS
'The entries of a history as rows, in the order of the days.';

--| Refunds do not count. 0 for an empty history.
CREATE FUNCTION crm.purchases(history crm.history) RETURNS bigint
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_purchases';
COMMENT ON FUNCTION crm.purchases(crm.history) IS 'The number of purchases in a history.';

--| The result is `crm.purchases(crm.upto(history, as_of))`, but no cut history is built.
CREATE FUNCTION crm.purchases(history crm.history, as_of date) RETURNS bigint
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_purchases';
COMMENT ON FUNCTION crm.purchases(crm.history, date) IS
'The number of purchases in a history up to the end of the day as_of.';

--| 0 for an empty history.
CREATE FUNCTION crm.purchase_days(history crm.history) RETURNS bigint
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_purchase_days';
COMMENT ON FUNCTION crm.purchase_days(crm.history) IS
'The number of days with at least one purchase in a history.';

--| The result is `crm.purchase_days(crm.upto(history, as_of))`, but no cut history is built.
CREATE FUNCTION crm.purchase_days(history crm.history, as_of date) RETURNS bigint
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_purchase_days';
COMMENT ON FUNCTION crm.purchase_days(crm.history, date) IS
'The number of days with at least one purchase, up to the end of the day as_of.';

--| The result equals `sum(amount)` over the rows. 0 for an empty history.
CREATE FUNCTION crm.amount(history crm.history) RETURNS numeric
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_amount';
COMMENT ON FUNCTION crm.amount(crm.history) IS
'The exact net amount of a history, with refunds subtracted.';

--| The result is `crm.amount(crm.upto(history, as_of))`, but no cut history is built.
CREATE FUNCTION crm.amount(history crm.history, as_of date) RETURNS numeric
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_amount';
COMMENT ON FUNCTION crm.amount(crm.history, date) IS
'The exact net amount of a history up to the end of the day as_of, with refunds subtracted.';

--| NULL if there is no purchase.
CREATE FUNCTION crm.average_amount(history crm.history) RETURNS numeric
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_average_amount';
COMMENT ON FUNCTION crm.average_amount(crm.history) IS
'The net amount of a history divided by the number of purchases.';

--| The result is `crm.average_amount(crm.upto(history, as_of))`, but no cut history is built.
CREATE FUNCTION crm.average_amount(history crm.history, as_of date) RETURNS numeric
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_average_amount';
COMMENT ON FUNCTION crm.average_amount(crm.history, date) IS
'The net amount divided by the number of purchases, both up to the end of the day as_of.';

--| NULL if there is no purchase.
CREATE FUNCTION crm.first_day(history crm.history) RETURNS date
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_first_day';
COMMENT ON FUNCTION crm.first_day(crm.history) IS 'The first day with a purchase.';

--| The result is `crm.first_day(crm.upto(history, as_of))`, but no cut history is built.
CREATE FUNCTION crm.first_day(history crm.history, as_of date) RETURNS date
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_first_day';
COMMENT ON FUNCTION crm.first_day(crm.history, date) IS
'The first day with a purchase, as it was known at the end of the day as_of.';

-- Money begins there: a refund may come before the first purchase that is known.
--: The first day with a purchase or a refund, as it was known at the end of the day as_of.
CREATE FUNCTION crm_internal.first_entry_day(history crm.history, as_of date) RETURNS date
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_first_entry_day';

--| NULL if there is no purchase.
CREATE FUNCTION crm.last_day(history crm.history) RETURNS date
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_last_day';
COMMENT ON FUNCTION crm.last_day(crm.history) IS 'The last day with a purchase.';

--| The result is `crm.last_day(crm.upto(history, as_of))`, but no cut history is built.
CREATE FUNCTION crm.last_day(history crm.history, as_of date) RETURNS date
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_last_day';
COMMENT ON FUNCTION crm.last_day(crm.history, date) IS
'The last day with a purchase up to the day as_of.';

--| Entries after `as_of` are ignored. NULL if there is no purchase up to `as_of`.
CREATE FUNCTION crm.recency(history crm.history, as_of date) RETURNS int
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_recency';
COMMENT ON FUNCTION crm.recency(crm.history, date) IS
'The number of days from the last purchase to the day as_of.';

--| NULL if there is no purchase up to `as_of`.
CREATE FUNCTION crm.tenure(history crm.history, as_of date) RETURNS int
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_tenure';
COMMENT ON FUNCTION crm.tenure(crm.history, date) IS
'The number of days from the first purchase to the day as_of.';

-- The views with many columns read it. A dozen single functions would take longer.
--: The counts, the money and the ages of a history up to a day, and what of them fell into the 12
--: months before its end.
CREATE FUNCTION crm_internal.history_summary(history crm.history, as_of date,
	OUT recency int, OUT tenure int, OUT first_day date, OUT last_day date, OUT purchases bigint,
	OUT purchases_12m bigint, OUT purchase_days bigint, OUT amount numeric,
	OUT amount_12m numeric) RETURNS record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_summary';

--| The record has these columns:
--|
--| * `count`: the number of gaps.
--| * `mean`, `median`: their mean and median, in days.
--| * `stddev`: their sample standard deviation, in days. NULL if there are fewer than two gaps.
--| * `mean_log`: the mean of their natural logarithms.
--|
--| `mean`, `median` and `mean_log` are NULL if there is no gap.
CREATE FUNCTION crm.gaps(history crm.history, OUT count bigint, OUT mean float8, OUT median float8,
	OUT stddev float8, OUT mean_log float8) RETURNS record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_gaps';
COMMENT ON FUNCTION crm.gaps(crm.history) IS
'Statistics of the gaps between purchases, which are the days from one purchase day to the next.';

--| The result equals the column `median` of crm.gaps, in a fraction of the time. NULL if there is
--| no gap.
CREATE FUNCTION crm.median_gap(history crm.history) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_median_gap';
COMMENT ON FUNCTION crm.median_gap(crm.history) IS
'The median of the days from one purchase day to the next.';

--| The result is `crm.median_gap(crm.upto(history, as_of))`, but no cut history is built.
CREATE FUNCTION crm.median_gap(history crm.history, as_of date) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_median_gap';
COMMENT ON FUNCTION crm.median_gap(crm.history, date) IS
'The median of the days from one purchase day to the next, up to the end of the day as_of.';

--: The median of the gaps of a customer who has two of them or more, up to a day.
CREATE FUNCTION crm_internal.own_gap(history crm.history, as_of date) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_own_gap';

--| The result equals the column `mean` of crm.gaps, in a fraction of the time. NULL if there is
--| no gap.
CREATE FUNCTION crm.mean_gap(history crm.history) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_mean_gap';
COMMENT ON FUNCTION crm.mean_gap(crm.history) IS
'The mean of the days from one purchase day to the next.';

--| The result is `crm.mean_gap(crm.upto(history, as_of))`, but no cut history is built.
CREATE FUNCTION crm.mean_gap(history crm.history, as_of date) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_mean_gap';
COMMENT ON FUNCTION crm.mean_gap(crm.history, date) IS
'The mean of the days from one purchase day to the next, up to the end of the day as_of.';

--| * `unit`: the unit of the times, which is `day`, `week`, `month` (365.25/12 days) or `year`
--|   (365.25 days). An unknown unit is an error.
--|
--| The record has these columns (Fader, Hardie and Lee 2005):
--|
--| * `x`: the number of repeat purchases, which is the number of purchase days less the first.
--| * `t_x`: the time from the first purchase to the last one.
--| * `t`: the time from the first purchase to `as_of`.
--| * `mean_amount`: the mean net amount of the repeat days, or 0 if `x` is 0.
--|
--| A refund lowers the purchase days before it, the latest first, down to 0. What is left lowers
--| the first day. So the first day and `x` times `mean_amount` add up to the net amount. A day that
--| is lowered to 0 still counts as a purchase.
--|
--| NULL if there is no purchase up to `as_of`.
--|
--| ```sql
--| SELECT repeats.*
--|   FROM crm.repeat_purchases('[["2025-01-03",1,12.50],["2025-02-11",2,30.00]]', '2025-06-30',
--|                             'week') AS repeats;
--| ```
CREATE FUNCTION crm.repeat_purchases(history crm.history, as_of date, unit text, OUT x bigint,
	OUT t_x float8, OUT t float8, OUT mean_amount float8) RETURNS record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_repeat_purchases';
COMMENT ON FUNCTION crm.repeat_purchases(crm.history, date, text) IS
'The summary of a history that models of repeat purchases are fitted to, as of a day.';

/* Comparison. Equal histories have equal bytes. The order is arbitrary but stable. */

CREATE FUNCTION crm_internal.history_eq(crm.history, crm.history) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_eq';
CREATE FUNCTION crm_internal.history_ne(crm.history, crm.history) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_ne';
CREATE FUNCTION crm_internal.history_lt(crm.history, crm.history) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_lt';
CREATE FUNCTION crm_internal.history_le(crm.history, crm.history) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_le';
CREATE FUNCTION crm_internal.history_gt(crm.history, crm.history) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_gt';
CREATE FUNCTION crm_internal.history_ge(crm.history, crm.history) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_ge';
--: Compares two histories for btree indexes and sorting.
CREATE FUNCTION crm_internal.history_cmp(crm.history, crm.history) RETURNS int
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_cmp';
--: Hashes a history for hash joins and hash indexes.
CREATE FUNCTION crm_internal.history_hash(crm.history) RETURNS int
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_hash';
--: Hashes a history with a seed for hash partitioning.
CREATE FUNCTION crm_internal.history_hash_extended(crm.history, bigint) RETURNS bigint
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_history_hash_extended';

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
COMMENT ON OPERATOR crm.= (crm.history, crm.history) IS
'True if both histories have the same entries and the same number of decimals.';
COMMENT ON OPERATOR crm.<> (crm.history, crm.history) IS
'True if the histories differ in an entry or in the number of decimals.';
COMMENT ON OPERATOR crm.< (crm.history, crm.history) IS
'Less than, in an arbitrary but stable order for sorting and indexes.';
COMMENT ON OPERATOR crm.<= (crm.history, crm.history) IS
'Less than or equal, in an arbitrary but stable order for sorting and indexes.';
COMMENT ON OPERATOR crm.> (crm.history, crm.history) IS
'Greater than, in an arbitrary but stable order for sorting and indexes.';
COMMENT ON OPERATOR crm.>= (crm.history, crm.history) IS
'Greater than or equal, in an arbitrary but stable order for sorting and indexes.';

CREATE OPERATOR CLASS crm.history_ops DEFAULT FOR TYPE crm.history USING btree AS
	OPERATOR 1 crm.<, OPERATOR 2 crm.<=, OPERATOR 3 crm.=, OPERATOR 4 crm.>=, OPERATOR 5 crm.>,
	FUNCTION 1 crm_internal.history_cmp(crm.history, crm.history);
CREATE OPERATOR CLASS crm.history_ops DEFAULT FOR TYPE crm.history USING hash AS
	OPERATOR 1 crm.=,
	FUNCTION 1 crm_internal.history_hash(crm.history),
	FUNCTION 2 crm_internal.history_hash_extended(crm.history, bigint);
COMMENT ON OPERATOR CLASS crm.history_ops USING btree IS
'Operators to sort, group and index histories.';
COMMENT ON OPERATOR CLASS crm.history_ops USING hash IS
'Operators to hash histories in DISTINCT, GROUP BY, hash joins and partitions.';

