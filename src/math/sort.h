/*-------------------------------------------------------------------------
 *
 * sort.h
 *		Sorting in place that can be stopped.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_MATH_SORT_H
#define CRM_MATH_SORT_H

#include <stddef.h>

/* Below, at or above 0, as for qsort. */
typedef int (*SortCompare)(const void *a, const void *b);

/*
 * Sorts "count" rows of "size" bytes each, like qsort. The sort is not stable.
 * It takes O(count log count) steps for any input, allocates nothing but what
 * qsort needs for a few thousand rows, and pauses (pause.h). If a pause does
 * not return, the rows are in some order, and none is lost.
 */
extern void sort_rows(void *rows, size_t count, size_t size,
					  SortCompare compare);

#endif /* CRM_MATH_SORT_H */
