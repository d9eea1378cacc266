/*-------------------------------------------------------------------------
 *
 * bg_bb.h
 *		The BG/BB model of purchases on regular occasions.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_BG_BB_H
#define CRM_MODEL_BG_BB_H

#include "model/kind.h"

extern const ModelKind model_bg_bb;

#endif /* CRM_MODEL_BG_BB_H */
