/*-------------------------------------------------------------------------
 *
 * likelihood.h
 *		The summed log-likelihood of a sample, and where it is greatest.
 *
 * Pure C; the maximization uses NLopt, which allocates with malloc and frees
 * all it took before model_maximize returns. The caller's should_stop (may
 * be NULL) is asked every few thousand rows.
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
	double *tables; /* model_likelihood_tables() doubles */
	bool (*should_stop)(void);
} ModelLikelihood;

/* Doubles of table space that evaluations need. */
extern size_t model_likelihood_tables(const ModelKind *kind,
									  const ModelSample *sample);

/* In the natural parameters; false when stopped. */
extern bool model_likelihood(const ModelLikelihood *likelihood,
							 const double *parameters, ModelSums *sums);

typedef enum ModelOutcome
{
	MODEL_CONVERGED,
	MODEL_STOPPED, /* should_stop said so */
	MODEL_NO_START, /* out of starts */
	MODEL_RUNS_AWAY, /* a parameter goes to zero or infinity */
	MODEL_NOT_CONVERGED, /* out of iterations, or no progress */
	MODEL_NOT_IDENTIFIED, /* the likelihood is flat in some direction */
	MODEL_OUT_OF_MEMORY /* NLopt could not allocate */
} ModelOutcome;

typedef struct ModelMaximum
{
	double parameters[MODEL_MAX_PARAMETERS];
	double log_likelihood;
	Matrix covariance;
	int iterations;
	int runaway; /* the parameter, for MODEL_RUNS_AWAY */
} ModelMaximum;

/*
 * Improves maximum->parameters roughly, by gradients, within bounds around
 * them; for a part of the sample that costs little.
 */
extern ModelOutcome model_approach(const ModelLikelihood *likelihood,
								   ModelMaximum *maximum);

/* Finds the maximum near maximum->parameters, with its covariance. */
extern ModelOutcome model_polish(const ModelLikelihood *likelihood,
								 const double *scale, ModelMaximum *maximum);

#endif /* CRM_MODEL_LIKELIHOOD_H */
