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
extern void model_fit(const ModelRow *rows, Size n_rows, Model *model);

/*
 * Fits all kinds of repeat purchases and fills in the one with the lowest AIC,
 * its kind included. Kinds without a maximum are passed over; where none has
 * one, that is the error.
 */
extern void model_fit_best(const ModelRow *rows, Size n_rows, Model *model);

#endif /* CRM_MODEL_FIT_H */
