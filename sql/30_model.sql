
/*
 * model
 *
 * A value of the type crm.model is a customer-base model with known parameters.
 * Aggregates fit models to customers. Functions use a model to answer questions
 * about a customer.
 */

--: True for a valid model, or else an error that names the field, the value and the limit.
CREATE FUNCTION crm_internal.model_valid(model jsonb) RETURNS boolean
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_model_valid';

--| A model is an object with these fields:
--|
--| * `"kind"`: the kind of the model, for example `bg_nbd`. crm.make_model lists the kinds.
--| * `"limit"`: the limit of the kind that the model is, for example `equal_dropout`. Most models
--|   do not have it. crm.make_model lists the limits.
--| * `"unit"`: the unit of time, which is `day`, `week`, `month` or `year`. Only models of
--|   purchases in time have it.
--| * `"parameters"`: the parameters by their names in the papers.
--|
--| A fitted model also has:
--|
--| * `"covariance"`: the covariance of the estimates. Rows and columns are in the order of the
--|   papers.
--| * `"log_likelihood"`: the log-likelihood at the maximum.
--| * `"customers"`, `"left_out"`: the number of customers that the model was fitted to, and the
--|   number of customers left out.
--| * `"iterations"`: the number of evaluations of the likelihood.
--| * `"converged"`: always true, because a search that does not converge gives no model.
--|
--| Numbers read back exactly. Store models in columns of this type. Every value is checked, and an
--| error names the field, the value and the limit. crm.fit_purchases, crm.fit_occasions,
--| crm.fit_spend, crm.fit_renewals and crm.make_model build models.
CREATE DOMAIN crm.model AS jsonb
	CONSTRAINT model_valid CHECK (crm_internal.model_valid(VALUE));
COMMENT ON DOMAIN crm.model IS 'A customer-base model with known or fitted parameters, as JSON.';

--| * `kind`: the kind of the model.
--| * `unit`: the unit of time of the parameters, which is `day`, `week`, `month` (365.25/12 days)
--|   or `year` (365.25 days). NULL for `bg_bb`, which counts occasions, for `sbg` and `bdw`, which
--|   count periods, and for `gamma_gamma`, whose `v` is in units of money.
--| * `parameters`: the positive parameters, in the order of the papers.
--|
--| The kinds and their parameters are:
--|
--| * `bg_nbd` and `mbg_nbd`: r, alpha, a, b
--| * `bg_cnbd_k` and `mbg_cnbd_k`: r, alpha, a, b, k
--| * `pareto_nbd`: r, alpha, s, beta
--| * `nbd`: r, alpha
--| * `bg_bb`: alpha, beta, gamma, delta
--| * `gamma_gamma`: p, q, v
--| * `sbg`: alpha, beta
--| * `bdw`: alpha, beta, c
--|
--| Where all customers are alike in one respect, a kind has a limit with fewer parameters. The name
--| of a limit follows the name of the kind and a point, as in `bg_nbd.equal_dropout`. The limits
--| and their parameters are:
--|
--| * `bg_nbd` and `mbg_nbd`: `equal_dropout` (r, alpha, p), `equal_rate` (lambda, a, b),
--|   `equal_rate_and_dropout` (lambda, p)
--| * `pareto_nbd`: `equal_dropout` (r, alpha, mu), `equal_rate` (lambda, s, beta),
--|   `equal_rate_and_dropout` (lambda, mu)
--| * all three: `no_dropout` (r, alpha), `equal_rate_and_no_dropout` (lambda)
--| * `nbd`: `equal_rate` (lambda)
--| * `gamma_gamma`: `equal_spend` (p, mean), where all customers spend alike, `equal_amounts`
--|   (q, s), where each customer always spends the same amount, and `one_amount` (amount), where
--|   every purchase is of the same amount
--|
--| For purchases p is the probability of leaving after a purchase, and below 1. lambda and mu are
--| purchases and departures per unit of time.
--|
--| Such a model has no covariance and no log-likelihood. NULL if `kind` or `parameters` is NULL.
--|
--| ```sql
--| SELECT crm.make_model('bg_nbd', 'week', '{0.243, 4.414, 0.793, 2.426}');
--| ```
CREATE FUNCTION crm.make_model(kind text, unit text, parameters float8[]) RETURNS crm.model
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_make_model';
COMMENT ON FUNCTION crm.make_model(text, text, float8[]) IS
'A model from known parameters, for example from published ones.';

/* Fitting */

CREATE FUNCTION crm_internal.fit_purchases_transition(state internal, kind text, unit text,
	x bigint, t_x float8, t float8) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_fit_purchases_transition';
CREATE FUNCTION crm_internal.fit_purchases_transition(state internal, kind text, unit text,
	x bigint, t_x float8, t float8, n bigint) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_fit_purchases_transition';
CREATE FUNCTION crm_internal.fit_purchases_transition(state internal, kind text, unit text,
	history crm.history, as_of date) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_fit_purchases_add_history';
CREATE FUNCTION crm_internal.fit_occasions_transition(state internal, x bigint, t_x bigint,
	n bigint) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_fit_occasions_transition';
CREATE FUNCTION crm_internal.fit_occasions_transition(state internal, x bigint, t_x bigint,
	n bigint, customers bigint) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_fit_occasions_transition';
CREATE FUNCTION crm_internal.fit_renewals_transition(state internal, kind text, periods integer,
	churned boolean) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_fit_renewals_transition';
CREATE FUNCTION crm_internal.fit_renewals_transition(state internal, kind text, periods integer,
	churned boolean, n bigint) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_fit_renewals_transition';
CREATE FUNCTION crm_internal.fit_spend_transition(state internal, x bigint, mean_amount float8)
	RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_fit_spend_transition';
CREATE FUNCTION crm_internal.fit_spend_transition(state internal, x bigint, mean_amount float8,
	n bigint) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_fit_spend_transition';
CREATE FUNCTION crm_internal.fit_spend_transition(state internal, history crm.history, as_of date)
	RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_fit_spend_add_history';
-- The cost keeps the planner from parallel workers: combining what they hand over takes as long as
-- they save, however many customers there are.
CREATE FUNCTION crm_internal.fit_deserialize(bytea, internal) RETURNS internal
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1e12
	AS 'MODULE_PATHNAME', 'crm_fit_deserialize';
CREATE FUNCTION crm_internal.fit_final(internal) RETURNS crm.model
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_fit_final';

--| * `kind`: the kind of the model, the same in all rows and not NULL.
--| * `unit`: the unit of `t_x` and `t`, which is `day`, `week`, `month` or `year`. It is the same
--|   in all rows and not NULL.
--| * `x`: the number of repeat purchases, which is the number of purchase days less one.
--| * `t_x`: the time from the first purchase to the last one.
--| * `t`: the time from the first purchase to the end of observation.
--|
--| The kinds are:
--|
--| * `bg_nbd` (Fader, Hardie and Lee 2005): a customer may leave after each repeat purchase, so
--|   everybody is alive until the first repeat purchase.
--| * `mbg_nbd` (Batislam, Denizel and Filiztekin 2007): a customer may leave after the first
--|   purchase too.
--| * `pareto_nbd` (Schmittlein, Morrison and Colombo 1987): a customer may leave at any time.
--| * `nbd` (Ehrenberg 1959): nobody leaves.
--| * `bg_cnbd_k` and `mbg_cnbd_k` (Platzer 2008; Reutterer, Platzer and Schroeder 2020): like
--|   `bg_nbd` and `mbg_nbd`, but for regular buyers. The times between their purchases have an
--|   Erlang density. The whole number k is the likeliest one from 1 to 12, and 1 means no
--|   regularity. These kinds need histories or `log_gaps`.
--| * `best`: fits all of them and returns the model with the lowest AIC. Kinds without a maximum
--|   are passed over.
--|
--| All customers may be alike in their rate or in their drop-out, or nobody may leave. The
--| likelihood then climbs forever while some parameters go to infinity or zero, and the limit is
--| the model. The field `limit` names it, and its parameters, their covariance and its AIC are its
--| own. A maximum that is less than 0.001 above a limit in its log-likelihood counts as the limit.
--| `bg_cnbd_k` and `mbg_cnbd_k` have no limits.
--|
--| The result does not depend on the order of the rows, the number of workers, or the unit of time.
--|
--| Rows with NULL in `x`, `t_x` or `t` are skipped. NULL if no customer is left.
--|
--| Errors: a negative number, `t_x` after `t`, and `t_x` above 0 without a repeat purchase. If the
--| likelihood has neither a maximum nor a limit, there is no model. The error then has the reason
--| and the best point.
CREATE AGGREGATE crm.fit_purchases(kind text, unit text, x bigint, t_x float8, t float8) (
	SFUNC = crm_internal.fit_purchases_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize
);
COMMENT ON AGGREGATE crm.fit_purchases(text, text, bigint, float8, float8) IS
'Fits a model of repeat purchases to customers, one row each, by maximum likelihood.';

--| * `n`: the number of customers with the same `x`, `t_x` and `t`.
--|
--| The model is the same to the last digit as from one row for each customer. Rows with `n` = 0 and
--| rows with a NULL are skipped. A negative `n` is an error. Everything else is as in
--| crm.fit_purchases with one row for each customer.
CREATE AGGREGATE crm.fit_purchases(kind text, unit text, x bigint, t_x float8, t float8, n bigint) (
	SFUNC = crm_internal.fit_purchases_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize
);
COMMENT ON AGGREGATE crm.fit_purchases(text, text, bigint, float8, float8, bigint) IS
'Fits a model of repeat purchases to counted rows, which stand for n customers each.';
CREATE FUNCTION crm_internal.fit_purchases_transition(state internal, kind text, unit text,
	x bigint, t_x float8, t float8, log_gaps float8, n bigint) RETURNS internal
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_fit_purchases_add_gaps';

--| * `log_gaps`: the sum of the natural logarithms of the x times between the purchases of a
--|   customer, in the unit. It is 0 if `x` = 0. From crm.gaps it is `count * (mean_log - ln(days in
--|   the unit))`.
--| * `n`: the number of customers with the same `x`, `t_x`, `t` and `log_gaps`.
--|
--| `bg_cnbd_k` and `mbg_cnbd_k` need `log_gaps`. Other kinds check it and do not use it. `log_gaps`
--| is at most `x ln(t_x / x)`, the value of equal times. Everything else is as in crm.fit_purchases
--| with counted rows.
CREATE AGGREGATE crm.fit_purchases(kind text, unit text, x bigint, t_x float8, t float8,
	log_gaps float8, n bigint) (
	SFUNC = crm_internal.fit_purchases_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize
);
COMMENT ON AGGREGATE crm.fit_purchases(text, text, bigint, float8, float8, float8, bigint) IS
'Fits a model of repeat purchases to counted rows with the times between purchases.';

--| * `kind`: as in crm.fit_purchases with one row for each customer.
--| * `unit`: the unit in which the model counts time.
--| * `history`: the purchases of the customer.
--| * `as_of`: the histories count as they were at the end of this day.
--|
--| Customers without a purchase up to `as_of` are left out and counted in `"left_out"` of the
--| model.
--|
--| ```sql
--| SELECT crm.fit_purchases('mbg_nbd', 'week', history, '2025-06-30') FROM customers;
--| ```
CREATE AGGREGATE crm.fit_purchases(kind text, unit text, history crm.history, as_of date) (
	SFUNC = crm_internal.fit_purchases_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize
);
COMMENT ON AGGREGATE crm.fit_purchases(text, text, crm.history, date) IS
'Fits a model of repeat purchases to histories, one for each customer, as of a day.';

--| The occasions are, for example, years, issues or events (Fader, Hardie and Shang 2010). A
--| customer who is still there buys or not on each occasion. Before each occasion the customer may
--| leave for good. The fit is by maximum likelihood.
--|
--| * `n`: the number of occasions since the customer came in, without the occasion of coming in.
--|   There are at most 1000000.
--| * `x`: the number of these occasions with a purchase.
--| * `t_x`: the number of the last occasion with a purchase, or 0 if there is none.
--|
--| Customers with the same `x`, `t_x` and `n` are kept as one row. So a million customers of a
--| ten-year panel take no longer than the reading of their rows.
--|
--| Rows with a NULL are skipped. NULL if no customer is left. Errors: `x` above `t_x`, `t_x` above
--| `n`, more than 1000000 occasions, and a likelihood without an interior maximum.
CREATE AGGREGATE crm.fit_occasions(x bigint, t_x bigint, n bigint) (
	SFUNC = crm_internal.fit_occasions_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize
);
COMMENT ON AGGREGATE crm.fit_occasions(bigint, bigint, bigint) IS
'Fits the BG/BB model of purchases on regular occasions to customers, one row each.';

--| * `customers`: the number of customers with the same `x`, `t_x` and `n`.
--|
--| Rows of 0 customers are skipped. A negative number is an error. Everything else is as in
--| crm.fit_occasions with one row for each customer.
--|
--| ```sql
--| SELECT crm.fit_occasions(x, t_x, n, customers)
--|   FROM (VALUES (0, 0, 4, 500), (1, 1, 4, 60), (1, 3, 4, 40), (2, 4, 4, 90), (4, 4, 4, 200))
--|     AS counted(x, t_x, n, customers);
--| ```
CREATE AGGREGATE crm.fit_occasions(x bigint, t_x bigint, n bigint, customers bigint) (
	SFUNC = crm_internal.fit_occasions_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize
);
COMMENT ON AGGREGATE crm.fit_occasions(bigint, bigint, bigint, bigint) IS
'Fits the BG/BB model to counted rows, which stand for several customers each.';

--| * `kind`: the kind of the model, `sbg` or `bdw`, the same in all rows and not NULL.
--| * `periods`: the number of periods that the customer was under contract.
--| * `churned`: true if the customer left at the end of the last of these periods. False if the
--|   customer is still under contract.
--|
--| A customer who was lost at the first renewal is `(1, true)`. The kinds are:
--|
--| * `sbg`, the shifted beta-geometric (Fader and Hardie 2007): each customer has their own chance
--|   to churn at the end of a period, which is the same in all periods.
--| * `bdw`, the beta-discrete-Weibull (Fader, Hardie, Liu, Davin and Steenburgh 2018): the chance
--|   also rises or falls with time.
--|
--| Rows with a NULL are skipped. NULL if no customer is left. Errors: a negative number, `churned`
--| after 0 periods, and a likelihood without an interior maximum.
CREATE AGGREGATE crm.fit_renewals(kind text, periods integer, churned boolean) (
	SFUNC = crm_internal.fit_renewals_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize
);
COMMENT ON AGGREGATE crm.fit_renewals(text, integer, boolean) IS
'Fits a model of contract renewals to customers, one row each, by maximum likelihood.';

--| * `n`: the number of customers with the same `periods` and `churned`.
--|
--| Rows with `n` = 0 are skipped. A negative `n` is an error. Everything else is as in
--| crm.fit_renewals with one row for each customer.
--|
--| ```sql
--| SELECT crm.fit_renewals('sbg', periods, churned, n)
--|   FROM (VALUES (1, true, 369), (2, true, 163), (3, true, 86), (4, true, 56), (4, false, 326))
--|     AS counted(periods, churned, n);
--| ```
CREATE AGGREGATE crm.fit_renewals(kind text, periods integer, churned boolean, n bigint) (
	SFUNC = crm_internal.fit_renewals_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize
);
COMMENT ON AGGREGATE crm.fit_renewals(text, integer, boolean, bigint) IS
'Fits a model of contract renewals to counted rows, which stand for n customers each.';

--| * `x`: the number of purchases averaged, usually the repeat purchases.
--| * `mean_amount`: their mean amount, in any currency.
--|
--| The fit is by maximum likelihood (Colombo and Jiang 1999; Fader and Hardie 2013). The model
--| assumes that spend does not depend on how often customers buy. crm.check_spend_independence
--| checks this.
--|
--| Customers with `x` = 0 tell nothing of spend. They are skipped, and so are rows with a NULL. The
--| model describes positive amounts. So customers with `x` above 0 and a mean that is not positive
--| (refunds took back the purchases) are left out and counted in `"left_out"` of the model. NULL if
--| no customer is left.
--|
--| Errors: NaN and infinite amounts, a negative `x`, and a likelihood without an interior maximum.
CREATE AGGREGATE crm.fit_spend(x bigint, mean_amount float8) (
	SFUNC = crm_internal.fit_spend_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize
);
COMMENT ON AGGREGATE crm.fit_spend(bigint, float8) IS
'Fits the gamma-gamma model of the mean amount of a purchase to customers, one row each.';

--| * `n`: the number of customers with the same `x` and `mean_amount`.
--|
--| Rows with `n` = 0 are skipped. A negative `n` is an error. Everything else is as in
--| crm.fit_spend with one row for each customer.
CREATE AGGREGATE crm.fit_spend(x bigint, mean_amount float8, n bigint) (
	SFUNC = crm_internal.fit_spend_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize
);
COMMENT ON AGGREGATE crm.fit_spend(bigint, float8, bigint) IS
'Fits the gamma-gamma model to counted rows, which stand for n customers each.';

--| The histories count as they were at the end of the day `as_of`. x is the number of purchase days
--| after the first one. The mean amount is the mean net amount of those days.
--|
--| ```sql
--| SELECT crm.fit_spend(history, '2025-06-30') FROM customers;
--| ```
CREATE AGGREGATE crm.fit_spend(history crm.history, as_of date) (
	SFUNC = crm_internal.fit_spend_transition, STYPE = internal, SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final, PARALLEL = SAFE,
	COMBINEFUNC = crm_internal.state_combine, SERIALFUNC = crm_internal.state_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize
);
COMMENT ON AGGREGATE crm.fit_spend(crm.history, date) IS
'Fits the gamma-gamma model to histories, one for each customer, as of a day.';

/* Contents of a model */

--| The rows have these columns:
--|
--| * `name`: the name of the parameter.
--| * `value`: its value.
--| * `std_error`: its standard error, from the observed information at the maximum. NULL if the
--|   model was not fitted.
--|
--| ```sql
--| SELECT * FROM crm.parameters(crm.make_model('nbd', 'week', '{0.385, 12.072}'));
--| ```
CREATE FUNCTION crm.parameters(model crm.model, OUT name text, OUT value float8,
	OUT std_error float8) RETURNS SETOF record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 4 AS 'MODULE_PATHNAME', 'crm_model_parameters';
COMMENT ON FUNCTION crm.parameters(crm.model) IS
'The parameters of a model with their standard errors, in the order of the papers.';

--| It is the inverse of the observed information. Rows and columns are in the order of
--| crm.parameters. NULL if the model was not fitted.
CREATE FUNCTION crm.vcov(model crm.model) RETURNS float8[]
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_model_vcov';
COMMENT ON FUNCTION crm.vcov(crm.model) IS
'The covariance matrix of the estimated parameters of a model.';

--| NULL if the model was not fitted.
CREATE FUNCTION crm.log_likelihood(model crm.model) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_model_log_likelihood';
COMMENT ON FUNCTION crm.log_likelihood(crm.model) IS
'The log-likelihood of a fitted model, with all constants of the published likelihood.';

--| It is `2 k - 2 log-likelihood` with k parameters. Among models that were fitted to the same
--| customers in the same unit, the model with the lowest value is the best. NULL if the model was
--| not fitted.
CREATE FUNCTION crm.aic(model crm.model) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_model_aic';
COMMENT ON FUNCTION crm.aic(crm.model) IS 'Akaike''s information criterion of a fitted model.';

--| It is `k ln(customers) - 2 log-likelihood` with k parameters. NULL if the model was not fitted.
CREATE FUNCTION crm.bic(model crm.model) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_model_bic';
COMMENT ON FUNCTION crm.bic(crm.model) IS
'Schwarz''s (Bayesian) information criterion of a fitted model.';

--| * `restricted`: the special case.
--| * `unrestricted`: the model. Both are fitted to the same customers in the same unit.
--|
--| The pairs are `nbd` within `bg_nbd`, `mbg_nbd` or `pareto_nbd` (does anybody leave?), and `sbg`
--| within `bdw` (does the chance to churn change with time?). The record has these columns:
--|
--| * `statistic`: twice the difference of the log-likelihoods.
--| * `degrees`: the number of parameters that the restricted model lacks.
--| * `p_value`: the probability of a statistic as large if the restricted model were true (Wilks
--|   1938). `nbd` is a limit of the kinds with drop-out, so its p-value is an upper bound.
--|
--| Errors: other pairs, models without a log-likelihood, and different customers. Compare other
--| kinds with crm.aic.
CREATE FUNCTION crm.likelihood_ratio_test(restricted crm.model, unrestricted crm.model,
	OUT statistic float8, OUT degrees integer, OUT p_value float8) RETURNS record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_likelihood_ratio_test';
COMMENT ON FUNCTION crm.likelihood_ratio_test(crm.model, crm.model) IS
'Tests whether a model describes the customers better than a special case of it.';

/* Answers about a customer */

--| * `x`: the number of repeat purchases.
--| * `t_x`: the time from the first purchase to the last one, in the unit of the model.
--| * `t`: the time from the first purchase to the end of observation, in the unit of the model.
--|
--| Under `bg_bb`, `t_x` and `t` are numbers of occasions. All constants of the published formula
--| are kept.
CREATE FUNCTION crm.log_likelihood(model crm.model, x bigint, t_x float8, t float8) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20
	AS 'MODULE_PATHNAME', 'crm_log_likelihood_purchases';
COMMENT ON FUNCTION crm.log_likelihood(crm.model, bigint, float8, float8) IS
'The log-likelihood of one customer under a model of repeat purchases.';

--| * `log_gaps`: the sum of the natural logarithms of the x times between purchases.
--|
--| `bg_cnbd_k` and `mbg_cnbd_k` need `log_gaps`. Other kinds check it and do not use it. Everything
--| else is as in crm.log_likelihood without `log_gaps`.
CREATE FUNCTION crm.log_likelihood(model crm.model, x bigint, t_x float8, t float8, log_gaps float8)
	RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20
	AS 'MODULE_PATHNAME', 'crm_log_likelihood_purchases';
COMMENT ON FUNCTION crm.log_likelihood(crm.model, bigint, float8, float8, float8) IS
'The log-likelihood of one customer with the times between their purchases.';

--| * `x`: the number of purchases.
--| * `mean_amount`: their mean amount, 0 or more if `x` is above 0.
--|
--| The result is 0 for `x` = 0, because nothing was observed.
CREATE FUNCTION crm.log_likelihood(model crm.model, x bigint, mean_amount float8) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20
	AS 'MODULE_PATHNAME', 'crm_log_likelihood_spend';
COMMENT ON FUNCTION crm.log_likelihood(crm.model, bigint, float8) IS
'The log density of the mean amount of one customer under a model of spend.';

--| * `periods`: the number of periods under contract.
--| * `churned`: whether the customer churned after them.
CREATE FUNCTION crm.log_likelihood(model crm.model, periods integer, churned boolean) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20
	AS 'MODULE_PATHNAME', 'crm_log_likelihood_renewals';
COMMENT ON FUNCTION crm.log_likelihood(crm.model, integer, boolean) IS
'The log-likelihood of one customer under a model of renewals (sbg, bdw).';

--| * `x`: the number of repeat purchases.
--| * `t_x`: the time from the first purchase to the last one, in the unit of the model.
--| * `t`: the time from the first purchase to the end of observation, in the unit of the model.
--|
--| Under `bg_nbd` the result is 1 for `x` = 0, because the model lets customers leave only after a
--| repeat purchase. Under `nbd` it is always 1. Under `bg_bb`, `t_x` and `t` are numbers of
--| occasions. The result is then the published one: the probability of being there at the next
--| occasion.
--|
--| ```sql
--| SELECT crm.p_alive(crm.make_model('bg_nbd', 'week', '{0.243, 4.414, 0.793, 2.426}'),
--|                    2, 30.43, 38.86);
--| ```
CREATE FUNCTION crm.p_alive(model crm.model, x bigint, t_x float8, t float8) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'crm_p_alive';
COMMENT ON FUNCTION crm.p_alive(crm.model, bigint, float8, float8) IS
'The probability that a customer is still a customer at the end of observation.';

--| NULL if the history has no purchase up to `as_of`.
CREATE FUNCTION crm.p_alive(model crm.model, history crm.history, as_of date) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5 AS 'MODULE_PATHNAME', 'crm_p_alive_history';
COMMENT ON FUNCTION crm.p_alive(crm.model, crm.history, date) IS
'The probability that a customer with a history is still a customer at the end of a day.';

--| * `x`, `t_x`, `t`: as in crm.p_alive without a horizon.
--| * `horizon`: the further time, in the unit of the model. 0 means now. Under `bg_bb` it counts
--|   occasions. 0 is the last occasion seen, and 1 is the next one.
CREATE FUNCTION crm.p_alive(model crm.model, x bigint, t_x float8, t float8, horizon float8)
	RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'crm_p_alive_after';
COMMENT ON FUNCTION crm.p_alive(crm.model, bigint, float8, float8, float8) IS
'The probability that a customer is still a customer after a further time.';

--| * `days`: the number of days after `as_of`. A negative number is an error.
--|
--| NULL if the history has no purchase up to `as_of`.
CREATE FUNCTION crm.p_alive(model crm.model, history crm.history, as_of date, days integer)
	RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
	AS 'MODULE_PATHNAME', 'crm_p_alive_history_after';
COMMENT ON FUNCTION crm.p_alive(crm.model, crm.history, date, integer) IS
'The probability that a customer with a history is still a customer some days after a day.';

--| The arguments are the ones of crm.p_alive. A customer who has left already counts with 0. Under
--| `bg_bb` the result is the expected number of further occasions at which the customer is there.
--|
--| NULL if the mean is infinite by nature:
--|
--| * always under `nbd`,
--| * under `bg_nbd` and `mbg_nbd` unless a > 1 and r + x > 1,
--| * under `pareto_nbd` unless s > 1,
--| * under `bg_bb` unless gamma > 1.
--|
--| Infinite means are common in customer bases. They mean that a few customers would stay forever.
--| Call crm.p_alive for a day instead, or crm.residual_purchases with a discount.
CREATE FUNCTION crm.residual_lifetime(model crm.model, x bigint, t_x float8, t float8)
	RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'crm_residual_lifetime';
COMMENT ON FUNCTION crm.residual_lifetime(crm.model, bigint, float8, float8) IS
'The expected time until a customer leaves, in the unit of the model.';

--| The result is in days, whatever the unit of the model. NULL if the history has no purchase up to
--| `as_of`, or if the mean is infinite by nature.
CREATE FUNCTION crm.residual_lifetime(model crm.model, history crm.history, as_of date)
	RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20
	AS 'MODULE_PATHNAME', 'crm_residual_lifetime_history';
COMMENT ON FUNCTION crm.residual_lifetime(crm.model, crm.history, date) IS
'The expected number of days until a customer with a history leaves, as of a day.';

--| * `x`, `t_x`, `t`: as in crm.p_alive.
--| * `horizon`: the purchases are in the time `(t, t + horizon]`, in the unit of the model.
--|
--| The result includes the chance that the customer has left, or leaves on the way. Under `bg_bb`,
--| `t_x`, `t` and `horizon` are numbers of occasions.
CREATE FUNCTION crm.expected_purchases(model crm.model, x bigint, t_x float8, t float8,
	horizon float8)
	RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'crm_expected_purchases';
COMMENT ON FUNCTION crm.expected_purchases(crm.model, bigint, float8, float8, float8) IS
'The expected number of purchases of a customer within a horizon.';

--| * `days`: the number of days after `as_of`, whatever the unit of the model.
--|
--| NULL if the history has no purchase up to `as_of`.
--|
--| ```sql
--| SELECT customer_id, crm.expected_purchases(model, history, '2025-06-30', 30)
--|   FROM customers, (SELECT crm.fit_purchases('mbg_nbd', 'week', history, '2025-06-30') AS model
--|                      FROM customers) AS fit;
--| ```
CREATE FUNCTION crm.expected_purchases(model crm.model, history crm.history, as_of date,
	days integer) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10
	AS 'MODULE_PATHNAME', 'crm_expected_purchases_history';
COMMENT ON FUNCTION crm.expected_purchases(crm.model, crm.history, date, integer) IS
'The expected number of purchase days of a customer with a history in the days after a day.';

--| * `horizon`: the time after the first purchase, in the unit of the model.
--|
--| The first purchase is not counted.
CREATE FUNCTION crm.expected_purchases_new(model crm.model, horizon float8) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
	AS 'MODULE_PATHNAME', 'crm_expected_purchases_new';
COMMENT ON FUNCTION crm.expected_purchases_new(crm.model, float8) IS
'The expected number of repeat purchases of a new customer within a horizon.';

--| * `x`, `t_x`, `t`: as in crm.p_alive.
--| * `horizon`: the purchases are in the time `(t, t + horizon]`, in the unit of the model. The
--|   default is infinite. The result is then the discounted expected residual transactions (DERT;
--|   Fader, Hardie and Lee 2005).
--| * `discount`: the continuous discount for a unit of time of the model, 0 or more.
--|   `ln(1.1)/52.18` is 10 percent a year under a weekly model.
--|
--| A purchase at time u from now counts `exp(-discount u)`.
--|
--| NULL if the sum is infinite. It is always infinite under `nbd` without a discount. It is also
--| infinite without a discount under `bg_nbd` and `mbg_nbd` with a up to 1, `pareto_nbd` with s up
--| to 1, and `bg_bb` with gamma up to 1.
CREATE FUNCTION crm.residual_purchases(model crm.model, x bigint, t_x float8, t float8,
	horizon float8 DEFAULT 'infinity', discount float8 DEFAULT 0.1) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000
	AS 'MODULE_PATHNAME', 'crm_residual_purchases';
COMMENT ON FUNCTION crm.residual_purchases(crm.model, bigint, float8, float8, float8, float8) IS
'The discounted expected purchases of a customer within a horizon.';

--| * `horizon`: the time after the first purchase, in the unit of the model. Under `bg_bb` it is a
--|   number of occasions, at most 1000000.
--| * `k`: the number of repeat purchases. The first purchase is not counted.
CREATE FUNCTION crm.purchase_probability_new(model crm.model, horizon float8, k bigint)
	RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
	AS 'MODULE_PATHNAME', 'crm_purchase_probability_new';
COMMENT ON FUNCTION crm.purchase_probability_new(crm.model, float8, bigint) IS
'The probability that a new customer makes exactly k repeat purchases within a horizon.';

--| * `x`, `t_x`, `t`: as in crm.p_alive.
--| * `horizon`: the purchases are in the time `(t, t + horizon]`, in the unit of the model.
--| * `k`: the number of purchases. The probability of 0 includes the chance that the customer has
--|   left.
CREATE FUNCTION crm.purchase_probability(model crm.model, x bigint, t_x float8, t float8,
	horizon float8, k bigint) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
	AS 'MODULE_PATHNAME', 'crm_purchase_probability';
COMMENT ON FUNCTION crm.purchase_probability(crm.model, bigint, float8, float8, float8, bigint) IS
'The probability that a customer makes exactly k purchases within a horizon.';

--| * `days`: the time after `as_of` that counts, in days.
--| * `k`: the number of purchase days. 0 asks for the probability that the customer does not come
--|   back in that time.
--|
--| NULL if the history has no purchase up to `as_of`.
CREATE FUNCTION crm.purchase_probability(model crm.model, history crm.history, as_of date,
	days integer, k bigint) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
	AS 'MODULE_PATHNAME', 'crm_purchase_probability_history';
COMMENT ON FUNCTION crm.purchase_probability(crm.model, crm.history, date, integer, bigint) IS
'The probability that a customer with a history has exactly k purchase days after a day.';

--| * `x`, `t_x`, `t`: as in crm.p_alive.
--| * `probability`: with this probability the purchase comes within the time. The default, 0.5,
--|   gives the median.
--|
--| The result is the h at which the probability of a purchase in `(t, t + h]` reaches
--| `probability`, in the unit of the model. Under `bg_nbd` and `mbg_nbd` it is
--| `(alpha + t) ((1 - probability / p)^(-1 / (r + x)) - 1)`, where p is the one of crm.p_alive.
--|
--| NULL if no time reaches it, because the customer has left, or leaves before a further purchase,
--| with a greater probability than the rest. The default then says that it is more likely than not
--| that no purchase comes.
CREATE FUNCTION crm.next_purchase_time(model crm.model, x bigint, t_x float8, t float8,
	probability float8 DEFAULT 0.5) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
	AS 'MODULE_PATHNAME', 'crm_next_purchase_time';
COMMENT ON FUNCTION crm.next_purchase_time(crm.model, bigint, float8, float8, float8) IS
'The time until the next purchase of a customer comes with a given probability.';

--| * `probability`: with this probability the purchase comes by the end of the day. The default,
--|   0.5, gives the median day.
--|
--| The result is the first day after `as_of` by whose end the probability of a purchase since
--| `as_of` reaches `probability`.
--|
--| NULL if no day reaches it. With the default this means that it is more likely than not that no
--| purchase comes. NULL also if the history has no purchase up to `as_of`.
--|
--| ```sql
--| SELECT crm.next_purchase_on(crm.make_model('mbg_nbd', 'week', '{0.6, 5, 0.7, 2}'),
--|                             '[["2025-01-03",1,12.50],["2025-02-11",2,30.00]]', '2025-02-28');
--| ```
CREATE FUNCTION crm.next_purchase_on(model crm.model, history crm.history, as_of date,
	probability float8 DEFAULT 0.5) RETURNS date
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100 AS 'MODULE_PATHNAME', 'crm_next_purchase_on';
COMMENT ON FUNCTION crm.next_purchase_on(crm.model, crm.history, date, float8) IS
'The day by which the next purchase of a customer with a history comes with a given probability.';

--| * `x`, `t_x`, `t`: as in crm.p_alive.
--| * `horizon`: the purchases are in the time `(t, t + horizon]`, in the unit of the model.
--| * `level`: the probability of the interval. 0.9 is 90 percent.
--|
--| `low` is the quantile of the predictive distribution at `(1 - level) / 2`, and `high` is the
--| quantile at `(1 + level) / 2`. Both bounds are included. A bound is NULL if it exceeds 10^15.
--|
--| The interval holds with at least the probability `level`, if the parameters are right.
--| crm.expected_purchases_estimate tells how well the parameters are known.
CREATE FUNCTION crm.purchase_interval(model crm.model, x bigint, t_x float8, t float8,
	horizon float8, level float8 DEFAULT 0.9, OUT low bigint, OUT high bigint) RETURNS record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
	AS 'MODULE_PATHNAME', 'crm_purchase_interval';
COMMENT ON FUNCTION crm.purchase_interval(crm.model, bigint, float8, float8, float8, float8) IS
'The central prediction interval of the number of purchases of a customer within a horizon.';

--| * `history`: the purchases of the customer.
--| * `days`: the number of days after `as_of`.
--|
--| NULL if the history has no purchase up to `as_of`. Everything else is as in
--| crm.purchase_interval with numbers.
CREATE FUNCTION crm.purchase_interval(model crm.model, history crm.history, as_of date,
	days integer, level float8 DEFAULT 0.9, OUT low bigint, OUT high bigint) RETURNS record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100
	AS 'MODULE_PATHNAME', 'crm_purchase_interval_history';
COMMENT ON FUNCTION crm.purchase_interval(crm.model, crm.history, date, integer, float8) IS
'The central prediction interval of the number of purchases in the days after a day.';

--| * `x`: the number of purchases so far.
--| * `mean_amount`: their mean amount, which must be positive if `x` is above 0.
--|
--| The result is between `mean_amount` and the mean of all customers. It is nearer to the mean of
--| all customers if there are fewer purchases. For `x` = 0 it is the population mean, whatever
--| `mean_amount` is.
--|
--| NULL if the mean is infinite by nature. It is if `x` = 0 and q is at most 1, or if p x + q is at
--| most 1.
CREATE FUNCTION crm.expected_spend(model crm.model, x bigint, mean_amount float8) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2 AS 'MODULE_PATHNAME', 'crm_expected_spend';
COMMENT ON FUNCTION crm.expected_spend(crm.model, bigint, float8) IS
'The expected mean amount of the future purchases of a customer.';

--| The result rests on the repeat purchases, as in crm.fit_spend. Where the mean is infinite by
--| nature, the result is the customer's own mean amount of the repeat days, or else the amount of
--| the first day, and at least 0.
--|
--| NULL if the history has no purchase up to `as_of`.
CREATE FUNCTION crm.expected_spend(model crm.model, history crm.history, as_of date) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 2
	AS 'MODULE_PATHNAME', 'crm_expected_spend_history';
COMMENT ON FUNCTION crm.expected_spend(crm.model, crm.history, date) IS
'The expected mean amount of a future purchase day of a customer with a history, as of a day.';

--| * `purchase_model`, `spend_model`: the models of purchases and of spend.
--| * `x`, `t_x`, `t`: as in crm.p_alive.
--| * `mean_amount`: the mean amount of the x purchases.
--| * `horizon`: the future time that counts, in the unit of the purchase model. The default is all
--|   time.
--| * `yearly_discount`: the discount, above -1 and at most 1. 0.1 is 10 percent a year.
--| * `margin`: the share of the revenue that is left after the cost of the goods sold. 0.4 is 40
--|   percent. With the default, 1, the value is revenue. A margin above 1 is an error.
--|
--| The value is `margin` times the expected spend times the expected purchases. Each purchase is
--| discounted continuously from its own moment by `1 / (1 + yearly_discount)` a year.
--|
--| NULL if the value is infinite by nature, or if `margin` is not finite.
CREATE FUNCTION crm.clv(purchase_model crm.model, spend_model crm.model,
	x bigint, t_x float8, t float8, mean_amount float8, horizon float8 DEFAULT 'infinity',
	yearly_discount float8 DEFAULT 0.1, margin float8 DEFAULT 1) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'crm_clv';
COMMENT ON FUNCTION crm.clv(crm.model, crm.model, bigint, float8, float8, float8, float8, float8,
	float8) IS
'The customer lifetime value, which is the discounted money expected of a customer.';

--| * `purchase_model`, `spend_model`: the models of purchases and of spend.
--| * `days`: the number of days after `as_of` that count. NULL, the default, is the infinite
--|   horizon.
--| * `yearly_discount`: the discount, above -1 and at most 1. 0.1 is 10 percent a year.
--| * `margin`: the share of the revenue that is left after the cost of the goods sold. 0.4 is 40
--|   percent. With the default, 1, the value is revenue. A margin above 1 is an error.
--|
--| The value is the discounted money expected of the customer. Each purchase is discounted
--| continuously from its own moment by `1 / (1 + yearly_discount)` a year. Purchases up to `as_of`
--| are not in the value.
--|
--| Spend is the result of crm.expected_spend for the history. So a customer who gave everything
--| back has a value as well.
--|
--| NULL if an argument other than `days` is NULL, if the history has no purchase up to `as_of`, if
--| the expected purchases are infinite by nature, or if `margin` is not finite.
--|
--| ```sql
--| SELECT customer_id,
--|        crm.clv(purchase_model, spend_model, history, '2025-06-30', 365, margin => 0.4)
--|   FROM customers,
--|        (SELECT crm.fit_purchases('mbg_nbd', 'week', history, '2025-06-30') AS purchase_model,
--|                crm.fit_spend(history, '2025-06-30') AS spend_model
--|           FROM customers) AS fit;
--| ```
CREATE FUNCTION crm.clv(purchase_model crm.model, spend_model crm.model, history crm.history,
	as_of date, days integer DEFAULT NULL, yearly_discount float8 DEFAULT 0.1,
	margin float8 DEFAULT 1) RETURNS float8
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'crm_clv_history';
COMMENT ON FUNCTION crm.clv(crm.model, crm.model, crm.history, date, integer, float8, float8) IS
'The customer lifetime value of a customer with a history, as of a day.';

/*
 * Margins. The variance of the margin from day to day and from customer to customer follows from
 * the moments of all customers (crm_internal.margin_of_everybody).
 */

--: The days of a customer with a known profit: their number, money, mean margin and its spread.
CREATE FUNCTION crm_internal.margin_moments(history crm.history, profit_history crm.history,
	as_of date, OUT days bigint, OUT revenue float8, OUT margin float8, OUT spread float8,
	OUT net_revenue float8, OUT net_profit float8) RETURNS record
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_margin_moments';

-- The last argument has everybody's margin and the revenue that it weighs.
--: The margin of a customer, drawn toward everybody's. NULL where that is not known.
CREATE FUNCTION crm_internal.drawn_margin(history crm.history, profit_history crm.history,
	as_of date, everybody float8[]) RETURNS float8
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'crm_drawn_margin';

/* What the risk of losing a customer asks, at once: one row for each history. */

--: What a history and models say of the risk of losing a customer: the answers of crm.recency,
--: crm.p_alive, crm.purchase_probability, crm.clv and others as one row.
CREATE FUNCTION crm_internal.risk_answers(purchase_model crm.model, spend_model crm.model,
	history crm.history, as_of date, days integer, yearly_discount float8,
	profit_history crm.history, everybody_margin float8[], OUT recency integer,
	OUT purchases_12m bigint, OUT revenue_12m numeric, OUT gaps bigint, OUT median_gap float8,
	OUT p_churn float8, OUT p_no_purchase_30d float8, OUT p_no_purchase_90d float8,
	OUT clv float8) RETURNS record
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 250 AS 'MODULE_PATHNAME', 'crm_risk_answers';

/* Uncertainty of an answer */

--| The columns are:
--|
--| * `value`: the answer.
--| * `std_error`: its standard error.
--| * `low`, `high`: the bounds of its confidence interval.
--|
--| The uncertainty comes from the estimated parameters (delta method, from the covariance in the
--| model). It says how well the mean is known, and gets smaller with the number of customers that
--| the model was fitted to. The purchases of one customer vary far more. crm.purchase_interval
--| gives their range. The standard error and the bounds are NULL if the model was not fitted.
CREATE TYPE crm.estimate AS (
	--: The answer of the model.
	value float8,
	--: Standard error of the answer, or NULL if the model was not fitted.
	std_error float8,
	--: Lower bound of the confidence interval, or NULL if the model was not fitted.
	low float8,
	--: Upper bound of the confidence interval, or NULL if the model was not fitted.
	high float8
);
COMMENT ON TYPE crm.estimate IS
'An answer of a fitted model with its standard error and confidence interval.';

--| * `x`, `t_x`, `t`: as in crm.p_alive.
--| * `level`: the probability with which the interval should hold the true value, above 0 and below
--|   1.
--|
--| The interval is computed on the logarithm of the odds of the probability, so it stays between 0
--| and 1.
CREATE FUNCTION crm.p_alive_estimate(model crm.model, x bigint, t_x float8, t float8,
	level float8 DEFAULT 0.95) RETURNS crm.estimate
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000
	AS 'MODULE_PATHNAME', 'crm_p_alive_estimate';
COMMENT ON FUNCTION crm.p_alive_estimate(crm.model, bigint, float8, float8, float8) IS
'The result of crm.p_alive with its standard error and confidence interval.';

--| NULL if the history has no purchase up to `as_of`.
CREATE FUNCTION crm.p_alive_estimate(model crm.model, history crm.history, as_of date,
	level float8 DEFAULT 0.95) RETURNS crm.estimate
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000
	AS 'MODULE_PATHNAME', 'crm_p_alive_estimate_history';
COMMENT ON FUNCTION crm.p_alive_estimate(crm.model, crm.history, date, float8) IS
'The result of crm.p_alive for a history with its standard error and confidence interval.';

--| * `x`, `t_x`, `t`, `horizon`: as in crm.expected_purchases.
--| * `level`: the probability with which the interval should hold the true value, above 0 and below
--|   1.
--|
--| The interval is computed on the logarithm of the value, so it is never below 0.
CREATE FUNCTION crm.expected_purchases_estimate(model crm.model, x bigint, t_x float8, t float8,
	horizon float8, level float8 DEFAULT 0.95) RETURNS crm.estimate
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000
	AS 'MODULE_PATHNAME', 'crm_expected_purchases_estimate';
COMMENT ON FUNCTION crm.expected_purchases_estimate(crm.model, bigint, float8, float8, float8,
	float8) IS
'The result of crm.expected_purchases with its standard error and confidence interval.';

--| NULL if the history has no purchase up to `as_of`.
CREATE FUNCTION crm.expected_purchases_estimate(model crm.model, history crm.history, as_of date,
	days integer, level float8 DEFAULT 0.95) RETURNS crm.estimate
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000
	AS 'MODULE_PATHNAME', 'crm_expected_purchases_estimate_history';
COMMENT ON FUNCTION crm.expected_purchases_estimate(crm.model, crm.history, date, integer,
	float8) IS
'The result of crm.expected_purchases for a history, with standard error and confidence interval.';

--| * `level`: the probability with which the interval should hold the true value, above 0 and below
--|   1.
--| * All other arguments are as in crm.clv.
--|
--| The two models are fitted apart, so their errors are taken as independent. The interval is
--| computed on the logarithm of the value, so it never crosses 0.
--|
--| NULL if the value is infinite by nature, or if `margin` is not finite.
CREATE FUNCTION crm.clv_estimate(purchase_model crm.model, spend_model crm.model,
	x bigint, t_x float8, t float8, mean_amount float8, horizon float8 DEFAULT 'infinity',
	yearly_discount float8 DEFAULT 0.1, margin float8 DEFAULT 1,
	level float8 DEFAULT 0.95) RETURNS crm.estimate
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'crm_clv_estimate';
COMMENT ON FUNCTION crm.clv_estimate(crm.model, crm.model, bigint, float8, float8, float8,
	float8, float8, float8, float8) IS
'The result of crm.clv with its standard error and confidence interval.';

--| NULL `days` is the infinite horizon. The result is NULL when the one of crm.clv is.
CREATE FUNCTION crm.clv_estimate(purchase_model crm.model, spend_model crm.model,
	history crm.history, as_of date, days integer DEFAULT NULL,
	yearly_discount float8 DEFAULT 0.1, margin float8 DEFAULT 1,
	level float8 DEFAULT 0.95) RETURNS crm.estimate
	LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'crm_clv_estimate_history';
COMMENT ON FUNCTION crm.clv_estimate(crm.model, crm.model, crm.history, date, integer, float8,
	float8, float8) IS
'The result of crm.clv for a history with its standard error and confidence interval.';

/* Customers under contract */

--| * `model`: a model of renewals (`sbg`, `bdw`).
--| * `periods`: the number of periods, which is the number of renewal decisions. 1 for 0 periods. A
--|   negative number or a number above 1000000 is an error.
--|
--| ```sql
--| SELECT period, crm.survival(crm.make_model('sbg', NULL, '{0.668, 3.806}'), period)
--|   FROM generate_series(0, 5) AS period;
--| ```
CREATE FUNCTION crm.survival(model crm.model, periods integer) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'crm_survival';
COMMENT ON FUNCTION crm.survival(crm.model, integer) IS
'The share of new customers who are still customers after a number of renewal decisions.';

--| * `period_no`: the number of the period (1, 2, ...).
--|
--| The rate rises with the period even if no customer changes, because customers who are likely to
--| churn go first.
CREATE FUNCTION crm.retention_rate(model crm.model, period_no integer) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20 AS 'MODULE_PATHNAME', 'crm_retention_rate';
COMMENT ON FUNCTION crm.retention_rate(crm.model, integer) IS
'The share of the customers under contract in a period who renew at its end.';

--| The customer has been under contract for some periods and is just before the next renewal
--| decision (DERL; Fader and Hardie 2010). The coming renewal counts full if it is made. The
--| renewal k periods later counts `1 / (1 + period_discount)^k`. Multiply the result by the net
--| payment of a period to get the value of the customer.
--|
--| * `periods`: the number of periods after which the customer has renewed.
--| * `period_discount`: the discount of a period, from 0 to 1. 0.1 is 10 percent.
--|
--| NULL for a discount of 0, because the sum is infinite for most models.
CREATE FUNCTION crm.residual_value(model crm.model, periods integer, period_discount float8)
	RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS 'MODULE_PATHNAME', 'crm_residual_value';
COMMENT ON FUNCTION crm.residual_value(crm.model, integer, float8) IS
'The discounted expected number of future renewals of a customer under contract.';

--| The first payment is now and counts 1. The renewal after period i counts `crm.survival(model, i)
--| / (1 + period_discount)^i` (DEL; Fader and Hardie 2010). Multiply the result by the net payment
--| of a period to get the highest cost that an acquisition may have.
--|
--| * `period_discount`: the discount of a period, from 0 to 1. 0.1 is 10 percent.
--|
--| NULL for a discount of 0.
CREATE FUNCTION crm.residual_value_new(model crm.model, period_discount float8) RETURNS float8
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000
	AS 'MODULE_PATHNAME', 'crm_residual_value_new';
COMMENT ON FUNCTION crm.residual_value_new(crm.model, float8) IS
'The discounted expected number of payments of a customer who is about to be acquired.';
