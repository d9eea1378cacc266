/*-------------------------------------------------------------------------
 *
 * correlation.h
 *		Whether two metrics of customers go together.
 *
 * The metrics of all customers are an array of pairs, which the caller owns
 * and sorts. Sums are compensated (accuracy.h). Pure C: no palloc, no ereport.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_VALIDATION_CORRELATION_H
#define CRM_VALIDATION_CORRELATION_H

#include <stddef.h>

/* The two metrics of one customer. */
typedef struct MetricPair
{
	double of[2];
} MetricPair;

/*
 * Pearson's correlation, from -1 to 1. NaN if either metric is the same for
 * all. The last digits depend on the order of the pairs, so sort them.
 */
extern double correlation_pearson(const MetricPair *pairs, size_t count);

/*
 * The probability that so many pairs of independent metrics have a correlation
 * at least as far from 0, by Student's t with count - 2 degrees of freedom. It
 * is exact for metrics with a normal distribution and an approximation for
 * ranks. NaN for fewer than 3 pairs.
 */
extern double correlation_p_value(double correlation, size_t count);

/*
 * Replaces a metric, 0 or 1, by its ranks, from 1. The pairs must be sorted by
 * that metric, ascending. Equal values share their mean rank.
 */
extern void correlation_rank(MetricPair *pairs, size_t count, int metric);

#endif /* CRM_VALIDATION_CORRELATION_H */
