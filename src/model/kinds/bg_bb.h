/*-------------------------------------------------------------------------
 *
 * bg_bb.h
 *		The BG/BB model of purchases on regular occasions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_BG_BB_H
#define CRM_MODEL_KINDS_BG_BB_H

#include "model/kinds/kind.h"

extern const ModelKind model_bg_bb;

#endif /* CRM_MODEL_KINDS_BG_BB_H */
