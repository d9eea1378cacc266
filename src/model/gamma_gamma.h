/*-------------------------------------------------------------------------
 *
 * gamma_gamma.h
 *		The gamma-gamma model of the mean amount of a purchase.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_GAMMA_GAMMA_H
#define CRM_MODEL_GAMMA_GAMMA_H

#include "model/kind.h"

extern const ModelKind model_gamma_gamma;

#endif /* CRM_MODEL_GAMMA_GAMMA_H */
