/*-------------------------------------------------------------------------
 *
 * kinds.c
 *		The list of the kinds of model. Errors name them in this order. And what
 *		their answers call between two parts of a long computation.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/bg_bb.h"
#include "model/kinds/bg_nbd.h"
#include "model/kinds/gamma_gamma.h"
#include "model/kinds/nbd.h"
#include "model/kinds/pareto_nbd.h"
#include "model/kinds/regular.h"
#include "model/kinds/renewal.h"

#include <string.h>

const ModelKind *const model_kinds[] = {
	&model_bg_nbd,	  &model_mbg_nbd,	 &model_pareto_nbd, &model_nbd,
	&model_bg_cnbd_k, &model_mbg_cnbd_k, &model_bg_bb,		&model_gamma_gamma,
	&model_sbg,		  &model_bdw,
};

static void
go_on(void)
{
}

void (*model_pause)(void) = go_on;

const int n_model_kinds = sizeof(model_kinds) / sizeof(model_kinds[0]);

const ModelKind *
model_kind_find(const char *name, size_t size)
{
	for (int i = 0; i < n_model_kinds; i++)
	{
		if (strlen(model_kinds[i]->name) == size &&
			memcmp(model_kinds[i]->name, name, size) == 0)
			return model_kinds[i];
	}
	return NULL;
}
