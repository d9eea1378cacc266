/*-------------------------------------------------------------------------
 *
 * fit.h
 *		Fitting a model to customers.
 *
 * A fit takes the sample as it is: the estimates are a function of the set of
 * rows and of nothing else, so they are equal on every run and machine of one
 * kind.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_FIT_H
#define CRM_MODEL_FIT_H

#include "model/model.h"

/*
 * Fits model->kind to merged rows (sample.h) by maximum likelihood. Sets all
 * fields of the model except its unit and left_out. If there is no such fit, an
 * error says why. Memory is taken from the current context and freed again. The
 * rows stay unchanged and belong to the caller.
 *
 * log_gaps is the sum of the logarithms of all times between purchases, in the
 * unit of the rows, for kinds that depend on it. It is NaN if it is not known.
 *
 * If the kind is model_best, all kinds of its family are fitted. The one with
 * the lowest AIC replaces it, and of two equal ones the first in kinds.h. The
 * kind may be replaced by one of its limits (kind.h), too. Kinds without a
 * maximum are skipped, and so are kinds that need log_gaps if it is NaN. It is
 * an error if no kind has a maximum.
 */
extern void model_fit(const ModelRow *rows, Size n_rows, double log_gaps,
					  Model *model);

#endif /* CRM_MODEL_FIT_H */
