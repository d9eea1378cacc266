/*-------------------------------------------------------------------------
 *
 * spend_limits.h
 *		The limits of the gamma-gamma model.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_SPEND_LIMITS_H
#define CRM_MODEL_KINDS_SPEND_LIMITS_H

#include "model/kinds/kinds.h"

/* The list for ModelKind.limits. */
extern const ModelKind *const gamma_gamma_limits[];

#endif /* CRM_MODEL_KINDS_SPEND_LIMITS_H */
