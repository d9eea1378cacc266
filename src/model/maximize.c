/*-------------------------------------------------------------------------
 *
 * maximize.c
 *		The maximum of the log-likelihood of a sample.
 *
 * All parameters are positive, and the search is over their logarithms u. Let
 * g and H be the derivatives in the natural parameters v. Then the gradient in
 * u is v g, and the Hessian is v v' H plus v g on the diagonal.
 *
 * The search is Newton's method with the exact Hessian. An evaluation costs
 * little more with the Hessian than without it, and a step needs one
 * evaluation. Far from the maximum the likelihood may not be concave. The
 * diagonal of the Hessian then gets as much as makes it concave (Levenberg
 * 1944), and a step is shortened until the likelihood grows. So every step
 * climbs, and no step is longer than a factor of e^2.
 *
 * The search ends when the Newton decrement g' (-H)^-1 g is below 1e-16. The
 * decrement is about the square of the distance to the maximum in standard
 * errors. It does not depend on any unit, so "converged" has the same meaning
 * for all samples.
 *
 * If there is no interior maximum, some parameter keeps growing or shrinking
 * while the likelihood gains less and less. The decrement then falls too, but
 * no faster than the parameter. A parameter many orders of magnitude away from
 * the scale of the data is reported as running away (ModelParameter.far).
 *
 * Pure C, no memory but the caller's and the stack.
 *
 *-------------------------------------------------------------------------
 */
#include "model/likelihood.h"

#include <math.h>
#include <string.h>

#define CONVERGED_DECREMENT 1e-16
#define APPROACHED_DECREMENT 1e-6 /* a thousandth of a standard error */
#define MAX_NEWTON_STEPS 100
#define MAX_HALVINGS 30
#define LONGEST_STEP 2.0 /* in the logarithm of a parameter */

/*
 * Towards a parameter p of zero the log-likelihood flattens out like c - k p,
 * and Newton's step in log p is about -1 every time. Towards infinity it is the
 * same in 1 / p. If a parameter moves like that for several steps and almost
 * nothing is gained, its logarithm has a standard error of tens. These
 * customers do not determine it, and more steps would be wasted.
 */
#define DRIFT_DECREMENT 1e-3
#define DRIFT_STEP 0.5
#define MAX_DRIFTS 2

/*
 * On a flat ridge the steps are short, but they gain next to nothing either.
 * Near a maximum two or three such steps are the last ones.
 */
#define STALLED_GAIN 1e-4
#define MAX_STALLS 4

/*
 * Turns derivatives in the parameters into derivatives in their logarithms.
 * The Hessian needs the old gradient times v, so it is complete only after the
 * gradient is.
 */
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

/*
 * Newton's step for the maximum of a function with this gradient and Hessian.
 * If the function is not concave, the diagonal gets as much as makes it
 * concave (Levenberg). The step then still points upwards. Returns the
 * decrement, or -1 if it is not finite. *concave tells whether the Hessian was
 * used as it is.
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

/*
 * Shortens a step that would change a parameter by more than a factor of e^2.
 * Far from the maximum the quadratic model of Newton's method is not to be
 * trusted. The direction stays the same, so it still points upwards.
 */
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
 * Moves along the step as far as the likelihood grows, by halving. On success
 * parameters and sums (natural derivatives) belong to the new point. The sums
 * of the last evaluation are kept, so a step that is accepted at once costs
 * one evaluation.
 */
static ModelOutcome
move(const ModelLikelihood *likelihood, const double *step, double *parameters,
	 ModelSums *sums, ModelMaximum *maximum)
{
	int n = likelihood->kind->n_parameters;
	double fraction = 1.0;

	/*
	 * A tiny step may seem to lose a few last digits. The value is a sum of
	 * logarithms, one for each customer, which may nearly cancel. Amounts that
	 * hardly vary leave them fewer digits than a double has.
	 */
	double rounding =
		1e-12 * (fabs(sums->value) + likelihood->sample->total_customers);

	for (int i = 0; i < MAX_HALVINGS; i++, fraction /= 2)
	{
		double tried[MODEL_MAX_PARAMETERS];
		ModelSums tried_sums;

		memcpy(tried, parameters, sizeof(tried));
		for (int k = 0; k < n; k++)
			tried[k] = parameters[k] * exp(fraction * step[k]);
		maximum->iterations++;
		model_likelihood(likelihood, tried, &tried_sums);
		if (tried_sums.value >= sums->value - rounding)
		{
			memcpy(parameters, tried, sizeof(tried));
			*sums = tried_sums;
			return MODEL_CONVERGED;
		}
	}
	return MODEL_NOT_CONVERGED;
}

/* The parameter that is too far from the scale of the data, or -1. */
static int
runaway(const ModelKind *kind, const double *parameters, const double *scale)
{
	for (int i = 0; i < kind->n_parameters; i++)
	{
		double far = kind->parameters[i].far;

		if (fabs(log(parameters[i] / scale[i])) >
			log(far > 0 ? far : MODEL_FAR))
			return i;
	}
	return -1;
}

/*
 * Whether this is a long step that gains almost nothing. If it is, the
 * parameter that moves most is noted in *maximum.
 */
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

/*
 * The inverse of the observed information in the natural parameters. False if
 * it is not positive definite.
 */
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

/*
 * Climbs until the decrement is below the given one. *natural holds the
 * derivatives in v at the end, for the covariance. Each turn checks for a
 * runaway first, so that the failure with a meaning is reported. Convergence
 * requires a Hessian that was used unchanged: with a larger diagonal the
 * decrement would be small anywhere.
 */
static ModelOutcome
climb(const ModelLikelihood *likelihood, const double *scale,
	  double last_decrement, ModelMaximum *maximum, ModelSums *natural)
{
	int n = likelihood->kind->n_parameters;
	double *parameters = maximum->parameters;
	bool concave = true;
	int drifts = 0, stalls = 0;

	maximum->iterations++;
	model_likelihood(likelihood, parameters, natural);
	for (int i = 0; i < MAX_NEWTON_STEPS; i++)
	{
		ModelSums sums = *natural;
		double step[MODEL_MAX_PARAMETERS];
		double decrement;
		ModelOutcome outcome;

		maximum->log_likelihood = natural->value;
		maximum->runaway = runaway(likelihood->kind, parameters, scale);
		if (maximum->runaway >= 0)
			return MODEL_RUNS_AWAY;
		to_logarithms(parameters, &sums, n);
		decrement = newton_step(&sums, step, &concave, n);
		if (!(decrement >= 0))
			return MODEL_NOT_CONVERGED;
		if (concave && decrement < last_decrement)
			return MODEL_CONVERGED;
		drifts = drifts_away(step, decrement, n, maximum) ? drifts + 1 : 0;
		if (drifts > MAX_DRIFTS)
			return MODEL_RUNS_AWAY;
		if (stalls > MAX_STALLS)
			return MODEL_NOT_IDENTIFIED;
		limit_step(step, n);
		outcome = move(likelihood, step, parameters, natural, maximum);
		if (outcome != MODEL_CONVERGED)
			return outcome;
		stalls = natural->value - maximum->log_likelihood < STALLED_GAIN
					 ? stalls + 1
					 : 0;
	}
	return concave ? MODEL_NOT_CONVERGED : MODEL_NOT_IDENTIFIED;
}

ModelOutcome
model_approach(const ModelLikelihood *likelihood, const double *scale,
			   ModelMaximum *maximum)
{
	ModelSums natural;

	return climb(likelihood, scale, APPROACHED_DECREMENT, maximum, &natural);
}

ModelOutcome
model_polish(const ModelLikelihood *likelihood, const double *scale,
			 ModelMaximum *maximum)
{
	ModelSums natural;
	ModelOutcome outcome =
		climb(likelihood, scale, CONVERGED_DECREMENT, maximum, &natural);

	if (outcome == MODEL_CONVERGED &&
		!covariance(&natural, maximum->covariance,
					likelihood->kind->n_parameters))
		return MODEL_NOT_IDENTIFIED;
	return outcome;
}
