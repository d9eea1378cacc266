/*-------------------------------------------------------------------------
 *
 * customer.c
 *		The checked record of one customer as a row for the models.
 *
 * Errors name the argument by its name in SQL, its value and the limit. Checks
 * are written as "not within the limits", so that NaN fails them.
 *
 *-------------------------------------------------------------------------
 */
#include "base/crm.h"

#include <math.h>

#include "model/customer.h"

/* The limit keeps a count exact as a double. */
static void
check_count(int64 x)
{
	if (x < 0 || (double) x > MODEL_MAX_COUNT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of purchases x is %lld, but must be from 0 "
						"to %.0f",
						(long long) x, MODEL_MAX_COUNT)));
}

/* NaN fails every comparison, so the test is for valid values. */
static void
check_time(double value, const char *name)
{
	if (!(value >= 0 && value <= MODEL_MAX_TIME))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s is %g, but must be from 0 to %g", name,
							   value, MODEL_MAX_TIME)));
}

/*
 * A customer without a repeat purchase bought last at the first purchase, so
 * t_x is 0. Several purchases at t_x = 0 are allowed: the unit of time may be
 * coarse.
 */
ModelRow
model_purchases_row(int64 x, double t_x, double t)
{
	ModelRow row;

	check_count(x);
	check_time(t_x, "time of the last purchase t_x");
	check_time(t, "age of the customer t");
	if (t_x > t)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time of the last purchase t_x is %g, after the end "
						"of the observation t = %g",
						t_x, t),
				 errhint("Both count from the customer's first purchase.")));
	if (x == 0 && t_x > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time of the last repeat purchase t_x is %g without "
						"a repeat purchase (x = 0)",
						t_x),
				 errhint("x counts the purchases after the first one. Without "
						 "such a purchase, t_x is 0.")));
	row.x = (double) x;
	row.t_x = t_x + 0.0; /* turns -0 into 0 */
	row.t = t + 0.0;
	row.customers = 1;
	return row;
}

/*
 * Occasions are counted, so they must be whole. The likelihood of BG/BB takes
 * a step per occasion, which is the reason for the limit.
 */
static void
check_occasion(double value, double most, const char *name)
{
	if (!(value >= 0 && value <= most) || value != floor(value))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s is %g, but must be a whole number from 0 "
							   "to %.0f",
							   name, value, most)));
}

/* x purchases need x different occasions, and the last of them is t_x. */
ModelRow
model_occasions_row(int64 x, double t_x, double occasions)
{
	ModelRow row;

	check_count(x);
	check_occasion(occasions, MODEL_MAX_OCCASIONS, "number of occasions n");
	check_occasion(t_x, occasions, "occasion of the last purchase t_x");
	if ((double) x > t_x)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of purchases x is %lld, but there were only "
						"%.0f occasions up to the last purchase",
						(long long) x, t_x),
				 errhint("x counts the occasions with a purchase.")));
	if (x == 0 && t_x > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("occasion of the last purchase t_x is %.0f without a "
						"purchase (x = 0)",
						t_x),
				 errhint("Without a purchase, t_x is 0.")));
	row.x = (double) x;
	row.t_x = t_x + 0.0;
	row.occasions = occasions + 0.0;
	row.customers = 1;
	return row;
}

/*
 * After 0 periods a customer has had no chance to leave. Such a customer is
 * valid and adds nothing to a likelihood.
 */
ModelRow
model_renewals_row(int64 periods, bool churned)
{
	ModelRow row;

	if (periods < 0 || (double) periods > MODEL_MAX_OCCASIONS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("number of periods is %lld, but must be from 0 "
							   "to %.0f",
							   (long long) periods, MODEL_MAX_OCCASIONS)));
	if (churned && periods == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a customer cannot have churned after 0 periods"),
				 errhint("Periods count from 1. A customer who did not renew "
						 "after the first period churned in period 1.")));
	row.x = (double) periods;
	row.churned = churned ? 1.0 : 0.0;
	row.t = 0;
	row.customers = 1;
	return row;
}

/*
 * Without purchases the mean is ignored, because a mean of nothing is often
 * NULL or 0 in a query. mean_amount may be negative, but not infinite.
 */
ModelRow
model_spend_row(int64 x, double mean_amount)
{
	ModelRow row;

	check_count(x);
	if (isnan(mean_amount) || fabs(mean_amount) > MODEL_MAX_AMOUNT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("mean amount is %g, but must be a number up to %g",
						mean_amount, MODEL_MAX_AMOUNT)));
	row.x = (double) x;
	row.mean_amount = x > 0 ? mean_amount : 0.0;
	row.t = 0;
	row.customers = 1;
	return row;
}

static ModelRow
checked_spend(int64 x, double mean_amount, double unused)
{
	return model_spend_row(x, mean_amount);
}

static ModelRow
checked_renewals(int64 periods, double churned, double unused)
{
	return model_renewals_row(periods, churned != 0.0);
}

ModelRow
model_customer_row(const ModelKind *kind, int64 x, double second, double third)
{
	static ModelRow (*const rows[N_MODEL_FAMILIES])(int64, double, double) = {
		[MODEL_PURCHASES] = model_purchases_row,
		[MODEL_OCCASIONS] = model_occasions_row,
		[MODEL_SPEND] = checked_spend,
		[MODEL_RENEWALS] = checked_renewals,
	};

	return rows[kind->family](x, second, third);
}

/* The history counts in days, and purchases on one day are one purchase. */
bool
model_history_purchases(History history, int32 as_of, double days_per_unit,
						ModelRow *row)
{
	HistoryRepeats repeats;

	if (!history_repeats(history.data, history.size, as_of, &repeats))
		return false;
	row->x = (double) repeats.x;
	row->t_x = repeats.t_x / days_per_unit;
	row->t = repeats.t / days_per_unit;
	row->customers = 1;
	return true;
}

/*
 * The mean is formed in float8 from an exact decimal sum, so its rounding does
 * not depend on the order of the purchases.
 */
bool
model_history_spend(History history, int32 as_of, ModelRow *row,
					double *own_amount)
{
	HistoryRepeats repeats;
	int scale;

	if (!history_repeats(history.data, history.size, as_of, &repeats))
		return false;
	scale = history_scale(history.data);
	row->x = (double) repeats.x;
	row->mean_amount =
		repeats.x > 0 ? history_amount_float8(repeats.amount, scale) / row->x
					  : 0.0;
	row->t = 0;
	row->customers = 1;
	*own_amount =
		repeats.x > 0
			? row->mean_amount
			: fmax(history_amount_float8(repeats.first_amount, scale), 0.0);
	return true;
}

/*
 * Of positive numbers with a given sum, equal ones have the largest product.
 * So the sum of the logarithms is at most x ln(t_x / x). The tolerance allows
 * for the rounding of the caller's sum. There is no lower limit.
 */
double
model_log_gaps(const ModelRow *row, double log_gaps)
{
	double most = row->x > 0 ? row->x * log(row->t_x / row->x) : 0.0;

	if (!isfinite(log_gaps) || (row->x == 0 && log_gaps != 0) ||
		!(log_gaps <= most + 1e-9 * (fabs(most) + row->x)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sum of the logarithms of the times between "
						"purchases log_gaps is %g, but must be finite and at "
						"most %g",
						log_gaps, most),
				 errdetail("The %.0f times between purchases add up to t_x = "
						   "%g.",
						   row->x, row->t_x)));
	return log_gaps;
}

/*
 * One pass over the history, O(entries). Days with refunds only are no
 * purchases. The times are at least one day, so every logarithm is finite.
 */
double
model_history_log_gaps(History history, int32 as_of)
{
	HistoryReader reader;
	HistoryEntry entry;
	int32 previous = 0;
	bool any = false;
	double sum = 0.0;

	history_reader_start(&reader, history.data, history.size);
	while (history_read_purchase(&reader, &entry, as_of))
	{
		if (any)
			sum += log((double) entry.day - previous);
		any = true;
		previous = entry.day;
	}
	return sum;
}

void
model_gaps_missing(const ModelKind *kind)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a model of kind %s needs the times between purchases",
					kind->name),
			 errhint("Pass log_gaps, which is the sum of their logarithms, "
					 "or pass histories.")));
}

double
model_horizon(double horizon, bool may_be_infinite)
{
	if (may_be_infinite && isinf(horizon) && horizon > 0)
		return horizon;
	check_time(horizon, "horizon");
	return horizon;
}
