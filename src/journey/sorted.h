/*-------------------------------------------------------------------------
 *
 * sorted.h
 *		What a state gathered, in order of time.
 *
 * A window aggregate goes on with its state after the final function, so a
 * copy is sorted. It lives in the current memory context, and nobody frees it
 * before the context goes. A customer may have millions of events, so the sort
 * can be stopped.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CRM_JOURNEY_SORTED_H
#define CRM_JOURNEY_SORTED_H

#include "base/crm.h"

#include "utils/memutils.h"

#include "math/sort.h"

/* Elements that compare as equal must be equal: the sort is not stable. */
static inline void *
sorted_copy(const void *elements, Size count, Size size, SortCompare compare)
{
	void *sorted = MemoryContextAllocHuge(CurrentMemoryContext,
										  mul_size(Max(count, 1), size));

	memcpy(sorted, elements, count * size);
	sort_rows(sorted, count, size, compare);
	return sorted;
}

#endif /* CRM_JOURNEY_SORTED_H */
