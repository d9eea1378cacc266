/*-------------------------------------------------------------------------
 *
 * model_compare.c
 *		The likelihood-ratio test of two fitted models, of which one is a
 *		special case of the other.
 *
 * Suppose that the restricted model is true and lies inside the parameter space
 * of the full model. Then twice the gain in log-likelihood has a chi-square
 * distribution. Its degrees of freedom are the number of parameters that the
 * full model adds (Wilks 1938). If the restricted model is a limit of the full
 * one, as nbd is of the models with drop-out, the gain tends to be smaller. The
 * p-value is then an upper bound.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "base/row_result.h"
#include "model/model.h"

/* Two fits at the same height may differ by so much because of rounding. */
#define ROUNDING 1e-6

/* Walks from the full kind to the kinds that it contains. */
static void
check_nested(const Model *restricted, const Model *full)
{
	const ModelKind *inner = full->kind->restricted;

	while (inner != NULL && inner != restricted->kind)
		inner = inner->restricted;
	if (inner != NULL)
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
		 errmsg(
			 "a model of kind %s is not a special case of a model of kind %s",
			 restricted->kind->name, full->kind->name),
		 errhint("The test is for nbd within bg_nbd, mbg_nbd or "
				 "pareto_nbd, and sbg within bdw. Compare other kinds by "
				 "crm.aic.")));
}

/*
 * A model does not hold its sample, so this check can only refuse differences
 * that show: in the number of customers, in the unit, or a special case that
 * fits better than the full model, which the same customers make impossible.
 */
static void
check_same_customers(const Model *restricted, const Model *full)
{
	if (!restricted->has_log_likelihood || !full->has_log_likelihood)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a model made from known parameters has no "
							   "log-likelihood to compare")));
	if (restricted->customers != full->customers ||
		strcmp(restricted->unit, full->unit) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the models were not fitted to the same customers in "
						"the same unit"),
				 errdetail("One was fitted to %lld customers%s%s, the other "
						   "to %lld%s%s.",
						   (long long) restricted->customers,
						   restricted->unit[0] != '\0' ? " by " : "",
						   restricted->unit, (long long) full->customers,
						   full->unit[0] != '\0' ? " by " : "", full->unit)));
	if (full->log_likelihood < restricted->log_likelihood - ROUNDING)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the models were not fitted to the same customers"),
				 errdetail("The special case has the higher log-likelihood: "
						   "%.10g, against %.10g.",
						   restricted->log_likelihood, full->log_likelihood)));
}

/*
 * The upper tail of the chi-square distribution, for one degree of freedom or
 * an even number of them, which is all that the kinds need. For an even number
 * it is a Poisson sum of positive terms, so a tiny p-value keeps its digits.
 */
static double
chi_square_tail(double statistic, int degrees)
{
	double half = 0.5 * statistic;
	double term = exp(-half);
	double sum = 0.0;

	if (degrees == 1)
		return erfc(sqrt(half));
	for (int i = 0; i < degrees / 2; i++)
	{
		sum += term;
		term *= half / (i + 1);
	}
	return sum;
}

PG_FUNCTION_INFO_V1(crm_likelihood_ratio_test);

/*
 * (restricted, full) -> (statistic float8, degrees int, p_value float8). A
 * gain just below 0 by rounding counts as 0.
 */
Datum
crm_likelihood_ratio_test(PG_FUNCTION_ARGS)
{
	Model restricted;
	Model full;
	Datum values[3];
	bool nulls[3] = {false, false, false};
	double statistic;
	int degrees;

	model_argument(fcinfo, 0, &restricted);
	model_argument(fcinfo, 1, &full);
	check_nested(&restricted, &full);
	check_same_customers(&restricted, &full);
	degrees = full.kind->n_parameters - restricted.kind->n_parameters;
	statistic =
		2.0 * Max(full.log_likelihood - restricted.log_likelihood, 0.0);
	values[0] = Float8GetDatum(statistic);
	values[1] = Int32GetDatum(degrees);
	values[2] = Float8GetDatum(chi_square_tail(statistic, degrees));
	return row_result(fcinfo, values, nulls);
}
