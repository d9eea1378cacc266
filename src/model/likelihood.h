/*-------------------------------------------------------------------------
 *
 * likelihood.h
 *		The summed log-likelihood of a sample, and its maximum.
 *
 * Pure C. It pauses every few milliseconds (pause.h), so the memory must belong
 * to somebody who frees it if the pause does not return.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_LIKELIHOOD_H
#define CRM_MODEL_LIKELIHOOD_H

#include "math/matrix.h"
#include "model/kinds/sample.h"

typedef struct ModelLikelihood
{
	const ModelKind *kind;
	const ModelSample *sample;
	double *tables; /* model_likelihood_tables() doubles, of the caller */
} ModelLikelihood;

/* Doubles of table space that evaluations need. */
extern size_t model_likelihood_tables(const ModelKind *kind,
									  const ModelSample *sample);

/*
 * The log-likelihood and its derivatives in the natural parameters, not their
 * logarithms. It overwrites the tables, so two evaluations must not share them
 * at the same time.
 */
extern void model_likelihood(const ModelLikelihood *likelihood,
							 const double *parameters, ModelSums *sums);

/* How a search ended. Only MODEL_CONVERGED means a maximum. */
typedef enum ModelOutcome
{
	MODEL_CONVERGED,
	MODEL_NO_START, /* out of starts */
	MODEL_RUNS_AWAY, /* a parameter goes to zero or infinity */
	MODEL_NOT_CONVERGED, /* out of iterations, or no progress */
	MODEL_NOT_IDENTIFIED /* the likelihood is flat in some direction */
} ModelOutcome;

/* The point that a search starts from and ends at. */
typedef struct ModelMaximum
{
	double parameters[MODEL_MAX_PARAMETERS]; /* positive */
	double log_likelihood; /* there, without the term of the gaps */
	Matrix covariance; /* of the parameters, only if converged */
	int iterations; /* evaluations of the likelihood, added up */
	int runaway; /* the place of the parameter, for MODEL_RUNS_AWAY */
} ModelMaximum;

/*
 * Improves maximum->parameters until they are within about a thousandth of a
 * standard error of the maximum. The parameters are usable after every outcome.
 * The likelihood may be of a part of the sample, which costs little. scale has
 * the size that each parameter is compared with (see ModelFamilyTraits).
 */
extern ModelOutcome model_approach(const ModelLikelihood *likelihood,
								   const double *scale, ModelMaximum *maximum);

/* Finds the maximum near maximum->parameters, with its covariance. */
extern ModelOutcome model_polish(const ModelLikelihood *likelihood,
								 const double *scale, ModelMaximum *maximum);

#endif /* CRM_MODEL_LIKELIHOOD_H */
