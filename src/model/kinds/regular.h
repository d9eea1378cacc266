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
 * Parameters r, alpha, a, b and, in fifth place, the whole number k from 1 to
 * ERLANG_MAX_K, which the derivatives leave alone.
 */
#define REGULAR_K 4

/*
 * What the times between purchases add to the log-likelihood: log_gaps is the
 * sum of their logarithms. Linear in purchases and log_gaps, so it can be had
 * of a customer or of all at once. It depends on no parameter but k.
 */
extern double model_regular_gaps(const ModelKind *kind,
								 const double *parameters, double purchases,
								 double log_gaps);

#endif /* CRM_MODEL_KINDS_REGULAR_H */
