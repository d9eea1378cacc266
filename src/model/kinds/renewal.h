/*-------------------------------------------------------------------------
 *
 * renewal.h
 *		Customers who renew, or not, at the end of each period.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_RENEWAL_H
#define CRM_MODEL_KINDS_RENEWAL_H

#include "model/kinds/kinds.h"

/* The parameters of either kind: c is 1 for sbg. */
typedef struct Renewal
{
	double alpha;
	double beta;
	double c;
} Renewal;

extern Renewal model_renewal(const ModelKind *kind, const double *parameters);

/* ln S(period): still a customer after so many periods, 0, 1, ... */
extern double model_renewal_log_survival(Renewal renewal, double period);

/* ln(S(period - 1) - S(period)): lost at the end of this period, 1, 2, ... */
extern double model_renewal_log_loss(Renewal renewal, double period);

/* S(period) / S(period - 1): the share that renews after this period */
extern double model_renewal_retention(Renewal renewal, double period);

/*
 * The renewals to come of a customer who is just before the end of this
 * period, each discounted by exp(-discount) per period from then on: the sum
 * over k from period to last, which may be INFINITY, of S(k) / S(period - 1)
 * exp(-discount (k - period)). The discount is positive.
 */
extern double model_renewal_residual(Renewal renewal, double period,
									 double last, double discount);

#endif /* CRM_MODEL_KINDS_RENEWAL_H */
