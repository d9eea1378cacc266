
/*
 * model
 *
 * The type crm.model: a customer-base model with known parameters. Aggregates
 * that fit it, and the functions that answer with it.
 */

--| The constraint of the domain crm.model.
CREATE FUNCTION crm_internal.model_valid(model jsonb) RETURNS boolean
	AS 'MODULE_PATHNAME', 'crm_model_valid' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.model_valid(jsonb) IS
'True for a valid model; anything else is an error that names the field, the value and the limit.';

--| Numbers read back exactly. Store it in a column of this type; every value is checked. Built by
--| crm.fit_purchases, crm.fit_occasions, crm.fit_spend, crm.fit_renewals and crm.make_model.
CREATE DOMAIN crm.model AS jsonb
	CONSTRAINT model_valid CHECK (crm_internal.model_valid(VALUE));
COMMENT ON DOMAIN crm.model IS
'A fitted customer-base model, as JSON: "kind", "unit" of time (day, week, month, year; only of models of purchases in time), "parameters" by their names in the papers, and of a fit "covariance" of the estimates (rows and columns in the papers'' order), "log_likelihood", number of "customers" fitted on and "left_out", "iterations" (evaluations of the likelihood), "converged".';

--| unit is the unit of time the parameters are in (day, week, month = 365.25/12 days, year =
--| 365.25 days); NULL for the kinds that count occasions (bg_bb) or periods (sbg, bdw), and for
--| gamma_gamma, whose v is in units of money. Parameters are positive. Such a model has no
--| covariance and no log-likelihood. NULL for a NULL kind or NULL parameters.
CREATE FUNCTION crm.make_model(kind text, unit text, parameters float8[]) RETURNS crm.model
	AS 'MODULE_PATHNAME', 'crm_make_model' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm.make_model(text, text, float8[]) IS
'A model from known parameters, for example published ones, in the order of the papers: bg_nbd and mbg_nbd (r, alpha, a, b); bg_cnbd_k and mbg_cnbd_k (r, alpha, a, b, k); pareto_nbd (r, alpha, s, beta); nbd (r, alpha); bg_bb (alpha, beta, gamma, delta); gamma_gamma (p, q, v); sbg (alpha, beta); bdw (alpha, beta, c).';

/* Fitting */

CREATE FUNCTION crm_internal.fit_purchases_transition(state internal, kind text, unit text,
	x bigint, t_x float8, t float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_fit_purchases_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.fit_purchases_transition(internal, text, text, bigint, float8, float8) IS
'Transition of crm.fit_purchases.';
CREATE FUNCTION crm_internal.fit_purchases_transition(state internal, kind text, unit text,
	x bigint, t_x float8, t float8, n bigint) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_fit_purchases_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.fit_purchases_transition(internal, text, text, bigint, float8, float8, bigint) IS
'Transition of the weighted crm.fit_purchases.';
CREATE FUNCTION crm_internal.fit_purchases_transition(state internal, kind text, unit text,
	history crm.history, as_of date) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_fit_purchases_add_history' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.fit_purchases_transition(internal, text, text, crm.history, date) IS
'Transition of crm.fit_purchases over histories.';
CREATE FUNCTION crm_internal.fit_occasions_transition(state internal, x bigint, t_x bigint,
	n bigint) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_fit_occasions_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.fit_occasions_transition(internal, bigint, bigint, bigint) IS
'Transition of crm.fit_occasions.';
CREATE FUNCTION crm_internal.fit_occasions_transition(state internal, x bigint, t_x bigint,
	n bigint, customers bigint) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_fit_occasions_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.fit_occasions_transition(internal, bigint, bigint, bigint, bigint) IS
'Transition of the weighted crm.fit_occasions.';
CREATE FUNCTION crm_internal.fit_renewals_transition(state internal, kind text, periods integer,
	churned boolean) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_fit_renewals_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.fit_renewals_transition(internal, text, integer, boolean) IS
'Transition of crm.fit_renewals.';
CREATE FUNCTION crm_internal.fit_renewals_transition(state internal, kind text, periods integer,
	churned boolean, n bigint) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_fit_renewals_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.fit_renewals_transition(internal, text, integer, boolean, bigint) IS
'Transition of the weighted crm.fit_renewals.';
CREATE FUNCTION crm_internal.fit_spend_transition(state internal, x bigint, mean_amount float8)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_fit_spend_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.fit_spend_transition(internal, bigint, float8) IS
'Transition of crm.fit_spend.';
CREATE FUNCTION crm_internal.fit_spend_transition(state internal, x bigint, mean_amount float8,
	n bigint) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_fit_spend_transition' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.fit_spend_transition(internal, bigint, float8, bigint) IS
'Transition of the weighted crm.fit_spend.';
CREATE FUNCTION crm_internal.fit_spend_transition(state internal, history crm.history, as_of date)
	RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_fit_spend_add_history' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.fit_spend_transition(internal, crm.history, date) IS
'Transition of crm.fit_spend over histories.';
CREATE FUNCTION crm_internal.fit_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_fit_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.fit_combine(internal, internal) IS
'Joins the states of two parallel workers of a fit.';
CREATE FUNCTION crm_internal.fit_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'crm_fit_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.fit_serialize(internal) IS
'The state of a fit as bytes, for a parallel worker.';
CREATE FUNCTION crm_internal.fit_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_fit_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.fit_deserialize(bytea, internal) IS
'Reads what crm_internal.fit_serialize wrote; all of it is checked.';
CREATE FUNCTION crm_internal.fit_final(internal) RETURNS crm.model
	AS 'MODULE_PATHNAME', 'crm_fit_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.fit_final(internal) IS
'Final function of the fits: maximizes the likelihood.';

--| kind: bg_nbd (Fader, Hardie & Lee 2005: a customer may leave after each repeat purchase, so
--| everybody is alive until the first one) mbg_nbd (Batislam, Denizel & Filiztekin 2007: may
--| leave after the first purchase too), pareto_nbd (Schmittlein, Morrison & Colombo 1987: may
--| leave at any time), nbd (Ehrenberg 1959: nobody leaves), or bg_cnbd_k and mbg_cnbd_k (Platzer
--| 2008; Reutterer, Platzer & Schroeder 2020: as bg_nbd and mbg_nbd for regular buyers, whose
--| times between purchases have an Erlang density; the whole number k, from 1 to 12, that is
--| likeliest, 1 being no regularity), which need histories or log_gaps; best fits all of them and
--| returns the one with the lowest AIC, passing over those without a maximum. unit of t_x and t:
--| day, week, month or year. x: number of repeat purchases (purchase days less one); t_x: time
--| from the first purchase to the last; t: time from the first purchase to the end of
--| observation. Rows where x, t_x or t is NULL are skipped; NULL if no customer is left. kind and
--| unit must be the same in all rows and not NULL. A negative number, t_x after t, or t_x above 0
--| without a repeat purchase is an error. Where the likelihood has no interior maximum or the
--| search does not converge there is no model but an error with the reason and the best point.
--| The result does not depend on the order of the rows, the number of workers, or the unit of
--| time.
CREATE AGGREGATE crm.fit_purchases(kind text, unit text, x bigint, t_x float8, t float8) (
	SFUNC = crm_internal.fit_purchases_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final,
	COMBINEFUNC = crm_internal.fit_combine,
	SERIALFUNC = crm_internal.fit_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.fit_purchases(text, text, bigint, float8, float8) IS
'Fits a model of repeat purchases to customers, one row each, by maximum likelihood.';
--| The model is the same to the last digit as from one row per customer. Rows with n = 0 are
--| skipped, as are rows with a NULL; a negative n is an error.
CREATE AGGREGATE crm.fit_purchases(kind text, unit text, x bigint, t_x float8, t float8, n bigint) (
	SFUNC = crm_internal.fit_purchases_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final,
	COMBINEFUNC = crm_internal.fit_combine,
	SERIALFUNC = crm_internal.fit_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.fit_purchases(text, text, bigint, float8, float8, bigint) IS
'As fit_purchases, for counted rows: each stands for n customers with the same x, t_x and t.';
CREATE FUNCTION crm_internal.fit_purchases_transition(state internal, kind text, unit text,
	x bigint, t_x float8, t float8, log_gaps float8, n bigint) RETURNS internal
	AS 'MODULE_PATHNAME', 'crm_fit_purchases_add_gaps' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION crm_internal.fit_purchases_transition(internal, text, text, bigint, float8, float8, float8, bigint) IS
'Transition of crm.fit_purchases with the times between purchases.';
--| From crm.gaps(history) it is count \* (mean_log - ln(days in the unit)). It is at most x
--| ln(t_x / x), which is what equal times have. Other kinds check it and do not use it.
CREATE AGGREGATE crm.fit_purchases(kind text, unit text, x bigint, t_x float8, t float8,
	log_gaps float8, n bigint) (
	SFUNC = crm_internal.fit_purchases_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final,
	COMBINEFUNC = crm_internal.fit_combine,
	SERIALFUNC = crm_internal.fit_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.fit_purchases(text, text, bigint, float8, float8, float8, bigint) IS
'As fit_purchases, for counted rows that have log_gaps too: the sum of the natural logarithms of the x times between the purchases of a customer, in the unit (0 for x = 0), which bg_cnbd_k and mbg_cnbd_k need.';
--| Customers without a purchase up to then are left out and counted in "left_out" of the model.
CREATE AGGREGATE crm.fit_purchases(kind text, unit text, history crm.history, as_of date) (
	SFUNC = crm_internal.fit_purchases_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final,
	COMBINEFUNC = crm_internal.fit_combine,
	SERIALFUNC = crm_internal.fit_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.fit_purchases(text, text, crm.history, date) IS
'As fit_purchases, from purchase histories, one per customer, as they were at the end of the day as_of; unit is the unit the model will count time in.';

--| On each occasion a customer who is still there buys or not; before each he may leave for good.
--| n: occasions there were since the customer came in, not counting the one of coming in; x: on
--| how many of them there was a purchase; t_x: the number of the last one with a purchase, 0 if
--| none. Rows with a NULL are skipped; NULL if no customer is left. x above t_x, t_x above n, or
--| more than 1000000 occasions is an error, and so is a likelihood without an interior maximum.
--| Customers with the same x, t_x and n are one row inside, so a million customers of a ten-year
--| panel take no longer than the reading of their rows.
CREATE AGGREGATE crm.fit_occasions(x bigint, t_x bigint, n bigint) (
	SFUNC = crm_internal.fit_occasions_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final,
	COMBINEFUNC = crm_internal.fit_combine,
	SERIALFUNC = crm_internal.fit_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.fit_occasions(bigint, bigint, bigint) IS
'Fits the BG/BB model of purchases on regular occasions (years, issues, events; Fader, Hardie & Shang 2010) to customers, one row each, by maximum likelihood.';
--| Rows of 0 customers are skipped; a negative number is an error.
CREATE AGGREGATE crm.fit_occasions(x bigint, t_x bigint, n bigint, customers bigint) (
	SFUNC = crm_internal.fit_occasions_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final,
	COMBINEFUNC = crm_internal.fit_combine,
	SERIALFUNC = crm_internal.fit_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.fit_occasions(bigint, bigint, bigint, bigint) IS
'As fit_occasions, for counted rows: each stands for so many customers with the same x, t_x and n.';

--| kind: sbg, the shifted beta-geometric (Fader & Hardie 2007: each customer has a chance of his
--| own to churn at the end of a period, the same in all periods), or bdw, the
--| beta-discrete-Weibull (Fader, Hardie, Liu, Davin & Steenburgh 2018: the chance also rises or
--| falls with time). periods: the number of periods the customer was under contract; churned:
--| whether the customer left at the end of the last of them, as against being still under
--| contract. A customer lost at the first renewal is (1, true). Rows with a NULL are skipped;
--| NULL if no customer is left. A negative number, or churned after 0 periods, is an error, and
--| so is a likelihood without an interior maximum. kind must be the same in all rows and not
--| NULL.
CREATE AGGREGATE crm.fit_renewals(kind text, periods integer, churned boolean) (
	SFUNC = crm_internal.fit_renewals_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final,
	COMBINEFUNC = crm_internal.fit_combine,
	SERIALFUNC = crm_internal.fit_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.fit_renewals(text, integer, boolean) IS
'Fits a model of contract renewals to customers, one row each, by maximum likelihood.';
--| Rows with n = 0 are skipped; a negative n is an error.
CREATE AGGREGATE crm.fit_renewals(kind text, periods integer, churned boolean, n bigint) (
	SFUNC = crm_internal.fit_renewals_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final,
	COMBINEFUNC = crm_internal.fit_combine,
	SERIALFUNC = crm_internal.fit_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.fit_renewals(text, integer, boolean, bigint) IS
'As fit_renewals, for counted rows: each stands for n customers with the same periods and churned.';

--| x: number of purchases averaged (by custom the repeat purchases); mean_amount: their mean, in
--| any currency. Customers with x = 0 tell nothing of spend and are skipped, as are rows with a
--| NULL. The model describes positive amounts: customers with x above 0 whose mean is not
--| positive (refunds reached the purchases) are left out and counted in "left_out" of the model.
--| NULL if nobody is left. NaN, infinite amounts and a negative x are errors, and so is a
--| likelihood without an interior maximum. The model assumes that how much customers spend does
--| not go with how often they buy.
CREATE AGGREGATE crm.fit_spend(x bigint, mean_amount float8) (
	SFUNC = crm_internal.fit_spend_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final,
	COMBINEFUNC = crm_internal.fit_combine,
	SERIALFUNC = crm_internal.fit_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.fit_spend(bigint, float8) IS
'Fits the gamma-gamma model of the mean amount of a purchase (Colombo & Jiang 1999; Fader & Hardie 2013) to customers, one row each, by maximum likelihood.';
--| Rows with n = 0 are skipped; a negative n is an error.
CREATE AGGREGATE crm.fit_spend(x bigint, mean_amount float8, n bigint) (
	SFUNC = crm_internal.fit_spend_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final,
	COMBINEFUNC = crm_internal.fit_combine,
	SERIALFUNC = crm_internal.fit_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.fit_spend(bigint, float8, bigint) IS
'As fit_spend, for counted rows: each stands for n customers with the same x and mean amount.';
CREATE AGGREGATE crm.fit_spend(history crm.history, as_of date) (
	SFUNC = crm_internal.fit_spend_transition,
	STYPE = internal,
	SSPACE = 32768,
	FINALFUNC = crm_internal.fit_final,
	COMBINEFUNC = crm_internal.fit_combine,
	SERIALFUNC = crm_internal.fit_serialize,
	DESERIALFUNC = crm_internal.fit_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE crm.fit_spend(crm.history, date) IS
'As fit_spend, from purchase histories as they were at the end of the day as_of: x is the number of purchase days after the first one, the mean amount is the mean net amount of those days.';

/* What a model holds */

CREATE FUNCTION crm.parameters(model crm.model, OUT name text, OUT value float8,
	OUT std_error float8) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'crm_model_parameters' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 4;
COMMENT ON FUNCTION crm.parameters(crm.model) IS
'The parameters of a model, in the order of the papers, with their standard errors (from the observed information at the maximum; NULL where the model was not fitted).';
--| Rows and columns in the order of crm.parameters. NULL where the model was not fitted.
CREATE FUNCTION crm.vcov(model crm.model) RETURNS float8[]
	AS 'MODULE_PATHNAME', 'crm_model_vcov' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.vcov(crm.model) IS
'The covariance matrix of the estimated parameters: the inverse of the observed information.';
--| NULL where the model was not fitted.
CREATE FUNCTION crm.log_likelihood(model crm.model) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_model_log_likelihood' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.log_likelihood(crm.model) IS
'The log-likelihood of the fit, all constants of the published likelihood kept.';
--| NULL where the model was not fitted.
CREATE FUNCTION crm.aic(model crm.model) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_model_aic' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.aic(crm.model) IS
'Akaike''s information criterion, 2 k - 2 log-likelihood with k parameters: of models fitted on the same customers in the same unit, the one with the lowest is the best.';
--| NULL where the model was not fitted.
CREATE FUNCTION crm.bic(model crm.model) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_model_bic' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.bic(crm.model) IS
'Schwarz''s (Bayesian) information criterion, k ln(customers) - 2 log-likelihood with k parameters.';

--| Pairs: nbd within bg_nbd, mbg_nbd or pareto_nbd (does anybody leave?), sbg within bdw (does
--| the chance to churn change with time?). As nbd is a limit of the kinds with drop-out, its
--| p_value is an upper bound. Other pairs, models without a log-likelihood, and different
--| customers are errors; compare other kinds by crm.aic.
CREATE FUNCTION crm.likelihood_ratio_test(restricted crm.model, unrestricted crm.model,
	OUT statistic float8, OUT degrees integer, OUT p_value float8) RETURNS record
	AS 'MODULE_PATHNAME', 'crm_likelihood_ratio_test' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION crm.likelihood_ratio_test(crm.model, crm.model) IS
'Tests whether a model describes the customers better than a special case of it, both fitted to the same customers in the same unit: statistic is twice the difference of their log-likelihoods, degrees the number of parameters freed, p_value the probability of as large a statistic if the restricted model were true (Wilks 1938).';

/* What a model says of a customer */

--| All constants of the published formula are kept. Under bg_bb, t_x and t are numbers of
--| occasions.
CREATE FUNCTION crm.log_likelihood(model crm.model, x bigint, t_x float8, t float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_log_likelihood_purchases'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION crm.log_likelihood(crm.model, bigint, float8, float8) IS
'The log-likelihood of one customer with x repeat purchases, the last at time t_x, seen for the time t, times in the unit of the model.';
--| Other kinds check it and do not use it.
CREATE FUNCTION crm.log_likelihood(model crm.model, x bigint, t_x float8, t float8, log_gaps float8)
	RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_log_likelihood_purchases'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION crm.log_likelihood(crm.model, bigint, float8, float8, float8) IS
'As log_likelihood, with log_gaps, the sum of the natural logarithms of the x times between purchases, which bg_cnbd_k and mbg_cnbd_k need.';
--| 0 for x = 0, when nothing was observed. mean_amount must be positive where x is.
CREATE FUNCTION crm.log_likelihood(model crm.model, x bigint, mean_amount float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_log_likelihood_spend'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION crm.log_likelihood(crm.model, bigint, float8) IS
'The log density of the mean amount of the x purchases of one customer, under a model of spend.';
CREATE FUNCTION crm.log_likelihood(model crm.model, periods integer, churned boolean) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_log_likelihood_renewals'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION crm.log_likelihood(crm.model, integer, boolean) IS
'The log-likelihood of one customer under contract for so many periods, who then churned or not, under a model of renewals (sbg, bdw).';

--| Under bg_nbd it is 1 for x = 0: such a customer had no occasion to leave; under nbd it is
--| always 1. Under bg_bb, t_x and t are numbers of occasions, and the answer is the published
--| one, of being there at the next occasion.
CREATE FUNCTION crm.p_alive(model crm.model, x bigint, t_x float8, t float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_p_alive' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION crm.p_alive(crm.model, bigint, float8, float8) IS
'The probability that a customer is still a customer at the end of observation, given x repeat purchases, the last at time t_x after the first, and the age t, in the unit of the model.';
--| NULL where the history has no purchase up to then.
CREATE FUNCTION crm.p_alive(model crm.model, history crm.history, as_of date) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_p_alive_history' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION crm.p_alive(crm.model, crm.history, date) IS
'The probability that a customer with this history is still a customer at the end of the day as_of.';
--| A horizon of 0 asks for now. Under bg_bb the horizon counts occasions: 0 is the last one seen,
--| 1 the next one.
CREATE FUNCTION crm.p_alive(model crm.model, x bigint, t_x float8, t float8, horizon float8)
	RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_p_alive_after' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION crm.p_alive(crm.model, bigint, float8, float8, float8) IS
'The probability that a customer will still be one after a further time, the horizon, given x, t_x and t; all times in the unit of the model.';
--| NULL where the history has no purchase up to as_of; a negative number of days is an error.
CREATE FUNCTION crm.p_alive(model crm.model, history crm.history, as_of date, days integer)
	RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_p_alive_history_after'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION crm.p_alive(crm.model, crm.history, date, integer) IS
'The probability that a customer with this history will still be a customer the given number of days after as_of.';
--| Under bg_bb, the expected number of occasions to come at which the customer is there. NULL
--| where the mean is infinite by nature: always under nbd; under bg_nbd and mbg_nbd unless a > 1
--| and r + x > 1, under pareto_nbd unless s > 1, under bg_bb unless gamma > 1. Of customer bases
--| that is common, and means that a few customers would stay for ever; ask crm.p_alive for a day,
--| or crm.residual_purchases with a discount.
CREATE FUNCTION crm.residual_lifetime(model crm.model, x bigint, t_x float8, t float8)
	RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_residual_lifetime' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION crm.residual_lifetime(crm.model, bigint, float8, float8) IS
'The expected time until the customer leaves, in the unit of the model; who has left already counts with 0.';
--| NULL where the history has no purchase up to as_of, and where the mean is infinite by nature.
CREATE FUNCTION crm.residual_lifetime(model crm.model, history crm.history, as_of date)
	RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_residual_lifetime_history'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION crm.residual_lifetime(crm.model, crm.history, date) IS
'The expected number of days until a customer with this history leaves, as of that day, whatever the unit of the model.';

--| The chance that the customer has left, or leaves on the way, is in it. Under bg_bb, t_x, t and
--| the horizon are numbers of occasions.
CREATE FUNCTION crm.expected_purchases(model crm.model, x bigint, t_x float8, t float8,
	horizon float8)
	RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_expected_purchases'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION crm.expected_purchases(crm.model, bigint, float8, float8, float8) IS
'The number of purchases to expect of a customer in the time (t, t + horizon], given x, t_x and t; all times in the unit of the model.';
--| NULL where the history has no purchase up to as_of.
CREATE FUNCTION crm.expected_purchases(model crm.model, history crm.history, as_of date,
	days integer) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_expected_purchases_history'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION crm.expected_purchases(crm.model, crm.history, date, integer) IS
'The number of purchases (purchase days) to expect of a customer with this history in the given number of days after as_of, whatever the unit of the model.';
CREATE FUNCTION crm.expected_purchases_new(model crm.model, horizon float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_expected_purchases_new'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION crm.expected_purchases_new(crm.model, float8) IS
'The number of repeat purchases to expect of a new customer within the horizon (in the unit of the model) after the first purchase, which is not counted.';
--| discount is continuous, per unit of time of the model, and not negative: ln(1.1)/52.18 is 10
--| percent a year under a weekly model. The default horizon is the infinite one: the answer is
--| then the discounted expected residual transactions (DERT; Fader, Hardie & Lee 2005). NULL
--| where the sum is infinite: without a discount under bg_nbd and mbg_nbd with a up to 1,
--| pareto_nbd with s up to 1, bg_bb with gamma up to 1, and always under nbd.
CREATE FUNCTION crm.residual_purchases(model crm.model, x bigint, t_x float8, t float8,
	horizon float8 DEFAULT 'infinity', discount float8 DEFAULT 0.1) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_residual_purchases'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION crm.residual_purchases(crm.model, bigint, float8, float8, float8, float8) IS
'Discounted expected purchases of a customer in the time (t, t + horizon], given x, t_x and t: a purchase at time u from now counts exp(-discount u).';

CREATE FUNCTION crm.purchase_probability_new(model crm.model, horizon float8, k bigint)
	RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_purchase_probability_new'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION crm.purchase_probability_new(crm.model, float8, bigint) IS
'The probability that a new customer makes exactly k repeat purchases within the horizon (in the unit of the model; under bg_bb, occasions, at most 1000000) after the first purchase, which is not counted.';
--| k = 0 is the probability of no purchase, that the customer has left included.
CREATE FUNCTION crm.purchase_probability(model crm.model, x bigint, t_x float8, t float8,
	horizon float8, k bigint) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_purchase_probability'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION crm.purchase_probability(crm.model, bigint, float8, float8, float8, bigint) IS
'The probability that a customer makes exactly k purchases in the time (t, t + horizon], given x, t_x and t; all times in the unit of the model.';
--| k = 0: that he does not come back in that time. NULL where the history has no purchase up to
--| as_of.
CREATE FUNCTION crm.purchase_probability(model crm.model, history crm.history, as_of date,
	days integer, k bigint) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_purchase_probability_history'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION crm.purchase_probability(crm.model, crm.history, date, integer, bigint) IS
'The probability that a customer with this history makes exactly k purchases (has k purchase days) in the given number of days after as_of.';
--| It holds with at least the probability level (0.9: 90 percent), if the parameters are right;
--| how well those are known is crm.expected_purchases_estimate. A bound is NULL where it exceeds
--| 10^15.
CREATE FUNCTION crm.purchase_interval(model crm.model, x bigint, t_x float8, t float8,
	horizon float8, level float8 DEFAULT 0.9, OUT low bigint, OUT high bigint) RETURNS record
	AS 'MODULE_PATHNAME', 'crm_purchase_interval'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION crm.purchase_interval(crm.model, bigint, float8, float8, float8, float8) IS
'The central interval of the predictive distribution of a customer''s number of purchases in the time (t, t + horizon]: from the quantile at (1 - level) / 2 to that at (1 + level) / 2, both included.';
--| NULL where the history has no purchase up to as_of.
CREATE FUNCTION crm.purchase_interval(model crm.model, history crm.history, as_of date,
	days integer, level float8 DEFAULT 0.9, OUT low bigint, OUT high bigint) RETURNS record
	AS 'MODULE_PATHNAME', 'crm_purchase_interval_history'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION crm.purchase_interval(crm.model, crm.history, date, integer, float8) IS
'The same of a customer with this history, in the given number of days after as_of.';

--| x = 0 gives the population mean, whatever mean_amount. NULL where the mean is infinite by
--| nature (q of at most 1 with x = 0, or p x + q of at most 1). mean_amount must be positive
--| where x is.
CREATE FUNCTION crm.expected_spend(model crm.model, x bigint, mean_amount float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_expected_spend' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION crm.expected_spend(crm.model, bigint, float8) IS
'The mean amount to expect of a customer''s purchases to come, given the mean of x purchases so far: between what the customer spent and the mean of all customers, the nearer to the latter the fewer purchases there are.';
--| NULL where the history has no purchase up to as_of, where refunds reach the repeat purchases
--| (the model describes positive amounts), and where the mean is infinite by nature.
CREATE FUNCTION crm.expected_spend(model crm.model, history crm.history, as_of date) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_expected_spend_history'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION crm.expected_spend(crm.model, crm.history, date) IS
'The mean amount to expect of a purchase (of a purchase day) of a customer with this history, as of that day; based on the repeat purchases, as crm.fit_spend is.';

--| It is the margin times the expected spend times the expected purchases, each discounted
--| continuously from its own moment by 1 / (1 + yearly_discount) a year: 0.1 is 10 percent.
--| margin is the share of the revenue that is left after the cost of what was sold (0.4 for 40
--| %); with the default, 1, the value is revenue. yearly_discount must be above -1 and at most 1.
--| NULL where the value is infinite by nature, or the margin is not finite.
CREATE FUNCTION crm.clv(purchase_model crm.model, spend_model crm.model,
	x bigint, t_x float8, t float8, mean_amount float8, horizon float8 DEFAULT 'infinity',
	yearly_discount float8 DEFAULT 0.1, margin float8 DEFAULT 1) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_clv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION crm.clv(crm.model, crm.model, bigint, float8, float8, float8, float8, float8, float8) IS
'Customer lifetime value: the discounted money to expect of a customer within the horizon (in the unit of the purchase model; the default is all time), given x, t_x, t and the mean amount of the x purchases.';
--| Each purchase is discounted continuously from its own moment by 1 / (1 + yearly_discount) a
--| year: 0.1 is 10 percent. margin is the share of the revenue that is left after the cost of
--| what was sold (0.4 for 40 %); with the default, 1, the value is revenue. yearly_discount must
--| be above -1 and at most 1. What came before as_of is not in it. NULL where any argument but
--| days is NULL, where the history has no purchase up to as_of, where refunds reach the repeat
--| purchases, where the value is infinite by nature, and where the margin is not finite.
CREATE FUNCTION crm.clv(purchase_model crm.model, spend_model crm.model, history crm.history,
	as_of date, days integer DEFAULT NULL, yearly_discount float8 DEFAULT 0.1,
	margin float8 DEFAULT 1) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_clv_history' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION crm.clv(crm.model, crm.model, crm.history, date, integer, float8, float8) IS
'Customer lifetime value: the discounted money to expect of a customer with this history in the given number of days after as_of; NULL days, the default, is the infinite horizon.';

/* How well an answer is known */

--| The uncertainty is that of the estimated parameters (delta method, from the covariance in the
--| model): it says how well the mean is known, and gets smaller with the number of customers
--| fitted on. What one customer then does varies far more: see crm.purchase_interval. Standard
--| error and bounds are NULL where the model was not fitted.
CREATE TYPE crm.estimate AS (value float8, std_error float8, low float8, high float8);
COMMENT ON TYPE crm.estimate IS
'An answer of a fitted model with its uncertainty: the value, its standard error, and the bounds of its confidence interval.';

--| level is the probability that the interval is to hold the true value with, above 0 and below
--| 1. The interval is computed on the logarithm of the value (for this probability, on the
--| logarithm of its odds), so that it stays within what is possible.
CREATE FUNCTION crm.p_alive_estimate(model crm.model, x bigint, t_x float8, t float8,
	level float8 DEFAULT 0.95) RETURNS crm.estimate
	AS 'MODULE_PATHNAME', 'crm_p_alive_estimate'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION crm.p_alive_estimate(crm.model, bigint, float8, float8, float8) IS
'crm.p_alive with its standard error and confidence interval.';
--| NULL where the history has no purchase up to as_of.
CREATE FUNCTION crm.p_alive_estimate(model crm.model, history crm.history, as_of date,
	level float8 DEFAULT 0.95) RETURNS crm.estimate
	AS 'MODULE_PATHNAME', 'crm_p_alive_estimate_history'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION crm.p_alive_estimate(crm.model, crm.history, date, float8) IS
'crm.p_alive of a history with its standard error and confidence interval.';
--| level is the probability that the interval is to hold the true value with, above 0 and below
--| 1. The interval is computed on the logarithm of the value, so that it never gets below 0.
CREATE FUNCTION crm.expected_purchases_estimate(model crm.model, x bigint, t_x float8, t float8,
	horizon float8, level float8 DEFAULT 0.95) RETURNS crm.estimate
	AS 'MODULE_PATHNAME', 'crm_expected_purchases_estimate'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION crm.expected_purchases_estimate(crm.model, bigint, float8, float8, float8, float8) IS
'crm.expected_purchases with its standard error and confidence interval.';
--| NULL where the history has no purchase up to as_of.
CREATE FUNCTION crm.expected_purchases_estimate(model crm.model, history crm.history, as_of date,
	days integer, level float8 DEFAULT 0.95) RETURNS crm.estimate
	AS 'MODULE_PATHNAME', 'crm_expected_purchases_estimate_history'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION crm.expected_purchases_estimate(crm.model, crm.history, date, integer, float8) IS
'crm.expected_purchases of a history with its standard error and confidence interval.';
--| level is the probability that the interval is to hold the true value with, above 0 and below
--| 1. The interval is computed on the logarithm of the value, so that it never crosses 0. NULL
--| where the value is infinite by nature, or the margin is not finite.
CREATE FUNCTION crm.clv_estimate(purchase_model crm.model, spend_model crm.model,
	x bigint, t_x float8, t float8, mean_amount float8, horizon float8 DEFAULT 'infinity',
	yearly_discount float8 DEFAULT 0.1, margin float8 DEFAULT 1,
	level float8 DEFAULT 0.95) RETURNS crm.estimate
	AS 'MODULE_PATHNAME', 'crm_clv_estimate' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION crm.clv_estimate(crm.model, crm.model, bigint, float8, float8, float8, float8, float8, float8, float8) IS
'crm.clv with its standard error and confidence interval; the errors of the two models, fitted apart, are taken as independent.';
--| NULL as crm.clv is.
CREATE FUNCTION crm.clv_estimate(purchase_model crm.model, spend_model crm.model,
	history crm.history, as_of date, days integer DEFAULT NULL,
	yearly_discount float8 DEFAULT 0.1, margin float8 DEFAULT 1,
	level float8 DEFAULT 0.95) RETURNS crm.estimate
	AS 'MODULE_PATHNAME', 'crm_clv_estimate_history' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5000;
COMMENT ON FUNCTION crm.clv_estimate(crm.model, crm.model, crm.history, date, integer, float8, float8, float8) IS
'crm.clv of a history with its standard error and confidence interval; NULL days is the infinite horizon.';

/* Customers under contract */

--| 1 for 0 periods; a negative number or one above 1000000 is an error.
CREATE FUNCTION crm.survival(model crm.model, periods integer) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_survival' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION crm.survival(crm.model, integer) IS
'The share of new customers who are still customers after so many periods, that is, after so many renewal decisions, under a model of renewals (sbg, bdw).';
--| It rises with the period even where no customer changes, as those likely to churn go first.
CREATE FUNCTION crm.retention_rate(model crm.model, period_no integer) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_retention_rate' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION crm.retention_rate(crm.model, integer) IS
'The share of the customers under contract in a period (1, 2, ...) who renew at its end.';
--| Times the net payment per period, it is the value of the customer. period_discount is per
--| period: 0.1 is 10 percent. NULL for a discount of 0, where the sum is infinite for most
--| models.
CREATE FUNCTION crm.residual_value(model crm.model, periods integer, period_discount float8)
	RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_residual_value' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION crm.residual_value(crm.model, integer, float8) IS
'The discounted expected number of renewals to come of a customer who has renewed after so many periods and is just before the next renewal decision (DERL; Fader & Hardie 2010): the renewal at hand counts full if made, the one k periods later 1 / (1 + period_discount)^k.';
--| Times the net payment per period, it is the most that an acquisition may cost. NULL for a
--| discount of 0.
CREATE FUNCTION crm.residual_value_new(model crm.model, period_discount float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'crm_residual_value_new'
		LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION crm.residual_value_new(crm.model, float8) IS
'The discounted expected number of payments of a customer who is about to be acquired (DEL; Fader & Hardie 2010): 1 for the first, paid now, and for the period-th renewal crm.survival(model, period) / (1 + period_discount)^period.';
