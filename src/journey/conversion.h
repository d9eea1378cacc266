/*-------------------------------------------------------------------------
 *
 * conversion.h
 *		Arguments and results that functions over conversions share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_JOURNEY_CONVERSION_H
#define CRM_JOURNEY_CONVERSION_H

#include "base/crm.h"

#include "datatype/timestamp.h"

#include "journey/credit.h"

/* Touches of one journey up to its conversion, in the caller's context. */
typedef struct Ages
{
	int count; /* of touches that are not later than the conversion */
	double *days; /* before the conversion, not ascending */
} Ages;

/* An amount in units. It has at most 8 decimals and 18 digits. */
extern CreditUnits amount_argument(FunctionCallInfo fcinfo, int number);

/* The numeric of units, without zeros at its end. */
extern Datum credit_numeric(CreditUnits units);

/* A half-life in days, above 0. */
extern double half_life_argument(FunctionCallInfo fcinfo, int number);

/* The ages of touches at these times. The times do not descend. */
extern Ages ages_argument(FunctionCallInfo fcinfo, int number,
						  TimestampTz converted_at);

#endif /* CRM_JOURNEY_CONVERSION_H */
