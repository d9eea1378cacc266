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

/*
 * The parameters of either kind. (alpha, beta) is the beta density, over the
 * customers, of the probability of leaving at the end of the first period. c
 * is 1 for sbg. Above 1 the risk of a customer rises with time.
 */
typedef struct Renewal
{
	double alpha;
	double beta;
	double c;
} Renewal;

extern Renewal model_renewal(const ModelKind *kind, const double *parameters);

/*
 * ln S(period), where S is the share of new customers who are still there
 * after so many periods: 0, 1, ... It is a logarithm because S can be below
 * the smallest double.
 */
extern double model_renewal_log_survival(Renewal renewal, double period);

/*
 * ln(S(period - 1) - S(period)): the share of new customers who are lost at
 * the end of this period, 1, 2, ...
 */
extern double model_renewal_log_loss(Renewal renewal, double period);

/*
 * S(period) / S(period - 1): the share of the remaining customers who renew at
 * the end of this period. For sbg it rises with time although the probability
 * of no customer changes, because the customers who leave easily are gone.
 */
extern double model_renewal_retention(Renewal renewal, double period);

/*
 * The renewals to come of a customer who is just before the end of this
 * period, each discounted by exp(-discount) per period from then on: the sum
 * over k from period to last, which may be INFINITY, of S(k) / S(period - 1)
 * exp(-discount (k - period)). The discount is positive. For sbg without an
 * end this is the discounted expected residual lifetime (DERL) of Fader &
 * Hardie (2010), whose closed form is a Gauss hypergeometric function. NaN if
 * the sum cannot be computed.
 */
extern double model_renewal_residual(Renewal renewal, double period,
									 double last, double discount);

#endif /* CRM_MODEL_KINDS_RENEWAL_H */
