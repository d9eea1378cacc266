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
 */
/*
 * log_gaps is the sum of the logarithms of all times between purchases, for
 * kinds that depend on it; NaN where it is not known.
 */
extern void model_fit(const ModelRow *rows, Size n_rows, double log_gaps,
					  Model *model);

/*
 * Fits all kinds of repeat purchases and fills in the one with the lowest AIC,
 * its kind included. Kinds without a maximum are passed over, and those that
 * need log_gaps where it is NaN; where none has one, that is the error.
 */
extern void model_fit_best(const ModelRow *rows, Size n_rows, double log_gaps,
						   Model *model);

#endif /* CRM_MODEL_FIT_H */
