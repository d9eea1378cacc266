/*-------------------------------------------------------------------------
 *
 * pareto_nbd.h
 *		The Pareto/NBD model of repeat purchases.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_PARETO_NBD_H
#define CRM_MODEL_KINDS_PARETO_NBD_H

#include "model/kinds/kind.h"

extern const ModelKind model_pareto_nbd;

#endif /* CRM_MODEL_KINDS_PARETO_NBD_H */
