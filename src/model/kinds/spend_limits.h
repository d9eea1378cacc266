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

/*
 * Amounts that differ by a part d of their mean have shapes of about 1 / d^2.
 * So a shape may be this far from 1 before it counts as infinite.
 */
#define FAR_SHAPE 1e12

/* The list for ModelKind.limits. */
extern const ModelKind *const gamma_gamma_limits[];

#endif /* CRM_MODEL_KINDS_SPEND_LIMITS_H */
