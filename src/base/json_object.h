/*-------------------------------------------------------------------------
 *
 * json_object.h
 *		Reading the fields of JSON objects, with errors that name the place.
 *
 * Rulesets, tier policies, models, rewards and metrics come as jsonb that
 * anybody can write. One reader gives all of them the same rules:
 *
 *	- A field that is null counts as missing.
 *	- An unknown field is an error. A misspelt field would otherwise silently
 *	  have its default.
 *	- An error names the field and the object, shows the value, and says what
 *	  the value must be. Its SQLSTATE is ERRCODE_INVALID_PARAMETER_VALUE.
 *
 * A JsonObject carries its name for messages, for example "a tier policy" or
 * "tier \"silver\"".
 *
 * Memory: a JsonObject, a JsonArray and a Numeric point into the jsonb, which
 * must outlive them. Texts are copies in the current memory context.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_BASE_JSON_OBJECT_H
#define CRM_BASE_JSON_OBJECT_H

#include "base/crm.h"

#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "base/decimal.h"

/* An object with the name that messages give it. */
typedef struct JsonObject
{
	JsonbContainer *container;
	const char *name; /* with its article; not a copy */
} JsonObject;

/* An array and a place in it. json_next_element goes on by one element. */
typedef struct JsonArray
{
	JsonbIterator *iterator; /* in the current memory context */
	uint32 count; /* of all elements */
} JsonArray;

/* Raises an error of the SQLSTATE above; the hint may be NULL. */
pg_noreturn extern void json_refuse(const char *problem, const char *hint);

/* A whole document or an element that must be an object or an array. */
extern JsonObject json_document_object(Jsonb *json, const char *name,
									   const char *hint);
extern JsonArray json_document_array(Jsonb *json, const char *name,
									 const char *hint);
extern JsonObject json_element_object(const JsonbValue *value,
									  const char *name, const char *hint);
extern JsonArray json_element_array(const JsonbValue *value, const char *name,
									const char *hint);
extern double json_element_float8(const JsonbValue *value, const char *name);

/* Fills in the next element. False at the end. Serves interrupts. */
extern bool json_next_element(JsonArray *array, JsonbValue *value);

/*
 * The first field that is not known, or NULL; and an error if there is one. The
 * known fields are a list that ends with NULL.
 */
extern char *json_unknown_field(const JsonObject *object,
								const char *const *known);
extern void json_check_fields(const JsonObject *object,
							  const char *const *known);

/* The names of the fields, joined by commas, for messages. */
extern char *json_field_names(const JsonObject *object);

/* Errors about a field: field "x" of a tier policy, and the problem. */
pg_noreturn extern void json_refuse_field(const JsonObject *object,
										  const char *field,
										  const char *problem,
										  const char *hint);
pg_noreturn extern void json_refuse_missing(const JsonObject *object,
											const char *field,
											const char *hint);

/* True even where the field is null. */
extern bool json_field_exists(const JsonObject *object, const char *field);

/*
 * The value of a field. If it is missing or null, the result is NULL or false,
 * and *result keeps the default that the caller has put there. A value of
 * another type, or out of range, is an error.
 */
extern JsonbValue *json_field_value(const JsonObject *object,
									const char *field, JsonbValue *space);
extern char *json_field_text(const JsonObject *object, const char *field);
extern char *json_required_text(const JsonObject *object, const char *field,
								const char *hint); /* never NULL */
extern bool json_field_bool(const JsonObject *object, const char *field,
							bool *result);
extern Numeric json_field_numeric(const JsonObject *object, const char *field);
extern bool json_field_float8(const JsonObject *object, const char *field,
							  double *result);
extern bool json_field_integer(const JsonObject *object, const char *field,
							   int64 least, int64 greatest, int64 *result);
extern bool json_field_decimal(const JsonObject *object, const char *field,
							   Decimal *result);
extern bool json_field_array(const JsonObject *object, const char *field,
							 JsonArray *result);
extern bool json_field_object(const JsonObject *object, const char *field,
							  const char *name, JsonObject *result);

/*
 * The index of a text among the choices, a list that ends with NULL. preset if
 * the field is missing.
 */
extern int json_field_choice(const JsonObject *object, const char *field,
							 const char *const *choices, int preset);

#endif /* CRM_BASE_JSON_OBJECT_H */
