/*-------------------------------------------------------------------------
 *
 * tier_facts.c
 *		The facts of a decision about a tier, as tier_log keeps them.
 *
 * jsonb_strip_nulls(jsonb_build_object(...)) gives the same object, and builds
 * it twice. It took a fifth of the first review of a program.
 *
 * Memory: values point to the arguments and to buffers of the caller, until
 * JsonbValueToJsonb copies all of them.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"

#include "base/json_build.h"

/* Arguments of crm_tier_facts_object, from 0. */
enum
{
	FACT_METRICS,
	FACT_SINCE,
	FACT_UNTIL,
	FACT_ASKED,
	FACT_ENROLLED_ON,
	FACT_CHANGED_ON,
	FACT_FLOOR_NO
};

/* Room for a day as text, for example "2025-12-31" or "-infinity". */
typedef char DayText[MAXDATELEN + 1];

/* Adds an argument with an object, without its fields that are null. */
static void
push_object(JsonbInState *facts, FunctionCallInfo fcinfo, int argument,
			const char *name)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue key = {0};
	JsonbValue value;

	if (PG_ARGISNULL(argument))
		return;
	json_push_text(facts, WJB_KEY, name);
	pushJsonbValue(facts, WJB_BEGIN_OBJECT, NULL);
	iterator = JsonbIteratorInit(&PG_GETARG_JSONB_P(argument)->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = value;
		else if (token == WJB_VALUE && value.type != jbvNull)
		{
			pushJsonbValue(facts, WJB_KEY, &key);
			pushJsonbValue(facts, WJB_VALUE, &value);
		}
	}
	pushJsonbValue(facts, WJB_END_OBJECT, NULL);
}

/* Adds an argument with a day, in the form that JSON has for days. */
static void
push_day(JsonbInState *facts, FunctionCallInfo fcinfo, int argument,
		 const char *name, DayText text)
{
	if (PG_ARGISNULL(argument))
		return;
	JsonEncodeDateTime(text, PG_GETARG_DATUM(argument), DATEOID, NULL);
	json_push_text(facts, WJB_KEY, name);
	json_push_text(facts, WJB_VALUE, text);
}

PG_FUNCTION_INFO_V1(crm_tier_facts_object);

/*
 * crm_internal.tier_facts_object(metrics, since, until, asked, enrolled_on,
 * changed_on, floor_no): an object with a field for each argument that is not
 * NULL.
 */
Datum
crm_tier_facts_object(PG_FUNCTION_ARGS)
{
	JsonbInState facts = {0};
	DayText since, until, enrolled_on, changed_on;

	pushJsonbValue(&facts, WJB_BEGIN_OBJECT, NULL);
	push_object(&facts, fcinfo, FACT_METRICS, "metrics");
	push_day(&facts, fcinfo, FACT_SINCE, "since", since);
	push_day(&facts, fcinfo, FACT_UNTIL, "until", until);
	push_object(&facts, fcinfo, FACT_ASKED, "asked");
	push_day(&facts, fcinfo, FACT_ENROLLED_ON, "enrolled_on", enrolled_on);
	push_day(&facts, fcinfo, FACT_CHANGED_ON, "changed_on", changed_on);
	if (!PG_ARGISNULL(FACT_FLOOR_NO))
		json_push_number(&facts, "floor_no",
						 int64_to_numeric(PG_GETARG_INT32(FACT_FLOOR_NO)));
	pushJsonbValue(&facts, WJB_END_OBJECT, NULL);
	PG_RETURN_JSONB_P(JsonbValueToJsonb(facts.result));
}
