/*-------------------------------------------------------------------------
 *
 * accuracy.h
 *		How near forecasts came to what customers did.
 *
 * All sums of doubles are taken with compensation in the order of the
 * customers given. The caller sorts those, so that the same customers give
 * the same digits, however they came. Pure C: no palloc, no ereport.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_VALIDATION_ACCURACY_H
#define CRM_VALIDATION_ACCURACY_H

#include "validation/holdout.h"

/* A running sum with compensation (Neumaier 1974). */
typedef struct Sum
{
	double total;
	double lost;
} Sum;

extern void sum_add(Sum *sum, double value);
extern double sum_value(const Sum *sum);

/* The forecasts that are compared: the model's, and two naive ones. */
typedef enum Forecast
{
	FORECAST_MODEL,
	FORECAST_SAME_RATE,
	FORECAST_SAME_AGAIN,
	FORECASTS
} Forecast;

extern const char *const forecast_names[FORECASTS];

/* The forecast of a customer; expected is the model's. */
extern double forecast_value(Forecast forecast,
							 const HoldoutCustomer *customer, double expected,
							 int32_t days);

/* Customers alike, with what was forecast and what they did. */
typedef struct AccuracyBin
{
	int32_t at_least;
	int32_t at_most; /* INT32_MAX: no limit */
	int64_t customers;
	int64_t actual;
	Sum forecasts[FORECASTS];
} AccuracyBin;

/* By number of repeat purchases 0 to 6 and more; by days since the last. */
#define FREQUENCY_BINS 8
#define RECENCY_BINS 9

extern void accuracy_bins_init(AccuracyBin *by_frequency,
							   AccuracyBin *by_recency);
extern AccuracyBin *accuracy_bin(AccuracyBin *bins, int32_t value);
extern void accuracy_bin_add(AccuracyBin *bin, const HoldoutCustomer *customer,
							 double expected, int32_t days);

/* What one forecast came to over all customers. */
typedef struct AccuracySums
{
	int64_t customers;
	int64_t actual;
	Sum forecast;
	Sum absolute;
	Sum square;
} AccuracySums;

extern void accuracy_add(AccuracySums *sums, double forecast, int32_t actual);

/* A customer's place in a ranking. */
typedef struct Ranked
{
	double forecast;
	int32_t actual;
} Ranked;

/*
 * The Gini coefficient of what customers did, ranked by forecast: 0 for an
 * order that says nothing, up to what the best order has. The customers come
 * sorted by forecast, ascending; ties share their mean rank. NaN where
 * nobody did anything.
 */
extern double accuracy_gini(const Ranked *ranked, size_t count);

#endif /* CRM_VALIDATION_ACCURACY_H */
