/*-------------------------------------------------------------------------
 *
 * tracking.c
 *		Repeat purchases of all customers over time, expected and actual.
 *
 * A customer who first bought on day d is expected to have made E[X(s - d)]
 * repeat purchases by day s. This is the expectation of a new customer,
 * whatever the customer did since. The sum over all customers, beside what
 * they did, is how the literature follows a model over time (Fader, Hardie &
 * Lee 2005).
 *
 * Of the customers the sum needs only how many came on each day. So the
 * expectation is worked out once for each age in days, and a validation keeps
 * two counts for each day instead of its customers.
 *
 * Periods are counted in both directions from the day after the calibration,
 * so the end of calibration is a boundary. The first and the last period may
 * be shorter.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include "common/int.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/calendar.h"
#include "base/row_result.h"
#include "model/answers.h"
#include "validation/accuracy.h"
#include "validation/validation.h"

/*
 * A crm.validation argument, checked, because anybody can write one down. The
 * arrays point into the argument, or into its copy in the memory of the call.
 */
typedef struct Tracked
{
	Model model;
	int32 first_day;
	int32 calibration_end;
	int32 days; /* from first_day to the end of the holdout */
	const int64 *new_customers;
	const int64 *repeats;
} Tracked;

/* Columns of the result, in SQL order, from 0. */
enum
{
	TRACKING_PERIOD_END,
	TRACKING_IN_HOLDOUT,
	TRACKING_ACTUAL,
	TRACKING_EXPECTED,
	TRACKING_CUMULATIVE_ACTUAL,
	TRACKING_CUMULATIVE_EXPECTED,
	TRACKING_COLUMNS
};

/* The error for a value that crm.validate did not make. */
static void
refuse(const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column \"%s\" of a validation is not valid", column),
			 errhint("Build a validation with the aggregate crm.validate.")));
}

/* A column that must not be NULL. */
static Datum
column(HeapTupleHeader row, int number, const char *name)
{
	bool is_null;
	Datum value = GetAttributeByNum(row, (AttrNumber) (number + 1), &is_null);

	if (is_null)
		refuse(name);
	return value;
}

/*
 * An array of so many counts, none of them negative. The limit on their sum is
 * far below 2^63, so later sums cannot overflow. int8 without NULLs has no
 * padding, so the array is read in place.
 */
static const int64 *
counts(HeapTupleHeader row, int number, const char *name, int32 days)
{
	ArrayType *array = DatumGetArrayTypeP(column(row, number, name));
	const int64 *values;
	int64 sum = 0;

	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != days ||
		ARR_HASNULL(array))
		refuse(name);
	values = (const int64 *) ((char *) array + ARR_OVERHEAD_NONULLS(1));
	for (int32 i = 0; i < days; i++)
	{
		if (values[i] < 0 || pg_add_s64_overflow(sum, values[i], &sum) ||
			sum > HISTORY_MAX_PURCHASES)
			refuse(name);
	}
	return values;
}

/*
 * Checks everything that the sums rely on: a model of purchases, days in order,
 * and one count for each day. The number of days is int64 until it is checked,
 * because the dates may be far apart.
 */
static void
read_validation(HeapTupleHeader row, Tracked *tracked)
{
	int32 holdout_end;
	int64 days;

	validation_read_model(
		PG_DETOAST_DATUM(column(row, VALIDATION_MODEL, "model")),
		&tracked->model);
	tracked->first_day = history_day(
		DatumGetDateADT(column(row, VALIDATION_FIRST_DAY, "first_day")),
		"first_day");
	tracked->calibration_end =
		history_day(DatumGetDateADT(column(row, VALIDATION_CALIBRATION_END,
										   "calibration_end")),
					"calibration_end");
	holdout_end = history_day(
		DatumGetDateADT(column(row, VALIDATION_HOLDOUT_END, "holdout_end")),
		"holdout_end");
	days = (int64) holdout_end - tracked->first_day + 1;
	if (days < 1 || days > VALIDATION_MAX_DAYS ||
		tracked->calibration_end > holdout_end)
		refuse("holdout_end");
	if (tracked->calibration_end < tracked->first_day)
		refuse("calibration_end");
	tracked->days = (int32) days;
	tracked->new_customers =
		counts(row, VALIDATION_NEW_CUSTOMERS, "new_customers", tracked->days);
	tracked->repeats =
		counts(row, VALIDATION_REPEATS, "repeat_purchases", tracked->days);
}

/*
 * The length of a unit. Weeks are seven days from any day here, not ISO weeks:
 * periods begin with the end of calibration.
 */
static CalendarSpan
argument_span(text *unit)
{
	static const CalendarSpan spans[] = {[CALENDAR_DAY] = {0, 1},
										 [CALENDAR_WEEK] = {0, 7},
										 [CALENDAR_MONTH] = {1, 0},
										 [CALENDAR_QUARTER] = {3, 0},
										 [CALENDAR_YEAR] = {12, 0}};
	CalendarUnit named;

	if (!calendar_unit_named(VARDATA_ANY(unit), VARSIZE_ANY_EXHDR(unit),
							 &named) ||
		named.start != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown unit of time \"%s\"", text_to_cstring(unit)),
				 errhint("The units are day, week, month, quarter and "
						 "year.")));
	return spans[named.kind];
}

/*
 * The expected repeat purchases of a new customer, by age in days. Some kinds
 * of models need a quadrature for each age, so interrupts are served each time.
 */
static double *
expected_by_age(const Tracked *tracked)
{
	const Model *model = &tracked->model;
	double *expected = palloc((Size) tracked->days * sizeof(double));

	for (int32 age = 0; age < tracked->days; age++)
	{
		CHECK_FOR_INTERRUPTS();
		expected[age] =
			model_answer(model, expected_new, age / model->days_per_unit);
	}
	return expected;
}

/*
 * The repeat purchases of all customers that are expected by the end of a day.
 * O(days). The sum is made again for each period and not carried along, because
 * the age of every customer changes.
 */
static double
expected_by_day(const Tracked *tracked, const double *expected, int32 day)
{
	Sum sum = {0};

	for (int32 i = 0; i <= day; i++)
	{
		if (tracked->new_customers[i] > 0)
			sum_add(&sum, tracked->new_customers[i] * expected[day - i]);
	}
	return sum_value(&sum);
}

/*
 * The first day of the period of that number, counted from first_day. Period 0
 * begins on the day after the calibration. The sum is made from that anchor, so
 * months that begin on the 31st do not drift.
 */
static int64
boundary(const Tracked *tracked, CalendarSpan span, int64 number)
{
	return calendar_add(tracked->calibration_end + 1, span, number) -
		   tracked->first_day;
}

/*
 * A row for each period with what was expected and what came, within it and
 * from the beginning. The number of the first period is found by going back
 * from the end of calibration. A period is in the holdout if its last day is,
 * and no period has days of both.
 */
static void
put_periods(FunctionCallInfo fcinfo, const Tracked *tracked, CalendarSpan span)
{
	const double *expected = expected_by_age(tracked);
	Datum values[TRACKING_COLUMNS];
	bool nulls[TRACKING_COLUMNS] = {false};
	int64 number = 1;
	int64 actual = 0;
	double previous = 0.0;

	while (boundary(tracked, span, number - 1) > 0)
		number--;
	for (int32 day = 0; day < tracked->days; number++)
	{
		int64 before = actual;
		int32 until =
			(int32) Min(boundary(tracked, span, number), tracked->days);
		double now;

		for (; day < until; day++)
			actual += tracked->repeats[day];
		now = expected_by_day(tracked, expected, until - 1);
		values[TRACKING_PERIOD_END] =
			DateADTGetDatum(tracked->first_day + until - 1);
		values[TRACKING_IN_HOLDOUT] = BoolGetDatum(
			tracked->first_day + until - 1 > tracked->calibration_end);
		values[TRACKING_ACTUAL] = Int64GetDatum(actual - before);
		values[TRACKING_EXPECTED] = Float8GetDatum(now - previous);
		values[TRACKING_CUMULATIVE_ACTUAL] = Int64GetDatum(actual);
		values[TRACKING_CUMULATIVE_EXPECTED] = Float8GetDatum(now);
		row_set_add(fcinfo, values, nulls);
		previous = now;
	}
}

PG_FUNCTION_INFO_V1(crm_validation_tracking);

/*
 * (validation, unit)
 *
 * A set of rows, one for each period, in the order of time.
 */
Datum
crm_validation_tracking(PG_FUNCTION_ARGS)
{
	Tracked tracked = {0};

	row_set_start(fcinfo);
	read_validation(PG_GETARG_HEAPTUPLEHEADER(0), &tracked);
	put_periods(fcinfo, &tracked, argument_span(PG_GETARG_TEXT_PP(1)));
	return (Datum) 0;
}
