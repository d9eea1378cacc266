
/*
 * validation
 *
 * A validation measures how good a model is. It forecasts a holdout with a
 * model that was fitted on the past, and compares the forecast with the actual
 * purchases and with naive forecasts. The module also checks whether spend
 * depends on frequency.
 */

--| The customers of a bin are alike in the number of repeat purchases, or in the days since the
--| last purchase. Purchases are totals of all customers in the bin.
--|
--| `same_rate` and `same_again` are naive forecasts. With `same_rate` each customer goes on at the
--| rate of repeat purchases since the first purchase. With `same_again` each customer repeats the
--| repeat purchases of as many days just before the holdout as the holdout has.
CREATE TYPE crm.validation_bin AS (
	--: Lower bound of the bin, inclusive.
	at_least integer,
	--: Upper bound of the bin, inclusive, or NULL if there is no bound.
	at_most integer,
	--: Number of customers in the bin.
	customers bigint,
	--: Purchases that the customers made in the holdout.
	actual bigint,
	--: Purchases that the model expected in the holdout.
	expected float8,
	--: Naive forecast, where customers go on at their rate of repeat purchases since the first
	--: purchase.
	same_rate float8,
	--: Naive forecast, where each customer repeats the repeat purchases of an equally long time
	--: before.
	same_again float8
);
COMMENT ON TYPE crm.validation_bin IS
'Customers of a bin of a validation, with their actual and forecast purchases in the holdout.';

--| The forecasts are:
--|
--| * `model`: the forecast of the model.
--| * `same_rate`: each customer goes on at the rate of repeat purchases since the first purchase.
--| * `same_again`: each customer repeats the repeat purchases of as many days just before the
--|   holdout as the holdout has.
CREATE TYPE crm.validation_forecast AS (
	--: Name of the forecast, which is model, same_rate or same_again.
	forecast text,
	--: Number of customers forecast, whose first purchase was in calibration.
	customers bigint,
	--: Purchases that these customers made in the holdout.
	actual bigint,
	--: Purchases forecast for the holdout.
	expected float8,
	--: Mean of forecast less actual, in purchases a customer, where above 0 is too many.
	bias float8,
	--: Mean absolute error, in purchases a customer.
	mae float8,
	--: Root of the mean squared error, in purchases a customer.
	rmse float8,
	--: Gini coefficient of the actual purchases of customers ranked by the forecast.
	gini float8,
	--: Gini coefficient of the actual purchases of customers ranked by them, which is the maximum.
	gini_perfect float8
);
COMMENT ON TYPE crm.validation_forecast IS
'The accuracy of one forecast of a validation over all customers.';

--| crm.validate returns this type. crm.accuracy, crm.accuracy_by_frequency, crm.accuracy_by_recency
--| and crm.tracking read it. The value is plain data and can be stored.
CREATE TYPE crm.validation AS (
	--: The model.
	model crm.model,
	--: Last day that the forecasts knew of.
	calibration_end date,
	--: Last day of the holdout.
	holdout_end date,
	--: Accuracy of each forecast.
	forecasts crm.validation_forecast[],
	--: Customers by the number of repeat purchases in calibration.
	frequency_bins crm.validation_bin[],
	--: Customers by the days from the last purchase to the end of calibration.
	recency_bins crm.validation_bin[],
	--: Day of the earliest first purchase.
	first_day date,
	--: Number of customers whose first purchase was on a day, for each day from first_day.
	new_customers bigint[],
	--: Number of repeat purchases of the customers on a day, for each day from first_day.
	repeat_purchases bigint[]
);
COMMENT ON TYPE crm.validation IS
'The comparison of a model and two naive forecasts with the purchases in a holdout.';

CREATE FUNCTION crm_internal.validate_transition(internal, model crm.model, history crm.history,
	calibration_end date, holdout_end date) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_validate_transition';
-- The cost keeps the planner from parallel workers: combining what they hand over takes as long as
-- they save, however many customers there are.
CREATE FUNCTION crm_internal.validate_deserialize(bytea, internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1e12
	AS 'MODULE_PATHNAME', 'crm_validate_deserialize';
CREATE FUNCTION crm_internal.validate_final(internal) RETURNS crm.validation
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_validate_final';

--| * `model`: the model. It should be fitted on the same histories as of `calibration_end`.
--| * `history`: the whole history of a customer, one row each. The aggregate cuts it.
--| * `calibration_end`: the last day that the model may know of.
--| * `holdout_end`: the last day of the holdout. The holdout begins on the day after
--|   `calibration_end`.
--|
--| All arguments except `history` are the same in all rows. A purchase is a day with a purchase, as
--| it is for the models. Customers whose first purchase is after `calibration_end` do not count.
--|
--| The result also has two naive forecasts. With `same_rate` each customer goes on at the rate of
--| repeat purchases since the first purchase. With `same_again` each customer repeats the repeat
--| purchases of as many days just before the holdout as the holdout has.
--|
--| Read the result with crm.accuracy, crm.accuracy_by_frequency, crm.accuracy_by_recency and
--| crm.tracking. The result does not depend on the order of the rows or the number of workers, to
--| the last digit.
--|
--| Rows with a NULL are skipped. NULL if no customer is left. A holdout that does not end after the
--| calibration is an error. A first purchase more than a hundred years before the end of the
--| holdout is an error too.
--|
--| ```sql
--| SELECT crm.validate(m.model, c.history, '2025-06-30', '2025-12-31')
--|   FROM customers AS c,
--|        (SELECT crm.fit_purchases('mbg_nbd', 'week', history, '2025-06-30') AS model
--|           FROM customers) AS m;
--| ```
CREATE AGGREGATE crm.validate(model crm.model, history crm.history, calibration_end date,
	holdout_end date) (
	SFUNC = crm_internal.validate_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.validate_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.validate_deserialize
);
COMMENT ON AGGREGATE crm.validate(crm.model, crm.history, date, date) IS
'Compares a model of repeat purchases with the purchases that customers made in a holdout.';

--| The rows are the forecasts `model`, `same_rate` and `same_again`. They have these columns:
--|
--| * `forecast`: the name of the forecast.
--| * `customers`: the number of customers whose first purchase was in calibration.
--| * `actual`, `expected`: the purchases in the holdout, made and forecast, of all customers.
--| * `bias`, `mae`, `rmse`: the mean error (forecast less actual), the mean absolute error and the
--|   root mean squared error, in purchases a customer.
--| * `gini`: how well the forecast ranks customers. It is the Gini coefficient of the actual
--|   purchases with customers ranked by the forecast (the concentration index). Ties share their
--|   mean rank. 0 is a ranking without information. NULL if nobody bought.
--| * `gini_perfect`: the Gini coefficient with customers ranked by the actual purchases. No ranking
--|   has a higher one.
--|
--| The best forecast depends on the use. Totals matter for planning. Ranking matters for the choice
--| of customers to write to.
CREATE FUNCTION crm.accuracy(validation crm.validation) RETURNS SETOF crm.validation_forecast
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 3
BEGIN ATOMIC
	SELECT f.forecast, f.customers, f.actual, f.expected, f.bias, f.mae, f.rmse, f.gini,
		f.gini_perfect
	  FROM unnest((accuracy.validation).forecasts) AS f;
END;
COMMENT ON FUNCTION crm.accuracy(crm.validation) IS
'The accuracy of the forecasts of a validation, one row each.';

--| The bins are 0 to 6, and 7 or more (`at_most` is NULL). The rows have these columns:
--|
--| * `at_least`, `at_most`: the bounds of the bin, both inclusive.
--| * `customers`: the number of customers in the bin.
--| * `actual`, `expected`, `same_rate`, `same_again`: purchases in the holdout of all customers of
--|   the bin, made and forecast.
--| * `mean_actual`, `mean_expected`, `mean_same_rate`, `mean_same_again`: the same numbers a
--|   customer. NULL for an empty bin.
--|
--| Fader, Hardie and Lee (2005) compare their models in this way.
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
'A validation by the number of repeat purchases of customers in calibration.';

--| The bins are up to 7, 14, 30, 60, 90, 180, 365 and 730 days, and more (`at_most` is NULL). The
--| columns are the ones of crm.accuracy_by_frequency: purchases in the holdout of the customers of
--| each bin, made and forecast, in all and a customer.
--|
--| Use the rows to find a model that believes too long in silent customers.
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
'A validation by the days from the last purchase of customers to the end of calibration.';

--| * `unit`: the length of a period, which is `day`, `week`, `month`, `quarter` or `year`. Periods
--|   are counted in both directions from the day after `calibration_end`, so the first and the last
--|   may be shorter.
--|
--| The rows have these columns:
--|
--| * `period_end`: the last day of the period.
--| * `in_holdout`: whether the period is in the holdout and not in calibration.
--| * `actual`, `expected`: the repeat purchases of all customers in the period.
--| * `cumulative_actual`, `cumulative_expected`: the repeat purchases up to the end of the period.
--|
--| The expected purchases are the ones of new customers by their age, whatever the customers did
--| since (Fader, Hardie and Lee 2005). A model misses how customers leave if its curve departs from
--| the actual one in the holdout. No model of this family knows seasons.
--|
--| A value that does not come from crm.validate is an error.
CREATE FUNCTION crm.tracking(validation crm.validation, unit text,
	OUT period_end date, OUT in_holdout boolean, OUT actual bigint, OUT expected float8,
	OUT cumulative_actual bigint, OUT cumulative_expected float8) RETURNS SETOF record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000 ROWS 100
	AS 'MODULE_PATHNAME', 'crm_validation_tracking';
COMMENT ON FUNCTION crm.tracking(crm.validation, text) IS
'The actual and expected repeat purchases of a validation over time.';

/* Spend and frequency */

--| The correlation compares the number of repeat purchases and their mean amount.
--| crm.check_spend_independence returns this type.
CREATE TYPE crm.spend_independence AS (
	--: Number of customers compared.
	customers bigint,
	--: Number of customers without a repeat purchase or without a positive mean amount.
	left_out bigint,
	--: Pearson's correlation of the logarithms of the number and mean amount of the repeat
	--: purchases.
	pearson float8,
	--: P-value of the column pearson.
	pearson_p float8,
	--: Spearman's rank correlation of the number and mean amount of the repeat purchases.
	spearman float8,
	--: P-value of the column spearman.
	spearman_p float8
);
COMMENT ON TYPE crm.spend_independence IS
'The correlation between how often customers buy and how much they spend at a time.';

CREATE FUNCTION crm_internal.check_spend_independence_transition(internal, history crm.history,
	as_of date) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE
	AS 'MODULE_PATHNAME', 'crm_check_spend_independence_transition';
-- The cost keeps the planner from parallel workers: combining what they hand over takes as long as
-- they save, however many customers there are.
CREATE FUNCTION crm_internal.check_spend_independence_deserialize(bytea, internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1e12
	AS 'MODULE_PATHNAME', 'crm_check_spend_independence_deserialize';
CREATE FUNCTION crm_internal.check_spend_independence_final(internal) RETURNS crm.spend_independence
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_check_spend_independence_final';

--| crm.fit_spend and crm.clv assume that spend does not depend on how often customers buy (Fader
--| and Hardie 2013). This aggregate checks the assumption.
--|
--| * `history`: the purchases of a customer, one row each.
--| * `as_of`: the end of this day is the moment of the comparison.
--|
--| The metrics are the number of repeat purchases and their mean net amount, as in crm.fit_spend.
--| The result has these columns:
--|
--| * `customers`: the number of customers compared.
--| * `left_out`: the number of customers without a repeat purchase, or with a mean amount that is
--|   not positive.
--| * `pearson`: Pearson's correlation of the logarithms of both metrics, from -1 to 1. NULL if a
--|   metric is the same for all customers.
--| * `pearson_p`: the probability of a correlation at least as far from 0 among as many independent
--|   customers (two-sided, Student's t). NULL for fewer than 3 customers.
--| * `spearman`: Spearman's rank correlation of both metrics. Ties have their mean rank.
--| * `spearman_p`: the probability of `spearman`, by the same approximation.
--|
--| Read the correlation first and the p-value second. With many customers a correlation of 0.05 is
--| significant and still harmless. A correlation beyond about 0.3 is not harmless, however few the
--| customers are. In this case fit and value groups of customers apart.
--|
--| Rows with a NULL are skipped. NULL if no row is left. The result does not depend on the order of
--| the rows or the number of workers, to the last digit.
CREATE AGGREGATE crm.check_spend_independence(history crm.history, as_of date) (
	SFUNC = crm_internal.check_spend_independence_transition, STYPE = internal, SSPACE = 4096,
	FINALFUNC = crm_internal.check_spend_independence_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.check_spend_independence_deserialize
);
COMMENT ON AGGREGATE crm.check_spend_independence(crm.history, date) IS
'Measures whether customers who buy more often spend more or less at a time.';

/* The month ahead, for the views of workspaces */

/*
 * Continues a series. months[1] is of the last month, months[2] of the month before. The level is
 * the mean of all months: each weighs decay times as much as the month after it, and a level of 0
 * weighs as prior. The trend is the mean change from month to month, by the same weights. It is
 * damped: no change weighs as damping. NULL leaves the trend out.
 *
 * From 18 months on there is a season. It is by how much the month of a year before differed from
 * what the months before it let expect.
 *
 * The error of the method is how far it missed each of the months. The mean square of the misses
 * includes two of 0.3, so that the first few months do not tell a small error by chance. reach is
 * the error times the 95 percent quantile of Student's distribution (Abramowitz and Stegun
 * 26.7.5). So an interval of 90 percent reaches from next - reach to next + reach.
 */
--: The next value of a series of months, and how far a 90 percent interval reaches around it.
CREATE FUNCTION crm_internal.continue_series(months float8[], decay float8, prior float8,
	damping float8, OUT next float8, OUT reach float8, OUT is_seasonal boolean) RETURNS record
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	known integer := coalesce(cardinality(months), 0);
	sum_of float8 := 0;
	weight float8 := 0;
	change float8 := 0;
	change_weight float8 := 0;
	own float8[]; -- without the season, for the month of the subscript
	squares float8 := 2 * 0.3 ^ 2;
	freedom float8 := 2;
BEGIN
	is_seasonal := known >= 18;
	-- From the oldest month: what the months before month j, which is 0 for the next, let expect.
	FOR j IN REVERSE known - 1 .. 0 LOOP
		sum_of := months[j + 1] + decay * sum_of;
		weight := 1 + decay * weight;
		IF j + 2 <= known THEN
			change := months[j + 1] - months[j + 2] + decay * change;
			change_weight := 1 + decay * change_weight;
		END IF;
		own[j] := sum_of / (weight + prior) + coalesce(change / (change_weight + damping), 0);
		next := own[j] + CASE WHEN j + 18 <= known THEN months[j + 12] - own[j + 12] ELSE 0 END;
		IF j > 0 THEN
			squares := squares + (months[j] - next) ^ 2;
			freedom := freedom + 1;
		END IF;
	END LOOP;
	reach := sqrt(squares / freedom) * 1.645 * (1 + 0.926 / freedom + 0.863 / freedom ^ 2);
END
$$;

/*
 * expected is what the models expect of existing customers. track has the logarithm of the ratio of
 * what came to what they expected, and newcomers the logarithm of the number of new customers and a
 * half, of the last month first. each is what a month of one new customer brings, and last what the
 * last month brought in all.
 *
 * One month alone does not tell how many of its customers are really new: records begin somewhere.
 * Then the next month is as large as the last one.
 */
--: What the next month brings of existing customers, of new ones and of both, with bounds.
CREATE FUNCTION crm_internal.month_ahead(expected float8, track float8[], newcomers float8[],
	each float8, last float8, OUT existing float8[], OUT new float8[], OUT total float8[],
	OUT customers float8, OUT is_seasonal boolean) RETURNS record
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	of_models record := crm_internal.continue_series(track, 0.9, 1, NULL);
	of_new record := crm_internal.continue_series(newcomers, 0.3, 0, 1);
	old_value float8 := expected * exp(coalesce(of_models.next, 0));
	new_value float8;
	factor float8 := 1;
	miss float8;
BEGIN
	is_seasonal := of_models.is_seasonal;
	customers := CASE WHEN of_new.next > ln(0.5) THEN exp(of_new.next) - 0.5
					  WHEN of_new.next IS NOT NULL THEN 0 END;
	new_value := CASE WHEN cardinality(newcomers) > 1 THEN customers * coalesce(each, 0)
					  WHEN last > old_value THEN last - old_value
					  WHEN last IS NOT NULL THEN 0 END;
	IF NOT is_seasonal AND last > 0 AND old_value + new_value > 0 THEN
		factor := sqrt(last / (old_value + new_value));
	END IF;
	old_value := old_value * factor;
	new_value := new_value * factor;
	miss := sqrt((old_value * of_models.reach) ^ 2 + (new_value * of_new.reach) ^ 2)
		/ nullif(old_value + new_value, 0);
	existing := ARRAY[old_value, old_value * exp(- of_models.reach),
					  old_value * exp(of_models.reach)];
	new := ARRAY[new_value, new_value * exp(- of_new.reach), new_value * exp(of_new.reach)];
	total := ARRAY[old_value + new_value, (old_value + new_value) * exp(- coalesce(miss, 0)),
				  (old_value + new_value) * exp(coalesce(miss, 0))];
END
$$;
