/*-------------------------------------------------------------------------
 *
 * nbd.h
 *		The NBD model, and the distribution that gave it its name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_NBD_H
#define CRM_MODEL_NBD_H

#include "model/kind.h"

extern const ModelKind model_nbd;

/* ln(Gamma(r + n) / (Gamma(r) n!)) for r > 0 and whole n >= 0 */
extern double model_nbd_log_coefficient(double r, double n);

/*
 * Probability of n purchases within the horizon, by a new customer and by one
 * with this history.
 */
extern double model_nbd_probability_new(const double *parameters, double n,
										double horizon);
extern double model_nbd_probability(const double *parameters,
									const ModelRow *customer, double n,
									double horizon);

/*
 * Mean number of events within the horizon, each discounted by
 * exp(-discount * time until it), at one event per unit of time. The horizon
 * may be INFINITY; so is then the result without a discount.
 */
extern double model_discounted_time(double horizon, double discount);

#endif /* CRM_MODEL_NBD_H */
