/*-------------------------------------------------------------------------
 *
 * fitted.h
 *		The fit of a kind to customers, as the aggregates do it.
 *
 * The steps are those of src/model/fit.c without a server: the rows are
 * sorted and merged, and the starts of the kind are tried in turn.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FITTED_H
#define FITTED_H

#include "golden.h"
#include "model/kinds/families.h"
#include "model/likelihood.h"

/* rows has room for twice as many; memory is model_sample_size(n_rows). */
static inline void
arrange(ModelSample *sample, ModelRow *rows, int n_rows, void *memory)
{
	for (int key = 0; key < N_MODEL_ROW_KEYS; key++)
		model_rows_sort(rows, rows + n_rows, n_rows, key);
	model_sample_init(sample, memory, rows, model_rows_merge(rows, n_rows), 1);
}

static inline ModelOutcome
fit(const ModelKind *kind, const ModelSample *sample, ModelMaximum *maximum)
{
	double *tables =
		malloc(sizeof(double) * (model_likelihood_tables(kind, sample) + 1));
	ModelLikelihood likelihood = {kind, sample, tables};
	double unit = model_kind_family(kind)->scale(sample);
	double scale[MODEL_MAX_PARAMETERS];
	ModelOutcome outcome = MODEL_NO_START;

	for (int i = 0; i < kind->n_parameters; i++)
		scale[i] = kind->parameters[i].has_unit	 ? unit
				   : kind->parameters[i].is_rate ? 1.0 / unit
												 : 1.0;
	memset(maximum, 0, sizeof(*maximum));
	for (int attempt = 0;
		 outcome != MODEL_CONVERGED &&
		 model_call(kind, start, sample, attempt, maximum->parameters);
		 attempt++)
		outcome = model_polish(&likelihood, scale, maximum);
	free(tables);
	return outcome;
}

/* How far the estimates are from the truth, in standard errors. */
static inline double
farthest_estimate(const ModelMaximum *maximum, const double *truth, int n)
{
	double farthest = 0.0;

	for (int i = 0; i < n; i++)
		farthest = fmax(farthest, fabs(maximum->parameters[i] - truth[i]) /
									  sqrt(maximum->covariance[i][i]));
	return farthest;
}

#endif /* FITTED_H */
