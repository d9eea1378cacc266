/*-------------------------------------------------------------------------
 *
 * pareto_nbd.h
 *		The Pareto/NBD model of repeat purchases.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_PARETO_NBD_H
#define CRM_MODEL_PARETO_NBD_H

#include "model/kind.h"

extern const ModelKind model_pareto_nbd;

/* Probability of n purchases by a new customer within the horizon. */
extern double model_pareto_nbd_probability_new(const double *parameters,
											   double n, double horizon);

/* The same of a customer with this history who is alive. */
extern double model_pareto_nbd_probability_alive(const double *parameters,
												 const ModelRow *customer,
												 double n, double horizon);

/* Probability that a customer alive now still is after the time ahead. */
extern double model_pareto_nbd_survival(const double *parameters,
										const ModelRow *customer,
										double ahead);

#endif /* CRM_MODEL_PARETO_NBD_H */
