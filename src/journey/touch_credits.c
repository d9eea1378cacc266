/*-------------------------------------------------------------------------
 *
 * touch_credits.c
 *		The function crm.touch_credits, and arguments of conversions.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "base/decimal.h"
#include "journey/conversion.h"

/* Names of the kinds, in the order of CreditKind. */
static const char *const kind_names[] = {"first", "last", "linear", "position",
										 "time_decay"};

/* See conversion.h. */
CreditUnits
amount_argument(FunctionCallInfo fcinfo, int number)
{
	struct varlena *numeric = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(number));
	Decimal amount;

	if (decimal_from_numeric((const uint8_t *) VARDATA_ANY(numeric),
							 VARSIZE_ANY_EXHDR(numeric),
							 &amount) != DECIMAL_VALID)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the amount of a conversion is out of range"),
				 errdetail("It must be finite, with at most %d decimals and "
						   "18 digits.",
						   DECIMAL_MAX_SCALE),
				 errhint("Round the amounts, for example round(amount, 2).")));
	return (CreditUnits) amount.units *
		   decimal_powers[CREDIT_SCALE - amount.scale];
}

/*
 * By way of text, since numeric has no constructor for 128 bits. Digits are
 * written from the end.
 */
Datum
credit_numeric(CreditUnits units)
{
	char text[64];
	char *place = text + sizeof(text);
	unsigned __int128 rest =
		units < 0 ? -(unsigned __int128) units : (unsigned __int128) units;
	Datum numeric;

	*--place = '\0';
	for (int digit = 0; digit <= CREDIT_SCALE || rest > 0; digit++)
	{
		if (digit == CREDIT_SCALE)
			*--place = '.';
		*--place = (char) ('0' + (int) (rest % 10));
		rest /= 10;
	}
	if (units < 0)
		*--place = '-';
	numeric =
		DirectFunctionCall3(numeric_in, CStringGetDatum(place),
							ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	return DirectFunctionCall1(numeric_trim_scale, numeric);
}

/* A month counts as 30 days: a half-life needs no calendar. */
double
half_life_argument(FunctionCallInfo fcinfo, int number)
{
	Interval *half_life = PG_GETARG_INTERVAL_P(number);
	double days = half_life->month * 30.0 + half_life->day +
				  (double) half_life->time / (double) USECS_PER_DAY;

	if (!(days > 0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("half_life must be above 0")));
	return days;
}

/*
 * Times after the conversion are at the end of the array, and do not count. A
 * touch at the moment of the conversion counts.
 */
Ages
ages_argument(FunctionCallInfo fcinfo, int number, TimestampTz converted_at)
{
	Ages ages = {0};
	Datum *times;
	bool *nulls;
	int count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(number), TIMESTAMPTZOID,
					  sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &times,
					  &nulls, &count);
	ages.days = palloc(Max(count, 1) * sizeof(double));
	for (int i = 0; i < count; i++)
	{
		TimestampTz at = DatumGetTimestampTz(times[i]);

		if (nulls[i] || TIMESTAMP_NOT_FINITE(at) ||
			(i > 0 && at < DatumGetTimestampTz(times[i - 1])))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("touched_at must ascend, without NULL and "
								   "infinity"),
							errhint("crm.path_agg makes such arrays.")));
		if (at > converted_at)
			continue;
		ages.days[ages.count++] =
			((double) converted_at - (double) at) / (double) USECS_PER_DAY;
	}
	return ages;
}

/* The kind by its name. */
static CreditKind
kind_argument(FunctionCallInfo fcinfo, int number)
{
	char *name = text_to_cstring(PG_GETARG_TEXT_PP(number));

	for (int kind = 0; kind < CREDIT_KINDS; kind++)
		if (strcmp(name, kind_names[kind]) == 0)
			return (CreditKind) kind;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown kind of attribution \"%s\"", name),
			 errhint("The kinds are first, last, linear, position and "
					 "time_decay. Markov and Shapley look at all journeys: "
					 "use crm.attribution_agg.")));
}

PG_FUNCTION_INFO_V1(crm_touch_credits);

/*
 * (kind text, touched_at timestamptz[], converted_at timestamptz, amount
 * numeric, half_life interval) -> numeric[]
 *
 * A later touch gets 0. Without a touch that counts, the result is NULL: the
 * amount belongs to nobody.
 */
Datum
crm_touch_credits(PG_FUNCTION_ARGS)
{
	CreditKind kind = kind_argument(fcinfo, 0);
	int touches = ArrayGetNItems(ARR_NDIM(PG_GETARG_ARRAYTYPE_P(1)),
								 ARR_DIMS(PG_GETARG_ARRAYTYPE_P(1)));
	Ages ages = ages_argument(fcinfo, 1, PG_GETARG_TIMESTAMPTZ(2));
	CreditUnits amount = amount_argument(fcinfo, 3);
	double half_life = half_life_argument(fcinfo, 4);
	CreditUnits *credits;
	Datum *results;

	if (ages.count == 0)
		PG_RETURN_NULL();
	credits = palloc0(touches * sizeof(CreditUnits));
	results = palloc(touches * sizeof(Datum));
	credit_split(kind, amount, ages.count, ages.days, half_life, credits);
	for (int i = 0; i < touches; i++)
		results[i] = credit_numeric(credits[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(results, touches, NUMERICOID, -1,
										  false, TYPALIGN_INT));
}
