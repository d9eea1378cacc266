/*-------------------------------------------------------------------------
 *
 * quantile.h
 *		Exact quantiles of integers. Pure C: no palloc, no ereport.
 *
 * The quantile of order j / groups is the one of percentile_cont, which is
 * type 7 in Hyndman & Fan (1996), "Sample Quantiles in Statistical Packages".
 * With the values x[0] <= x[1] <= ... in ascending order:
 *
 *	position	p = (count - 1) * j / groups, k = floor(p)
 *	quantile	x[k] + (x[k + 1] - x[k]) * (p - k)
 *
 * It is a fraction with the denominator "groups", so two integers hold it
 * without rounding. Example: the median of 1, 2, 4 and 9 has p = 3 * 1 / 2 and
 * lies in the middle of 2 and 4. It is whole 3, remainder 0.
 *
 * The order statistics are found by selection: a few passes over the values in
 * place of a sort.
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

/*
 * With so many decimals, a fraction with a denominator of at most
 * QUANTILE_MAX_GROUPS is never rounded to an integer.
 */
#define QUANTILE_DECIMALS 4

/* The fraction whole + remainder / groups, 0 <= remainder < groups. */
typedef struct Quantile
{
	int64_t whole;
	int remainder;
} Quantile;

extern void quantile_select(int64_t *values, size_t count, const size_t *ranks,
							size_t rank_count);
extern void quantile_thresholds(int64_t *values, size_t count, int groups,
								Quantile *thresholds);
extern int quantile_decimals(const Quantile *threshold, int groups,
							 int *digits);

#endif /* CRM_RFM_QUANTILE_H */
