
/*
 * validation
 *
 * How good a model is: fitted on the past, held against what came after, and
 * beside naive forecasts. And whether spend goes with frequency.
 */

CREATE TYPE crm.validation_bin AS (
	at_least integer,
	at_most integer,
	customers bigint,
	actual bigint,
	expected float8,
	same_rate float8,
	same_again float8
);
COMMENT ON TYPE crm.validation_bin IS
'Customers alike in one respect (number of repeat purchases, or days since the last one), with the purchases that they made in the holdout and those that were forecast, in all.';
COMMENT ON COLUMN crm.validation_bin.at_least IS 'Lower bound of the bin, inclusive.';
COMMENT ON COLUMN crm.validation_bin.at_most IS 'Upper bound of the bin, inclusive; NULL for none.';
COMMENT ON COLUMN crm.validation_bin.customers IS 'Customers in the bin.';
COMMENT ON COLUMN crm.validation_bin.actual IS 'Purchases they made in the holdout.';
COMMENT ON COLUMN crm.validation_bin.expected IS 'Purchases the model expected.';
COMMENT ON COLUMN crm.validation_bin.same_rate IS
'Naive forecast: each goes on at the rate of repeat purchases since the first one.';
COMMENT ON COLUMN crm.validation_bin.same_again IS
'Naive forecast: each repeats the repeat purchases of as many days just before the holdout as it has.';

CREATE TYPE crm.validation_forecast AS (
	forecast text,
	customers bigint,
	actual bigint,
	expected float8,
	bias float8,
	mae float8,
	rmse float8,
	gini float8,
	gini_perfect float8
);
COMMENT ON TYPE crm.validation_forecast IS 'How near one forecast came, over all customers.';
COMMENT ON COLUMN crm.validation_forecast.forecast IS
'model; same_rate: each customer goes on at the rate of repeat purchases since the first one; same_again: each repeats the repeat purchases of as many days just before the holdout as it has.';
COMMENT ON COLUMN crm.validation_forecast.customers IS
'Customers forecast: those whose first purchase was in calibration.';
COMMENT ON COLUMN crm.validation_forecast.actual IS 'Purchases they made in the holdout.';
COMMENT ON COLUMN crm.validation_forecast.expected IS 'Purchases forecast.';
COMMENT ON COLUMN crm.validation_forecast.bias IS
'Mean of forecast less actual, in purchases a customer: above 0 is too many.';
COMMENT ON COLUMN crm.validation_forecast.mae IS 'Mean absolute error, in purchases a customer.';
COMMENT ON COLUMN crm.validation_forecast.rmse IS
'Root of the mean squared error, in purchases a customer.';
COMMENT ON COLUMN crm.validation_forecast.gini IS
'Gini coefficient of the actual purchases with customers ranked by the forecast (the concentration index; ties share their mean rank): 0 for a ranking that says nothing. NULL where nobody bought.';
COMMENT ON COLUMN crm.validation_forecast.gini_perfect IS
'The same, ranked by the actual purchases: the most there can be.';

--| Plain data: it can be stored.
CREATE TYPE crm.validation AS (
	model crm.model,
	calibration_end date,
	holdout_end date,
	forecasts crm.validation_forecast[],
	frequency_bins crm.validation_bin[],
	recency_bins crm.validation_bin[],
	first_day date,
	new_customers bigint[],
	repeat_purchases bigint[]
);
COMMENT ON TYPE crm.validation IS
'A model held against what came after; built by crm.validate and read by crm.accuracy, crm.accuracy_by_frequency, crm.accuracy_by_recency and crm.tracking.';
COMMENT ON COLUMN crm.validation.model IS 'The model.';
COMMENT ON COLUMN crm.validation.calibration_end IS 'Last day that the forecasts knew of.';
COMMENT ON COLUMN crm.validation.holdout_end IS 'Last day of the holdout.';
COMMENT ON COLUMN crm.validation.forecasts IS 'How near each forecast came.';
COMMENT ON COLUMN crm.validation.frequency_bins IS 'Customers by repeat purchases in calibration.';
COMMENT ON COLUMN crm.validation.recency_bins IS
'Customers by days since the last purchase in calibration.';
COMMENT ON COLUMN crm.validation.first_day IS 'Day of the first purchase of all.';
COMMENT ON COLUMN crm.validation.new_customers IS
'Customers whose first purchase it was, by day from first_day.';
COMMENT ON COLUMN crm.validation.repeat_purchases IS
'Repeat purchases of those customers, by day from first_day.';

CREATE FUNCTION crm_internal.validate_transition(internal, model crm.model, history crm.history,
	calibration_end date, holdout_end date) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_validate_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.validate_transition(internal, crm.model, crm.history, date, date) IS
'Transition of crm.validate.';
CREATE FUNCTION crm_internal.validate_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_validate_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.validate_combine(internal, internal) IS
'Joins the states of two parallel workers of crm.validate.';
CREATE FUNCTION crm_internal.validate_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'crm_validate_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.validate_serialize(internal) IS
'The state of crm.validate as bytes, for a parallel worker.';
CREATE FUNCTION crm_internal.validate_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_validate_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.validate_deserialize(bytea, internal) IS
'Reads what crm_internal.validate_serialize wrote; all of it is checked.';
CREATE FUNCTION crm_internal.validate_final(internal) RETURNS crm.validation
	AS 'MODULE_PATHNAME', 'crm_validate_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.validate_final(internal) IS
'Final function of crm.validate: forecasts and compares.';

--| The model should be fitted on the same histories as of calibration_end, the last day it may
--| know of: SELECT crm.validate(m.model, c.history, '2025-06-30', '2025-12-31') FROM customers AS
--| c, (SELECT crm.fit_purchases('mbg_nbd', 'week', history, '2025-06-30') AS model FROM
--| customers) AS m. The holdout is the time from the day after it to holdout_end. A purchase is a
--| day with one, as it is for the models. Customers whose first purchase is after calibration_end
--| do not count. Beside the model stand two naive forecasts: same_rate (each customer goes on at
--| the rate of repeat purchases since the first one) and same_again (each repeats the repeat
--| purchases of as many days just before the holdout as it has). Read the result by crm.accuracy,
--| crm.accuracy_by_frequency, crm.accuracy_by_recency and crm.tracking. Rows with a NULL are
--| skipped, NULL where no customer is left; the arguments but the history must be the same in all
--| rows. A holdout that does not end after the calibration, and a first purchase more than a
--| hundred years before its end, are errors. The result does not depend on the order of the rows
--| or the number of workers, to the last digit.
CREATE AGGREGATE crm.validate(model crm.model, history crm.history, calibration_end date,
	holdout_end date) (
	SFUNC = crm_internal.validate_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.validate_final,
	COMBINEFUNC = crm_internal.validate_combine,
	SERIALFUNC = crm_internal.validate_serialize,
	DESERIALFUNC = crm_internal.validate_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.validate(crm.model, crm.history, date, date) IS
'Holds a model of repeat purchases against what customers did, one whole history a customer; the aggregate cuts it.';

--| Actual and expected purchases in all; bias, mean absolute error (mae) and root mean squared
--| error (rmse) in purchases a customer; and how well the forecast ranks customers: the Gini
--| coefficient of the actual purchases ranked by it, beside that of the perfect ranking. Which
--| forecast is best depends on the use: totals for planning, ranking for choosing whom to write
--| to.
CREATE FUNCTION crm.accuracy(validation crm.validation) RETURNS SETOF crm.validation_forecast
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 3
BEGIN ATOMIC
	SELECT f.forecast, f.customers, f.actual, f.expected, f.bias, f.mae, f.rmse, f.gini,
		f.gini_perfect
	  FROM unnest((accuracy.validation).forecasts) AS f;
END;
COMMENT ON FUNCTION crm.accuracy(crm.validation) IS
'How near the forecasts of a validation came, one row each: the model, same_rate and same_again.';

--| Actual and forecast purchases in the holdout of the customers of each bin, in all and a
--| customer (mean_, NULL for an empty bin). Fader, Hardie & Lee (2005) compare their models in
--| this way.
CREATE FUNCTION crm.accuracy_by_frequency(validation crm.validation,
	OUT at_least integer, OUT at_most integer, OUT customers bigint,
	OUT actual bigint, OUT expected float8, OUT same_rate float8, OUT same_again float8,
	OUT mean_actual float8, OUT mean_expected float8, OUT mean_same_rate float8,
		OUT mean_same_again float8) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 8
BEGIN ATOMIC
	SELECT b.at_least, b.at_most, b.customers, b.actual, b.expected, b.same_rate, b.same_again,
		   b.actual / nullif(b.customers, 0)::float8, b.expected / nullif(b.customers, 0)::float8,
		   b.same_rate / nullif(b.customers, 0)::float8,
		   	b.same_again / nullif(b.customers, 0)::float8
	  FROM unnest((accuracy_by_frequency.validation).frequency_bins) AS b;
END;
COMMENT ON FUNCTION crm.accuracy_by_frequency(crm.validation) IS
'A validation by the number of repeat purchases in calibration: 0 to 6, and 7 or more (at_most NULL).';

--| Actual and forecast purchases in the holdout of the customers of each bin, in all and a
--| customer (mean_, NULL for an empty bin). A model that believes too long in silent customers
--| shows here.
CREATE FUNCTION crm.accuracy_by_recency(validation crm.validation,
	OUT at_least integer, OUT at_most integer, OUT customers bigint,
	OUT actual bigint, OUT expected float8, OUT same_rate float8, OUT same_again float8,
	OUT mean_actual float8, OUT mean_expected float8, OUT mean_same_rate float8,
		OUT mean_same_again float8) RETURNS SETOF record
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 9
BEGIN ATOMIC
	SELECT b.at_least, b.at_most, b.customers, b.actual, b.expected, b.same_rate, b.same_again,
		   b.actual / nullif(b.customers, 0)::float8, b.expected / nullif(b.customers, 0)::float8,
		   b.same_rate / nullif(b.customers, 0)::float8,
		   	b.same_again / nullif(b.customers, 0)::float8
	  FROM unnest((accuracy_by_recency.validation).recency_bins) AS b;
END;
COMMENT ON FUNCTION crm.accuracy_by_recency(crm.validation) IS
'A validation by the days from the last purchase to the end of calibration: up to 7, 14, 30, 60, 90, 180, 365, 730 days, and more (at_most NULL).';

--| Expected are those of new customers by their age, whatever they did since (Fader, Hardie & Lee
--| 2005); a model whose curve leaves the actual one in the holdout misses how customers leave,
--| and no model of this family knows seasons. unit is day, week, month, quarter or year; periods
--| are counted in both directions from the day after calibration_end, so the first and the last
--| may be shorter. A value that does not come from crm.validate is an error.
CREATE FUNCTION crm.tracking(validation crm.validation, unit text,
	OUT period_end date, OUT in_holdout boolean, OUT actual bigint, OUT expected float8,
	OUT cumulative_actual bigint, OUT cumulative_expected float8) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'crm_validation_tracking'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000 ROWS 100;
COMMENT ON FUNCTION crm.tracking(crm.validation, text) IS
'A validation over time: the repeat purchases of all its customers in each period and up to its end, actual and expected, in calibration and holdout.';

/* Spend and frequency */

CREATE TYPE crm.spend_independence AS (
	customers bigint,
	left_out bigint,
	pearson float8,
	pearson_p float8,
	spearman float8,
	spearman_p float8
);
COMMENT ON TYPE crm.spend_independence IS
'Whether customers who buy more often spend more, or less, at a time; made by crm.check_spend_independence.';
COMMENT ON COLUMN crm.spend_independence.customers IS 'Customers compared.';
COMMENT ON COLUMN crm.spend_independence.left_out IS
'Customers without a repeat purchase, or whose mean amount is not positive.';
COMMENT ON COLUMN crm.spend_independence.pearson IS
'Pearson''s correlation of the logarithms of number and mean amount of the repeat purchases, from -1 to 1; NULL where either is the same for all.';
COMMENT ON COLUMN crm.spend_independence.pearson_p IS
'Probability of one at least as far from 0 among so many independent customers (two-sided, Student''s t); NULL for fewer than 3.';
COMMENT ON COLUMN crm.spend_independence.spearman IS
'Spearman''s rank correlation of the same, ties at their mean rank.';
COMMENT ON COLUMN crm.spend_independence.spearman_p IS
'Its probability, by the same approximation.';

CREATE FUNCTION crm_internal.check_spend_independence_transition(internal, history crm.history,
	as_of date) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_check_spend_independence_transition'
		LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.check_spend_independence_transition(internal, crm.history, date) IS
'Transition of crm.check_spend_independence.';
CREATE FUNCTION crm_internal.check_spend_independence_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_check_spend_independence_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.check_spend_independence_combine(internal, internal) IS
'Joins the states of two parallel workers of crm.check_spend_independence.';
CREATE FUNCTION crm_internal.check_spend_independence_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'crm_check_spend_independence_serialize'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.check_spend_independence_serialize(internal) IS
'The state of crm.check_spend_independence as bytes, for a parallel worker.';
CREATE FUNCTION crm_internal.check_spend_independence_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_check_spend_independence_deserialize'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.check_spend_independence_deserialize(bytea, internal) IS
'Reads what crm_internal.check_spend_independence_serialize wrote; all of it is checked.';
CREATE FUNCTION crm_internal.check_spend_independence_final(internal) RETURNS crm.spend_independence
	AS 'MODULE_PATHNAME', 'crm_check_spend_independence_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.check_spend_independence_final(internal) IS
'Final function of crm.check_spend_independence.';

--| One history a customer, as of the end of that day; compared are the number of repeat purchases
--| and their mean net amount, as in crm.fit_spend. Read the correlation first and the p-value
--| second: with many customers a correlation of 0.05 is significant and still harmless, one
--| beyond 0.3 or so is not, however few there are; then fit and value groups of customers apart.
--| Rows with a NULL are skipped, NULL where there is none. The result does not depend on the
--| order of the rows or the number of workers, to the last digit.
CREATE AGGREGATE crm.check_spend_independence(history crm.history, as_of date) (
	SFUNC = crm_internal.check_spend_independence_transition,
	STYPE = internal,
	SSPACE = 4096,
	FINALFUNC = crm_internal.check_spend_independence_final,
	COMBINEFUNC = crm_internal.check_spend_independence_combine,
	SERIALFUNC = crm_internal.check_spend_independence_serialize,
	DESERIALFUNC = crm_internal.check_spend_independence_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.check_spend_independence(crm.history, date) IS
'Whether an assumption behind crm.fit_spend and crm.clv holds: that how much customers spend at a time does not go with how often they buy (Fader & Hardie 2013).';
