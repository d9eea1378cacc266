/*-------------------------------------------------------------------------
 *
 * holdout.h
 *		A purchase history cut into what a model may see and what came after.
 *
 * Calibration is the time up to calibration_end. The holdout is the time after
 * it. A model is fitted on the calibration, and its forecasts are compared
 * with the holdout. Nothing of the holdout may reach a forecast, so both parts
 * are counted here, in one place. Pure C: no palloc, no ereport.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_VALIDATION_HOLDOUT_H
#define CRM_VALIDATION_HOLDOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The last day of calibration and the last day of the holdout, both included
 * and as days since 2000-01-01. The second is later. A purchase means a day
 * with one or more purchases, as it does for the models.
 */
typedef struct HoldoutPeriod
{
	int32_t calibration_end;
	int32_t holdout_end;
} HoldoutPeriod;

/*
 * All that a comparison needs of one customer. x, t_x and t are the usual
 * summary of models of purchases (Fader, Hardie & Lee 2005). Times are in days.
 */
typedef struct HoldoutCustomer
{
	int32_t x; /* repeat purchases in calibration */
	int32_t t_x; /* from the first purchase to the last of them */
	int32_t t; /* from the first purchase to the end of calibration */
	int32_t actual; /* purchases in the holdout */
	int32_t again; /* repeat purchases in as many days just before that */
} HoldoutCustomer;

/*
 * Counts one customer. False for a customer whose first purchase is after the
 * calibration: the model knows nothing of them, so they are left out.
 */
extern bool holdout_customer(const uint8_t *data, size_t size,
							 const HoldoutPeriod *period,
							 HoldoutCustomer *customer);

/*
 * Adds the repeat purchases of a customer up to the end of the holdout to
 * counts by day. The first count is that of first_day, which must not be after
 * the first purchase.
 */
extern void holdout_count_repeats(const uint8_t *data, size_t size,
								  const HoldoutPeriod *period,
								  int32_t first_day, int64_t *counts);

/* The length of the holdout in days, 1 or more. */
static inline int32_t
holdout_days(const HoldoutPeriod *period)
{
	return period->holdout_end - period->calibration_end;
}

/*
 * The naive forecast that the rate of repeat purchases, x / t, stays what it
 * was. A customer who came on the last day of calibration has no rate yet, so
 * they get 0.
 */
static inline double
holdout_same_rate(const HoldoutCustomer *customer, int32_t days)
{
	return customer->t > 0 ? (double) customer->x / customer->t * days : 0.0;
}

/*
 * A total order by x, t, t_x, again, actual. Customers with the same summary
 * are neighbors, so a forecast is computed once for all of them. Customers who
 * compare equal are equal in all fields.
 */
extern int holdout_compare(const HoldoutCustomer *a, const HoldoutCustomer *b);

#endif /* CRM_VALIDATION_HOLDOUT_H */
