/*-------------------------------------------------------------------------
 *
 * kind.c
 *		The kind of model that a name stands for.
 *
 *-------------------------------------------------------------------------
 */
#include "model/kinds/families.h"
#include "model/kinds/kinds.h"

#include <string.h>

/*
 * All NULL. A model never has the kind "best", so no caller asks for them. The
 * pointer itself must be valid, because checks for an operation read the
 * table.
 */
static const ModelOperations no_operations = {0};

const ModelKind model_best = {
	.name = "best",
	.family = MODEL_PURCHASES,
	.operations = &no_operations,
};

/* Names come from a text datum, so they have a length and no final zero. */
static bool
same_name(const char *known, const char *name, size_t size)
{
	return strlen(known) == size && memcmp(known, name, size) == 0;
}

/*
 * A linear search: there are ten kinds, and a name is looked up once a query.
 */
const ModelKind *
model_kind_find(const char *name, size_t size)
{
	for (int i = 0; model_kinds[i] != NULL; i++)
	{
		if (same_name(model_kinds[i]->name, name, size))
			return model_kinds[i];
	}
	return NULL;
}

const ModelKind *
model_kind_limit(const ModelKind *kind, const char *name, size_t size)
{
	for (int i = 0; kind->limits != NULL && kind->limits[i] != NULL; i++)
	{
		if (same_name(kind->limits[i]->limit, name, size))
			return kind->limits[i];
	}
	return NULL;
}

/*
 * "best" is the name of no kind, so the order of the two look-ups does not
 * matter for other names.
 */
const ModelKind *
model_kind_find_to_fit(ModelFamily family, const char *name, size_t size)
{
	const ModelKind *best = model_families[family].best;

	if (best != NULL && same_name(best->name, name, size))
		return best;
	return model_kind_find(name, size);
}
