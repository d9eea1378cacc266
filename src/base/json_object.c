/*-------------------------------------------------------------------------
 *
 * json_object.c
 *		Reading the fields of JSON objects, with errors that name the place.
 *
 * Every getter finds the value, checks its type and converts it. A message is
 * put together only when there is a problem, so reading a valid object formats
 * no text.
 *
 * A jsonb object keeps its keys sorted, so a getter finds a field by binary
 * search.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/json_object.h"

/*
 * The bytes of a text, and of a list of names, that a message shows. A user can
 * write a document of megabytes, which must not all go to the log.
 */
#define MAX_SHOWN_TEXT 64
#define MAX_SHOWN_LIST 1000

/* Hints on how to write a value of a type. */
#define TEXT_HINT "Write it in double quotes."
#define NUMBER_HINT "Write it without quotes."
#define ARRAY_HINT "Write it in brackets."
#define OBJECT_HINT "Write it in braces."

/*
 * True for an object. The iterator and the getters give nested containers as
 * jbvBinary.
 */
static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		   JsonContainerIsObject(value->val.binary.data);
}

static bool
is_array(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		   JsonContainerIsArray(value->val.binary.data);
}

/*
 * Errors
 */

/*
 * The one place that raises errors about JSON, so that all have the same
 * SQLSTATE.
 */
void
json_refuse(const char *problem, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", problem),
			 hint == NULL ? 0 : errhint("%s", hint)));
	pg_unreachable();
}

/*
 * A text for a message, cut between two characters if it is long. The text
 * need not end with a zero byte.
 */
static char *
shown_text(const char *text, int size)
{
	int shown = pg_mbcliplen(text, size, MAX_SHOWN_TEXT);

	return psprintf("%.*s%s", shown, text, shown < size ? "..." : "");
}

/*
 * A number for a message. A numeric may have thousands of digits, so it is cut
 * too.
 */
static char *
shown_number(Numeric number)
{
	char *text = DatumGetCString(
		DirectFunctionCall1(numeric_out, NumericGetDatum(number)));

	return shown_text(text, (int) strlen(text));
}

/* A value for a message. Objects and arrays are named and not shown. */
static const char *
shown_value(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return "null";
		case jbvBool:
			return value->val.boolean ? "true" : "false";
		case jbvNumeric:
			return shown_number(value->val.numeric);
		case jbvString:
			return psprintf("\"%s\"", shown_text(value->val.string.val,
												 value->val.string.len));
		default:
			return is_object(value) ? "an object" : "an array";
	}
}

/* The problem of a value of the wrong type: the wanted type, and the value. */
static const char *
wrong_value(const char *wanted, const JsonbValue *value)
{
	return psprintf("must be %s, not %s", wanted, shown_value(value));
}

/* Raises the error: field "x" of a tier policy, followed by the problem. */
void
json_refuse_field(const JsonObject *object, const char *field,
				  const char *problem, const char *hint)
{
	json_refuse(
		psprintf("field \"%s\" of %s %s", field, object->name, problem), hint);
}

/* Raises the error for a field that is needed and missing or null. */
void
json_refuse_missing(const JsonObject *object, const char *field,
					const char *hint)
{
	json_refuse_field(object, field, "is missing", hint);
}

/*
 * Documents and elements
 */

/*
 * The document as a value. jsonb stores a scalar as an array of one element
 * with a mark, which JsonbExtractScalar takes apart.
 */
static JsonbValue
document_value(Jsonb *json)
{
	JsonbValue value;

	if (!JB_ROOT_IS_SCALAR(json) || !JsonbExtractScalar(&json->root, &value))
	{
		value.type = jbvBinary;
		value.val.binary.data = &json->root;
		value.val.binary.len = (int) (VARSIZE(json) - VARHDRSZ);
	}
	return value;
}

/* The element as an object with a name, or an error with the hint. */
JsonObject
json_element_object(const JsonbValue *value, const char *name,
					const char *hint)
{
	JsonObject object = {.name = name};

	if (!is_object(value))
		json_refuse(psprintf("%s %s", name, wrong_value("an object", value)),
					hint);
	object.container = value->val.binary.data;
	return object;
}

/* The element as an array. The iterator stands before its first element. */
JsonArray
json_element_array(const JsonbValue *value, const char *name, const char *hint)
{
	JsonArray array;

	if (!is_array(value))
		json_refuse(psprintf("%s %s", name, wrong_value("an array", value)),
					hint);
	array.iterator = JsonbIteratorInit(value->val.binary.data);
	array.count = JsonContainerSize(value->val.binary.data);
	return array;
}

/* The whole document as an object. */
JsonObject
json_document_object(Jsonb *json, const char *name, const char *hint)
{
	JsonbValue value = document_value(json);

	return json_element_object(&value, name, hint);
}

/* The whole document as an array. */
JsonArray
json_document_array(Jsonb *json, const char *name, const char *hint)
{
	JsonbValue value = document_value(json);

	return json_element_array(&value, name, hint);
}

/*
 * Nested containers are skipped (the last argument of JsonbIteratorNext) and
 * given as one value. So each step is one element, and the only other tokens
 * are the begin and the end of the array.
 */
bool
json_next_element(JsonArray *array, JsonbValue *value)
{
	JsonbIteratorToken token;

	CHECK_FOR_INTERRUPTS();
	while ((token = JsonbIteratorNext(&array->iterator, value, true)) !=
		   WJB_DONE)
		if (token == WJB_ELEM)
			return true;
	return false;
}

/*
 * The element as float8. A number beyond the range of float8 becomes infinite,
 * so that the caller can refuse it in its own words.
 */
double
json_element_float8(const JsonbValue *value, const char *name)
{
	if (value->type != jbvNumeric)
		json_refuse(psprintf("%s %s", name, wrong_value("a number", value)),
					NUMBER_HINT);
	return DatumGetFloat8(DirectFunctionCall1(
		numeric_float8_no_overflow, NumericGetDatum(value->val.numeric)));
}

/*
 * Names of fields
 */

/*
 * Is the name one of the known? A key of jsonb has a length and no zero byte
 * at its end.
 */
static bool
is_known(const JsonbValue *name, const char *const *known)
{
	for (; *known != NULL; known++)
		if (strlen(*known) == (Size) name->val.string.len &&
			memcmp(*known, name->val.string.val, name->val.string.len) == 0)
			return true;
	return false;
}

/*
 * The first unknown field in the order of jsonb, copied, or NULL. An object
 * may have very many keys, so interrupts are served.
 */
char *
json_unknown_field(const JsonObject *object, const char *const *known)
{
	JsonbIterator *iterator = JsonbIteratorInit(object->container);
	JsonbIteratorToken token;
	JsonbValue name;

	while ((token = JsonbIteratorNext(&iterator, &name, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_KEY && !is_known(&name, known))
			return pnstrdup(name.val.string.val, name.val.string.len);
	}
	return NULL;
}

/* The names joined by commas, in the current memory context. */
static char *
joined(const char *const *names)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; names[i] != NULL; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", names[i]);
	return list.data;
}

/*
 * Refuses an unknown field. The hint lists the known ones, so that a user sees
 * the right spelling.
 */
void
json_check_fields(const JsonObject *object, const char *const *known)
{
	char *unknown = json_unknown_field(object, known);

	if (unknown != NULL)
		json_refuse(psprintf("unknown field \"%s\" in %s",
							 shown_text(unknown, (int) strlen(unknown)),
							 object->name),
					psprintf("The fields are %s.", joined(known)));
}

/*
 * The names of the fields for a message. The list stops after MAX_SHOWN_LIST
 * bytes, give or take a name.
 */
char *
json_field_names(const JsonObject *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(object->container);
	JsonbIteratorToken token;
	JsonbValue name;
	StringInfoData list;

	initStringInfo(&list);
	while ((token = JsonbIteratorNext(&iterator, &name, true)) != WJB_DONE &&
		   list.len < MAX_SHOWN_LIST)
		if (token == WJB_KEY)
			appendStringInfo(
				&list, "%s%s", list.len > 0 ? ", " : "",
				shown_text(name.val.string.val, name.val.string.len));
	return list.data;
}

/*
 * Fields
 */

/* True also if the field is null: it was written. */
bool
json_field_exists(const JsonObject *object, const char *field)
{
	JsonbValue space;

	return getKeyJsonValueFromContainer(object->container, field,
										strlen(field), &space) != NULL;
}

/*
 * The value in *space, or NULL. Missing and null are the same to all getters.
 */
JsonbValue *
json_field_value(const JsonObject *object, const char *field,
				 JsonbValue *space)
{
	JsonbValue *value = getKeyJsonValueFromContainer(object->container, field,
													 strlen(field), space);

	return value == NULL || value->type == jbvNull ? NULL : value;
}

/* A copy of the text. An empty text is an error: no field has a use for it. */
char *
json_field_text(const JsonObject *object, const char *field)
{
	JsonbValue space;
	JsonbValue *value = json_field_value(object, field, &space);

	if (value == NULL)
		return NULL;
	if (value->type != jbvString)
		json_refuse_field(object, field, wrong_value("a string", value),
						  TEXT_HINT);
	if (value->val.string.len == 0)
		json_refuse_field(object, field, "must not be empty", NULL);
	return pnstrdup(value->val.string.val, value->val.string.len);
}

/* The same for a field that must be there. */
char *
json_required_text(const JsonObject *object, const char *field,
				   const char *hint)
{
	char *text = json_field_text(object, field);

	if (text == NULL)
		json_refuse_missing(object, field, hint);
	return text;
}

/* Only true and false. Strings such as "yes" are an error. */
bool
json_field_bool(const JsonObject *object, const char *field, bool *result)
{
	JsonbValue space;
	JsonbValue *value = json_field_value(object, field, &space);

	if (value == NULL)
		return false;
	if (value->type != jbvBool)
		json_refuse_field(object, field, wrong_value("true or false", value),
						  NUMBER_HINT);
	*result = value->val.boolean;
	return true;
}

/* The number inside the document, not a copy. */
Numeric
json_field_numeric(const JsonObject *object, const char *field)
{
	JsonbValue space;
	JsonbValue *value = json_field_value(object, field, &space);

	if (value == NULL)
		return NULL;
	if (value->type != jbvNumeric)
		json_refuse_field(object, field, wrong_value("a number", value),
						  NUMBER_HINT);
	return value->val.numeric;
}

/* The number as float8. A number beyond its range becomes infinite. */
bool
json_field_float8(const JsonObject *object, const char *field, double *result)
{
	Numeric number = json_field_numeric(object, field);

	if (number == NULL)
		return false;
	*result = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												 NumericGetDatum(number)));
	return true;
}

/*
 * A whole number within the limits. 3.0 counts as whole. The range is tested
 * in float8 first, because numeric_int8 would raise an error of its own for a
 * huge number.
 */
bool
json_field_integer(const JsonObject *object, const char *field, int64 least,
				   int64 greatest, int64 *result)
{
	Numeric number = json_field_numeric(object, field);
	Datum whole;
	double rounded;

	if (number == NULL)
		return false;
	whole = DirectFunctionCall1(numeric_floor, NumericGetDatum(number));
	rounded =
		DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, whole));
	if (!DatumGetBool(
			DirectFunctionCall2(numeric_eq, whole, NumericGetDatum(number))) ||
		rounded < (double) least || rounded > (double) greatest)
		json_refuse_field(
			object, field,
			psprintf("must be an integer from %lld to %lld, not %s",
					 (long long) least, (long long) greatest,
					 shown_number(number)),
			NULL);
	*result = DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
	return true;
}

/*
 * The number as an exact decimal. Trailing zeros are removed first, so that
 * 1.000000000 is not refused for its nine decimals.
 */
bool
json_field_decimal(const JsonObject *object, const char *field,
				   Decimal *result)
{
	Numeric number = json_field_numeric(object, field);
	struct varlena *trimmed;

	if (number == NULL)
		return false;
	trimmed = (struct varlena *) DatumGetPointer(
		DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(number)));
	if (decimal_from_numeric((const uint8_t *) VARDATA_ANY(trimmed),
							 VARSIZE_ANY_EXHDR(trimmed),
							 result) != DECIMAL_VALID)
		json_refuse_field(
			object, field,
			psprintf("is out of range: %s", shown_number(number)),
			"Use at most 18 digits, and at most 8 of them as decimals.");
	return true;
}

/* The array in a field. It has the name of the field in messages. */
bool
json_field_array(const JsonObject *object, const char *field,
				 JsonArray *result)
{
	JsonbValue space;
	JsonbValue *value = json_field_value(object, field, &space);

	if (value == NULL)
		return false;
	if (!is_array(value))
		json_refuse_field(object, field, wrong_value("an array", value),
						  ARRAY_HINT);
	*result = json_element_array(value, field, NULL);
	return true;
}

/* The object in a field, with its own name for messages. */
bool
json_field_object(const JsonObject *object, const char *field,
				  const char *name, JsonObject *result)
{
	JsonbValue space;
	JsonbValue *value = json_field_value(object, field, &space);

	if (value == NULL)
		return false;
	if (!is_object(value))
		json_refuse_field(object, field, wrong_value("an object", value),
						  OBJECT_HINT);
	*result = json_element_object(value, name, NULL);
	return true;
}

/* The list of choices is part of the message, so that a user can pick one. */
int
json_field_choice(const JsonObject *object, const char *field,
				  const char *const *choices, int preset)
{
	char *text = json_field_text(object, field);

	if (text == NULL)
		return preset;
	for (int i = 0; choices[i] != NULL; i++)
		if (strcmp(choices[i], text) == 0)
			return i;
	json_refuse_field(object, field,
					  psprintf("must be one of %s, not \"%s\"",
							   joined(choices),
							   shown_text(text, (int) strlen(text))),
					  NULL);
}
