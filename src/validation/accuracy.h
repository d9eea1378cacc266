/*-------------------------------------------------------------------------
 *
 * accuracy.h
 *		How near forecasts came to what customers did.
 *
 * A forecast is a number of purchases in the holdout. It need not be whole.
 * Errors are forecast minus actual, so a positive bias is a forecast that was
 * too high.
 *
 * All sums of doubles are taken with compensation, in the order of the
 * customers given. The caller sorts the customers first, so the same customers
 * give the same digits, however they came. Pure C: no palloc, no ereport.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_VALIDATION_ACCURACY_H
#define CRM_VALIDATION_ACCURACY_H

#include "validation/holdout.h"

/*
 * A running sum with compensation (Neumaier 1974). The error does not grow with
 * the number of terms, unlike that of a plain sum. All zero is an empty sum.
 */
typedef struct Sum
{
	double total; /* the rounded sum so far */
	double lost; /* the sum of the rounding errors */
} Sum;

extern void sum_add(Sum *sum, double value);
extern double sum_value(const Sum *sum);

/*
 * The forecasts that are compared: the one of the model, and two naive ones.
 * A model that is not better than both is not worth its parameters.
 */
typedef enum Forecast
{
	FORECAST_MODEL,
	FORECAST_SAME_RATE, /* the mean rate of the customer so far goes on */
	FORECAST_SAME_AGAIN, /* as many as in the same time just before */
	FORECASTS
} Forecast;

extern const char *const forecast_names[FORECASTS];

/*
 * The forecast of a customer for so many days of holdout. expected is the
 * forecast of the model, which the caller has computed.
 */
extern double forecast_value(Forecast forecast,
							 const HoldoutCustomer *customer, double expected,
							 int32_t days);

/*
 * Customers of one group: the sum of what was forecast and of what they did. A
 * model may be right in total and wrong in every group.
 */
typedef struct AccuracyBin
{
	int32_t at_least; /* included, as is at_most */
	int32_t at_most; /* INT32_MAX: no limit */
	int64_t customers;
	int64_t actual;
	Sum forecasts[FORECASTS];
} AccuracyBin;

/*
 * Bins by the number of repeat purchases in calibration: 0 to 6, and 7 or
 * more. Bins by days from the last purchase to the end of calibration.
 */
#define FREQUENCY_BINS 8
#define RECENCY_BINS 9

extern void accuracy_bins_init(AccuracyBin *by_frequency,
							   AccuracyBin *by_recency);
extern AccuracyBin *accuracy_bin(AccuracyBin *bins, int32_t value);
extern void accuracy_bin_add(AccuracyBin *bin, const HoldoutCustomer *customer,
							 double expected, int32_t days);

/* Sums of one forecast and of its errors over all customers. */
typedef struct AccuracySums
{
	int64_t customers;
	int64_t actual;
	Sum forecast;
	Sum absolute; /* of errors, for the MAE */
	Sum square; /* of errors, for the RMSE */
} AccuracySums;

extern void accuracy_add(AccuracySums *sums, double forecast, int32_t actual);

/* One customer in a ranking by forecast. */
typedef struct Ranked
{
	double forecast;
	int32_t actual;
} Ranked;

/*
 * The Gini coefficient of what customers did, ranked by forecast. It is 0 for
 * an order that says nothing, negative for a wrong order, and at most the
 * coefficient of the perfect order. It judges only the order, so a forecast
 * may be biased and still have a high coefficient. The customers must be
 * sorted by forecast, ascending. Ties share their mean rank. NaN if nobody did
 * anything.
 */
extern double accuracy_gini(const Ranked *ranked, size_t count);

#endif /* CRM_VALIDATION_ACCURACY_H */
