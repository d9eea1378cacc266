/*-------------------------------------------------------------------------
 *
 * maximize.c
 *		Where the log-likelihood of a sample is greatest.
 *
 * All parameters are positive, and the search is over their logarithms u:
 * with g and H the derivatives in the natural parameters v, the gradient is
 * v g and the Hessian v v' H plus v g on the diagonal.
 *
 * Two steps. From a start that may be far, L-BFGS (NLopt) gets near; its
 * own tests of convergence are loose on purpose. Then Newton's method with
 * the exact Hessian, its steps shortened until the likelihood grows, goes on
 * until the Newton decrement g' (-H)^-1 g, about the square of the distance
 * to the maximum in standard errors, is below 1e-16. The decrement does not
 * depend on the unit of anything, so nor does what "converged" means.
 *
 * Where there is no interior maximum some parameter goes on growing or
 * shrinking while the likelihood gains less and less; the decrement then
 * falls too, but no faster than the parameter. A parameter eight orders of
 * magnitude away from the data's own scale is reported as running away.
 *
 *-------------------------------------------------------------------------
 */
#include "model/likelihood.h"

#include <math.h>
#include <nlopt.h>
#include <string.h>

#define CONVERGED_DECREMENT 1e-16
#define MAX_NEWTON_STEPS 100
#define MAX_HALVINGS 30
#define LONGEST_STEP 2.0 /* in the logarithm of a parameter */

/*
 * Towards a parameter of zero or infinity the log-likelihood flattens out like
 * c - k p, and Newton's step in log p is -1 for ever. A parameter that goes on
 * like that while next to nothing is gained has a standard error of tens in
 * its logarithm: it is not to be had from these customers, and following it
 * any further costs evaluations only.
 */
#define DRIFT_DECREMENT 1e-3
#define DRIFT_STEP 0.5
#define MAX_DRIFTS 2

/* exp(18.4) is 1e8. */
#define RUNAWAY_LOG 18.4

#define APPROACH_LOG_RANGE 16.0
#define APPROACH_MAX_EVALUATIONS 300
#define APPROACH_TOLERANCE 1e-7

typedef struct Search
{
	const ModelLikelihood *likelihood;
	nlopt_opt optimiser;
	double whole; /* the parameter that is not searched for */
	bool stopped;
	int evaluations;
} Search;

static void
exponentials(const double *logs, double *values, int n)
{
	for (int i = 0; i < n; i++)
		values[i] = exp(logs[i]);
}

/* Turns derivatives in the parameters into those in their logarithms. */
static void
to_logarithms(const double *parameters, ModelSums *sums, int n)
{
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j <= i; j++)
			sums->hessian[i][j] *= parameters[i] * parameters[j];
		sums->gradient[i] *= parameters[i];
		sums->hessian[i][i] += sums->gradient[i];
	}
}

static double
objective(unsigned n, const double *logs, double *gradient, void *data)
{
	Search *search = data;
	double parameters[MODEL_MAX_PARAMETERS];
	double customers = search->likelihood->sample->total_customers;
	ModelSums sums;

	exponentials(logs, parameters, (int) n);
	if (n < MODEL_MAX_PARAMETERS)
		parameters[n] = search->whole;
	search->evaluations++;
	if (!model_likelihood(search->likelihood, parameters, &sums))
	{
		search->stopped = true;
		nlopt_force_stop(search->optimiser);
		return 0.0;
	}
	for (unsigned i = 0; gradient != NULL && i < n; i++)
		gradient[i] = -sums.gradient[i] * parameters[i] / customers;
	return -sums.value / customers;
}

static nlopt_opt
create_optimiser(Search *search, const double *logs, unsigned n)
{
	nlopt_opt optimiser = nlopt_create(NLOPT_LD_LBFGS, n);
	double lower[MODEL_MAX_PARAMETERS];
	double upper[MODEL_MAX_PARAMETERS];

	if (optimiser == NULL)
		return NULL;
	for (unsigned i = 0; i < n; i++)
	{
		lower[i] = logs[i] - APPROACH_LOG_RANGE;
		upper[i] = logs[i] + APPROACH_LOG_RANGE;
	}
	nlopt_set_lower_bounds(optimiser, lower);
	nlopt_set_upper_bounds(optimiser, upper);
	nlopt_set_min_objective(optimiser, objective, search);
	nlopt_set_xtol_rel(optimiser, APPROACH_TOLERANCE);
	nlopt_set_ftol_abs(optimiser, APPROACH_TOLERANCE);
	nlopt_set_maxeval(optimiser, APPROACH_MAX_EVALUATIONS);
	return optimiser;
}

ModelOutcome
model_approach(const ModelLikelihood *likelihood, ModelMaximum *maximum)
{
	Search search = {.likelihood = likelihood};
	int n = likelihood->kind->n_parameters;
	double logs[MODEL_MAX_PARAMETERS];
	double minimum;
	nlopt_result result;

	for (int i = 0; i < n; i++)
		logs[i] = log(maximum->parameters[i]);
	if (n < MODEL_MAX_PARAMETERS)
		search.whole = maximum->parameters[n];
	search.optimiser = create_optimiser(&search, logs, (unsigned) n);
	if (search.optimiser == NULL)
		return MODEL_OUT_OF_MEMORY;
	result = nlopt_optimize(search.optimiser, logs, &minimum);
	nlopt_destroy(search.optimiser);
	maximum->iterations += search.evaluations;
	if (search.stopped)
		return MODEL_STOPPED;
	if (result == NLOPT_OUT_OF_MEMORY)
		return MODEL_OUT_OF_MEMORY;

	/* Even where it failed, the best point is a better start than none. */
	for (int i = 0; i < n; i++)
	{
		if (!isfinite(logs[i]))
			return MODEL_NOT_CONVERGED;
	}
	exponentials(logs, maximum->parameters, n);
	return MODEL_CONVERGED;
}

/*
 * Newton's step for the maximum of a function with this gradient and Hessian.
 * Where the function is not concave, as much is added to the diagonal as
 * makes it so. Returns the decrement, or -1 where it is not finite; concave
 * tells whether the Hessian was taken as it is.
 */
static double
newton_step(const ModelSums *sums, double *step, bool *concave, int n)
{
	Matrix information;
	double added = 0.0;
	double largest = 0.0;
	double decrement = 0.0;

	for (int i = 0; i < n; i++)
		largest = fmax(largest, fabs(sums->hessian[i][i]));
	if (!isfinite(largest))
		return -1.0;
	*concave = false;
	for (;;)
	{
		for (int i = 0; i < n; i++)
		{
			for (int j = 0; j <= i; j++)
				information[i][j] = -sums->hessian[i][j];
			information[i][i] += added;
		}
		if (matrix_solve(information, sums->gradient, step, n))
			break;
		if (added > 1e6 * largest)
			return -1.0;
		added = added > 0 ? 4.0 * added : 1e-6 * largest + 1e-300;
	}
	*concave = added == 0.0;
	for (int i = 0; i < n; i++)
		decrement += sums->gradient[i] * step[i];
	return decrement;
}

/* Shortens a step that would change a parameter by more than some factor. */
static void
limit_step(double *step, int n)
{
	double longest = 0.0;

	for (int i = 0; i < n; i++)
		longest = fmax(longest, fabs(step[i]));
	for (int i = 0; longest > LONGEST_STEP && i < n; i++)
		step[i] *= LONGEST_STEP / longest;
}

/*
 * Moves along the step as far as the likelihood grows. On success parameters
 * and sums (in logarithms) are those of the new point.
 */
static ModelOutcome
move(const ModelLikelihood *likelihood, const double *step, double *parameters,
	 ModelSums *sums, ModelMaximum *maximum)
{
	int n = likelihood->kind->n_parameters;
	double fraction = 1.0;

	for (int i = 0; i < MAX_HALVINGS; i++, fraction /= 2)
	{
		double tried[MODEL_MAX_PARAMETERS];
		ModelSums tried_sums;

		memcpy(tried, parameters, sizeof(tried));
		for (int k = 0; k < n; k++)
			tried[k] = parameters[k] * exp(fraction * step[k]);
		maximum->iterations++;
		if (!model_likelihood(likelihood, tried, &tried_sums))
			return MODEL_STOPPED;
		/* Rounding: a tiny step may seem to lose a few last digits. */
		if (tried_sums.value >= sums->value - 1e-14 * fabs(sums->value))
		{
			memcpy(parameters, tried, sizeof(tried));
			*sums = tried_sums;
			return MODEL_CONVERGED;
		}
	}
	return MODEL_NOT_CONVERGED;
}

/* The parameter that has left the data's scale behind, or -1. */
static int
runaway(const double *parameters, const double *scale, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (fabs(log(parameters[i] / scale[i])) > RUNAWAY_LOG)
			return i;
	}
	return -1;
}

/* Is this a long step for next to nothing? Notes the parameter that makes it. */
static bool
drifts_away(const double *step, double decrement, int n, ModelMaximum *maximum)
{
	int longest = 0;

	for (int i = 1; i < n; i++)
	{
		if (fabs(step[i]) > fabs(step[longest]))
			longest = i;
	}
	if (decrement >= DRIFT_DECREMENT || fabs(step[longest]) < DRIFT_STEP)
		return false;
	maximum->runaway = longest;
	return true;
}

/* The inverse of the observed information in the natural parameters. */
static bool
covariance(const ModelSums *sums, Matrix result, int n)
{
	Matrix information;

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j <= i; j++)
			information[i][j] = -sums->hessian[i][j];
	}
	return matrix_invert(information, result, n);
}

ModelOutcome
model_polish(const ModelLikelihood *likelihood, const double *scale,
			 ModelMaximum *maximum)
{
	int n = likelihood->kind->n_parameters;
	double *parameters = maximum->parameters;
	ModelOutcome outcome;
	ModelSums natural;
	ModelSums sums;
	double step[MODEL_MAX_PARAMETERS];
	bool concave;
	int drifts = 0;

	maximum->iterations++;
	if (!model_likelihood(likelihood, parameters, &natural))
		return MODEL_STOPPED;
	for (int i = 0; i < MAX_NEWTON_STEPS; i++)
	{
		double decrement;

		maximum->log_likelihood = natural.value;
		maximum->runaway = runaway(parameters, scale, n);
		if (maximum->runaway >= 0)
			return MODEL_RUNS_AWAY;
		sums = natural;
		to_logarithms(parameters, &sums, n);
		decrement = newton_step(&sums, step, &concave, n);
		if (!(decrement >= 0))
			return MODEL_NOT_CONVERGED;
		if (concave && decrement < CONVERGED_DECREMENT)
			return covariance(&natural, maximum->covariance, n)
					   ? MODEL_CONVERGED
					   : MODEL_NOT_IDENTIFIED;
		drifts = drifts_away(step, decrement, n, maximum) ? drifts + 1 : 0;
		if (drifts > MAX_DRIFTS)
			return MODEL_RUNS_AWAY;
		limit_step(step, n);
		outcome = move(likelihood, step, parameters, &natural, maximum);
		if (outcome != MODEL_CONVERGED)
			return outcome;
	}
	return concave ? MODEL_NOT_CONVERGED : MODEL_NOT_IDENTIFIED;
}
