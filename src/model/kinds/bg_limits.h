/*-------------------------------------------------------------------------
 *
 * bg_limits.h
 *		The limits of the BG/NBD and MBG/NBD models.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_BG_LIMITS_H
#define CRM_MODEL_KINDS_BG_LIMITS_H

#include "model/kinds/kind.h"

/* Lists for ModelKind.limits. */
extern const ModelKind *const bg_nbd_limits[];
extern const ModelKind *const mbg_nbd_limits[];

#endif /* CRM_MODEL_KINDS_BG_LIMITS_H */
