/*-------------------------------------------------------------------------
 *
 * quantile.h
 *		Exact quantiles of integers. Pure C: no palloc, no ereport.
 *
 * The quantile of order j / groups is the one of percentile_cont and of
 * type 7 in Hyndman & Fan (1996), "Sample Quantiles in Statistical Packages":
 * with the values in ascending order, the point at (count - 1) * j / groups,
 * interpolated linearly between its two neighbors. It is a fraction with
 * the denominator "groups", so integers hold it without rounding.
 *
 * The order statistics are found by selection: a few passes over the values
 * in place of a sort.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_RFM_QUANTILE_H
#define CRM_RFM_QUANTILE_H

#include <stddef.h>
#include <stdint.h>

#define QUANTILE_MAX_GROUPS 100

/* Values must lie within +/- this, so that differences do not overflow. */
#define QUANTILE_MAX_VALUE INT64_C(1000000000000000000)

/* Decimals that tell any fraction of QUANTILE_MAX_GROUPS from an integer. */
#define QUANTILE_DECIMALS 4

/* The fraction whole + remainder / groups, 0 <= remainder < groups. */
typedef struct Quantile
{
	int64_t whole;
	int remainder;
} Quantile;

/* Called before each pass; it may leave by longjmp, nothing is held. */
typedef void (*QuantilePause)(void);

extern void quantile_select(int64_t *values, size_t count, const size_t *ranks,
							size_t rank_count, QuantilePause pause);
extern void quantile_thresholds(int64_t *values, size_t count, int groups,
								Quantile *thresholds, QuantilePause pause);
extern int quantile_decimals(const Quantile *threshold, int groups,
							 int *digits);

#endif /* CRM_RFM_QUANTILE_H */
