/*-------------------------------------------------------------------------
 *
 * gamma_gamma.h
 *		The gamma-gamma model of the mean amount of a purchase.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_GAMMA_GAMMA_H
#define CRM_MODEL_KINDS_GAMMA_GAMMA_H

#include "model/kinds/kind.h"

extern const ModelKind model_gamma_gamma;

#endif /* CRM_MODEL_KINDS_GAMMA_GAMMA_H */
