/*-------------------------------------------------------------------------
 *
 * holdout.h
 *		A purchase history cut into what a model may see and what came after.
 *
 * Pure C: no palloc, no ereport.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_VALIDATION_HOLDOUT_H
#define CRM_VALIDATION_HOLDOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Calibration ends with one day (inclusive), holdout with a later one. A
 * purchase is a day with one, as it is for the models.
 */
typedef struct HoldoutPeriod
{
	int32_t calibration_end;
	int32_t holdout_end;
} HoldoutPeriod;

/* All that a comparison needs of one customer; times in days. */
typedef struct HoldoutCustomer
{
	int32_t x; /* repeat purchases in calibration */
	int32_t t_x; /* from the first purchase to the last of them */
	int32_t t; /* from the first purchase to the end of calibration */
	int32_t actual; /* purchases in the holdout */
	int32_t again; /* repeat purchases in as many days just before it */
} HoldoutCustomer;

/* False for a customer whose first purchase is after the calibration. */
extern bool holdout_customer(const uint8_t *data, size_t size,
							 const HoldoutPeriod *period,
							 HoldoutCustomer *customer);

/*
 * Adds the repeat purchases of such a customer, until the end of the holdout,
 * to counts per day, the first of which is that of first_day.
 */
extern void holdout_count_repeats(const uint8_t *data, size_t size,
								  const HoldoutPeriod *period,
								  int32_t first_day, int64_t *counts);

/* Days of the holdout. */
static inline int32_t
holdout_days(const HoldoutPeriod *period)
{
	return period->holdout_end - period->calibration_end;
}

/* The naive forecast that the rate of repeat purchases stays what it was. */
static inline double
holdout_same_rate(const HoldoutCustomer *customer, int32_t days)
{
	return customer->t > 0 ? (double) customer->x / customer->t * days : 0.0;
}

/* For qsort and the like: by x, t, t_x, again, actual. */
extern int holdout_compare(const HoldoutCustomer *a, const HoldoutCustomer *b);

#endif /* CRM_VALIDATION_HOLDOUT_H */
