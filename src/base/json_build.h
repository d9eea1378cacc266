/*-------------------------------------------------------------------------
 *
 * json_build.h
 *		Writing jsonb: the texts and numbers that values are made of.
 *
 * pushJsonbValue takes any value in a struct. What we write are strings and
 * decimal numbers. The JsonbValue points to them, so they must live until
 * JsonbValueToJsonb has copied the whole.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_JSON_BUILD_H
#define CRM_BASE_JSON_BUILD_H

#include "base/crm.h"

#include "utils/jsonb.h"
#include "utils/numeric.h"

/* A key or a string, as the token says. */
static inline void
json_push_text(JsonbInState *json, JsonbIteratorToken token, const char *text)
{
	JsonbValue value = {.type = jbvString};

	value.val.string.val = unconstify(char *, text);
	value.val.string.len = (int) strlen(text);
	pushJsonbValue(json, token, &value);
}

/* A field with a number, or with a JSON null where there is none. */
static inline void
json_push_number(JsonbInState *json, const char *key, Numeric number)
{
	JsonbValue value = {.type = number == NULL ? jbvNull : jbvNumeric};

	if (number != NULL)
		value.val.numeric = number;
	json_push_text(json, WJB_KEY, key);
	pushJsonbValue(json, WJB_VALUE, &value);
}

#endif /* CRM_BASE_JSON_BUILD_H */
