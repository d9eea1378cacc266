/*-------------------------------------------------------------------------
 *
 * fit.h
 *		Fitting a model to customers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_FIT_H
#define CRM_MODEL_FIT_H

#include "model/model.h"

/*
 * Fits model->kind to merged rows (sample.h) by maximum likelihood and fills
 * in the rest of the model but left_out. Raises an error that says why where
 * there is no such fit. Works in the current memory context.
 *
 * log_gaps is the sum of the logarithms of all times between purchases, for
 * kinds that depend on it. It is NaN where it is not known.
 *
 * If the kind is model_best, all kinds of its family are fitted, and the one
 * with the lowest AIC replaces it. Kinds without a maximum are passed over,
 * and so are kinds that need log_gaps where it is NaN. If no kind has a
 * maximum, that is the error.
 */
extern void model_fit(const ModelRow *rows, Size n_rows, double log_gaps,
					  Model *model);

#endif /* CRM_MODEL_FIT_H */
