/*-------------------------------------------------------------------------
 *
 * nbd.h
 *		The NBD model, and the distribution that gave it its name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_NBD_H
#define CRM_MODEL_KINDS_NBD_H

#include "model/kinds/kinds.h"

/* ln(Gamma(r + n) / (Gamma(r) n!)) for r > 0 and whole n >= 0 */
extern double model_nbd_log_coefficient(double r, double n);

/*
 * The probability of exactly, and of at least, n events of a Poisson process
 * whose rate has a gamma density. tau is the time over the scale of that
 * density. For model_nbd_at_least() n is above 0. Both keep their relative
 * accuracy in the far tail.
 */
extern double model_nbd_exactly(double shape, double tau, double n);
extern double model_nbd_at_least(double shape, double tau, double n);

#endif /* CRM_MODEL_KINDS_NBD_H */
