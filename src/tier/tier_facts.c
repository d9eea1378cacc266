/*-------------------------------------------------------------------------
 *
 * tier_facts.c
 *		The facts of a decision about a tier, as tier_log keeps them.
 *
 * jsonb_strip_nulls(jsonb_build_object(...)) gives the same object, and builds
 * it twice. It took a fifth of the first review of a program.
 *
 * Views read the days among the facts of every member. The input function of
 * dates knows many forms of a day and time zones, which takes ten times as
 * long as the one form in which the facts are written.
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
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/json.h"

#include "base/calendar.h"
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

PG_FUNCTION_INFO_V1(crm_fact_day);

/*
 * crm_internal.fact_day(facts, name): (facts ->> name)::date. Rows may be
 * written by hand, so every form of a day is read.
 */
Datum
crm_fact_day(PG_FUNCTION_ARGS)
{
	Jsonb *facts = PG_GETARG_JSONB_P(0);
	text *name = PG_GETARG_TEXT_PP(1);
	JsonbValue space;
	JsonbValue *value = NULL;
	char day_text[11];
	int32_t day;

	if (JB_ROOT_IS_OBJECT(facts))
		value = getKeyJsonValueFromContainer(&facts->root, VARDATA_ANY(name),
											 VARSIZE_ANY_EXHDR(name), &space);
	if (value != NULL && value->type == jbvString &&
		value->val.string.len == 10)
	{
		memcpy(day_text, value->val.string.val, 10);
		day_text[10] = '\0';
		if (calendar_parse_day(day_text, &day))
			PG_RETURN_DATEADT(day);
	}
	if (value == NULL || value->type == jbvNull)
		PG_RETURN_NULL();
	return DirectFunctionCall1(
		date_in, CStringGetDatum(TextDatumGetCString(DirectFunctionCall2(
					 jsonb_object_field_text, JsonbPGetDatum(facts),
					 PointerGetDatum(name)))));
}
