/*-------------------------------------------------------------------------
 *
 * accuracy.c
 *		How near forecasts came to what customers did.
 *
 * The Gini coefficient is that of the concentration curve (Kakwani 1977): with
 * i the rank of a customer by forecast, from 1 for the lowest of n, and y what
 * the customer did,
 *
 *	G = 2 sum(i y) / (n sum(y)) - (n + 1) / n.
 *
 * Ranked by y itself it is the Gini coefficient of y, the most any ranking
 * can have. Ranks are halves of integers and the sums of ranks exact as
 * long as they are below 2^53.
 *
 *-------------------------------------------------------------------------
 */
#include "validation/accuracy.h"

#include "math/pause.h"

#include <math.h>

/* The names in SQL, in the order of the enum Forecast. */
const char *const forecast_names[FORECASTS] = {"model", "same_rate",
											   "same_again"};

/*
 * The rounding error of an addition is exact: the smaller term minus the part
 * of it that arrived in the total. Compilers must not simplify this, so the
 * file must not be compiled with -ffast-math.
 */
void
sum_add(Sum *sum, double value)
{
	double total = sum->total + value;

	if (fabs(sum->total) >= fabs(value))
		sum->lost += (sum->total - total) + value;
	else
		sum->lost += (value - total) + sum->total;
	sum->total = total;
}

/* The total with the errors added back. */
double
sum_value(const Sum *sum)
{
	return sum->total + sum->lost;
}

/* One place that knows all forecasts, so bins and sums cannot differ. */
double
forecast_value(Forecast forecast, const HoldoutCustomer *customer,
			   double expected, int32_t days)
{
	switch (forecast)
	{
		case FORECAST_SAME_RATE:
			return holdout_same_rate(customer, days);
		case FORECAST_SAME_AGAIN:
			return customer->again;
		default:
			return expected;
	}
}

/*
 * Empty bins. The first days of the bins of recency are a week, two weeks,
 * one, two, three and six months, one and two years, plus a day.
 */
void
accuracy_bins_init(AccuracyBin *by_frequency, AccuracyBin *by_recency)
{
	static const int32_t recencies[RECENCY_BINS] = {0,	8,	 15,  31, 61,
													91, 181, 366, 731};

	for (int i = 0; i < FREQUENCY_BINS; i++)
		by_frequency[i] = (AccuracyBin){
			.at_least = i, .at_most = i < FREQUENCY_BINS - 1 ? i : INT32_MAX};
	for (int i = 0; i < RECENCY_BINS; i++)
		by_recency[i] = (AccuracyBin){.at_least = recencies[i],
									  .at_most = i < RECENCY_BINS - 1
													 ? recencies[i + 1] - 1
													 : INT32_MAX};
}

/*
 * The bin of a value, which is 0 or more. The last bin has no limit, so the
 * search ends.
 */
AccuracyBin *
accuracy_bin(AccuracyBin *bins, int32_t value)
{
	while (value > bins->at_most)
		bins++;
	return bins;
}

/* Adds a customer to the sums of a bin. */
void
accuracy_bin_add(AccuracyBin *bin, const HoldoutCustomer *customer,
				 double expected, int32_t days)
{
	bin->customers++;
	bin->actual += customer->actual;
	for (int i = 0; i < FORECASTS; i++)
		sum_add(&bin->forecasts[i],
				forecast_value((Forecast) i, customer, expected, days));
}

/* Adds one customer to the sums of a forecast. */
void
accuracy_add(AccuracySums *sums, double forecast, int32_t actual)
{
	double error = forecast - actual;

	sums->customers++;
	sums->actual += actual;
	sum_add(&sums->forecast, forecast);
	sum_add(&sums->absolute, fabs(error));
	sum_add(&sums->square, error * error);
}

/*
 * One pass over groups of equal forecasts, O(n). A group gets the mean of its
 * ranks, so customers with the same forecast may come in any order: many have
 * the same forecast, for example all customers without a repeat purchase.
 */
double
accuracy_gini(const Ranked *ranked, size_t count)
{
	double n = (double) count;
	double total = 0.0;
	Sum products = {0};

	for (size_t from = 0, until; from < count; from = until)
	{
		double actual = 0.0;

		pause_at(from);
		for (until = from;
			 until < count && ranked[until].forecast == ranked[from].forecast;
			 until++)
			actual += ranked[until].actual;

		/* Ranks begin at 1: the group has those from from + 1 to until. */
		sum_add(&products, actual * ((double) from + until + 1.0) / 2.0);
		total += actual;
	}
	if (total == 0)
		return NAN;
	return (2.0 * sum_value(&products) / total - (n + 1.0)) / n;
}
