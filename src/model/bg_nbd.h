/*-------------------------------------------------------------------------
 *
 * bg_nbd.h
 *		The BG/NBD and MBG/NBD models of repeat purchases.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_BG_NBD_H
#define CRM_MODEL_BG_NBD_H

#include "model/kind.h"

extern const ModelKind model_bg_nbd;
extern const ModelKind model_mbg_nbd;

#endif /* CRM_MODEL_BG_NBD_H */
