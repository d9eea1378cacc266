/*-------------------------------------------------------------------------
 *
 * model_kind.c
 *		The kind of model that a name from SQL stands for.
 *
 * An error about a name lists the kinds that the function accepts, and only
 * these: a model may be of any kind, a fit knows the kinds of its family.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "lib/stringinfo.h"
#include "model/model.h"

#define NAME_SHOWN 64 /* bytes of a wrong name */

/* One more name of a list in a message. */
static void
append_name(StringInfo names, const char *name)
{
	appendStringInfo(names, "%s%s", names->len > 0 ? ", " : "", name);
}

/*
 * The name comes from the user and may be a megabyte long, so only its
 * beginning is shown.
 */
static void
refuse_name(const char *name, Size size, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("unknown kind of model \"%.*s\"",
						   (int) Min(size, NAME_SHOWN), name),
					errhint("%s", hint)));
}

/* Any kind. The list in the error has the order of kinds.h. */
const ModelKind *
model_kind_named(const char *name, Size size)
{
	const ModelKind *kind = model_kind_find(name, size);
	StringInfoData known;

	if (kind != NULL)
		return kind;
	initStringInfo(&known);
	for (int i = 0; model_kinds[i] != NULL; i++)
		append_name(&known, model_kinds[i]->name);
	refuse_name(name, size, psprintf("The kinds are %s.", known.data));
	pg_unreachable();
}

/*
 * A limit of a kind. The error lists the limits that the kind has.
 */
const ModelKind *
model_limit_named(const ModelKind *kind, const char *name, Size size)
{
	const ModelKind *limit = model_kind_limit(kind, name, size);
	StringInfoData known;

	if (limit != NULL)
		return limit;
	initStringInfo(&known);
	for (int i = 0; kind->limits != NULL && kind->limits[i] != NULL; i++)
		append_name(&known, kind->limits[i]->limit);
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("a model of kind %s has no limit \"%.*s\"",
						   kind->name, (int) Min(size, NAME_SHOWN), name),
					known.len > 0 ? errhint("Its limits are %s.", known.data)
								  : errhint("This kind has no limits.")));
	pg_unreachable();
}

static void
refuse_to_fit(const char *name, Size size, ModelFamily family)
{
	const ModelFamilyTraits *traits = &model_families[family];
	StringInfoData known;

	initStringInfo(&known);
	for (int i = 0; model_kinds[i] != NULL; i++)
	{
		if (model_kinds[i]->family == family)
			append_name(&known, model_kinds[i]->name);
	}
	if (traits->best != NULL)
		append_name(&known, traits->best->name);
	refuse_name(name, size,
				psprintf("The kinds of crm.%s are %s.", traits->aggregate,
						 known.data));
}

/*
 * A kind of another family exists, but another aggregate fits it: the hint
 * names that aggregate.
 */
const ModelKind *
model_kind_to_fit(const char *name, Size size, ModelFamily family)
{
	const ModelKind *kind = model_kind_find_to_fit(family, name, size);

	if (kind == NULL)
		refuse_to_fit(name, size, family);
	if (kind->family != family)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"%s\" is not a model of %s", kind->name,
							   model_families[family].describes),
						errhint("Fit it with the aggregate crm.%s.",
								model_kind_family(kind)->aggregate)));
	return kind;
}

PG_FUNCTION_INFO_V1(crm_check_purchase_model);

/*
 * crm_internal.check_purchase_model(kind): an error that lists the kinds, if
 * there is no such kind of model of purchases.
 */
Datum
crm_check_purchase_model(PG_FUNCTION_ARGS)
{
	text *kind = PG_GETARG_TEXT_PP(0);

	(void) model_kind_to_fit(VARDATA_ANY(kind), VARSIZE_ANY_EXHDR(kind),
							 MODEL_PURCHASES);
	PG_RETURN_VOID();
}
