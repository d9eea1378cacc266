/*-------------------------------------------------------------------------
 *
 * correlation.h
 *		Whether two metrics of customers go together.
 *
 * Pure C: no palloc, no ereport.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_VALIDATION_CORRELATION_H
#define CRM_VALIDATION_CORRELATION_H

#include <stddef.h>

typedef struct MetricPair
{
	double of[2];
} MetricPair;

/*
 * Pearson's correlation, from -1 to 1; NaN where either metric is the same
 * for all. The digits depend on the order of the pairs.
 */
extern double correlation_pearson(const MetricPair *pairs, size_t count);

/*
 * The probability of a correlation at least as far from 0 among so many
 * pairs if there were none: that of Student's t with count - 2 degrees of
 * freedom. NaN for fewer than 3 pairs.
 */
extern double correlation_p_value(double correlation, size_t count);

/*
 * Replaces a metric, 0 or 1, by its ranks, from 1, where the pairs are sorted
 * by it; equal ones share their mean rank.
 */
extern void correlation_rank(MetricPair *pairs, size_t count, int metric);

#endif /* CRM_VALIDATION_CORRELATION_H */
