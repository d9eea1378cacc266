/*-------------------------------------------------------------------------
 *
 * regular.h
 *		The BG/CNBD-k and MBG/CNBD-k models of regular repeat purchases.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_REGULAR_H
#define CRM_MODEL_KINDS_REGULAR_H

#include "model/kinds/erlang.h"
#include "model/kinds/kinds.h"

/*
 * The parameters are r, alpha, a, b and, in the fifth place, the whole number
 * k from 1 to ERLANG_MAX_K. There are no derivatives in k.
 */
#define REGULAR_K 4

/*
 * The term that the times between purchases add to the log-likelihood:
 *
 *	(k - 1) log_gaps - purchases ln((k - 1)!)
 *
 * log_gaps is the sum of the logarithms of the times, in the unit of the
 * sample. The term is linear in purchases and log_gaps, so one call serves a
 * customer or all customers at once. Of the parameters it depends on k alone.
 */
extern double model_regular_gaps(const ModelKind *kind,
								 const double *parameters, double purchases,
								 double log_gaps);

#endif /* CRM_MODEL_KINDS_REGULAR_H */
