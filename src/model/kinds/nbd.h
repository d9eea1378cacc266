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

/* The same for a Poisson process with this mean number of events. */
extern double model_poisson_exactly(double mean, double n);
extern double model_poisson_at_least(double mean, double n);

/*
 * The limit in which all customers buy at one rate, with the parameter lambda.
 * Both kinds without drop-out are limits of other kinds too. So their tables
 * are public, and MODEL_NBD_LIMITS are these limits for a list of the kind with
 * this name.
 */
#define NBD_N_PARAMETERS 2
#define NBD_N_EQUAL_RATE_PARAMETERS 1
extern const ModelKind model_nbd_equal_rate;
extern const ModelParameter nbd_parameters[NBD_N_PARAMETERS];
extern const ModelParameter
	nbd_equal_rate_parameters[NBD_N_EQUAL_RATE_PARAMETERS];
extern const ModelOperations nbd_operations;
extern const ModelOperations nbd_equal_rate_operations;

#define NBD_LIMIT(base, limit_name, n, its_parameters, its_operations) \
	&(const ModelKind) \
	{ \
		.name = base, .limit = limit_name, .family = MODEL_PURCHASES, \
		.n_parameters = n, .parameters = its_parameters, \
		.operations = &its_operations \
	}
#define MODEL_NBD_LIMITS(base) \
	NBD_LIMIT(base, "equal_rate_and_no_dropout", NBD_N_EQUAL_RATE_PARAMETERS, \
			  nbd_equal_rate_parameters, nbd_equal_rate_operations), \
		NBD_LIMIT(base, "no_dropout", NBD_N_PARAMETERS, nbd_parameters, \
				  nbd_operations)

#endif /* CRM_MODEL_KINDS_NBD_H */
