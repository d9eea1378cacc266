/*-------------------------------------------------------------------------
 *
 * correlation.h
 *		Whether two measures of customers go together.
 *
 * Pure C: no palloc, no ereport.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_VALIDATION_CORRELATION_H
#define CRM_VALIDATION_CORRELATION_H

#include <stddef.h>

typedef struct MeasurePair
{
	double of[2];
} MeasurePair;

/*
 * Pearson's correlation, from -1 to 1; NaN where either measure is the same
 * for all. The digits depend on the order of the pairs.
 */
extern double correlation_pearson(const MeasurePair *pairs, size_t count);

/*
 * The probability of a correlation at least as far from 0 among so many
 * pairs if there were none: that of Student's t with count - 2 degrees of
 * freedom. NaN for fewer than 3 pairs.
 */
extern double correlation_p_value(double correlation, size_t count);

/*
 * Replaces a measure, 0 or 1, by its ranks, from 1, where the pairs are sorted
 * by it; equal ones share their mean rank.
 */
extern void correlation_rank(MeasurePair *pairs, size_t count, int measure);

#endif /* CRM_VALIDATION_CORRELATION_H */
