/*-------------------------------------------------------------------------
 *
 * kinds.h
 *		The list of the kinds of model.
 *
 * MODEL_KINDS names each kind once: a kind NAME is the constant model_NAME in
 * a file of this folder. Errors name the kinds in this order, and where two
 * kinds fit equally well, "best" takes the earlier one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MODEL_KINDS_KINDS_H
#define CRM_MODEL_KINDS_KINDS_H

#include "model/kinds/kind.h"

/* clang-format off */
#define MODEL_KINDS(KIND) \
	KIND(bg_nbd) \
	KIND(mbg_nbd) \
	KIND(pareto_nbd) \
	KIND(nbd) \
	KIND(bg_cnbd_k) \
	KIND(mbg_cnbd_k) \
	KIND(bg_bb) \
	KIND(gamma_gamma) \
	KIND(sbg) \
	KIND(bdw)
/* clang-format on */

#define MODEL_KIND_DECLARATION(name) extern const ModelKind model_##name;
#define MODEL_KIND_ADDRESS(name) &model_##name,

MODEL_KINDS(MODEL_KIND_DECLARATION)

/* Their addresses, in kinds.c. The last one is NULL. */
extern const ModelKind *const model_kinds[];

#endif /* CRM_MODEL_KINDS_KINDS_H */
