/*-------------------------------------------------------------------------
 *
 * abc.h
 *		The revenues from which customers are of class A and B. Pure C.
 *
 * Class A holds the largest customers, until they bring 80 percent of the
 * revenue, and class B the next ones, until 95 percent. A customer belongs to a
 * class if the customers with a larger revenue bring less than its percentage.
 * So equal revenues are never split. This is the ABC analysis of Dickie (1951),
 * "ABC Inventory Analysis Shoots for Dollars, Not Pennies".
 *
 * Example: of the revenues 60, 20, 10, 6 and 4, class A has 60 and 20 (60
 * percent are larger than 20, and 80 are larger than 10), and class B has 10
 * and 6. The thresholds are 20 and 6.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_RFM_ABC_H
#define CRM_RFM_ABC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In percent of the revenue of all. */
#define ABC_A_PERCENT 80
#define ABC_B_PERCENT 95

/* The least revenues of classes A and B, in minor units. */
typedef struct AbcThresholds
{
	int64_t a;
	int64_t b;
} AbcThresholds;

/*
 * The values descend, and those of 0 or less count for nothing. Returns false,
 * and sets nothing, if no value is above 0.
 */
extern bool abc_thresholds(const int64_t *values, size_t count,
						   AbcThresholds *thresholds);

#endif /* CRM_RFM_ABC_H */
