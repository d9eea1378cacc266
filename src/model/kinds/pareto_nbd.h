/*-------------------------------------------------------------------------
 *
 * pareto_nbd.h
 *		The Pareto/NBD model of repeat purchases.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_PARETO_NBD_H
#define CRM_MODEL_KINDS_PARETO_NBD_H

#include "model/kinds/kinds.h"

/* The list for ModelKind.limits (pareto_limits.c). */
extern const ModelKind *const pareto_nbd_limits[];

/*
 * The mean discounted time that a customer stays within the horizon, if the
 * rate of leaving has the gamma density (s, beta): the integral of
 * exp(-discount u) (1 + u / beta)^-s. It may be INFINITY, like the horizon.
 */
extern double model_discounted_stay(double s, double beta, double horizon,
									double discount);

#endif /* CRM_MODEL_KINDS_PARETO_NBD_H */
